/* SPDX-License-Identifier: Apache-2.0 */
/* Marks in tracks: see history.h. */
#include "history.h"

#include <string.h>

#include "agenda.h"
#include "history_parts.h"
#include "money.h"
#include "pure/bound.h"

#define SECOND_NS UINT64_C(1000000000)
#define DAY_S     UINT64_C(86400)
#define PARTS     100u /* marks to a window */

const uint64_t history_windows_s[SLIPRING_SLO_WINDOW_COUNT] = {300, 1800, 3600, 7200, 21600, 86400, 259200};

struct mark {
    uint64_t at_ns;
    uint64_t good;
    uint64_t total;
};

static uint64_t get(const struct books *books, uint32_t word)
{
    return sr_batch_get_settled(&books->durable->batch, word);
}

static void set(struct books *books, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, word, value);
}

static uint64_t kind_of(const struct books *books, uint32_t index, uint32_t objective)
{
    return get(books, objective_word(index, objective, SR_OBJECTIVE_KIND));
}

static bool is_month(const struct books *books, uint32_t index, uint32_t objective)
{
    return get(books, objective_word(index, objective, SR_OBJECTIVE_PERIOD_S)) == SLIPRING_PERIOD_MONTH;
}

/* How long the track's window is; 0: the objective has no such track. A calendar month is as long as the longest. */
static uint64_t window_ns(const struct books *books, uint32_t index, uint32_t objective, uint32_t track)
{
    const uint64_t period_s = is_month(books, index, objective)
                                  ? 31 * UINT64_C(86400)
                                  : get(books, objective_word(index, objective, SR_OBJECTIVE_PERIOD_S));
    const uint64_t window_s = track < HISTORY_PERIOD ? history_windows_s[track] : period_s;
    return window_s <= period_s ? window_s * SECOND_NS : 0;
}

/* --- cumulative counts ------------------------------------------------------------------------------------------------------ */

static enum book_account account_of(const struct books *books, uint32_t index, uint32_t objective)
{
    return kind_of(books, index, objective) == SLIPRING_SPEND ? BOOK_MONEY : BOOK_EXECUTIONS;
}

static uint64_t total_of(const struct books *books, uint32_t index, enum book_account account)
{
    if (account == BOOK_MONEY) {
        return money_of_book(books, index, SR_BOOK_COST);
    }
    return get(books, SR_WORD(book, index, SR_BOOK_COUNT)) +
           get(books, SR_WORD(book, index, SR_BOOK_ABORTED));
}

/* Executions that took at most threshold_ns. */
static uint64_t at_most(const struct books *books, uint32_t index, uint64_t threshold_ns)
{
    const struct book *book = &books->book[index];
    uint64_t slots[SLIPRING_BOUND_COUNT];
    uint64_t counts[SLIPRING_BOUND_COUNT];
    uint64_t cells[SR_BUCKET_COUNT] = {0};
    if (books->durable->batch.count == 0) {
        sr_words_read(&books->durable->words, SR_WORD(book, index, SR_BOOK_CELLS + book->low),
                      book->high - book->low, cells + book->low);
    }
    for (uint32_t i = book->low; i < book->high && books->durable->batch.count != 0; i++) {
        cells[i] = get(books, SR_WORD(book, index, SR_BOOK_CELLS + i));
    }
    for (uint32_t i = 0; i < book->bounds.count; i++) {
        slots[i] = get(books, SR_WORD(book, index, SR_BOOK_BOUNDS + i * SR_BOUND_WORDS + SR_BOUND_SLOT));
    }
    sr_bound_cumulatives(cells, book->bounds.ns, slots, book->bounds.count, counts);
    const uint64_t all = get(books, SR_WORD(book, index, SR_BOOK_COUNT));
    uint64_t good = 0;
    for (uint32_t i = 0; i < book->bounds.count; i++) {
        if (book->bounds.ns[i] == threshold_ns) {
            good = counts[i] < all ? counts[i] : all; /* a forged spill block could count more */
        }
    }
    return good;
}

static uint64_t good_of(const struct books *books, uint32_t index, uint32_t objective)
{
    switch (kind_of(books, index, objective)) {
    case SLIPRING_SPEND:
        return 0;
    case SLIPRING_AVAILABILITY:
        return get(books, SR_WORD(book, index, SR_BOOK_COUNT)) -
               get(books, SR_WORD(book, index, SR_BOOK_FAILURES));
    default:
        return at_most(books, index, get(books, objective_word(index, objective, SR_OBJECTIVE_THRESHOLD_NS)));
    }
}

