/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures against the harness's sums: see books.h. */
#include "books.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer/accounts.h"
#include "peer/stats.h"
#include "protocol/words.h"
#include "support/check.h"
#include "support/place.h"
#include "support/uses.h"

static char wrong[256];

static const char *differs(const char *what, uint64_t got, uint64_t want)
{
    (void)snprintf(wrong, sizeof wrong, "%s is %" PRIu64 ", not %" PRIu64 " (%+" PRId64 ")", what, got, want,
                   (int64_t)(got - want));
    return wrong;
}

#define SAME(what, got, want)                                                                                \
    do {                                                                                                     \
        if ((uint64_t)(got) != (uint64_t)(want)) {                                                           \
            return differs(what, (uint64_t)(got), (uint64_t)(want));                                         \
        }                                                                                                    \
    } while (0)

/* --- reading ------------------------------------------------------------------------------------------------------------ */

/* By system calls: to touch a hole of the mapping would give it a page. */
static void read_words(int fd, uint32_t first, uint32_t count, uint64_t *out_words)
{
    const off_t at = (off_t)(offsetof(struct sr_stats_map, words) + (uint64_t)first * sizeof *out_words);
    CHECK_EQUAL(pread(fd, out_words, count * sizeof *out_words, at), count * sizeof *out_words);
}

static void read_cells(struct book *books, const struct workload *load)
{
    char path[PATH_MAX];
    place_path(path, place_store(), "stats");
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    uint64_t high = 0;
    read_words(fd, SR_WORD(store, 0, SR_STORE_BOOK_HIGH), 1, &high);
    for (uint32_t index = 0; index < high; index++) {
        uint64_t name[17];
        read_words(fd, SR_WORD(book, index, SR_BOOK_NAME), 17, name);
        for (uint32_t i = 0; i < load->count; i++) {
            if (books[i].is_found && strncmp((const char *)name, books[i].detail.name, sizeof name) == 0) {
                read_words(fd, SR_WORD(book, index, SR_BOOK_CELLS), SR_BUCKET_COUNT, books[i].cells);
            }
        }
    }
    (void)close(fd);
}

/* The accounts of all that were found; places[i]: the id that primitive i has in `published`. */
static void read_usage(struct books *books, const struct workload *load, const uint32_t *places,
                       const struct sr_stats *published)
{
    for (uint32_t at = sr_stats_next_usage(published, 0); at < SR_STATS_USAGE_MAX;
         at = sr_stats_next_usage(published, at + 1)) {
        struct slipring_usage_stats usage;
        const bool is_there = sr_stats_usage(published, at, &usage) == SLIPRING_OK;
        for (uint32_t i = 0; is_there && i < load->count; i++) {
            struct book *book = &books->book[i];
            if (!book->is_found || usage.place != places[i]) {
                continue;
            }
            book->accounts++;
            for (uint32_t k = 0; k < TALLY_RESOURCES; k++) {
                book->usage[k] = strcmp(usage.resource, uses_resource[k]) == 0 ? usage : book->usage[k];
            }
        }
    }
}

void books_read(struct books *books, const struct workload *load)
{
    struct sr_stats *published = NULL;
    uint32_t places[WORKLOAD_PRIMITIVES] = {0};
    memset(books, 0, sizeof *books);
    if (sr_stats_open(place_store(), &published) != SLIPRING_OK) {
        return;
    }
    for (uint32_t id = 0; id < sr_stats_high(published); id++) {
        struct book book = {.is_found = true};
        unsigned index = 0;
        int end = 0;
        if (sr_stats_get(published, id, &book.stats, &book.detail) == SLIPRING_OK &&
            sscanf(book.detail.name, "p%u%n", &index, &end) == 1 && book.detail.name[end] == '\0' &&
            index < load->count) {
            books->book[index] = book;
            places[index] = id;
        }
    }
    read_usage(books, load, places, published);
    sr_stats_close(published);
    read_cells(books->book, load);
}

