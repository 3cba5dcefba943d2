/* SPDX-License-Identifier: Apache-2.0 */
/* Exemplars: which trace was that slow one, which one failed?
 *
 * A traced record carries the trace and span that it belongs to, as W3C Trace Context names them
 * (https://www.w3.org/TR/trace-context/). It counts exactly as slipring_record() counts; beside that the agent keeps, merged over all
 * processes, the trace of the slowest and of the newest failing execution, for each window and for each bucket of the histogram.
 *
 *     struct slipring_trace trace;
 *     if (slipring_trace_parse(getenv("TRACEPARENT"), &trace)) ...
 *     struct slipring_traced_span span = slipring_begin_traced(work, &trace);
 *     ...
 *     slipring_end_traced(&span, SLIPRING_SUCCESS, NULL);
 *
 * Only sampled traces are kept: of one that its tracer does not record (flag 01 clear) nobody could look anything up. Where a ring is
 * full, a trace is lost and its execution is not (slipring.h: overload may cost detail, never a count).
 * Calls here have the guarantees of record.h: wait-free, signal safe, usable after fork; a traced record takes a few nanoseconds
 * more than a plain one, which takes no instruction more than without this header. */
#ifndef SLIPRING_TRACE_H
#define SLIPRING_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/record.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIPRING_TRACE_SAMPLED UINT32_C(1) /* the flag of W3C Trace Context */

/* Where an execution belongs. All zero: nowhere. */
struct slipring_trace {
    uint8_t trace_id[16]; /* in the order of its hexadecimal form; all zero is invalid */
    uint8_t span_id[8];   /* likewise: W3C calls it parent-id */
    uint32_t flags;       /* SLIPRING_TRACE_... */
    uint32_t reserved;    /* 0 */
};

/* Take a `traceparent` apart: version-traceid-parentid-flags, in lower case, as in
 * 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01. Versions above 00 may have more fields, ff is invalid. False, and *out_trace is
 * all zero: it is NULL, or none. Pure. */
bool slipring_trace_parse(const char *traceparent, struct slipring_trace *out_trace);

/* The `traceparent` of version 00, zero-terminated. Pure. */
#define SLIPRING_TRACEPARENT_BYTES 56
void slipring_trace_format(const struct slipring_trace *trace, char out_text[SLIPRING_TRACEPARENT_BYTES]);

/* slipring_record(), and whose trace it was. trace may be NULL, invalid or not sampled: then it is slipring_record(). A primitive in direct mode, a
 * store opened by slipring_open_oneshot() alone and a record inside another one have no ring to carry the trace: it is counted without. */
void slipring_record_traced(struct slipring_primitive *primitive, uint64_t duration_ns,
                            enum slipring_outcome outcome, const struct slipring_cost *cost,
                            const struct slipring_trace *trace);

/* A span that carries its trace. `span` is a span as any: it may be cancelled, and ended without the trace. */
struct slipring_traced_span {
    struct slipring_span span;
    struct slipring_trace trace;
};

/* slipring_begin(), and slipring_end() under the trace of the begin. trace may be NULL. */
struct slipring_traced_span slipring_begin_traced(struct slipring_primitive *primitive,
                                                  const struct slipring_trace *trace);
void slipring_end_traced(struct slipring_traced_span *span, enum slipring_outcome outcome,
                         const struct slipring_cost *cost);

/* An execution that was kept, as the agent publishes it. A trace_id of zeros: there is none. */
struct slipring_exemplar {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint64_t duration_ns;
    /* CLOCK_MONOTONIC, by the agent's coarse clock: recorded then or later, by up to a millisecond while it drains, some tens
     * of milliseconds when it was idle. */
    uint64_t at_ns;
    uint64_t wall_ns; /* the same as CLOCK_REALTIME */
    uint64_t
        bound_ns;     /* of a bucket's: the `le` bound under which it was kept, UINT64_MAX for +Inf; else 0 */
    uint64_t outcome; /* enum slipring_outcome */
};

#define SLIPRING_EXEMPLAR_SLOWEST 24 /* candidates for the slowest of any window */
#define SLIPRING_EXEMPLAR_BUCKETS 17 /* up to 16 `le` bounds, and +Inf */

/* All that is kept of a primitive.
 *
 * slowest[] is a staircase: oldest first, each slower than all that came after it. So the slowest of a window is the first one in it, for
 * every window at once. When there are too many steps the one that is least missed is left out: two that are nearly of one age. A
 * window's slowest is then the slowest but for some that came between two that are kept, where the window begins between these. */
struct slipring_exemplars {
    uint64_t slowest_count;
    uint64_t bucket_count; /* of both lists */
    uint64_t reserved[6];
    struct slipring_exemplar slowest[SLIPRING_EXEMPLAR_SLOWEST];
    struct slipring_exemplar failing; /* the newest failing one */
    /* Ascending by bound: the slowest of a bucket, replaced when it is older than a minute; and its newest failing one. */
    struct slipring_exemplar bucket_slowest[SLIPRING_EXEMPLAR_BUCKETS];
    struct slipring_exemplar bucket_failing[SLIPRING_EXEMPLAR_BUCKETS];
};

/* Copy the primitive's published exemplars. NO_DATA when nothing of it was traced, or kept, or before the agent published any. As
 * slipring_stats_read(). */
SLIPRING_MUST_CHECK enum slipring_status slipring_exemplars_read(struct slipring_primitive *primitive,
                                                                 struct slipring_exemplars *out_exemplars);

#ifdef __cplusplus
}
#endif
#endif
