/* SPDX-License-Identifier: Apache-2.0 */
/* Recording without a call: the quick way of slipring_record(), compiled into the caller.
 *
 * Opt-in, for loops where the nanosecond or two of a call count: include this header and write slipring_record_inline() where
 * slipring_record() stood. It means the same in every respect (record.h); whatever is not quickly done it hands over to
 * slipring_record().
 *
 * The price: the caller is bound to the memory layout of one version of the library, SLIPRING_INLINE_ABI. The two symbols that this
 * code needs carry that number in their names; a library with another layout has them not, so a program that was compiled
 * for the one does not start with the other (the loader names the symbol). Compile it again then. The exported functions know no such
 * bond.
 *
 * The library's own slipring_record() is made of this very code. Its protocol, what a kill leaves behind at each step, and whom
 * each memory order pairs with, is told where it belongs: libshm/protocol/ring.h and libshm/protocol/spill.h. Everything here but
 * slipring_record_inline() is private and may change with the number. Needs gcc or clang. */
#ifndef SLIPRING_INLINE_H
#define SLIPRING_INLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <slipring/record.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIPRING_INLINE_ABI    1
#define slipring_inline_thread slipring_inline_thread_1
#define slipring_inline_steps  slipring_inline_steps_1

#define SLIPRING_INLINE      static inline __attribute__((always_inline))
#define SLIPRING_LIKELY(x)   __builtin_expect(!!(x), 1)
#define SLIPRING_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Where tests of the library kill. */
#ifndef SLIPRING_INLINE_POINT
#define SLIPRING_INLINE_POINT(name) ((void)0)
#endif

/* --- layouts: of samples, of shared lines, of a thread's private view ------------------------------------------------------ */

/* What a sample's first word says beside its duration (libshm/protocol/sample.h). */
#define SLIPRING_INLINE_EXECUTION      UINT64_C(1)
#define SLIPRING_INLINE_FAILURE        (UINT64_C(1) << 3)
#define SLIPRING_INLINE_CATEGORY_SHIFT 5
#define SLIPRING_INLINE_AMOUNTS        (UINT64_C(1) << 11)
#define SLIPRING_INLINE_DURATION_SHIFT 12

/* The redo key of a spill update (libshm/protocol/spill.h). */
#define SLIPRING_INLINE_REDO_TURN           UINT64_C(1)
#define SLIPRING_INLINE_REDO_WORD_SHIFT     1
#define SLIPRING_INLINE_REDO_CATEGORY_SHIFT 13
#define SLIPRING_INLINE_REDO_COST           (UINT64_C(1) << 22)
#define SLIPRING_INLINE_REDO_VALUE_SHIFT    28

/* Words of a spill block. */
#define SLIPRING_INLINE_SPILL_COST    16
#define SLIPRING_INLINE_SPILL_SAVINGS 32
#define SLIPRING_INLINE_BUCKET_COUNT  1666

/* Words of a cache line; how many words ahead of the tail a ring's lines are fetched for writing. */
#define SLIPRING_INLINE_LINE_WORDS 8
#define SLIPRING_INLINE_AHEAD      64

/* Shared: the head of the producer's line, and of the agent's read-mostly one. */
struct slipring_inline_line {
    uint64_t tail;
    uint64_t begun;
    uint64_t redo_key;
    uint64_t redo_sum;
    uint64_t redo_cost;
    uint64_t redo_savings;
};

struct slipring_inline_control {
    uint64_t coarse_ns;
    uint64_t bounds_epoch;
};

/* Private: a thread's ring for one primitive, as far as a record into it takes. One cache line. */
struct slipring_inline_ring {
    uint64_t *words;
    struct slipring_inline_line *line;
    const struct slipring_inline_control *control;
    uint64_t tail;
    uint64_t limit;    /* tail value at which the ring is full, as far as we know */
    uint64_t clock_ns; /* the last mark that we left in the ring */
    uint32_t mask;
    uint32_t busy; /* a record is under way */
    uint64_t begun;
};

/* Private: its spill block, as far as a plain update takes. */
struct slipring_inline_spill {
    uint64_t *block;
    struct slipring_inline_line *line;
    const uint64_t *head; /* the agent's, of the ring */
    uint64_t full_head;   /* with which the ring was found full; UINT64_MAX: never */
    uint64_t min_ns;      /* UINT64_MAX: none yet */
    uint64_t span_ns; /* greatest - least: what lies beyond is a new extreme; with none, everything does */
    uint64_t plain_epoch; /* of the bounds that plain[] was made with */
    uint32_t first[2];    /* + a bucket's index, modulo 2^32: the word of its cell for success, for failure */
    uint64_t
        plain[(SLIPRING_INLINE_BUCKET_COUNT + 63) / 64]; /* bit a bucket: cells here, and no bound in it */
};

