/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a price card: YAML to exact integers, or a message that shows where. See docs/prices.md for the format. */
#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "prices_parts.h"
#include "pure/decimal.h"
#include "pure/name.h"

#define ERROR_MAX 10u
#define QUOTE_MAX 60 /* bytes of a wrong value that are shown */

struct reader {
    const char *path;
    struct price_card *card;
    struct buffer *message;
    char *text; /* the whole file */
    size_t bytes;
    uint32_t errors;
};

/* A scalar of the card. */
struct word {
    const char *text; /* not terminated */
    size_t length;
    struct fy_mark at;
};

/* --- errors ---------------------------------------------------------------------------------------------------------------- */

/* The line with a caret below the column, both counted from 0; the column in characters. */
static void show_line(const struct reader *reader, uint32_t line, uint32_t column)
{
    const char *at = reader->text;
    const char *end = reader->text + reader->bytes;
    for (; line > 0 && at < end; line--) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next != NULL ? next + 1 : end;
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    stop = stop != NULL ? stop : end;
    buffer_format(reader->message, "\n    %.*s\n    ", (int)(stop - at), at);
    for (uint32_t i = 0; i < column && at < stop; i++) {
        buffer_add(reader->message, *at == '\t' ? "\t" : " ", 1);
        do {
            at++;
        } while (at < stop && ((unsigned char)*at & 0xc0) == 0x80); /* the rest of a character */
    }
    buffer_add_text(reader->message, "^");
}

__attribute__((format(printf, 3, 4))) static void refuse(struct reader *reader, struct fy_mark at,
                                                         const char *format, ...)
{
    if (reader->errors++ >= ERROR_MAX) {
        return;
    }
    char what[512];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(what, sizeof what, format, list);
    va_end(list);
    buffer_format(reader->message, "%s%s:%d:%d: %s", reader->errors > 1 ? "\n" : "", reader->path,
                  at.line + 1, at.column + 1, what);
    show_line(reader, (uint32_t)at.line, (uint32_t)at.column);
}

static int quoted(const struct word *word)
{
    return word->length < QUOTE_MAX ? (int)word->length : QUOTE_MAX;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions and replacements that lead from a word to a key of at most 31 bytes. */
static size_t distance(const struct word *word, const char *key)
{
    size_t row[32];
    const size_t length = strlen(key);
    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= word->length; i++) {
        size_t before = row[0]; /* of the row above, one to the left */
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            const size_t above = row[j];
            row[j] = least(before + (word->text[i - 1] != key[j - 1]), least(above, row[j - 1]) + 1);
            before = above;
        }
    }
    return row[length];
}

static void refuse_key(struct reader *reader, const struct word *key, const char *const *known,
                       const char *expected)
{
    const char *best = NULL;
    size_t best_distance = key->length / 3 + 2;
    for (uint32_t i = 0; known[i] != NULL; i++) {
        const size_t steps = distance(key, known[i]);
        if (steps < best_distance) {
            best_distance = steps;
            best = known[i];
        }
    }
    if (best != NULL) {
        refuse(reader, key->at, "unknown key '%.*s': did you mean '%s'?", quoted(key), key->text, best);
    } else {
        refuse(reader, key->at, "unknown key '%.*s': expected %s", quoted(key), key->text, expected);
    }
}

/* --- scalars --------------------------------------------------------------------------------------------------------------- */

/* Where a node begins, as nearly as it can be told: its own text, or `near`. */
static struct fy_mark mark_of(struct fy_node *node, struct fy_mark near)
{
    struct fy_token *token = node != NULL ? fy_node_get_scalar_token(node) : NULL;
    const struct fy_mark *mark = token != NULL ? fy_token_start_mark(token) : NULL;
    return mark != NULL ? *mark : near;
}

