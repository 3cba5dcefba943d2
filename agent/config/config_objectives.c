/* SPDX-License-Identifier: Apache-2.0 */
/* The objectives of the configuration file. See config.h.
 *
 *     objectives:
 *       - primitive: resize_image
 *         latency: {threshold: 50ms, target: 99%}
 *         availability: {target: 99.9%, period: month}
 *       - primitive: "llm_*"
 *         spend: {amount: 200, period: month}
 *
 * Each kind becomes a rule of its own, in the order of the file. */
#include "config_parts.h"

#include <stdio.h>

#include "pure/name.h"

enum field {
#define CONFIG_KEY(id, path, shape, option, when, standard, type, help)
#define CONFIG_FIELD(id, name, where, standard, type, help) FIELD_##id,
#include "config_keys.def"
#undef CONFIG_KEY
    FIELD_COUNT,
};

static const struct {
    const char *name, *standard, *type;
    unsigned where;
} fields[FIELD_COUNT] = {
#define CONFIG_KEY(id, path, shape, option, when, standard, type, help)
#define CONFIG_FIELD(id, name, where, standard, type, help)                                                  \
    [FIELD_##id] = {(name), (standard), (type), (where)},
#include "config_keys.def"
#undef CONFIG_KEY
};

static const struct {
    enum slipring_objective_kind kind;
    unsigned where;
} kinds[] = {
    {SLIPRING_LATENCY, IN_LATENCY},
    {SLIPRING_AVAILABILITY, IN_AVAILABILITY},
    {SLIPRING_SPEND, IN_SPEND},
};

struct reading {
    struct config *config;
    struct mistakes *mistakes;
};

/* The children of a mapping by their field; an unknown one is told. False: it is no mapping, or one that has to be there is not. */
static bool sort_fields(struct reading *reading, const struct yaml_node *map, unsigned where,
                        const char *path, const char *type, const struct yaml_node *out_children[FIELD_COUNT])
{
    const char *names[FIELD_COUNT + 1];
    unsigned count = 0;
    memset(out_children, 0, FIELD_COUNT * sizeof *out_children);
    if (!config_is(reading->mistakes, map, YAML_MAP, path, type)) {
        return false;
    }
    for (unsigned field = 0; field < FIELD_COUNT; field++) {
        if (fields[field].where & where) {
            names[count++] = fields[field].name;
        }
    }
    names[count] = NULL;
    for (const struct yaml_node *child = map->first; child != NULL; child = child->next) {
        unsigned field = 0;
        while (field < FIELD_COUNT &&
               (!(fields[field].where & where) || strcmp(fields[field].name, child->key) != 0)) {
            field++;
        }
        if (field == FIELD_COUNT) {
            config_unknown(reading->mistakes, child, path, names);
        } else if (!yaml_is_null(child) || child->text[0] == '\0') {
            out_children[field] = child;
        }
    }
    bool is_whole = true;
    for (unsigned field = 0; field < FIELD_COUNT; field++) {
        if ((fields[field].where & where) && fields[field].standard == NULL && out_children[field] == NULL) {
            struct buffer what = {0};
            buffer_format(&what, "there is no '%s' here", fields[field].name);
            mistakes_add_of(reading->mistakes, map->key != NULL ? map->key_place : map->place, path, &what,
                            fields[field].type);
            buffer_free(&what);
            is_whole = false;
        }
    }
    return is_whole;
}

/* The text of a field. NULL: it is not there, or no text, which was told. */
static const char *text_of(struct reading *reading, const struct yaml_node *child, enum field field,
                           const char *path)
{
    if (child == NULL || !config_is(reading->mistakes, child, YAML_SCALAR, path, fields[field].type)) {
        return NULL;
    }
    return child->text;
}

static bool tell_name(const char *text, enum sr_name result, struct buffer *what)
{
    if (result != SR_NAME_OK) {
        buffer_format(what, "'%s' is %s", text, sr_name_text(result));
    }
    return result == SR_NAME_OK;
}

static bool set_field(struct agent_objective_rule *rule, enum field field, const char *text,
                      struct buffer *what)
{
    switch (field) {
    case FIELD_primitive:
        rule->pattern = text;
        return tell_name(text, sr_name_check_glob(text, SLIPRING_PRIMITIVE_NAME_MAX), what);
    case FIELD_type:
        rule->type = text;
        return tell_name(text, sr_name_check(text, SLIPRING_PRIMITIVE_TYPE_MAX), what);
    case FIELD_name:
        rule->name = text;
        return tell_name(text, sr_name_check(text, SLIPRING_OBJECTIVE_NAME_MAX), what);
    case FIELD_threshold:
        return values_threshold(text, &rule->threshold_ns, what);
    case FIELD_target:
        return values_target(text, &rule->target_ppb, what);
    case FIELD_amount:
        return values_amount(text, &rule->amount, what);
    case FIELD_period:
        return values_period(text, &rule->period_s, what);
    default:
        return false;
    }
}

/* All fields of the mapping that are single values. False: something was wrong, and told. */
static bool set_fields(struct reading *reading, const struct yaml_node *const children[FIELD_COUNT],
                       const char *path, struct agent_objective_rule *rule)
{
    bool good = true;
    for (unsigned field = 0; field < FIELD_COUNT; field++) {
        if (children[field] == NULL || field == FIELD_latency || field == FIELD_availability ||
            field == FIELD_spend) {
            continue;
        }
        struct buffer of = {0};
        struct buffer what = {0};
        buffer_format(&of, "%s.%s", path, fields[field].name);
        buffer_add(&of, "", 1);
        const char *text = text_of(reading, children[field], (enum field)field, of.text);
        if (text == NULL) {
            good = false;
        } else if (!set_field(rule, (enum field)field, text, &what)) {
            mistakes_add_of(reading->mistakes, children[field]->place, of.text, &what, fields[field].type);
            good = false;
        }
        buffer_free(&what);
        buffer_free(&of);
    }
    return good;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The rule of the same objective of the same primitives that stands before. rule_count: none. */
static uint32_t find_same(const struct config *config, const struct agent_objective_rule *rule)
{
    uint32_t at = 0;
    while (at < config->options.agent.rule_count && !(strcmp(config->rules[at].pattern, rule->pattern) == 0 &&
                                                      is_same_text(config->rules[at].type, rule->type) &&
                                                      strcmp(config->rules[at].name, rule->name) == 0)) {
        at++;
    }
    return at;
}

static void add_rule(struct reading *reading, const struct yaml_node *node, const char *path,
                     const struct agent_objective_rule *rule)
{
    struct config *config = reading->config;
    struct buffer what = {0};
    const uint32_t same = find_same(config, rule);
    if (same < config->options.agent.rule_count) {
        buffer_format(&what, "an objective '%s' of '%s' stands in line %u already", rule->name, rule->pattern,
                      config->rule_lines[same]);
        mistakes_add_of(reading->mistakes, node->place, path, &what, "another name, or one of the two");
    } else if (same == AGENT_RULE_MAX) {
        buffer_format(&what, "this is one objective too many (at most %d)", AGENT_RULE_MAX);
        mistakes_add_of(reading->mistakes, node->place, path, &what, NULL);
    } else {
        config->rules[same] = *rule;
        config->rule_lines[same] = node->place.line;
        config->options.agent.rule_count++;
    }
    buffer_free(&what);
}

/* `entry` has the primitive and the type; the objective's own fields follow. */
static void read_objective(struct reading *reading, const struct yaml_node *node, unsigned kind,
                           const struct agent_objective_rule *entry)
{
    static const char *const names[] = {"latency", "availability", "spend"};
    static const enum field fields_of_kind[] = {FIELD_latency, FIELD_availability, FIELD_spend};
    const struct yaml_node *children[FIELD_COUNT];
    char path[64];
    (void)snprintf(path, sizeof path, "objectives.%s", names[kind]);
    const bool is_whole =
        sort_fields(reading, node, kinds[kind].where, path, fields[fields_of_kind[kind]].type, children);
    struct agent_objective_rule rule = *entry;
    rule.kind = kinds[kind].kind;
    rule.name = names[kind];
    rule.period_s = SLIPRING_PERIOD_DEFAULT_S;
    if (node->kind == YAML_MAP && set_fields(reading, children, path, &rule) && is_whole &&
        entry->pattern != NULL) {
        add_rule(reading, node, path, &rule);
    }
}

static void read_entry(struct reading *reading, const struct yaml_node *entry)
{
    static const char path[] = "objectives";
    const struct yaml_node *children[FIELD_COUNT];
    struct agent_objective_rule rule = {.pattern = NULL};
    const bool is_whole =
        sort_fields(reading, entry, IN_RULE, path, values_row(KEY_objectives)->type, children);
    if (entry->kind != YAML_MAP) {
        return;
    }
    if (!set_fields(reading, children, path, &rule)) {
        rule.pattern = NULL;
    }
    const struct yaml_node *const of_kind[] = {children[FIELD_latency], children[FIELD_availability],
                                               children[FIELD_spend]};
    bool has_any = false;
    for (unsigned kind = 0; kind < sizeof of_kind / sizeof *of_kind; kind++) {
        const struct yaml_node *node = of_kind[kind];
        has_any |= node != NULL;
        if (node != NULL && node->kind == YAML_LIST) {
            for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
                read_objective(reading, item, kind, &rule);
            }
        } else if (node != NULL) {
            read_objective(reading, node, kind, &rule);
        }
    }
    if (!has_any && is_whole) {
        mistakes_add(reading->mistakes, entry->place, "objectives: there is no objective here",
                     "latency, availability or spend beside primitive");
    }
}

void config_read_rules(struct config *config, struct mistakes *mistakes, const struct yaml_node *list)
{
    struct reading reading = {.config = config, .mistakes = mistakes};
    const struct value_key_row *row = values_row(KEY_objectives);
    if (!config_is(mistakes, list, YAML_LIST, row->path, row->type)) {
        return;
    }
    for (const struct yaml_node *entry = list->first; entry != NULL; entry = entry->next) {
        read_entry(&reading, entry);
    }
}
