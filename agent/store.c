/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a store for its agent: see store.h. */
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/books/usage.h"
#include "agent/drain/intake.h"
#include "agent/drain/retirer.h"
#include "log.h"
#include "peer/books.h"
#include "peer/drain.h"
#include "peer/keeper.h"
#include "peer/version.h"
#include "pure/name.h"

struct agent_store {
    struct agent_options options;
    char name[SLIPRING_STORE_NAME_MAX + 1];
    uint64_t started_wall_ns;
    int keeper; /* peer/keeper.h */
    struct sr_drain rings;
    struct sr_books books;
};

/* --- refusals ------------------------------------------------------------------------------------------------------------ */

static enum slipring_status refuse_version(const char *what, const struct sr_map *map,
                                           const struct sr_version *found)
{
    char theirs[32];
    char ours[32];
    const struct sr_version here = sr_version_here();
    (void)snprintf(theirs, sizeof theirs, "%" PRIu32 ".%" PRIu32, found->major, found->minor);
    (void)snprintf(ours, sizeof ours, "%" PRIu32 ".%" PRIu32, here.major, here.minor);
    log_event(LOG_ERROR, log_what(what), log_text("path", map->path), log_text("found_version", theirs),
              log_text("own_version", ours), log_text("why", slipring_status_text(SLIPRING_OTHER_VERSION)));
    return SLIPRING_OTHER_VERSION;
}

static enum slipring_status refuse(const char *what, const struct sr_map *map, enum slipring_status status)
{
    struct sr_version found;
    if (status == SLIPRING_OTHER_VERSION && sr_version_of_file(map->path, &found)) {
        return refuse_version(what, map, &found);
    }
    if (map->error != 0 && status != SLIPRING_IN_USE) {
        log_event(LOG_ERROR, log_what(what), log_text("path", map->path),
                  log_text("why", slipring_status_text(status)), log_text("system", strerror(map->error)));
    } else {
        log_event(LOG_ERROR, log_what(what), log_text("path", map->path),
                  log_text("why", slipring_status_text(status)));
    }
    return status;
}

static enum slipring_status refuse_second(const struct agent_store *store, uint64_t holder)
{
    log_event(LOG_ERROR, log_what("another slipringd serves this store"), log_text("store", store->name),
              log_number("pid", holder), log_text("path", store->books.map.path));
    return SLIPRING_IN_USE;
}

/* --- books and rings that do not belong together -------------------------------------------------------------------------- */

static uint64_t sum_books(const struct sr_words *words, enum sr_book_word which)
{
    uint64_t sum = 0;
    const uint64_t high = sr_words_get(words, SR_WORD(store, 0, SR_STORE_BOOK_HIGH));
    for (uint32_t index = 0; index < high && index < SR_PRIMITIVE_MAX; index++) {
        sum += sr_words_get(words, SR_WORD(book, index, which));
    }
    return sum;
}

static uint64_t sum_heads(const struct sr_words *words)
{
    uint64_t sum = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        sum += sr_words_get(words, SR_WORD(ring, ring, SR_RING_HEAD));
    }
    return sum;
}

/* Execution cells of `items` copies of `words_each` words. */
static uint64_t sum_copies(const struct sr_words *words, uint32_t first, uint32_t items, uint32_t words_each,
                           uint32_t cells)
{
    uint64_t sum = 0;
    for (uint32_t item = 0; item < items; item++) {
        for (uint32_t i = SR_SPILL_CELLS; i < SR_SPILL_CELLS + 2 * cells; i++) {
            const uint32_t word = first + item * words_each + i;
            if (!sr_words_exist(words, word)) {
                i |= SR_WORDS_PER_PAGE - 1; /* items begin with pages: on to the next one */
                continue;
            }
            sum += sr_words_get(words, word);
        }
    }
    return sum;
}

static uint64_t sum_cells(const struct sr_words *words)
{
    return sum_copies(words, SR_WORD(copy_small, 0, 0), SR_ITEMS_PER_copy_small, SR_WORDS_PER_copy_small,
                      192) +
           sum_copies(words, SR_WORD(copy_full, 0, 0), SR_ITEMS_PER_copy_full, SR_WORDS_PER_copy_full,
                      SR_BUCKET_COUNT) +
           sum_copies(words, SR_WORD(copy_shared, 0, 0), SR_ITEMS_PER_copy_shared, SR_WORDS_PER_copy_shared,
                      SR_BUCKET_COUNT);
}

/* The ring segment was re-made, or the books are new: what the ring words say is about another segment. They are cleared; a
 * segment that another agent drained before is taken up as it stands; the double entry is made to balance; last, the
 * words belong to this segment. A kill before that: all of it is done again, to the same end. */
