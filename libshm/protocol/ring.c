/* SPDX-License-Identifier: Apache-2.0 */
/* Claiming, releasing and overflowing a ring: see ring.h. */
#include "protocol/ring.h"

#include "protocol/move.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPILL_WINDOW_BELOW 80u /* buckets of the small window below the first sample: 2.5 octaves of 6 */

/* --- claiming ----------------------------------------------------------------------------------------------------------- */

static uint32_t lay_window(const struct sr_ring_shape *shape, uint64_t first_ns)
{
    const uint32_t bucket = sr_bucket_index(first_ns);
    if (shape->cells == SR_BUCKET_COUNT || bucket < SPILL_WINDOW_BELOW) {
        return 0;
    }
    const uint32_t base = bucket - SPILL_WINDOW_BELOW;
    const uint32_t last = SR_BUCKET_COUNT - shape->cells;
    return base < last ? base : last;
}

/* Fill the private view of a ring that is ours. */
static void open_view(struct sr_segment *segment, uint32_t ring, uint32_t slot, uint32_t generation,
                      uint32_t primitive, uint32_t base, bool fresh, struct sr_ring *out_ring)
{
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(ring)];
    struct sr_producer_line_shm *line = sr_segment_producer_line(segment, ring);
    memset(out_ring, 0, sizeof *out_ring);
    out_ring->segment = segment;
    out_ring->ring = ring;
    out_ring->slot = slot;
    out_ring->generation = generation;
    out_ring->primitive = primitive;
    out_ring->hot.words = sr_segment_ring_words(segment, ring);
    out_ring->hot.line = (struct slipring_inline_line *)(void *)line;
    out_ring->consumer = sr_segment_consumer_line(segment, ring);
    out_ring->control = &sr_segment_header(segment)->control;
    out_ring->hot.control = (const struct slipring_inline_control *)(const void *)out_ring->control;
    out_ring->is_direct = shape->words == 0;
    out_ring->hot.mask = shape->words - 1; /* of a direct one never used: it has no room */
    /* relaxed: the last owner's stores reached us through the state word we acquired */
    out_ring->hot.tail = atomic_load_explicit(&line->tail, memory_order_relaxed);
    out_ring->hot.limit = out_ring->hot.tail; /* unknown: the first record looks at the head */
    out_ring->hot.clock_ns = SR_CLOCK_NEVER;  /* what the agent takes it for in a new life */
    /* relaxed: as above */
    out_ring->hot.begun = atomic_load_explicit(&line->begun, memory_order_relaxed);
    sr_spill_open(&out_ring->spill, sr_segment_spill(segment, ring), line, base, shape->cells, fresh);
    out_ring->spill.hot.head = (const uint64_t *)(const void *)&out_ring->consumer->head;
}

static void write_info(struct sr_segment *segment, uint32_t ring, uint32_t slot, uint32_t generation,
                       uint32_t primitive, uint32_t base, uint32_t tid)
{
    struct sr_ring_info_shm *info = sr_segment_ring_info(segment, ring);
    /* relaxed, all: published by the release of OWNED */
    atomic_store_explicit(&info->primitive, primitive, memory_order_relaxed);
    atomic_store_explicit(&info->slot, slot, memory_order_relaxed);             /* relaxed: as above */
    atomic_store_explicit(&info->generation, generation, memory_order_relaxed); /* relaxed: as above */
    atomic_store_explicit(&info->spill_base, base, memory_order_relaxed);       /* relaxed: as above */
    atomic_store_explicit(&info->tid, tid, memory_order_relaxed);               /* relaxed: as above */
    /* relaxed, both: as above; the last owner's tail reached us through the state word we acquired */
    const uint64_t tail =
        atomic_load_explicit(&sr_segment_producer_line(segment, ring)->tail, memory_order_relaxed);
    atomic_store_explicit(&info->first_word, tail, memory_order_relaxed); /* as above */
}

