/* SPDX-License-Identifier: Apache-2.0 */
/* What is said for Prometheus, whatever the format. See exposition.h. */
#include "exposition.h"

#include <stdlib.h>
#include <string.h>

#include <slipring/version.h>

#include "exposition_parts.h"
#include "pure/objective.h"

/* --- labels -------------------------------------------------------------------------------------------------------------- */

void exposition_part_add(struct exposition *exposition, struct exposition_part *part, const char *name,
                         const char *value)
{
    struct buffer *label = &exposition->scratch;
    buffer_clear(label);
    exposition_add_label(exposition_coding(exposition->format), label, name, strlen(name), value);
    if (label->failed || part->bytes + label->used + EXPOSITION_BLOCK_BYTES > sizeof part->text) {
        exposition->failed = true;
        return;
    }
    memcpy(part->text + part->bytes, label->text, label->used);
    part->bytes += label->used;
}

void exposition_labels_add(struct exposition *exposition, const char *name, const char *value)
{
    struct buffer *labels = &exposition->labels;
    exposition_add_label(exposition_coding(exposition->format), labels, name, strlen(name), value);
    exposition->failed |= buffer_room(labels, EXPOSITION_BLOCK_BYTES) == NULL;
}

static void make_cache(struct exposition *exposition)
{
    struct exposition_cache *cache = &exposition->cache;
    const enum exposition_coding coding = exposition_coding(exposition->format);
    if (cache->is_made && cache->coding == coding) {
        return;
    }
    memset(cache, 0, sizeof *cache);
    cache->coding = coding;
    exposition_part_add(exposition, &cache->success, "status", "success");
    exposition_part_add(exposition, &cache->failure, "status", "failure");
    exposition_part_add(exposition, &cache->aborted, "status", "aborted");
    exposition_part_add(exposition, &cache->infinity, "le", "+Inf");
    exposition_part_add(exposition, &cache->period, "window", "period");
#define SR_UNIT_ROW(id, name, what)                                                                          \
    exposition_part_add(exposition, &cache->units[SLIPRING_UNIT_##id], "unit", name);
#include "pure/unit.def"
#undef SR_UNIT_ROW
    cache->is_made = !exposition->failed;
}

void exposition_begin(struct exposition *exposition, enum exposition_format format)
{
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        buffer_clear(&exposition->families[id]);
    }
    buffer_clear(&exposition->agent);
    exposition->format = format;
    exposition->failed = false;
    exposition->relative_error = 0;
    exposition->minimum_events = 0;
    exposition->registry_fill = NAN; /* until the agent's figures are there */
    make_cache(exposition);
}

static void make_labels(struct exposition *exposition, const struct slipring_stats_detail *detail)
{
    struct buffer *labels = &exposition->labels;
    buffer_clear(labels);
    exposition_labels_add(exposition, "primitive_name", detail->name);
    exposition_labels_add(exposition, "primitive_type", detail->type);
    buffer_add(labels, exposition->common, exposition->common_bytes);
    exposition->failed |= buffer_room(labels, EXPOSITION_BLOCK_BYTES) == NULL;
    if (!exposition->failed && exposition_coding(exposition->format) == EXPOSITION_QUOTED) {
        labels->text[0] = '{'; /* instead of the first comma */
    }
}

/* --- a primitive --------------------------------------------------------------------------------------------------------- */

static const struct exposition_part *bound_part(struct exposition *exposition, uint32_t place,
                                                uint64_t bound_ns)
{
    struct exposition_part *part = &exposition->cache.bounds[place].part;
    if (exposition->cache.bounds[place].bound_ns != bound_ns) { /* 0, of a struct made new, is no bound */
        char text[SR_BOUND_LABEL_BYTES];
        exposition->cache.bounds[place].bound_ns = bound_ns;
        (void)sr_bound_label(bound_ns, text);
        part->bytes = 0;
        exposition_part_add(exposition, part, "le", text);
    }
    return part;
}

/* The later one of the two, if the duration of `next` lies within (above_ns, bound_ns]. The first bucket holds 0, too. */
static const struct slipring_exemplar *later_within(const struct slipring_exemplar *best,
                                                    const struct slipring_exemplar *next, uint64_t above_ns,
                                                    uint64_t bound_ns)
{
    const bool is_within = next->duration_ns <= bound_ns && (next->duration_ns > above_ns || above_ns == 0);
    return !sr_exemplar_is_none(next) && is_within && (best == NULL || next->at_ns > best->at_ns) ? next
                                                                                                  : best;
}

/* Of a bucket: by the durations, not by the bounds under which they were kept, which may have been others. NULL: none. */
static const struct slipring_exemplar *find_exemplar(const struct slipring_exemplars *exemplars,
                                                     uint64_t above_ns, uint64_t bound_ns)
{
    const struct slipring_exemplar *best = NULL;
    for (uint32_t i = 0; exemplars != NULL && i < exemplars->bucket_count && i < SLIPRING_EXEMPLAR_BUCKETS;
         i++) {
        best = later_within(best, &exemplars->bucket_slowest[i], above_ns, bound_ns);
        best = later_within(best, &exemplars->bucket_failing[i], above_ns, bound_ns);
    }
    return best;
}

static void add_bucket(struct exposition_histogram *histogram, const struct exposition_part *part,
                       uint64_t bound_ns, uint64_t count, const struct slipring_exemplars *exemplars)
{
    const uint64_t above_ns =
        histogram->bucket_count == 0 ? 0 : histogram->buckets[histogram->bucket_count - 1].bound_ns;
    histogram->buckets[histogram->bucket_count++] = (struct exposition_bucket){
        .bound_ns = bound_ns,
        .count = count,
        .part = part,
        .exemplar = find_exemplar(exemplars, above_ns, bound_ns),
    };
}

static void add_histogram(struct exposition *exposition, const struct exposition_figures *figures)
{
    const struct slipring_stats *stats = figures->stats;
    const struct slipring_stats_detail *detail = figures->detail;
    struct exposition_histogram histogram;
    histogram.bucket_count = 0;
    for (uint32_t i = 0; i < detail->bound_count && i < SLIPRING_BOUND_COUNT; i++) {
        const struct slipring_bound_stats *bound = &detail->bounds[i];
        if (bound->is_le != 0) {
            add_bucket(&histogram, bound_part(exposition, i, bound->bound_ns), bound->bound_ns, bound->count,
                       figures->exemplars);
        }
    }
    add_bucket(&histogram, &exposition->cache.infinity, UINT64_MAX, stats->count, figures->exemplars);
    histogram.sum_ns[0] = stats->sum_ns[0];
    histogram.sum_ns[1] = stats->sum_ns[1];
    histogram.created_wall_ns = stats->created_wall_ns;
    histogram.native = figures->native;
    if (exposition->format == EXPOSITION_PROTOBUF) {
        exposition_histogram_protobuf(exposition, &histogram);
    } else {
        exposition_histogram_text(exposition, &histogram);
    }
}

static void add_requests(struct exposition *exposition, const struct exposition_figures *figures)
{
    const enum family_id id = FAMILY_primitive_requests_total;
    const struct slipring_stats *stats = figures->stats;
    const struct slipring_exemplars *exemplars = figures->exemplars;
    const uint64_t failures = stats->failures < stats->count ? stats->failures : stats->count;
    const bool has_exemplar = exemplars != NULL && failures > 0 && !sr_exemplar_is_none(&exemplars->failing);
    exposition_count(exposition, id, &exposition->cache.success, stats->count - failures);
    exposition_failures(exposition, failures, has_exemplar ? &exemplars->failing : NULL);
    exposition_count(exposition, id, &exposition->cache.aborted, stats->aborted);
}

static void add_costs(struct exposition *exposition, const struct slipring_stats_detail *detail)
{
    _Static_assert(3 * sizeof detail->categories[0].name + sizeof ",category=\"\"" + EXPOSITION_BLOCK_BYTES <=
                       sizeof exposition->category.text,
                   "any name fits, whatever is escaped in it");
    struct exposition_part *part = &exposition->category;
    for (uint32_t i = 0; i < detail->category_count && i < SLIPRING_CATEGORY_COUNT; i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        if (category->name[0] != '\0') {
            part->bytes = 0;
            exposition_part_add(exposition, part, "category", category->name);
            exposition_billionths(exposition, FAMILY_primitive_cost_total, part, category->cost_nanodollars);
            exposition_billionths(exposition, FAMILY_primitive_cost_savings_total, part,
                                  category->savings_nanodollars);
        }
    }
}

static void add_plain_count(struct exposition *exposition, enum family_id id, uint64_t count)
{
    exposition_count(exposition, id, &exposition->cache.none, count);
}

static void add_plain_number(struct exposition *exposition, enum family_id id, double number)
{
    exposition_number(exposition, id, &exposition->cache.none, number);
}

static void add_lifetime(struct exposition *exposition, const struct slipring_stats *stats)
{
    const struct exposition_part *const none = &exposition->cache.none;
    exposition_billionths(exposition, FAMILY_primitive_created_seconds, none, stats->created_wall_ns);
    add_plain_count(exposition, FAMILY_primitive_lifetime_requests,
                    stats->lifetime.n + stats->lifetime_aborted);
    if (stats->lifetime.cost_nanodollars != 0) {
        exposition_billionths(exposition, FAMILY_primitive_lifetime_cost_dollars, none,
                              stats->lifetime.cost_nanodollars);
    }
    if (stats->lifetime.savings_nanodollars != 0) {
        exposition_billionths(exposition, FAMILY_primitive_lifetime_savings_dollars, none,
                              stats->lifetime.savings_nanodollars);
    }
}

void exposition_primitive(struct exposition *exposition, const struct exposition_figures *figures)
{
    const struct slipring_stats *stats = figures->stats;
    const struct slipring_stats_detail *detail = figures->detail;
    make_labels(exposition, detail);
    exposition_make_created(exposition, stats->created_wall_ns);
    add_histogram(exposition, figures);
    add_requests(exposition, figures);
    add_lifetime(exposition, stats);
    uint64_t active = stats->active > 0 ? (uint64_t)stats->active : 0;
    add_plain_count(exposition, FAMILY_primitive_active_requests, active);
    add_plain_number(exposition, FAMILY_primitive_requests_per_second, stats->requests_per_second);
    exposition_windows(exposition, stats, detail);
    if (stats->present & SLIPRING_HAS_SLO) {
        add_plain_number(exposition, FAMILY_primitive_slo_compliance, stats->slo_compliance);
        add_plain_number(exposition, FAMILY_primitive_error_budget_remaining,
                         stats->budget_remaining_clamped);
        add_plain_number(exposition, FAMILY_primitive_error_budget_balance, stats->budget_remaining);
    }
    exposition_objectives(exposition, detail, figures->slo);
    add_costs(exposition, detail);
    if (stats->present & SLIPRING_HAS_SAVINGS_RATE) {
        add_plain_number(exposition, FAMILY_primitive_savings_ratio, stats->savings_rate);
    }
    add_plain_count(exposition, FAMILY_primitive_spilled_total, stats->spilled);
    double ratio;
    if (sr_objective_compliance(stats->minute.spilled, stats->minute.n, &ratio)) {
        add_plain_number(exposition, FAMILY_primitive_window_spilled_ratio, ratio);
    }
    add_plain_count(exposition, FAMILY_primitive_clamped_total, stats->clamped);
}

/* --- the store as a whole ------------------------------------------------------------------------------------------------ */

static void add_single(struct exposition *exposition, struct buffer *out,
                       const struct exposition_single *single)
{
    if (exposition->format == EXPOSITION_PROTOBUF) {
        exposition_single_protobuf(exposition, out, single);
    } else {
        exposition_single_text(exposition, out, single);
    }
}

/* Those that begin at 0 with the agent. Of the others, which go on in shared memory, nobody wrote down when they began. */
static bool counts_since_start(unsigned index)
{
    return index == SR_FIGURE_config_reload_failures || index == SR_FIGURE_checkpoint_failures ||
           index == SR_FIGURE_checkpoint_bytes || index == SR_FIGURE_checkpoints_refused;
}

void exposition_agent(struct exposition *exposition, const struct sr_agent_figures *figures)
{
    const uint64_t values[SR_AGENT_FIGURE_COUNT] = {
#define SR_AGENT_FIGURE(name, kind, unit, help) [SR_FIGURE_##name] = figures->name,
#include "peer/figures.def"
#undef SR_AGENT_FIGURE
    };
    exposition->registry_fill =
        figures->registry_limit > 0 ? (double)figures->registry_used / (double)figures->registry_limit : NAN;
    for (unsigned index = 0; index < SR_AGENT_FIGURE_COUNT; index++) {
        struct family family;
        families_of_figure(index, &family);
        const struct exposition_single single = {
            .family = &family,
            .kind = strcmp(family.unit, "seconds") == 0 ? EXPOSITION_BILLIONTHS : EXPOSITION_COUNT,
            .count = values[index],
            .created_wall_ns = counts_since_start(index) ? figures->started_wall_ns : 0,
        };
        add_single(exposition, &exposition->agent, &single);
    }
}

/* What is said once, from figures that each primitive has. */
static void add_store(struct exposition *exposition, struct buffer *out)
{
    const struct exposition_single build = {.family = families_get(FAMILY_slipring_build_info),
                                            .name = "version",
                                            .value = SLIPRING_VERSION,
                                            .count = 1};
    add_single(exposition, out, &build);
    if (exposition->relative_error > 0 && isfinite(exposition->relative_error)) {
        const struct exposition_single error = {
            .family = families_get(FAMILY_slipring_quantile_relative_error_ratio),
            .kind = EXPOSITION_NUMBER,
            .number = exposition->relative_error};
        add_single(exposition, out, &error);
    }
    if (exposition->minimum_events > 0) {
        const struct exposition_single events = {.family = families_get(FAMILY_slipring_slo_minimum_events),
                                                 .count = exposition->minimum_events};
        add_single(exposition, out, &events);
    }
    if (!isnan(exposition->registry_fill)) {
        const struct exposition_single fill = {.family = families_get(FAMILY_slipring_registry_fill_ratio),
                                               .kind = EXPOSITION_NUMBER,
                                               .number = exposition->registry_fill};
        add_single(exposition, out, &fill);
    }
}

static void add_heading(struct exposition *exposition, struct buffer *out, enum family_id id)
{
    if (exposition->format == EXPOSITION_PROTOBUF) {
        exposition_heading_protobuf(exposition, out, families_get(id), exposition->families[id].used);
    } else {
        exposition_heading_text(exposition, out, families_get(id));
    }
}

/* What stands before each family, and behind the last one: what is said once. out_ends: where that ends in `between`. */
static void add_between(struct exposition *exposition, size_t out_ends[FAMILY_COUNT])
{
    _Static_assert((unsigned)FAMILY_slipring_build_info + 4 == (unsigned)FAMILY_COUNT,
                   "what is of the store as a whole comes last in the table");
    struct buffer *between = &exposition->between;
    buffer_clear(between);
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        if (exposition->families[id].used > 0) {
            add_heading(exposition, between, (enum family_id)id);
        }
        out_ends[id] = between->used;
    }
    add_store(exposition, between);
    buffer_add(between, exposition->agent.text, exposition->agent.used);
    if (exposition->format == EXPOSITION_OPENMETRICS) {
        buffer_add_text(between, "# EOF\n");
    }
}

