/* SPDX-License-Identifier: Apache-2.0 */
/* Taking and giving back a process slot: see slot.h. */
#include "protocol/slot.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/crashpoint.h"
#include "system/clock.h"

struct search {
    struct sr_segment *segment;
    enum slipring_status refusal; /* of the first reservation that failed: no further one is tried */
};

/* FREE, and its page reserved: only then may its state be looked at. */
static bool slot_is_free(uint32_t slot, void *context)
{
    struct search *search = context;
    if (!sr_segment_slot_is_reserved(search->segment, slot)) {
        if (search->refusal == SLIPRING_OK) {
            search->refusal = sr_segment_reserve_slot(search->segment, slot);
        }
        if (search->refusal != SLIPRING_OK) {
            return false;
        }
    }
    /* acquire: pairs with the agent's release of FREE; else its clearing of the span table comes after our use */
    uint64_t state =
        atomic_load_explicit(&sr_segment_slot(search->segment, slot)->state, memory_order_acquire);
    return sr_state_of(state) == SR_SLOT_FREE;
}

/* --- whose it is: for people only; what cannot be learnt stays 0 -------------------------------------------------------- */

/* What the last taker of this process, or of a forebear, found. Kept over a fork: see G4. Changed with forks kept out. */
static uint64_t known_namespace;
static _Atomic uint32_t known_pid; /* the one who found it, as it calls itself; 0: nobody */

/* Is it our parent who found it? Whoever has a parent of that number is in that parent's namespace: to a process born
 * into a new one its parent is 0. And 1 is who takes orphans in, of any namespace. */
static bool namespace_is_known(void)
{
    /* acquire: pairs with the release in find_namespace(), in a child cloned in between */
    const uint32_t pid = atomic_load_explicit(&known_pid, memory_order_acquire);
    return pid > 1 && (uint32_t)getppid() == pid;
}

static uint64_t find_namespace(void)
{
    if (!namespace_is_known()) { /* else nothing is written: that would cost each child a page of its own */
        struct stat st;
        known_namespace = stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
        /* release: pairs with namespace_is_known() */
        atomic_store_explicit(&known_pid, (uint32_t)getpid(), memory_order_release);
    }
    return known_namespace;
}

/* A process is called what its first thread is called. */
static void find_name(char out_name[16])
{
    if (syscall(SYS_gettid) == getpid()) {
        (void)prctl(PR_GET_NAME, out_name); /* 16 bytes */
        return;
    }
    int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, out_name, 15);
        out_name[n > 0 ? n - 1 : 0] = '\0'; /* without its newline */
        (void)close(fd);
    }
}

static void write_identity(struct sr_slot_shm *shm)
{
    char name[sizeof shm->comm] = "";
    _Static_assert(sizeof name == 16, "what the kernel calls a name");
    find_name(name);
    memcpy(shm->comm, name, sizeof name);
    /* relaxed: for people; OWNED's release publishes them */
    atomic_store_explicit(&shm->pid, (uint32_t)getpid(), memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&shm->pid_namespace, find_namespace(), memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&shm->attached_ns, sr_clock_ns(), memory_order_relaxed);
}

/* --- taking and giving back ------------------------------------------------------------------------------------------------ */

static _Atomic uint32_t *cursor_of(const struct sr_segment *segment)
{
    return &sr_segment_header(segment)->hint.slot_cursor;
}

