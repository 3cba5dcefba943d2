/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file by the table of keys. See config.h. */
#include "config_parts.h"

#include <stdio.h>

#include "pure/suggest.h"

enum { PATH_BYTES = 256, NAMES_MAX = 64 };

struct reading {
    struct config *config;
    struct mistakes *mistakes;
};

bool config_is(struct mistakes *mistakes, const struct yaml_node *node, enum yaml_kind kind, const char *path,
               const char *expected)
{
    struct buffer what = {0};
    if (node->kind == kind && !(kind == YAML_SCALAR && node->is_plain && node->text[0] == '\0')) {
        return true;
    }
    if (node->kind == YAML_SCALAR && node->is_plain && node->text[0] == '\0') {
        buffer_add_text(&what, "there is no value behind the colon");
    } else {
        buffer_format(&what, "this is %s", yaml_kind_text(node->kind));
    }
    mistakes_add_of(mistakes, node->place, path, &what, expected);
    buffer_free(&what);
    return false;
}

/* --- what is not known --------------------------------------------------------------------------------------------------- */

/* The key of the table that somebody means who writes `name` in the wrong place, or as the command line has it. NULL: none. */
static const char *find_elsewhere(const char *name)
{
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        const struct value_key_row *row = values_row((enum value_key)key);
        const char *dot = strrchr(row->path, '.');
        if ((dot != NULL && strcmp(dot + 1, name) == 0) || strcmp(row->path, name) == 0 ||
            (row->option != NULL && strcmp(row->option + 2, name) == 0)) {
            return row->path;
        }
    }
    return NULL;
}

static void list_names(struct buffer *text, const char *const *names)
{
    buffer_add_text(text, "one of ");
    for (; *names != NULL; names++) {
        buffer_format(text, "%s%s", *names, names[1] != NULL ? ", " : "");
    }
    buffer_add(text, "", 1);
}

void config_unknown(struct mistakes *mistakes, const struct yaml_node *child, const char *path,
                    const char *const *names)
{
    struct buffer what = {0};
    struct buffer expected = {0};
    struct sr_suggest suggest;
    sr_suggest_begin(&suggest, child->key);
    for (const char *const *name = names; *name != NULL; name++) {
        sr_suggest_offer(&suggest, *name);
    }
    const char *elsewhere = suggest.best != NULL ? NULL : find_elsewhere(child->key);
    const char *dot = elsewhere == NULL ? NULL : strchr(elsewhere, '.');
    buffer_format(&what, "there is no key '%s' here", child->key);
    if (suggest.best != NULL) {
        buffer_format(&what, " (did you mean '%s'?)", suggest.best);
    } else if (dot != NULL) {
        buffer_format(&what, " (did you mean '%s' in '%.*s'?)", dot + 1, (int)(dot - elsewhere), elsewhere);
    } else if (elsewhere != NULL) {
        buffer_format(&what, " (did you mean '%s', outside of any other key?)", elsewhere);
    }
    list_names(&expected, names);
    mistakes_add_of(mistakes, child->key_place, path, &what, expected.failed ? NULL : expected.text);
    buffer_free(&what);
    buffer_free(&expected);
}

/* --- values by their shape ----------------------------------------------------------------------------------------------- */

static void refuse(struct reading *reading, struct mistakes_place place, enum value_key key,
                   struct buffer *what)
{
    const struct value_key_row *row = values_row(key);
    mistakes_add_of(reading->mistakes, place, row->path, what, row->type);
}

static void set_origin(struct reading *reading, enum value_key key, const struct yaml_node *node)
{
    reading->config->origins[key] = (struct config_origin){
        .from = FROM_FILE, .line = node->key_place.line, .column = node->key_place.column};
}

static void read_value(struct reading *reading, enum value_key key, const struct yaml_node *node)
{
    struct buffer what = {0};
    const struct value_key_row *row = values_row(key);
    if (config_is(reading->mistakes, node, YAML_SCALAR, row->path, row->type)) {
        if (node->text[0] == '\0') {
            buffer_add_text(&what, "the text is empty");
            refuse(reading, node->place, key, &what);
        } else if (!values_set(key, node->text, &reading->config->options, &what)) {
            refuse(reading, node->place, key, &what);
        }
    }
    buffer_free(&what);
}

