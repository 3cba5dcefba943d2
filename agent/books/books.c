/* SPDX-License-Identifier: Apache-2.0 */
/* Booking tallies and spans, and the one batch: see books.h. */
#include "books.h"

#include <stdlib.h>
#include <string.h>

#include "agenda.h"
#include "agent/log.h"
#include "binding.h"
#include "money.h"
#include "pure/month.h"
#include "usage.h"
#include "windows.h"

#define VISITS_MAX 4096u

/* --- opening ------------------------------------------------------------------------------------------------------------ */

/* The cells of its lifetime that are not zero lie in [low, high). */
static void find_range(const struct books *books, uint32_t index)
{
    struct book *book = &books->book[index];
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        if (sr_words_get(&books->durable->words, SR_WORD(book, index, SR_BOOK_CELLS + i)) != 0 ||
            sr_words_get(&books->durable->words, SR_WORD(former, index, SR_FORMER_CELLS + i)) != 0) {
            book->low = book->high == 0 ? i : book->low;
            book->high = i + 1;
        }
    }
}

static void take_up_book(struct books *books, uint32_t index)
{
    const struct sr_words *words = &books->durable->words;
    struct book *book = &books->book[index];
    uint64_t bounds_ns[SLIPRING_BOUND_COUNT];
    uint64_t count = sr_words_get(words, SR_WORD(book, index, SR_BOOK_BOUND_COUNT));
    count = count < SLIPRING_BOUND_COUNT ? count : SLIPRING_BOUND_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        bounds_ns[i] = sr_words_get(words, SR_WORD(book, index, SR_BOOK_BOUNDS + i * SR_BOUND_WORDS));
    }
    sr_tally_bounds_set(&book->bounds, bounds_ns, (uint32_t)count);
    book->open_ns = sr_words_get(words, SR_WORD(book, index, SR_BOOK_OPEN_NS));
    book->slides_ns = 1;
    for (uint32_t account = 0; account < BOOK_ACCOUNT_COUNT; account++) {
        book->marked[account].total = UINT64_MAX; /* nothing is known of what is quiet */
    }
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        const uint64_t kind = sr_words_get(
            words, SR_WORD(book, index, SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS + SR_OBJECTIVE_KIND));
        book->has_objectives |= kind != 0;
        book->has_spend |= kind == SLIPRING_SPEND;
    }
    books_note_change(books, index);
    book->has_exemplar_news = true;
    find_range(books, index);
}

static int64_t at_least_0(uint64_t in_flight)
{
    return (int64_t)in_flight > 0 ? (int64_t)in_flight : 0;
}

static void take_up_in_flight(struct books *books)
{
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        for (uint32_t index = 0; index < books->high; index++) {
            const uint32_t word = SR_WORD(in_flight, slot, index);
            if (!sr_words_exist(&books->durable->words, word)) {
                index |= SR_WORDS_PER_PAGE - 1; /* on to the next page: items begin with pages */
                continue;
            }
            books->book[index].active += at_least_0(sr_words_get(&books->durable->words, word));
        }
    }
}

void books_take_up(struct books *books)
{
    const struct sr_words *words = &books->durable->words;
    const uint64_t high = sr_words_get(words, SR_WORD(store, 0, SR_STORE_BOOK_HIGH));
    books->high = high < SR_PRIMITIVE_MAX ? (uint32_t)high : SR_PRIMITIVE_MAX;
    books->seen_ns = sr_words_get(words, SR_WORD(store, 0, SR_STORE_SEEN_NS));
    memset(books->due_ns, 0, SR_PRIMITIVE_MAX * sizeof books->due_ns[0]);
    books->has_new_names = true;
    memset(books->place_owner, 0, SR_PRIMITIVE_MAX * sizeof books->place_owner[0]);
    memset(books->redirect, 0, SR_PRIMITIVE_MAX * sizeof books->redirect[0]);
    memset(books->chains, 0, SR_PRIMITIVE_MAX * sizeof books->chains[0]);
    for (uint32_t id = 0; id < SR_PRIMITIVE_MAX; id++) {
        books->primitive[id] = (struct primitive){.book = BOOK_NONE};
        books->book[id] = (struct book){.id = BOOK_NONE};
        books->book[id].place = BOOK_NONE;
    }
    for (uint32_t index = 0; index < books->high; index++) {
        if (sr_words_get(words, SR_WORD(book, index, SR_BOOK_USED)) == 1) {
            books->book[index].is_used = true;
            take_up_book(books, index);
        }
    }
    take_up_in_flight(books);
    binding_take_up(books);
    usage_take_up(books);
}

