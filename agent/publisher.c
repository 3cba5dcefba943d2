/* SPDX-License-Identifier: Apache-2.0 */
/* From durable words to published figures: see publisher.h. */
#include "publisher.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent/books/agenda.h"
#include "agent/books/binding.h"
#include "agent/books/books.h"
#include "agent/books/cardinality.h"
#include "agent/books/exemplars.h"
#include "agent/books/extras.h"
#include "agent/books/figures.h"
#include "agent/books/footprint.h"
#include "agent/books/history.h"
#include "agent/books/slo.h"
#include "agent/books/usage.h"
#include "agent/books/windows.h"
#include "agent/checkpoint/checkpoint.h"
#include "agent/drain/drain_parts.h"
#include "agent/drain/intake.h"
#include "agent/drain/lag.h"
#include "log.h"
#include "peer/slide.h"
#include "peer/stats.h"
#include "pure/window.h"

#define PERIOD_NS  UINT64_C(100000000)
#define SEEN_NS    UINT64_C(1000000000)
#define PACE_NS    UINT64_C(500000) /* of each book that changed: 2,000 publishings a second */
#define USAGE_MOST 256u             /* usage accounts published in a round */
#define CALL_MOST  256u             /* what one call publishes: some 0.3 ms, then the drain has its turn; */
#define CALL_BOOK  8u /* a book takes that much of it, and 1 when nothing of it changed but the time */

struct publisher {
    struct agent_store *store;
    struct books *books;
    struct drain *drain;
    struct checkpoint *checkpoint; /* or NULL */
    uint64_t due_ns;
    bool is_under_way; /* a round, begun and not ended yet: */
    uint32_t next;     /* its next book, ... */
    uint32_t reserved; /* and places with pages */
    uint32_t changed;  /* books that had changed, as far as this round came, */
    uint64_t pace_ns;  /* and so how long a changed one waits at least from one publishing to the next */
    uint64_t seen_written_ns;
    uint32_t registered;    /* as counted last, */
    uint32_t counted_high;  /* of so many ids */
    uint32_t high;          /* places that readers were told of */
    bool is_short_of_pages; /* said once */
    uint32_t *redirected;   /* as the segment has it: 0, or 1 + place */
    _Atomic uint64_t scrapes;
    _Atomic uint64_t scrape_ns;
    bool is_reload_bad;      /* the last configuration that was read is not in force */
    uint64_t reload_wall_ns; /* when the one in force was read */
    uint64_t reload_failures;
    struct cardinality cardinality;
    struct figures figures; /* scratch */
};

/* What the former agent published: a counter that was scraped never falls. */
static uint64_t former_scrapes(const struct agent_store *store)
{
    struct sr_agent_figures figures = {.scrapes = 0};
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(store), agent_store_stats_path(store));
    if (!stats) {
        return 0; /* out of memory: the next allocation says so */
    }
    if (sr_stats_agent_figures(stats, &figures) != SLIPRING_OK) {
        figures.scrapes = 0; /* there was no former agent */
    }
    sr_stats_close(stats);
    return figures.scrapes;
}

enum slipring_status publisher_open(struct agent_store *store, struct books *books, struct drain *drain,
                                    uint64_t now_ns, struct publisher **out_publisher)
{
    struct publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher) {
        return SLIPRING_NO_MEMORY;
    }
    publisher->redirected = calloc(SR_PRIMITIVE_MAX, sizeof publisher->redirected[0]);
    if (!publisher->redirected) {
        publisher_close(publisher);
        return SLIPRING_NO_MEMORY;
    }
    for (uint32_t place = 0; place < SR_PRIMITIVE_MAX; place++) {
        publisher->redirected[place] = UINT32_MAX; /* unknown: written at the first round */
    }
    publisher->store = store;
    publisher->books = books;
    publisher->drain = drain;
    publisher->high = (uint32_t)books->durable->figures_high;
    publisher->reload_wall_ns = agent_store_started_wall_ns(store);
    /* relaxed: no other thread knows it yet */
    atomic_store_explicit(&publisher->scrapes, former_scrapes(store), memory_order_relaxed);
    *out_publisher = publisher;
    publisher_run(publisher, now_ns);
    return SLIPRING_OK;
}

void publisher_close(struct publisher *publisher)
{
    if (publisher) {
        free(publisher->redirected);
    }
    free(publisher);
}

