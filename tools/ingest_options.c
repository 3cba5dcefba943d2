/* SPDX-License-Identifier: Apache-2.0 */
/* What the options of `slipring ingest` say about the mapping: templates, measures, conditions, units. See ingest.h. */
#include <string.h>

#include "ingest.h"
#include "message.h"
#include "pure/decimal.h"
#include "pure/unit.h"

/* --- templates --------------------------------------------------------------------------------------------------------- */

static bool add_part(struct ingest_template *template, const char *option, const char *text, size_t length,
                     uint32_t field)
{
    if (length == 0) {
        return true;
    }
    if (template->count == INGEST_TEMPLATE_MAX) {
        message_print("--%s has more than %d parts", option, INGEST_TEMPLATE_MAX);
        return false;
    }
    template->parts[template->count].text = field == INGEST_FIELD_MAX ? text : NULL;
    template->parts[template->count].length = length;
    template->parts[template->count++].field = field;
    return true;
}

/* "{method} {path}": text, and fields in braces. Two braces are one in the text. */
static bool parse_template(struct ingest_map *map, const char *option, const char *text,
                           struct ingest_template *out_template)
{
    struct render_text quoted;
    const char *whole = text;
    while (*text) {
        size_t length = strcspn(text, "{}");
        if (text[length] != '\0' && text[length + 1] == text[length]) { /* "{{" */
            if (!add_part(out_template, option, text, length + 1, INGEST_FIELD_MAX)) {
                return false;
            }
            text += length + 2;
            continue;
        }
        if (!add_part(out_template, option, text, length, INGEST_FIELD_MAX)) {
            return false;
        }
        text += length;
        if (*text == '{') {
            const char *end = strchr(text, '}');
            if (!end) {
                message_print("--%s %s has a { without a }: write {{ for the character", option,
                              render_quote(whole, &quoted));
                return false;
            }
            uint32_t field = ingest_fields_add(&map->fields, text + 1, (size_t)(end - text - 1));
            if (field == INGEST_FIELD_MAX || !add_part(out_template, option, text, 1, field)) {
                return false;
            }
            text = end + 1;
        } else if (*text == '}') {
            message_print("--%s %s has a } without a {: write }} for the character", option,
                          render_quote(whole, &quoted));
            return false;
        }
    }
    if (out_template->count == 0) {
        message_print("--%s is empty", option);
    }
    return out_template->count > 0;
}

/* --- measures ----------------------------------------------------------------------------------------------------------- */

struct unit {
    const char *name;
    uint32_t power;
};
static const struct unit times[] = {{"s", 9}, {"ms", 6}, {"us", 3}, {"ns", 0}, {NULL, 0}};
static const struct unit moneys[] = {{"usd", 9}, {"cents", 7}, {"microusd", 3}, {"nanousd", 0}, {NULL, 0}};

/* "FIELD" or "FIELD:UNIT". */
static bool parse_measure(struct ingest_map *map, const char *option, const char *text,
                          const struct unit *units, struct ingest_measure *out_measure)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    if (colon) {
        const struct unit *unit = units;
        while (unit->name && strcmp(unit->name, colon + 1) != 0) {
            unit++;
        }
        if (!unit->name) {
            struct render_text quoted;
            message_print("--%s is in %s: give FIELD:%s", option, render_quote(colon + 1, &quoted),
                          units == times ? "s, ms, us or ns" : "usd, cents, microusd or nanousd");
            return false;
        }
        out_measure->power = unit->power;
    }
    out_measure->has_unit = !colon && units == times;
    out_measure->power = colon ? out_measure->power : units[0].power;
    out_measure->field = ingest_fields_add(&map->fields, text, length);
    return out_measure->field != INGEST_FIELD_MAX;
}

/* --- conditions ---------------------------------------------------------------------------------------------------------- */

static bool say_condition(const char *text)
{
    struct render_text quoted;
    message_print("--failure %s is no condition: give FIELD=VALUE, FIELD!=VALUE,VALUE or FIELD>=NUMBER (or "
                  "<=, <, >), several "
                  "with ' or ' between them",
                  render_quote(text, &quoted));
    return false;
}

static bool parse_condition(struct ingest_map *map, const char *text, size_t length)
{
    static const struct {
        const char *sign;
        enum ingest_compare how;
    } signs[] = {{">=", INGEST_AT_LEAST}, {"<=", INGEST_AT_MOST}, {"!=", INGEST_IS_NOT}, {"==", INGEST_IS},
                 {"=", INGEST_IS},        {"<", INGEST_LESS},     {">", INGEST_MORE}};
    struct ingest_condition condition = {.how = INGEST_IS};
    size_t name = 0;
    size_t sign = 0;
    while (name < length && !strchr("<>=!", text[name])) {
        name++;
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs && sign == 0; i++) {
        size_t bytes = strlen(signs[i].sign);
        if (length - name >= bytes && memcmp(text + name, signs[i].sign, bytes) == 0) {
            sign = bytes;
            condition.how = signs[i].how;
        }
    }
    condition.values = text + name + sign;
    condition.length = length - name - sign;
    bool is_number = condition.how != INGEST_IS && condition.how != INGEST_IS_NOT;
    while (name > 0 && text[name - 1] == ' ') {
        name--;
    }
    while (condition.length > 0 && *condition.values == ' ') {
        condition.values++;
        condition.length--;
    }
    if (sign == 0 || name == 0 || map->failure_count == INGEST_CONDITION_MAX ||
        (is_number &&
         ingest_amount((struct ingest_text){.text = condition.values, .length = condition.length}, 9,
                       UINT64_MAX, false, &condition.number) != SR_PARSE_OK)) {
        return say_condition(text);
    }
    condition.field = ingest_fields_add(&map->fields, text, name);
    map->failures[map->failure_count++] = condition;
    return condition.field != INGEST_FIELD_MAX;
}