static void count(const struct books *books, uint32_t index, uint32_t objective, uint64_t *out_good,
                  uint64_t *out_total)
{
    *out_total = total_of(books, index, account_of(books, index, objective));
    *out_good = good_of(books, index, objective);
}

void history_now(const struct books *books, uint32_t index, uint32_t objective, uint64_t *out_good,
                 uint64_t *out_total)
{
    struct counted *counted = books->counted;
    const struct sr_batch *batch = &books->durable->batch;
    if (batch->count != 0) {
        count(books, index, objective, out_good, out_total);
        return;
    }
    if (counted->objective != objective + 1 || counted->book != index || counted->commits != batch->commits) {
        *counted = (struct counted){.commits = batch->commits, .book = index, .objective = objective + 1};
        count(books, index, objective, &counted->good, &counted->total);
    }
    *out_good = counted->good;
    *out_total = counted->total;
}

/* --- marks ------------------------------------------------------------------------------------------------------------------ */

/* Marks [first, next) of a track are live. */
struct track {
    uint64_t first;
    uint64_t next;
};

static struct track track_of(const struct books *books, uint32_t index, uint32_t objective, uint32_t track)
{
    const uint64_t next = get(books, track_word(index, objective, track, SR_TRACK_NEXT));
    const uint64_t first = get(books, track_word(index, objective, track, SR_TRACK_FIRST));
    return (struct track){.first = first_live(first, next), .next = next};
}

static struct mark mark_of(const struct books *books, uint32_t index, uint32_t objective, uint32_t track,
                           uint64_t number)
{
    const uint32_t word = mark_word(index, objective, track, number);
    return (struct mark){.at_ns = get(books, word + SR_MARK_AT_NS),
                         .good = get(books, word + SR_MARK_GOOD),
                         .total = get(books, word + SR_MARK_TOTAL)};
}

/* The objective's beginning, which every track begins with. */
static struct mark beginning(const struct books *books, uint32_t index, uint32_t objective)
{
    return (struct mark){.at_ns = get(books, objective_word(index, objective, SR_OBJECTIVE_SINCE_NS)),
                         .good = get(books, objective_word(index, objective, SR_OBJECTIVE_SINCE_GOOD)),
                         .total = get(books, objective_word(index, objective, SR_OBJECTIVE_SINCE_TOTAL))};
}

static struct mark last_of(const struct books *books, uint32_t index, uint32_t objective, uint32_t track)
{
    const struct track it = track_of(books, index, objective, track);
    return it.next > it.first ? mark_of(books, index, objective, track, it.next - 1)
                              : beginning(books, index, objective);
}

/* The track's words have their pages. */
static void append(struct books *books, uint32_t index, uint32_t objective, uint32_t track,
                   const struct mark *mark)
{
    const uint64_t next = get(books, track_word(index, objective, track, SR_TRACK_NEXT));
    const uint64_t words[SR_TRACK_MARK_WORDS] = {mark->at_ns, mark->good, mark->total};
    sr_words_write_unreferenced(&books->durable->words, mark_word(index, objective, track, next),
                                SR_TRACK_MARK_WORDS, words);
    set(books, track_word(index, objective, track, SR_TRACK_NEXT), next + 1);
}

/* Nothing came until quiet_ns since the last mark, which says so with a second one: one that is there goes on to that moment. */
static void tell_of_quiet(struct books *books, uint32_t index, uint32_t objective, uint32_t track,
                          const struct mark *last, uint64_t quiet_ns)
{
    const struct track it = track_of(books, index, objective, track);
    if (it.next - it.first >= 2) {
        const struct mark before = mark_of(books, index, objective, track, it.next - 2);
        if (before.good == last->good && before.total == last->total) {
            set(books, mark_word(index, objective, track, it.next - 1) + SR_MARK_AT_NS, quiet_ns);
            return;
        }
    }
    append(books, index, objective, track,
           &(struct mark){.at_ns = quiet_ns, .good = last->good, .total = last->total});
}

/* When a book's tracks are to be looked at again. */
struct due {
    uint64_t mark_ns; /* for a mark that one of them waits for, of what came since its last one */
    uint64_t news_ns[BOOK_ACCOUNT_COUNT]; /* for a mark that one would make, if something came */
};