static enum slipring_status join_segments(struct agent_store *store)
{
    struct sr_books *books = &store->books;
    struct sr_batch *batch = &books->batch;
    const uint64_t incarnation = sr_drain_incarnation(&store->rings);
    const uint64_t known = sr_books_ring_incarnation(books);
    if (known == incarnation) {
        if (sr_words_get(&books->words, SR_WORD(store, 0, SR_STORE_USAGE_BALANCED)) == 0) {
            usage_balance(books);
            sr_batch_commit(batch);
            sr_batch_clear(batch);
        }
        return SLIPRING_OK;
    }
    if (known != 0) {
        log_event(LOG_WARNING, log_what("the ring segment was made anew: books go on"),
                  log_text("store", store->name));
    }
    sr_books_clear_ring_words(books);
    SR_CRASHPOINT(store_remade_words_cleared);
    if (sr_drain_clock(&store->rings) != SR_CLOCK_NEVER) {
        log_event(LOG_WARNING, log_what("the books of the agent before are gone: counting from here"),
                  log_text("store", store->name));
        if (!intake_start_from_here(books, &store->rings)) {
            return refuse("no room for the books", &books->map, SLIPRING_NO_SPACE);
        }
    }
    sr_batch_set(batch, SR_WORD(store, 0, SR_STORE_FORMER_TAKEN),
                 sum_books(&books->words, SR_BOOK_TAKEN) - sum_heads(&books->words));
    sr_batch_set(batch, SR_WORD(store, 0, SR_STORE_FORMER_BESIDE), sum_books(&books->words, SR_BOOK_BESIDE));
    sr_batch_set(batch, SR_WORD(store, 0, SR_STORE_FORMER_SPILLED),
                 sum_books(&books->words, SR_BOOK_SPILLED) - sum_cells(&books->words));
    sr_batch_set(batch, SR_WORD(store, 0, SR_STORE_RETIRED_SPILLED), 0);
    usage_balance(books);
    sr_batch_set(batch, SR_WORD(store, 0, SR_STORE_FORMER_TORN),
                 sr_words_get(&books->words, SR_WORD(store, 0, SR_STORE_TORN)));
    sr_batch_commit(batch);
    sr_batch_clear(batch);
    sr_books_set_ring_incarnation(books, incarnation);
    return SLIPRING_OK;
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

static void fill_defaults(struct agent_options *options)
{
    if (options->le.count == 0) {
        options->le.count = SR_BOUND_DEFAULT_COUNT;
        memcpy(options->le.ns, sr_bound_defaults, sizeof sr_bound_defaults);
    }
    if (options->window_count == 0) {
        static const uint64_t windows_s[] = {10, 60, 300, 3600, 86400, 604800};
        for (uint32_t i = 0; i < SR_ARRAY_COUNT(windows_s); i++) {
            options->window_ns[i] = windows_s[i] * UINT64_C(1000000000);
        }
        options->window_count = SR_ARRAY_COUNT(windows_s);
    }
    if (options->schema == 0) {
        options->schema = SR_BUCKET_SCHEMA;
    }
    if (options->retire_after_ns == 0) {
        options->retire_after_ns = RETIRER_DEFAULT_NS;
    }
    if (options->primitive_limit == 0) {
        options->primitive_limit = SR_PRIMITIVE_LIMIT_DEFAULT;
    }
    if (options->ring_cap == 0) {
        options->ring_cap = SR_RING_CAP_DEFAULT;
    }
}

static enum slipring_status take_options(struct agent_store *store, const struct agent_options *options)
{
    store->options = *options;
    const char *name = options->store;
    if (!name) {
        name = getenv("SLIPRING_STORE");
        name = name && name[0] ? name : "default";
    }
    if (sr_name_check_store(name) != SR_NAME_OK) {
        log_event(LOG_ERROR, log_what("bad store name"), log_text("store", name),
                  log_text("why", sr_name_text(sr_name_check_store(name))));
        return SLIPRING_BAD_NAME;
    }
    memcpy(store->name, name, strlen(name) + 1);
    store->options.store = store->name;
    fill_defaults(&store->options);
    return SLIPRING_OK;
}

void agent_store_change_options(struct agent_store *store, const struct agent_options *options)
{
    struct agent_options next = *options;
    next.store = store->name;
    next.group = store->options.group;
    next.schema = store->options.schema;
    fill_defaults(&next);
    store->options = next;
    sr_drain_set_limits(&store->rings, next.primitive_limit, next.ring_cap);
}

static enum slipring_status open_books(struct agent_store *store)
{
    const bool is_shared = store->options.group != (gid_t)-1;
    uint64_t holder = 0;
    uint32_t replayed = 0;
    enum slipring_status status = sr_books_open(&store->books, store->name, is_shared ? 0640 : 0600,
                                                store->options.group, &holder, &replayed);
    if (status == SLIPRING_IN_USE) {
        return refuse_second(store, holder);
    }
    if (status == SLIPRING_UNTRUSTED) {
        log_event(LOG_ERROR, log_what("the books could have been written by others"),
                  log_text("path", store->books.map.path),
                  log_text("why", is_shared
                                      ? "not ours, not of the group, not of mode 0640, or linked elsewhere"
                                      : "not ours, not of mode 0600, or linked elsewhere"),
                  log_text("hint", "check who made the file, then remove the store with slipring rm"));
        return status;
    }
    if (status == SLIPRING_NOT_PERMITTED && is_shared && store->books.map.error == EPERM) {
        log_event(LOG_ERROR, log_what("the group cannot be given a file"),
                  log_number("group", store->options.group),
                  log_text("hint", "the agent's user has to be in the group, or to be root"));
    }
    if (status != SLIPRING_OK) {
        return refuse("cannot open the books", &store->books.map, status);
    }
    if (replayed > 0) {
        sr_batch_add(&store->books.batch, SR_WORD(store, 0, SR_STORE_REPLAYS), 1);
        sr_batch_commit(&store->books.batch);
        sr_batch_clear(&store->books.batch);
        log_event(LOG_INFO, log_what("journal replayed"), log_number("words", replayed));
    }
    return SLIPRING_OK;
}

static enum slipring_status open_rings(struct agent_store *store)
{
    const bool is_shared = store->options.group != (gid_t)-1;
    enum slipring_status status =
        sr_drain_open(&store->rings, store->name, is_shared ? 0660 : 0600, store->options.group);
    if (status != SLIPRING_OK && status != SLIPRING_NO_MEMORY && store->rings.lock_path[0] != '\0') {
        log_event(LOG_ERROR, log_what("cannot use the lock file"), log_text("path", store->rings.lock_path),
                  log_text("why", slipring_status_text(status)));
        return status;
    }
    return status == SLIPRING_OK ? status
                                 : refuse("cannot open the rings", &store->rings.segment.map, status);
}

enum slipring_status agent_store_open(const struct agent_options *options, uint64_t now_ns, uint64_t wall_ns,
                                      struct agent_store **out_store)
{
    (void)now_ns;
    struct agent_store *store = calloc(1, sizeof *store);
    if (!store) {
        return SLIPRING_NO_MEMORY;
    }
    store->started_wall_ns = wall_ns;
    enum slipring_status status = take_options(store, options);
    if (status != SLIPRING_OK) {
        goto fail;
    }
    /* The books first: their lock says that we are the only agent. Gone while an agent lives, they come again. */
    sr_keeper_await(store->name, "stats");
    status = open_books(store);
    if (status != SLIPRING_OK) {
        goto fail;
    }
    status = open_rings(store);
    if (status != SLIPRING_OK) {
        goto fail_books;
    }
    status = join_segments(store);
    if (status != SLIPRING_OK) {
        goto fail_rings;
    }
    sr_books_set_agent(&store->books, (uint64_t)getpid(), wall_ns, wall_ns | 1);
    sr_books_set_listen(&store->books, "");
    sr_drain_set_limits(&store->rings, store->options.primitive_limit, store->options.ring_cap);
    sr_drain_set_life(&store->rings, wall_ns | 1);
    store->keeper = sr_keeper_begin(store->name); /* -1: newcomers know of us by the store's files alone */
    *out_store = store;
    return SLIPRING_OK;

fail_rings:
    sr_drain_close(&store->rings);
fail_books:
    sr_books_close(&store->books);
fail:
    free(store);
    return status;
}

void agent_store_close(struct agent_store *store)
{
    if (!store) {
        return;
    }
    if (store->keeper >= 0) {
        (void)close(store->keeper);
    }
    sr_drain_set_life(&store->rings, 0);
    SR_CRASHPOINT(store_closing);
    sr_books_set_listen(&store->books, "");
    sr_books_set_agent(&store->books, 0, store->started_wall_ns, 0);
    sr_drain_close(&store->rings);
    sr_books_close(&store->books);
    free(store);
}

void agent_store_listens(struct agent_store *store, const char *address)
{
    sr_books_set_listen(&store->books, address);
}

const char *agent_store_name(const struct agent_store *store)
{
    return store->name;
}

uint64_t agent_store_started_wall_ns(const struct agent_store *store)
{
    return store->started_wall_ns;
}

const void *agent_store_stats_base(const struct agent_store *store)
{
    return store->books.map.base;
}

const char *agent_store_stats_path(const struct agent_store *store)
{
    return store->books.map.path;
}

struct sr_books *agent_store_books(struct agent_store *store)
{
    return &store->books;
}

struct sr_drain *agent_store_rings(struct agent_store *store)
{
    return &store->rings;
}

const struct agent_options *agent_store_options(const struct agent_store *store)
{
    return &store->options;
}
