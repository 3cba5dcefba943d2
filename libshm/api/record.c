/* SPDX-License-Identifier: Apache-2.0 */
/* Recording: the short way through a ring of one's own, and the long ways round. */
#include <slipring/record.h>

#include "api/process.h"
#include "api/record.h"
#include "api/span_clock.h"
#include "protocol/move.h"
#include "protocol/shared_spill.h"

#define SPAN_IS_OPEN       (UINT32_C(1) << 0)
#define SPAN_IS_COUNTED    (UINT32_C(1) << 1) /* its begin stands in a ring or in the slot's span table */
#define SPAN_IS_IN_TICKS   (UINT32_C(1) << 2) /* span_clock.h; else in nanoseconds of CLOCK_MONOTONIC */
#define RESERVED_IN_RING   (UINT32_C(1) << 0)
#define RESERVED_ELSEWHERE (UINT32_C(1) << 1)
#define RESERVED_WORDS     (SR_MARK_WORDS + 1u + SR_AMOUNT_WORDS)

static void drop(struct slipring_primitive *primitive)
{
    /* relaxed: a counter for people */
    (void)atomic_fetch_add_explicit(&primitive->store->dropped, 1, memory_order_relaxed);
}

static bool is_recording(const struct slipring_primitive *primitive)
{
    return sr_handle_is_live(primitive) && slipring_store_status(primitive->store) == SLIPRING_OK;
}

SR_INLINE void enter(struct sr_ring *ring)
{
    ring->hot.busy = 1;
    atomic_signal_fence(memory_order_seq_cst); /* a handler from here on sees it (ring.h G5) */
}

SR_INLINE void leave(struct sr_ring *ring)
{
    atomic_signal_fence(memory_order_seq_cst); /* a handler until here sees it */
    ring->hot.busy = 0;
}

/* Take the caller's sample apart; clamp and mark what is out of range. */
SR_INLINE struct sr_spill_sample make_sample(uint64_t meta, uint64_t duration_ns,
                                             const struct slipring_cost *cost)
{
    struct sr_spill_sample sample = {.meta = meta, .duration_ns = duration_ns};
    if (SR_UNLIKELY(duration_ns > SLIPRING_DURATION_MAX_NS)) {
        sample.duration_ns = SLIPRING_DURATION_MAX_NS;
        sample.meta |= SR_SAMPLE_CLAMPED;
    }
    if (cost) {
        sample.cost = cost->cost_nanodollars;
        sample.savings = cost->savings_nanodollars;
        if (SR_UNLIKELY(sample.cost > SLIPRING_AMOUNT_MAX || sample.savings > SLIPRING_AMOUNT_MAX)) {
            sample.cost = sample.cost > SLIPRING_AMOUNT_MAX ? SLIPRING_AMOUNT_MAX : sample.cost;
            sample.savings = sample.savings > SLIPRING_AMOUNT_MAX ? SLIPRING_AMOUNT_MAX : sample.savings;
            sample.meta |= SR_SAMPLE_CLAMPED;
        }
        if (SR_LIKELY(cost->category < SLIPRING_CATEGORY_COUNT)) {
            sample.meta |= (uint64_t)cost->category << SR_SAMPLE_CATEGORY_SHIFT;
        }
    }
    return sample;
}

/* A span's end, which a sample in a ring would carry, in the slot's span table. */
static void end_in_table(const struct slipring_primitive *primitive, struct sr_segment *segment)
{
    const struct sr_attachment *attachment = &sr_process->attachments[primitive->store->index];
    if (sr_attachment_has_slot(attachment)) {
        bool counted = sr_slot_span_ended(segment, attachment->slot.slot, sr_handle_id(primitive));
        (void)counted; /* a full table counts itself as unattributed */
    }
    SR_CRASHPOINT(shared_after_ended);
}

/* No ring, or a busy one: the shared spill. The span ends first: killed in between, its execution is the half-made one that is not
 * counted; the other way round it would be counted, and aborted as well. */
