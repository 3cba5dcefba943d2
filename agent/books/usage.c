/* SPDX-License-Identifier: Apache-2.0 */
/* From accounts of the ring segment to durable ones, and their price: see usage.h. */
#include "usage.h"

#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "binding.h"
#include "money.h"
#include "pure/wide.h"
#include "usage_parts.h"

#define SECOND_NS UINT64_C(1000000000)

/* --- opening ----------------------------------------------------------------------------------------------------------------- */

enum slipring_status usage_open(struct books *books)
{
    struct usage *usage = calloc(1, sizeof *usage);
    if (!usage) {
        return SLIPRING_NO_MEMORY;
    }
    books->usage = usage;
    usage->meters = calloc(SR_USAGE_MAX, sizeof usage->meters[0]);
    usage->first = calloc(SR_PRIMITIVE_MAX, sizeof usage->first[0]);
    usage->accounts = calloc(SR_USAGE_MAX, sizeof usage->accounts[0]);
    usage->of_book = calloc(SR_PRIMITIVE_MAX, sizeof usage->of_book[0]);
    return usage->meters && usage->first && usage->accounts && usage->of_book ? SLIPRING_OK
                                                                              : SLIPRING_NO_MEMORY;
}

void usage_close(struct books *books)
{
    if (books->usage) {
        free(books->usage->meters);
        free(books->usage->first);
        free(books->usage->accounts);
        free(books->usage->of_book);
    }
    free(books->usage);
    books->usage = NULL;
}

static void join_book(struct usage *usage, uint32_t index)
{
    struct account *account = &usage->accounts[index];
    account->next = usage->of_book[account->book];
    usage->of_book[account->book] = index + 1;
}

void usage_take_up(struct books *books)
{
    struct usage *usage = books->usage;
    memset(usage->meters, 0, SR_USAGE_MAX * sizeof usage->meters[0]);
    memset(usage->first, 0, SR_PRIMITIVE_MAX * sizeof usage->first[0]);
    memset(usage->accounts, 0, SR_USAGE_MAX * sizeof usage->accounts[0]);
    memset(usage->of_book, 0, SR_PRIMITIVE_MAX * sizeof usage->of_book[0]);
    memset(usage->noted, 0, sizeof usage->noted);
    usage->noted_count = 0;
    usage->known = 0;
    usage->meter_high = 0;
    usage->account_high = 0;
    usage->used = 0;
    usage->is_to_look = true;
    const uint64_t high = sr_words_get(&books->durable->words, SR_WORD(store, 0, SR_STORE_USAGE_HIGH));
    for (uint32_t i = 0; i < SR_USAGE_MAX; i++) {
        struct account *account = &usage->accounts[i];
        account->place = BOOK_NONE;
        account->is_changed = true; /* also of one that is no more: its figures go */
        if (i < high && usage_get(books, i, SR_USAGE_USED) == 1) {
            const uint64_t book = usage_get(books, i, SR_USAGE_BOOK);
            account->is_used = book < books->high && books->book[book].is_used;
            account->book = (uint32_t)book;
            usage->used += account->is_used;
            if (account->is_used) {
                join_book(usage, i);
            }
        }
        if (account->is_used || sr_books_has(books->durable, SR_OPTIONAL_USAGE, i)) {
            usage->account_high = i + 1;
        }
    }
}

uint32_t usage_accounts(const struct books *books)
{
    return books->usage->used;
}

/* --- accounts ----------------------------------------------------------------------------------------------------------------- */

static bool is_of(const struct books *books, uint32_t account, uint32_t book, const char resource[64])
{
    char there[64];
    if (!books->usage->accounts[account].is_used || books->usage->accounts[account].book != book) {
        return false;
    }
    binding_read_text(books, SR_WORD(usage, account, SR_USAGE_RESOURCE), there, sizeof there);
    return strcmp(there, resource) == 0;
}

