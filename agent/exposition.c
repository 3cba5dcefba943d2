/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus text. See exposition.h. */
#include "exposition.h"

#include <slipring/version.h>

#include "pure/decimal.h"
#include "pure/money.h"
#include "pure/number.h"
#include "pure/objective.h"
#include "pure/utf8.h"

void exposition_begin(struct exposition *exposition)
{
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        buffer_clear(&exposition->families[id]);
    }
    buffer_clear(&exposition->agent);
    exposition->failed = false;
}

/* A label's value between its quotes. */
static void add_escaped(struct buffer *buffer, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t code_point;
        size_t used = sr_utf8_decode(text, left, &code_point);
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
    add_escaped(labels, detail->name);
    buffer_add_text(labels, "\",primitive_type=\"");
    add_escaped(labels, detail->type);
    buffer_add_text(labels, "\"");
    exposition->failed |= labels->failed;
}

static char *copy(char *at, const char *bytes, size_t count)
{
    return (char *)memcpy(at, bytes, count) + count;
}

/* name<suffix>{labels,<label>="<value>"} number. `label` NULL: no further one; the value is escaped already. Nearly all of
 * a scrape's time is spent here: room is made once a line. */
static void add_sample(struct exposition *exposition, enum family_id id, const char *suffix,
                       const char *label, const char *value, const char *number)
{
    struct buffer *buffer = &exposition->families[id];
    const struct buffer *labels = &exposition->labels;
    const char *name = families_get(id)->name;
    size_t name_bytes = strlen(name), suffix_bytes = strlen(suffix), number_bytes = strlen(number);
    size_t label_bytes = label == NULL ? 0 : strlen(label), value_bytes = label == NULL ? 0 : strlen(value);
    char *at = buffer_room(buffer, name_bytes + suffix_bytes + labels->used + label_bytes + value_bytes +
                                       number_bytes + sizeof ",=\"\"} \n");
    if (at == NULL || exposition->failed) {
        exposition->failed = true;
        return;
    }
    at = copy(at, name, name_bytes);
    at = copy(at, suffix, suffix_bytes);
    at = copy(at, labels->text, labels->used);
    if (label != NULL) {
        *at++ = ',';
        at = copy(at, label, label_bytes);
        at = copy(at, "=\"", 2);
        at = copy(at, value, value_bytes);
        *at++ = '"';
    }
    at = copy(at, "} ", 2);
    at = copy(at, number, number_bytes);
    *at++ = '\n';
    buffer->used = (size_t)(at - buffer->text);
}

static void add_count(struct exposition *exposition, enum family_id id, const char *suffix, const char *label,
                      const char *value, uint64_t count)
{
    char number[SR_NUMBER_TEXT_BYTES];
    (void)sr_number_format_integer(count, number);
    add_sample(exposition, id, suffix, label, value, number);
}

static void add_ratio(struct exposition *exposition, enum family_id id, double ratio)
{
    char number[SR_NUMBER_TEXT_BYTES];
    if (sr_number_format(ratio, number) > 0) {
        add_sample(exposition, id, "", NULL, NULL, number);
    }
}

/* Of the category in hand. */
static void add_dollars(struct exposition *exposition, enum family_id id, uint64_t nanodollars)
{
    char number[SR_MONEY_TEXT_BYTES];
    (void)sr_money_format(nanodollars, number);
    add_sample(exposition, id, "", "category", exposition->category.text, number);
}

static const char *bound_text(struct exposition *exposition, uint32_t place, uint64_t bound_ns)
{
    if (exposition->bounds[place].bound_ns != bound_ns) { /* 0, of a struct made new, is no bound */
        exposition->bounds[place].bound_ns = bound_ns;
        (void)sr_bound_format(bound_ns, exposition->bounds[place].text);
    }
    return exposition->bounds[place].text;
}

