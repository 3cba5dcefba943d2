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

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <slipring/stats.h>
#include <slipring/status.h>

#include "protocol/layout.h"

#define SR_PUBLISH_TRIES 64

/* Publish one copy's worth of 8-byte words. `copies` are two areas of `bytes` each, `stride` bytes apart. */
void sr_publish_write(_Atomic uint64_t *latch, void *copies, uint64_t stride, const void *from,
                      uint64_t bytes);

/* The same of several areas under one latch, which readers see together or not at all. */
struct sr_publish_part {
    void *copies; /* two, `stride` bytes apart */
    uint64_t stride;
    const void *from;
    uint64_t bytes;
};
void sr_publish_write_parts(_Atomic uint64_t *latch, const struct sr_publish_part *parts, uint32_t count);

/* What is published is published again, but for `count` of its words. The copy that is written is made like the whole one before, unless
 * is_alike: the last publishing of all the parts was of this kind, with the same words. Something was published. */
struct sr_publish_change {
    uint64_t offset; /* within the copy, a multiple of 8 */
    uint64_t value;
};
struct sr_publish_changed_part {
    void *copies;
    uint64_t stride;
    uint64_t bytes;
    const struct sr_publish_change *changes;
    uint32_t count;
};
void sr_publish_change_parts(_Atomic uint64_t *latch, const struct sr_publish_changed_part *parts,
                             uint32_t count, bool is_alike);

/* Copy `bytes` of the whole copy, starting at `offset` within it; both multiples of 8. OK or NO_DATA, which after exhausted
 * retries leaves `out` with torn bytes. */
SR_MUST_CHECK enum slipring_status sr_publish_read(const _Atomic uint64_t *latch, const void *copies,
                                                   uint64_t stride, uint64_t offset, void *out,
                                                   uint64_t bytes);

/* --- some of it ---------------------------------------------------------------------------------------------------------- */

/* For who needs no copy, or not all of one: look, take words by their offset (a multiple of 8), and believe none of them before sr_publish_is_whole() says that
 * the agent did not publish meanwhile. Else look again, at most SR_PUBLISH_TRIES times. */
struct sr_publish_view {
    const _Atomic uint64_t *latch;
    const _Atomic uint64_t *words;
    uint64_t seen;
};

SR_INLINE _Atomic uint64_t *sr_publish_copy(const void *copies, uint64_t stride, uint64_t which)
{
    return (_Atomic uint64_t *)(void *)((uint8_t *)(uintptr_t)copies + stride * which);
}

/* False: nothing was published. */
SR_MUST_CHECK SR_INLINE bool sr_publish_look(struct sr_publish_view *view, const _Atomic uint64_t *latch,
                                             const void *copies, uint64_t stride)
{
    /* acquire: pairs with the raise in sr_publish_write() */
    const uint64_t seen = atomic_load_explicit(latch, memory_order_acquire);
    view->latch = latch;
    view->words = sr_publish_copy(copies, stride, (seen & 1) ^ 1);
    view->seen = seen;
    return seen != 0;
}

SR_INLINE uint64_t sr_publish_word(const struct sr_publish_view *view, uint64_t offset)
{
    /* acquire: pairs with the release of the words: who sees a later publishing's word sees the raise before it */
    return atomic_load_explicit(&view->words[offset / 8], memory_order_acquire);
}

/* `bytes` from `offset` on, both multiples of 8. */
SR_INLINE void sr_publish_take(const struct sr_publish_view *view, uint64_t offset, void *out, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i += 8) {
        const uint64_t word = sr_publish_word(view, offset + i);
        memcpy((uint8_t *)out + i, &word, sizeof word);
    }
}

/* The same look at another area under the latch: whole if the view is. */
SR_INLINE struct sr_publish_view sr_publish_beside(const struct sr_publish_view *view, const void *copies,
                                                   uint64_t stride)
{
    struct sr_publish_view beside = *view;
    beside.words = sr_publish_copy(copies, stride, (view->seen & 1) ^ 1);
    return beside;
}

SR_MUST_CHECK SR_INLINE bool sr_publish_is_whole(const struct sr_publish_view *view)
{
    /* relaxed: ordered after the acquire loads of the words */
    return atomic_load_explicit(view->latch, memory_order_relaxed) == view->seen;
}

#endif
