/* SPDX-License-Identifier: Apache-2.0 */
/* A thread's table of rings: made at its first record, given back at its end. */
#include "api/thread.h"

#include <string.h>

#include "api/process.h"

#define FIRST_RINGS 64u

/* What a thread that never recorded looks like; read only. Saves the hot path a NULL check. */
static struct sr_thread no_thread;

__thread struct sr_thread *sr_thread_current __attribute__((tls_model("initial-exec"))) = &no_thread;
__thread uint32_t sr_thread_depth __attribute__((tls_model("initial-exec")));
__thread struct slipring_inline_thread slipring_inline_thread; /* exported: see inline.h */

static pthread_key_t end_key;

/* --- attaching ------------------------------------------------------------------------------------------------------------ */

/* Where the hot path looks: a copy in the thread-local storage, which saves it a load. In a forked child it still tells of the
 * parent's table: wiped memory, which reads as no rings at all (process.h G4).
 *
 * A handler may come between any two of these stores: with a count it finds a table of that size. It may come between the two loads
 * of slipring_inline_find(), too, and show a greater table: so the count is loaded first. */
static void hide_table(void)
{
    slipring_inline_thread.count = 0;
    atomic_signal_fence(memory_order_seq_cst); /* before the table goes */
    slipring_inline_thread.views = NULL;
}

static void show_table(const struct sr_thread *thread)
{
    hide_table(); /* a forked child's own is smaller than its parent's: it has none yet */
    atomic_signal_fence(memory_order_seq_cst); /* before the new table comes */
    slipring_inline_thread.views = (struct slipring_inline_view **)(void *)thread->rings;
    atomic_signal_fence(memory_order_seq_cst); /* after it has come */
    slipring_inline_thread.count = thread->ring_count;
}

/* This thread's struct, new or wiped by a fork. NULL: no memory. Lock held. */
static struct sr_thread *attach_thread(void)
{
    struct sr_thread *thread = sr_thread_current;
    if (thread->is_attached) {
        return thread;
    }
    thread = sr_process->free_threads;
    if (thread) {
        sr_process->free_threads = thread->next_free;
    } else {
        thread = sr_process_alloc(sizeof *thread);
        if (!thread) {
            return NULL;
        }
    }
    thread->is_attached = 1;
    sr_thread_current = thread;
    show_table(thread);
    /* Without the key (no memory for it) the rings come back when the process ends. */
    (void)pthread_setspecific(end_key, thread);
    return thread;
}

/* Make room for handle `index`. The old table stays valid memory: a signal handler may be reading it. */
static bool grow_table(struct sr_thread *thread, uint32_t index)
{
    uint32_t count = thread->ring_count ? thread->ring_count : FIRST_RINGS;
    while (count <= index) {
        count *= 4;
    }
    if (count == thread->ring_count) {
        return true;
    }
    struct sr_ring **rings = sr_process_alloc((uint64_t)count * sizeof(struct sr_ring *));
    if (!rings) {
        return false;
    }
    if (thread->rings) {
        memcpy(rings, thread->rings, thread->ring_count * sizeof(struct sr_ring *));
    }
    thread->rings = rings;
    thread->ring_count = count;
    show_table(thread);
    return true;
}

/* G6 */
static void mark_full(bool is_full)
{
    /* relaxed: a hint whether to take the lock; what it is about is looked at under the lock */
    atomic_store_explicit(&sr_process->is_full, is_full, memory_order_relaxed);
}

static bool is_full(void)
{
    /* relaxed: as above */
    return atomic_load_explicit(&sr_process->is_full, memory_order_relaxed) != 0;
}

static struct sr_ring *new_ring(void)
{
    struct sr_ring *ring = sr_process->free_rings;
    if (ring) {
        sr_process->free_rings = (struct sr_ring *)(void *)ring->hot.words;
        memset(ring, 0, sizeof *ring);
        return ring;
    }
    return sr_process_alloc(sizeof *ring);
}

static void free_ring(struct sr_ring *ring)
{
    memset(ring, 0, sizeof *ring);
    ring->hot.words = (uint64_t *)(void *)sr_process->free_rings; /* the link of the free list */
    sr_process->free_rings = ring;
    mark_full(false);
}

/* --- rings ---------------------------------------------------------------------------------------------------------------- */

/* A ring of this primitive that another thread of ours gave back. */
static bool retake(struct slipring_primitive *primitive, const struct sr_attachment *attachment,
                   struct sr_ring *ring)
{
    for (uint32_t i = sr_process->released_count; i-- > 0;) {
        const uint32_t id = sr_process->released[i].ring;
        const bool is_direct = sr_ring_class_of(id) == SR_CLASS_direct;
        if (sr_process->released[i].handle != primitive->index ||
            is_direct != sr_handle_is_direct(primitive)) {
            continue;
        }
        sr_process->released[i] = sr_process->released[--sr_process->released_count];
        if (sr_ring_retake(sr_store_segment(primitive->store), id, attachment->slot.slot,
                           sr_handle_id(primitive), ring)) {
            return true;
        }
    }
    return false;
}

