/* SPDX-License-Identifier: Apache-2.0 */
/* The library's state in its host process: see process.h. */
#include "api/process.h"

#include <sys/mman.h>

#include "api/thread.h"

struct sr_process *sr_process;
uint64_t sr_arena_bytes;

/* Kept memory, so that a child does not register again: pthread_atfork and the key outlive fork. */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint32_t last_attach_id;

/* G2. A thread that forks inside its own slow path (from a signal handler) holds the lock already. */
static void before_fork(void)
{
    if (sr_process && sr_thread_depth == 0) {
        (void)pthread_mutex_lock(&sr_process->lock);
    }
}

static void after_fork_in_parent(void)
{
    if (sr_process && sr_thread_depth == 0) {
        (void)pthread_mutex_unlock(&sr_process->lock);
    }
}

/* In the child everything that was locked is wiped. Only the thread's own marks are left to clear. */
static void after_fork_in_child(void)
{
    sr_thread_depth = 0;
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

enum slipring_status sr_process_start(void)
{
    (void)pthread_mutex_lock(&start_lock);
    enum slipring_status status = sr_process ? SLIPRING_OK : start();
    (void)pthread_mutex_unlock(&start_lock);
    return status;
}

bool sr_process_lock(void)
{
    if (sr_thread_depth != 0 || !sr_process) {
        return false;
    }
    sr_thread_depth = 1;
    atomic_signal_fence(memory_order_seq_cst); /* a handler from here on sees the mark */
    (void)pthread_mutex_lock(&sr_process->lock);
    return true;
}

void sr_process_unlock(void)
{
    (void)pthread_mutex_unlock(&sr_process->lock);
    atomic_signal_fence(memory_order_seq_cst); /* until here */
    sr_thread_depth = 0;
}

void *sr_process_alloc(uint64_t bytes)
{
    const uint64_t first = (sizeof(struct sr_process) + SR_LINE_BYTES - 1) / SR_LINE_BYTES * SR_LINE_BYTES;
    const uint64_t at = sr_process->arena_used ? sr_process->arena_used : first;
    const uint64_t padded = (bytes + SR_LINE_BYTES - 1) / SR_LINE_BYTES * SR_LINE_BYTES;
    if (padded > sr_arena_bytes - at) {
        return NULL;
    }
    sr_process->arena_used = at + padded;
    return (uint8_t *)sr_process + at;
}

uint32_t sr_process_attach_id(void)
{
    /* relaxed: changed under the lock; spans of other threads were handed over by their program */
    uint32_t id = atomic_load_explicit(&sr_process->id, memory_order_relaxed);
    if (id == 0) {
        /* relaxed: unique is all it has to be */
        id = atomic_fetch_add_explicit(&last_attach_id, 1, memory_order_relaxed) + 1;
        /* relaxed: as above */
        atomic_store_explicit(&sr_process->id, id, memory_order_relaxed);
    }
    return id;
}

struct sr_attachment *sr_process_attachment(struct slipring_store *store)
{
    struct sr_attachment *attachment = &sr_process->attachments[store->index];
    if (attachment->is_attached) {
        return attachment;
    }
    (void)sr_process_attach_id(); /* also without a slot: a span has to know its process */
    /* relaxed: a hint when to try again */
    const uint64_t epoch = atomic_load_explicit(&sr_segment_header(&store->segment)->control.reserve_epoch,
                                                memory_order_relaxed);
    if (attachment->has_failed && attachment->failed_epoch == epoch) {
        return NULL;
    }
    enum slipring_status status = sr_slot_take(&store->segment, store->lock_path, &attachment->slot);
    attachment->has_failed = status != SLIPRING_OK;
    attachment->failed_epoch = epoch;
    if (status != SLIPRING_OK) {
        return NULL;
    }
    attachment->is_attached = 1;
    return attachment;
}