static void book_shared(struct slipring_primitive *primitive, const struct sr_spill_sample *sample)
{
    struct sr_segment *segment = sr_store_shared(primitive->store);
    if (sample->meta & SR_SAMPLE_ENDED) {
        end_in_table(primitive, segment);
    }
    sr_shared_spill_book(segment, sr_handle_id(primitive), sample);
}

/* A constant NULL where nothing is traced: then no instruction tells that there are traces. */
SR_INLINE bool put_one(struct sr_ring *ring, const struct sr_spill_sample *sample,
                       const struct sr_sample_trace *trace)
{
    return trace ? sr_ring_put_traced(ring, sample, trace) : sr_ring_put(ring, sample);
}

/* Record into a ring that is ours and not busy. A duration outside its block's window goes to the shared spill, the
 * end of its span into the block all the same, first: killed in between, the span ended and nothing is aborted. The slot's
 * table has room for a few primitives only, and is left to those that have no ring. */
SR_INLINE void put_into(struct slipring_primitive *primitive, struct sr_ring *ring,
                        const struct sr_spill_sample *sample, const struct sr_sample_trace *trace)
{
    struct sr_spill_sample rest = *sample;
    enter(ring);
    bool booked = put_one(ring, sample, trace);
    if (SR_UNLIKELY(!booked) && sr_ring_has_to_follow(ring)) {
        if (!sr_thread_follow(primitive, ring)) {
            book_shared(primitive, sample);
            return;
        }
        booked = put_one(ring, sample, trace);
    }
    if (SR_UNLIKELY(!booked) && (sample->meta & SR_SAMPLE_ENDED)) {
        const struct sr_spill_sample end = {.meta = SR_KIND_CANCEL | SR_SAMPLE_ENDED};
        rest.meta &= sr_ring_put(ring, &end) ? ~SR_SAMPLE_ENDED : ~UINT64_C(0);
        SR_CRASHPOINT(record_ended_apart);
    }
    leave(ring);
    if (SR_UNLIKELY(!booked)) {
        book_shared(primitive, &rest);
    }
}

/* Without a ring that is ours and not busy: perhaps one is to be had, and it is this thread's first of the primitive. Else the trace is lost. */
SR_INLINE void put_anyhow(struct slipring_primitive *primitive, const struct sr_spill_sample *sample,
                          const struct sr_sample_trace *trace)
{
    if (!is_recording(primitive)) {
        drop(primitive);
        return;
    }
    struct sr_ring *ring = sr_thread_ring(primitive, sample->duration_ns);
    if (!ring) {
        book_shared(primitive, sample);
        return;
    }
    put_into(primitive, ring, sample, trace);
}

static SR_COLD void put_slowly(struct slipring_primitive *primitive, const struct sr_spill_sample *sample)
{
    put_anyhow(primitive, sample, NULL);
}

SR_INLINE void put(struct slipring_primitive *primitive, const struct sr_spill_sample *sample)
{
    struct sr_ring *ring = sr_thread_find(primitive);
    if (SR_UNLIKELY(!ring || ring->hot.busy)) {
        put_slowly(primitive, sample);
        return;
    }
    put_into(primitive, ring, sample, NULL);
}

SR_INLINE uint64_t execution_meta(enum slipring_outcome outcome)
{
    return SR_KIND_EXECUTION | (outcome != SLIPRING_SUCCESS ? SR_SAMPLE_FAILURE : 0);
}

static SR_COLD void put_traced_slowly(struct slipring_primitive *primitive,
                                      const struct sr_spill_sample *sample,
                                      const struct sr_sample_trace *trace)
{
    put_anyhow(primitive, sample, trace);
}

static void put_traced(struct slipring_primitive *primitive, const struct sr_spill_sample *sample,
                       const struct sr_sample_trace *trace)
{
    struct sr_ring *ring = sr_thread_find(primitive);
    if (SR_UNLIKELY(!ring || ring->hot.busy)) {
        put_traced_slowly(primitive, sample, trace);
        return;
    }
    put_into(primitive, ring, sample, trace);
}