enum slipring_status books_open(struct agent_store *store, struct books **out_books)
{
    struct books *books = calloc(1, sizeof *books);
    if (!books) {
        return SLIPRING_NO_MEMORY;
    }
    books->durable = agent_store_books(store);
    books->rings = agent_store_rings(store);
    books->options = agent_store_options(store);
    books->book = calloc(SR_PRIMITIVE_MAX, sizeof books->book[0]);
    books->due_ns = calloc(SR_PRIMITIVE_MAX, sizeof books->due_ns[0]);
    books->primitive = calloc(SR_PRIMITIVE_MAX, sizeof books->primitive[0]);
    books->place_owner = calloc(SR_PRIMITIVE_MAX, sizeof books->place_owner[0]);
    books->redirect = calloc(SR_PRIMITIVE_MAX, sizeof books->redirect[0]);
    books->chains = calloc(SR_PRIMITIVE_MAX, sizeof books->chains[0]);
    books->visits = calloc(VISITS_MAX, sizeof books->visits[0]);
    books->counted = calloc(1, sizeof *books->counted);
    if (!books->book || !books->due_ns || !books->primitive || !books->place_owner || !books->redirect ||
        !books->chains || !books->visits || !books->counted || windows_open(books) != SLIPRING_OK ||
        usage_open(books) != SLIPRING_OK) {
        books_close(books);
        return SLIPRING_NO_MEMORY;
    }
    books_set_time(books, agent_store_started_wall_ns(store)); /* prices are asked for by the first drain */
    books_take_up(books);
    *out_books = books;
    return SLIPRING_OK;
}

void books_close(struct books *books)
{
    if (books) {
        free(books->book);
        free(books->due_ns);
        free(books->primitive);
        free(books->place_owner);
        free(books->redirect);
        free(books->chains);
        free(books->visits);
        free(books->counted);
        windows_close(books);
        usage_close(books);
    }
    free(books);
}

void books_set_time(struct books *books, uint64_t wall_ns)
{
    books->wall_ns = wall_ns;
    const uint64_t month = sr_month_of(wall_ns / UINT64_C(1000000000)).start_s;
    if (month != books->month) {
        books->month = month;
        agenda_wake_all(books);
    }
}

/* --- the batch ---------------------------------------------------------------------------------------------------------- */

/* A page that faulted is the agent's alone from then on (system/guard.h): what is booked there is lost. */
static void note_loss(struct books *books)
{
    const uint64_t faults = books->are_lost ? 0 : sr_books_faults(books->durable);
    if (faults > 0) {
        books->are_lost = true;
        log_event(LOG_ERROR, log_what("the stats segment was truncated: its books are lost"),
                  log_number("pages_lost", faults), log_text("path", books->durable->map.path),
                  log_text("hint", "end what records, and remove the store with slipring rm"));
    }
}

bool books_are_lost(struct books *books)
{
    note_loss(books);
    return books->are_lost;
}

void books_commit(struct books *books)
{
    struct sr_batch *batch = &books->durable->batch;
    if (batch->count == 0) {
        note_loss(books);
        return;
    }
    sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_DRAINS), 1);
    sr_batch_commit(batch);
    note_loss(books);
    for (uint32_t i = 0; i < books->visit_count && !books->are_lost; i++) {
        const struct books_visit *visit = &books->visits[i];
        sr_drain_publish_visit(books->rings, visit->ring, &visit->visit);
        sr_drain_publish_head(books->rings, visit->ring, visit->head);
    }
    books->visit_count = 0;
    SR_CRASHPOINT(drain_heads_published);
    sr_batch_clear(batch);
    SR_CRASHPOINT(drain_journal_cleared);
}

void books_make_room(struct books *books)
{
    if (sr_batch_room(&books->durable->batch) < BOOKS_UNIT_PAIRS + 1 || books->visit_count == VISITS_MAX) {
        books_commit(books);
    }
}