static bool parse_conditions(struct ingest_map *map, const char *text)
{
    for (;;) {
        const char *next = strstr(text, " or ");
        if (!parse_condition(map, text, next ? (size_t)(next - text) : strlen(text))) {
            return false;
        }
        if (!next) {
            return true;
        }
        text = next + strlen(" or ");
    }
}

/* --- units --------------------------------------------------------------------------------------------------------------- */

/* "input=usage.prompt_tokens,output=usage.completion_tokens" */
static bool parse_units(struct ingest_map *map, const char *text)
{
    map->has_units = true;
    while (*text) {
        char kind[24] = "";
        size_t name = strcspn(text, "=,");
        size_t length = strcspn(text, ",");
        if (name < sizeof kind) {
            memcpy(kind, text, name);
            kind[name] = '\0';
        }
        uint32_t unit = sr_unit_of(kind);
        if (unit >= SLIPRING_UNIT_COUNT || text[name] != '=' || map->units[unit] != INGEST_FIELD_MAX) {
            struct render_text quoted;
            message_print("--units %s: give KIND=FIELD,..., each KIND once: input, output, cached_input, "
                          "cache_write, reasoning, "
                          "audio_input, audio_output, images, characters, milliseconds, bytes, requests",
                          render_quote(text, &quoted));
            return false;
        }
        map->units[unit] = ingest_fields_add(&map->fields, text + name + 1, length - name - 1);
        if (map->units[unit] == INGEST_FIELD_MAX) {
            return false;
        }
        text += length + (text[length] == ',');
    }
    return true;
}

/* --- traces --------------------------------------------------------------------------------------------------------------- */

static bool parse_trace(struct ingest_map *map, const char *field)
{
    map->trace = ingest_fields_add(&map->fields, field, strlen(field));
    return map->trace != INGEST_FIELD_MAX;
}

/* --- all of it ------------------------------------------------------------------------------------------------------------ */

static bool check_together(const struct invocation *invocation)
{
    const char *const *values = invocation->values;
    bool has_money = values[OPTION_cost_from] || values[OPTION_savings_from];
    if (values[OPTION_category_from] && !has_money) {
        message_print("--category says what a cost is booked under: give --cost or --savings too");
        return false;
    }
    if ((values[OPTION_units] != NULL) != (values[OPTION_resource] != NULL)) {
        message_print("--units and --resource go together: so many units of what?");
        return false;
    }
    if (values[OPTION_units] && values[OPTION_traceparent_from]) {
        message_print(
            "--units and --traceparent do not go together: what is priced is recorded without a trace");
        return false;
    }
    if (values[OPTION_units] && has_money) {
        message_print(
            "--units are priced by the agent's price card: give them, or --cost and --savings, not both");
        return false;
    }
    return true;
}

bool ingest_map_open(struct ingest_map *map, const struct invocation *invocation,
                     const struct ingest_defaults *defaults)
{
    const char *const *values = invocation->values;
    const char *name = values[OPTION_name] ? values[OPTION_name] : defaults->name;
    const char *duration = values[OPTION_duration_from] ? values[OPTION_duration_from] : defaults->duration;
    const char *failure = values[OPTION_failure_when] ? values[OPTION_failure_when] : defaults->failure;
    *map = (struct ingest_map){.is_rounded = values[OPTION_round] != NULL};
    map->cost.field = INGEST_FIELD_MAX;
    map->savings.field = INGEST_FIELD_MAX;
    map->trace = INGEST_FIELD_MAX;
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
        map->units[unit] = INGEST_FIELD_MAX;
    }
    return check_together(invocation) && parse_template(map, "name", name, &map->name) &&
           parse_measure(map, "duration", duration, times, &map->duration) &&
           (!failure || *failure == '\0' || parse_conditions(map, failure)) &&
           (!values[OPTION_cost_from] ||
            parse_measure(map, "cost", values[OPTION_cost_from], moneys, &map->cost)) &&
           (!values[OPTION_savings_from] ||
            parse_measure(map, "savings", values[OPTION_savings_from], moneys, &map->savings)) &&
           (!values[OPTION_category_from] ||
            parse_template(map, "category", values[OPTION_category_from], &map->category)) &&
           (!values[OPTION_resource] ||
            parse_template(map, "resource", values[OPTION_resource], &map->resource)) &&
           (!values[OPTION_traceparent_from] || parse_trace(map, values[OPTION_traceparent_from])) &&
           (!values[OPTION_units] || parse_units(map, values[OPTION_units]));
}
