/* SPDX-License-Identifier: Apache-2.0 */
/* Making a store's files again, and the segments left behind: see move.h. */
#include "peer/move.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/stats_segment.h"
#include "system/guard.h"

/* --- names ---------------------------------------------------------------------------------------------------------------- */

bool sr_drain_has_its_name(const struct sr_drain *drain)
{
    return sr_map_is_current(&drain->segment.map) &&
           sr_liveness_is_current(&drain->liveness, drain->lock_path);
}

bool sr_books_have_their_name(const struct sr_books *books)
{
    return sr_map_is_current(&books->map);
}

/* --- the ring segment ------------------------------------------------------------------------------------------------------ */

static void close_one(struct sr_former *former)
{
    if (former->segment.map.base) {
        sr_guard_remove(former->segment.map.base);
        sr_map_unmap(&former->segment.map);
        sr_liveness_close(&former->liveness);
    }
}

void sr_drain_close_former(struct sr_drain *drain)
{
    for (uint32_t i = 0; drain->former && i < SR_FORMER_MAX; i++) {
        close_one(&drain->former[i]);
    }
    free(drain->former);
    drain->former = NULL;
}

/* A place for one more; if need be, that of one in which no ring lives. NULL: none. */
static struct sr_former *find_place(struct sr_drain *drain)
{
    struct sr_former *empty = NULL;
    for (uint32_t i = 0; i < SR_FORMER_MAX; i++) {
        struct sr_former *former = &drain->former[i];
        if (!former->segment.map.base) {
            return former;
        }
        empty = former->rings == 0 && !empty ? former : empty;
    }
    if (empty) {
        close_one(empty);
    }
    return empty;
}

/* Rings that live in the segment that now is former[index]. */
static void note_away(struct sr_drain *drain, uint32_t index)
{
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        /* relaxed: we made it */
        const uint64_t word =
            atomic_load_explicit(sr_segment_ring_state(&drain->segment, ring), memory_order_relaxed);
        if (sr_state_of(word) == SR_RING_AWAY && drain->home[ring] == 0) {
            drain->home[ring] = (uint8_t)(index + 1);
            drain->former[index].rings++;
            drain->away[drain->away_count++] = ring;
        }
    }
}

static void tell_all(struct sr_drain *drain)
{
    drain->moves++;
    for (uint32_t i = 0; i < SR_FORMER_MAX; i++) {
        if (drain->former[i].segment.map.base) {
            sr_move_tell(&drain->former[i].segment, drain->moves);
        }
    }
}

struct moving {
    const struct sr_drain *drain;
    const struct sr_drain_move *move;
    struct sr_liveness liveness; /* of the new lock file */
};

/* Never the old one, should its name be left: who follows locks the same byte again. */
static enum slipring_status make_lock(void *context)
{
    struct moving *moving = context;
    const char *path = moving->drain->lock_path;
    (void)unlink(path); /* as a rule it is gone already */
    const enum slipring_status status = sr_liveness_make(path, moving->move->mode, moving->move->group);
    return status == SLIPRING_OK ? sr_liveness_open(&moving->liveness, path) : status;
}

static bool forget_blocks(const struct sr_segment *to, void *context)
{
    const struct moving *moving = context;
    bool is_done = true;
    for (uint32_t ring = 0; ring < SR_RING_MAX && is_done; ring++) {
        /* relaxed: we are making it */
        const uint64_t word = atomic_load_explicit(sr_segment_ring_state(to, ring), memory_order_relaxed);
        is_done = sr_state_of(word) != SR_RING_EMPTY || moving->move->forget(ring, moving->move->context);
    }
    return is_done;
}

enum slipring_status sr_drain_move(struct sr_drain *drain, const struct sr_drain_move *move)
{
    struct sr_former *place = find_place(drain);
    struct moving moving = {.drain = drain, .move = move, .liveness = {.fd = -1}};
    const struct sr_move_rules rules = {.mode = move->mode,
                                        .group = move->group,
                                        .make_lock = make_lock,
                                        .forget = forget_blocks,
                                        .context = &moving};
    struct sr_segment next = {.map = {.base = NULL}};
    if (!place) {
        return SLIPRING_TABLE_FULL;
    }
    if (sr_map_is_current(&drain->segment.map)) {
        (void)unlink(drain->segment.map.path); /* only the lock file was removed: both go on together */
    }
    enum slipring_status status = sr_move_make(&next, &drain->segment, move->store, &rules);
    if (status == SLIPRING_OK) {
        status = sr_guard_add(next.map.base, next.map.bytes, true);
    }
    if (status != SLIPRING_OK) {
        sr_map_unmap(&next.map);
        sr_liveness_close(&moving.liveness);
        return status;
    }
    *place =
        (struct sr_former){.segment = drain->segment, .liveness = drain->liveness, .left = drain->moves + 1};
    drain->segment = next;
    drain->liveness = moving.liveness;
    note_away(drain, (uint32_t)(place - drain->former));
    tell_all(drain);
    SR_CRASHPOINT(move_told);
    return SLIPRING_OK;
}