struct slipring_inline_view {
    struct slipring_inline_ring ring;
    struct slipring_inline_spill spill;
};

/* A thread's table of views by the index of the handle, which every handle begins with. */
struct slipring_inline_thread {
    struct slipring_inline_view **views;
    uint32_t count; /* 0: it never recorded */
};

extern __thread struct slipring_inline_thread slipring_inline_thread
    __attribute__((tls_model("initial-exec"), visibility("default")));
extern const uint64_t slipring_inline_steps[64] __attribute__((visibility("default")));

/* --- the quick way --------------------------------------------------------------------------------------------------------- */

/* The place of the highest bit that is set; `bits` is not 0. */
SLIPRING_INLINE uint32_t slipring_inline_high_bit(uint64_t bits)
{
#ifdef __x86_64__
    /* What the builtin comes to, but with a register that is known to be 0: bsr leaves it alone for 0, and so waits for whatever
     * was in it. That was the count of the last record's cell: it made each record wait for the one before. */
    uint64_t place = 0;
    __asm__("bsrq %1, %0" : "+r"(place) : "r"(bits) : "cc");
    return (uint32_t)place;
#else
    return 63u ^ (uint32_t)__builtin_clzll(bits);
#endif
}

/* Ask for a line that will be written soon: it lies in the cache of the CPU that read it last, and stores, which go out in order,
 * would all wait for it. A hint: it never faults. x86-64's builtin would ask for a copy to read, which helps nobody; the instruction
 * does nothing on processors that don't know it. */
SLIPRING_INLINE void slipring_inline_fetch(const uint64_t *word)
{
#ifdef __x86_64__
    __asm__("prefetchw %0" : : "m"(*word));
#else
    __builtin_prefetch(word, 1);
#endif
}

/* The bucket of a duration that is not 0 (libshm/pure/bucket.h). */
SLIPRING_INLINE uint32_t slipring_inline_bucket(uint64_t duration_ns)
{
    const uint32_t exponent = slipring_inline_high_bit(duration_ns);
    const uint64_t mantissa = duration_ns << (63 - exponent);
    const uint64_t step =
        slipring_inline_steps[(mantissa >> 57) - 64]; /* the leading bit is set: 64 to 127 */
    return (uint32_t)(step & 127) + (uint32_t)((mantissa << 7) > step) + (exponent << 5);
}

SLIPRING_INLINE struct slipring_inline_view *slipring_inline_find(const struct slipring_primitive *primitive)
{
    const uint32_t index = *(const uint32_t *)(const void *)primitive;
    if (SLIPRING_UNLIKELY(index >= slipring_inline_thread.count)) {
        return NULL;
    }
    __atomic_signal_fence(
        __ATOMIC_SEQ_CST); /* a handler that comes here makes the table greater, never smaller */
    return slipring_inline_thread.views[index];
}

/* A word that an update changes beside its cell and the sum: where it is noted, where it stands, its new value. */
struct slipring_inline_rest {
    uint64_t *noted;
    uint64_t *word;
    uint64_t value;
};

/* (2) and (4) of one such word. */
SLIPRING_INLINE void slipring_inline_note(const struct slipring_inline_rest *rest)
{
    __atomic_store_n(rest->noted, rest->value, __ATOMIC_RELAXED); /* read only after the owner's death */
}

SLIPRING_INLINE void slipring_inline_store(const struct slipring_inline_rest *rest)
{
    /* after the cell: pairs with the agent's acquire (spill.h G2) */
    __atomic_store_n(rest->word, rest->value, __ATOMIC_RELEASE);
}