/* The ring is CLAIMING and ours: make it OWNED. No system call: the tid is handed in. */
static void take_possession(struct sr_segment *segment, uint32_t ring, uint32_t slot, uint32_t generation,
                            uint32_t primitive, uint32_t tid, uint64_t first_ns, struct sr_ring *out_ring)
{
    SR_CRASHPOINT(ring_claimed);
    const uint32_t base = lay_window(&sr_ring_shapes[sr_ring_class_of(ring)], first_ns);
    write_info(segment, ring, slot, generation, primitive, base, tid);
    open_view(segment, ring, slot, generation, primitive, base, true, out_ring);
    SR_CRASHPOINT(ring_before_owned);
    /* release: pairs with the agent's acquire of the state; else it reads the last owner's info */
    atomic_store_explicit(sr_segment_ring_state(segment, ring),
                          sr_state_word(generation, slot, SR_RING_OWNED), memory_order_release);
}

/* CAS a ring from `wanted` to CLAIMING. */
static bool claim_state(struct sr_segment *segment, uint32_t ring, uint32_t wanted, uint32_t slot,
                        uint32_t *out_generation)
{
    _Atomic uint64_t *state = sr_segment_ring_state(segment, ring);
    /* relaxed: a look; the CAS decides */
    uint64_t seen = atomic_load_explicit(state, memory_order_relaxed);
    if (sr_state_of(seen) != wanted) {
        return false;
    }
    *out_generation = sr_state_generation(seen) + 1;
    /* acquire: pairs with the agent's release of FREE after its final fold; else we change a block it still reads */
    return atomic_compare_exchange_strong_explicit(state, &seen,
                                                   sr_state_word(*out_generation, slot, SR_RING_CLAIMING),
                                                   memory_order_acquire, memory_order_relaxed);
}

enum slipring_status sr_ring_claim(struct sr_segment *segment, uint32_t slot, uint32_t primitive,
                                   uint32_t class, uint64_t first_ns, struct sr_ring *out_ring)
{
    const struct sr_ring_shape *shape = &sr_ring_shapes[class];
    _Atomic uint32_t *cursor = &sr_segment_header(segment)->hint.ring_cursor[class];
    /* relaxed: a hint: rings at and above it are EMPTY, but for races */
    const uint32_t high = atomic_load_explicit(cursor, memory_order_relaxed) % (shape->rings + 1);
    uint32_t hole = high; /* the first EMPTY one: low ids are reused, so that the scan stays short */
    /* Reserved rings first, then those that cost pages. Each pass is bounded by the class. */
    static const uint32_t wanted[] = {SR_RING_FREE, SR_RING_EMPTY};
    for (uint32_t pass = 0; pass < SR_ARRAY_COUNT(wanted); pass++) {
        const uint32_t from = pass ? hole : 0;
        const uint32_t span = pass ? shape->rings : high;
        for (uint32_t i = 0; i < span; i++) {
            const uint32_t place = (from + i) % shape->rings;
            const uint32_t ring = shape->first_ring + place;
            uint32_t generation = 0;
            /* relaxed: a look; the CAS decides */
            const uint32_t state =
                sr_state_of(atomic_load_explicit(sr_segment_ring_state(segment, ring), memory_order_relaxed));
            hole = state == SR_RING_EMPTY && place < hole ? place : hole;
            if (state != wanted[pass] || !claim_state(segment, ring, wanted[pass], slot, &generation)) {
                continue;
            }
            SR_CRASHPOINT(ring_before_reserved);
            enum slipring_status status = sr_segment_reserve_ring(segment, ring);
            if (status != SLIPRING_OK) {
                /* release: hand the untouched ring back */
                atomic_store_explicit(sr_segment_ring_state(segment, ring),
                                      sr_state_word(generation, 0, SR_RING_EMPTY), memory_order_release);
                return status;
            }
            if (place >= high) {
                /* relaxed: a hint */
                atomic_store_explicit(cursor, place + 1, memory_order_relaxed);
            }
            take_possession(segment, ring, slot, generation, primitive, (uint32_t)syscall(SYS_gettid),
                            first_ns, out_ring);
            return SLIPRING_OK;
        }
    }
    return SLIPRING_IN_USE;
}