static void add_histogram(struct exposition *exposition, const struct slipring_stats *stats,
                          const struct slipring_stats_detail *detail)
{
    for (uint32_t i = 0; i < detail->bound_count && i < SLIPRING_BOUND_COUNT; i++) {
        const struct slipring_bound_stats *bound = &detail->bounds[i];
        if (bound->is_le != 0) {
            add_count(exposition, FAMILY_primitive_duration_seconds, "_bucket", "le",
                      bound_text(exposition, i, bound->bound_ns), bound->count);
        }
    }
    add_count(exposition, FAMILY_primitive_duration_seconds, "_bucket", "le", "+Inf", stats->count);
    char text[SR_NUMBER_TEXT_BYTES];
    (void)sr_number_format_sum(stats->sum_ns[0], stats->sum_ns[1], text);
    add_sample(exposition, FAMILY_primitive_duration_seconds, "_sum", NULL, NULL, text);
    add_count(exposition, FAMILY_primitive_duration_seconds, "_count", NULL, NULL, stats->count);
}

static void add_requests(struct exposition *exposition, const struct slipring_stats *stats)
{
    enum family_id id = FAMILY_primitive_requests_total;
    uint64_t failures = stats->failures < stats->count ? stats->failures : stats->count;
    add_count(exposition, id, "", "status", "success", stats->count - failures);
    add_count(exposition, id, "", "status", "failure", failures);
    add_count(exposition, id, "", "status", "aborted", stats->aborted);
}

static void add_costs(struct exposition *exposition, const struct slipring_stats_detail *detail)
{
    for (uint32_t i = 0; i < detail->category_count && i < SLIPRING_CATEGORY_COUNT; i++) {
        const struct slipring_category_stats *category = &detail->categories[i];
        if (category->name[0] != '\0') {
            buffer_clear(&exposition->category);
            add_escaped(&exposition->category, category->name);
            buffer_add(&exposition->category, "", 1);
            if (exposition->category.failed) {
                exposition->failed = true;
                return;
            }
            add_dollars(exposition, FAMILY_primitive_cost_total, category->cost_nanodollars);
            add_dollars(exposition, FAMILY_primitive_cost_savings_total, category->savings_nanodollars);
        }
    }
}

void exposition_primitive(struct exposition *exposition, const struct slipring_stats *stats,
                          const struct slipring_stats_detail *detail)
{
    make_labels(exposition, detail);
    add_histogram(exposition, stats, detail);
    add_requests(exposition, stats);
    uint64_t active = stats->active > 0 ? (uint64_t)stats->active : 0;
    add_count(exposition, FAMILY_primitive_active_requests, "", NULL, NULL, active);
    add_ratio(exposition, FAMILY_primitive_requests_per_second, stats->requests_per_second);
    if (stats->present & SLIPRING_HAS_SLO) {
        add_ratio(exposition, FAMILY_primitive_slo_compliance, stats->slo_compliance);
        add_ratio(exposition, FAMILY_primitive_error_budget_remaining, stats->budget_remaining_clamped);
        add_ratio(exposition, FAMILY_primitive_error_budget_balance, stats->budget_remaining);
    }
    add_costs(exposition, detail);
    add_count(exposition, FAMILY_primitive_spilled_total, "", NULL, NULL, stats->spilled);
    double ratio;
    if (sr_objective_compliance(stats->window_spilled, stats->minute.n, &ratio)) {
        add_ratio(exposition, FAMILY_primitive_window_spilled_ratio, ratio);
    }
    add_count(exposition, FAMILY_primitive_clamped_total, "", NULL, NULL, stats->clamped);
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
        buffer_format(&exposition->agent, "%s %s\n", family.name, number);
    }
}

bool exposition_finish(struct exposition *exposition, struct buffer *out_text)
{
    struct buffer *build = &exposition->families[FAMILY_slipring_build_info];
    buffer_add_text(build, "slipring_build_info{version=\"" SLIPRING_VERSION "\"} 1\n");
    bool whole = !exposition->failed && !exposition->agent.failed;
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
    buffer_free(&exposition->category);
}
