/* SPDX-License-Identifier: Apache-2.0 */
/* The ring: one producer thread, one primitive, one lazy consumer.
 *
 * The producer's truth is private: tail, the last seen head, the last mark of the clock; the spill's sum and cells stand where nobody
 * else writes (spill.h). It stores to its own line and its samples, and loads from others' lines only the agent's read-mostly
 * clock line, and the head when the ring seems full.
 *
 * G1  A sample, with the mark before it (sample.h), is published by one release store of the tail, and by nothing else:
 *     killed before it, the sample does not exist; killed after it, it is counted, whatever happens to its process.
 * G2  A full ring never makes anyone wait (and a direct one is always full): the sample goes to the spill block (spill.h), without
 *     its trace.
 *     Back to the ring when a quarter of it is free.
 * G3  The consumer's head is the license to overwrite: a word is written again only after the head was seen past it.
 * G4  Never reset: tail, begun and spill words go on across owners; only generation, owner, primitive and spill base
 *     change, while CLAIMING, after the agent's final fold of the last owner. (The agent empties the redo record and the
 *     table of bounds before it frees a ring; one that lost its pages meanwhile, agent/drain/retirer.h, begins with a block of
 *     zeros.)
 * G5  Reentrancy: `busy` is set from the first to the last store of a record. Whoever finds it set interrupted
 *     this very thread (a signal handler, or a record inside reserve...commit) and uses the shared spill.
 *
 * G6  When the clock tells of a move (move.h), nothing is recorded before the ring was asked to follow.
 *
 * Progress: recording wait-free, no system call. Claiming may reserve pages (system calls), and is lock-free.
 * Killed while CLAIMING: the agent makes the ring FREE or EMPTY again. Killed while OWNED: drained, settled, folded.
 *
 * Each order here and in spill.h is weakened in turn, and must be missed: tests/orders/mutants.py. G1 to G4 as models, every kill in between
 * searched: tests/model/ring.pml for the words, tests/model/claim.pml for whose the ring is. */
#ifndef SR_PROTOCOL_RING_H
#define SR_PROTOCOL_RING_H

#include "protocol/segment.h"
#include "protocol/spill.h"
#include "pure/bucket.h"

/* A thread's ring for one primitive: private memory. All zero: none. Begins as a slipring_inline_view. */
struct sr_ring {
    struct slipring_inline_ring hot; /* all that a record into the ring and a begin take */
    struct sr_spill spill;           /* begins with what a plain spill takes */
    struct sr_consumer_line_shm *consumer;
    const struct sr_control_shm *control;
    uint32_t spilling;
    uint32_t is_direct; /* no samples, only a spill block */
    uint32_t ring;      /* id */
    uint32_t generation;
    uint32_t slot;
    uint32_t primitive;
    struct sr_segment *segment;
};
_Static_assert(offsetof(struct sr_ring, spill) == offsetof(struct slipring_inline_view, spill), "one view");
_Static_assert(offsetof(struct sr_control_shm, coarse_ns) ==
                       offsetof(struct slipring_inline_control, coarse_ns) &&
                   offsetof(struct sr_control_shm, bounds_epoch) ==
                       offsetof(struct slipring_inline_control, bounds_epoch),
               "one line, two layers");
_Static_assert(SR_KIND_EXECUTION == SLIPRING_INLINE_EXECUTION &&
                   SR_SAMPLE_FAILURE == SLIPRING_INLINE_FAILURE &&
                   SR_SAMPLE_CATEGORY_SHIFT == SLIPRING_INLINE_CATEGORY_SHIFT &&
                   SR_SAMPLE_AMOUNTS == SLIPRING_INLINE_AMOUNTS &&
                   SR_SAMPLE_DURATION_SHIFT == SLIPRING_INLINE_DURATION_SHIFT,
               "one sample, two layers");

/* Claim a ring of `class` for (slot, primitive); `first_ns` is the duration to be recorded first (the small spill
 * window is laid around it). OK; IN_USE: none left; or why pages could not be reserved. */
SR_MUST_CHECK enum slipring_status sr_ring_claim(struct sr_segment *segment, uint32_t slot,
                                                 uint32_t primitive, uint32_t class, uint64_t first_ns,
                                                 struct sr_ring *out_ring);

/* Take up a ring again that another thread of this slot released for the same primitive, settling the update in which that one may
 * have ended. false: the agent has it. */
SR_MUST_CHECK bool sr_ring_retake(struct sr_segment *segment, uint32_t ring, uint32_t slot,
                                  uint32_t primitive, struct sr_ring *out_ring);

/* The segment has moved (move.h): carry the ring over to `to`, between two records. OK; IN_USE: it is not ours there, nobody
 * will look into it here any more, let it go; any other: it stays where it is, and works. */
SR_MUST_CHECK enum slipring_status sr_ring_follow(struct sr_ring *ring, struct sr_segment *to);

/* Does the clock tell of a move that this ring was not yet asked to follow? */
SR_INLINE bool sr_ring_has_to_follow(const struct sr_ring *ring)
{
    /* relaxed: who follows looks again, with acquire */
    const uint64_t now_ns = atomic_load_explicit(&ring->control->coarse_ns, memory_order_relaxed);
    return SR_UNLIKELY(now_ns >= SR_CLOCK_MOVED) && now_ns != ring->hot.clock_ns;
}

