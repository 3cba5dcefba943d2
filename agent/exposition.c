/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus text. See exposition.h. */
#include "exposition.h"

#include <stdio.h>
#include <string.h>

#include <slipring/version.h>

#include "exposition_parts.h"
#include "pure/decimal.h"
#include "pure/objective.h"
#include "pure/utf8.h"

enum { HEADING_BYTES = 512 }; /* about, of a family's HELP and TYPE */

void exposition_begin(struct exposition *exposition)
{
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        buffer_clear(&exposition->families[id]);
    }
    buffer_clear(&exposition->agent);
    exposition->failed = false;
    exposition->relative_error = 0;
    exposition->minimum_events = 0;
}

/* How many bytes from here on are ASCII that stands for itself: of most names, all. */
static size_t plain_length(const char *text)
{
    size_t length = 0;
    while (text[length] >= ' ' && (unsigned char)text[length] < 0x80 && text[length] != '"' &&
           text[length] != '\\') {
        length++;
    }
    return length;
}

void exposition_escape(struct buffer *buffer, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t code_point;
        size_t used = plain_length(text);
        if (used > 0) {
            buffer_add(buffer, text, used);
            text += used;
            left -= used;
            continue;
        }
        used = sr_utf8_decode(text, left, &code_point);
        if (used == 0) {
            buffer_add_text(buffer, SR_UTF8_REPLACEMENT);
            used = 1;
        } else if (code_point == '\n') {
            buffer_add_text(buffer, "\\n");
        } else if (code_point == '"' || code_point == '\\') {
            buffer_add(buffer, (const char[]){'\\', (char)code_point}, 2);
        } else {
            buffer_add(buffer, text, used);
        }
        text += used;
        left -= used;
    }
}

static void make_labels(struct exposition *exposition, const struct slipring_stats_detail *detail)
{
    struct buffer *labels = &exposition->labels;
    buffer_clear(labels);
    buffer_add_text(labels, "{primitive_name=\"");
    exposition_escape(labels, detail->name);
    buffer_add_text(labels, "\",primitive_type=\"");
    exposition_escape(labels, detail->type);
    buffer_add_text(labels, "\"");
    buffer_add(labels, exposition->common, exposition->common_bytes);
    exposition->failed |= buffer_room(labels, EXPOSITION_BLOCK_BYTES) == NULL;
}

/* --- a primitive --------------------------------------------------------------------------------------------------------- */

#define PART(name, literal) static const struct exposition_part name = {literal, sizeof literal - 1}
const struct exposition_part exposition_nothing = {"", 0};
const struct exposition_part exposition_no_label = {"} ", 2};
PART(bucket, "_bucket");
PART(sum, "_sum");
PART(count_suffix, "_count");
PART(le_inf, ",le=\"+Inf\"} ");
PART(success, ",status=\"success\"} ");
PART(failure, ",status=\"failure\"} ");
PART(aborted, ",status=\"aborted\"} ");

static const struct exposition_part *bound_part(struct exposition *exposition, uint32_t place,
                                                uint64_t bound_ns)
{
    struct exposition_part *part = &exposition->bounds[place].part;
    if (exposition->bounds[place].bound_ns != bound_ns) { /* 0, of a struct made new, is no bound */
        char text[SR_BOUND_TEXT_BYTES];
        exposition->bounds[place].bound_ns = bound_ns;
        (void)sr_bound_format(bound_ns, text);
        part->bytes = (size_t)snprintf(part->text, sizeof part->text, ",le=\"%s\"} ", text);
    }
    return part;
}