/* False, and told: it is no scalar. */
static bool take_word(struct reader *reader, struct fy_node *node, struct fy_mark near, const char *expected,
                      struct word *out_word)
{
    if (node != NULL && fy_node_is_alias(node)) {
        refuse(reader, mark_of(node, near), "aliases are not read here: expected %s", expected);
        return false;
    }
    const char *text =
        node != NULL && fy_node_is_scalar(node) ? fy_node_get_scalar(node, &out_word->length) : NULL;
    if (text == NULL) {
        refuse(reader, mark_of(node, near), "expected %s", expected);
        return false;
    }
    out_word->text = text;
    out_word->at = mark_of(node, near);
    return true;
}

static bool is_word(const struct word *word, const char *text)
{
    return word->length == strlen(text) && memcmp(word->text, text, word->length) == 0;
}

/* --- prices ---------------------------------------------------------------------------------------------------------------- */

struct measure {
    const char *text;
    uint64_t units;
};

static const struct measure pieces[] = {
    {"1", 1}, {"1k", 1000}, {"1M", 1000000}, {"1G", 1000000000}, {NULL, 0}};
static const struct measure times[] = {{"second", 1000}, {"minute", 60000}, {"hour", 3600000}, {NULL, 0}};

#define EXPECT_TOKENS "dollars and how many tokens they buy, as in 2.50 per 1M (or per 1, 1k, 1G)"
#define EXPECT_MANY   "dollars and how many they buy, as in 15 per 1M (or per 1, 1k, 1G)"
#define EXPECT_PIECE  "dollars apiece, as in 0.04, or with how many they buy, as in 5 per 1k"
#define EXPECT_TIME   "dollars a second, as in 0.0001, or 0.006 per minute, 0.36 per hour"

/* Keys of prices, in the order of docs/prices.md. `alone`: how many units a price without "per" buys; 0: it has to say. */
static const struct kind {
    const char *key;
    enum slipring_unit unit;
    const struct measure *measures;
    uint64_t alone;
    const char *expected;
} kinds[] = {
    {"input", SLIPRING_UNIT_INPUT, pieces, 0, EXPECT_TOKENS},
    {"output", SLIPRING_UNIT_OUTPUT, pieces, 0, EXPECT_TOKENS},
    {"cached_input", SLIPRING_UNIT_CACHED_INPUT, pieces, 0, EXPECT_TOKENS},
    {"cache_write", SLIPRING_UNIT_CACHE_WRITE, pieces, 0, EXPECT_TOKENS},
    {"reasoning", SLIPRING_UNIT_REASONING, pieces, 0, EXPECT_TOKENS},
    {"audio_input", SLIPRING_UNIT_AUDIO_INPUT, pieces, 0, EXPECT_TOKENS},
    {"audio_output", SLIPRING_UNIT_AUDIO_OUTPUT, pieces, 0, EXPECT_TOKENS},
    {"images", SLIPRING_UNIT_IMAGE, pieces, 1, EXPECT_PIECE},
    {"characters", SLIPRING_UNIT_CHARACTER, pieces, 0, EXPECT_MANY},
    {"seconds", SLIPRING_UNIT_MILLISECOND, times, 1000, EXPECT_TIME},
    {"bytes", SLIPRING_UNIT_BYTE, pieces, 0, EXPECT_MANY},
    {"requests", SLIPRING_UNIT_REQUEST, pieces, 1, EXPECT_PIECE},
};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

