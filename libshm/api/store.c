/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing stores. A store's struct is kept memory: see process.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "api/process.h"
#include "api/span_clock.h"
#include "pure/name.h"
#include "system/keeper.h"

static struct slipring_store stores[SR_STORE_MAX];
static struct slipring_store unusable; /* the default store when there can be none */
static _Atomic uint32_t store_count;

static void set_status(struct slipring_store *store, enum slipring_status status)
{
    /* release: pairs with slipring_store_status(); who sees OK sees the mapping */
    atomic_store_explicit(&store->status, (uint32_t)status, memory_order_release);
}

static void set_segment(struct slipring_store *store, struct sr_segment *segment)
{
    /* release: pairs with sr_store_segment() */
    atomic_store_explicit(&store->segment, segment, memory_order_release);
}

static void pause_5ms(void)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    (void)nanosleep(&pause, NULL);
}

/* Kept memory: threads that do not know of the next segment yet use this one. NULL: no memory. */
static struct sr_segment *new_segment(void)
{
    void *at =
        mmap(NULL, sizeof(struct sr_segment), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void drop_segment(struct sr_segment *segment)
{
    sr_map_unmap(&segment->map);
    (void)munmap(segment, sizeof *segment);
}

/* With our slot to what continues `here`. IN_USE: the slot did not come along. */
static enum slipring_status bring_slot(struct slipring_store *store, struct sr_segment *next)
{
    struct sr_attachment *attachment = &sr_process->attachments[store->index];
    return sr_attachment_has_slot(attachment) ? sr_slot_follow(next, store->lock_path, &attachment->slot)
                                              : SLIPRING_OK;
}

/* The process begins anew, as one that nobody there knows. */
static void leave_slot(struct slipring_store *store, struct sr_segment *here)
{
    struct sr_attachment *attachment = &sr_process->attachments[store->index];
    if (sr_attachment_has_slot(attachment)) {
        /* relaxed: changed under the lock */
        atomic_store_explicit(&attachment->has_slot, 0, memory_order_relaxed);
        sr_slot_release(here, &attachment->slot);
    }
}

/* Attach to what now has the name, unless that has moved, too (or is the old one, which somebody is just removing). NULL: not now. */
static struct sr_segment *attach_next(const struct slipring_store *store)
{
    struct sr_segment *next = new_segment();
    if (next && (sr_segment_attach(next, store->name, true) != SLIPRING_OK || sr_move_has_happened(next))) {
        drop_segment(next);
        return NULL;
    }
    return next;
}

/* Go over to `next`. False: not now. */
static bool go_over(struct slipring_store *store, struct sr_segment *here, struct sr_segment *next)
{
    const bool continues = sr_segment_header(next)->incarnation == sr_segment_header(here)->incarnation;
    const enum slipring_status status = continues ? bring_slot(store, next) : SLIPRING_IN_USE;
    if (status != SLIPRING_OK && status != SLIPRING_IN_USE) {
        return false;
    }
    if (status == SLIPRING_IN_USE) {
        leave_slot(store, here);
    }
    set_segment(store, next);
    store->asked_ns = 0;
    /* relaxed, both: hints; what the former segment refused is no reason here, whose epoch may be the same */
    atomic_store_explicit(&store->usage_refused, 0, memory_order_relaxed);
    atomic_store_explicit(&sr_process->attachments[store->index].failed_before, 0, memory_order_relaxed);
    if (!continues) { /* the store was removed, and another one made */
        sr_handles_register(store);
    }
    return true;
}

struct sr_segment *sr_store_follow(struct slipring_store *store)
{
    struct sr_segment *here = sr_store_segment(store);
    if (!sr_move_has_happened(here)) {
        return here;
    }
    /* relaxed: the look above ordered what matters */
    const uint64_t clock_ns =
        atomic_load_explicit(&sr_segment_header(here)->control.coarse_ns, memory_order_relaxed);
    if (store->asked_ns == clock_ns) {
        return here;
    }
    store->asked_ns = clock_ns;
    struct sr_segment *next = attach_next(store);
    if (next && !go_over(store, here, next)) {
        drop_segment(next);
        next = NULL;
    }
    return next ? next : here;
}

struct sr_segment *sr_store_shared(struct slipring_store *store)
{
    struct sr_segment *segment = sr_store_segment(store);
    if (SR_UNLIKELY(sr_move_has_happened(segment)) && sr_process_lock()) {
        segment = sr_store_follow(store);
        sr_process_unlock();
    }
    return segment;
}

bool sr_store_has_left(struct slipring_store *store, const struct sr_segment *segment)
{
    if (!sr_move_has_begun(segment)) {
        return false;
    }
    for (int tries = 0; !sr_move_has_happened(segment) && tries < 200; tries++) {
        pause_5ms();
    }
    return sr_store_follow(store) != segment;
}

/* Closed here and removed meanwhile: begin anew. The old mapping stays, its handles are registered again. Lock held. */
static void leave_removed(struct slipring_store *store)
{
    const struct sr_segment *segment = sr_store_segment(store);
    if (!segment || sr_map_is_current(&segment->map) ||
        sr_attachment_has_slot(&sr_process->attachments[store->index])) {
        return;
    }
    set_segment(store, NULL);
    store->is_left = true;
    store->stats_map.base = NULL;
    /* release: no reader takes the old figures for the new store's */
    atomic_store_explicit(&store->stats, NULL, memory_order_release);
    sr_handles_forget(store);
}

/* The ring segment and the lock file. Lock held. */
static enum slipring_status attach(struct slipring_store *store)
{
    struct sr_map lock_file = {.base = NULL};
    enum slipring_status status = sr_map_name(&lock_file, store->name, "lock");
    if (status != SLIPRING_OK) {
        return status;
    }
    memcpy(store->lock_path, lock_file.path, sizeof store->lock_path);
    leave_removed(store);
    int error = 0;
    if (!sr_store_segment(store)) {
        sr_keeper_await(store->name, "ring");
        struct sr_segment *segment = store->is_left ? new_segment() : &store->first;
        status = segment ? sr_segment_make(segment, store->name, 0600, (gid_t)-1) : SLIPRING_NO_MEMORY;
        error = segment ? segment->map.error : 0;
        if (status == SLIPRING_OK) {
            set_segment(store, segment);
        } else if (segment && segment != &store->first) {
            drop_segment(segment);
        }
    }
    if (status == SLIPRING_OK) {
        status = sr_liveness_make(store->lock_path, 0600, (gid_t)-1);
        error = status == SLIPRING_OK ? 0 : errno;
    }
    /* relaxed: for people */
    atomic_store_explicit(&store->error, error, memory_order_relaxed);
    return status;
}

/* Find or add the store's place. NULL: the table is full. Lock held. */
static struct slipring_store *place_of(const char *name)
{
    /* relaxed: changed under the lock; acquire is slipring_store_status()'s */
    uint32_t count = atomic_load_explicit(&store_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(stores[i].name, name) == 0) {
            return &stores[i];
        }
    }
    if (count == SR_STORE_MAX) {
        return NULL;
    }
    struct slipring_store *store = &stores[count];
    memset(store, 0, sizeof *store); /* a fork may have left it half-written in the child */
    memcpy(store->name, name, strlen(name) + 1);
    store->index = count;
    set_status(store, SLIPRING_CLOSED);
    /* relaxed: as above */
    atomic_store_explicit(&store_count, count + 1, memory_order_relaxed);
    return store;
}

static const char *name_or_default(const char *name)
{
    if (name) {
        return name;
    }
    const char *from_environment = secure_getenv("SLIPRING_STORE");
    return from_environment && from_environment[0] ? from_environment : "default";
}

/* One-shot only while nobody opens it otherwise. Lock held. */
static void set_mode(struct slipring_store *store, bool is_oneshot)
{
    if (!is_oneshot) {
        if (slipring_store_status(store) != SLIPRING_OK || sr_store_is_oneshot(store)) {
            sr_span_clock_look(); /* which the few spans of a one-shot store are not worth */
        }
        /* relaxed, all: changed under the lock */
        atomic_store_explicit(&store->is_oneshot, 0, memory_order_relaxed);        /* relaxed: as above */
    } else if (atomic_load_explicit(&store->openers, memory_order_relaxed) == 0) { /* relaxed: as above */
        atomic_store_explicit(&store->is_oneshot, 1, memory_order_relaxed);        /* relaxed: as above */
    }
}

static enum slipring_status open_store(const char *name, bool is_oneshot, struct slipring_store **out_store)
{
    *out_store = NULL;
    name = name_or_default(name);
    if (sr_name_check_store(name) != SR_NAME_OK) {
        return SLIPRING_BAD_NAME;
    }
    enum slipring_status started = sr_process_start();
    if (started != SLIPRING_OK) {
        return started;
    }
    if (!sr_process_lock()) {
        return SLIPRING_BAD_ARGUMENT; /* from a signal handler inside ourselves: documented as not allowed */
    }
    enum slipring_status status = SLIPRING_TABLE_FULL;
    struct slipring_store *store = place_of(name);
    if (store) {
        status = slipring_store_status(store);
        set_mode(store, is_oneshot);
        if (status != SLIPRING_OK) {
            status = attach(store);
            set_status(store, status);
        }
        /* relaxed: changed under the lock */
        (void)atomic_fetch_add_explicit(&store->openers, 1, memory_order_relaxed);
        *out_store = store;
    }
    sr_process_unlock();
    return status;
}

SR_PUBLIC enum slipring_status slipring_open(const char *name, struct slipring_store **out_store)
{
    return open_store(name, false, out_store);
}

SR_PUBLIC enum slipring_status slipring_open_oneshot(const char *name, struct slipring_store **out_store)
{
    return open_store(name, true, out_store);
}

SR_PUBLIC enum slipring_status slipring_close(struct slipring_store *store)
{
    if (!store) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (!sr_process_lock()) {
        return SLIPRING_BAD_ARGUMENT;
    }
    enum slipring_status status = SLIPRING_OK;
    /* relaxed: changed under the lock */
    uint32_t openers = atomic_load_explicit(&store->openers, memory_order_relaxed);
    if (openers == 0) {
        status = SLIPRING_CLOSED;
    } else {
        /* relaxed: as above */
        atomic_store_explicit(&store->openers, openers - 1, memory_order_relaxed);
    }
    if (openers == 1) {
        set_status(store, SLIPRING_CLOSED);
        if (sr_thread_current->is_attached) {
            sr_thread_release(sr_thread_current, store);
        }
        struct sr_attachment *attachment = &sr_process->attachments[store->index];
        if (sr_attachment_has_slot(attachment) && attachment->rings == 0) {
            /* relaxed: changed under the lock; a span that comes meanwhile is not counted, or is aborted: see store.h */
            atomic_store_explicit(&attachment->has_slot, 0, memory_order_relaxed);
            sr_slot_release(sr_store_segment(store), &attachment->slot);
        }
    }
    sr_process_unlock();
    return status;
}

SR_PUBLIC struct slipring_store *slipring_default(void)
{
    static _Atomic(struct slipring_store *) opened;
    /* acquire: pairs with the release below */
    struct slipring_store *store = atomic_load_explicit(&opened, memory_order_acquire);
    if (store) {
        return store;
    }
    const enum slipring_status status = slipring_open(NULL, &store);
    if (!store) { /* no valid name, or no memory: a place that knows why and counts what it drops */
        set_status(&unusable, status);
        enum slipring_status started = sr_process_start();
        (void)started; /* without it there are no handles either, and slipring_primitive_get() says why */
        store = &unusable;
    }
    struct slipring_store *expected = NULL;
    /* release: pairs with the acquire above; acquire on failure: the other thread's store */
    if (!atomic_compare_exchange_strong_explicit(&opened, &expected, store, memory_order_release,
                                                 memory_order_acquire)) {
        enum slipring_status closed = slipring_close(store); /* we were the second opener: give ours back */
        (void)closed;
        store = expected;
    }
    return store;
}

SR_PUBLIC enum slipring_status slipring_store_status(const struct slipring_store *store)
{
    if (!store) {
        return SLIPRING_BAD_ARGUMENT;
    }
    /* acquire: pairs with set_status() */
    return (enum slipring_status)atomic_load_explicit(&store->status, memory_order_acquire);
}

SR_PUBLIC int slipring_store_errno(const struct slipring_store *store)
{
    /* relaxed: for people */
    return store ? atomic_load_explicit(&store->error, memory_order_relaxed) : 0;
}

SR_PUBLIC uint64_t slipring_store_dropped(const struct slipring_store *store)
{
    /* relaxed: a counter for people */
    return store ? atomic_load_explicit(&store->dropped, memory_order_relaxed) : 0;
}