static void note_due(struct due *due, enum book_account account, uint64_t next_ns, bool waits)
{
    due->news_ns[account] = next_ns < due->news_ns[account] ? next_ns : due->news_ns[account];
    due->mark_ns = waits && next_ns < due->mark_ns ? next_ns : due->mark_ns;
}

/* A track's marks up to `now`. Without a page: later. */
static void tend_track(struct books *books, uint32_t index, uint32_t objective, uint32_t track,
                       const struct mark *now, struct due *due)
{
    const enum book_account account = account_of(books, index, objective);
    const struct book_marked *marked = &books->book[index].marked[account];
    const uint64_t every_ns = window_ns(books, index, objective, track) / PARTS;
    struct mark last = last_of(books, index, objective, track);
    if (!books_reserve(books, track_word(index, objective, track, 0), SR_TRACK_WORDS)) {
        note_due(due, account, now->at_ns + every_ns, true);
        return;
    }
    if (last.total == marked->total && last.total != now->total &&
        marked->quiet_ns >= last.at_ns + every_ns) {
        tell_of_quiet(books, index, objective, track, &last, marked->quiet_ns);
        last.at_ns = marked->quiet_ns;
    }
    if (last.total != now->total && now->at_ns >= last.at_ns + every_ns) {
        append(books, index, objective, track, now);
        last = *now;
    }
    note_due(due, account, last.at_ns + every_ns, last.total != now->total);
}

/* The calendar month's track: one mark, where the month began. */
static void tend_month(struct books *books, uint32_t index, uint32_t objective, const struct mark *now)
{
    const uint64_t month = books->month;
    const uint32_t word = track_word(index, objective, HISTORY_PERIOD, SR_TRACK_MONTH);
    if (get(books, word) > books->wall_ns / SECOND_NS + DAY_S) {
        set(books, word, month); /* the clock was ahead for a while: that month is not to be waited for */
    }
    if (get(books, word) >= month ||
        !books_reserve(books, track_word(index, objective, HISTORY_PERIOD, 0), SR_TRACK_WORDS)) {
        return;
    }
    if (get(books, word) != 0) {
        const uint64_t next = get(books, track_word(index, objective, HISTORY_PERIOD, SR_TRACK_NEXT));
        set(books, track_word(index, objective, HISTORY_PERIOD, SR_TRACK_FIRST), next);
        append(books, index, objective, HISTORY_PERIOD, now);
    }
    set(books, word, month);
}

static void tend_objective(struct books *books, uint32_t index, uint32_t objective, struct due *due)
{
    struct mark now = {.at_ns = books->seen_ns};
    history_now(books, index, objective, &now.good, &now.total);
    for (uint32_t track = 0; track <= HISTORY_PERIOD; track++) {
        if (track == HISTORY_PERIOD && is_month(books, index, objective)) {
            tend_month(books, index, objective, &now);
        } else if (window_ns(books, index, objective, track) != 0) {
            tend_track(books, index, objective, track, &now, due);
        }
    }
}

static void tend_book(struct books *books, uint32_t index, const uint64_t totals[BOOK_ACCOUNT_COUNT])
{
    struct book *book = &books->book[index];
    struct due due = {.mark_ns = UINT64_MAX, .news_ns = {UINT64_MAX, UINT64_MAX}};
    for (uint32_t objective = 0; objective < SLIPRING_OBJECTIVE_COUNT; objective++) {
        if (kind_of(books, index, objective) != 0) {
            books_make_room(books);
            tend_objective(books, index, objective, &due);
        }
    }
    book->marks_due_ns = due.mark_ns;
    book->marked_month = books->month;
    for (uint32_t account = 0; account < BOOK_ACCOUNT_COUNT; account++) {
        book->marked[account].total = totals[account];
        book->marked[account].news_due_ns = due.news_ns[account];
    }
}

static uint64_t total_if_asked(const struct books *books, uint32_t index, enum book_account account)
{
    return account == BOOK_MONEY && !books->book[index].has_spend ? 0 : total_of(books, index, account);
}

/* As many as it went to rest with, up to the last tick, when it rested still. */
static void tell_of_rest(const struct books *books, struct book *book)
{
    for (uint32_t account = 0; account < BOOK_ACCOUNT_COUNT && book->has_rested; account++) {
        struct book_marked *marked = &book->marked[account];
        marked->quiet_ns = marked->is_quiet ? books->ticked_ns : marked->quiet_ns;
    }
    book->has_rested = false;
}

