/* SPDX-License-Identifier: Apache-2.0 */
/* The shared spill: the last resort of a record that has no ring to write to.
 *
 * One full-width block a primitive, changed by atomic adds from any thread of any process: threads without a ring (pool,
 * slots, memory or cap exhausted), records inside a signal handler that interrupted another record of the same ring, or
 * between reserve and commit, durations outside a small block's window.
 *
 * G1  Every update that returned is counted exactly once; the count is the sum of the cells.
 * G2  A thread killed inside an update may leave it torn: ENTER counts first, EXIT last, and their difference at
 *     rest is published as samples_torn. At most one a killed thread.
 * G3  As in the owned spill: the cell is added before the rest, so a reader that reads the cells last never sees
 *     a bound's count or a cost without its sample.
 * G4  An update that returned was told of (segment.h, news): the agent looks at this block at its next pass. One that was
 *     killed before it told is found when the agent looks everywhere, once a second.
 *
 * Exact bounds: a sample that is booked while the agent announces other bounds (an odd version, also for as long as an
 * agent that died there is not followed by another) is counted at the default bounds only.
 *
 * Progress: lock-free (compare-and-swap for min, max and a new bound; the rest wait-free). No system call, no allocation;
 * safe in signal handlers. */
#ifndef SR_PROTOCOL_SHARED_SPILL_H
#define SR_PROTOCOL_SHARED_SPILL_H

#include "protocol/segment.h"
#include "protocol/spill.h"

/* Prepare a new primitive's zeroed block (its registrant alone knows it). */
void sr_shared_spill_init(_Atomic uint64_t *block);

void sr_shared_spill_book(const struct sr_segment *segment, uint32_t primitive,
                          const struct sr_spill_sample *sample);

/* Of a segment that has moved (move.h G3): what stands in `from` goes to `to`. False: nothing did. The agent alone. */
SR_MUST_CHECK bool sr_shared_spill_pour(_Atomic uint64_t *from, _Atomic uint64_t *to);

#endif
