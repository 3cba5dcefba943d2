/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures: how the agent shows a primitive's numbers to every reader without making anyone wait.
 *
 * A latch of two copies (after seqcount_latch). The low bit of `latch` names the copy that may be being written;
 * the other one is whole. Publishing writes that copy, then raises the latch by one: so the new copy is the whole
 * one, and the former one is what is written next time. latch 0 means that nothing was ever published.
 *
 *      latch   2k                  2k                       2k + 1
 *      copy 0  may be in writing   being written            whole, new
 *      copy 1  whole               whole, what readers take may be in writing, next time
 *
 *   G1  A reader finds a whole copy at any moment, also when the agent was killed in the middle of publishing: a kill
 *       before the raise leaves the copy that readers take untouched, and the next agent begins with the torn one.
 *   G2  A reader never waits for the agent: it retries only when the agent published during its copying, at most
 *       SR_PUBLISH_TRIES times.
 *   G3  The agent never waits for a reader.
 *
 * Progress: writer wait-free; reader wait-free (bounded retries, then NO_DATA). */
#ifndef SR_PROTOCOL_PUBLISH_H
#define SR_PROTOCOL_PUBLISH_H

#include <stdint.h>

#include <slipring/stats.h>
#include <slipring/status.h>

#include "protocol/layout.h"

#define SR_PUBLISH_TRIES 64

/* Publish one copy's worth of 8-byte words. `copies` are two areas of `bytes` each, `stride` bytes apart. */
void sr_publish_write(_Atomic uint64_t *latch, void *copies, uint64_t stride, const void *from,
                      uint64_t bytes);

/* Copy `bytes` of the whole copy, starting at `offset` within it; both multiples of 8. OK or NO_DATA, which after exhausted
 * retries leaves `out` with torn bytes. */
SR_MUST_CHECK enum slipring_status sr_publish_read(const _Atomic uint64_t *latch, const void *copies,
                                                   uint64_t stride, uint64_t offset, void *out,
                                                   uint64_t bytes);

#endif