static bool begin_account(struct books *books, uint32_t index, uint32_t book, const char resource[64])
{
    if (!books_reserve(books, SR_WORD(usage, index, 0), SR_WORDS_PER_usage)) {
        return false;
    }
    for (uint32_t word = 0; word < SR_USAGE_WORDS;
         word++) { /* a former one's, of a restore that was cut short */
        if (usage_get(books, index, word) != 0) {
            usage_set(books, index, word, 0);
        }
    }
    usage_set(books, index, SR_USAGE_USED, 1);
    usage_set(books, index, SR_USAGE_BOOK, book);
    binding_write_text(books, SR_WORD(usage, index, SR_USAGE_RESOURCE), resource, 64);
    const uint32_t high = SR_WORD(store, 0, SR_STORE_USAGE_HIGH);
    if (index >= sr_batch_get(&books->durable->batch, high)) {
        sr_batch_set(&books->durable->batch, high, (uint64_t)index + 1);
    }
    books->usage->accounts[index] =
        (struct account){.is_used = true, .is_changed = true, .book = book, .place = BOOK_NONE};
    join_book(books->usage, index);
    books->usage->used++;
    books->usage->account_high = index >= books->usage->account_high ? index + 1 : books->usage->account_high;
    return true;
}

uint32_t usage_account(struct books *books, uint32_t book, const char resource[64], bool *out_is_full)
{
    uint32_t unused = USAGE_NO_ACCOUNT;
    *out_is_full = false;
    for (uint32_t i = 0; i < SR_USAGE_MAX; i++) {
        if (is_of(books, i, book, resource)) {
            return i;
        }
        unused = unused == USAGE_NO_ACCOUNT && !books->usage->accounts[i].is_used ? i : unused;
    }
    if (unused == USAGE_NO_ACCOUNT) {
        *out_is_full = true;
        return USAGE_NO_ACCOUNT;
    }
    return begin_account(books, unused, book, resource) ? unused : USAGE_NO_ACCOUNT;
}

/* --- prices ------------------------------------------------------------------------------------------------------------------- */

/* The price of the moment; asked for once as long as it is valid. */
static const struct price *quote(struct books *books, uint32_t index)
{
    struct account *account = &books->usage->accounts[index];
    const uint64_t wall_s = books->wall_ns / SECOND_NS;
    if (!account->is_quoted || wall_s < account->quoted_s || wall_s >= account->until_s) {
        char resource[64];
        binding_read_text(books, SR_WORD(usage, index, SR_USAGE_RESOURCE), resource, sizeof resource);
        account->price = prices_find(books->options->prices, resource, wall_s, &account->until_s);
        account->quoted_s = wall_s;
        account->is_quoted = true;
    }
    return account->price;
}

/* The category named after the provider, of the account's book. */
static uint32_t category_of(struct books *books, uint32_t index)
{
    struct account *account = &books->usage->accounts[index];
    if (!account->has_category) {
        char resource[64];
        char provider[32] = "";
        binding_read_text(books, SR_WORD(usage, index, SR_USAGE_RESOURCE), resource, sizeof resource);
        const size_t length = strcspn(resource, "/");
        if (length <= SLIPRING_CATEGORY_NAME_MAX) { /* else none: a part of a name is another name */
            memcpy(provider, resource, length);
        }
        account->category = binding_category(books, account->book, provider);
        account->has_category = true;
    }
    return account->category;
}

/* G2, G4: pico-dollars on top of nano-dollars and thousandths. Returns the nano-dollars that are new, UINT64_MAX when they are more. */
static uint64_t add_pico(struct books *books, uint32_t index, uint32_t word, sr_wide pico)
{
    const sr_wide total = pico + usage_get(books, index, word + 1);
    const sr_wide nano = total / 1000;
    const uint64_t fits = nano <= UINT64_MAX ? (uint64_t)nano : UINT64_MAX;
    if (fits != 0) {
        (void)money_add(books, SR_WORD(usage, index, word), fits);
    }
    usage_set(books, index, word + 1, (uint64_t)(total % 1000));
    return fits;
}

