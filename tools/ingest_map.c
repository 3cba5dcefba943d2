/* SPDX-License-Identifier: Apache-2.0 */
/* From the fields of a record to a sample: see ingest.h. What the options say is read in ingest_options.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ingest.h"
#include "pure/duration.h"
#include "pure/name.h"
#include "pure/unit.h"

static bool say_missing(const struct ingest_map *map, uint32_t field, struct ingest_fault *fault)
{
    (void)snprintf(fault->why, sizeof fault->why, "there is no %.63s", map->fields.names[field]);
    return false;
}

/* "name '12x' is not a plain decimal number" */
static bool say_amount(const struct ingest_map *map, uint32_t field, struct ingest_text text,
                       enum sr_parse verdict, struct ingest_fault *fault)
{
    char format[160];
    const char *why = verdict == SR_PARSE_TOO_FINE && !map->is_rounded
                          ? "finer than is counted (a nanosecond, a nano-dollar): --round rounds"
                          : sr_parse_text(verdict);
    char name[2 * sizeof map->fields.names[0]]; /* with each % doubled */
    size_t length = 0;
    for (const char *c = map->fields.names[field]; *c; c++) {
        name[length++] = *c;
        if (*c == '%') {
            name[length++] = '%';
        }
    }
    name[length] = '\0';
    (void)snprintf(format, sizeof format, "%.40s %%s is %s", name, why);
    return ingest_refuse(fault, format, text);
}

/* --- texts ------------------------------------------------------------------------------------------------------------ */

/* Fill a template in. *out_length is 0 when a field is absent and may be. */
static bool fill_in(const struct ingest_map *map, const struct ingest_template *template,
                    const struct ingest_row *row, bool is_needed, char *out_text, size_t room,
                    size_t *out_length, struct ingest_fault *fault)
{
    size_t length = 0;
    *out_length = 0;
    for (uint32_t i = 0; i < template->count; i++) {
        struct ingest_text part = {.text = template->parts[i].text, .length = template->parts[i].length};
        if (!part.text) {
            part = row->at[template->parts[i].field];
        }
        if (!part.text) {
            return is_needed ? say_missing(map, template->parts[i].field, fault) : true;
        }
        if (part.length >= room - length) {
            return ingest_refuse(fault, "the name with %s in it is too long", part);
        }
        memcpy(out_text + length, part.text, part.length);
        length += part.length;
    }
    out_text[length] = '\0';
    *out_length = length;
    return true;
}

static bool take_texts(const struct ingest_map *map, const struct ingest_row *row,
                       struct ingest_sample *sample, struct ingest_fault *fault)
{
    size_t length = 0;
    sample->category[0] = '\0';
    sample->resource[0] = '\0';
    if (!fill_in(map, &map->name, row, true, sample->name, sizeof sample->name, &sample->name_length,
                 fault)) {
        return false;
    }
    if (map->category.count > 0) {
        if (!fill_in(map, &map->category, row, false, sample->category, sizeof sample->category, &length,
                     fault)) {
            return false;
        }
        enum sr_name verdict = length > 0
                                   ? sr_name_check_bytes(sample->category, length, SLIPRING_CATEGORY_NAME_MAX)
                                   : SR_NAME_OK;
        if (verdict != SR_NAME_OK) {
            (void)snprintf(fault->why, sizeof fault->why, "the category is %s", sr_name_text(verdict));
            return false;
        }
    }
    if (map->resource.count > 0) {
        if (!fill_in(map, &map->resource, row, true, sample->resource, sizeof sample->resource, &length,
                     fault)) {
            return false;
        }
        enum sr_name verdict = sr_name_check_bytes(sample->resource, length, SLIPRING_MODEL_NAME_MAX);
        if (verdict != SR_NAME_OK) {
            (void)snprintf(fault->why, sizeof fault->why, "the resource is %s", sr_name_text(verdict));
            return false;
        }
    }
    return true;
}

/* --- amounts ---------------------------------------------------------------------------------------------------------- */

/* "12.5ms" */
static enum sr_parse parse_duration(struct ingest_text text, uint64_t *out_ns)
{
    char plain[48];
    if (text.length >= sizeof plain || memchr(text.text, '\0', text.length)) {
        return SR_PARSE_NOT_A_NUMBER;
    }
    memcpy(plain, text.text, text.length);
    plain[text.length] = '\0';
    return sr_duration_parse(plain, SLIPRING_DURATION_MAX_NS, out_ns);
}

static bool take_duration(const struct ingest_map *map, const struct ingest_row *row,
                          struct ingest_sample *sample, struct ingest_fault *fault)
{
    const struct ingest_measure *measure = &map->duration;
    const struct ingest_text text = row->at[measure->field];
    if (!text.text) {
        return say_missing(map, measure->field, fault);
    }
    enum sr_parse verdict = measure->has_unit ? parse_duration(text, &sample->duration_ns)
                                              : ingest_amount(text, measure->power, SLIPRING_DURATION_MAX_NS,
                                                              map->is_rounded, &sample->duration_ns);
    return verdict == SR_PARSE_OK || say_amount(map, measure->field, text, verdict, fault);
}

/* A field that is not there, null, or empty. */
static bool is_absent(struct ingest_text text)
{
    return !text.text || text.length == 0;
}