void sr_slot_hint_free(struct sr_segment *segment, uint32_t slot)
{
    _Atomic uint32_t *cursor = cursor_of(segment);
    /* relaxed: a hint */
    uint32_t seen = atomic_load_explicit(cursor, memory_order_relaxed);
    while (slot < seen &&
           /* relaxed, both: as above */
           !atomic_compare_exchange_weak_explicit(cursor, &seen, slot, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

enum slipring_status sr_slot_take(struct sr_segment *segment, const char *lock_path,
                                  struct sr_slot_hold *out_hold)
{
    /* relaxed: a hint */
    uint32_t first = atomic_load_explicit(cursor_of(segment), memory_order_relaxed);
    uint32_t slot = SR_SLOT_NONE;
    struct sr_liveness_hold hold = {.page = NULL};
    struct search search = {.segment = segment, .refusal = SLIPRING_OK};
    enum slipring_status status =
        sr_liveness_take(lock_path, first % SR_SLOT_MAX, SR_SLOT_MAX, slot_is_free, &search, &hold, &slot);
    if (status != SLIPRING_OK) {
        return status == SLIPRING_IN_USE && search.refusal != SLIPRING_OK ? search.refusal : status;
    }
    SR_CRASHPOINT(slot_locked);
    struct sr_slot_shm *shm = sr_segment_slot(segment, slot);
    write_identity(shm);
    /* relaxed: we hold its byte, nobody else changes a FREE slot */
    uint32_t generation = sr_state_generation(atomic_load_explicit(&shm->state, memory_order_relaxed)) + 1;
    /* release: pairs with the agent's acquire; else it reads the last owner's identity */
    atomic_store_explicit(&shm->state, (uint64_t)generation << 32 | SR_SLOT_OWNED, memory_order_release);
    SR_CRASHPOINT(slot_owned);
    /* relaxed, both: a hint (G4); not when somebody moved it meanwhile: the agent, for one that is free below */
    (void)atomic_compare_exchange_strong_explicit(cursor_of(segment), &first, slot + 1, memory_order_relaxed,
                                                  memory_order_relaxed);
    out_hold->liveness = hold;
    out_hold->slot = slot;
    out_hold->generation = generation;
    return SLIPRING_OK;
}

void sr_slot_release(struct sr_segment *segment, struct sr_slot_hold *hold)
{
    if (hold->slot == SR_SLOT_NONE || !hold->liveness.page) {
        return;
    }
    /* release: after our last ring's RELEASED; the agent folds rings before it frees the slot */
    atomic_store_explicit(&sr_segment_slot(segment, hold->slot)->state,
                          (uint64_t)hold->generation << 32 | SR_SLOT_RELEASED, memory_order_release);
    SR_CRASHPOINT(slot_released);
    sr_liveness_release(&hold->liveness);
    hold->slot = SR_SLOT_NONE;
}

/* --- the span table ----------------------------------------------------------------------------------------------------- */

static struct sr_span_entry_shm *find_entry(struct sr_slot_shm *shm, uint32_t primitive)
{
    for (uint32_t i = 0; i < SR_SPAN_TABLE_COUNT; i++) {
        uint64_t there = 0;
        /* relaxed: a key never changes while its slot lives */
        if (atomic_compare_exchange_strong_explicit(&shm->spans[i].key, &there, (uint64_t)primitive + 1,
                                                    memory_order_relaxed, memory_order_relaxed) ||
            there == (uint64_t)primitive + 1) {
            return &shm->spans[i];
        }
    }
    /* relaxed: a counter for people */
    (void)atomic_fetch_add_explicit(&shm->unattributed, 1, memory_order_relaxed);
    return NULL;
}

bool sr_slot_span_begun(struct sr_segment *segment, uint32_t slot, uint32_t primitive)
{
    struct sr_span_entry_shm *entry = find_entry(sr_segment_slot(segment, slot), primitive);
    if (entry) {
        /* relaxed: its end comes later in time; the agent reads ends first */
        (void)atomic_fetch_add_explicit(&entry->begun, 1, memory_order_relaxed);
    }
    return entry != NULL;
}

bool sr_slot_span_ended(struct sr_segment *segment, uint32_t slot, uint32_t primitive)
{
    struct sr_span_entry_shm *entry = find_entry(sr_segment_slot(segment, slot), primitive);
    if (entry) {
        /* release: after the span's begin; pairs with the agent's acquire: who sees the end sees the begin */
        (void)atomic_fetch_add_explicit(&entry->ended, 1, memory_order_release);
    }
    return entry != NULL;
}

/* --- moving ------------------------------------------------------------------------------------------------------------- */

static bool is_this(uint32_t slot, void *context)
{
    return slot == *(const uint32_t *)context;
}

enum slipring_status sr_slot_follow(struct sr_segment *to, const char *lock_path, struct sr_slot_hold *hold)
{
    struct sr_liveness_hold second = {.page = NULL};
    uint32_t slot = hold->slot;
    if (!sr_segment_slot_is_reserved(to, slot)) {
        return SLIPRING_IN_USE;
    }
    const enum slipring_status status =
        sr_liveness_take(lock_path, slot, SR_SLOT_MAX, is_this, &slot, &second, &slot);
    if (status != SLIPRING_OK) {
        return status;
    }
    /* acquire: after the lock, as in slot_is_free() */
    const uint64_t state = atomic_load_explicit(&sr_segment_slot(to, slot)->state, memory_order_acquire);
    if (state != ((uint64_t)hold->generation << 32 | SR_SLOT_OWNED)) {
        sr_liveness_release(&second);
        return SLIPRING_IN_USE;
    }
    sr_liveness_release(&hold->liveness); /* the agent asks both: one of them was locked all the time */
    hold->liveness = second;
    return SLIPRING_OK;
}

void sr_slot_carry(struct sr_segment *from, struct sr_segment *to, uint32_t slot)
{
    const struct sr_slot_shm *old = sr_segment_slot(from, slot);
    struct sr_slot_shm *new = sr_segment_slot(to, slot);
    memcpy(new->comm, old->comm, sizeof new->comm);
    /* acquire: with its identity */
    const uint64_t state = atomic_load_explicit(&old->state, memory_order_acquire);
    /* relaxed, all: published with the segment */
#define COPY(field)                                                                                          \
    atomic_store_explicit(&new->field, atomic_load_explicit(&old->field, memory_order_relaxed),              \
                          memory_order_relaxed)
    COPY(pid);
    COPY(pid_namespace);
    COPY(attached_ns);
    for (uint32_t i = 0; i < SR_SPAN_TABLE_COUNT; i++) {
        COPY(spans[i].key); /* the same entries: the books know them by place */
    }
#undef COPY
    atomic_store_explicit(&new->state, state, memory_order_relaxed); /* relaxed: as above */
}

/* What stands in a counter, which then is 0. */
static uint64_t take(_Atomic uint64_t *word)
{
    /* relaxed: a look, mostly at nothing */
    if (atomic_load_explicit(word, memory_order_relaxed) == 0) {
        return 0;
    }
    /* acq_rel: ends before begins, on both sides */
    return atomic_exchange_explicit(word, 0, memory_order_acq_rel);
}

void sr_slot_pour(struct sr_segment *from, struct sr_segment *to, uint32_t slot)
{
    struct sr_slot_shm *old = sr_segment_slot(from, slot);
    struct sr_slot_shm *new = sr_segment_slot(to, slot);
    /* relaxed, both: generations only grow, and another one's table is not this one's */
    if (sr_state_generation(atomic_load_explicit(&old->state, memory_order_relaxed)) !=
        sr_state_generation(atomic_load_explicit(&new->state, memory_order_relaxed))) { /* as above */
        return;
    }
    for (uint32_t i = 0; i < SR_SPAN_TABLE_COUNT; i++) {
        /* relaxed: a key never changes while its slot lives */
        const uint64_t key = atomic_load_explicit(&old->spans[i].key, memory_order_relaxed);
        if (key == 0 || key > SR_PRIMITIVE_MAX) {
            continue;
        }
        const uint64_t ended = take(&old->spans[i].ended);
        const uint64_t begun = take(&old->spans[i].begun);
        struct sr_span_entry_shm *entry = ended | begun ? find_entry(new, (uint32_t)(key - 1)) : NULL;
        if (entry) {
            /* relaxed, release: as sr_slot_span_begun() and sr_slot_span_ended() */
            (void)atomic_fetch_add_explicit(&entry->begun, begun, memory_order_relaxed);
            (void)atomic_fetch_add_explicit(&entry->ended, ended, memory_order_release); /* as above */
        }
    }
    /* relaxed: a counter for people */
    (void)atomic_fetch_add_explicit(&new->unattributed, take(&old->unattributed), memory_order_relaxed);
}