void publisher_note_scrape(struct publisher *publisher, uint64_t took_ns)
{
    /* relaxed, both: figures, in no order with anything */
    (void)atomic_fetch_add_explicit(&publisher->scrapes, 1, memory_order_relaxed);
    atomic_store_explicit(&publisher->scrape_ns, took_ns, memory_order_relaxed);
}

void publisher_tell_time(struct publisher *publisher, uint64_t wall_ns)
{
    books_set_time(publisher->books, wall_ns);
}

void publisher_show_checkpoint(struct publisher *publisher, struct checkpoint *checkpoint)
{
    publisher->checkpoint = checkpoint;
}

void publisher_hurry(struct publisher *publisher)
{
    publisher->pace_ns = 0;
    publisher->due_ns = 0;
    publisher->next = 0; /* of a round that is under way, too */
    publisher->changed = 0;
}

void publisher_note_reload(struct publisher *publisher, bool is_good, uint64_t wall_ns)
{
    publisher->is_reload_bad = !is_good;
    if (is_good) {
        publisher->reload_wall_ns = wall_ns;
    } else {
        publisher->reload_failures++;
    }
}

/* --- one primitive ------------------------------------------------------------------------------------------------------- */

/* What it lacks did not change since, but there may be room by now (extras.h G3). */
static bool lacks_a_page(const struct publisher *publisher, const struct book *book, uint64_t now_ns)
{
    return !book->is_changed &&
           ((book->lacks_native && extras_may_ask(publisher->books, EXTRA_NATIVE, now_ns)) ||
            (book->has_exemplar_news && extras_may_ask(publisher->books, EXTRA_EXEMPLARS, now_ns)));
}

static bool is_due(const struct publisher *publisher, const struct book *book, uint64_t now_ns, bool all)
{
    if (!book->is_used || book->place == BOOK_NONE) {
        return false;
    }
    const uint64_t old_ns = now_ns - book->published_ns;
    return all || (book->is_changed && old_ns >= publisher->pace_ns) ||
           (book->slides_ns != 0 && old_ns >= book->slides_ns) || lacks_a_page(publisher, book, now_ns);
}

static void publish(struct publisher *publisher, uint32_t index, uint64_t now_ns)
{
    struct books *books = publisher->books;
    struct book *book = &books->book[index];
    book->last_ns = book->last_ns != 0 ? book->last_ns : now_ns;
    figures_read(books, index, now_ns, &publisher->figures);
    const bool has_native =
        books->options->shows_native && extras_reserve(books, EXTRA_NATIVE, book->place, now_ns);
    book->lacks_native = books->options->shows_native && !has_native;
    sr_books_publish(books->durable, book->place, &publisher->figures.stats, &publisher->figures.detail,
                     has_native ? &publisher->figures.native : NULL);
    exemplars_publish(books, index, now_ns);
    book->stays_until_ns = publisher->figures.stays_until_ns;
    slo_publish(books, index, now_ns);
    book->is_changed = false;
    book->is_slid = false;
    book->slides_ns = publisher->figures.slides_ns;
    book->published_ns = now_ns;
    book->published_month = books->month;
}

/* Of one that is due: nothing changed but the time? Then that is published. */
static bool slide(struct publisher *publisher, uint32_t index, uint64_t now_ns)
{
    const struct books *books = publisher->books;
    struct book *book = &books->book[index];
    uint64_t growing_ns = 0;
    if (book->is_changed || now_ns > book->stays_until_ns || book->published_month != books->month ||
        lacks_a_page(publisher, book, now_ns) ||
        !sr_books_slide(books->durable, book->place, book->published_ns, now_ns, book->is_slid,
                        &growing_ns)) {
        return false;
    }
    book->is_slid = true;
    book->slides_ns = figures_step_ns(growing_ns);
    book->published_ns = now_ns;
    return true;
}

/* When it is due again, if nothing comes. 0: it is not out yet, or not all of it. */
static uint64_t due_again_ns(const struct book *book)
{
    if (book->is_changed || book->lacks_native || book->has_exemplar_news) {
        return 0;
    }
    return book->slides_ns != 0 ? book->published_ns + book->slides_ns : UINT64_MAX;
}

static void redirect(struct publisher *publisher, uint32_t high)
{
    const struct books *books = publisher->books;
    for (uint32_t place = 0; place < high; place++) {
        if (books->redirect[place] != publisher->redirected[place]) {
            sr_books_redirect(books->durable, place,
                              books->redirect[place] ? books->redirect[place] - 1 : place);
            publisher->redirected[place] = books->redirect[place];
        }
    }
}