/* Nothing costs nothing. */
static bool take_money(const struct ingest_map *map, const struct ingest_measure *measure,
                       const struct ingest_row *row, uint64_t *out_amount, struct ingest_sample *sample,
                       struct ingest_fault *fault)
{
    *out_amount = 0;
    if (measure->field == INGEST_FIELD_MAX || is_absent(row->at[measure->field])) {
        return true;
    }
    struct ingest_text text = row->at[measure->field];
    if (text.length > 1 && *text.text == '$') {
        text.text++;
        text.length--;
    }
    sample->has_cost = true;
    enum sr_parse verdict =
        ingest_amount(text, measure->power, SLIPRING_AMOUNT_MAX, map->is_rounded, out_amount);
    return verdict == SR_PARSE_OK || say_amount(map, measure->field, text, verdict, fault);
}

static bool take_units(const struct ingest_map *map, const struct ingest_row *row,
                       struct ingest_sample *sample, struct ingest_fault *fault)
{
    memset(&sample->usage, 0, sizeof sample->usage);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
        const uint32_t field = map->units[unit];
        if (field == INGEST_FIELD_MAX || is_absent(row->at[field])) {
            continue;
        }
        enum sr_parse verdict =
            ingest_amount(row->at[field], 0, SLIPRING_UNITS_MAX, false, &sample->usage.units[unit]);
        if (verdict == SR_PARSE_TOO_FINE) {
            return ingest_refuse(fault, "a count of units is no whole number: %s", row->at[field]);
        }
        if (verdict != SR_PARSE_OK) {
            return say_amount(map, field, row->at[field], verdict, fault);
        }
    }
    return true;
}

/* --- whose trace is it? ------------------------------------------------------------------------------------------------ */

/* What is no traceparent makes no line bad: in an access log it comes from the client, which could keep its requests out of the
 * books so. */
static void take_trace(const struct ingest_map *map, const struct ingest_row *row,
                       struct ingest_sample *sample)
{
    char plain[128]; /* more than version 00 has, for those to come */
    sample->trace = (struct slipring_trace){.flags = 0};
    sample->has_bad_trace = false;
    if (map->trace == INGEST_FIELD_MAX || is_absent(row->at[map->trace])) {
        return;
    }
    const struct ingest_text text = row->at[map->trace];
    if (text.length < sizeof plain && !memchr(text.text, '\0', text.length)) {
        memcpy(plain, text.text, text.length);
        plain[text.length] = '\0';
        if (slipring_trace_parse(plain, &sample->trace)) {
            return;
        }
    }
    sample->has_bad_trace = true;
}

/* --- did it fail? ------------------------------------------------------------------------------------------------------ */

static bool is_one_of(struct ingest_text text, const char *values, size_t length)
{
    const char *end = values + length;
    for (const char *at = values; at <= end; at++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if ((size_t)(stop - at) == text.length && memcmp(at, text.text, text.length) == 0) {
            return true;
        }
        at = stop;
    }
    return false;
}

static bool compare(enum ingest_compare how, uint64_t number, uint64_t with)
{
    switch (how) {
    case INGEST_LESS:
        return number < with;
    case INGEST_AT_MOST:
        return number <= with;
    case INGEST_MORE:
        return number > with;
    case INGEST_AT_LEAST:
    case INGEST_IS:
    case INGEST_IS_NOT:
    default:
        return number >= with;
    }
}

static bool take_outcome(const struct ingest_map *map, const struct ingest_row *row,
                         struct ingest_sample *sample, struct ingest_fault *fault)
{
    sample->outcome = SLIPRING_SUCCESS;
    for (uint32_t i = 0; i < map->failure_count; i++) {
        const struct ingest_condition *condition = &map->failures[i];
        const struct ingest_text text = row->at[condition->field];
        bool is_so = false;
        if (!text.text) {
            return say_missing(map, condition->field, fault);
        }
        if (condition->how == INGEST_IS || condition->how == INGEST_IS_NOT) {
            is_so = is_one_of(text, condition->values, condition->length) == (condition->how == INGEST_IS);
        } else {
            uint64_t number = 0;
            enum sr_parse verdict = ingest_amount(text, 9, UINT64_MAX, false, &number);
            if (verdict == SR_PARSE_NEGATIVE) { /* less than every limit, for those are not negative */
                is_so = condition->how == INGEST_LESS || condition->how == INGEST_AT_MOST;
            } else if (verdict == SR_PARSE_OK || verdict == SR_PARSE_TOO_LARGE) {
                number = verdict == SR_PARSE_OK ? number : UINT64_MAX;
                is_so = compare(condition->how, number, condition->number);
            } else {
                return say_amount(map, condition->field, text, verdict, fault);
            }
        }
        sample->outcome = is_so ? SLIPRING_FAILURE : sample->outcome;
    }
    return true;
}

bool ingest_map_take(const struct ingest_map *map, const struct ingest_row *row,
                     struct ingest_sample *out_sample, struct ingest_fault *fault)
{
    out_sample->cost = (struct slipring_cost){0};
    out_sample->has_cost = false;
    take_trace(map, row, out_sample);
    return take_texts(map, row, out_sample, fault) && take_duration(map, row, out_sample, fault) &&
           take_outcome(map, row, out_sample, fault) &&
           take_money(map, &map->cost, row, &out_sample->cost.cost_nanodollars, out_sample, fault) &&
           take_money(map, &map->savings, row, &out_sample->cost.savings_nanodollars, out_sample, fault) &&
           (!map->has_units || take_units(map, row, out_sample, fault));
}
