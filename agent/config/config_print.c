/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration in force as a file that is read again, and the reference of its keys. See config.h. */
#include "config_parts.h"

#include <inttypes.h>
#include <stdlib.h>

#include "pure/duration.h"
#include "pure/money.h"
#include "pure/objective.h"
#include "pure/utf8.h"

enum { COMMENT_COLUMN = 40 };

/* The environment variable that stands in for the option and the file. NULL: none does. */
static const char *variable_of(enum value_key key)
{
    return key == KEY_store        ? "SLIPRING_STORE"
           : key == KEY_shm_dir    ? "SLIPRING_SHM_DIR"
           : key == KEY_checkpoint ? "SLIPRING_CHECKPOINT"
                                   : NULL;
}

static const char *environment_of(enum value_key key)
{
    const char *name = variable_of(key);
    const char *value = name == NULL ? NULL : getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* Blanks up to the comments' column; `from` is where the line began. */
static void begin_comment(struct buffer *text, size_t from)
{
    const size_t used = text->used - from;
    for (size_t at = used; at < COMMENT_COLUMN; at++) {
        buffer_add(text, " ", 1);
    }
    buffer_add_text(text, used >= COMMENT_COLUMN ? " # " : "# ");
}

/* The file's name, where it cannot end the comment. */
static void add_file(struct buffer *text, const char *file)
{
    for (; *file != '\0'; file++) {
        buffer_add(text, (unsigned char)*file < 0x20 || *file == 0x7f ? "?" : file, 1);
    }
}

static void end_line(const struct config *config, enum value_key key, const struct config_origin *origin,
                     struct buffer *text, size_t from)
{
    begin_comment(text, from);
    if (origin->from == FROM_FILE) {
        add_file(text, config->file);
        buffer_format(text, ":%" PRIu32 "\n", origin->line);
    } else if (origin->from == FROM_OPTION) {
        buffer_format(text, "%s\n", values_row(key)->option);
    } else if (environment_of(key) != NULL) {
        buffer_format(text, "$%s\n", variable_of(key));
    } else {
        buffer_add_text(text, "default\n");
    }
}

static void print_value(const struct config *config, enum value_key key, struct buffer *text)
{
    const char *environment = environment_of(key);
    if (config->origins[key].from == FROM_DEFAULT && environment != NULL) {
        values_print_text(environment, strlen(environment), text);
    } else {
        values_print(key, &config->options, text);
    }
}

static void print_le_of(const struct config *config, struct buffer *text)
{
    for (uint32_t i = 0; i < config->options.agent.le_of_count; i++) {
        const struct agent_le_of *le_of = &config->options.agent.le_of[i];
        const size_t from = text->used;
        buffer_add_text(text, "  ");
        values_print_text(le_of->name, le_of->name_bytes, text);
        buffer_add_text(text, ": ");
        values_print_bounds(&le_of->le, text);
        end_line(config, KEY_le_of, &config->le_of_origins[i], text, from);
    }
}

static void print_labels(const struct config *config, struct buffer *text)
{
    for (uint32_t i = 0; i < config->options.label_count; i++) {
        const struct options_label *label = &config->options.labels[i];
        const size_t from = text->used;
        buffer_format(text, "  %.*s: ", (int)label->name_bytes, label->name);
        values_print_text(label->value, strlen(label->value), text);
        end_line(config, KEY_labels, &config->label_origins[i], text, from);
    }
}

static void print_credentials(const struct config *config, enum value_key key, struct buffer *text)
{
    const bool is_user = key == KEY_http_users;
    const struct options_credentials *credentials =
        is_user ? &config->options.http_users : &config->options.http_tokens;
    for (uint32_t i = 0; i < credentials->count; i++) {
        const struct options_credential *one = &credentials->one[i];
        const size_t from = text->used;
        buffer_add_text(text, "    ");
        values_print_text(one->name, strlen(one->name), text);
        buffer_add_text(text, ": ");
        values_print_text(one->hash, strlen(one->hash), text);
        end_line(config, key, is_user ? &config->user_origins[i] : &config->token_origins[i], text, from);
    }
}

static void print_period(uint64_t period_s, struct buffer *text)
{
    char label[SR_DURATION_LABEL_BYTES] = "month";
    if (period_s != SLIPRING_PERIOD_MONTH) {
        (void)sr_duration_label(period_s * UINT64_C(1000000000), label);
    }
    buffer_format(text, ", period: %s}", label);
}

static void print_objective(const struct agent_objective_rule *rule, struct buffer *text)
{
    static const char *const names[] = {
        [SLIPRING_LATENCY] = "latency", [SLIPRING_AVAILABILITY] = "availability", [SLIPRING_SPEND] = "spend"};
    char number[SR_DURATION_LABEL_BYTES];
    buffer_format(text, "    %s: {name: ", names[rule->kind]);
    values_print_text(rule->name, strlen(rule->name), text);
    if (rule->kind == SLIPRING_LATENCY) {
        (void)sr_duration_label(rule->threshold_ns, number);
        buffer_format(text, ", threshold: %s", number);
    }
    if (rule->kind == SLIPRING_SPEND) {
        (void)sr_money_format(rule->amount, number);
        buffer_format(text, ", amount: %s", number);
    } else {
        (void)sr_objective_format_target(rule->target_ppb, number);
        buffer_format(text, ", target: %s", number);
    }
    print_period(rule->period_s, text);
    buffer_add_text(text, "\n");
}

static void print_rules(const struct config *config, struct buffer *text)
{
    for (uint32_t i = 0; i < config->options.agent.rule_count; i++) {
        const struct agent_objective_rule *rule = &config->rules[i];
        const struct config_origin origin = {.from = FROM_FILE, .line = config->rule_lines[i]};
        const size_t from = text->used;
        buffer_add_text(text, "  - primitive: ");
        values_print_text(rule->pattern, strlen(rule->pattern), text);
        end_line(config, KEY_objectives, &origin, text, from);
        if (rule->type != NULL) {
            buffer_add_text(text, "    type: ");
            values_print_text(rule->type, strlen(rule->type), text);
            buffer_add_text(text, "\n");
        }
        print_objective(rule, text);
    }
}

static void print_entries(const struct config *config, enum value_key key, struct buffer *text)
{
    if (key == KEY_le_of) {
        print_le_of(config, text);
    } else if (key == KEY_http_users || key == KEY_http_tokens) {
        print_credentials(config, key, text);
    } else if (key == KEY_labels) {
        print_labels(config, text);
    } else {
        print_rules(config, text);
    }
}

static uint32_t count_entries(const struct config *config, enum value_key key)
{
    return key == KEY_le_of         ? config->options.agent.le_of_count
           : key == KEY_http_users  ? config->options.http_users.count
           : key == KEY_http_tokens ? config->options.http_tokens.count
           : key == KEY_labels      ? config->options.label_count
           : key == KEY_objectives  ? config->options.agent.rule_count
                                    : 0;
}

void config_print(const struct config *config, struct buffer *text)
{
    const char *section = "";
    size_t section_bytes = 0;
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        const struct value_key_row *row = values_row((enum value_key)key);
        const char *dot = strchr(row->path, '.');
        if (dot != NULL &&
            ((size_t)(dot - row->path) != section_bytes || memcmp(section, row->path, section_bytes) != 0)) {
            section = row->path;
            section_bytes = (size_t)(dot - row->path);
            buffer_format(text, "%.*s:\n", (int)section_bytes, section);
        }
        const size_t from = text->used;
        buffer_format(text, "%s%s:", dot == NULL ? "" : "  ", dot == NULL ? row->path : dot + 1);
        const bool has_entries = row->shape == SHAPE_BY_NAME || row->shape == SHAPE_RULES;
        const uint32_t entries = has_entries ? count_entries(config, (enum value_key)key) : 0;
        if (!has_entries || entries == 0) {
            buffer_add_text(text, " ");
        }
        if (!has_entries) {
            print_value(config, (enum value_key)key, text);
        } else if (entries == 0) {
            buffer_add_text(text, row->standard);
        }
        if (entries > 0) {
            buffer_add_text(text, "\n");
            print_entries(config, (enum value_key)key, text);
        } else {
            end_line(config, (enum value_key)key, &config->origins[key], text, from);
        }
    }
}

