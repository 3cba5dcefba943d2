/* SPDX-License-Identifier: Apache-2.0 */
/* The stats segment as the agent holds it: see books.h. */
#include "peer/books.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/publish.h"
#include "protocol/stats_segment.h"
#include "system/guard.h"

static struct sr_stats_header_shm *header_of(const struct sr_books *books)
{
    return sr_stats_segment_header(books->map.base);
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

/* G2. */
static enum slipring_status check_file(struct sr_books *books, mode_t mode, gid_t group)
{
    struct stat st;
    if (fstat(books->fd, &st) != 0) {
        books->map.error = errno;
        return SLIPRING_SYSTEM;
    }
    if (st.st_dev != books->map.dev || st.st_ino != books->map.ino) {
        return SLIPRING_ABSENT; /* replaced between mapping and opening */
    }
    const bool is_ours = st.st_uid == geteuid() && st.st_nlink == 1 && (st.st_mode & 07777) == mode &&
                         (group == (gid_t)-1 || st.st_gid == group);
    books->map.error = 0;
    return is_ours ? SLIPRING_OK : SLIPRING_UNTRUSTED;
}

/* G1. */
enum slipring_status sr_books_lock_file(const char *path, int *out_fd)
{
    *out_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*out_fd < 0) {
        return errno == ENOENT  ? SLIPRING_ABSENT
               : errno == EROFS ? SLIPRING_READ_ONLY
                                : SLIPRING_NOT_PERMITTED;
    }
    struct flock flock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SR_STATS_AGENT_BYTE, .l_len = 1};
    if (fcntl(*out_fd, F_OFD_SETLK, &flock) == 0) {
        return SLIPRING_OK;
    }
    return errno == EAGAIN || errno == EACCES ? SLIPRING_IN_USE : SLIPRING_SYSTEM;
}

static enum slipring_status lock(struct sr_books *books, mode_t mode, gid_t group, uint64_t *out_holder)
{
    const enum slipring_status locked = sr_books_lock_file(books->map.path, &books->fd);
    books->map.error = locked == SLIPRING_OK ? 0 : errno;
    /* what somebody else could have written is refused first, whoever holds it */
    const enum slipring_status status = books->fd >= 0 ? check_file(books, mode, group) : locked;
    if (status != SLIPRING_OK) {
        return status;
    }
    if (locked == SLIPRING_IN_USE) {
        /* relaxed: for people */
        *out_holder = atomic_load_explicit(&header_of(books)->agent_pid, memory_order_relaxed);
    }
    return locked;
}

/* What a former agent told readers of had its pages: those need no reservation that could fail now. */
static void take_up_figures(struct sr_books *books)
{
    /* relaxed: the agents alone write it, one after the other */
    const uint64_t high = atomic_load_explicit(&header_of(books)->primitive_high, memory_order_relaxed);
    books->figures_high = high < SR_PRIMITIVE_MAX ? high : SR_PRIMITIVE_MAX;
}

static enum slipring_status take_up_words(struct sr_books *books, uint32_t *out_replayed)
{
    enum slipring_status status = sr_words_open(&books->words, &books->map);
    if (status == SLIPRING_OK) {
        status = sr_batch_open(&books->batch, &books->words, sr_stats_segment_journal(books->map.base));
    }
    if (status == SLIPRING_OK) {
        status = sr_batch_replay(&books->batch, out_replayed);
    }
    /* The one item of area `store` exists whenever an agent runs. */
    return status == SLIPRING_OK ? sr_words_reserve(&books->words, SR_WORD(store, 0, 0), SR_WORDS_PER_store)
                                 : status;
}

enum slipring_status sr_books_open(struct sr_books *out_books, const char *store, mode_t mode, gid_t group,
                                   uint64_t *out_holder, uint32_t *out_replayed)
{
    memset(out_books, 0, sizeof *out_books);
    out_books->fd = -1;
    *out_holder = 0;
    *out_replayed = 0;
    enum slipring_status status = sr_stats_segment_make(&out_books->map, store, mode, group);
    if (status != SLIPRING_OK) {
        return status;
    }
    status = sr_guard_add(out_books->map.base, out_books->map.bytes, true);
    if (status == SLIPRING_OK) {
        status = lock(out_books, mode, group, out_holder);
    }
    if (status == SLIPRING_OK) {
        take_up_figures(out_books);
        status = take_up_words(out_books, out_replayed);
    }
    if (status != SLIPRING_OK) {
        sr_books_close(out_books);
    }
    return status;
}

void sr_books_close(struct sr_books *books)
{
    sr_batch_close(&books->batch);
    sr_words_close(&books->words);
    if (books->map.base) {
        sr_guard_remove(books->map.base);
        sr_map_unmap(&books->map);
    }
    if (books->fd >= 0) {
        (void)close(books->fd); /* the lock goes with it */
        books->fd = -1;
    }
}