static void tick_book(struct books *books, uint32_t index)
{
    struct book *book = &books->book[index];
    const uint64_t totals[BOOK_ACCOUNT_COUNT] = {
        [BOOK_EXECUTIONS] = total_if_asked(books, index, BOOK_EXECUTIONS),
        [BOOK_MONEY] = total_if_asked(books, index, BOOK_MONEY),
    };
    tell_of_rest(books, book);
    bool is_same[BOOK_ACCOUNT_COUNT];
    bool is_due = books->seen_ns >= book->marks_due_ns || book->marked_month != books->month;
    for (uint32_t account = 0; account < BOOK_ACCOUNT_COUNT; account++) {
        is_same[account] = totals[account] == book->marked[account].total;
        is_due |= !is_same[account] && books->seen_ns >= book->marked[account].news_due_ns;
    }
    if (is_due) {
        tend_book(books, index, totals);
    }
    for (uint32_t account = 0; account < BOOK_ACCOUNT_COUNT; account++) {
        if (is_same[account]) {
            book->marked[account].quiet_ns = books->seen_ns;
        }
    }
}

void history_tick(struct books *books, uint64_t now_ns)
{
    books_commit(books);
    for (uint32_t index = 0; index < books->high; index++) {
        const struct book *book = &books->book[index];
        if (!agenda_rests(books, index, now_ns) && book->is_used && book->has_objectives) {
            tick_book(books, index);
        }
    }
    books_commit(books);
    books->ticked_ns = books->seen_ns;
}

uint64_t history_rest(struct books *books, uint32_t index)
{
    struct book *book = &books->book[index];
    if (!book->has_objectives) {
        return UINT64_MAX;
    }
    uint64_t due_ns = book->marks_due_ns;
    for (uint32_t account = 0; account < BOOK_ACCOUNT_COUNT; account++) {
        struct book_marked *marked = &book->marked[account];
        marked->is_quiet = total_if_asked(books, index, account) == marked->total;
        if (!marked->is_quiet && marked->news_due_ns < due_ns) {
            due_ns = marked->news_due_ns;
        }
    }
    book->has_rested = true;
    return due_ns;
}

void history_forget(struct books *books, uint32_t index, uint32_t objective)
{
    for (uint32_t track = 0; track < SR_TRACK_MAX; track++) {
        const uint32_t first = track_word(index, objective, track, SR_TRACK_FIRST);
        if (sr_words_exist(&books->durable->words, first)) {
            set(books, first, get(books, track_word(index, objective, track, SR_TRACK_NEXT)));
        }
    }
}

void history_begin(struct books *books, uint32_t index, uint32_t objective, uint64_t now_ns)
{
    uint64_t good = 0;
    uint64_t total = 0;
    history_now(books, index, objective, &good, &total);
    /* Then nothing was recorded, or spent, since the book was opened: but what a checkpoint brought back was counted by nobody for it. */
    const bool is_new = total == 0 && !sr_words_exist(&books->durable->words, SR_WORD(former, index, 0));
    /* Not now_ns: what was recorded up to now, and is still to be drained, will count. */
    const uint64_t since_ns = books->seen_ns < now_ns ? books->seen_ns : now_ns;
    set(books, objective_word(index, objective, SR_OBJECTIVE_SINCE_NS),
        is_new ? get(books, SR_WORD(book, index, SR_BOOK_OPENED_NS)) : since_ns);
    set(books, objective_word(index, objective, SR_OBJECTIVE_SINCE_GOOD), good);
    set(books, objective_word(index, objective, SR_OBJECTIVE_SINCE_TOTAL), total);
    history_forget(books, index, objective);
    const enum book_account account = account_of(books, index, objective);
    books->book[index].has_objectives = true;
    books->book[index].has_spend |= account == BOOK_MONEY;
    books->book[index].marked[account].total = UINT64_MAX; /* nothing is known of what is quiet */
    books->book[index].marks_due_ns = 0;
}

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

/* What the counts of the window are counted from; at_ns is where it begins. *out_stays_ns: the same for all windows that begin until then. */
static struct mark edge_of(const struct books *books, uint32_t index, uint32_t objective, uint32_t track,
                           uint64_t earliest_ns, const struct mark *now, uint64_t *out_stays_ns)
{
    const struct track it = track_of(books, index, objective, track);
    struct mark before = beginning(books, index, objective);
    if (before.at_ns >= earliest_ns) {
        *out_stays_ns = before.at_ns;
        return before;
    }
    bool is_known = it.first == 0 || it.next - it.first < MARKS; /* else some are gone between them */
    uint64_t low = it.first; /* marks below began before, those from `high` on did not */
    uint64_t high = it.next;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (mark_of(books, index, objective, track, middle).at_ns < earliest_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low > it.first) {
        before = mark_of(books, index, objective, track, low - 1);
        is_known = true;
    }
    const struct mark after = low < it.next ? mark_of(books, index, objective, track, low) : *now;
    *out_stays_ns = low < it.next ? after.at_ns : UINT64_MAX;
    if (is_known && before.good == after.good && before.total == after.total) {
        before.at_ns = earliest_ns; /* nothing came in between */
        return before;
    }
    return after;
}