/* What is not quickly done. Cold, so that the quick ways are laid out without a jump. */
static SR_COLD void record_slowly(struct slipring_primitive *primitive, uint64_t duration_ns,
                                  enum slipring_outcome outcome, const struct slipring_cost *cost)
{
    if (primitive) {
        const struct sr_spill_sample sample = make_sample(execution_meta(outcome), duration_ns, cost);
        put(primitive, &sample);
    }
}

/* Apart from slipring_record(), which then needs no register more than a call may spoil. */
static __attribute__((noinline)) void record_with_cost(struct slipring_primitive *primitive,
                                                       uint64_t duration_ns, enum slipring_outcome outcome,
                                                       const struct slipring_cost *cost)
{
    if (SR_UNLIKELY(!slipring_inline_record(primitive, duration_ns, outcome, cost))) {
        record_slowly(primitive, duration_ns, outcome, cost);
    }
}

SR_PUBLIC void slipring_record(struct slipring_primitive *primitive, uint64_t duration_ns,
                               enum slipring_outcome outcome, const struct slipring_cost *cost)
{
    if (SR_UNLIKELY(cost)) {
        record_with_cost(primitive, duration_ns, outcome, cost);
    } else if (SR_UNLIKELY(!slipring_inline_record(primitive, duration_ns, outcome, NULL))) {
        record_slowly(primitive, duration_ns, outcome, NULL);
    }
}

void sr_record_traced(struct slipring_primitive *primitive, uint64_t duration_ns,
                      enum slipring_outcome outcome, const struct slipring_cost *cost,
                      const struct sr_sample_trace *trace)
{
    if (primitive) {
        const struct sr_spill_sample sample = make_sample(execution_meta(outcome), duration_ns, cost);
        put_traced(primitive, &sample, trace);
    }
}

SR_PUBLIC void slipring_record_cost(struct slipring_primitive *primitive, const struct slipring_cost *cost)
{
    if (!primitive || !cost) {
        return;
    }
    const struct sr_spill_sample sample = make_sample(SR_KIND_AMOUNT, 0, cost);
    put(primitive, &sample);
}

/* --- spans ---------------------------------------------------------------------------------------------------------------- */

/* Count a begin without a ring of one's own to count it in. false: it cannot be counted. */
static SR_COLD bool count_begin_slowly(struct slipring_primitive *primitive)
{
    if (sr_process) {
        (void)sr_process_attach_id(); /* also when this very thread is just attaching: a span dies at fork */
    }
    if (!is_recording(primitive)) {
        return false;
    }
    struct sr_ring *ring =
        sr_thread_ring(primitive, UINT64_C(1000000)); /* a millisecond: nothing better is known */
    if (ring) {
        enter(ring);
        sr_ring_count_begun(ring);
        leave(ring);
        return true;
    }
    struct sr_segment *segment =
        sr_store_shared(primitive->store); /* before the slot, which may not come along */
    const struct sr_attachment *attachment = sr_process_span_attachment(primitive->store);
    return attachment && sr_slot_span_begun(segment, attachment->slot.slot, sr_handle_id(primitive));
}

static uint32_t current_attachment(void)
{
    /* relaxed: 0 or this process's own id; a span's program handed it over */
    return sr_process ? atomic_load_explicit(&sr_process->id, memory_order_relaxed) : 0;
}

/* Not a parent's span or reservation in a forked child? 0: there was no store yet, nothing is known against it. */
static bool is_of_this_process(uint32_t attachment)
{
    return attachment == 0 || attachment == current_attachment();
}

/* Shall what begins now be timed in ticks? A ring knows its store's control line to be mapped. */
SR_INLINE bool begins_in_ticks(const struct slipring_primitive *primitive, const struct sr_ring *ring)
{
    if (SR_LIKELY(ring && !ring->hot.busy)) {
        return sr_span_clock_ticks(ring->control);
    }
    return is_recording(primitive) &&
           sr_span_clock_ticks(&sr_segment_header(sr_store_segment(primitive->store))->control);
}