void books_note_visit(struct books *books, uint32_t ring, uint64_t head, const struct sr_ring_visit *visit)
{
    books->visits[books->visit_count++] = (struct books_visit){.ring = ring, .head = head, .visit = *visit};
}

bool books_reserve(struct books *books, uint32_t first, uint32_t count)
{
    const bool was_refused = books->durable->words.is_refused;
    const enum slipring_status status = sr_words_reserve(&books->durable->words, first, count);
    if (status == SLIPRING_OK) {
        return true;
    }
    if (!was_refused) { /* once a refusal: the reaper allows the next try */
        books->reserve_failures++;
    }
    if (!books->is_short) {
        books->is_short = true;
        books->short_since_wall_ns = books->wall_ns;
        log_event(LOG_WARNING, log_what("no room for the books"),
                  log_text("why", slipring_status_text(status)), log_text("path", books->durable->map.path));
    }
    return false;
}

void books_retry_reserving(struct books *books)
{
    struct sr_words *words = &books->durable->words;
    if (books->is_short && !words->is_refused && words->made != books->made_before) {
        const uint64_t since_ns = books->short_since_wall_ns;
        books->is_short = false;
        log_event(LOG_INFO, log_what("there is room for the books again"),
                  log_number("seconds", books->wall_ns > since_ns
                                            ? (books->wall_ns - since_ns) / UINT64_C(1000000000)
                                            : 0),
                  log_text("path", books->durable->map.path));
    }
    books->made_before = words->made;
    sr_words_retry(words);
}

/* --- booking ------------------------------------------------------------------------------------------------------------ */

bool books_reserve_tally(struct books *books, uint32_t book, const struct sr_tally *tally)
{
    if (!books_reserve(books, SR_WORD(book, book, 0), SR_WORDS_PER_PAGE)) {
        return false;
    }
    for (uint32_t i = 0; i < tally->touched_count; i++) {
        if (!books_reserve(books, SR_WORD(book, book, SR_BOOK_CELLS + tally->touched[i]), 1)) {
            return false;
        }
    }
    const struct sr_fine_tally *fine = tally->fine;
    for (uint32_t i = 0; fine && i < fine->touched_count; i++) {
        if (!books_reserve(books, SR_WORD(fine, book, SR_FINE_CELLS + fine->touched[i]), 1)) {
            return false;
        }
    }
    return !fine || fine->touched_count == 0 || books_reserve(books, SR_WORD(fine, book, SR_FINE_SCHEMA), 1);
}

static void add_parts(struct books *books, uint32_t index, const struct sr_fine_tally *fine)
{
    if (fine->touched_count != 0) {
        sr_batch_set(&books->durable->batch, SR_WORD(fine, index, SR_FINE_SCHEMA), fine->schema);
    }
    for (uint32_t i = 0; i < fine->touched_count; i++) {
        sr_batch_add(&books->durable->batch, SR_WORD(fine, index, SR_FINE_CELLS + fine->touched[i]),
                     fine->cells[fine->touched[i]]);
    }
}

static void add_cells(struct books *books, uint32_t index, const struct sr_tally *tally)
{
    struct book *book = &books->book[index];
    struct sr_batch *batch = &books->durable->batch;
    for (uint32_t i = 0; i < tally->touched_count; i++) {
        const uint32_t bucket = tally->touched[i];
        sr_batch_add(batch, SR_WORD(book, index, SR_BOOK_CELLS + bucket), tally->cells[bucket]);
        if (book->high == 0) {
            book->low = bucket;
        }
        book->low = bucket < book->low ? bucket : book->low;
        book->high = bucket >= book->high ? bucket + 1 : book->high;
    }
}

/* A spill block's count at a bound may come one fold after its sample, as its cost may. */
static void add_slots(struct books *books, uint32_t index, const struct sr_tally *tally)
{
    for (uint32_t i = 0; i < books->book[index].bounds.count; i++) {
        if (tally->slots[i] != 0) {
            sr_batch_add(&books->durable->batch,
                         SR_WORD(book, index, SR_BOOK_BOUNDS + i * SR_BOUND_WORDS + SR_BOUND_SLOT),
                         tally->slots[i]);
        }
    }
}