bool sr_ring_retake(struct sr_segment *segment, uint32_t ring, uint32_t slot, uint32_t primitive,
                    struct sr_ring *out_ring)
{
    _Atomic uint64_t *state = sr_segment_ring_state(segment, ring);
    /* relaxed: a look; the CAS decides */
    uint64_t seen = atomic_load_explicit(state, memory_order_relaxed);
    if (sr_state_of(seen) != SR_RING_RELEASED || sr_state_slot(seen) != slot) {
        return false;
    }
    const uint32_t generation = sr_state_generation(seen);
    /* acquire: pairs with the releasing thread's release; else its tail and sums are not ours yet */
    if (!atomic_compare_exchange_strong_explicit(state, &seen, sr_state_word(generation, slot, SR_RING_OWNED),
                                                 memory_order_acquire, memory_order_relaxed)) {
        return false;
    }
    const struct sr_ring_info_shm *info = sr_segment_ring_info(segment, ring);
    /* relaxed, both: written by a thread of this process before the release we acquired */
    const uint32_t base = atomic_load_explicit(&info->spill_base, memory_order_relaxed);
    const bool is_ours =
        atomic_load_explicit(&info->primitive, memory_order_relaxed) == primitive && /* relaxed: as above */
        base <= SR_BUCKET_COUNT;
    if (!is_ours) {
        /* release: as sr_ring_release() */
        atomic_store_explicit(state, sr_state_word(generation, slot, SR_RING_RELEASED), memory_order_release);
        return false;
    }
    /* relaxed: for people */
    atomic_store_explicit(&sr_segment_ring_info(segment, ring)->tid, (uint32_t)syscall(SYS_gettid),
                          memory_order_relaxed);
    /* the last owner may have ended within an update, cancelled or by pthread_exit() in a handler */
    (void)sr_spill_settle(sr_segment_producer_line(segment, ring), sr_segment_spill(segment, ring),
                          sr_ring_shapes[sr_ring_class_of(ring)].spill_words);
    open_view(segment, ring, slot, generation, primitive, base, false, out_ring);
    return true;
}

void sr_ring_release(struct sr_ring *ring)
{
    /* release: pairs with the agent's acquire of RELEASED; else it folds before our last store */
    atomic_store_explicit(sr_segment_ring_state(ring->segment, ring->ring),
                          sr_state_word(ring->generation, ring->slot, SR_RING_RELEASED),
                          memory_order_release);
    SR_CRASHPOINT(ring_released);
}

static uint64_t look_at_head(const struct sr_ring *ring)
{
    /* acquire: pairs with the agent's release of the head (G3); else we overwrite a word that it still reads */
    return atomic_load_explicit(&ring->consumer->head, memory_order_acquire);
}

/* --- moving -------------------------------------------------------------------------------------------------------------- */

enum slipring_status sr_ring_follow(struct sr_ring *ring, struct sr_segment *to)
{
    struct sr_segment *from = ring->segment;
    const uint32_t id = ring->ring;
    _Atomic uint64_t *state = sr_segment_ring_state(to, id);
    uint64_t away = sr_state_word(ring->generation, ring->slot, SR_RING_AWAY);
    /* acquire, below: pairs with the release of ready; the agent's copy of our line comes before ours */
    if (sr_segment_header(to)->incarnation != sr_segment_header(from)->incarnation ||
        atomic_load_explicit(state, memory_order_acquire) != away) { /* as said */
        return SLIPRING_IN_USE;
    }
    const enum slipring_status status = sr_segment_reserve_ring(to, id);
    if (status != SLIPRING_OK) {
        return status;
    }
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(id)];
    memcpy(sr_segment_ring_words(to, id), sr_segment_ring_words(from, id), shape->block_bytes);
    memcpy(sr_segment_ring_info(to, id), sr_segment_ring_info(from, id), sizeof(struct sr_ring_info_shm));
    memcpy(sr_segment_producer_line(to, id), sr_segment_producer_line(from, id),
           sizeof(struct sr_producer_line_shm));
    /* relaxed, both: the agent leaves this line alone while we are AWAY */
    atomic_store_explicit(&sr_segment_consumer_line(to, id)->head, look_at_head(ring), memory_order_relaxed);
    SR_CRASHPOINT(move_carried);
    if (sr_move_has_begun(to)) { /* it moved on while we copied: the next move asks again */
        return SLIPRING_ABSENT;
    }
    /* release: pairs with the agent's acquire of OWNED, which then reads all of that here; relaxed on failure: it is not ours */
    if (!atomic_compare_exchange_strong_explicit(state, &away,
                                                 sr_state_word(ring->generation, ring->slot, SR_RING_OWNED),
                                                 memory_order_release, memory_order_relaxed)) {
        return SLIPRING_IN_USE;
    }
    SR_CRASHPOINT(move_followed);
    struct sr_ring view;
    open_view(to, id, ring->slot, ring->generation, ring->primitive, ring->spill.base, false, &view);
    view.hot.busy = ring->hot.busy; /* G5 holds throughout, as in adopt() */
    *ring = view;
    return SLIPRING_OK;
}