static const struct kind *find_kind(const struct word *key)
{
    for (uint32_t i = 0; i < KIND_COUNT; i++) {
        if (is_word(key, kinds[i].key)) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* What follows the amount: nothing, or blanks, "per" and a measure. 0: something else. */
static uint64_t units_bought(const struct word *word, size_t amount, const struct kind *kind)
{
    static const char per[] = "per";
    const char *at = word->text + amount;
    const char *end = word->text + word->length;
    if (at == end) {
        return kind->alone;
    }
    while (at < end && *at == ' ') {
        at++;
    }
    if ((size_t)(end - at) < sizeof per || memcmp(at, per, sizeof per - 1) != 0 ||
        at[sizeof per - 1] != ' ') {
        return 0;
    }
    for (at += sizeof per - 1; at < end && *at == ' ';) {
        at++;
    }
    const struct word rest = {.text = at, .length = (size_t)(end - at)};
    const struct measure *measure = kind->measures;
    while (measure->text != NULL && !is_word(&rest, measure->text)) {
        measure++;
    }
    return measure->units;
}

static void take_price(struct reader *reader, const struct kind *kind, struct fy_node *value,
                       struct fy_mark near, struct price *price)
{
    struct word word;
    if (!take_word(reader, value, near, kind->expected, &word)) {
        return;
    }
    size_t amount = 0;
    while (amount < word.length && word.text[amount] != ' ') {
        amount++;
    }
    const uint64_t units = units_bought(&word, amount, kind);
    uint64_t picodollars = 0;
    const enum sr_parse result =
        sr_decimal_parse(word.text, amount, PRICES_DOLLAR, PRICES_UNIT_MAX, &picodollars);
    if (result != SR_PARSE_OK && result != SR_PARSE_TOO_FINE) {
        refuse(reader, word.at, "'%.*s' is %s: expected %s", quoted(&word), word.text, sr_parse_text(result),
               kind->expected);
    } else if (units == 0) {
        refuse(reader, word.at, "'%.*s' does not say how many it buys: expected %s", quoted(&word), word.text,
               kind->expected);
    } else if (result == SR_PARSE_TOO_FINE || picodollars % units != 0) {
        refuse(reader, word.at,
               "'%.*s' is finer than a pico-dollar%s (a millionth of a millionth of a dollar)", quoted(&word),
               word.text, kind->measures == times ? " a millisecond" : " apiece");
    } else {
        price->picodollars[kind->unit] = picodollars / units;
        price->priced |= UINT32_C(1) << kind->unit;
    }
}

/* Exactly `digits` digits. -1: it is something else. */
static int take_digits(const char *text, size_t digits)
{
    int value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* "2025-08-07" or "2025-08-07T15:00:00Z", UTC, from 1970 on. */
static bool parse_moment(const struct word *word, uint64_t *out_wall_s)
{
    const char *text = word->text;
    const bool has_time = word->length == 20;
    if ((word->length != 10 && !has_time) || text[4] != '-' || text[7] != '-' ||
        (has_time && (text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z'))) {
        return false;
    }
    const struct tm want = {.tm_year = take_digits(text, 4) - 1900,
                            .tm_mon = take_digits(text + 5, 2) - 1,
                            .tm_mday = take_digits(text + 8, 2),
                            .tm_hour = has_time ? take_digits(text + 11, 2) : 0,
                            .tm_min = has_time ? take_digits(text + 14, 2) : 0,
                            .tm_sec = has_time ? take_digits(text + 17, 2) : 0};
    struct tm given = want;
    const time_t moment = timegm(&given); /* brings what does not exist to what does */
    *out_wall_s = (uint64_t)moment;
    return want.tm_year >= 70 && want.tm_year == given.tm_year && want.tm_mon == given.tm_mon &&
           want.tm_mday == given.tm_mday && want.tm_hour == given.tm_hour && want.tm_min == given.tm_min &&
           want.tm_sec == given.tm_sec;
}

static void take_from(struct reader *reader, struct fy_node *value, struct fy_mark near, struct price *price)
{
    static const char expected[] = "a day or moment in UTC, as in 2025-08-07 or 2025-08-07T15:00:00Z";
    struct word word;
    if (take_word(reader, value, near, expected, &word) && !parse_moment(&word, &price->from_wall_s)) {
        refuse(reader, word.at, "'%.*s' is no such thing: expected %s", quoted(&word), word.text, expected);
    }
}

/* G3 of prices.h. */
static void fall_back(struct price *price, enum slipring_unit unit, enum slipring_unit other)
{
    const uint32_t bit = UINT32_C(1) << unit;
    if (!(price->priced & bit) && (price->priced & (UINT32_C(1) << other))) {
        price->picodollars[unit] = price->picodollars[other];
        price->priced |= bit;
    }
}

/* --- resources ------------------------------------------------------------------------------------------------------------- */

/* Room for one more item. False: no memory, and told. */
static bool grow(struct reader *reader, void **items, uint32_t count, uint32_t *room, size_t bytes)
{
    if (count < *room) {
        return true;
    }
    const uint32_t more = *room == 0 ? 16 : *room * 2;
    void *grown = realloc(*items, more * bytes);
    if (grown == NULL) {
        refuse(reader, (struct fy_mark){0}, "no memory for this card");
        return false;
    }
    *items = grown;
    *room = more;
    return true;
}

static void add_price(struct reader *reader, struct price_entry *entry, struct price price, struct fy_mark at)
{
    if (price.priced == 0) {
        refuse(reader, at, "no price here: expected input, output, images, seconds, requests, ...");
        return;
    }
    if (entry->count > 0 && price.from_wall_s <= entry->prices[entry->count - 1].from_wall_s) {
        refuse(reader, at, "'from' is not later than that of the prices before");
        return;
    }
    fall_back(&price, SLIPRING_UNIT_REASONING, SLIPRING_UNIT_OUTPUT);
    fall_back(&price, SLIPRING_UNIT_CACHED_INPUT, SLIPRING_UNIT_INPUT);
    fall_back(&price, SLIPRING_UNIT_CACHE_WRITE, SLIPRING_UNIT_INPUT);
    void *prices = entry->prices;
    if (grow(reader, &prices, entry->count, &entry->room, sizeof price)) {
        entry->prices = prices;
        entry->prices[entry->count++] = price;
    }
    entry->prices = prices;
}

static void add_name(struct reader *reader, const struct word *word, uint32_t entry)
{
    const enum sr_name result = sr_name_check_bytes(word->text, word->length, SLIPRING_MODEL_NAME_MAX);
    if (result != SR_NAME_OK) {
        refuse(reader, word->at, "the name '%.*s' is %s (at most %d bytes)", quoted(word), word->text,
               sr_name_text(result), SLIPRING_MODEL_NAME_MAX);
        return;
    }
    struct price_card *card = reader->card;
    struct price_name name = {.entry = entry};
    memcpy(name.text, word->text, word->length);
    const bool is_glob = strpbrk(name.text, "*?[") != NULL;
    if (!is_glob && prices_find_name(card, name.text) != NULL) {
        refuse(reader, word->at, "'%s' has prices already in this card", name.text);
        return;
    }
    void *names = is_glob ? card->globs : card->names;
    uint32_t *count = is_glob ? &card->glob_count : &card->name_count;
    if (grow(reader, &names, *count, is_glob ? &card->glob_room : &card->name_room, sizeof name)) {
        ((struct price_name *)names)[(*count)++] = name;
    }
    *(is_glob ? &card->globs : &card->names) = names;
}

static void take_names(struct reader *reader, struct fy_node *value, struct fy_mark near, uint32_t entry)
{
    static const char expected[] = "a list of other names and globs, as in [openai/gpt-4o-2024-*]";
    if (value == NULL || !fy_node_is_sequence(value)) {
        refuse(reader, mark_of(value, near), "expected %s", expected);
        return;
    }
    void *position = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(value, &position)) != NULL;) {
        struct word word;
        if (take_word(reader, item, near, expected, &word)) {
            add_name(reader, &word, entry);
        }
    }
}

static const char *const resource_keys[] = {"input",      "output",      "cached_input", "cache_write",
                                            "reasoning",  "audio_input", "audio_output", "images",
                                            "characters", "seconds",     "bytes",        "requests",
                                            "from",       "also",        "prices",       NULL};
#define EXPECT_PRICES "a price (input, output, images, seconds, requests, ...), from, also or prices"

/* Prices of a mapping: of a resource, or of an item of its list `prices`, in which `also` and `prices` are no keys. */
struct taken {
    struct price price;
    bool has_own;
    struct fy_node *list; /* of prices */
    struct fy_mark list_at;
};

static void take_prices(struct reader *reader, struct fy_node *mapping, struct fy_mark near, bool is_item,
                        uint32_t entry, struct taken *out_taken)
{
    void *position = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(mapping, &position)) != NULL;) {
        struct word key;
        if (!take_word(reader, fy_node_pair_key(pair), near, EXPECT_PRICES, &key)) {
            continue;
        }
        struct fy_node *value = fy_node_pair_value(pair);
        const struct kind *kind = find_kind(&key);
        if (kind != NULL) {
            take_price(reader, kind, value, key.at, &out_taken->price);
            out_taken->has_own = true;
        } else if (is_word(&key, "from")) {
            take_from(reader, value, key.at, &out_taken->price);
            out_taken->has_own = true;
        } else if (!is_item && is_word(&key, "also")) {
            take_names(reader, value, key.at, entry);
        } else if (!is_item && is_word(&key, "prices")) {
            out_taken->list = value;
            out_taken->list_at = key.at;
        } else {
            refuse_key(reader, &key, resource_keys, EXPECT_PRICES);
        }
    }
}

static void take_list(struct reader *reader, const struct taken *taken, uint32_t entry)
{
    if (!fy_node_is_sequence(taken->list)) {
        refuse(reader, mark_of(taken->list, taken->list_at),
               "expected a list of prices, each with its 'from'");
        return;
    }
    void *position = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(taken->list, &position)) != NULL;) {
        if (!fy_node_is_mapping(item)) {
            refuse(reader, mark_of(item, taken->list_at), "expected prices, each with its 'from'");
            continue;
        }
        struct taken of_item = {.has_own = true};
        struct fy_node_pair *first = fy_node_mapping_get_by_index(item, 0);
        const struct fy_mark at = mark_of(first != NULL ? fy_node_pair_key(first) : NULL, taken->list_at);
        const uint32_t errors = reader->errors;
        take_prices(reader, item, at, true, entry, &of_item);
        if (reader->errors == errors) {
            add_price(reader, &reader->card->entries[entry], of_item.price, at);
        }
    }
}

