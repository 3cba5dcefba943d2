/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults, the file, the command line: see config.h. */
#include "config_parts.h"

#include <stdlib.h>

static const struct config_origin of_option = {.from = FROM_OPTION};

static uint32_t find_label(const struct options *options, const char *name, size_t bytes)
{
    uint32_t at = 0;
    while (at < options->label_count &&
           !(options->labels[at].name_bytes == bytes && memcmp(options->labels[at].name, name, bytes) == 0)) {
        at++;
    }
    return at;
}

static uint32_t find_le_of(const struct agent_options *agent, const char *name, size_t bytes)
{
    uint32_t at = 0;
    while (at < agent->le_of_count &&
           !(agent->le_of[at].name_bytes == bytes && memcmp(agent->le_of[at].name, name, bytes) == 0)) {
        at++;
    }
    return at;
}

/* The command line named this key. */
static void note_option(void *context, unsigned key, const char *value)
{
    struct config *config = context;
    config->origins[key] = of_option;
    if (key == KEY_labels) {
        const char *equals = strchr(value, '=');
        const uint32_t at = find_label(&config->options, value, (size_t)(equals - value));
        config->label_origins[at] = of_option;
    } else if (key == KEY_le_of) {
        const char *equals = strrchr(value, '=');
        const uint32_t at = find_le_of(&config->options.agent, value, (size_t)(equals - value));
        config->le_of_origins[at] = of_option;
    }
}

static bool read_file(struct config *config, struct buffer *message)
{
    struct mistakes mistakes = {.file = config->file};
    const struct yaml_node *root = NULL;
    if (yaml_open(&mistakes, &config->yaml, &root)) {
        config_read(config, &mistakes, root);
    }
    mistakes_end(&mistakes);
    buffer_add(message, mistakes.told.text, mistakes.told.used);
    message->failed |= mistakes.told.failed;
    buffer_free(&mistakes.told);
    return mistakes.count == 0;
}

static bool read_prices(struct config *config, struct buffer *message)
{
    const struct options *options = &config->options;
    if (!prices_open(options->price_cards, options->price_card_count, &config->prices, message)) {
        return false;
    }
    config->options.agent.prices = config->prices;
    return true;
}

/* Does the task ask for a configuration? The others only print something. */
static bool needs_values(enum options_task task)
{
    return task == OPTIONS_RUN || task == OPTIONS_PRINT_CONFIG || task == OPTIONS_CHECK_CONFIG;
}

static enum options_task fill(struct config *config, int count, char *const *arguments,
                              enum options_task task, struct buffer *message)
{
    values_default(&config->options);
    if (config->file != NULL && !read_file(config, message)) {
        return OPTIONS_BAD_FILE;
    }
    config->options.agent.rules = config->rules;
    config->options.config = config->file;
    if (options_apply(count, arguments, &config->options, note_option, config, message) == OPTIONS_BAD) {
        return OPTIONS_BAD;
    }
    config->options.config = config->file;
    return read_prices(config, message) ? task : OPTIONS_BAD_FILE;
}

enum options_task config_open(int count, char *const *arguments, struct config **out_config,
                              struct buffer *message)
{
    struct config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        buffer_add_text(message, "no memory for the configuration");
        return OPTIONS_BAD;
    }
    enum options_task task = options_parse(count, arguments, &config->options, message);
    if (!needs_values(task)) {
        config_close(config);
        return task;
    }
    const char *file = config->options.config != NULL ? config->options.config : getenv("SLIPRING_CONFIG");
    if (file != NULL && file[0] != '\0') {
        config->file = strdup(file);
        if (config->file == NULL) {
            buffer_add_text(message, "no memory for the configuration");
            config_close(config);
            return OPTIONS_BAD;
        }
    } else if (task == OPTIONS_CHECK_CONFIG) {
        buffer_add_text(message, "--check-config: there is no file to check: say --config FILE, or set "
                                 "SLIPRING_CONFIG");
        config_close(config);
        return OPTIONS_BAD;
    }
    task = fill(config, count, arguments, task, message);
    if (task == OPTIONS_BAD || task == OPTIONS_BAD_FILE) {
        config_close(config);
        return task;
    }
    *out_config = config;
    return task;
}

void config_close(struct config *config)
{
    if (config == NULL) {
        return;
    }
    prices_close(config->prices);
    yaml_close(config->yaml);
    for (uint32_t i = 0; i < OPTIONS_PRICE_CARD_MAX; i++) {
        free(config->paths[i]);
    }
    free(config->file);
    free(config);
}

const struct options *config_options(const struct config *config)
{
    return &config->options;
}

/* A key's value as one text, for comparing. */
static void show(const struct config *config, enum value_key key, struct buffer *text)
{
    values_print(key, &config->options, text);
    for (uint32_t i = 0; key == KEY_le_of && i < config->options.agent.le_of_count; i++) {
        const struct agent_le_of *le_of = &config->options.agent.le_of[i];
        values_print_text(le_of->name, le_of->name_bytes, text);
        values_print_bounds(&le_of->le, text);
    }
}

static bool differs(const struct config *running, const struct config *read, enum value_key key)
{
    struct buffer now = {0};
    struct buffer then = {0};
    show(running, key, &now);
    show(read, key, &then);
    const bool is_other =
        now.used != then.used || (now.used > 0 && memcmp(now.text, then.text, now.used) != 0);
    buffer_free(&now);
    buffer_free(&then);
    return is_other;
}

/* Which files they are a reload takes, but not whether there are any. */
static bool switches_tls(const struct config *running, const struct config *read, enum value_key key)
{
    return (key == KEY_http_tls_certificate || key == KEY_http_tls_key) &&
           (running->options.http_tls_certificate == NULL) != (read->options.http_tls_certificate == NULL);
}

void config_needs_start(const struct config *running, const struct config *read, struct buffer *names)
{
    const char *separator = "";
    for (unsigned at = 0; at < KEY_COUNT; at++) {
        const enum value_key key = (enum value_key)at;
        if (switches_tls(running, read, key) ||
            (values_row(key)->needs_start && differs(running, read, key))) {
            buffer_format(names, "%s%s", separator, values_row(key)->path);
            separator = ", ";
        }
    }
}
