/* SPDX-License-Identifier: Apache-2.0 */
/* Where samples go: see ingest.h. A table of the names seen, each with its handle, its categories and its sums.
 *
 * Names come from outside, and a store never forgets one: a log with a million different paths would take all its places for ever. So at
 * most max_names get one; what comes beyond is recorded under __overflow__, where the store itself puts what it has no place for,
 * and the sums stay right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slipring/record.h>
#include <slipring/trace.h>

#include "ingest.h"
#include "pure/name.h"

#define OVERFLOW_NAME "__overflow__" /* and its type */

enum { SLOTS = 8192, CATEGORIES = SLIPRING_CATEGORY_COUNT }; /* names are at most half as many */

struct entry {
    char name[SLIPRING_PRIMITIVE_NAME_MAX + 1];
    size_t length;
    struct slipring_primitive *primitive;
    struct {
        char name[SLIPRING_CATEGORY_NAME_MAX + 1];
        uint32_t id;
    } categories[CATEGORIES];
    uint32_t category_count;
    struct ingest_sums sums;
};

struct ingest_sink {
    struct slipring_store *store; /* NULL: a dry run */
    const char *type;
    uint32_t max_names;
    uint32_t count;
    struct entry *entries;  /* max_names + 1: the last is __overflow__ */
    uint16_t slots[SLOTS];  /* entry + 1 */
    struct entry *overflow; /* NULL: not needed yet */
    struct entry *last;     /* of the sample before */
    uint32_t *sorted;
    struct ingest_sums total;
    uint64_t overflowed, uncategorised, unused, traced, bad_traces;
};

bool ingest_sink_open(struct slipring_store *store, const char *type, uint32_t max_names,
                      struct ingest_sink **out_sink)
{
    struct ingest_sink *sink = calloc(1, sizeof *sink);
    if (!sink) {
        return false;
    }
    sink->entries = calloc((size_t)max_names + 1, sizeof *sink->entries);
    if (!sink->entries) {
        free(sink);
        return false;
    }
    sink->store = store;
    sink->type = type;
    sink->max_names = max_names;
    *out_sink = sink;
    return true;
}

void ingest_sink_close(struct ingest_sink *sink)
{
    if (sink) {
        free(sink->sorted);
        free(sink->entries);
        free(sink);
    }
}

/* --- names -------------------------------------------------------------------------------------------------------------- */

static uint32_t hash_of(const char *name, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    }
    return (uint32_t)(hash >> 32 ^ hash);
}

/* The entry's handle. False: nothing can be recorded on it. What goes under __overflow__ is OK, too. */
static bool register_entry(struct ingest_sink *sink, struct entry *entry, const char *type,
                           struct ingest_fault *fault)
{
    if (!sink->store) {
        return true;
    }
    enum slipring_status status = slipring_primitive_get(sink->store, entry->name, type, &entry->primitive);
    if (entry->primitive &&
        (status == SLIPRING_OK || status == SLIPRING_LIMIT_REACHED || status == SLIPRING_NO_SPACE)) {
        return true;
    }
    (void)snprintf(fault->why, sizeof fault->why, "cannot record: %s", slipring_status_text(status));
    return false;
}

static struct entry *overflow_entry(struct ingest_sink *sink, struct ingest_fault *fault)
{
    if (!sink->overflow) {
        struct entry *entry = &sink->entries[sink->max_names];
        memcpy(entry->name, OVERFLOW_NAME, sizeof OVERFLOW_NAME);
        entry->length = sizeof OVERFLOW_NAME - 1;
        if (!register_entry(sink, entry, OVERFLOW_NAME, fault)) {
            return NULL;
        }
        sink->overflow = entry;
    }
    return sink->overflow;
}

/* The entry of a name, made when it is new. NULL: it cannot be recorded. */
static struct entry *find_entry(struct ingest_sink *sink, const struct ingest_sample *sample,
                                struct ingest_fault *fault)
{
    uint32_t slot = hash_of(sample->name, sample->name_length) % SLOTS;
    for (; sink->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
        struct entry *entry = &sink->entries[sink->slots[slot] - 1];
        if (entry->length == sample->name_length && memcmp(entry->name, sample->name, entry->length) == 0) {
            return entry;
        }
    }
    enum sr_name verdict =
        sr_name_check_bytes(sample->name, sample->name_length, SLIPRING_PRIMITIVE_NAME_MAX);
    if (verdict != SR_NAME_OK) {
        char format[80];
        (void)snprintf(format, sizeof format, "the name %%s is %s", sr_name_text(verdict));
        (void)ingest_refuse(fault, format,
                            (struct ingest_text){.text = sample->name, .length = sample->name_length});
        return NULL;
    }
    if (sink->count == sink->max_names) {
        return overflow_entry(sink, fault);
    }
    struct entry *entry = &sink->entries[sink->count];
    memcpy(entry->name, sample->name, sample->name_length + 1);
    entry->length = sample->name_length;
    if (!register_entry(sink, entry, sink->type, fault)) {
        return NULL;
    }
    sink->count++;
    sink->slots[slot] = (uint16_t)sink->count;
    return entry;
}