/* The span's next operation begins now, or at `now` when that is a reading of the right clock. */
SR_INLINE void start_span(struct slipring_span *span, bool in_ticks, const uint64_t *now)
{
    span->flags = (span->flags & ~SPAN_IS_IN_TICKS) | (in_ticks ? SPAN_IS_IN_TICKS : 0);
    span->start = now ? *now : sr_span_clock_read(in_ticks);
}

SR_PUBLIC struct slipring_span slipring_begin(struct slipring_primitive *primitive)
{
    struct slipring_span span = {.primitive = primitive, .flags = SPAN_IS_OPEN};
    if (SR_UNLIKELY(!primitive)) {
        span.flags = 0;
        return span;
    }
    struct sr_ring *ring = sr_thread_find(primitive);
    if (SR_LIKELY(ring && !ring->hot.busy)) {
        enter(ring);
        sr_ring_count_begun(ring);
        leave(ring);
        span.flags |= SPAN_IS_COUNTED;
    } else if (count_begin_slowly(primitive)) {
        span.flags |= SPAN_IS_COUNTED;
    }
    span.attachment = current_attachment();
    start_span(&span, begins_in_ticks(primitive, ring), NULL);
    return span;
}

/* Close the span: may it be ended here and now? */
static bool close_span(struct slipring_span *span)
{
    const bool is_open = (span->flags & SPAN_IS_OPEN) && span->primitive;
    span->flags &= ~SPAN_IS_OPEN;
    return is_open && is_of_this_process(span->attachment);
}

/* What took from `start` to `now`, both of the same clock. */
SR_INLINE struct sr_spill_sample span_sample(bool in_ticks, uint64_t start, uint64_t now, uint64_t meta,
                                             const struct slipring_cost *cost)
{
    const bool ran_backwards = now < start;
    const uint64_t duration_ns = ran_backwards ? 0 : sr_span_clock_ns(in_ticks, start, now);
    struct sr_spill_sample sample = make_sample(meta, duration_ns, cost);
    if (SR_UNLIKELY(ran_backwards)) {
        sample.meta |= SR_SAMPLE_CLAMPED;
    }
    return sample;
}

/* trace: as in put_one(). */
SR_INLINE void end_span(struct slipring_span *span, enum slipring_outcome outcome,
                        const struct slipring_cost *cost, const struct sr_sample_trace *trace)
{
    if (SR_UNLIKELY(!span)) {
        return;
    }
    const bool in_ticks = span->flags & SPAN_IS_IN_TICKS;
    const uint64_t now = sr_span_clock_read(in_ticks);
    if (!close_span(span)) {
        return;
    }
    const uint64_t ended = span->flags & SPAN_IS_COUNTED ? SR_SAMPLE_ENDED : 0;
    const struct sr_spill_sample sample =
        span_sample(in_ticks, span->start, now, execution_meta(outcome) | ended, cost);
    if (trace) {
        put_traced(span->primitive, &sample, trace);
    } else {
        put(span->primitive, &sample);
    }
}

SR_PUBLIC void slipring_end(struct slipring_span *span, enum slipring_outcome outcome,
                            const struct slipring_cost *cost)
{
    end_span(span, outcome, cost, NULL);
}

void sr_record_end_traced(struct slipring_span *span, enum slipring_outcome outcome,
                          const struct slipring_cost *cost, const struct sr_sample_trace *trace)
{
    end_span(span, outcome, cost, trace);
}

SR_PUBLIC void slipring_lap(struct slipring_span *span, enum slipring_outcome outcome,
                            const struct slipring_cost *cost)
{
    if (SR_UNLIKELY(!span || !(span->flags & SPAN_IS_OPEN) || !span->primitive)) {
        return;
    }
    const bool was_in_ticks = span->flags & SPAN_IS_IN_TICKS;
    const uint64_t start = span->start;
    const uint64_t now = sr_span_clock_read(was_in_ticks);
    if (SR_UNLIKELY(!is_of_this_process(span->attachment))) {
        return;
    }
    const bool in_ticks = begins_in_ticks(span->primitive, sr_thread_find(span->primitive));
    start_span(span, in_ticks, SR_LIKELY(in_ticks == was_in_ticks) ? &now : NULL);
    /* not ENDED: the span goes on, begun once and ended once; a kill from here on aborts the next operation */
    const struct sr_spill_sample sample =
        span_sample(was_in_ticks, start, now, execution_meta(outcome), cost);
    put(span->primitive, &sample);
}