/* By value: a spill block's extremes may come one fold after their sample, or never, if that was torn. Until some are known,
 * the least duration lies above the greatest. */
static void add_extremes(struct books *books, uint32_t index, const struct sr_tally *tally)
{
    struct sr_batch *batch = &books->durable->batch;
    const uint32_t min_word = SR_WORD(book, index, SR_BOOK_MIN);
    const uint32_t max_word = SR_WORD(book, index, SR_BOOK_MAX);
    const uint64_t before = sr_batch_get(batch, SR_WORD(book, index, SR_BOOK_COUNT));
    if (before + tally->executions == 0 || (before != 0 && tally->min > tally->max)) {
        return;
    }
    if (before == 0 || tally->min < sr_batch_get(batch, min_word)) {
        sr_batch_set(batch, min_word, tally->min);
    }
    if (before == 0 || tally->max > sr_batch_get(batch, max_word)) {
        sr_batch_set(batch, max_word, tally->max);
    }
}

static void add_executions(struct books *books, uint32_t index, const struct sr_tally *tally)
{
    struct sr_batch *batch = &books->durable->batch;
    sr_batch_add(batch, SR_WORD(book, index, SR_BOOK_COUNT), tally->executions);
    if (tally->failures) {
        sr_batch_add(batch, SR_WORD(book, index, SR_BOOK_FAILURES), tally->failures);
    }
    if (tally->spilled) {
        sr_batch_add(batch, SR_WORD(book, index, SR_BOOK_SPILLED), tally->spilled);
    }
}

/* What was empty until now is a part of the windows that began with all that was drained before. Money alone is something, too. */
static void open_part(struct books *books, uint32_t index)
{
    struct book *book = &books->book[index];
    if (book->open_ns == 0) {
        book->open_ns = books->seen_ns ? books->seen_ns : 1; /* 0 would say: empty */
        sr_batch_set(&books->durable->batch, SR_WORD(book, index, SR_BOOK_OPEN_NS), book->open_ns);
    }
}

static void add_sum(struct books *books, uint32_t index, sr_wide sum)
{
    struct sr_batch *batch = &books->durable->batch;
    const uint32_t low_word = SR_WORD(book, index, SR_BOOK_SUM_LOW);
    const uint32_t high_word = SR_WORD(book, index, SR_BOOK_SUM_HIGH);
    const sr_wide before = (sr_wide)sr_batch_get(batch, high_word) << 64 | sr_batch_get(batch, low_word);
    const sr_wide after = before + sum;
    sr_batch_set(batch, low_word, (uint64_t)after);
    if ((uint64_t)(after >> 64) != (uint64_t)(before >> 64)) {
        sr_batch_set(batch, high_word, (uint64_t)(after >> 64));
    }
}

static void add_money(struct books *books, uint32_t index, uint32_t first, uint32_t category, uint64_t amount)
{
    if (amount != 0) {
        open_part(books, index);
        money_add_to_book(books, index, first, category, amount);
    }
}

void books_add_money(struct books *books, uint32_t index, uint32_t category, uint64_t cost, uint64_t savings)
{
    books_note_change(books, index);
    add_money(books, index, SR_BOOK_COST, category, cost);
    add_money(books, index, SR_BOOK_SAVINGS, category, savings);
}

static void add_if(struct books *books, uint32_t word, uint64_t difference)
{
    if (difference != 0) {
        sr_batch_add(&books->durable->batch, word, difference);
    }
}