/* --- samples ------------------------------------------------------------------------------------------------------------- */

static uint32_t category_of(struct ingest_sink *sink, struct entry *entry, const char *name)
{
    uint32_t id = 0;
    for (uint32_t i = 0; i < entry->category_count; i++) {
        if (strcmp(entry->categories[i].name, name) == 0) {
            return entry->categories[i].id;
        }
    }
    if (entry->category_count == CATEGORIES ||
        (sink->store && slipring_category_get(entry->primitive, name, &id) != SLIPRING_OK)) {
        sink->uncategorised++;
        return 0;
    }
    (void)snprintf(entry->categories[entry->category_count].name, sizeof entry->categories[0].name, "%s",
                   name);
    entry->categories[entry->category_count++].id = id;
    return id;
}

static uint64_t add(uint64_t sum, uint64_t amount)
{
    return amount > UINT64_MAX - sum ? UINT64_MAX : sum + amount;
}

static void count(struct ingest_sums *sums, const struct ingest_sample *sample)
{
    sums->count++;
    sums->failures += sample->outcome == SLIPRING_FAILURE;
    sums->duration_ns = add(sums->duration_ns, sample->duration_ns);
    sums->cost = add(sums->cost, sample->cost.cost_nanodollars);
    sums->savings = add(sums->savings, sample->cost.savings_nanodollars);
}

/* A usage that finds no place is lost, its execution is recorded: so that is told, and the line is not bad. */
static void record(struct ingest_sink *sink, struct entry *entry, const struct ingest_sample *sample)
{
    struct slipring_cost cost = sample->cost;
    if (sample->category[0] != '\0' && sample->has_cost) {
        cost.category = category_of(sink, entry, sample->category);
    }
    if (!sink->store) {
        return;
    }
    if (sample->resource[0] != '\0') {
        sink->unused += slipring_record_usage(entry->primitive, sample->duration_ns, sample->outcome,
                                              sample->resource, &sample->usage) != SLIPRING_OK;
        return;
    }
    slipring_record_traced(entry->primitive, sample->duration_ns, sample->outcome,
                           sample->has_cost ? &cost : NULL, &sample->trace);
}

bool ingest_sink_take(struct ingest_sink *sink, const struct ingest_sample *sample,
                      struct ingest_fault *fault)
{
    struct entry *entry = sink->last;
    if (!entry || entry->length != sample->name_length ||
        memcmp(entry->name, sample->name, entry->length) != 0) {
        entry = find_entry(sink, sample, fault);
        if (!entry) {
            return false;
        }
        sink->last = entry == sink->overflow ? NULL : entry;
    }
    record(sink, entry, sample);
    count(&entry->sums, sample);
    count(&sink->total, sample);
    sink->traced += (sample->trace.flags & SLIPRING_TRACE_SAMPLED) != 0;
    sink->bad_traces += sample->has_bad_trace;
    sink->overflowed += entry == sink->overflow ||
                        (entry->primitive && slipring_primitive_status(entry->primitive) != SLIPRING_OK);
    return true;
}

/* --- asking --------------------------------------------------------------------------------------------------------------- */

const struct ingest_sums *ingest_sink_total(const struct ingest_sink *sink)
{
    return &sink->total;
}

uint64_t ingest_sink_overflowed(const struct ingest_sink *sink)
{
    return sink->overflowed;
}

uint64_t ingest_sink_uncategorised(const struct ingest_sink *sink)
{
    return sink->uncategorised;
}

uint64_t ingest_sink_usage_lost(const struct ingest_sink *sink)
{
    return sink->unused;
}

uint64_t ingest_sink_traced(const struct ingest_sink *sink)
{
    return sink->traced;
}

uint64_t ingest_sink_bad_traces(const struct ingest_sink *sink)
{
    return sink->bad_traces;
}

uint32_t ingest_sink_names(const struct ingest_sink *sink)
{
    return sink->count + (sink->overflow ? 1 : 0);
}

static int by_name(const void *left, const void *right, void *entries)
{
    const struct entry *all = entries;
    return strcmp(all[*(const uint32_t *)left].name, all[*(const uint32_t *)right].name);
}

const char *ingest_sink_name(struct ingest_sink *sink, uint32_t i, const struct ingest_sums **out_sums)
{
    const uint32_t names = ingest_sink_names(sink);
    if (!sink->sorted) {
        sink->sorted = calloc((size_t)sink->max_names + 1, sizeof *sink->sorted);
        for (uint32_t j = 0; sink->sorted && j < names; j++) {
            sink->sorted[j] = j < sink->count ? j : sink->max_names;
        }
        if (sink->sorted) {
            qsort_r(sink->sorted, names, sizeof *sink->sorted, by_name, sink->entries);
        }
    }
    const struct entry *entry = &sink->entries[sink->sorted ? sink->sorted[i] : i];
    *out_sums = &entry->sums;
    return entry->name;
}