static bool claim(struct slipring_primitive *primitive, const struct sr_attachment *attachment,
                  uint64_t first_ns, struct sr_ring *ring)
{
    struct sr_segment *segment = sr_store_segment(primitive->store);
    if (retake(primitive, attachment, ring)) {
        return true;
    }
    /* relaxed: a soft limit */
    const uint32_t cap =
        atomic_load_explicit(&sr_segment_header(segment)->control.ring_cap, memory_order_relaxed);
    if (attachment->rings >= cap) {
        return false;
    }
    static const uint32_t classes[] = {SR_CLASS_direct, SR_CLASS_small, SR_CLASS_mid, SR_CLASS_big};
    for (uint32_t i = sr_handle_is_direct(primitive) ? 0 : 1; i < SR_ARRAY_COUNT(classes); i++) {
        enum slipring_status status = sr_ring_claim(segment, attachment->slot.slot, sr_handle_id(primitive),
                                                    classes[i], first_ns, ring);
        if (status != SLIPRING_IN_USE) {
            return status == SLIPRING_OK;
        }
    }
    return false;
}

/* A ring that records nothing itself: always busy, so every record goes on to the shared spill without trying to
 * claim again before the agent says that it is worth it. */
static void make_absent(struct sr_ring *ring, struct slipring_primitive *primitive, uint64_t epoch)
{
    memset(ring, 0, sizeof *ring);
    ring->control = &sr_segment_header(sr_store_segment(primitive->store))->control;
    ring->hot.busy = 1;
    ring->hot.limit = epoch;
}

static bool is_absent(const struct sr_ring *ring)
{
    return ring->hot.words == NULL;
}

/* Out of the table, busy for ever, and neither rebuilt nor freed while the thread lives: a handler may have found it just now. */
static void retire(struct sr_thread *thread, struct sr_ring *ring)
{
    ring->segment = (struct sr_segment *)(void *)thread->retired; /* the link of the list */
    thread->retired = ring;
}

/* Claim for a thread that has no ring of this primitive, or an absent one (old). A handler may interrupt us, and we may be a
 * handler that interrupted somebody who has just found the old one: so it is neither rebuilt nor freed while the thread lives. */
static struct sr_ring *replace(struct sr_thread *thread, struct slipring_primitive *primitive,
                               uint64_t first_ns)
{
    struct sr_ring *old = thread->rings[primitive->index];
    struct sr_ring *ring = new_ring();
    if (!ring) {
        mark_full(true);
        return NULL;
    }
    struct sr_segment *segment = sr_store_follow(primitive->store);
    /* relaxed: a hint when to try again; read first, so that what frees up meanwhile is tried */
    const uint64_t epoch =
        atomic_load_explicit(&sr_segment_header(segment)->control.reserve_epoch, memory_order_relaxed);
    struct sr_attachment *attachment = sr_process_attachment(primitive->store);
    bool is_claimed = attachment && claim(primitive, attachment, first_ns, ring);
    if (is_claimed && sr_move_has_begun(segment)) {
        sr_ring_release(ring); /* where nobody looks for it: it does not come along (move.h G2) */
        is_claimed = false;
    }
    if (is_claimed) {
        attachment->rings++;
    } else if (old) {
        old->hot.limit = epoch;
        free_ring(ring);
        return NULL;
    } else {
        make_absent(ring, primitive, epoch);
    }
    atomic_signal_fence(memory_order_seq_cst); /* a handler sees the ring whole or not at all */
    thread->rings[primitive->index] = ring;
    if (old) {
        retire(thread, old);
    }
    return is_claimed ? ring : NULL;
}

static struct sr_ring *find_or_claim(struct slipring_primitive *primitive, uint64_t first_ns)
{
    struct sr_thread *thread = attach_thread();
    if (!thread || !grow_table(thread, primitive->index)) {
        mark_full(true);
        return NULL;
    }
    struct sr_ring *ring = thread->rings[primitive->index];
    return ring && !is_absent(ring) ? ring : replace(thread, primitive, first_ns);
}