/* It goes on where it is: not to be asked again before the next move. Its samples are marked no more. */
SR_INLINE void sr_ring_stay(struct sr_ring *ring)
{
    /* relaxed: as above */
    ring->hot.clock_ns = atomic_load_explicit(&ring->control->coarse_ns, memory_order_relaxed);
}

/* The owner is done with it. */
void sr_ring_release(struct sr_ring *ring);

/* The ring seems full, which it does at least once in as many samples as it holds: look at the head, adopt a ring of
 * another class when one is offered (a bigger one if it is full, a smaller one if it is nearly empty), book into it or the spill.
 * false: the duration lies outside the block's window, the caller uses the shared spill; or the ring has to follow first. */
SR_MUST_CHECK bool sr_ring_overflow(struct sr_ring *ring, const struct sr_spill_sample *sample);

/* The agent's clock, as a sample is marked with it. */
SR_INLINE uint64_t sr_ring_clock(const struct sr_ring *ring)
{
    /* relaxed: the clock may lag by its period, and says so */
    return atomic_load_explicit(&ring->control->coarse_ns, memory_order_relaxed);
}

/* The word at position `at` of the ring. */
SR_INLINE uint64_t *sr_ring_word(const struct sr_ring *ring, uint64_t at)
{
    return &ring->hot.words[at & ring->hot.mask];
}

/* Publish what was written from the tail on. */
SR_INLINE void sr_ring_advance(struct sr_ring *ring, uint64_t words)
{
    SR_CRASHPOINT(ring_before_publish);
    ring->hot.tail += words;
    /* release: pairs with the agent's acquire of the tail; else it reads a word before it is written */
    __atomic_store_n(&ring->hot.line->tail, ring->hot.tail, __ATOMIC_RELEASE);
    SR_CRASHPOINT(ring_after_publish);
}

/* How many words the sample takes, with a mark of the clock if that went on. */
SR_INLINE uint64_t sr_ring_words_of(const struct sr_ring *ring, uint64_t now_ns, uint64_t cost,
                                    uint64_t savings)
{
    return 1u + (now_ns != ring->hot.clock_ns ? SR_MARK_WORDS : 0u) +
           ((cost | savings) != 0 ? SR_AMOUNT_WORDS : 0u);
}

/* Write the sample, and the mark if one is due; there is room for sr_ring_words_of(). Returns where the next word goes. */
SR_INLINE uint64_t sr_ring_write(struct sr_ring *ring, uint64_t now_ns, uint64_t meta, uint64_t duration_ns,
                                 uint64_t cost, uint64_t savings)
{
    uint64_t at = ring->hot.tail;
    if (now_ns != ring->hot.clock_ns) {
        *sr_ring_word(ring, at) = SR_KIND_CLOCK;
        *sr_ring_word(ring, at + 1) = now_ns;
        ring->hot.clock_ns = now_ns;
        at += SR_MARK_WORDS;
    }
    *sr_ring_word(ring, at) = duration_ns << SR_SAMPLE_DURATION_SHIFT | meta;
    at++;
    if ((cost | savings) != 0) {
        *sr_ring_word(ring, at - 1) |= SR_SAMPLE_AMOUNTS;
        *sr_ring_word(ring, at) = cost;
        *sr_ring_word(ring, at + 1) = savings;
        at += SR_AMOUNT_WORDS;
    }
    return at;
}

/* The same, and publish them. */
SR_INLINE void sr_ring_publish(struct sr_ring *ring, uint64_t now_ns, uint64_t meta, uint64_t duration_ns,
                               uint64_t cost, uint64_t savings)
{
    const uint64_t at = sr_ring_write(ring, now_ns, meta, duration_ns, cost, savings);
    sr_ring_advance(ring, at - ring->hot.tail);
}

/* Record into the ring or its spill. The caller has set busy. false: use the shared spill. */
SR_INLINE bool sr_ring_put(struct sr_ring *ring, const struct sr_spill_sample *sample)
{
    const uint64_t now_ns = sr_ring_clock(ring);
    if (SR_UNLIKELY(ring->hot.limit - ring->hot.tail <
                    sr_ring_words_of(ring, now_ns, sample->cost, sample->savings)) ||
        SR_UNLIKELY(now_ns >= SR_CLOCK_MOVED)) {
        return sr_ring_overflow(ring, sample);
    }
    sr_ring_publish(ring, now_ns, sample->meta, sample->duration_ns, sample->cost, sample->savings);
    return true;
}

/* The same of an execution that is traced. Where the ring has no room for all of it, its trace is lost (G2). */
SR_MUST_CHECK bool sr_ring_put_traced(struct sr_ring *ring, const struct sr_spill_sample *sample,
                                      const struct sr_sample_trace *trace);

SR_INLINE void sr_ring_count_begun(struct sr_ring *ring)
{
    ring->hot.begun++;
    /* release: before any end of this span, on whatever thread; the agent reads ends first, with acquire */
    __atomic_store_n(&ring->hot.line->begun, ring->hot.begun, __ATOMIC_RELEASE);
    SR_CRASHPOINT(span_begun);
}

#endif