static void take_resource(struct reader *reader, const struct word *name, struct fy_node *value)
{
    struct price_card *card = reader->card;
    void *entries = card->entries;
    if (!grow(reader, &entries, card->entry_count, &card->entry_room, sizeof card->entries[0])) {
        return;
    }
    card->entries = entries;
    const uint32_t entry = card->entry_count++;
    card->entries[entry] = (struct price_entry){.prices = NULL};
    add_name(reader, name, entry);
    if (value == NULL || !fy_node_is_mapping(value)) {
        refuse(reader, mark_of(value, name->at), "expected the prices of '%.*s', as in input: 2.50 per 1M",
               quoted(name), name->text);
        return;
    }
    struct taken taken = {.has_own = false};
    const uint32_t errors = reader->errors;
    take_prices(reader, value, name->at, false, entry, &taken);
    if (taken.list != NULL && taken.has_own) {
        refuse(reader, taken.list_at, "prices stand either here or in the list 'prices', not in both");
    } else if (taken.list != NULL) {
        take_list(reader, &taken, entry);
    } else if (reader->errors == errors) {
        add_price(reader, &card->entries[entry], taken.price, name->at);
    }
}

static void take_resources(struct reader *reader, struct fy_node *value, struct fy_mark near)
{
    static const char expected[] = "resources by name, as in openai/gpt-4o: and its prices below";
    if (value == NULL || !fy_node_is_mapping(value)) {
        refuse(reader, mark_of(value, near), "expected %s", expected);
        return;
    }
    void *position = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(value, &position)) != NULL;) {
        struct word name;
        if (take_word(reader, fy_node_pair_key(pair), near, expected, &name)) {
            take_resource(reader, &name, fy_node_pair_value(pair));
        }
    }
}

