/* SPDX-License-Identifier: Apache-2.0 */
/* The primitive registry: names to ids, without a lock.
 *
 * A key word an id (state, registrant's slot, hash), filled from id 0 upwards; id 0 is __overflow__. To register:
 * look through the READY keys of the same hash, compare names; if none, CAS the first EMPTY key to CLAIMING,
 * reserve and write the entry, look once more (somebody may have been faster: then the key is given back), store READY. An entry
 * is written once and never changes but for its two append-only lists.
 *
 * G1  Nobody waits for anybody: a key CLAIMING by another process is passed over. Two processes that register the
 *     same name at the same moment may both succeed: a duplicate, which the agent books under the lower id.
 * G2  A registrant killed half-way leaves a CLAIMING key that carries its slot; the agent empties it when that
 *     slot dies. Without a slot (0xffff) it stays: one key of 16,384 lost, never a name.
 * G3  READY is published last, with release: who sees it, sees the entry.
 * G4  The limit counts names, not entries, or processes that start at once would use each other's room up. Each READY key has a standing:
 *     undecided, as it is published, then by one CAS, for ever, COUNTED or DUPLICATE. Anybody may decide, and looks for that at all other READY
 *     keys of the same name. One that is COUNTED, or undecided with a lower id: this is a DUPLICATE. One that is undecided with a higher id is
 *     made a DUPLICATE first, unless it became COUNTED meanwhile. If none is left that is no duplicate, this one is COUNTED.
 *     So of a name's entries, all decided, exactly one is COUNTED:
 *     - Not none: the lowest has no lower one, and nobody makes it a DUPLICATE but for one that is COUNTED.
 *     - Not two, i < j: whoever decided j looked at i before i was READY, else j were none. Whoever decided i looked after that, and saw j READY: as
 *       COUNTED, then i is none, or undecided, then j was made a DUPLICATE, and its other decision failed.
 *     This takes one order of all publishings and looks, so these are seq_cst. The registrant decides at once. One that was killed before, or
 *     interrupted, leaves an undecided key; who comes so near to the limit that it matters decides for it.
 *
 * Progress: lock-free; each step of the scan is bounded by SR_PRIMITIVE_MAX. */
#ifndef SR_PROTOCOL_REGISTRY_H
#define SR_PROTOCOL_REGISTRY_H

#include "protocol/segment.h"

/* The id of (name, type). ABSENT: not registered; *out_primitive is left alone. */
SR_MUST_CHECK enum slipring_status sr_registry_find(const struct sr_segment *segment, const char *name,
                                                    const char *type, uint32_t *out_primitive);

/* Get or add (name, type); both already checked. The limit is soft: who registers at once may each pass it by one. slot: the caller's process slot or SR_SLOT_NONE.
 * OK; LIMIT_REACHED with *out_primitive = SR_PRIMITIVE_OVERFLOW; NO_SPACE and other reservation failures the same. */
SR_MUST_CHECK enum slipring_status sr_registry_get(struct sr_segment *segment, const char *name,
                                                   const char *type, uint32_t slot, uint32_t *out_primitive);

/* The creator's first act: id 0. */
SR_MUST_CHECK enum slipring_status sr_registry_add_overflow(struct sr_segment *segment);

/* Decide whether a READY entry counts, unless somebody did, or it is not READY (G4). Any process may, at any time. */
void sr_registry_decide(struct sr_segment *segment, uint32_t id);

/* Get or add a category; name checked. OK with *out_category, or TABLE_FULL with 0. */
SR_MUST_CHECK enum slipring_status sr_registry_category(struct sr_segment *segment, uint32_t primitive,
                                                        const char *name, uint32_t *out_category);

/* Add an objective; fields checked, name not NULL. OK (also when the same one is there), CONFLICT, TABLE_FULL: eight names are there. With
 * is_change another one of its name is no CONFLICT: this one counts from now on; TABLE_FULL: it is one change too many. */
SR_MUST_CHECK enum slipring_status sr_registry_objective(struct sr_segment *segment, uint32_t primitive,
                                                         const struct slipring_objective *objective,
                                                         bool is_change);

/* Does item i count: is it READY, and none of its name after it? */
bool sr_registry_objective_counts(const struct sr_registry_entry_shm *entry, uint32_t i);

#endif
