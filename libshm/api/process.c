/* SPDX-License-Identifier: Apache-2.0 */
/* The library's state in its host process: see process.h. */
#include "api/process.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/thread.h"

struct sr_process *sr_process;
uint64_t sr_arena_bytes;

/* Kept memory, so that a child does not register again (pthread_atfork and the key outlive fork), nor begin its attachments
 * and its part of the arena where its parent's are: a thread's stale pointer into the arena reads zeros for ever. */
static _Atomic uint32_t is_started;
static _Atomic uint32_t starter; /* pid of whoever is starting; 0: nobody */
static _Atomic uint32_t last_attach_id;
static uint64_t arena_used; /* changed under the process lock */

/* Values of sr_thread_depth. */
enum { OUTSIDE = 0, INSIDE = 1, FORKING = 2 };

static bool has_started(void)
{
    /* acquire: pairs with the release in sr_process_start(); else sr_process is not seen */
    return atomic_load_explicit(&is_started, memory_order_acquire) == 1;
}

/* G2. A thread that forks inside its own slow path (from a signal handler) holds the lock already. The mark comes first: a
 * handler that records while we hold the lock here must not wait for it. */
static void before_fork(void)
{
    if (has_started() && sr_thread_depth == OUTSIDE) {
        sr_thread_depth = FORKING;
        atomic_signal_fence(memory_order_seq_cst); /* as in sr_process_lock() */
        (void)pthread_mutex_lock(&sr_process->lock);
    }
}

static void after_fork_in_parent(void)
{
    if (sr_thread_depth == FORKING) {
        (void)pthread_mutex_unlock(&sr_process->lock);
        atomic_signal_fence(memory_order_seq_cst); /* as in sr_process_unlock() */
        sr_thread_depth = OUTSIDE;
    }
}

/* In the child everything that was locked is wiped, and so unlocked. What watches locks in a host (ThreadSanitizer) knows
 * nothing of wiping and is told by an unlock, whose traces are wiped again. The thread's own marks are left to clear. */
static void after_fork_in_child(void)
{
    if (sr_thread_depth == FORKING) {
        (void)pthread_mutex_unlock(&sr_process->lock);
        sr_process->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    }
    sr_thread_depth = OUTSIDE;
}

static enum slipring_status start(void)
{
    /* Address space is not memory, but a host with RLIMIT_AS may have little of it. */
    for (uint64_t bytes = SR_ARENA_BYTES; bytes >= SR_ARENA_BYTES >> 6; bytes >>= 2) {
        void *arena =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (arena == MAP_FAILED) {
            continue;
        }
        if (madvise(arena, bytes, MADV_WIPEONFORK) != 0) {
            (void)munmap(arena, bytes);
            return SLIPRING_SYSTEM;
        }
        if (sr_thread_start() != 0 ||
            pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) != 0) {
            (void)munmap(arena, bytes);
            return SLIPRING_NO_MEMORY;
        }
        sr_arena_bytes = bytes;
        sr_process = arena;
        return SLIPRING_OK;
    }
    return SLIPRING_NO_MEMORY;
}

/* No mutex: a child that is forked while another thread starts would find it locked for ever. It finds its parent's pid
 * here instead, and starts itself. */
enum slipring_status sr_process_start(void)
{
    const uint32_t self = (uint32_t)getpid();
    while (!has_started()) {
        /* relaxed: a look; the exchange decides */
        uint32_t seen = atomic_load_explicit(&starter, memory_order_relaxed);
        if (seen == self) {
            (void)sched_yield();
            continue;
        }
        /* acquire: pairs with the release below; else an earlier starter's failure is half seen */
        if (!atomic_compare_exchange_strong_explicit(&starter, &seen, self, memory_order_acquire,
                                                     memory_order_relaxed)) {
            continue;
        }
        enum slipring_status status = sr_process ? SLIPRING_OK : start();
        if (status == SLIPRING_OK) {
            /* release: pairs with has_started() */
            atomic_store_explicit(&is_started, 1, memory_order_release);
        }
        /* release: pairs with the acquire above */
        atomic_store_explicit(&starter, 0, memory_order_release);
        return status;
    }
    return SLIPRING_OK;
}

/* All signals but those that an instruction of the thread itself raises: blocked, they would end the process. */
static void fill_blockable(sigset_t *out_set)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    (void)sigfillset(out_set);
    for (size_t i = 0; i < SR_ARRAY_COUNT(synchronous); i++) {
        (void)sigdelset(out_set, synchronous[i]);
    }
}

/* A handler that leaves by siglongjmp() or pthread_exit(), or a cancellation (the system calls of the slow path are points of it),
 * would leave the lock held for ever: neither comes before the unlock. */
