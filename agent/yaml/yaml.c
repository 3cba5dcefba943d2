/* SPDX-License-Identifier: Apache-2.0 */
/* YAML with places, from libfyaml's events. See yaml.h. */
#include "yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pure/name.h"
#include "pure/utf8.h"

/* All memory of a tree: blocks that are given back together. */
struct block {
    struct block *next;
    max_align_t bytes[];
};

struct yaml {
    struct block *blocks;
    char *source; /* NULL: the caller's */
};

struct reading {
    struct mistakes *mistakes;
    struct yaml *yaml;
    struct fy_parser *parser;
    struct fy_event *event; /* in hand */
    uint32_t node_count;
};

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->is_plain &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

const char *yaml_kind_text(enum yaml_kind kind)
{
    return kind == YAML_LIST ? "a list" : kind == YAML_MAP ? "a mapping" : "a single value";
}

static void *take_memory(struct yaml *yaml, size_t bytes)
{
    struct block *block = calloc(1, sizeof *block + bytes);
    if (block == NULL) {
        return NULL;
    }
    block->next = yaml->blocks;
    yaml->blocks = block;
    return block->bytes;
}

void yaml_close(struct yaml *yaml)
{
    if (yaml == NULL) {
        return;
    }
    while (yaml->blocks != NULL) {
        struct block *next = yaml->blocks->next;
        free(yaml->blocks);
        yaml->blocks = next;
    }
    free(yaml->source);
    free(yaml);
}

/* --- the bytes ----------------------------------------------------------------------------------------------------------- */

static bool refuse_file(struct mistakes *mistakes, const char *what)
{
    mistakes_add(mistakes, (struct mistakes_place){.line = 0}, what, NULL);
    return false;
}