/* What a unit of cached input is cheaper than one that is not. */
static uint64_t saving_of(const struct price *price)
{
    const bool has_both = (price->priced & (1u << SLIPRING_UNIT_INPUT)) != 0;
    const uint64_t full = price->picodollars[SLIPRING_UNIT_INPUT];
    const uint64_t cached = price->picodollars[SLIPRING_UNIT_CACHED_INPUT];
    return has_both && full > cached ? full - cached : 0;
}

/* G3: everything that waits, as far as it has a price now. The account's words and its book's first page exist. */
static void price_waiting(struct books *books, uint32_t index)
{
    const struct price *price = quote(books, index);
    sr_wide cost = 0;
    sr_wide savings = 0;
    for (uint32_t unit = 0; price && unit < SLIPRING_UNIT_MAX; unit++) {
        const uint64_t waiting = usage_waiting(books, index, unit);
        if (waiting == 0 || !(price->priced & (1u << unit))) {
            continue;
        }
        cost += (sr_wide)waiting * price->picodollars[unit];
        savings += unit == SLIPRING_UNIT_CACHED_INPUT ? (sr_wide)waiting * saving_of(price) : 0;
        usage_set(books, index, SR_USAGE_PRICED_UNITS + unit, usage_get(books, index, SR_USAGE_UNITS + unit));
    }
    if (cost != 0 || savings != 0) {
        const uint64_t new_cost = add_pico(books, index, SR_USAGE_COST, cost);
        const uint64_t new_savings = add_pico(books, index, SR_USAGE_SAVINGS, savings);
        books_add_money(books, books->usage->accounts[index].book, category_of(books, index), new_cost,
                        new_savings);
    }
}

static bool waits(const struct books *books, uint32_t index)
{
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        if (usage_waiting(books, index, unit) != 0) {
            return true;
        }
    }
    return false;
}

static void price_all(struct books *books)
{
    for (uint32_t i = 0; i < books->usage->account_high; i++) {
        struct account *account = &books->usage->accounts[i];
        if (account->is_used && waits(books, i) && quote(books, i)) {
            books_make_room(books);
            account->is_changed = true;
            price_waiting(books, i);
        }
    }
    books_commit(books);
}

void usage_reprice(struct books *books)
{
    for (uint32_t i = 0; i < books->usage->account_high; i++) {
        books->usage->accounts[i].is_quoted = false;
    }
    price_all(books);
}

/* --- meters ------------------------------------------------------------------------------------------------------------------- */

static void note(struct usage *usage, uint32_t index)
{
    const uint64_t bit = UINT64_C(1) << (index % 64);
    usage->noted_count += !(usage->noted[index / 64] & bit);
    usage->noted[index / 64] |= bit;
}

static void forget(struct usage *usage, uint32_t index)
{
    const uint64_t bit = UINT64_C(1) << (index % 64);
    usage->noted_count -= (usage->noted[index / 64] & bit) != 0;
    usage->noted[index / 64] &= ~bit;
}

static void get_to_know(struct books *books, uint32_t index, const struct sr_meter_name *name)
{
    struct usage *usage = books->usage;
    struct meter *meter = &usage->meters[index];
    const uint64_t known =
        sr_batch_get(&books->durable->batch, SR_WORD(copy_usage, index, SR_COPY_USAGE_ACCOUNT));
    *meter = (struct meter){.name = *name, .is_known = true, .account = USAGE_NO_ACCOUNT};
    if (known != 0 && known <= SR_USAGE_MAX && usage->accounts[known - 1].is_used) {
        meter->account = (uint32_t)(known - 1);
    }
    meter->next = usage->first[name->primitive];
    usage->first[name->primitive] = index + 1;
    note(usage, index);
}

