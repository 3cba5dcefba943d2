/* SPDX-License-Identifier: Apache-2.0 */
/* The sample, as it lies in a ring: as few 64-bit words as it needs.
 *
 *   what                    an execution without a cost: one word
 *   what  cost  savings     with one: SR_SAMPLE_AMOUNTS in `what` says that the two follow
 *   what ... trace trace span   of a sampled trace: SR_SAMPLE_TRACED says that three follow, behind the amounts if there are any.
 *                           They hold the bytes of both ids in their order
 *   what  stamp             SR_KIND_CLOCK: a mark of the coarse clock, between samples
 *
 *   what = duration_ns << 12 | meta
 *   meta   11        10        9        8..5       4       3         2..0
 *          AMOUNTS   CLAMPED   TRACED   category   ENDED   FAILURE   kind
 *
 * A mark says when the samples behind it were recorded, up to the next mark: "between this stamp and the next value of the
 * coarse clock". A ring's first owner begins without one, which means stamp 0: before the first agent. So a producer that records
 * a thousand samples in a millisecond stores a thousand words and one mark, and a cache line carries eight of them to
 * the agent.
 *
 * A sample is published whole, with the mark before it, by one store of the tail (ring.h G1). Nobody else may believe that: what
 * the last words before a tail lack is missing for good. */
#ifndef SR_PROTOCOL_SAMPLE_H
#define SR_PROTOCOL_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/record.h>

#include "base/compiler.h"
#include "pure/bucket.h"

enum sr_sample_kind {
    SR_KIND_NONE = 0,      /* a zero word: never published */
    SR_KIND_EXECUTION = 1, /* duration, outcome, cost */
    SR_KIND_AMOUNT = 2,    /* cost and savings alone; duration 0 */
    SR_KIND_CANCEL = 3,    /* a span ended without a sample; carries SR_SAMPLE_ENDED alone */
    SR_KIND_CLOCK = 4,     /* no sample: the mark of a stamp, which is the next word */
};

#define SR_SAMPLE_KIND_MASK      UINT64_C(0x7)
#define SR_SAMPLE_FAILURE        (UINT64_C(1) << 3)
#define SR_SAMPLE_ENDED          (UINT64_C(1) << 4)
#define SR_SAMPLE_CATEGORY_SHIFT 5
#define SR_SAMPLE_CATEGORY_MASK  (UINT64_C(0xf) << SR_SAMPLE_CATEGORY_SHIFT)
#define SR_SAMPLE_TRACED         (UINT64_C(1) << 9)  /* of executions alone; else the sample is impossible */
#define SR_SAMPLE_CLAMPED        (UINT64_C(1) << 10) /* the duration or an amount was out of range */
#define SR_SAMPLE_AMOUNTS        (UINT64_C(1) << 11)
#define SR_SAMPLE_DURATION_SHIFT 12

#define SR_MARK_WORDS       2u
#define SR_AMOUNT_WORDS     2u
#define SR_TRACE_WORDS      3u
#define SR_SAMPLE_WORDS_MAX (SR_MARK_WORDS + 1u + SR_AMOUNT_WORDS + SR_TRACE_WORDS)

_Static_assert(SR_DURATION_MAX_NS == SLIPRING_DURATION_MAX_NS, "one limit, two layers");
_Static_assert(SR_DURATION_MAX_NS <= UINT64_MAX >> SR_SAMPLE_DURATION_SHIFT, "a duration fits its field");

/* Whose an execution was, as it lies behind the sample. */
struct sr_sample_trace {
    uint64_t words[SR_TRACE_WORDS]; /* 16 bytes of the trace's id, 8 of the span's */
};

/* Ids of zeros are none (W3C Trace Context). */
SR_INLINE bool sr_sample_trace_is_possible(const struct sr_sample_trace *trace)
{
    return (trace->words[0] | trace->words[1]) != 0 && trace->words[2] != 0;
}

SR_INLINE uint32_t sr_sample_category(uint64_t what)
{
    return (uint32_t)((what & SR_SAMPLE_CATEGORY_MASK) >> SR_SAMPLE_CATEGORY_SHIFT);
}

#endif