/* --- overflow ------------------------------------------------------------------------------------------------------------ */

/* How many words are free with this head; one that cannot be is no room. */
static uint64_t room_at(const struct sr_ring *ring, uint64_t head)
{
    const uint64_t used = ring->hot.tail - head;
    const uint64_t words = (uint64_t)ring->hot.mask + 1;
    return used <= words ? words - used : 0;
}

/* Does a ring of this class suit us now? A bigger one when ours is full; a smaller one while ours is nearly empty (what was
 * quiet when the agent offered it may not be so any more), and for an execution: its spill's window is laid around this
 * sample. */
static bool suits(const struct sr_ring *ring, uint32_t other, uint64_t room,
                  const struct sr_spill_sample *sample)
{
    const uint32_t class = sr_ring_class_of(other);
    const uint32_t own = sr_ring_class_of(ring->ring);
    if (class > own) {
        return room < SR_SAMPLE_WORDS_MAX;
    }
    return class < own && room > ((uint64_t)ring->hot.mask + 1) / 4 * 3 &&
           (sample->meta & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION;
}

/* The agent reserved a ring of another class for us: take it, give back ours. Wait-free: one try. */
static SR_COLD bool adopt(struct sr_ring *ring, uint64_t offer, uint64_t room,
                          const struct sr_spill_sample *sample)
{
    if (offer > SR_RING_MAX) {
        return false;
    }
    const uint32_t other = (uint32_t)(offer - 1);
    struct sr_segment *segment = ring->segment;
    if (!suits(ring, other, room, sample) || !sr_segment_ring_is_reserved(segment, other)) {
        return false;
    }
    _Atomic uint64_t *state = sr_segment_ring_state(segment, other);
    /* relaxed: a look; the CAS decides */
    uint64_t seen = atomic_load_explicit(state, memory_order_relaxed);
    if (sr_state_of(seen) != SR_RING_OFFERED || sr_state_slot(seen) != ring->slot) {
        return false;
    }
    const uint32_t generation = sr_state_generation(seen) + 1;
    /* acquire: as in claim_state() */
    if (!atomic_compare_exchange_strong_explicit(state, &seen,
                                                 sr_state_word(generation, ring->slot, SR_RING_CLAIMING),
                                                 memory_order_acquire, memory_order_relaxed)) {
        return false;
    }
    /* relaxed: our own store at the claim; for people */
    const uint32_t tid =
        atomic_load_explicit(&sr_segment_ring_info(segment, ring->ring)->tid, memory_order_relaxed);
    struct sr_ring view;
    take_possession(segment, other, ring->slot, generation, ring->primitive, tid, sample->duration_ns, &view);
    SR_CRASHPOINT(ring_adopted);
    if (sr_move_has_begun(segment)) { /* it does not come along (move.h G2) */
        sr_ring_release(&view);
        return false;
    }
    view.hot.busy = ring->hot.busy; /* G5 holds throughout: the copy writes busy over itself */
    struct sr_ring old = *ring;
    *ring = view;
    sr_ring_release(&old);
    return true;
}

static bool spill(struct sr_ring *ring, const struct sr_spill_sample *sample)
{
    struct sr_spill *spill = &ring->spill;
    const uint64_t kind = sample->meta & SR_SAMPLE_KIND_MASK;
    if (SR_UNLIKELY(kind != SR_KIND_EXECUTION)) {
        sr_spill_book(spill, kind == SR_KIND_AMOUNT ? SR_SPILL_AMOUNTS : SR_SPILL_CANCELS, sample, -1);
        return true;
    }
    /* acquire: pairs with the agent's release after it announced; else its new epoch comes with the old bounds, and we keep
     * them as if they were the new ones */
    const uint64_t epoch = atomic_load_explicit(&ring->control->bounds_epoch, memory_order_acquire);
    if (SR_UNLIKELY(epoch != spill->bounds.epoch || !spill->bounds.present)) {
        sr_spill_read_bounds(&spill->bounds, ring->segment, ring->primitive, epoch);
        sr_spill_map_plain(spill);
    }
    const uint32_t bucket = sr_bucket_index(sample->duration_ns);
    const uint32_t local = bucket - spill->base;
    if (SR_UNLIKELY(local >= spill->cells)) {
        return false;
    }
    int bound = -1;
    if (SR_UNLIKELY(!sr_spill_is_plain(spill, bucket))) {
        const int slot = sr_bound_slot(spill->bounds.ns, spill->bounds.count, sample->duration_ns);
        bound = slot >= 0 ? (int)sr_spill_bound_entry(spill, slot) : -1;
    }
    const uint32_t half = sample->meta & SR_SAMPLE_FAILURE ? spill->cells : 0;
    sr_spill_book(spill, SR_SPILL_CELLS + half + local, sample, bound);
    return true;
}

/* The ring seems full: look at the head, adopt a ring of another class when one is offered. Is there room for the sample and `more`
 * words? If there is none the ring spills. */
SR_INLINE bool find_room(struct sr_ring *ring, const struct sr_spill_sample *sample, uint64_t now_ns,
                         uint64_t more)
{
    uint64_t words = sr_ring_words_of(ring, now_ns, sample->cost, sample->savings) + more;
    uint64_t head = look_at_head(ring);
    if (ring->is_direct) {
        ring->spill.hot.full_head = head; /* which never moves */
        return false;
    }
    uint64_t room = room_at(ring, head);
    /* acquire: pairs with the agent's release of the offer; else the offered ring's pages are not seen reserved */
    const uint64_t offer = atomic_load_explicit(&ring->consumer->offer, memory_order_acquire);
    if (SR_UNLIKELY(offer != 0) && now_ns < SR_CLOCK_MOVED && adopt(ring, offer, room, sample)) {
        head = look_at_head(ring);
        room = room_at(ring, head);
        words = sr_ring_words_of(ring, now_ns, sample->cost, sample->savings) + more; /* its first mark */
    }
    /* Hysteresis: once spilling, back to the ring only when a quarter of it is free. */
    const uint64_t wanted = ring->spilling ? ((uint64_t)ring->hot.mask + 1) / 4 : words;
    if (room >= wanted) {
        ring->spilling = 0;
        ring->hot.limit = ring->hot.tail + room;
        return true;
    }
    ring->spilling = 1;
    ring->hot.limit = ring->hot.tail; /* a last word or two that were too few for this sample stay empty */
    ring->spill.hot.full_head = head;
    return false;
}

bool sr_ring_overflow(struct sr_ring *ring, const struct sr_spill_sample *sample)
{
    if (SR_UNLIKELY(sr_ring_has_to_follow(ring))) { /* G6 */
        return false;
    }
    const uint64_t now_ns = sr_ring_clock(ring);
    if (!find_room(ring, sample, now_ns, 0)) {
        return spill(ring, sample);
    }
    sr_ring_publish(ring, now_ns, sample->meta, sample->duration_ns, sample->cost, sample->savings);
    return true;
}

bool sr_ring_put_traced(struct sr_ring *ring, const struct sr_spill_sample *sample,
                        const struct sr_sample_trace *trace)
{
    const uint64_t now_ns = sr_ring_clock(ring);
    const uint64_t room = ring->hot.limit - ring->hot.tail;
    if (SR_UNLIKELY(sr_ring_has_to_follow(ring))) { /* G6 */
        return false;
    }
    if (room < sr_ring_words_of(ring, now_ns, sample->cost, sample->savings) + SR_TRACE_WORDS &&
        !find_room(ring, sample, now_ns, SR_TRACE_WORDS)) {
        return sr_ring_overflow(ring, sample); /* it looks once more, which nobody minds who has no room */
    }
    uint64_t at = sr_ring_write(ring, now_ns, sample->meta | SR_SAMPLE_TRACED, sample->duration_ns,
                                sample->cost, sample->savings);
    for (uint32_t i = 0; i < SR_TRACE_WORDS; i++) {
        *sr_ring_word(ring, at++) = trace->words[i];
    }
    sr_ring_advance(ring, at - ring->hot.tail);
    return true;
}