/* --- the file -------------------------------------------------------------------------------------------------------------- */

#define EXPECT_CARD "resources, and, for people, date, sources and note"

static void take_card(struct reader *reader, struct fy_node *root)
{
    static const char *const keys[] = {"resources", "date", "sources", "note", NULL};
    const struct fy_mark start = {0};
    if (root == NULL || !fy_node_is_mapping(root)) {
        refuse(reader, mark_of(root, start), "this is no price card: expected " EXPECT_CARD);
        return;
    }
    bool has_resources = false;
    void *position = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(root, &position)) != NULL;) {
        struct word key;
        if (!take_word(reader, fy_node_pair_key(pair), start, EXPECT_CARD, &key)) {
            continue;
        }
        if (is_word(&key, "resources")) {
            has_resources = true;
            take_resources(reader, fy_node_pair_value(pair), key.at);
        } else if (!is_word(&key, "date") && !is_word(&key, "sources") && !is_word(&key, "note")) {
            refuse_key(reader, &key, keys, EXPECT_CARD);
        }
    }
    if (!has_resources) {
        refuse(reader, start, "no 'resources' in this card");
    }
}

static void take_complaints(struct reader *reader, struct fy_diag *diag)
{
    void *position = NULL;
    for (struct fy_diag_error *error; (error = fy_diag_errors_iterate(diag, &position)) != NULL;) {
        const struct fy_mark at = {.line = error->line > 0 ? error->line - 1 : 0,
                                   .column = error->column > 0 ? error->column - 1 : 0};
        refuse(reader, at, "not YAML: %s", error->msg);
    }
    if (reader->errors == 0) {
        refuse(reader, (struct fy_mark){0}, "this is no price card: expected " EXPECT_CARD);
    }
}