static int open_file(struct mistakes *mistakes, size_t *out_bytes)
{
    struct stat about = {.st_size = 0};
    const int file = open(mistakes->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *wrong = NULL;
    if (file < 0 || fstat(file, &about) != 0) {
        wrong = strerror(errno);
    } else if (S_ISDIR(about.st_mode)) {
        wrong = "this is a folder";
    } else if (!S_ISREG(about.st_mode)) {
        wrong = "this is no regular file";
    } else if (about.st_size > YAML_FILE_BYTES) {
        wrong = "this is larger than 256 KB";
    }
    if (wrong == NULL) {
        *out_bytes = (size_t)about.st_size;
        return file;
    }
    (void)refuse_file(mistakes, wrong);
    if (file >= 0) {
        (void)close(file);
    }
    return -1;
}

/* As much as there is, up to `room`. SIZE_MAX: it cannot be read. */
static size_t read_all(int file, char *bytes, size_t room)
{
    size_t used = 0;
    while (used < room) {
        const ssize_t got = read(file, bytes + used, room - used);
        if (got < 0 && errno != EINTR) {
            return SIZE_MAX;
        }
        if (got == 0) {
            break;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    return used;
}

static bool read_file(struct mistakes *mistakes, char **out_source, size_t *out_bytes)
{
    size_t room = 0;
    const int file = open_file(mistakes, &room);
    if (file < 0) {
        return false;
    }
    char *source = malloc(room + 1);
    const size_t used = source == NULL ? 0 : read_all(file, source, room);
    const int error = errno;
    (void)close(file);
    if (source == NULL || used == SIZE_MAX) {
        free(source);
        return refuse_file(mistakes, source == NULL ? "no memory to read it" : strerror(error));
    }
    *out_source = source;
    *out_bytes = used;
    return true;
}

/* Text, in UTF-8, without control characters. */
static bool check_text(struct mistakes *mistakes)
{
    const char *text = mistakes->source;
    struct mistakes_place place = {.line = 1, .column = 1, .width = 1};
    for (size_t at = 0; at < mistakes->source_bytes;) {
        uint32_t code_point;
        const size_t length = sr_utf8_decode(text + at, mistakes->source_bytes - at, &code_point);
        const bool is_blank = length == 1 && (code_point == '\n' || code_point == '\r' || code_point == '\t');
        if (length == 0 || (sr_utf8_is_control(code_point) && !is_blank && code_point != 0x85)) {
            mistakes_add(mistakes, place,
                         length == 0       ? "this is not valid UTF-8"
                         : code_point == 0 ? "a zero byte: this is no text file"
                                           : "a control character",
                         "a text in UTF-8");
            return false;
        }
        const bool is_mark = at == 0 && code_point == 0xfeff;
        place.column = code_point == '\n' ? 1 : place.column + !is_mark;
        place.line += code_point == '\n';
        at += length;
    }
    return true;
}

/* --- the tree ------------------------------------------------------------------------------------------------------------ */

static struct mistakes_place place_of(const struct fy_mark *mark, uint32_t width)
{
    if (mark == NULL || mark->line < 0 || mark->column < 0) {
        return (struct mistakes_place){.line = 0};
    }
    return (struct mistakes_place){.line = (uint32_t)mark->line + 1,
                                   .column = (uint32_t)mark->column + 1,
                                   .width = width > 0 ? width : 1};
}

static bool refuse_event(const struct reading *reading, const char *what, const char *expected)
{
    mistakes_add(reading->mistakes, place_of(fy_event_start_mark(reading->event), 1), what, expected);
    return false;
}

static bool no_memory(const struct reading *reading)
{
    return refuse_file(reading->mistakes, "no memory to read it");
}

/* A tab where blanks should be is the commonest reason, and the hardest to see. */
static bool begins_with_tab(const struct mistakes *mistakes, uint32_t number)
{
    const char *at = mistakes->source;
    const char *end = at + mistakes->source_bytes;
    for (uint32_t line = 1; at != NULL && line < number; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at == NULL ? NULL : at + 1;
    }
    while (at != NULL && at < end && *at == ' ') {
        at++;
    }
    return at != NULL && at < end && *at == '\t';
}

static uint32_t count_lines(const struct mistakes *mistakes)
{
    uint32_t count = 0;
    for (size_t i = 0; i < mistakes->source_bytes; i++) {
        count += mistakes->source[i] == '\n' || i + 1 == mistakes->source_bytes;
    }
    return count;
}

/* What libfyaml says is wrong. */
static bool refuse_syntax(const struct reading *reading)
{
    struct fy_diag *diag = fy_parser_get_diag(reading->parser);
    struct mistakes *mistakes = reading->mistakes;
    const struct fy_diag_error *error;
    void *cursor = NULL;
    const unsigned before = mistakes->count;
    while ((error = fy_diag_errors_iterate(diag, &cursor)) != NULL) {
        struct mistakes_place place = {.line = error->line > 0 ? (uint32_t)error->line : 0,
                                       .column = error->column > 0 ? (uint32_t)error->column : 1,
                                       .width = 1};
        const char *what = error->msg == NULL ? "this is no YAML" : error->msg;
        const char *expected = NULL;
        if (begins_with_tab(mistakes, place.line) || begins_with_tab(mistakes, place.line + 1)) {
            place.line += !begins_with_tab(mistakes, place.line);
            place.column = 1;
            what = "a tab before a key";
            expected = "blanks: YAML takes no tab there";
        } else if (strcmp(what, "invalid multiline plain key") == 0) {
            expected = "a key alone before each colon, and all keys of a mapping in one column";
        }
        if (expected == NULL && place.line > count_lines(mistakes)) {
            expected = "what closes the last bracket, brace or quote before the end of the file";
            place.line = 0;
        }
        mistakes_add(mistakes, place, what, expected);
        break; /* those behind follow from the first */
    }
    fy_diag_reset_error(diag); /* libfyaml 0.7 does not give them back with the rest */
    fy_diag_unref(diag);
    return mistakes->count > before ? false : refuse_file(mistakes, "this is no YAML");
}

/* The next event is in hand. False: there is none, and it was said why. */
static bool next_event(struct reading *reading)
{
    if (reading->event != NULL) {
        fy_parser_event_free(reading->parser, reading->event);
    }
    reading->event = fy_parser_parse(reading->parser);
    return reading->event != NULL || refuse_syntax(reading);
}

static uint32_t count_characters(const char *text)
{
    uint32_t count = 0;
    for (; *text != '\0' && *text != '\n'; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

/* The scalar in hand: its text is copied. NULL: what is wrong was said. */
static const char *copy_scalar(const struct reading *reading, bool *out_is_plain,
                               struct mistakes_place *out_place)
{
    struct fy_token *token = fy_event_get_token(reading->event);
    size_t bytes = 0;
    const char *text = token == NULL ? "" : fy_token_get_text(token, &bytes);
    char *copy = text == NULL ? NULL : take_memory(reading->yaml, bytes + 1);
    if (copy == NULL) {
        (void)no_memory(reading);
        return NULL;
    }
    memcpy(copy, text, bytes);
    if (memchr(copy, 0, bytes) != NULL) {
        (void)refuse_event(reading, "a zero byte in a text", NULL);
        return NULL;
    }
    const struct fy_mark *mark = fy_event_start_mark(reading->event);
    const char *source = reading->mistakes->source;
    const size_t at = mark == NULL ? 0 : mark->input_pos;
    const bool is_quoted = mark != NULL && token != NULL && at > 0 && at <= reading->mistakes->source_bytes &&
                           fy_scalar_token_get_style(token) != FYSS_PLAIN;
    *out_is_plain = !is_quoted;
    *out_place = place_of(mark, count_characters(copy));
    if (is_quoted && (source[at - 1] == '"' || source[at - 1] == '\'') && out_place->column > 1) {
        out_place->column--;
        out_place->width += 2;
    }
    return copy;
}

static bool has_properties(const struct fy_event *event)
{
    switch (event->type) {
    case FYET_SCALAR:
        return event->scalar.anchor != NULL || event->scalar.tag != NULL;
    case FYET_SEQUENCE_START:
        return event->sequence_start.anchor != NULL || event->sequence_start.tag != NULL;
    case FYET_MAPPING_START:
        return event->mapping_start.anchor != NULL || event->mapping_start.tag != NULL;
    case FYET_ALIAS:
        return true;
    default:
        return false;
    }
}

/* A node may begin here: no alias, anchor or tag, and not too many of them. */
static bool may_begin(struct reading *reading, uint32_t depth)
{
    if (has_properties(reading->event)) {
        return refuse_event(reading, "anchors, aliases and tags are not taken here",
                            "the value itself, written out");
    }
    if (depth > YAML_DEPTH_MAX) {
        return refuse_event(reading, "this is nested too deep", NULL);
    }
    if (++reading->node_count > YAML_NODE_MAX) {
        return refuse_event(reading, "there are too many values in this file", NULL);
    }
    return true;
}

static bool read_node(struct reading *reading, uint32_t depth, struct yaml_node **out_node);

/* The children of the list or mapping that began in hand, up to its end. */
static bool read_list(struct reading *reading, uint32_t depth, struct yaml_node *list)
{
    struct yaml_node **end = &list->first;
    while (next_event(reading)) {
        if (reading->event->type == FYET_SEQUENCE_END) {
            return true;
        }
        if (!read_node(reading, depth + 1, end)) {
            return false;
        }
        end = &(*end)->next;
    }
    return false;
}

static bool stands_twice(const struct yaml_node *map, const struct yaml_node *child)
{
    for (const struct yaml_node *other = map->first; other != child; other = other->next) {
        if (other->key_hash == child->key_hash && strcmp(other->key, child->key) == 0) {
            return true;
        }
    }
    return false;
}

/* The key in hand. */
static bool read_key(struct reading *reading, const char **out_key, struct mistakes_place *out_place)
{
    bool is_plain;
    if (!may_begin(reading, 0)) {
        return false;
    }
    if (reading->event->type != FYET_SCALAR) {
        return refuse_event(reading, "a key is a single value", NULL);
    }
    *out_key = copy_scalar(reading, &is_plain, out_place);
    return *out_key != NULL;
}

static bool read_map(struct reading *reading, uint32_t depth, struct yaml_node *map)
{
    struct yaml_node **end = &map->first;
    while (next_event(reading)) {
        const char *key = NULL;
        struct mistakes_place place = {.line = 0};
        if (reading->event->type == FYET_MAPPING_END) {
            return true;
        }
        if (!read_key(reading, &key, &place) || !next_event(reading) || !read_node(reading, depth + 1, end)) {
            return false;
        }
        struct yaml_node *child = *end;
        child->key = key;
        child->key_hash = sr_name_hash(key, "");
        child->key_place = place;
        child->place = child->place.line == 0 ? place : child->place;
        if (stands_twice(map, child)) {
            struct buffer what = {0};
            buffer_format(&what, "the key '%s' stands here twice", key);
            mistakes_add_of(reading->mistakes, place, "", &what, NULL);
            buffer_free(&what);
        }
        end = &child->next;
    }
    return false;
}

/* The node that begins in hand, whole. */
static bool read_node(struct reading *reading, uint32_t depth, struct yaml_node **out_node)
{
    if (!may_begin(reading, depth)) {
        return false;
    }
    struct yaml_node *node = take_memory(reading->yaml, sizeof *node);
    if (node == NULL) {
        return no_memory(reading);
    }
    node->place = place_of(fy_event_start_mark(reading->event), 1);
    *out_node = node;
    switch (reading->event->type) {
    case FYET_SCALAR:
        node->kind = YAML_SCALAR;
        node->text = copy_scalar(reading, &node->is_plain, &node->place);
        return node->text != NULL;
    case FYET_SEQUENCE_START:
        node->kind = YAML_LIST;
        return read_list(reading, depth, node);
    case FYET_MAPPING_START:
        node->kind = YAML_MAP;
        return read_map(reading, depth, node);
    default:
        return refuse_event(reading, "this is no YAML", NULL);
    }
}

/* Stream start, at most one document, stream end. */
static bool read_stream(struct reading *reading, struct yaml_node **out_root)
{
    if (!next_event(reading) || !next_event(reading)) {
        return false;
    }
    if (reading->event->type == FYET_STREAM_END) {
        return true;
    }
    if (!next_event(reading) || !read_node(reading, 1, out_root) || !next_event(reading) ||
        !next_event(reading)) {
        return false;
    }
    return reading->event->type == FYET_STREAM_END ||
           refuse_event(reading, "a second document begins here", "one document in the file");
}

/* Everything that libfyaml says is collected, nothing printed. */
static struct fy_parser *open_parser(const struct mistakes *mistakes)
{
    struct fy_diag_cfg settings;
    fy_diag_cfg_default(&settings);
    settings.fp = NULL;
    settings.colorize = false;
    struct fy_diag *diag = fy_diag_create(&settings);
    if (diag == NULL) {
        return NULL;
    }
    fy_diag_set_collect_errors(diag, true);
    const struct fy_parse_cfg how = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE,
                                     .diag = diag};
    struct fy_parser *parser = fy_parser_create(&how);
    fy_diag_unref(diag); /* the parser holds it */
    if (parser != NULL && fy_parser_set_string(parser, mistakes->source, mistakes->source_bytes) != 0) {
        fy_parser_destroy(parser);
        parser = NULL;
    }
    return parser;
}

static bool read_tree(struct mistakes *mistakes, struct yaml *yaml, struct yaml_node **out_root)
{
    struct reading reading = {.mistakes = mistakes, .yaml = yaml};
    const unsigned before = mistakes->count;
    if (!check_text(mistakes)) {
        return false;
    }
    if (mistakes->source_bytes == 0) {
        return true;
    }
    reading.parser = open_parser(mistakes);
    if (reading.parser == NULL) {
        return no_memory(&reading);
    }
    const bool good = read_stream(&reading, out_root);
    if (reading.event != NULL) {
        fy_parser_event_free(reading.parser, reading.event);
    }
    fy_parser_destroy(reading.parser);
    return good && mistakes->count == before;
}

bool yaml_parse(struct mistakes *mistakes, struct yaml **out_yaml, const struct yaml_node **out_root)
{
    struct yaml_node *root = NULL;
    struct yaml *yaml = calloc(1, sizeof *yaml);
    if (yaml == NULL) {
        return refuse_file(mistakes, "no memory to read it");
    }
    if (!read_tree(mistakes, yaml, &root)) {
        yaml_close(yaml);
        return false;
    }
    *out_yaml = yaml;
    *out_root = root;
    return true;
}

bool yaml_open(struct mistakes *mistakes, struct yaml **out_yaml, const struct yaml_node **out_root)
{
    char *source;
    struct yaml *yaml;
    if (!read_file(mistakes, &source, &mistakes->source_bytes)) {
        return false;
    }
    mistakes->source = source;
    if (!yaml_parse(mistakes, &yaml, out_root)) {
        mistakes->source = NULL;
        free(source);
        return false;
    }
    yaml->source = source;
    *out_yaml = yaml;
    return true;
}