/* A price card's path beside the file. NULL: no memory. */
static const char *path_of_card(struct config *config, const char *text)
{
    const char *slash = strrchr(config->file, '/');
    if (text[0] == '/' || slash == NULL) {
        return text;
    }
    struct buffer path = {0};
    buffer_add(&path, config->file, (size_t)(slash + 1 - config->file));
    buffer_add(&path, text, strlen(text) + 1);
    for (uint32_t i = 0; !path.failed && i < OPTIONS_PRICE_CARD_MAX; i++) {
        if (config->paths[i] == NULL) {
            config->paths[i] = path.text;
            return path.text;
        }
    }
    buffer_free(&path);
    return text;
}

static bool add_item(struct reading *reading, enum value_key key, const struct yaml_node *item)
{
    struct buffer what = {0};
    const struct value_key_row *row = values_row(key);
    if (!config_is(reading->mistakes, item, YAML_SCALAR, row->path, row->type)) {
        return false;
    }
    const char *text = key == KEY_prices ? path_of_card(reading->config, item->text) : item->text;
    const bool good = values_add(key, text, &reading->config->options, &what);
    if (!good) {
        refuse(reading, item->place, key, &what);
    }
    buffer_free(&what);
    return good;
}

static void read_list(struct reading *reading, enum value_key key, const struct yaml_node *node)
{
    const struct value_key_row *row = values_row(key);
    if (!config_is(reading->mistakes, node, YAML_LIST, row->path, row->type)) {
        return;
    }
    values_begin(key, &reading->config->options);
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        if (!add_item(reading, key, item)) {
            return; /* what is behind it would be judged by what is missing */
        }
    }
    struct buffer why = {0};
    if (!values_end(key, &reading->config->options, &why)) {
        struct buffer what = {0};
        buffer_format(&what, "%s %.*s", node->first == NULL ? "the list is" : "its length is", (int)why.used,
                      why.text);
        refuse(reading, node->place, key, &what);
        buffer_free(&what);
    }
    buffer_free(&why);
}

static bool read_bounds(struct reading *reading, const struct yaml_node *list,
                        struct sr_bound_list *out_bounds, struct buffer *what)
{
    const struct value_key_row *row = values_row(KEY_le);
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s.%s", values_row(KEY_le_of)->path, list->key);
    if (!config_is(reading->mistakes, list, YAML_LIST, path, row->type)) {
        return false;
    }
    const struct yaml_node *item = list->first;
    bool good = item != NULL;
    if (!good) {
        buffer_add_text(what, "the list is empty");
        mistakes_add_of(reading->mistakes, list->place, path, what, row->type);
    }
    for (; good && item != NULL; item = item->next) {
        if (!config_is(reading->mistakes, item, YAML_SCALAR, path, row->type)) {
            return false;
        }
        good = values_add_bound(out_bounds, item->text, what);
        if (!good) {
            mistakes_add_of(reading->mistakes, item->place, path, what, row->type);
        }
    }
    return good;
}

static void read_le_of(struct reading *reading, const struct yaml_node *child)
{
    struct buffer what = {0};
    struct sr_bound_list bounds = {.count = 0};
    struct options *options = &reading->config->options;
    const size_t bytes = strlen(child->key);
    if (!values_le_of_name(child->key, bytes, &what)) {
        refuse(reading, child->key_place, KEY_le_of, &what);
    } else if (read_bounds(reading, child, &bounds, &what)) {
        struct agent_le_of *le_of = values_le_of(child->key, bytes, options, &what);
        if (le_of == NULL) {
            refuse(reading, child->key_place, KEY_le_of, &what);
        } else {
            le_of->le = bounds;
            reading->config->le_of_origins[le_of - options->agent.le_of] =
                (struct config_origin){.from = FROM_FILE, .line = child->key_place.line};
        }
    }
    buffer_free(&what);
}

