/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures: how the agent shows a primitive's numbers to every reader without making anyone wait.
 *
 * A latch of two copies (after seqcount_latch): the low bit of `latch` names the copy that may be being
 * written, the other one is whole. Publishing raises the latch, writes the freed copy, raises it again and
 * writes the other, so that
 *   G1  a reader finds a whole copy at any moment, also when the agent was killed in the middle of publishing;
 *   G2  a reader never waits for the agent: it retries only when a whole publishing passed during its copy, at
 *       most SR_PUBLISH_TRIES times;
 *   G3  the agent never waits for a reader.
 * latch 0 means that nothing was ever published.
 *
 * Progress: writer wait-free; reader wait-free (bounded retries, then NO_DATA). A killed agent leaves the latch odd
 * or even: both name a whole copy. */
#ifndef SR_PROTOCOL_PUBLISH_H
#define SR_PROTOCOL_PUBLISH_H

#include <stdint.h>

#include <slipring/stats.h>
#include <slipring/status.h>

#include "protocol/layout.h"

#define SR_PUBLISH_TRIES 64

/* Publish one copy's worth of 8-byte words. `copies` are two areas of `bytes` each, `stride` bytes apart. */
void sr_publish_write(_Atomic uint64_t *latch, void *copies, uint64_t stride, const void *from, uint64_t bytes);

/* Copy the first `bytes` of the whole copy, starting at `offset` within it. OK or NO_DATA. */
SR_MUST_CHECK enum slipring_status sr_publish_read(const _Atomic uint64_t *latch, const void *copies,
                                                   uint64_t stride, uint64_t offset, void *out, uint64_t bytes);

#endif