/* --- comparing ---------------------------------------------------------------------------------------------------------- */

static const char *bounds_differ(const struct slipring_stats_detail *detail, const struct tally *want)
{
    SAME("the number of bounds", detail->bound_count, want->bound_count);
    for (uint32_t i = 0; i < want->bound_count; i++) {
        char what[64];
        SAME("a bound", detail->bounds[i].bound_ns, want->bound_ns[i]);
        (void)snprintf(what, sizeof what, "the count at %" PRIu64 " ns", want->bound_ns[i]);
        SAME(what, detail->bounds[i].count, want->at_most[i]);
    }
    return NULL;
}

static const char *objectives_differ(const struct slipring_stats_detail *detail, const struct tally *want,
                                     uint64_t aborted)
{
    SAME("the number of objectives", detail->objective_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct slipring_objective_stats *objective = &detail->objectives[i];
        uint64_t good = want->count[0];
        for (uint32_t k = 0; objective->kind == SLIPRING_LATENCY && k < want->bound_count; k++) {
            good = want->bound_ns[k] == objective->threshold_ns ? want->at_most[k] : good;
        }
        SAME("an objective's total", objective->total, tally_count(want) + aborted);
        SAME("an objective's good", objective->good, good);
    }
    return NULL;
}

/* Each resource has one account, whatever became of the segment's; and nobody else has any. */
static const char *usage_differs(const struct book *book, const struct tally *want)
{
    uint32_t accounts = 0;
    for (uint32_t i = 0; i < TALLY_RESOURCES; i++) {
        const struct slipring_usage_stats *usage = &book->usage[i];
        const struct uses_money money = uses_price(&want->uses[i], i);
        const uint64_t unpriced = uses_is_priced(i) ? 0 : UINT64_MAX;
        accounts += usage->resource[0] != '\0';
        SAME("the number of usages", usage->usages, want->uses[i].usages);
        SAME("usages without a price", usage->unpriced, want->uses[i].usages & unpriced);
        for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
            char what[64];
            (void)snprintf(what, sizeof what, "units of kind %u of %s", unit, uses_resource[i]);
            SAME(what, usage->units[unit], want->uses[i].units[unit]);
            SAME("units without a price", usage->unpriced_units[unit], want->uses[i].units[unit] & unpriced);
        }
        SAME("a usage's cost, in nano-dollars,", usage->cost_nanodollars, money.cost);
        SAME("a usage's savings, in nano-dollars,", usage->savings_nanodollars, money.savings);
    }
    SAME("the number of usage accounts", book->accounts, accounts);
    return NULL;
}

/* Of a category: recorded as such, and priced of what was used. */
static struct uses_money money_of(const struct tally *want, uint32_t kind)
{
    struct uses_money money = {.kind = kind, .cost = want->cost[kind], .savings = want->savings[kind]};
    for (uint32_t i = 0; i < TALLY_RESOURCES; i++) {
        const struct uses_money priced = uses_price(&want->uses[i], i);
        money.cost += priced.kind == kind ? priced.cost : 0;
        money.savings += priced.kind == kind ? priced.savings : 0;
    }
    return money;
}

static const char *money_differs(const struct slipring_stats_detail *detail, const struct tally *want)
{
    static const char *const names[WORKLOAD_CATEGORIES] = {"default", "input", "output", "gpu"};
    for (uint32_t kind = 0; kind < WORKLOAD_CATEGORIES; kind++) {
        struct slipring_category_stats there = {.name = ""};
        for (uint32_t i = 0; i < detail->category_count && i < SLIPRING_CATEGORY_COUNT; i++) {
            there = strcmp(detail->categories[i].name, names[kind]) == 0 ? detail->categories[i] : there;
        }
        const struct uses_money money = money_of(want, kind);
        SAME("a cost, in nano-dollars,", there.cost_nanodollars, money.cost);
        SAME("savings, in nano-dollars,", there.savings_nanodollars, money.savings);
    }
    return NULL;
}

