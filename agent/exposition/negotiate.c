/* SPDX-License-Identifier: Apache-2.0 */
/* Accept headers. See negotiate.h. */
#include "negotiate.h"

#include <string.h>
#include <strings.h>

/* A stretch of the header. */
struct span {
    const char *text;
    size_t bytes;
};

struct parameter {
    const char *name, *value;
};

static const struct known {
    const char *type, *subtype;
    struct parameter parameters[2];
} formats[EXPOSITION_FORMAT_COUNT] = {
    [EXPOSITION_TEXT] = {"text", "plain", {{"version", "0.0.4"}}},
    [EXPOSITION_OPENMETRICS] = {"application", "openmetrics-text", {{"version", "1.0.0"}}},
    [EXPOSITION_PROTOBUF] = {"application",
                             "vnd.google.protobuf",
                             {{"proto", "io.prometheus.client.MetricFamily"}, {"encoding", "delimited"}}},
};

/* How exactly a range names a format. */
enum rank { RANK_NONE, RANK_ANY, RANK_TYPE, RANK_SUBTYPE, RANK_EXACT };

/* A range of the header, taken apart. */
struct range {
    struct span type, subtype;
    unsigned weight;                           /* q, in thousandths */
    bool is_refused[EXPOSITION_FORMAT_COUNT];  /* a parameter says something else of it */
    unsigned matched[EXPOSITION_FORMAT_COUNT]; /* parameters that say what it says */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(const char *text, const char *end)
{
    while (text < end && is_blank(*text)) {
        text++;
    }
    while (end > text && is_blank(end[-1])) {
        end--;
    }
    return (struct span){text, (size_t)(end - text)};
}

static bool is_word(struct span span, const char *word)
{
    return span.bytes == strlen(word) && strncasecmp(span.text, word, span.bytes) == 0;
}

/* Up to one of the marks, a quoted string being one whole. Returns where. */
static const char *find_end(const char *at, const char *marks)
{
    bool is_quoted = false;
    for (; *at != '\0' && (is_quoted || strchr(marks, *at) == NULL); at++) {
        if (*at == '"') {
            is_quoted = !is_quoted;
        } else if (*at == '\\' && is_quoted && at[1] != '\0') {
            at++;
        }
    }
    return at;
}

/* 0 to 1 with at most three digits behind the point. False: it is no weight. */
static bool read_weight(struct span value, unsigned *out_weight)
{
    if (value.bytes == 0 || value.bytes > 5 || (value.text[0] != '0' && value.text[0] != '1')) {
        return false;
    }
    unsigned weight = value.text[0] == '1' ? 1000 : 0, scale = 100;
    for (size_t i = 1; i < value.bytes; i++) {
        const char c = value.text[i];
        if (i == 1 ? c != '.' : c < '0' || c > '9') {
            return false;
        }
        weight += i == 1 ? 0 : (unsigned)(c - '0') * scale;
        scale /= i == 1 ? 1 : 10;
    }
    *out_weight = weight;
    return weight <= 1000;
}

/* What a format says of a parameter. NULL: nothing. */
static const char *known_value(const struct known *known, struct span name)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct parameter *parameter = &known->parameters[i];
        if (parameter->name != NULL && is_word(name, parameter->name)) {
            return parameter->value;
        }
    }
    return is_word(name, "charset") ? "utf-8" : NULL;
}

static void match_parameter(struct range *range, struct span name, struct span value)
{
    for (unsigned format = 0; format < EXPOSITION_FORMAT_COUNT; format++) {
        const char *known = known_value(&formats[format], name);
        if (known == NULL) {
            continue; /* it means something to others: "escaping", or "level" */
        }
        range->is_refused[format] |= !is_word(value, known);
        range->matched[format]++;
    }
}

/* name=value of a range, from `at` to `end`. */
static void take_parameter(struct range *range, const char *at, const char *end)
{
    const char *equals = memchr(at, '=', (size_t)(end - at));
    if (equals == NULL) {
        return;
    }
    const struct span name = trim(at, equals);
    struct span value = trim(equals + 1, end);
    if (value.bytes >= 2 && value.text[0] == '"' && value.text[value.bytes - 1] == '"') {
        value = (struct span){value.text + 1, value.bytes - 2};
    }
    if (is_word(name, "q")) {
        if (!read_weight(value, &range->weight)) {
            range->weight = 0; /* nobody knows what was meant: it does not count */
        }
    } else {
        match_parameter(range, name, value);
    }
}

/* One range, which begins at `at`. Returns its end, a comma or the end of the header. */
static const char *take_range(const char *at, struct range *out_range)
{
    *out_range = (struct range){.type = {"", 0}, .subtype = {"", 0}, .weight = 1000};
    const char *end = find_end(at, ",;");
    const char *slash = memchr(at, '/', (size_t)(end - at));
    if (slash != NULL) {
        out_range->type = trim(at, slash);
        out_range->subtype = trim(slash + 1, end);
    }
    while (*end == ';') {
        at = end + 1;
        end = find_end(at, ",;");
        take_parameter(out_range, at, end);
    }
    return end;
}

static enum rank rank_of(const struct range *range, enum exposition_format format)
{
    const struct known *known = &formats[format];
    if (range->is_refused[format]) {
        return RANK_NONE;
    }
    if (is_word(range->type, "*") && is_word(range->subtype, "*")) {
        return RANK_ANY;
    }
    if (!is_word(range->type, known->type)) {
        return RANK_NONE;
    }
    if (is_word(range->subtype, "*")) {
        return RANK_TYPE;
    }
    if (!is_word(range->subtype, known->subtype)) {
        return RANK_NONE;
    }
    return range->matched[format] > 0 ? RANK_EXACT : RANK_SUBTYPE;
}

enum exposition_format negotiate_format(const char *accept)
{
    struct {
        enum rank rank;
        unsigned weight;
        unsigned place; /* of the range in the header */
    } worth[EXPOSITION_FORMAT_COUNT] = {{RANK_NONE, 0, 0}};
    unsigned place = 0;
    for (const char *at = accept; at != NULL && *at != '\0'; place++) {
        struct range range;
        at = take_range(at, &range);
        at += *at == ',';
        for (unsigned format = 0; format < EXPOSITION_FORMAT_COUNT; format++) {
            const enum rank rank = rank_of(&range, (enum exposition_format)format);
            if (rank > worth[format].rank ||
                (rank == worth[format].rank && rank != RANK_NONE && range.weight > worth[format].weight)) {
                worth[format].rank = rank;
                worth[format].weight = range.weight;
                worth[format].place = place;
            }
        }
    }
    enum exposition_format best = EXPOSITION_TEXT;
    for (unsigned format = 0; format < EXPOSITION_FORMAT_COUNT; format++) {
        const bool is_earlier = worth[format].weight == worth[best].weight && worth[format].weight > 0 &&
                                worth[format].place < worth[best].place;
        if (worth[format].weight > worth[best].weight || is_earlier) {
            best = (enum exposition_format)format;
        }
    }
    return best;
}

const char *negotiate_content_type(enum exposition_format format)
{
    static const char *const types[EXPOSITION_FORMAT_COUNT] = {
        [EXPOSITION_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
        [EXPOSITION_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
        [EXPOSITION_PROTOBUF] = ("application/vnd.google.protobuf; "
                                 "proto=io.prometheus.client.MetricFamily; encoding=delimited"),
    };
    return types[format];
}