void sr_drain_give_up(struct sr_drain *drain)
{
    drain->has_given_up = true;
    sr_move_tell(&drain->segment, ++drain->moves);
}

/* --- rings that live elsewhere --------------------------------------------------------------------------------------------- */

/* The ring left its former segment for another one; what it had there is given back. */
static void leave_home(struct sr_drain *drain, uint32_t ring)
{
    struct sr_former *former = &drain->former[drain->home[ring] - 1];
    const struct sr_ring_shape *shape = &sr_ring_shapes[sr_ring_class_of(ring)];
    const uint64_t place = ring - shape->first_ring;
    sr_map_discard(&former->segment.map, shape->pool_off + place * shape->block_bytes, shape->block_bytes);
    former->rings--;
    sr_drain_forget_seen(drain, ring);
}

/* away[i] lives here now. */
static void come_home(struct sr_drain *drain, uint32_t i)
{
    const uint32_t ring = drain->away[i];
    leave_home(drain, ring);
    drain->home[ring] = 0;
    drain->away[i] = drain->away[--drain->away_count];
}

static bool is_away(const struct sr_segment *segment, uint32_t ring)
{
    /* acquire: pairs with the owner's release in sr_ring_follow(): all of the ring is there */
    return sr_state_of(atomic_load_explicit(sr_segment_ring_state(segment, ring), memory_order_acquire)) ==
           SR_RING_AWAY;
}

/* An owner that was stopped before the one store of sr_ring_follow() made a segment its home that we had left meanwhile (G1). */
static void note_late_home(struct sr_drain *drain, uint32_t ring)
{
    uint32_t home = drain->home[ring] - 1u;
    for (uint32_t i = 0; i < SR_FORMER_MAX; i++) {
        const struct sr_former *former = &drain->former[i];
        if (former->segment.map.base && former->left > drain->former[home].left &&
            !is_away(&former->segment, ring)) {
            home = i;
        }
    }
    if (home != drain->home[ring] - 1u) {
        leave_home(drain, ring);
        drain->home[ring] = (uint8_t)(home + 1);
        drain->former[home].rings++;
    }
}

void sr_drain_note_homes(struct sr_drain *drain)
{
    for (uint32_t i = drain->away_count; i-- > 0;) {
        const uint32_t ring = drain->away[i];
        if (is_away(&drain->segment, ring)) {
            note_late_home(drain, ring);
        } else {
            come_home(drain, i);
        }
    }
}

void sr_drain_leave(struct sr_drain *drain, uint32_t ring, uint64_t head, uint64_t begun)
{
    sr_move_leave(drain->home[ring] != 0 ? sr_drain_home(drain, ring) : NULL, &drain->segment, ring, head,
                  begun);
    for (uint32_t i = 0; i < drain->away_count; i++) {
        if (drain->away[i] == ring) {
            come_home(drain, i);
            return;
        }
    }
}

void sr_drain_pour(struct sr_drain *drain)
{
    for (uint32_t i = 0; i < SR_FORMER_MAX; i++) {
        if (drain->former[i].segment.map.base) {
            sr_move_pour(&drain->former[i].segment, &drain->segment);
        }
    }
}

bool sr_drain_lives_elsewhere(const struct sr_drain *drain, uint32_t slot)
{
    for (uint32_t i = 0; i < SR_FORMER_MAX; i++) {
        if (drain->former[i].segment.map.base && sr_liveness_is_alive(&drain->former[i].liveness, slot)) {
            return true;
        }
    }
    return false;
}

/* --- the stats segment ------------------------------------------------------------------------------------------------------ */

struct copying {
    struct sr_books *from;
    struct sr_map *to;
    int fd; /* of the new file, its agent's byte locked */
    bool is_ours;
};

/* The header without its last word, and everything else that is reserved from the beginning. */
static void copy_dense(uint8_t *base, const struct sr_books *from)
{
    struct sr_stats_header_shm header;
    memcpy(&header, from->map.base, sizeof header);
    /* relaxed: a private copy */
    atomic_store_explicit(&header.ready, 0, memory_order_relaxed);
    memcpy(base, &header, sizeof header);
    memcpy(base + SR_PAGE_BYTES, from->map.base + SR_PAGE_BYTES, SR_STATS_DENSE_BYTES - SR_PAGE_BYTES);
}