/* Keys that were claimed since. One whose claimant died is looked at each time that somebody tells of anything. */
static void look_for_meters(struct books *books)
{
    struct usage *usage = books->usage;
    bool is_known = true;
    for (uint32_t i = usage->known; i < SR_USAGE_MAX; i++) {
        struct sr_meter_name name;
        if (!usage->meters[i].is_known) {
            const enum sr_meter found = sr_meter_look(books->rings, i, &name);
            if (found == SR_METER_END) {
                return;
            }
            if (found == SR_METER_FOUND) {
                get_to_know(books, i, &name);
            } else if (found == SR_METER_FOREIGN) {
                usage->meters[i] = (struct meter){.is_known = true, .is_foreign = true};
                log_event(LOG_WARNING, log_what("an impossible usage account, left out"),
                          log_number("account", i));
            }
        }
        usage->meter_high = usage->meters[i].is_known && i >= usage->meter_high ? i + 1 : usage->meter_high;
        is_known &= usage->meters[i].is_known;
        usage->known = is_known ? i + 1 : usage->known;
    }
}

void usage_note(struct books *books, uint32_t id)
{
    struct usage *usage = books->usage;
    usage->is_to_look = true;
    for (uint32_t at = usage->first[id]; at != 0; at = usage->meters[at - 1].next) {
        note(usage, at - 1);
    }
}

void usage_note_all(struct books *books)
{
    struct usage *usage = books->usage;
    usage->is_to_look = true;
    look_for_meters(books);
    for (uint32_t i = 0; i < usage->meter_high; i++) {
        if (usage->meters[i].is_known && !usage->meters[i].is_foreign) {
            note(usage, i);
        }
    }
    price_all(books); /* what waits: a price may have become effective */
    const uint64_t lost = sr_meter_lost(books->rings);
    const uint32_t copy = SR_WORD(copy_usage, 0, SR_COPY_USAGE_LOST);
    struct sr_batch *batch = &books->durable->batch;
    if (lost != sr_batch_get(batch, copy) &&
        books_reserve(books, SR_WORD(copy_usage, 0, 0), SR_WORDS_PER_copy_usage)) {
        books_make_room(books);
        const uint64_t more = lost - sr_batch_get(batch, copy);
        if (more <= UINT64_MAX / 2) { /* else it ran backwards, and nobody's counter does */
            sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_USAGE_LOST), more);
        }
        sr_batch_set(batch, copy, lost);
    }
}

/* --- folding ------------------------------------------------------------------------------------------------------------------ */

static uint64_t copy_of(const struct books *books, uint32_t index, uint32_t word)
{
    return sr_batch_get(&books->durable->batch, SR_WORD(copy_usage, index, word));
}

/* How much the account grew by; of units that nobody knows yet, too. */
struct growth {
    uint64_t usages;
    uint64_t clamped;
    uint64_t units[SLIPRING_UNIT_MAX];
    bool is_any;
    bool is_possible; /* G5 */
};

static struct growth growth_of(const struct books *books, uint32_t index,
                               const struct sr_meter_reading *reading, uint64_t most)
{
    struct growth growth = {.usages = reading->usages - copy_of(books, index, SR_COPY_USAGE_USAGES),
                            .clamped = reading->clamped - copy_of(books, index, SR_COPY_USAGE_CLAMPED)};
    growth.is_possible = growth.usages <= most && growth.clamped <= most;
    growth.is_any = growth.usages != 0 || growth.clamped != 0;
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        growth.units[unit] = reading->units[unit] - copy_of(books, index, SR_COPY_USAGE_UNITS + unit);
        growth.is_possible &= growth.units[unit] <= UINT64_MAX / 2;
        growth.is_any |= growth.units[unit] != 0;
    }
    return growth;
}

static void follow(struct books *books, uint32_t index, const struct sr_meter_reading *reading)
{
    struct sr_batch *batch = &books->durable->batch;
    sr_batch_set(batch, SR_WORD(copy_usage, index, SR_COPY_USAGE_USAGES), reading->usages);
    sr_batch_set(batch, SR_WORD(copy_usage, index, SR_COPY_USAGE_CLAMPED), reading->clamped);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        const uint32_t word = SR_WORD(copy_usage, index, SR_COPY_USAGE_UNITS + unit);
        if (sr_batch_get(batch, word) != reading->units[unit]) {
            sr_batch_set(batch, word, reading->units[unit]);
        }
    }
}