bool sr_process_lock(void)
{
    if (sr_thread_depth != OUTSIDE || !sr_process) {
        return false;
    }
    sigset_t blockable;
    sigset_t mask;
    int cancel_type;
    int cancel_state;
    fill_blockable(&blockable);
    (void)pthread_sigmask(SIG_BLOCK, &blockable, &mask);
    (void)pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &cancel_type); /* glibc 2.36 looks at nothing else */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    sr_thread_depth = INSIDE;
    atomic_signal_fence(memory_order_seq_cst); /* a handler from here on sees the mark */
    (void)pthread_mutex_lock(&sr_process->lock);
    sr_process->cancel_type = cancel_type;
    sr_process->cancel_state = cancel_state;
    sr_process->mask = mask;
    return true;
}

void sr_process_unlock(void)
{
    const int cancel_type = sr_process->cancel_type;
    const int cancel_state = sr_process->cancel_state;
    const sigset_t mask = sr_process->mask;
    (void)pthread_mutex_unlock(&sr_process->lock);
    atomic_signal_fence(memory_order_seq_cst); /* until here */
    sr_thread_depth = OUTSIDE;
    (void)pthread_setcancelstate(cancel_state, NULL);
    (void)pthread_setcanceltype(cancel_type,
                                NULL); /* a cancellation that came meanwhile is acted upon here */
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

void *sr_process_alloc(uint64_t bytes)
{
    const uint64_t first = (sizeof(struct sr_process) + SR_LINE_BYTES - 1) / SR_LINE_BYTES * SR_LINE_BYTES;
    const uint64_t at = arena_used ? arena_used : first;
    const uint64_t padded = (bytes + SR_LINE_BYTES - 1) / SR_LINE_BYTES * SR_LINE_BYTES;
    if (padded > sr_arena_bytes - at) {
        return NULL;
    }
    arena_used = at + padded;
    return (uint8_t *)sr_process + at;
}

uint32_t sr_process_attach_id(void)
{
    /* relaxed: one word; spans of other threads were handed over by their program */
    uint32_t id = atomic_load_explicit(&sr_process->id, memory_order_relaxed);
    if (id == 0) {
        /* relaxed: unique is all it has to be */
        const uint32_t next = atomic_fetch_add_explicit(&last_attach_id, 1, memory_order_relaxed) + 1;
        /* relaxed: as above; another thread's id is as good */
        id = atomic_compare_exchange_strong_explicit(&sr_process->id, &id, next, memory_order_relaxed,
                                                     memory_order_relaxed)
                 ? next
                 : id;
    }
    return id;
}

/* Was there no slot to be had, and has nothing changed since? */
static bool has_failed(const struct slipring_store *store, const struct sr_attachment *attachment)
{
    const struct sr_control_shm *control = &sr_segment_header(sr_store_segment(store))->control;
    /* relaxed, both: hints when to try again */
    const uint64_t epoch = atomic_load_explicit(&control->reserve_epoch, memory_order_relaxed);
    return atomic_load_explicit(&attachment->failed_before, memory_order_relaxed) ==
           epoch + 1; /* relaxed: as above */
}

struct sr_attachment *sr_process_attachment(struct slipring_store *store)
{
    struct sr_attachment *attachment = &sr_process->attachments[store->index];
    if (sr_attachment_has_slot(attachment)) {
        return attachment;
    }
    (void)sr_process_attach_id(); /* also without a slot: a span has to know its process */
    if (has_failed(store, attachment)) {
        return NULL;
    }
    struct sr_segment *segment = sr_store_follow(store);
    /* relaxed: as above; read first, so that what frees up meanwhile is tried */
    const uint64_t epoch =
        atomic_load_explicit(&sr_segment_header(segment)->control.reserve_epoch, memory_order_relaxed);
    bool is_taken = sr_slot_take(segment, store->lock_path, &attachment->slot) == SLIPRING_OK;
    if (is_taken && sr_move_has_begun(segment)) {
        sr_slot_release(segment, &attachment->slot);
        is_taken = false;
    }
    if (!is_taken) {
        /* relaxed: as above */
        atomic_store_explicit(&attachment->failed_before, epoch + 1, memory_order_relaxed);
        return NULL;
    }
    /* release: pairs with sr_attachment_has_slot() */
    atomic_store_explicit(&attachment->has_slot, 1, memory_order_release);
    return attachment;
}

const struct sr_attachment *sr_process_span_attachment(struct slipring_store *store)
{
    const struct sr_attachment *attachment = &sr_process->attachments[store->index];
    if (sr_attachment_has_slot(attachment)) {
        return attachment;
    }
    if (!sr_store_is_oneshot(store) || has_failed(store, attachment) || !sr_process_lock()) {
        return NULL;
    }
    attachment = sr_process_attachment(store);
    sr_process_unlock();
    return attachment;
}
