/* SPDX-License-Identifier: Apache-2.0 */
/* Process slots: who records, for as long as it lives.
 *
 * A process locks the byte of a FREE slot in the lock file, writes who it is, and stores OWNED with the next
 * generation. From then on the kernel knows whether it lives.
 *
 * G1  A slot is taken only with its byte locked and its state FREE; a dead owner's slot stays OWNED until the agent has
 *     reaped it, and the agent keeps the byte locked meanwhile.
 * G2  Killed between lock and OWNED: the lock goes, the slot is FREE: nothing to do. Killed after: reaped.
 * G3  The span table counts begun and ended spans of threads that have no ring to count them in. A key is claimed by CAS and
 *     stays for the slot's generation; the agent clears the table when it reaps.
 * G4  Taking costs the same however many slots are taken, and makes no look-up in /proc in a child whose parent took one: a
 *     cursor says below which slot none is free. Takers move it up, the agent down. Wrong, it costs time, or a slot beyond
 *     the lowest free one until the agent looks again: the search goes round all of them.
 *
 * Progress: taking may block on the file system; the span table is lock-free. */
#ifndef SR_PROTOCOL_SLOT_H
#define SR_PROTOCOL_SLOT_H

#include "protocol/segment.h"
#include "system/liveness.h"

struct sr_slot_hold {
    struct sr_liveness_hold liveness;
    uint32_t slot; /* SR_SLOT_NONE: none */
    uint32_t generation;
};

/* Take a slot for this process. OK; IN_USE: all taken; NO_SPACE: no page for one more; or why not. The caller keeps
 * forks out meanwhile. */
SR_MUST_CHECK enum slipring_status sr_slot_take(struct sr_segment *segment, const char *lock_path,
                                                struct sr_slot_hold *out_hold);

/* Give it back: RELEASED, then the lock. The process has no rings left. */
void sr_slot_release(struct sr_segment *segment, struct sr_slot_hold *hold);

/* The segment has moved (move.h), and the slot with it: lock its byte in the new lock file instead. OK; IN_USE: it did not
 * come along; or why the lock file cannot be used. */
SR_MUST_CHECK enum slipring_status sr_slot_follow(struct sr_segment *to, const char *lock_path,
                                                  struct sr_slot_hold *hold);

/* For the agent that moves a segment: whose slot it is, and its state; then, as often as it likes, what stands in its span table. */
void sr_slot_carry(struct sr_segment *from, struct sr_segment *to, uint32_t slot);
void sr_slot_pour(struct sr_segment *from, struct sr_segment *to, uint32_t slot);

/* Let takers know of a FREE slot: there may be none below it. For the agent. */
void sr_slot_hint_free(struct sr_segment *segment, uint32_t slot);

/* Count a span begun or ended without a ring. false: the table is full (counted as unattributed). Signal safe. */
SR_MUST_CHECK bool sr_slot_span_begun(struct sr_segment *segment, uint32_t slot, uint32_t primitive);
SR_MUST_CHECK bool sr_slot_span_ended(struct sr_segment *segment, uint32_t slot, uint32_t primitive);

#endif