static void add_histogram(struct exposition *exposition, const struct slipring_stats *stats,
                          const struct slipring_stats_detail *detail)
{
    const enum family_id id = FAMILY_primitive_duration_seconds;
    for (uint32_t i = 0; i < detail->bound_count && i < SLIPRING_BOUND_COUNT; i++) {
        const struct slipring_bound_stats *bound = &detail->bounds[i];
        if (bound->is_le != 0) {
            exposition_count(exposition, id, &bucket, bound_part(exposition, i, bound->bound_ns),
                             bound->count);
        }
    }
    exposition_count(exposition, id, &bucket, &le_inf, stats->count);
    char *at = exposition_begin_line(exposition, id, &sum, &exposition_no_label);
    if (at != NULL) {
        exposition_end_line(exposition, id,
                            at + sr_number_format_sum(stats->sum_ns[0], stats->sum_ns[1], at));
    }
    exposition_count(exposition, id, &count_suffix, &exposition_no_label, stats->count);
}

static void add_requests(struct exposition *exposition, const struct slipring_stats *stats)
{
    const enum family_id id = FAMILY_primitive_requests_total;
    uint64_t failures = stats->failures < stats->count ? stats->failures : stats->count;
    exposition_count(exposition, id, &exposition_nothing, &success, stats->count - failures);
    exposition_count(exposition, id, &exposition_nothing, &failure, failures);
    exposition_count(exposition, id, &exposition_nothing, &aborted, stats->aborted);
}

static bool make_category(struct exposition *exposition, const char *name)
{
    struct buffer *escaped = &exposition->escaped;
    struct exposition_part *part = &exposition->category;
    buffer_clear(escaped);
    exposition_escape(escaped, name);
    if (escaped->failed) {
        return false;
    }
    part->bytes = (size_t)snprintf(part->text, sizeof part->text, ",category=\"%.*s\"} ", (int)escaped->used,
                                   escaped->text);
    return true;
}

static void add_costs(struct exposition *exposition, const struct slipring_stats_detail *detail)
{
    _Static_assert(3 * sizeof detail->categories[0].name + sizeof ",category=\"\"} " +
                           EXPOSITION_BLOCK_BYTES <=
                       sizeof exposition->category.text,
                   "any name fits, whatever is escaped in it");
    for (uint32_t i = 0; i < detail->category_count && i < SLIPRING_CATEGORY_COUNT; i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        if (category->name[0] != '\0') {
            if (!make_category(exposition, category->name)) {
                exposition->failed = true;
                return;
            }
            exposition_dollars(exposition, FAMILY_primitive_cost_total, &exposition->category,
                               category->cost_nanodollars);
            exposition_dollars(exposition, FAMILY_primitive_cost_savings_total, &exposition->category,
                               category->savings_nanodollars);
        }
    }
}

static void add_plain_count(struct exposition *exposition, enum family_id id, uint64_t count)
{
    exposition_count(exposition, id, &exposition_nothing, &exposition_no_label, count);
}

static void add_plain_number(struct exposition *exposition, enum family_id id, double number)
{
    exposition_number(exposition, id, &exposition_no_label, number);
}

static void add_lifetime(struct exposition *exposition, const struct slipring_stats *stats)
{
    char *at = exposition_begin_line(exposition, FAMILY_primitive_created_seconds, &exposition_nothing,
                                     &exposition_no_label);
    if (at != NULL) {
        exposition_end_line(exposition, FAMILY_primitive_created_seconds,
                            at + sr_decimal_format(stats->created_wall_ns, at));
    }
    add_plain_count(exposition, FAMILY_primitive_lifetime_requests,
                    stats->lifetime.n + stats->lifetime_aborted);
    if (stats->lifetime.cost_nanodollars != 0) {
        exposition_dollars(exposition, FAMILY_primitive_lifetime_cost_dollars, &exposition_no_label,
                           stats->lifetime.cost_nanodollars);
    }
    if (stats->lifetime.savings_nanodollars != 0) {
        exposition_dollars(exposition, FAMILY_primitive_lifetime_savings_dollars, &exposition_no_label,
                           stats->lifetime.savings_nanodollars);
    }
}