static const char *cells_differ(const struct book *book, const struct tally *want)
{
    for (uint32_t i = 0; i < SR_BUCKET_COUNT; i++) {
        SAME("a cell of the histogram", book->cells[i], want->cells[0][i] + want->cells[1][i]);
    }
    return NULL;
}

const char *books_differ(const struct book *book, const struct workload *load, uint32_t index,
                         const struct tally *want, uint64_t aborted, uint64_t active)
{
    (void)load;
    (void)index;
    const struct slipring_stats *stats = &book->stats;
    if (!book->is_found) {
        return "nothing of it is published";
    }
    SAME("the count", stats->count, tally_count(want));
    SAME("failures", stats->failures, want->count[1]);
    SAME("aborted", stats->aborted, aborted);
    SAME("active", stats->active, active);
    SAME("the sum, in ns,", stats->sum_ns[0], want->sum_ns);
    SAME("clamped", stats->clamped, want->clamped);
    if (tally_count(want) > 0) {
        SAME("the least, in ns,", stats->min_ns, want->min_ns);
        SAME("the greatest, in ns,", stats->max_ns, want->max_ns);
    }
    const char *why = usage_differs(book, want);
    why = why ? why : money_differs(&book->detail, want);
    why = why ? why : bounds_differ(&book->detail, want);
    why = why ? why : objectives_differ(&book->detail, want, aborted);
    return why ? why : cells_differ(book, want);
}

const char *books_lifetime_differs(const struct book *book, const struct tally *want)
{
    uint64_t cost = 0;
    uint64_t savings = 0;
    for (uint32_t kind = 0; kind < WORKLOAD_CATEGORIES; kind++) {
        const struct uses_money money = money_of(want, kind);
        cost += money.cost;
        savings += money.savings;
    }
    SAME("the lifetime's count", book->stats.lifetime.n, tally_count(want));
    SAME("the lifetime's cost, in nano-dollars,", book->stats.lifetime.cost_nanodollars, cost);
    SAME("the lifetime's savings, in nano-dollars,", book->stats.lifetime.savings_nanodollars, savings);
    for (uint32_t i = 0; i < TALLY_RESOURCES; i++) {
        const struct slipring_usage_stats *usage = &book->usage[i];
        const struct uses_money money = uses_price(&want->uses[i], i);
        SAME("a lifetime's usages", usage->lifetime_usages, want->uses[i].usages);
        SAME("a lifetime's cost of usages", usage->lifetime_cost_nanodollars, money.cost);
        SAME("a lifetime's savings of usages", usage->lifetime_savings_nanodollars, money.savings);
    }
    return NULL;
}

static bool is_less(uint64_t now, uint64_t before, const char *what)
{
    if (now < before) {
        (void)differs(what, now, before);
    }
    return now < before;
}

const char *books_went_back(const struct book *before, const struct book *now)
{
    if (!before->is_found) {
        return NULL;
    }
    if (!now->is_found) {
        return "it is published no longer";
    }
    bool is_back = is_less(now->stats.count, before->stats.count, "the count") ||
                   is_less(now->stats.failures, before->stats.failures, "failures") ||
                   is_less(now->stats.aborted, before->stats.aborted, "aborted") ||
                   is_less(now->stats.cost_nanodollars, before->stats.cost_nanodollars, "the cost") ||
                   is_less(now->stats.savings_nanodollars, before->stats.savings_nanodollars, "savings");
    for (uint32_t i = 0; !is_back && i < before->detail.bound_count; i++) {
        is_back = is_less(now->detail.bounds[i].count, before->detail.bounds[i].count, "a bound's count");
    }
    for (uint32_t i = 0; !is_back && i < TALLY_RESOURCES; i++) {
        is_back =
            is_less(now->usage[i].usages, before->usage[i].usages, "usages") ||
            is_less(now->usage[i].cost_nanodollars, before->usage[i].cost_nanodollars, "the cost of usages");
    }
    return is_back ? wrong : NULL;
}