/* Pages for figures of all places; readers are told of no more. */
static uint32_t reserve_places(struct publisher *publisher)
{
    struct books *books = publisher->books;
    const enum slipring_status status = sr_books_reserve_figures(books->durable, books->place_high);
    if (status == SLIPRING_OK) {
        publisher->is_short_of_pages = false;
        return books->place_high;
    }
    if (!publisher->is_short_of_pages) {
        publisher->is_short_of_pages = true;
        books->reserve_failures++;
        log_event(LOG_WARNING, log_what("no room for figures"), log_text("why", slipring_status_text(status)),
                  log_number("published", publisher->high), log_number("wanted", books->place_high));
    }
    return publisher->high;
}

/* --- the agent's own ----------------------------------------------------------------------------------------------------- */

static uint64_t store_word(const struct books *books, enum sr_store_word word)
{
    return sr_words_get(&books->durable->words, SR_WORD(store, 0, word));
}

/* What counts against the limit: names, each by the id that shows its figures; not __overflow__, whose id is 0. */
static uint32_t registered(struct publisher *publisher)
{
    struct books *books = publisher->books;
    const uint32_t high = sr_catalog_high(books->rings); /* may be found to be more after an id was bound */
    if (!books->has_new_names && high == publisher->counted_high) {
        return publisher->registered;
    }
    uint32_t used = 0;
    for (uint32_t id = 1; id < high; id++) {
        const uint32_t index = books->primitive[id].book;
        used += index != BOOK_NONE && books->book[index].id == id;
    }
    books->has_new_names = false;
    publisher->counted_high = high;
    publisher->registered = used;
    return used;
}

static void publish_agent(struct publisher *publisher, uint64_t now_ns)
{
    const struct books *books = publisher->books;
    const struct checkpoint_figures *checkpoint = checkpoint_figures(publisher->checkpoint);
    const uint32_t used = registered(publisher);
    (void)cardinality_note(&publisher->cardinality, used, books->options->primitive_limit);
    const struct sr_agent_figures figures = {
        .started_wall_ns = agent_store_started_wall_ns(publisher->store),
        .rings_in_use = books->rings->owned,
        .rings_quarantined = drain_intake(publisher->drain)->quarantined,
        .processes = books->processes,
        .samples_drained = store_word(books, SR_STORE_DRAINED),
        .samples_spilled = store_word(books, SR_STORE_SPILLED),
        .samples_clamped = store_word(books, SR_STORE_CLAMPED),
        .samples_torn = store_word(books, SR_STORE_TORN),
        .samples_refused = store_word(books, SR_STORE_REFUSED),
        .samples_quarantined = store_word(books, SR_STORE_QUARANTINED),
        .bound_lost = store_word(books, SR_STORE_BOUND_LOST),
        .spans_unattributed = store_word(books, SR_STORE_UNATTRIBUTED),
        .registry_used = used,
        .registry_limit = books->options->primitive_limit,
        .drain_lag_ns = lag_take(drain_lag(publisher->drain)),
        .drains = store_word(books, SR_STORE_DRAINS),
        .journal_replays = store_word(books, SR_STORE_REPLAYS),
        .reserve_failures = store_word(books, SR_STORE_RESERVE_FAILURES),
        /* relaxed, both: figures of other threads */
        .scrapes = atomic_load_explicit(&publisher->scrapes, memory_order_relaxed),
        .scrape_ns = atomic_load_explicit(&publisher->scrape_ns, memory_order_relaxed),
        .clock_is_tsc = sr_drain_tick_rate(books->rings) != 0,
        .drain_lag_greatest_ns = lag_greatest(drain_lag(publisher->drain), now_ns),
        .ring_segment_bytes = sr_drain_resident_bytes(books->rings),
        .stats_segment_bytes = sr_books_resident_bytes(books->durable),
        .rings_retired = store_word(books, SR_STORE_RETIRED_RINGS),
        .aborted_ignored = store_word(books, SR_STORE_ABORTED_IGNORED),
        .money_saturated = store_word(books, SR_STORE_SATURATED),
        .primitive_memory_most_bytes = footprint_primitive_bytes(books->options->schema),
        .objective_memory_most_bytes = FOOTPRINT_OBJECTIVE_BYTES,
        .checkpoint_wall_ns = checkpoint->wall_ns,
        .checkpoint_failing_since_wall_ns = checkpoint->failing_since_wall_ns,
        .checkpoint_failures = checkpoint->failures,
        .checkpoint_bytes = checkpoint->bytes,
        .checkpoint_ns = checkpoint->took_ns,
        .checkpoint_stall_ns = checkpoint->stall_ns,
        .checkpoints_refused = checkpoint->refused,
        .restored_wall_ns = store_word(books, SR_STORE_RESTORED_WALL_NS),
        .config_reload_ok = !publisher->is_reload_bad,
        .config_reload_wall_ns = publisher->reload_wall_ns,
        .config_reload_failures = publisher->reload_failures,
        .resets = store_word(books, SR_STORE_RESETS),
        .usage_accounts = usage_accounts(books),
        .usage_lost = store_word(books, SR_STORE_USAGE_LOST),
        .idle_after_ns = books->options->idle_after_ns,
    };
    sr_books_publish_agent(books->durable, &figures);
}