static void read_label(struct reading *reading, const struct yaml_node *child)
{
    struct buffer what = {0};
    struct options *options = &reading->config->options;
    const uint32_t place = options->label_count;
    if (!values_label_name(child->key, &what)) {
        refuse(reading, child->key_place, KEY_labels, &what);
    } else if (config_is(reading->mistakes, child, YAML_SCALAR, values_row(KEY_labels)->path,
                         values_row(KEY_labels)->type)) {
        if (!values_label(child->key, strlen(child->key), child->text, options, &what)) {
            refuse(reading, child->place, KEY_labels, &what);
        } else {
            reading->config->label_origins[place] =
                (struct config_origin){.from = FROM_FILE, .line = child->key_place.line};
        }
    }
    buffer_free(&what);
}

/* A line of these may hold a secret that was meant to be hashed. */
static void read_credential(struct reading *reading, enum value_key key, const struct yaml_node *child)
{
    struct buffer what = {0};
    struct config *config = reading->config;
    struct options *options = &config->options;
    const struct value_key_row *row = values_row(key);
    const bool is_user = key == KEY_http_users;
    const uint32_t place = is_user ? options->http_users.count : options->http_tokens.count;
    reading->mistakes->is_secret = true;
    if (!values_credential_name(child->key, &what)) {
        refuse(reading, child->key_place, key, &what);
    } else if (config_is(reading->mistakes, child, YAML_SCALAR, row->path, row->type)) {
        if (!values_credential(key, child->key, child->text, options, &what)) {
            refuse(reading, child->place, key, &what);
        } else {
            *(is_user ? &config->user_origins[place] : &config->token_origins[place]) =
                (struct config_origin){.from = FROM_FILE, .line = child->key_place.line};
        }
    }
    reading->mistakes->is_secret = false;
    buffer_free(&what);
}

static void read_by_name(struct reading *reading, enum value_key key, const struct yaml_node *node)
{
    const struct value_key_row *row = values_row(key);
    if (!config_is(reading->mistakes, node, YAML_MAP, row->path, row->type)) {
        return;
    }
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        if (key == KEY_http_users || key == KEY_http_tokens) {
            read_credential(reading, key, child);
        } else if (key == KEY_le_of) {
            read_le_of(reading, child);
        } else {
            read_label(reading, child);
        }
    }
}

static void read_key(struct reading *reading, enum value_key key, const struct yaml_node *node)
{
    if (yaml_is_null(node) && node->text[0] != '\0') {
        return; /* null: the default */
    }
    set_origin(reading, key, node);
    switch (values_row(key)->shape) {
    case SHAPE_VALUE:
        read_value(reading, key, node);
        break;
    case SHAPE_LIST:
        read_list(reading, key, node);
        break;
    case SHAPE_BY_NAME:
        read_by_name(reading, key, node);
        break;
    case SHAPE_RULES:
        config_read_rules(reading->config, reading->mistakes, node);
        break;
    }
}

/* --- the file ------------------------------------------------------------------------------------------------------------ */

/* The keys that may stand in the section (""; "checkpoint."): each once, ended by NULL. `room` holds their texts. */
static void names_in(const char *section, char room[PATH_BYTES * 4], const char *names[NAMES_MAX])
{
    const size_t skip = strlen(section);
    size_t used = 0;
    unsigned count = 0;
    for (unsigned key = 0; key < KEY_COUNT && count + 1 < NAMES_MAX; key++) {
        const char *path = values_row((enum value_key)key)->path;
        if (strncmp(path, section, skip) != 0) {
            continue;
        }
        const size_t length = strcspn(path + skip, ".");
        if (count > 0 && strlen(names[count - 1]) == length &&
            strncmp(names[count - 1], path + skip, length) == 0) {
            continue; /* a section's keys stand one behind the other in the table */
        }
        names[count++] = room + used;
        memcpy(room + used, path + skip, length);
        room[used + length] = '\0';
        used += length + 1;
    }
    names[count] = NULL;
}

/* The key with this path; KEY_COUNT: none. *out_is_section: there are keys below it. */
static enum value_key find_key(const char *path, bool *out_is_section)
{
    const size_t length = strlen(path);
    *out_is_section = false;
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        const char *known = values_row((enum value_key)key)->path;
        if (strcmp(known, path) == 0) {
            return (enum value_key)key;
        }
        *out_is_section |= strncmp(known, path, length) == 0 && known[length] == '.';
    }
    return KEY_COUNT;
}