bool history_read(const struct books *books, uint32_t index, uint32_t objective, uint32_t track,
                  uint64_t now_ns, struct history_counts *out_counts)
{
    if (track > HISTORY_PERIOD || kind_of(books, index, objective) == 0 ||
        window_ns(books, index, objective, track) == 0) {
        return false;
    }
    struct mark now = {.at_ns = now_ns};
    struct mark from;
    uint64_t until_ns = UINT64_MAX;
    history_now(books, index, objective, &now.good, &now.total);
    if (track == HISTORY_PERIOD && is_month(books, index, objective)) {
        from = last_of(books, index, objective, track);
    } else {
        const uint64_t long_ns = window_ns(books, index, objective, track);
        from =
            edge_of(books, index, objective, track, now_ns > long_ns ? now_ns - long_ns : 0, &now, &until_ns);
        until_ns += until_ns == UINT64_MAX ? 0 : long_ns;
    }
    *out_counts = (struct history_counts){.good = now.good - from.good,
                                          .total = now.total - from.total,
                                          .span_ns = now_ns > from.at_ns ? now_ns - from.at_ns : 0,
                                          .until_ns = until_ns};
    return true;
}

/* --- another period ---------------------------------------------------------------------------------------------------------- */

/* When the present month began, by this clock. */
static uint64_t month_began_ns(const struct books *books, uint64_t now_ns)
{
    const uint64_t ago_ns = books->wall_ns - books->month * SECOND_NS;
    return now_ns > ago_ns ? now_ns - ago_ns : 0;
}

/* The month that is counted begins at this mark. The track's words have their pages. */
static void set_month(struct books *books, uint32_t index, uint32_t objective, const struct mark *from)
{
    set(books, track_word(index, objective, HISTORY_PERIOD, SR_TRACK_FIRST),
        get(books, track_word(index, objective, HISTORY_PERIOD, SR_TRACK_NEXT)));
    append(books, index, objective, HISTORY_PERIOD, from);
    set(books, track_word(index, objective, HISTORY_PERIOD, SR_TRACK_MONTH), books->month);
}

bool history_change_period(struct books *books, uint32_t index, uint32_t objective, uint64_t period_s,
                           uint64_t now_ns)
{
    if (period_s != SLIPRING_PERIOD_MONTH) {
        return true;
    }
    if (!books_reserve(books, track_word(index, objective, HISTORY_PERIOD, 0), SR_TRACK_WORDS)) {
        return false;
    }
    struct mark now = {.at_ns = now_ns};
    history_now(books, index, objective, &now.good, &now.total);
    uint64_t stays_ns = 0;
    const struct mark from =
        edge_of(books, index, objective, HISTORY_PERIOD, month_began_ns(books, now_ns), &now, &stays_ns);
    set_month(books, index, objective, &from);
    return true;
}

/* --- another clock ------------------------------------------------------------------------------------------------------------ */

static void begin_objective_anew(struct books *books, uint32_t index, uint32_t objective, uint64_t now_ns)
{
    struct mark from = last_of(books, index, objective, HISTORY_PERIOD);
    const bool goes_on =
        is_month(books, index, objective) &&
        get(books, track_word(index, objective, HISTORY_PERIOD, SR_TRACK_MONTH)) == books->month &&
        books_reserve(books, track_word(index, objective, HISTORY_PERIOD, 0), SR_TRACK_WORDS);
    history_begin(books, index, objective, now_ns);
    if (goes_on) {
        from.at_ns = month_began_ns(books, now_ns);
        set_month(books, index, objective, &from);
    }
}

void history_begin_anew(struct books *books, uint32_t index, uint64_t now_ns)
{
    for (uint32_t objective = 0; objective < SLIPRING_OBJECTIVE_COUNT; objective++) {
        if (kind_of(books, index, objective) != 0) {
            begin_objective_anew(books, index, objective, now_ns);
        }
    }
}
