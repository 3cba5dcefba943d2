/* SPDX-License-Identifier: Apache-2.0 */
/* Which outcome explains the books: see doubts.h. */
#include "doubts.h"

#include <stdio.h>
#include <string.h>

#include "protocol/segment.h"
#include "support/check.h"
#include "support/place.h"

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

/* And one of a usage account of these, before its execution is recorded; the exit comes behind that. */
enum use {
    USE_USAGE,
    USE_UNITS, /* one after the other, those that are zero left out */
    USE_CLAMPED = USE_UNITS + SLIPRING_UNIT_MAX,
    USES
};

struct outcome {
    uint32_t parts; /* of the sample that are counted, from the first on; PARTS: all */
    uint32_t uses;  /* of the usage, likewise; USES: all */
    bool ends;      /* the span, if it was the end of one */
    bool is_torn;
    bool is_usage_torn;
};

#define OUTCOMES_MAX (4u + (PARTS + 1u) + (USES + 1u))
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

/* A usage that was cut: torn as far as it came, its execution not begun, or torn itself, or whole. */
static uint32_t list_torn_usages(const struct workload_change *change, const struct torn *torn,
                                 struct outcome *out)
{
    uint32_t count = 0;
    out[count++] = (struct outcome){.parts = PARTS, .uses = USES, .is_usage_torn = true};
    for (uint32_t uses = 0; uses <= USES; uses++) {
        const bool is_unit = uses > USE_UNITS && uses <= USE_CLAMPED;
        if (!is_unit || change->usage.units[uses - USE_UNITS - 1] != 0) {
            out[count++] = (struct outcome){.uses = uses, .is_usage_torn = true};
        }
    }
    for (uint32_t parts = 0; torn->spills > 0 && parts <= PARTS; parts++) {
        out[count++] = (struct outcome){.parts = parts, .uses = USES, .is_torn = true, .is_usage_torn = true};
    }
    return count;
}

/* The likely ones first. */
static uint32_t list_outcomes(const struct workload_change *change, const struct torn *torn,
                              struct outcome *out)
{
    uint32_t count = 0;
    out[count++] = (struct outcome){.parts = 0};
    out[count++] = (struct outcome){.parts = PARTS, .uses = USES, .ends = change->ended};
    if (change->kind == WORKLOAD_USAGE) {
        return torn->usages > 0 ? count + list_torn_usages(change, torn, &out[count]) : count;
    }
    if (change->ended) {
        out[count++] = (struct outcome){.parts = 0, .ends = true}; /* never the sample without the end */
    }
    for (uint32_t parts = 0; torn->spills > 0 && change->kind != WORKLOAD_BEGIN && parts <= PARTS; parts++) {
        out[count++] = (struct outcome){.parts = parts, .ends = change->ended, .is_torn = true};
    }
    return count;
}

/* A usage of which the later parts are missing. */
static void add_uses(const struct workload_change *change, uint32_t uses, struct tally *sum)
{
    struct tally_usage *used = &sum->uses[change->resource];
    used->usages += uses > USE_USAGE;
    bool is_clamped = false;
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        const uint64_t units = change->usage.units[unit];
        is_clamped |= units > SLIPRING_UNITS_MAX;
        used->units[unit] += uses <= USE_UNITS + unit     ? 0
                             : units > SLIPRING_UNITS_MAX ? SLIPRING_UNITS_MAX
                                                          : units;
    }
    sum->clamped += uses > USE_CLAMPED && is_clamped;
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
    if (change->kind == WORKLOAD_USAGE) {
        add_uses(change, outcome->uses, sum);
        own.kind = WORKLOAD_EXECUTION; /* and this is the rest of it */
    }
    if (outcome->parts == PARTS) {
        workload_apply(&own, 1, sum);
    } else if (outcome->parts > 0) {
        add_torn(&own, outcome->parts, sum);
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
static bool explain(struct search *search, uint32_t nth, struct torn torn)
{
    struct outcome list[OUTCOMES_MAX];
    if (nth == search->count) {
        return torn.spills == 0 && torn.usages == 0 && !differ(search, &search->sums[nth]);
    }
    const uint32_t count = list_outcomes(search->doubts[nth], &torn, list);
    for (uint32_t i = 0; i < count; i++) {
        search->outcome[nth] = list[i];
        search->sums[nth + 1] = search->sums[nth];
        add_outcome(search->doubts[nth], &list[i], &search->sums[nth + 1]);
        const struct torn rest = {.spills = torn.spills - list[i].is_torn,
                                  .usages = torn.usages - list[i].is_usage_torn};
        if (explain(search, nth + 1, rest)) {
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
        const bool is_whole = !outcome->is_torn && !outcome->is_usage_torn && !is_apart;
        report->came_apart += is_apart;
        report->usage_torn += outcome->is_usage_torn;
        report->counted += is_whole && outcome->parts == PARTS;
        report->not_counted += is_whole && outcome->parts == 0;
    }
}

const char *doubts_settle(const struct workload_change *const *doubts, uint32_t count, struct torn torn,
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

/* --- torn ---------------------------------------------------------------------------------------------------------------- */

/* Which of the load's primitives has this id; WORKLOAD_PRIMITIVES: none of them. */
static uint32_t primitive_of(const struct sr_segment *segment, uint32_t id)
{
    unsigned index = 0;
    int end = 0;
    if (id >= SR_PRIMITIVE_MAX ||
        sr_state_of(atomic_load(sr_segment_registry_key(segment, id))) != SR_REGISTRY_READY) {
        return WORKLOAD_PRIMITIVES;
    }
    const char *name = sr_segment_entry(segment, id)->name;
    const bool is_ours =
        sscanf(name, "p%u%n", &index, &end) == 1 && name[end] == '\0' && index < WORKLOAD_PRIMITIVES;
    return is_ours ? index : WORKLOAD_PRIMITIVES;
}

void doubts_count_torn(struct torn torn[WORKLOAD_PRIMITIVES + 1])
{
    struct sr_segment segment = {.map = {.base = NULL}};
    CHECK_OK(sr_segment_attach(&segment, place_store(), false));
    memset(torn, 0, (WORKLOAD_PRIMITIVES + 1) * sizeof torn[0]);
    for (uint32_t id = 1; id < SR_PRIMITIVE_MAX; id++) {
        const uint32_t index = primitive_of(&segment, id);
        if (index < WORKLOAD_PRIMITIVES) {
            const _Atomic uint64_t *block = sr_segment_shared_spill(&segment, id);
            torn[index].spills += atomic_load(&block[SR_SPILL_ENTER]) - atomic_load(&block[SR_SPILL_EXIT]);
        }
    }
    for (uint32_t account = 0; account < SR_USAGE_MAX; account++) {
        const uint64_t state = sr_state_of(atomic_load(sr_segment_usage_key(&segment, account)));
        if (state == SR_USAGE_EMPTY) {
            break;
        }
        if (state == SR_USAGE_READY) {
            const struct sr_usage_account_shm *shm = sr_segment_usage(&segment, account);
            torn[primitive_of(&segment, shm->primitive)].usages +=
                atomic_load(&shm->enter) - atomic_load(&shm->exit);
        }
    }
    sr_map_unmap(&segment.map);
}
