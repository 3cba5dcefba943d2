/* SPDX-License-Identifier: Apache-2.0 */
/* The primitive registry: names to ids, without a lock.
 *
 * A key word an id (state, registrant's slot, hash), filled from id 0 upwards; id 0 is __overflow__. To register:
 * look through the READY keys of the same hash, compare names; if none, CAS the first EMPTY key to CLAIMING,
 * reserve and write the entry, store READY. An entry is written once and never changes but for its two
 * append-only lists.
 *
 * G1  Nobody waits for anybody: a key CLAIMING by another process is passed over. Two processes that register the
 *     same name at the same moment may both succeed: a duplicate, which the agent books under the lower id.
 * G2  A registrant killed half-way leaves a CLAIMING key that carries its slot; the agent empties it when that
 *     slot dies. Without a slot (0xffff) it stays: one key of 16,384 lost, never a name.
 * G3  READY is published last, with release: who sees it, sees the entry.
 *
 * Progress: lock-free; each step of the scan is bounded by SR_PRIMITIVE_MAX. */
#ifndef SR_PROTOCOL_REGISTRY_H
#define SR_PROTOCOL_REGISTRY_H

#include "protocol/segment.h"

/* The id of (name, type). ABSENT: not registered; *out_primitive is left alone. */
SR_MUST_CHECK enum slipring_status sr_registry_find(const struct sr_segment *segment, const char *name,
                                                    const char *type, uint32_t *out_primitive);

/* Get or add (name, type); both already checked. slot: the caller's process slot or SR_SLOT_NONE.
 * OK; LIMIT_REACHED with *out_primitive = SR_PRIMITIVE_OVERFLOW; NO_SPACE and other reservation failures the same. */
SR_MUST_CHECK enum slipring_status sr_registry_get(struct sr_segment *segment, const char *name,
                                                   const char *type, uint32_t slot, uint32_t *out_primitive);

/* The creator's first act: id 0. */
SR_MUST_CHECK enum slipring_status sr_registry_add_overflow(struct sr_segment *segment);

/* Get or add a category; name checked. OK with *out_category, or TABLE_FULL with 0. */
SR_MUST_CHECK enum slipring_status sr_registry_category(struct sr_segment *segment, uint32_t primitive,
                                                        const char *name, uint32_t *out_category);

/* Add an objective; fields checked, name not NULL. OK (also when the same one is there), CONFLICT, TABLE_FULL. */
SR_MUST_CHECK enum slipring_status sr_registry_objective(struct sr_segment *segment, uint32_t primitive,
                                                         const struct slipring_objective *objective);

#endif