uint64_t sr_books_faults(const struct sr_books *books)
{
    return sr_guard_faults(books->map.base);
}

uint64_t sr_books_resident_bytes(const struct sr_books *books)
{
    return sr_map_resident_bytes(&books->map);
}

/* --- the header --------------------------------------------------------------------------------------------------------- */

uint64_t sr_books_made_wall_ns(const struct sr_books *books)
{
    return header_of(books)->made_wall_ns;
}

uint64_t sr_books_ring_incarnation(const struct sr_books *books)
{
    /* relaxed: the agents alone write it, one after the other */
    return atomic_load_explicit(&header_of(books)->ring_incarnation, memory_order_relaxed);
}

void sr_books_set_ring_incarnation(struct sr_books *books, uint64_t incarnation)
{
    /* release: after the words that speak of this ring segment; a kill before it makes the next agent clear them again */
    atomic_store_explicit(&header_of(books)->ring_incarnation, incarnation, memory_order_release);
}

void sr_books_set_agent(struct sr_books *books, uint64_t pid, uint64_t started_wall_ns, uint64_t life)
{
    /* relaxed, all: for people */
    atomic_store_explicit(&header_of(books)->agent_started_wall_ns, started_wall_ns, memory_order_relaxed);
    atomic_store_explicit(&header_of(books)->agent_life, life, memory_order_relaxed); /* relaxed: as above */
    atomic_store_explicit(&header_of(books)->agent_pid, pid, memory_order_relaxed);   /* relaxed: as above */
}

void sr_books_set_listen(struct sr_books *books, const char *address)
{
    char *listen = header_of(books)->agent_listen;
    const size_t room = sizeof header_of(books)->agent_listen;
    memset(listen, 0, room);
    memcpy(listen, address, strnlen(address, room - 1));
}

