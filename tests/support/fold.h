/* SPDX-License-Identifier: Apache-2.0 */
/* The books of a primitive, read out of a ring segment without an agent: samples between head and tail, spill cells, shared spill,
 * span tables. Maps the file anew and privately and knows nothing but protocol/layout.h and the settling of a dead owner's redo
 * record. The writers are at rest or dead. */
#ifndef SUPPORT_FOLD_H
#define SUPPORT_FOLD_H

#include "support/tally.h"

/* Sum everything under (name, type), duplicates merged (a name of NULL: of all primitives; a type of NULL: of any), into *out_tally: initialised here, with this extra bound. `settle`: the
 * owners are dead, finish their last spill updates first (in the private copy). */
void fold_primitive(const char *store, const char *name, const char *type, uint64_t extra_bound_ns,
                    bool settle, struct tally *out_tally);

/* The same for all primitives of a store in another folder, settled, with the default bounds. */
void fold_path(const char *folder, const char *store, struct tally *out_tally);

/* How many rings are in this state; how many slots are. */
uint32_t fold_rings(const char *store, enum sr_ring_state state);
uint32_t fold_slots(const char *store, enum sr_slot_state state);

/* How many READY registry keys have this name. */
uint32_t fold_entries(const char *store, const char *name);

#endif
