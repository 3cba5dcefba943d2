/* SPDX-License-Identifier: Apache-2.0 */
/* What the library keeps in its host process, and how that survives fork, signals and threads.
 *
 * Two kinds of memory:
 *   wiped   one private mapping with MADV_WIPEONFORK: the process lock, slots, threads, rings. A forked child, however
 *           it was forked, reads zero there, and zero means "not attached": its first record attaches it anew.
 *           A child can so never write into its parent's rings.
 *   kept    handles of stores and primitives: names, ids, mappings. Valid in the child as they are.
 * Neither is ever given back: a handle stays valid memory.
 *
 * G1  Thread-local storage is 32 bytes, initial-exec: the thread, its table of rings and the table's size for the hot path, a flag. It
 *     fits what dlopen has left.
 * G2  The process lock is taken only outside the hot path. Its holder is not cancelled, and no signal handler comes, but for signals
 *     that the thread's own instructions raise (a handler of SIGSEGV, say): what is recorded in one that interrupted the holder
 *     (sr_thread_depth says so) goes to the shared spill. So nobody leaves by siglongjmp() with the lock held. fork() waits for it, so that no
 *     child is born with a liveness lock half-taken (system/liveness.h); a raw clone() does not wait, and its child
 *     finds the lock wiped, that is, free.
 * G3  No thread is started, no signal handler installed, no descriptor kept open. One thread-specific key, for giving
 *     rings back at a thread's end, and one pthread_atfork, at the first open.
 * G4  What the child allocates lies behind what its parent had: a pointer into the arena that some thread or its key still
 *     holds reads zeros there, never another thread's rings.
 * G5  A store opened by slipring_open_oneshot() alone has no rings and no thread in this process: its records go to the shared
 *     spill without the lock. A slot is taken where somebody has to know whether the process lives: at its first span, and to
 *     register a new name. Spans then stand in the slot's table.
 * G6  What the arena has no room for is not asked for again, nor the lock taken for it, before a thread has ended and given
 *     something back: such a record goes to the shared spill.
 *
 * Two limits, both of handlers that come at a bad moment. A thread's very first record sets the key's value, and glibc
 * allocates for that when the host made 32 keys before us: such a host should not let a handler that may have interrupted
 * malloc() be the first to record in its thread. And a fork() from a handler that interrupted a call of this library leaves
 * a child that must not return from the handler: the call would go on in wiped memory (POSIX took fork() off the list
 * of what handlers may call in 2024; _exit and exec are fine). */
#ifndef SR_API_PROCESS_H
#define SR_API_PROCESS_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <slipring/slipring.h>

#include "protocol/move.h"
#include "protocol/ring.h"
#include "protocol/segment.h"
#include "protocol/slot.h"

#define SR_STORE_MAX    8u
#define SR_HANDLE_MAX   65536u
#define SR_RELEASED_MAX 4096u
#define SR_ARENA_BYTES  (UINT64_C(1) << 30) /* address space, not memory */

/* --- kept ---------------------------------------------------------------------------------------------------------------- */

struct slipring_store {
    struct sr_segment first;
    _Atomic(struct sr_segment *)
        segment;       /* &first; after a move (move.h) its successor. What it was stays mapped */
    uint64_t asked_ns; /* of the segment's clock when following it failed. Under the lock */
    _Atomic uint64_t dropped;
    _Atomic uint64_t
        usage_refused; /* no page for a usage account was to be had at reserve epoch usage_refused - 1; 0: none failed */
    _Atomic(const uint8_t *) stats; /* read-only mapping of the stats segment; NULL: not yet */
    struct sr_map stats_map;
    uint32_t index;          /* in the table of stores */
    _Atomic uint32_t status; /* enum slipring_status */
    _Atomic uint32_t openers;
    _Atomic uint32_t is_oneshot; /* this process claims no ring of it (G5) */
    _Atomic int error;
    bool is_left; /* first was removed, and may still be in use: not to be used again */
    char name[SLIPRING_STORE_NAME_MAX + 1];
    char lock_path[PATH_MAX];
};

struct slipring_primitive {
    uint32_t index;          /* of the handle: place in each thread's table of rings. First: see inline.h */
    _Atomic uint32_t place;  /* 0: records reach nothing; else 1 + the id that they are booked under */
    _Atomic uint32_t status; /* enum slipring_status: OK, or why it records under __overflow__ or drops */
    _Atomic uint32_t mode;   /* enum slipring_mode */
    struct slipring_store *store;
    uint64_t hash;
    char name[SLIPRING_PRIMITIVE_NAME_MAX + 1];
    char type[SLIPRING_PRIMITIVE_TYPE_MAX + 1];
};
_Static_assert(offsetof(struct slipring_primitive, index) == 0, "slipring_inline_find() reads it there");

SR_INLINE bool sr_handle_is_live(const struct slipring_primitive *primitive)
{
    /* relaxed: one word, ordered with nothing; the entry it names was READY before */
    return atomic_load_explicit(&primitive->place, memory_order_relaxed) != 0;
}

SR_INLINE bool sr_handle_is_direct(const struct slipring_primitive *primitive)
{
    /* relaxed: a wish, ordered with nothing */
    return atomic_load_explicit(&primitive->mode, memory_order_relaxed) == SLIPRING_DIRECT;
}

/* Where the store is now, once it was attached. */
SR_INLINE struct sr_segment *sr_store_segment(const struct slipring_store *store)
{
    /* acquire: pairs with the release in store.c; else the mapping is not seen */
    return atomic_load_explicit(&store->segment, memory_order_acquire);
}

/* The registry id of a live handle. */
SR_INLINE uint32_t sr_handle_id(const struct slipring_primitive *primitive)
{
    /* relaxed: as above */
    return atomic_load_explicit(&primitive->place, memory_order_relaxed) - 1;
}