struct sr_ring *sr_thread_ring(struct slipring_primitive *primitive, uint64_t first_ns)
{
    const struct sr_ring *ring = sr_thread_find(primitive);
    if (ring) {
        if (!is_absent(ring)) {
            return NULL; /* busy: we are nested in one of its records */
        }
        /* relaxed: a hint */
        if (atomic_load_explicit(&ring->control->reserve_epoch, memory_order_relaxed) == ring->hot.limit) {
            return NULL;
        }
    }
    if (sr_store_is_oneshot(primitive->store)) {
        (void)sr_process_attach_id(); /* a reservation has to know its process, too */
        return NULL;
    }
    if (is_full() || !sr_process_lock()) {
        return NULL;
    }
    struct sr_ring *claimed = find_or_claim(primitive, first_ns);
    sr_process_unlock();
    return claimed;
}

/* --- moving ---------------------------------------------------------------------------------------------------------------- */

/* Lock held. IN_USE: it is gone; any other than OK: it stays where it is, and works. */
static enum slipring_status follow(const struct slipring_primitive *primitive, struct sr_ring *ring)
{
    struct sr_segment *to = sr_store_follow(primitive->store);
    return to == ring->segment ? SLIPRING_ABSENT : sr_ring_follow(ring, to);
}

bool sr_thread_follow(const struct slipring_primitive *primitive, struct sr_ring *ring)
{
    struct sr_thread *thread = sr_thread_current;
    if (!sr_process_lock()) {
        atomic_signal_fence(memory_order_seq_cst); /* as in record.c: a handler until here sees it busy */
        ring->hot.busy = 0;
        return false;
    }
    const enum slipring_status status = follow(primitive, ring);
    if (status == SLIPRING_IN_USE) {
        thread->rings[primitive->index] = NULL;
        atomic_signal_fence(memory_order_seq_cst); /* a handler does not find a ring that is let go */
        sr_process->attachments[primitive->store->index].rings--;
        retire(thread, ring);
    } else if (status != SLIPRING_OK) {
        sr_ring_stay(ring);
    }
    sr_process_unlock();
    return status != SLIPRING_IN_USE;
}

/* --- giving back ---------------------------------------------------------------------------------------------------------- */

/* Where the store is now: what was recorded last would be found in a segment that was left by the agent alone that left it. */
static void release_ring(struct sr_ring *ring, const struct slipring_primitive *primitive)
{
    if (is_absent(ring)) {
        return;
    }
    struct sr_attachment *attachment = &sr_process->attachments[primitive->store->index];
    if (SR_UNLIKELY(sr_ring_has_to_follow(ring)) && follow(primitive, ring) == SLIPRING_IN_USE) {
        attachment->rings--;
        return;
    }
    if (sr_process->released_count < SR_RELEASED_MAX) {
        sr_process->released[sr_process->released_count++] =
            (struct sr_released){.ring = ring->ring, .handle = primitive->index};
    }
    sr_ring_release(ring);
    attachment->rings--;
}

void sr_thread_release(struct sr_thread *thread, const struct slipring_store *store)
{
    for (uint32_t i = 0; i < thread->ring_count; i++) {
        struct sr_ring *ring = thread->rings[i];
        const struct slipring_primitive *primitive = ring ? sr_handle_at(i) : NULL;
        if (!ring || (store && primitive->store != store)) {
            continue;
        }
        if (store && ring->hot.busy && !is_absent(ring)) {
            continue; /* a reservation is open: its commit is delivered, and the thread's end gives the ring back */
        }
        thread->rings[i] = NULL;
        atomic_signal_fence(memory_order_seq_cst); /* a handler does not find a ring that is given back */
        release_ring(ring, primitive);
        free_ring(ring);
    }
}

void sr_thread_forget(const struct slipring_primitive *primitive)
{
    struct sr_thread *thread = sr_thread_current;
    struct sr_ring *ring = primitive->index < thread->ring_count ? thread->rings[primitive->index] : NULL;
    if (ring && !ring->hot.busy) {
        thread->rings[primitive->index] = NULL;
        atomic_signal_fence(memory_order_seq_cst); /* a handler does not find a ring that is given back */
        release_ring(ring, primitive);
        free_ring(ring);
    }
}

/* The thread ends. Its table is kept for the next one. */
static void end_thread(void *value)
{
    struct sr_thread *thread = value;
    if (!thread->is_attached || !sr_process_lock()) { /* wiped by a fork: nothing of it is ours */
        return;
    }
    sr_thread_release(thread, NULL);
    while (thread->retired) {
        struct sr_ring *ring = thread->retired;
        thread->retired = (struct sr_ring *)(void *)ring->segment;
        free_ring(ring);
    }
    thread->is_attached = 0;
    hide_table();
    sr_thread_current = &no_thread;
    thread->next_free = sr_process->free_threads;
    sr_process->free_threads = thread;
    mark_full(false);
    sr_process_unlock();
}

int sr_thread_start(void)
{
    return pthread_key_create(&end_key, end_thread);
}