void books_add(struct books *books, uint32_t id, const struct sr_tally *tally)
{
    const struct primitive *primitive = &books->primitive[id];
    const uint32_t index = primitive->book;
    books_note_change(books, index);
    books->book[index].last_ns = books->seen_ns;
    add_extremes(books, index, tally);
    add_slots(books, index, tally);
    if (tally->executions) {
        add_cells(books, index, tally);
        add_executions(books, index, tally);
        open_part(books, index);
        if (tally->fine) {
            add_parts(books, index, tally->fine);
        }
    }
    if (tally->sum) {
        add_sum(books, index, tally->sum);
    }
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        add_money(books, index, SR_BOOK_COST, primitive->category[i], tally->cost[i]);
        add_money(books, index, SR_BOOK_SAVINGS, primitive->category[i], tally->savings[i]);
    }
    add_if(books, SR_WORD(book, index, SR_BOOK_TAKEN), tally->taken);
    add_if(books, SR_WORD(book, index, SR_BOOK_BESIDE), tally->beside);
    add_if(books, SR_WORD(book, index, SR_BOOK_OTHERS), tally->others);
    add_if(books, SR_WORD(book, index, SR_BOOK_CLAMPED), tally->clamped);
    add_if(books, SR_WORD(store, 0, SR_STORE_DRAINED), tally->taken - tally->beside);
    add_if(books, SR_WORD(store, 0, SR_STORE_SPILLED), tally->spilled + tally->spilled_others);
    add_if(books, SR_WORD(store, 0, SR_STORE_REFUSED), tally->refused);
    add_if(books, SR_WORD(store, 0, SR_STORE_CLAMPED), tally->clamped);
    add_if(books, SR_WORD(store, 0, SR_STORE_BOUND_LOST), tally->bound_lost);
}

/* Has the block an entry for this bound in its table? */
static bool block_knows(const struct sr_fold *fold, uint64_t bound_ns)
{
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        if (fold->now[SR_SPILL_BOUNDS + 2 * i] == bound_ns) {
            return true;
        }
    }
    return false;
}

static bool bucket_grew(const struct sr_fold *fold, uint32_t bucket)
{
    const uint32_t local = bucket - fold->base;
    if (local >= fold->cells) {
        return false;
    }
    const uint32_t success = SR_SPILL_CELLS + local;
    const uint32_t failure = success + fold->cells;
    return fold->now[success] != fold->copy[success] || fold->now[failure] != fold->copy[failure];
}

void books_note_fold(struct books *books, uint32_t index, const struct sr_fold *fold, uint64_t last_ns,
                     uint64_t now_ns)
{
    const struct book *book = &books->book[index];
    for (uint32_t i = 0; i < book->bounds.count; i++) {
        if (last_ns < book->bound_since_ns[i] && bucket_grew(fold, sr_bucket_index(book->bounds.ns[i])) &&
            !block_knows(fold, book->bounds.ns[i])) {
            sr_batch_set(&books->durable->batch,
                         SR_WORD(book, index, SR_BOOK_BOUNDS + i * SR_BOUND_WORDS + SR_BOUND_EXACT_SINCE_NS),
                         now_ns);
        }
    }
}

/* --- spans -------------------------------------------------------------------------------------------------------------- */

bool books_reserve_in_flight(struct books *books, uint32_t slot, uint32_t book)
{
    return books_reserve(books, SR_WORD(in_flight, slot, book), 1);
}

void books_add_in_flight(struct books *books, uint32_t slot, uint32_t book, uint64_t difference)
{
    if (difference == 0) {
        return;
    }
    struct sr_batch *batch = &books->durable->batch;
    const uint32_t word = SR_WORD(in_flight, slot, book);
    const uint64_t before = sr_batch_get(batch, word);
    sr_batch_set(batch, word, before + difference);
    books->book[book].active += at_least_0(before + difference) - at_least_0(before);
    books_note_change(books, book);
}

void books_abort_slot(struct books *books, uint32_t slot)
{
    struct sr_batch *batch = &books->durable->batch;
    for (uint32_t index = 0; index < books->high; index++) {
        const uint32_t word = SR_WORD(in_flight, slot, index);
        if (!sr_words_exist(&books->durable->words, word)) {
            index |= SR_WORDS_PER_PAGE - 1;
            continue;
        }
        const uint64_t left = sr_batch_get(batch, word);
        if (left == 0 || !books->book[index].is_used) {
            continue;
        }
        add_if(books,
               books->options->ignores_aborted ? SR_WORD(store, 0, SR_STORE_ABORTED_IGNORED)
                                               : SR_WORD(book, index, SR_BOOK_ABORTED),
               (uint64_t)at_least_0(left));
        sr_batch_set(batch, word, 0);
        books->book[index].active -= at_least_0(left);
        books_note_change(books, index);
    }
}