/* One update of a spill block, in the four steps of libshm/protocol/spill.h. `count` of the rest. */
SLIPRING_INLINE void slipring_inline_update(uint64_t *block, struct slipring_inline_line *line, uint32_t word,
                                            uint64_t flags, uint64_t duration_ns,
                                            const struct slipring_inline_rest *rest, uint32_t count)
{
    uint32_t i;
    /* both: our own last stores */
    const uint64_t sum =
        (__atomic_load_n(&line->redo_sum, __ATOMIC_RELAXED) + 2 * duration_ns) ^ SLIPRING_INLINE_REDO_TURN;
    const uint64_t value = __atomic_load_n(&block[word], __ATOMIC_RELAXED) + 1;
    /* (1): pairs with the agent's acquire: whoever sees this key sees the update before it whole */
    __atomic_store_n(&line->redo_key,
                     value << SLIPRING_INLINE_REDO_VALUE_SHIFT | flags |
                         (uint64_t)word << SLIPRING_INLINE_REDO_WORD_SHIFT |
                         (sum & SLIPRING_INLINE_REDO_TURN),
                     __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the compiler keeps (1) before (2) */
    SLIPRING_INLINE_POINT(spill_after_intent);
    if (count > 0) {
        slipring_inline_note(&rest[0]); /* (2) */
    }
    if (count > 1) {
        slipring_inline_note(&rest[1]);
    }
    for (i = 2; i < count; i++) {
        slipring_inline_note(&rest[i]);
    }
    SLIPRING_INLINE_POINT(spill_before_commit);
    /* (3): keeps (1) and (2) before it */
    __atomic_store_n(&line->redo_sum, sum, __ATOMIC_RELEASE);
    SLIPRING_INLINE_POINT(spill_after_commit);
    /* (4): pairs with the agent's acquire of the cell: who sees it sees the commit */
    __atomic_store_n(&block[word], value, __ATOMIC_RELEASE);
    SLIPRING_INLINE_POINT(spill_after_cell);
    if (count > 0) {
        slipring_inline_store(&rest[0]);
    }
    if (count > 1) {
        slipring_inline_store(&rest[1]);
    }
    for (i = 2; i < count; i++) {
        slipring_inline_store(&rest[i]);
    }
}

/* A plain update: an execution inside the window, no bound in its bucket, no new extreme. false: it is none, nothing was done. */
SLIPRING_INLINE bool slipring_inline_spill_plainly(struct slipring_inline_spill *spill, uint64_t epoch,
                                                   bool is_failure, uint64_t duration_ns, bool has_cost,
                                                   uint32_t category, uint64_t cost, uint64_t savings)
{
    const uint32_t bucket = slipring_inline_bucket(duration_ns);
    uint64_t *block = spill->block;
    const uint32_t word = spill->first[is_failure] + bucket;
    if (SLIPRING_UNLIKELY(epoch != spill->plain_epoch) ||
        SLIPRING_UNLIKELY(!(spill->plain[bucket / 64] >> (bucket % 64) & 1)) ||
        SLIPRING_UNLIKELY(duration_ns - spill->min_ns > spill->span_ns)) {
        return false;
    }
    if (has_cost) {
        uint64_t *costs = block + SLIPRING_INLINE_SPILL_COST + category;
        uint64_t *saved = block + SLIPRING_INLINE_SPILL_SAVINGS + category;
        /* both: our own last stores */
        const struct slipring_inline_rest rest[2] = {
            {&spill->line->redo_cost, costs, __atomic_load_n(costs, __ATOMIC_RELAXED) + cost},
            {&spill->line->redo_savings, saved, __atomic_load_n(saved, __ATOMIC_RELAXED) + savings}};
        slipring_inline_update(block, spill->line, word,
                               SLIPRING_INLINE_REDO_COST | (uint64_t)category
                                                               << SLIPRING_INLINE_REDO_CATEGORY_SHIFT,
                               duration_ns, rest, 2);
    } else {
        slipring_inline_update(block, spill->line, word, 0, duration_ns, NULL, 0);
    }
    return true;
}

/* An execution of a duration that is not 0, into the ring or plainly into its spill. The caller has set busy. false: that is
 * not quickly done (a mark of the clock is due, the ring seems to have room again, ...), nothing was done. */
SLIPRING_INLINE bool slipring_inline_put(struct slipring_inline_ring *ring,
                                         struct slipring_inline_spill *spill, bool is_failure,
                                         uint64_t duration_ns, bool has_cost, uint32_t category,
                                         uint64_t cost, uint64_t savings)
{
    const uint64_t words = has_cost ? 3 : 1;
    const uint64_t tail = ring->tail;
    if (SLIPRING_LIKELY(has_cost ? ring->limit - tail >= words : ring->limit != tail)) {
        /* the clock may lag by its period, and says so */
        if (SLIPRING_UNLIKELY(__atomic_load_n(&ring->control->coarse_ns, __ATOMIC_RELAXED) !=
                              ring->clock_ns)) {
            return false;
        }
        ring->words[tail & ring->mask] =
            duration_ns << SLIPRING_INLINE_DURATION_SHIFT | SLIPRING_INLINE_EXECUTION |
            (uint64_t)is_failure * SLIPRING_INLINE_FAILURE |
            (has_cost ? SLIPRING_INLINE_AMOUNTS | (uint64_t)category << SLIPRING_INLINE_CATEGORY_SHIFT : 0);
        if (has_cost) {
            ring->words[(tail + 1) & ring->mask] = cost;
            ring->words[(tail + 2) & ring->mask] = savings;
        }
        if ((tail ^ (tail + words)) & SLIPRING_INLINE_LINE_WORDS) {
            slipring_inline_fetch(&ring->words[(tail + SLIPRING_INLINE_AHEAD) & ring->mask]);
        }
        SLIPRING_INLINE_POINT(ring_before_publish);
        ring->tail = tail + words;
        /* pairs with the agent's acquire of the tail: else it reads a word before it is written */
        __atomic_store_n(&ring->line->tail, tail + words, __ATOMIC_RELEASE);
        SLIPRING_INLINE_POINT(ring_after_publish);
        return true;
    }
    /* nothing is overwritten on the strength of it: slipring_record() looks again */
    if (SLIPRING_UNLIKELY(__atomic_load_n(spill->head, __ATOMIC_RELAXED) != spill->full_head)) {
        return false;
    }
    /* pairs with the agent's release: its new epoch comes with the new bounds */
    return slipring_inline_spill_plainly(spill,
                                         __atomic_load_n(&ring->control->bounds_epoch, __ATOMIC_ACQUIRE),
                                         is_failure, duration_ns, has_cost, category, cost, savings);
}

/* The same, with the ring found and its busy mark set. */
SLIPRING_INLINE bool slipring_inline_try(const struct slipring_primitive *primitive, bool is_failure,
                                         uint64_t duration_ns, bool has_cost, uint32_t category,
                                         uint64_t cost, uint64_t savings)
{
    struct slipring_inline_view *view = slipring_inline_find(primitive);
    bool is_done;
    if (SLIPRING_UNLIKELY(!view) || SLIPRING_UNLIKELY(view->ring.busy)) {
        return false;
    }
    view->ring.busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a handler from here on sees it */
    is_done = slipring_inline_put(&view->ring, &view->spill, is_failure, duration_ns, has_cost, category,
                                  cost, savings);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a handler until here sees it */
    view->ring.busy = 0;
    return is_done;
}

/* The quick way of slipring_record(). false: there is none, nothing was done. */
SLIPRING_INLINE bool slipring_inline_record(const struct slipring_primitive *primitive, uint64_t duration_ns,
                                            enum slipring_outcome outcome, const struct slipring_cost *cost)
{
    const bool is_failure = outcome != SLIPRING_SUCCESS;
    if (SLIPRING_UNLIKELY(!primitive) || SLIPRING_UNLIKELY(duration_ns - 1 >= SLIPRING_DURATION_MAX_NS)) {
        return false;
    }
    if (!cost) {
        return slipring_inline_try(primitive, is_failure, duration_ns, false, 0, 0, 0);
    }
    /* either beyond the limit makes their union be; so may two within it: they go the long way, too */
    if (SLIPRING_UNLIKELY((cost->cost_nanodollars | cost->savings_nanodollars) > SLIPRING_AMOUNT_MAX) ||
        SLIPRING_UNLIKELY(cost->category >= SLIPRING_CATEGORY_COUNT)) {
        return false;
    }
    return slipring_inline_try(primitive, is_failure, duration_ns, true, cost->category,
                               cost->cost_nanodollars, cost->savings_nanodollars);
}

/* slipring_record() without the call: same arguments, same guarantees, same safety. */
SLIPRING_INLINE void slipring_record_inline(struct slipring_primitive *primitive, uint64_t duration_ns,
                                            enum slipring_outcome outcome, const struct slipring_cost *cost)
{
    if (SLIPRING_UNLIKELY(!slipring_inline_record(primitive, duration_ns, outcome, cost))) {
        slipring_record(primitive, duration_ns, outcome, cost);
    }
}

#ifdef __cplusplus
}
#endif
#endif
