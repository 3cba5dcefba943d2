/* SPDX-License-Identifier: Apache-2.0 */
/* Which outcome explains the books: see doubts.h. */
#include "doubts.h"

#include "support/check.h"

/* An update of the shared spill consists of these, in this order; the last one is its exit, by which it is not torn. */
enum part {
    PART_CELL,
    PART_BOUND,
    PART_MIN,
    PART_MAX,
    PART_SUM,
    PART_COST,
    PART_SAVINGS,
    PART_CLAMPED,
    PARTS
};

struct outcome {
    uint32_t parts; /* of the sample that are counted, from the first on; PARTS: all */
    bool ends;      /* the span, if it was the end of one */
    bool is_torn;
};

#define OUTCOMES_MAX (3u + (PARTS + 1u))
#define AT_ONCE      12u

struct search {
    const struct workload_change *const *doubts;
    uint32_t count;
    const struct book *book;
    const struct workload *load;
    uint32_t index;
    const struct tally *living;
    struct tally sums[AT_ONCE + 1]; /* with the outcomes so far */
    struct outcome outcome[AT_ONCE];
};

/* The likely ones first. */
static uint32_t list_outcomes(const struct workload_change *change, uint64_t torn, struct outcome *out)
{
    uint32_t count = 0;
    out[count++] = (struct outcome){.parts = 0};
    out[count++] = (struct outcome){.parts = PARTS, .ends = change->ended};
    if (change->ended) {
        out[count++] = (struct outcome){.parts = 0, .ends = true}; /* never the sample without the end */
    }
    for (uint32_t parts = 0; torn > 0 && change->kind != WORKLOAD_BEGIN && parts <= PARTS; parts++) {
        out[count++] = (struct outcome){.parts = parts, .ends = change->ended, .is_torn = true};
    }
    return count;
}

/* A sample of which the later parts are missing. Without its bound it counts as above those in its own bucket. */
static void add_torn(const struct workload_change *change, uint32_t parts, struct tally *sum)
{
    struct tally whole;
    struct tally zero;
    tally_init(&whole, 0);
    const uint64_t duration_ns =
        change->duration_ns < SLIPRING_DURATION_MAX_NS ? change->duration_ns : SLIPRING_DURATION_MAX_NS;
    zero = whole;
    struct workload_change own = *change;
    own.primitive = 0;
    own.ended = false;
    workload_apply(&own, 1, &whole);
    if (parts > PART_CELL) {
        sum->cells[0][tally_bucket(duration_ns)] += whole.count[0];
        sum->cells[1][tally_bucket(duration_ns)] += whole.count[1];
        sum->count[0] += whole.count[0];
        sum->count[1] += whole.count[1];
    }
    for (uint32_t i = 0; tally_count(&whole) > 0 && parts > PART_CELL && i < sum->bound_count; i++) {
        const bool is_beside = tally_bucket(sum->bound_ns[i]) == tally_bucket(duration_ns);
        sum->at_most[i] += duration_ns <= sum->bound_ns[i] && (!is_beside || parts > PART_BOUND);
    }
    if (parts > PART_MIN && whole.min_ns < sum->min_ns) {
        sum->min_ns = whole.min_ns;
    }
    if (parts > PART_MAX && whole.max_ns > sum->max_ns) {
        sum->max_ns = whole.max_ns;
    }
    sum->sum_ns += parts > PART_SUM ? whole.sum_ns : zero.sum_ns;
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        sum->cost[i] += parts > PART_COST ? whole.cost[i] : 0;
        sum->savings[i] += parts > PART_SAVINGS ? whole.savings[i] : 0;
    }
    sum->clamped += parts > PART_CLAMPED ? whole.clamped : 0;
}

static void add_outcome(const struct workload_change *change, const struct outcome *outcome,
                        struct tally *sum)
{
    struct workload_change own = *change;
    own.ended = false;
    own.primitive = 0;
    if (outcome->parts == PARTS) {
        workload_apply(&own, 1, sum);
    } else if (outcome->parts > 0) {
        add_torn(change, outcome->parts, sum);
    }
    sum->ended += change->ended && outcome->ends;
}

static const char *differ(struct search *search, const struct tally *sum)
{
    static struct tally all;
    all = *sum;
    tally_merge(&all, search->living);
    return books_differ(search->book, search->load, search->index, &all, sum->begun - sum->ended,
                        search->living->begun - search->living->ended);
}

/* Outcomes for the doubts from the nth on. */
static bool explain(struct search *search, uint32_t nth, uint64_t torn)
{
    struct outcome list[OUTCOMES_MAX];
    if (nth == search->count) {
        return torn == 0 && !differ(search, &search->sums[nth]);
    }
    const uint32_t count = list_outcomes(search->doubts[nth], torn, list);
    for (uint32_t i = 0; i < count; i++) {
        search->outcome[nth] = list[i];
        search->sums[nth + 1] = search->sums[nth];
        add_outcome(search->doubts[nth], &list[i], &search->sums[nth + 1]);
        if (explain(search, nth + 1, torn - list[i].is_torn)) {
            return true;
        }
    }
    return false;
}

static void tell(const struct search *search, struct report *report)
{
    for (uint32_t i = 0; i < search->count; i++) {
        const struct outcome *outcome = &search->outcome[i];
        const bool is_apart = search->doubts[i]->ended && outcome->ends != (outcome->parts > 0);
        report->in_call++;
        report->torn += outcome->is_torn;
        report->came_apart += is_apart;
        report->counted += !outcome->is_torn && !is_apart && outcome->parts == PARTS;
        report->not_counted += !outcome->is_torn && !is_apart && outcome->parts == 0;
    }
}

const char *doubts_settle(const struct workload_change *const *doubts, uint32_t count, uint64_t torn,
                          const struct book *book, const struct workload *load, uint32_t index,
                          const struct tally *living, struct tally *sure, struct report *report)
{
    static struct search search;
    search.doubts = doubts;
    search.count = count;
    search.book = book;
    search.load = load;
    search.index = index;
    search.living = living;
    CHECK(count <= AT_ONCE);
    search.sums[0] = *sure;
    if (!explain(&search, 0, torn)) {
        const char *why = differ(&search, sure);
        return why ? why : "the number of torn updates is not explained";
    }
    tell(&search, report);
    *sure = search.sums[count];
    return NULL;
}