/* What is counted outside of batches goes to its durable word; and up to when all was drained, once a second: the next
 * agent's first slice begins there. */
static void write_store_words(struct publisher *publisher, uint64_t now_ns)
{
    struct books *books = publisher->books;
    struct sr_batch *batch = &books->durable->batch;
    if (books->reserve_failures != 0) {
        sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_RESERVE_FAILURES), books->reserve_failures);
        books->reserve_failures = 0;
    }
    if (now_ns - publisher->seen_written_ns >= SEEN_NS) {
        publisher->seen_written_ns = now_ns;
        sr_batch_set(batch, SR_WORD(store, 0, SR_STORE_SEEN_NS), books->seen_ns);
    }
    books_commit(books);
}

/* --- rounds -------------------------------------------------------------------------------------------------------------- */

static void begin(struct publisher *publisher, uint64_t now_ns)
{
    publisher->due_ns = now_ns + PERIOD_NS;
    books_commit(publisher->books);
    windows_tick(publisher->books, now_ns);
    history_tick(publisher->books, now_ns);
    slo_tick(publisher->books, now_ns, publisher->books->wall_ns);
    publisher->reserved = reserve_places(publisher);
    publisher->next = 0;
    publisher->is_under_way = true;
}

/* Returns what it took of CALL_MOST. */
static uint32_t look_at(struct publisher *publisher, uint32_t index, uint64_t now_ns, bool all)
{
    const struct book *book = &publisher->books->book[index];
    uint32_t took = 0;
    publisher->changed += book->is_changed;
    if (is_due(publisher, book, now_ns, all) && book->place < publisher->reserved) {
        took = 1;
        if (all || !slide(publisher, index, now_ns)) {
            publish(publisher, index, now_ns);
            took = CALL_BOOK;
        }
    }
    agenda_put(publisher->books, index, due_again_ns(book));
    return took;
}

/* True: no more books to look at. Between two calls the drain may change books behind the next one and before it. */
static bool advance(struct publisher *publisher, uint64_t now_ns, bool all, uint32_t most)
{
    const struct books *books = publisher->books;
    books_commit(publisher->books);
    for (uint32_t done = 0; publisher->next < books->high && done < most; publisher->next++) {
        if (all || !agenda_rests(books, publisher->next, now_ns)) {
            done += look_at(publisher, publisher->next, now_ns, all);
        }
    }
    return publisher->next >= books->high;
}

static void finish(struct publisher *publisher, uint64_t now_ns, uint32_t most)
{
    redirect(publisher, publisher->reserved);
    write_store_words(publisher, now_ns);
    usage_publish(publisher->books, most);
    publish_agent(publisher, now_ns);
    publisher->high = publisher->reserved;
    sr_books_finish_publishing(publisher->books->durable, now_ns, publisher->high);
    publisher->is_under_way = false;
    publisher->pace_ns = publisher->changed * PACE_NS;
    publisher->changed = 0;
}

void publisher_run(struct publisher *publisher, uint64_t now_ns)
{
    publisher->seen_written_ns = 0;
    begin(publisher, now_ns);
    (void)advance(publisher, now_ns, true, UINT32_MAX);
    finish(publisher, now_ns, UINT32_MAX);
}

uint64_t publisher_tick(struct publisher *publisher, uint64_t now_ns)
{
    if (!publisher->is_under_way) {
        if (now_ns < publisher->due_ns) {
            return publisher->due_ns - now_ns;
        }
        begin(publisher, now_ns);
    }
    if (!advance(publisher, now_ns, false, CALL_MOST)) {
        return 0;
    }
    finish(publisher, now_ns, USAGE_MOST);
    return publisher->due_ns > now_ns ? publisher->due_ns - now_ns : 0;
}