void sr_books_clear_ring_words(struct sr_books *books)
{
#define CLEAR(area)                                                                                          \
    sr_words_clear(&books->words, SR_WORD(area, 0, 0),                                                       \
                   (uint32_t)SR_ITEMS_PER_##area *(uint32_t)SR_WORDS_PER_##area)
    CLEAR(ring);
    CLEAR(slot);
    CLEAR(in_flight);
    CLEAR(copy_small);
    CLEAR(copy_full);
    CLEAR(copy_shared);
    CLEAR(copy_usage);
#undef CLEAR
    for (uint32_t id = 0; id < SR_PRIMITIVE_MAX; id++) {
        sr_words_clear(&books->words, SR_WORD(book, id, SR_BOOK_OF_ID), 1);
    }
}

/* --- publishing --------------------------------------------------------------------------------------------------------- */

enum slipring_status sr_books_reserve_figures(struct sr_books *books, uint32_t high)
{
    if (high <= books->figures_high) {
        return SLIPRING_OK;
    }
    enum slipring_status status = sr_map_reserve(
        &books->map, offsetof(struct sr_stats_map, figure) + books->figures_high * SR_FIGURE_BYTES,
        (high - books->figures_high) * SR_FIGURE_BYTES);
    if (status == SLIPRING_OK) {
        books->figures_high = high;
    }
    return status;
}

/* Where each kind lies, and the directory that says of which item it is there. */
struct optional {
    size_t directory; /* a byte a page: 1, it exists */
    struct sr_optional_region region;
};

static const struct optional optionals[SR_OPTIONAL_COUNT] = {
#define OPTIONAL(directory, figures, bytes, sharing)                                                         \
    {                                                                                                        \
        offsetof(struct sr_stats_map, directory),                                                            \
        {                                                                                                    \
            offsetof(struct sr_stats_map, figures), (bytes), (sharing)                                       \
        }                                                                                                    \
    }
    [SR_OPTIONAL_SLO] = OPTIONAL(slo_page, slo_figure, SR_SLO_FIGURE_BYTES, 1),
    [SR_OPTIONAL_HISTOGRAM] = OPTIONAL(histogram_page, histogram, SR_HISTOGRAM_BYTES, 1),
    [SR_OPTIONAL_EXEMPLARS] = OPTIONAL(exemplar_page, exemplar_figure, SR_EXEMPLAR_FIGURE_BYTES, 1),
    [SR_OPTIONAL_USAGE] =
        OPTIONAL(usage_figure_page, usage_figure, SR_USAGE_FIGURE_BYTES, SR_USAGE_FIGURE_SHARING),
#undef OPTIONAL
};

static _Atomic uint8_t *page_of(const struct sr_books *books, enum sr_optional kind, uint32_t index)
{
    const struct optional *optional = &optionals[kind];
    return (_Atomic uint8_t *)((uintptr_t)books->map.base + optional->directory +
                               index / optional->region.sharing);
}

const struct sr_optional_region *sr_books_optional_region(enum sr_optional kind)
{
    return &optionals[kind].region;
}

bool sr_books_has(const struct sr_books *books, enum sr_optional kind, uint32_t index)
{
    /* relaxed: the agent alone writes it */
    return atomic_load_explicit(page_of(books, kind, index), memory_order_relaxed) == 1;
}

enum slipring_status sr_books_reserve(struct sr_books *books, enum sr_optional kind, uint32_t index)
{
    if (sr_books_has(books, kind, index)) {
        return SLIPRING_OK;
    }
    const struct sr_optional_region *region = &optionals[kind].region;
    const enum slipring_status status =
        sr_map_reserve(&books->map, region->offset + (uint64_t)index * region->bytes, region->bytes);
    if (status == SLIPRING_OK) {
        /* release: pairs with whoever reads the figure; its pages are there */
        atomic_store_explicit(page_of(books, kind, index), 1, memory_order_release);
    }
    return status;
}

void sr_books_publish(struct sr_books *books, uint32_t id, const struct slipring_stats *stats,
                      const struct slipring_stats_detail *detail, const struct sr_native_packed *native)
{
    struct sr_figure_shm *figure = sr_stats_segment_figure(books->map.base, id);
    const struct sr_figure_copy_shm copy = {.stats = *stats, .detail = *detail};
    struct sr_histogram_copy histogram = {.published_ns = stats->published_ns};
    const struct sr_publish_part parts[2] = {
        {figure->copies, sizeof figure->copies[0], &copy, sizeof copy},
        {sr_stats_segment_histogram(books->map.base, id)->copies, sizeof histogram, &histogram,
         sizeof histogram},
    };
    if (native) {
        histogram.native = *native;
    }
    sr_publish_write_parts(&figure->latch, parts, native ? 2 : 1);
}

void sr_books_publish_slo(struct sr_books *books, uint32_t id, const struct slipring_slo_stats *slo)
{
    struct sr_slo_figure_shm *figure = sr_stats_segment_slo_figure(books->map.base, id);
    sr_publish_write(&figure->latch, figure->copies, sizeof figure->copies[0], slo, sizeof *slo);
}

void sr_books_publish_exemplars(struct sr_books *books, uint32_t id,
                                const struct slipring_exemplars *exemplars)
{
    struct sr_exemplar_figure_shm *figure = sr_stats_segment_exemplar_figure(books->map.base, id);
    sr_publish_write(&figure->latch, figure->copies, sizeof figure->copies[0], exemplars, sizeof *exemplars);
}

void sr_books_publish_usage(struct sr_books *books, uint32_t account,
                            const struct slipring_usage_stats *usage)
{
    struct sr_usage_figure_shm *figure = sr_stats_segment_usage_figure(books->map.base, account);
    sr_publish_write(&figure->latch, figure->copies, sizeof figure->copies[0], usage, sizeof *usage);
}

void sr_books_publish_incidents(struct sr_books *books, const struct slipring_incident *incidents,
                                uint32_t count)
{
    struct sr_incident_log_shm *shm = sr_stats_segment_incident_log(books->map.base);
    struct sr_incident_log log = {.count = count};
    memcpy(log.incidents, incidents, count * sizeof incidents[0]);
    sr_publish_write(&shm->latch, shm->copies, sizeof shm->copies[0], &log, sizeof log);
}

void sr_books_redirect(struct sr_books *books, uint32_t id, uint32_t other)
{
    /* release: after the figure it names; pairs with find_figure() in api/readback.c */
    atomic_store_explicit(&sr_stats_segment_figure(books->map.base, id)->alias,
                          id == other ? 0 : (uint64_t)other + 1, memory_order_release);
}

void sr_books_publish_agent(struct sr_books *books, const struct sr_agent_figures *figures)
{
    _Static_assert(sizeof *figures == SR_AGENT_FIGURE_COUNT * sizeof(uint64_t),
                   "words, in the table's order");
    _Static_assert(SR_AGENT_FIGURE_COUNT <= SR_AGENT_FIGURE_MAX, "they fit their place");
    struct sr_agent_figure_shm *shm = sr_stats_segment_agent_figure(books->map.base);
    sr_publish_write(&shm->latch, shm->copies, sizeof shm->copies[0], figures, sizeof *figures);
}

void sr_books_finish_publishing(struct sr_books *books, uint64_t now_ns, uint32_t high)
{
    SR_CRASHPOINT(publish_before_high);
    /* release: after the pages below it were reserved; pairs with the acquire of whoever reads figures */
    atomic_store_explicit(&header_of(books)->primitive_high, high, memory_order_release);
    /* relaxed: for people */
    atomic_store_explicit(&header_of(books)->published_ns, now_ns, memory_order_relaxed);
}