static void read_section(struct reading *reading, const struct yaml_node *map, const char *section)
{
    char path[PATH_BYTES];
    char room[PATH_BYTES * 4];
    const char *names[NAMES_MAX];
    names_in(section, room, names);
    for (const struct yaml_node *child = map->first; child != NULL; child = child->next) {
        bool is_section = false;
        const int length = snprintf(path, sizeof path, "%s%s", section, child->key);
        const bool is_key = length > 0 && (size_t)length < sizeof path && strchr(child->key, '.') == NULL;
        const enum value_key key = is_key ? find_key(path, &is_section) : KEY_COUNT;
        if (key != KEY_COUNT) {
            read_key(reading, key, child);
        } else if (!is_section) {
            char of[PATH_BYTES];
            (void)snprintf(of, sizeof of, "%.*s", (int)(strlen(section) > 0 ? strlen(section) - 1 : 0),
                           section);
            config_unknown(reading->mistakes, child, of, names);
        } else if (!yaml_is_null(child) || child->text[0] == '\0') {
            char below[PATH_BYTES + 1];
            char below_room[PATH_BYTES * 4];
            const char *below_names[NAMES_MAX];
            struct buffer expected = {0};
            (void)snprintf(below, sizeof below, "%s.", path);
            names_in(below, below_room, below_names);
            buffer_add_text(&expected, "a mapping with ");
            for (const char **name = below_names; *name != NULL; name++) {
                buffer_format(&expected, "%s%s", *name, name[1] != NULL ? ", " : "");
            }
            buffer_add(&expected, "", 1);
            if (config_is(reading->mistakes, child, YAML_MAP, path, expected.text)) {
                read_section(reading, child, below);
            }
            buffer_free(&expected);
        }
    }
}

/* A key that another one is at odds with. */
static void refuse_key(struct reading *reading, enum value_key key, const char *why)
{
    struct buffer what = {0};
    const struct config_origin *origin = &reading->config->origins[key];
    buffer_add_text(&what, why);
    refuse(reading,
           (struct mistakes_place){.line = origin->line,
                                   .column = origin->column,
                                   .width = (uint32_t)strlen(strchr(values_row(key)->path, '.') + 1)},
           key, &what);
    buffer_free(&what);
}

static bool is_credential(const struct options_credentials *credentials, const char *name)
{
    for (uint32_t i = 0; i < credentials->count; i++) {
        if (strcmp(credentials->one[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_order_givers(struct reading *reading)
{
    const struct options *options = &reading->config->options;
    for (uint32_t i = 0; i < options->http_order_count; i++) {
        if (!is_credential(&options->http_users, options->http_orders[i]) &&
            !is_credential(&options->http_tokens, options->http_orders[i])) {
            struct buffer why = {0};
            buffer_format(&why, "'%s' is neither of http.users nor of http.tokens", options->http_orders[i]);
            buffer_add(&why, "", 1);
            refuse_key(reading, KEY_http_orders, why.failed ? "" : why.text);
            buffer_free(&why);
        }
    }
}

void config_read(struct config *config, struct mistakes *mistakes, const struct yaml_node *root)
{
    struct reading reading = {.config = config, .mistakes = mistakes};
    if (root == NULL || yaml_is_null(root)) {
        return;
    }
    if (config_is(mistakes, root, YAML_MAP, "", "a mapping of keys, as in store: default")) {
        read_section(&reading, root, "");
    }
    const struct options *options = &config->options;
    if (options->checkpoint_slices_ns < options->checkpoint_totals_ns) {
        refuse_key(&reading,
                   config->origins[KEY_checkpoint_slices_every].from == FROM_FILE
                       ? KEY_checkpoint_slices_every
                       : KEY_checkpoint_totals_every,
                   "slices are written more often than totals");
    }
    check_order_givers(&reading);
    if (options->http_tls_certificate == NULL && options->http_tls_key != NULL) {
        refuse_key(&reading, KEY_http_tls_key, "there is no http.tls_certificate to it");
    } else if (options->http_tls_certificate != NULL && options->http_tls_key == NULL) {
        refuse_key(&reading, KEY_http_tls_certificate, "there is no http.tls_key to it");
    }
}