/* --- the reference ------------------------------------------------------------------------------------------------------- */

static void add_cell(struct buffer *text, const char *cell)
{
    for (; *cell != '\0'; cell++) {
        buffer_add_text(text, *cell == '|' ? "\\" : "");
        buffer_add(text, cell, 1);
    }
}

static void list_field(struct buffer *text, unsigned where, const char *name, const char *standard,
                       const char *type, const char *help)
{
    static const char *const kinds[] = {"latency", "availability", "spend"};
    buffer_add_text(text, "| ");
    const char *separator = "";
    for (unsigned kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        if (where & ((unsigned)IN_LATENCY << kind)) {
            buffer_format(text, "%s`%s.%s`", separator, kinds[kind], name);
            separator = " ";
        }
    }
    if (where & IN_RULE) {
        buffer_format(text, "`%s`", name);
    }
    buffer_add_text(text, " | ");
    add_cell(text, type);
    buffer_format(text, " | %s | ", standard == NULL ? "needed" : standard);
    add_cell(text, help);
    buffer_add_text(text, " |\n");
}

void config_list_keys(struct buffer *text)
{
    buffer_add_text(text, "| key | value | default | option | a reload takes it | meaning |\n"
                          "| --- | --- | --- | --- | --- | --- |\n");
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        const struct value_key_row *row = values_row((enum value_key)key);
        buffer_format(text, "| `%s` | ", row->path);
        add_cell(text, row->type);
        buffer_format(text, " | `%s` | ", row->standard);
        if (row->option != NULL) {
            buffer_format(text, "`%s`", row->option);
        }
        buffer_format(text, " | %s | ", row->needs_start ? "no" : "yes");
        add_cell(text, row->help);
        buffer_add_text(text, " |\n");
    }
#define CONFIG_KEY(id, path, shape, option, when, standard, type, help)
#define CONFIG_FIELD(id, name, where, standard, type, help)                                                  \
    list_field(text, (where), (name), (standard), (type), (help));
    buffer_add_text(text, "\n| of an objective | value | default | meaning |\n| --- | --- | --- | --- |\n");
#include "config_keys.def"
#undef CONFIG_KEY
}