SR_PUBLIC void slipring_cancel(struct slipring_span *span)
{
    if (!span || !close_span(span) || !(span->flags & SPAN_IS_COUNTED)) {
        return;
    }
    const struct sr_spill_sample sample = make_sample(SR_KIND_CANCEL | SR_SAMPLE_ENDED, 0, NULL);
    put(span->primitive, &sample);
}

/* --- zero-copy -------------------------------------------------------------------------------------------------------------- */

SR_PUBLIC void slipring_reserve(struct slipring_primitive *primitive,
                                struct slipring_reservation *out_reservation)
{
    *out_reservation = (struct slipring_reservation){.primitive = primitive, .flags = RESERVED_ELSEWHERE};
    out_reservation->cost_nanodollars = &out_reservation->own[0];
    out_reservation->savings_nanodollars = &out_reservation->own[1];
    if (!primitive) {
        return;
    }
    struct sr_ring *ring = sr_thread_find(primitive);
    if (!ring && sr_process) {
        (void)sr_process_attach_id(); /* as in count_begin_slowly() */
        ring = is_recording(primitive) ? sr_thread_ring(primitive, UINT64_C(1000000)) : NULL;
    }
    out_reservation->attachment = current_attachment();
    if (!ring || ring->hot.busy || ring->hot.limit - ring->hot.tail < RESERVED_WORDS) {
        return;
    }
    enter(ring); /* until commit or discard */
    out_reservation->ring = ring;
    out_reservation->flags = RESERVED_IN_RING;
}

/* All five words, also of what cost nothing after all; with a mark: since the reservation the clock may have gone on. */
static void publish_reserved(struct sr_ring *ring, const struct sr_spill_sample *sample)
{
    const uint64_t now_ns = sr_ring_clock(ring);
    if (!sr_move_is_sentinel(
            now_ns)) { /* else as it was at the last mark: the next record follows (ring.h G6) */
        ring->hot.clock_ns = now_ns;
    }
    *sr_ring_word(ring, ring->hot.tail) = SR_KIND_CLOCK;
    *sr_ring_word(ring, ring->hot.tail + 1) = ring->hot.clock_ns;
    *sr_ring_word(ring, ring->hot.tail + 2) =
        sample->duration_ns << SR_SAMPLE_DURATION_SHIFT | sample->meta | SR_SAMPLE_AMOUNTS;
    *sr_ring_word(ring, ring->hot.tail + 3) = sample->cost; /* as clamped */
    *sr_ring_word(ring, ring->hot.tail + 4) = sample->savings;
    sr_ring_advance(ring, RESERVED_WORDS);
}

SR_PUBLIC void slipring_commit(struct slipring_reservation *reservation, uint64_t duration_ns,
                               enum slipring_outcome outcome, uint32_t category)
{
    if (!reservation || !reservation->primitive || reservation->flags == 0) {
        return;
    }
    const uint32_t flags = reservation->flags;
    reservation->flags = 0;
    if (!is_of_this_process(reservation->attachment)) {
        return;
    }
    const struct slipring_cost cost = {
        .cost_nanodollars = *reservation->cost_nanodollars,
        .savings_nanodollars = *reservation->savings_nanodollars,
        .category = category,
    };
    const struct sr_spill_sample sample = make_sample(execution_meta(outcome), duration_ns, &cost);
    if (flags == RESERVED_IN_RING) {
        struct sr_ring *ring = reservation->ring;
        publish_reserved(ring, &sample);
        leave(ring);
    } else {
        put(reservation->primitive, &sample);
    }
}

SR_PUBLIC void slipring_discard(struct slipring_reservation *reservation)
{
    if (!reservation || reservation->flags == 0) {
        return;
    }
    if (reservation->flags == RESERVED_IN_RING && is_of_this_process(reservation->attachment)) {
        leave(reservation->ring);
    }
    reservation->flags = 0;
}