static void parse(struct reader *reader)
{
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&diag_cfg);
    if (diag == NULL) {
        refuse(reader, (struct fy_mark){0}, "no memory for this card");
        return;
    }
    fy_diag_set_collect_errors(diag, true);
    const struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE,
                                     .diag = diag};
    struct fy_parser *parser = fy_parser_create(&cfg);
    struct fy_document *document = NULL;
    if (parser != NULL && fy_parser_set_string(parser, reader->text, reader->bytes) == 0) {
        document = fy_parse_load_document(parser);
    }
    if (document != NULL) {
        take_card(reader, fy_document_root(document));
        struct fy_document *second = fy_parse_load_document(parser);
        if (second != NULL) {
            refuse(reader, mark_of(fy_document_root(second), (struct fy_mark){0}),
                   "a second document: a card is one");
            fy_parse_document_destroy(parser, second);
        } else if (fy_parser_get_stream_error(parser)) {
            take_complaints(reader, diag);
        }
        fy_parse_document_destroy(parser, document);
    } else {
        take_complaints(reader, diag);
    }
    if (parser != NULL) {
        fy_parser_destroy(parser);
    }
    fy_diag_destroy(diag);
}

/* False: *message says why. */
static bool read_file(struct reader *reader)
{
    const int fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        buffer_format(reader->message, "%s: %s", reader->path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    const char *why = !S_ISREG(st.st_mode) ? "is no file"
                      : (uint64_t)st.st_size > PRICES_FILE_BYTES
                          ? "is too large for a price card (at most 4 MiB)"
                          : NULL;
    if (why == NULL) {
        reader->text = malloc((size_t)st.st_size + 1);
        const ssize_t got = reader->text != NULL ? read(fd, reader->text, (size_t)st.st_size) : -1;
        why = got == st.st_size      ? NULL
              : reader->text == NULL ? "needs more memory than there is"
                                     : "cannot be read whole";
        reader->bytes = got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    if (why != NULL) {
        buffer_format(reader->message, "%s: %s", reader->path, why);
    }
    return why == NULL;
}

bool prices_read(const char *path, struct price_card *card, struct buffer *message)
{
    struct reader reader = {.path = path, .card = card, .message = message};
    const bool was_read = read_file(&reader);
    if (was_read) {
        parse(&reader);
    }
    if (reader.errors > ERROR_MAX) {
        buffer_format(message, "\n%s: %u errors more", path, reader.errors - ERROR_MAX);
    }
    free(reader.text);
    return was_read && reader.errors == 0;
}