void exposition_primitive(struct exposition *exposition, const struct slipring_stats *stats,
                          const struct slipring_stats_detail *detail, const struct slipring_slo_stats *slo)
{
    make_labels(exposition, detail);
    add_histogram(exposition, stats, detail);
    add_requests(exposition, stats);
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
    exposition_objectives(exposition, detail, slo);
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

static void add_heading(struct buffer *buffer, const struct family *family)
{
    buffer_add_text(buffer, "# HELP ");
    buffer_add_text(buffer, family->name);
    buffer_add_text(buffer, " ");
    buffer_add_text(buffer, family->help);
    buffer_add_text(buffer, "\n# TYPE ");
    buffer_add_text(buffer, family->name);
    buffer_add_text(buffer, " ");
    buffer_add_text(buffer, family->type);
    buffer_add_text(buffer, "\n");
}

/* A line of the store as a whole: `own` is its own label, ,name="value", or "". */
static void add_line(const struct exposition *exposition, struct buffer *lines, const char *name,
                     const char *own, const char *number)
{
    buffer_add_text(lines, name);
    if (exposition->common_bytes > 0 || own[0] != '\0') {
        const size_t at = lines->used;
        buffer_add(lines, exposition->common, exposition->common_bytes);
        buffer_add_text(lines, own);
        if (!lines->failed) {
            lines->text[at] = '{'; /* instead of the first comma */
        }
        buffer_add(lines, "}", 1);
    }
    buffer_format(lines, " %s\n", number);
}

void exposition_agent(struct exposition *exposition, const struct sr_agent_figures *figures)
{
    const uint64_t values[SR_AGENT_FIGURE_COUNT] = {
#define SR_AGENT_FIGURE(name, kind, unit, help) [SR_FIGURE_##name] = figures->name,
#include "peer/figures.def"
#undef SR_AGENT_FIGURE
    };
    for (unsigned index = 0; index < SR_AGENT_FIGURE_COUNT; index++) {
        struct family family;
        families_of_figure(index, &family);
        add_heading(&exposition->agent, &family);
        char number[SR_NUMBER_TEXT_BYTES];
        if (strcmp(family.unit, "seconds") == 0) {
            (void)sr_decimal_format(values[index], number);
        } else {
            (void)sr_number_format_integer(values[index], number);
        }
        add_line(exposition, &exposition->agent, family.name, "", number);
    }
}

/* What is said once, from figures that each primitive has. */
static void add_store(struct exposition *exposition)
{
    add_line(exposition, &exposition->families[FAMILY_slipring_build_info], "slipring_build_info",
             ",version=\"" SLIPRING_VERSION "\"", "1");
    char number[SR_NUMBER_TEXT_BYTES];
    if (exposition->relative_error > 0 && sr_number_format(exposition->relative_error, number) > 0) {
        add_line(exposition, &exposition->families[FAMILY_slipring_quantile_relative_error_ratio],
                 "slipring_quantile_relative_error_ratio", "", number);
    }
    if (exposition->minimum_events > 0) {
        number[sr_number_format_integer(exposition->minimum_events, number)] = '\0';
        add_line(exposition, &exposition->families[FAMILY_slipring_slo_minimum_events],
                 "slipring_slo_minimum_events", "", number);
    }
}

bool exposition_finish(struct exposition *exposition, struct buffer *out_text)
{
    add_store(exposition);
    bool whole = !exposition->failed && !exposition->agent.failed;
    size_t bytes = exposition->agent.used;
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        bytes += exposition->families[id].used + HEADING_BYTES;
    }
    whole =
        whole && buffer_room(out_text, bytes) != NULL; /* at once: growing bit by bit copies what is there */
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        const struct buffer *lines = &exposition->families[id];
        whole = whole && !lines->failed;
        if (lines->used > 0) {
            add_heading(out_text, families_get((enum family_id)id));
            buffer_add(out_text, lines->text, lines->used);
        }
    }
    buffer_add(out_text, exposition->agent.text, exposition->agent.used);
    return whole && !out_text->failed;
}

void exposition_free(struct exposition *exposition)
{
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        buffer_free(&exposition->families[id]);
    }
    buffer_free(&exposition->agent);
    buffer_free(&exposition->labels);
    buffer_free(&exposition->escaped);
}