static enum slipring_status copy_range(struct copying *copying, uint64_t offset, uint64_t bytes)
{
    const enum slipring_status status = sr_map_reserve(copying->to, offset, bytes);
    if (status == SLIPRING_OK) {
        memcpy(copying->to->base + offset, copying->from->map.base + offset, bytes);
    }
    return status;
}

static enum slipring_status copy_figures(struct copying *copying)
{
    const uint64_t bytes = copying->from->figures_high * SR_FIGURE_BYTES;
    return bytes == 0 ? SLIPRING_OK : copy_range(copying, offsetof(struct sr_stats_map, figure), bytes);
}

static uint32_t items_of(enum sr_optional kind)
{
    return kind == SR_OPTIONAL_USAGE ? SR_USAGE_MAX : SR_PRIMITIVE_MAX;
}

/* Optional figures that a reader would look at, neighbours at once: nearly every primitive has a histogram. */
static enum slipring_status copy_optional(struct copying *copying, enum sr_optional kind)
{
    const struct sr_optional_region *region = sr_books_optional_region(kind);
    const uint32_t items = items_of(kind);
    const uint32_t step = region->sharing;
    enum slipring_status status = SLIPRING_OK;
    for (uint32_t index = 0, count = 0; index < items && status == SLIPRING_OK; index += count + step) {
        for (count = 0; index + count < items && sr_books_has(copying->from, kind, index + count);) {
            count += step;
        }
        if (count > 0) {
            status = copy_range(copying, region->offset + index * region->bytes, count * region->bytes);
        }
    }
    return status;
}

/* The pages that exist, neighbours at once. */
static enum slipring_status copy_words(struct copying *copying)
{
    const struct sr_words *words = &copying->from->words;
    enum slipring_status status = SLIPRING_OK;
    const uint32_t pages = (uint32_t)(SR_WORD_COUNT / SR_WORDS_PER_PAGE);
    for (uint32_t page = 0, count = 0; page < pages && status == SLIPRING_OK; page += count + 1) {
        for (count = 0; page + count < pages && sr_words_exist(words, (page + count) * SR_WORDS_PER_PAGE);) {
            count++;
        }
        if (count > 0) {
            status =
                copy_range(copying, offsetof(struct sr_stats_map, words) + (uint64_t)page * SR_PAGE_BYTES,
                           (uint64_t)count * SR_PAGE_BYTES);
        }
    }
    return status;
}

/* With the making lock held: alone in the new file. */
static enum slipring_status copy(uint8_t *base, void *context)
{
    struct copying *copying = context;
    copy_dense(base, copying->from);
    enum slipring_status status = copy_figures(copying);
    for (unsigned kind = 0; kind < SR_OPTIONAL_COUNT && status == SLIPRING_OK; kind++) {
        status = copy_optional(copying, kind);
    }
    if (status == SLIPRING_OK) {
        status = copy_words(copying);
    }
    if (status == SLIPRING_OK) {
        status = sr_books_lock_file(copying->to->path, &copying->fd);
    }
    if (status == SLIPRING_OK) {
        SR_CRASHPOINT(move_books_copied);
        copying->is_ours = true;
        /* release: pairs with ready_of(); else an attacher sees half-copied books */
        atomic_store_explicit(&sr_stats_segment_header(base)->ready, 1, memory_order_release);
    }
    return status;
}

enum slipring_status sr_books_move(struct sr_books *books, mode_t mode, gid_t group)
{
    struct sr_map next = {.base = NULL};
    memcpy(next.path, books->map.path, sizeof next.path);
    struct copying copying = {.from = books, .to = &next, .fd = -1};
    enum slipring_status status = sr_stats_segment_make_with(&next, mode, group, copy, &copying);
    if (status == SLIPRING_OK && !copying.is_ours) {
        status = SLIPRING_CONFLICT;
    }
    if (status == SLIPRING_OK) {
        /* release: after the other one is ready; pairs with has_moved() in api/readback.c */
        atomic_store_explicit(&sr_stats_segment_header(books->map.base)->has_moved, 1, memory_order_release);
        status = sr_map_replace(&books->map, &next);
    }
    if (status != SLIPRING_OK) {
        sr_map_unmap(&next);
        if (copying.fd >= 0) {
            (void)close(copying.fd); /* the lock goes with it */
        }
        return status;
    }
    (void)close(books->fd); /* the old file's lock, which nobody asks for any more */
    books->fd = copying.fd;
    sr_words_retry(&books->words); /* where there was no name, no page was to be had */
    return SLIPRING_OK;
}