SR_INLINE bool sr_store_is_oneshot(const struct slipring_store *store)
{
    /* relaxed: whoever still sees the former mode records the former way */
    return atomic_load_explicit(&store->is_oneshot, memory_order_relaxed) != 0;
}

/* --- wiped --------------------------------------------------------------------------------------------------------------- */

struct sr_thread {
    uint32_t ring_count; /* size of rings[]; 0: not attached, or wiped */
    uint32_t is_attached;
    struct sr_ring **rings;  /* by handle index; NULL: no ring yet */
    struct sr_ring *retired; /* absent ones that a claimed ring replaced; linked through ->segment */
    struct sr_thread *next_free;
};

/* A ring that a thread of this process gave back, and that another one may take up again. */
struct sr_released {
    uint32_t ring;
    uint32_t handle;
};

struct sr_attachment {         /* to one store */
    struct sr_slot_hold slot;  /* valid when attached */
    _Atomic uint32_t has_slot; /* changed under the lock */
    uint32_t rings;            /* held now */
    _Atomic uint64_t
        failed_before; /* no slot was to be had at reserve epoch failed_before - 1; 0: none failed */
};

SR_INLINE bool sr_attachment_has_slot(const struct sr_attachment *attachment)
{
    /* acquire: pairs with the release in sr_process_attachment(); else a thread that held no lock sees no slot there yet */
    return atomic_load_explicit(&attachment->has_slot, memory_order_acquire) != 0;
}

struct sr_process {
    pthread_mutex_t lock; /* zero is PTHREAD_MUTEX_INITIALIZER on Linux */
    _Atomic uint32_t id;  /* attachment id, for spans; 0: not attached */
    uint32_t released_count;
    int cancel_type; /* of the thread that holds the lock, as the host has it; likewise: */
    int cancel_state;
    sigset_t mask;
    _Atomic uint32_t is_full; /* the arena had no room, and nothing came back since (G6) */
    struct sr_thread *free_threads;
    struct sr_ring *free_rings; /* linked through ->segment */
    struct sr_attachment attachments[SR_STORE_MAX];
    struct sr_released released[SR_RELEASED_MAX];
};

extern __thread struct sr_thread *sr_thread_current __attribute__((tls_model("initial-exec")));
extern __thread uint32_t sr_thread_depth
    __attribute__((tls_model("initial-exec")));                             /* inside the slow path */
extern struct sr_process *sr_process __attribute__((visibility("hidden"))); /* NULL before the first open */

extern uint64_t sr_arena_bytes __attribute__((visibility("hidden")));

/* Map the arena, register fork handler and key, once. OK, NO_MEMORY, SYSTEM. */
SR_MUST_CHECK enum slipring_status sr_process_start(void);

/* The lock, for slow paths. Locking marks the thread (G2); false: this thread is inside already, or no start. */
SR_MUST_CHECK bool sr_process_lock(void);
void sr_process_unlock(void);

/* Wiped memory, zeroed, 128-byte aligned; NULL when the arena is used up. Lock held. */
void *sr_process_alloc(uint64_t bytes);

/* The id of this process's attachment: new in a forked child. Needs no lock. */
uint32_t sr_process_attach_id(void);

/* The store's slot in this process; takes one at the first call. NULL: none to be had (now). Lock held. */
struct sr_attachment *sr_process_attachment(struct slipring_store *store);

/* The slot that a span without a ring is counted in. NULL: there is none. A one-shot store's is taken here, at the first. */
const struct sr_attachment *sr_process_span_attachment(struct slipring_store *store);

/* The store's segment; if it moved, its successor, followed now with the slot. Lock held. */
struct sr_segment *sr_store_follow(struct slipring_store *store);

/* Where the store's shared spills and usage accounts are. Once it has moved, not in the segment that was left: an agent that is killed now
 * could not pour over what is booked there (move.h G3). Takes the lock then, if it can. */
struct sr_segment *sr_store_shared(struct slipring_store *store);

/* Something was finished in `segment`: has it to be done again, in another one, because the segment is moving (move.h G2)? Waits up to a
 * second for the move. Lock held. */
SR_MUST_CHECK bool sr_store_has_left(struct slipring_store *store, const struct sr_segment *segment);

/* Let this thread's ring, which is busy, follow its store. True: it can be used now, and still is busy. False: it is gone, or cannot be asked here
 * and is not busy any more: use the shared spill. */
SR_MUST_CHECK bool sr_thread_follow(const struct slipring_primitive *primitive, struct sr_ring *ring);

/* This thread's ring for the primitive: claimed at its first record. NULL: there is none to be had, or this
 * thread is inside the slow path already: use the shared spill. first_ns: see sr_ring_claim(). */
struct sr_ring *sr_thread_ring(struct slipring_primitive *primitive, uint64_t first_ns);

/* The handle is booked under another id from now on: the calling thread, too, claims its next ring for that. Lock held. */
void sr_thread_forget(const struct slipring_primitive *primitive);

/* Release the calling thread's rings of one store (NULL: of all). Lock held. */
void sr_thread_release(struct sr_thread *thread, const struct slipring_store *store);

/* The one indexed load. NULL also for a wiped or new thread, and for a busy ring. */
SR_INLINE struct sr_ring *sr_thread_find(const struct slipring_primitive *primitive)
{
    return (struct sr_ring *)(void *)slipring_inline_find(primitive);
}

/* Handle tables. */
struct slipring_primitive *sr_handle_at(uint32_t index);

/* The store's handles find their ids in the segment that it has now. Lock held. */
void sr_handles_register(const struct slipring_store *store);

/* The store's handles record nowhere until they are got again. Lock held. */
void sr_handles_forget(const struct slipring_store *store);

#endif