static void add_to(struct books *books, uint32_t account, uint32_t word, uint64_t value)
{
    if (value != 0) {
        sr_batch_add(&books->durable->batch, SR_WORD(usage, account, word), value);
    }
}

static void book(struct books *books, uint32_t index, const struct growth *growth)
{
    struct account *account = &books->usage->accounts[index];
    add_to(books, index, SR_USAGE_USAGES, growth->usages);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        add_to(books, index, SR_USAGE_UNITS + unit, growth->units[unit]);
    }
    if (!quote(books, index)) {
        add_to(books, index, SR_USAGE_UNPRICED, growth->usages);
    }
    price_waiting(books, index);
    if (growth->clamped != 0) {
        sr_batch_add(&books->durable->batch, SR_WORD(book, account->book, SR_BOOK_CLAMPED), growth->clamped);
        sr_batch_add(&books->durable->batch, SR_WORD(store, 0, SR_STORE_CLAMPED), growth->clamped);
    }
    account->is_changed = true;
    books_note_change(books, account->book);
}

/* The meter's account. USAGE_NO_ACCOUNT: not now; or, *out_is_lost, never: there are too many. */
static uint32_t find_account(struct books *books, struct meter *meter, uint64_t now_ns, bool *out_is_lost)
{
    *out_is_lost = false;
    if (meter->account == USAGE_NO_ACCOUNT) {
        const uint32_t book_index = binding_find(books, meter->name.primitive, now_ns);
        if (book_index != BOOK_NONE) {
            meter->account = usage_account(books, book_index, meter->name.resource, out_is_lost);
        }
    }
    if (*out_is_lost && !books->usage->is_short) {
        books->usage->is_short = true;
        log_event(LOG_WARNING,
                  log_what("too many usage accounts: what is used of others is only counted as lost"),
                  log_number("accounts", SR_USAGE_MAX));
    }
    return meter->account;
}

/* The copy grows, and no account does: what is left out is as if a former segment had held it back (peer/accounts.h). */
static void leave_out(struct books *books, const struct growth *growth)
{
    struct sr_batch *batch = &books->durable->batch;
    uint64_t units = 0;
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        units += growth->units[unit];
    }
    sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_FORMER_USAGES), 0 - growth->usages);
    sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_FORMER_UNITS), 0 - units);
}

static void complain(struct books *books, const struct meter *meter)
{
    if (!books->usage->is_impossible) {
        books->usage->is_impossible = true;
        log_event(LOG_WARNING, log_what("impossible counts in a usage account, left out"),
                  log_text("resource", meter->name.resource), log_number("primitive", meter->name.primitive));
    }
}

/* What it has beyond its copy, as one unit of the batch. Without a page or a book now it is found again, once a second. */
static void fold(struct books *books, uint32_t index, uint64_t now_ns)
{
    struct meter *meter = &books->usage->meters[index];
    struct sr_meter_reading reading;
    sr_meter_read(books->rings, index, &reading);
    const struct sr_shared_marks marks = {.enter = reading.enter, .exit = reading.exit};
    if (marks.enter == meter->folded.enter && marks.exit == meter->folded.exit && marks.enter == marks.exit) {
        return; /* at rest, and as it was */
    }
    books_make_room(books);
    const struct growth growth =
        growth_of(books, index, &reading, sr_fold_most(sr_fold_elapsed(now_ns, meter->folded_ns)));
    if (!growth.is_any) {
        meter->folded = marks;
        return;
    }
    bool is_lost = false;
    const uint32_t account = find_account(books, meter, now_ns, &is_lost);
    if ((account == USAGE_NO_ACCOUNT && !is_lost) ||
        !books_reserve(books, SR_WORD(copy_usage, index, 0), SR_WORDS_PER_copy_usage)) {
        return;
    }
    if (!growth.is_possible) {
        complain(books, meter);
        leave_out(books, &growth);
    } else if (is_lost) {
        leave_out(books, &growth);
        sr_batch_add(&books->durable->batch, SR_WORD(store, 0, SR_STORE_USAGE_LOST), growth.usages);
    } else {
        book(books, account, &growth);
    }
    follow(books, index, &reading);
    sr_batch_set(&books->durable->batch, SR_WORD(copy_usage, index, SR_COPY_USAGE_ACCOUNT),
                 account == USAGE_NO_ACCOUNT ? 0 : (uint64_t)account + 1);
    meter->folded = marks;
    meter->folded_ns = now_ns;
}