static bool is_whole(const struct exposition *exposition)
{
    bool whole = !exposition->failed && !exposition->agent.failed && !exposition->between.failed;
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        whole = whole && !exposition->families[id].failed;
    }
    return whole;
}

static void add_span(struct exposition_rendering *rendering, const char *text, size_t bytes)
{
    if (bytes > 0) {
        rendering->spans[rendering->span_count++] = (struct exposition_span){text, bytes};
        rendering->bytes += bytes;
    }
}

/* The memory passes from one to the other, which has none. */
static void pass_on(struct buffer *from, struct buffer *to)
{
    *to = *from;
    *from = (struct buffer){0};
}

struct exposition_rendering *exposition_finish(struct exposition *exposition)
{
    size_t ends[FAMILY_COUNT];
    add_between(exposition, ends);
    struct exposition_rendering *rendering = is_whole(exposition) ? malloc(sizeof *rendering) : NULL;
    if (rendering == NULL) {
        return NULL;
    }
    rendering->exposition = exposition;
    rendering->bytes = 0;
    rendering->span_count = 0;
    rendering->room = exposition->between.room;
    pass_on(&exposition->between, &rendering->between);
    size_t begin = 0;
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        struct buffer *lines = &rendering->families[id];
        pass_on(&exposition->families[id], lines);
        rendering->room += lines->room;
        add_span(rendering, rendering->between.text + begin, ends[id] - begin);
        add_span(rendering, lines->text, lines->used);
        begin = ends[id];
    }
    add_span(rendering, rendering->between.text + begin, rendering->between.used - begin);
    return rendering;
}

/* The larger one of the two stays. */
static void keep(struct buffer *kept, struct buffer *former)
{
    if (former->room > kept->room) {
        const struct buffer smaller = *kept;
        *kept = *former;
        *former = smaller;
    }
    buffer_free(former);
}

void exposition_give_back(struct exposition_rendering *rendering)
{
    if (rendering == NULL) {
        return;
    }
    struct exposition *exposition = rendering->exposition;
    keep(&exposition->between, &rendering->between);
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        keep(&exposition->families[id], &rendering->families[id]);
    }
    free(rendering);
}

void exposition_join(const struct exposition_rendering *rendering, struct buffer *out_text)
{
    (void)!buffer_room(out_text, rendering->bytes); /* at once; what does not fit says so below */
    for (uint32_t i = 0; i < rendering->span_count; i++) {
        buffer_add(out_text, rendering->spans[i].text, rendering->spans[i].bytes);
    }
}

void exposition_free(struct exposition *exposition)
{
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        buffer_free(&exposition->families[id]);
    }
    buffer_free(&exposition->between);
    buffer_free(&exposition->agent);
    buffer_free(&exposition->labels);
    buffer_free(&exposition->scratch);
}