bool usage_fold(struct books *books, uint32_t most, uint64_t now_ns)
{
    struct usage *usage = books->usage;
    if (usage->is_to_look) {
        usage->is_to_look = false;
        look_for_meters(books);
    }
    for (uint32_t i = 0; i < NOTED_WORDS && usage->noted_count != 0 && most != 0; i++) {
        for (; usage->noted[i] != 0 && most != 0; most--) {
            const uint32_t index = i * 64 + (uint32_t)__builtin_ctzll(usage->noted[i]);
            forget(usage, index); /* before the look: what is noted meanwhile is looked at again */
            fold(books, index, now_ns);
        }
    }
    return usage->noted_count == 0;
}

uint64_t usage_count_torn(struct books *books, uint64_t now_ns)
{
    struct usage *usage = books->usage;
    uint64_t torn = 0;
    for (uint32_t i = 0; i < usage->meter_high; i++) {
        struct meter *meter = &usage->meters[i];
        if (!meter->is_known || meter->is_foreign) {
            continue;
        }
        const struct sr_shared_marks marks = sr_meter_marks(books->rings, i);
        const bool is_at_rest = marks.enter == meter->rested.enter && marks.exit == meter->rested.exit;
        if (is_at_rest && marks.enter - marks.exit <= UINT32_MAX) {
            meter->torn = marks.enter - marks.exit;
        }
        meter->rested = marks;
        torn += meter->torn;
        if (marks.enter != marks.exit) {
            fold(books, i, now_ns);
        }
    }
    return torn;
}

bool usage_start_from_here(struct sr_books *durable, struct sr_drain *rings)
{
    struct sr_batch *batch = &durable->batch;
    for (uint32_t i = 0; i < SR_USAGE_MAX; i++) {
        struct sr_meter_name name;
        struct sr_meter_reading reading;
        const enum sr_meter found = sr_meter_look(rings, i, &name);
        if (found == SR_METER_END) {
            break;
        }
        if (found != SR_METER_FOUND) {
            continue;
        }
        if (sr_words_reserve(&durable->words, SR_WORD(copy_usage, i, 0), SR_WORDS_PER_copy_usage) !=
            SLIPRING_OK) {
            return false;
        }
        sr_meter_read(rings, i, &reading);
        sr_batch_set(batch, SR_WORD(copy_usage, i, SR_COPY_USAGE_USAGES), reading.usages);
        sr_batch_set(batch, SR_WORD(copy_usage, i, SR_COPY_USAGE_CLAMPED), reading.clamped);
        for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
            sr_batch_set(batch, SR_WORD(copy_usage, i, SR_COPY_USAGE_UNITS + unit), reading.units[unit]);
        }
        sr_batch_commit(batch);
        sr_batch_clear(batch);
    }
    if (sr_words_reserve(&durable->words, SR_WORD(copy_usage, 0, 0), SR_WORDS_PER_copy_usage) !=
        SLIPRING_OK) {
        return false;
    }
    sr_batch_set(batch, SR_WORD(copy_usage, 0, SR_COPY_USAGE_LOST), sr_meter_lost(rings));
    sr_batch_commit(batch);
    sr_batch_clear(batch);
    return true;
}
