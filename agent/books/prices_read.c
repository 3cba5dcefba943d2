/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a price card: YAML to exact integers, or a message that shows where. See docs/prices.md for the format. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/yaml/yaml.h"
#include "prices_parts.h"
#include "pure/decimal.h"
#include "pure/name.h"
#include "pure/suggest.h"

struct reader {
    struct price_card *card;
    struct mistakes mistakes;
    const char *resource; /* that is being read, for messages; "": none */
};

/* --- mistakes --------------------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static void refuse(struct reader *reader, struct mistakes_place place,
                                                         const char *expected, const char *format, ...)
{
    char text[512];
    struct buffer what = {.text = NULL};
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    buffer_add_text(&what, text);
    mistakes_add_of(&reader->mistakes, place, reader->resource, &what, expected);
    buffer_free(&what);
}

static void refuse_key(struct reader *reader, const struct yaml_node *node, const char *const *known,
                       const char *expected)
{
    struct sr_suggest suggest;
    sr_suggest_begin(&suggest, node->key);
    for (const char *const *name = known; *name != NULL; name++) {
        sr_suggest_offer(&suggest, *name);
    }
    if (suggest.best != NULL) {
        refuse(reader, node->key_place, expected, "there is no key '%s' here (did you mean '%s'?)", node->key,
               suggest.best);
    } else {
        refuse(reader, node->key_place, expected, "there is no key '%s' here", node->key);
    }
}

/* Not of this kind: false, and it was said. */
static bool is_a(struct reader *reader, const struct yaml_node *node, enum yaml_kind kind,
                 const char *expected)
{
    const bool is_nothing = node->kind == YAML_SCALAR && node->is_plain && node->text[0] == '\0';
    if (node->kind == kind && !is_nothing) {
        return true;
    }
    if (is_nothing) {
        refuse(reader, node->place, expected, "there is nothing behind the colon");
    } else {
        refuse(reader, node->place, expected, "this is %s", yaml_kind_text(node->kind));
    }
    return false;
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

static const struct kind *find_kind(const char *key)
{
    for (uint32_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(key, kinds[i].key) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* What follows the amount: nothing, or blanks, "per" and a measure. 0: something else. */
static uint64_t units_bought(const char *at, const struct kind *kind)
{
    static const char per[] = "per ";
    if (*at == '\0') {
        return kind->alone;
    }
    at += strspn(at, " ");
    if (strncmp(at, per, sizeof per - 1) != 0) {
        return 0;
    }
    at += sizeof per - 1;
    at += strspn(at, " ");
    const struct measure *measure = kind->measures;
    while (measure->text != NULL && strcmp(at, measure->text) != 0) {
        measure++;
    }
    return measure->units;
}

static void take_price(struct reader *reader, const struct kind *kind, const struct yaml_node *node,
                       struct price *price)
{
    if (!is_a(reader, node, YAML_SCALAR, kind->expected)) {
        return;
    }
    const size_t amount = strcspn(node->text, " ");
    const uint64_t units = units_bought(node->text + amount, kind);
    uint64_t picodollars = 0;
    const enum sr_parse result =
        sr_decimal_parse(node->text, amount, PRICES_DOLLAR, PRICES_UNIT_MAX, &picodollars);
    if (result != SR_PARSE_OK && result != SR_PARSE_TOO_FINE) {
        refuse(reader, node->place, kind->expected, "'%s' is %s", node->text, sr_parse_text(result));
    } else if (units == 0) {
        refuse(reader, node->place, kind->expected, "'%s' does not say how many it buys", node->text);
    } else if (result == SR_PARSE_TOO_FINE || picodollars % units != 0) {
        refuse(reader, node->place, "a whole number of pico-dollars (millionths of a millionth of a dollar)",
               "'%s' is finer than a pico-dollar %s", node->text,
               kind->measures == times ? "a millisecond" : "apiece");
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
static bool parse_moment(const char *text, uint64_t *out_wall_s)
{
    const bool has_time = strlen(text) == 20;
    if ((strlen(text) != 10 && !has_time) || text[4] != '-' || text[7] != '-' ||
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

static void take_from(struct reader *reader, const struct yaml_node *node, struct price *price)
{
    static const char expected[] = "a day or moment in UTC, as in 2025-08-07 or 2025-08-07T15:00:00Z";
    if (is_a(reader, node, YAML_SCALAR, expected) && !parse_moment(node->text, &price->from_wall_s)) {
        refuse(reader, node->place, expected, "'%s' is no such thing", node->text);
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
        refuse(reader, (struct mistakes_place){0}, NULL, "there is no memory for this card");
        return false;
    }
    *items = grown;
    *room = more;
    return true;
}

static void add_price(struct reader *reader, struct price_entry *entry, struct price price,
                      struct mistakes_place place)
{
    if (price.priced == 0) {
        refuse(reader, place, "input, output, images, seconds, requests, ...", "there is no price here");
        return;
    }
    if (entry->count > 0 && price.from_wall_s <= entry->prices[entry->count - 1].from_wall_s) {
        refuse(reader, place, "prices by their dates, the earliest first",
               "'from' is not later than that of the prices before");
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
}

static void add_name(struct reader *reader, const char *text, struct mistakes_place place, uint32_t entry)
{
    const enum sr_name result = sr_name_check_glob(text, SLIPRING_MODEL_NAME_MAX);
    if (result != SR_NAME_OK) {
        refuse(reader, place, "a name or a glob of 1 to 63 bytes, as in openai/gpt-4o",
               "the name '%.80s' is %s", text, sr_name_text(result));
        return;
    }
    struct price_card *card = reader->card;
    struct price_name name = {.entry = entry};
    memcpy(name.text, text, strlen(text));
    const bool is_glob = strpbrk(text, "*?[") != NULL;
    if (!is_glob && prices_find_name(card, text) != NULL) {
        refuse(reader, place, "each name once in a card", "'%s' has prices already in this card", text);
        return;
    }
    void *names = is_glob ? card->globs : card->names;
    uint32_t *count = is_glob ? &card->glob_count : &card->name_count;
    if (grow(reader, &names, *count, is_glob ? &card->glob_room : &card->name_room, sizeof name)) {
        *(is_glob ? &card->globs : &card->names) = names;
        (is_glob ? card->globs : card->names)[(*count)++] = name;
    }
}

static void take_names(struct reader *reader, const struct yaml_node *node, uint32_t entry)
{
    static const char expected[] = "a list of other names and globs, as in [openai/gpt-4o-2024-*]";
    if (!is_a(reader, node, YAML_LIST, expected)) {
        return;
    }
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        if (is_a(reader, item, YAML_SCALAR, expected)) {
            add_name(reader, item->text, item->place, entry);
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
    const struct yaml_node *list; /* of prices */
};

static void take_prices(struct reader *reader, const struct yaml_node *mapping, bool is_item, uint32_t entry,
                        struct taken *out_taken)
{
    for (const struct yaml_node *node = mapping->first; node != NULL; node = node->next) {
        const struct kind *kind = find_kind(node->key);
        const bool is_from = strcmp(node->key, "from") == 0;
        out_taken->has_own |= kind != NULL || is_from;
        if (kind != NULL) {
            take_price(reader, kind, node, &out_taken->price);
        } else if (is_from) {
            take_from(reader, node, &out_taken->price);
        } else if (!is_item && strcmp(node->key, "also") == 0) {
            take_names(reader, node, entry);
        } else if (!is_item && strcmp(node->key, "prices") == 0) {
            out_taken->list = node;
        } else {
            refuse_key(reader, node, resource_keys, EXPECT_PRICES);
        }
    }
}

static void take_list(struct reader *reader, const struct yaml_node *list, uint32_t entry)
{
    static const char expected[] = "a list of prices, each with its 'from'";
    if (!is_a(reader, list, YAML_LIST, expected)) {
        return;
    }
    for (const struct yaml_node *item = list->first; item != NULL; item = item->next) {
        struct taken of_item = {.has_own = true};
        const unsigned mistakes = reader->mistakes.count;
        if (is_a(reader, item, YAML_MAP, expected)) {
            take_prices(reader, item, true, entry, &of_item);
        }
        if (reader->mistakes.count == mistakes) {
            add_price(reader, &reader->card->entries[entry], of_item.price,
                      item->first != NULL ? item->first->key_place : item->place);
        }
    }
}

static void take_resource(struct reader *reader, const struct yaml_node *node)
{
    struct price_card *card = reader->card;
    void *entries = card->entries;
    if (!grow(reader, &entries, card->entry_count, &card->entry_room, sizeof card->entries[0])) {
        return;
    }
    card->entries = entries;
    const uint32_t entry = card->entry_count++;
    card->entries[entry] = (struct price_entry){.prices = NULL};
    add_name(reader, node->key, node->key_place, entry);
    reader->resource = node->key;
    struct taken taken = {.has_own = false};
    const unsigned mistakes = reader->mistakes.count;
    if (is_a(reader, node, YAML_MAP, "prices, as in input: 2.50 per 1M")) {
        take_prices(reader, node, false, entry, &taken);
        if (taken.list != NULL && taken.has_own) {
            refuse(reader, taken.list->key_place, "either prices here, or the list 'prices'",
                   "prices stand here and in the list 'prices'");
        } else if (taken.list != NULL) {
            take_list(reader, taken.list, entry);
        } else if (reader->mistakes.count == mistakes) {
            add_price(reader, &card->entries[entry], taken.price, node->key_place);
        }
    }
    reader->resource = "";
}

/* --- the file -------------------------------------------------------------------------------------------------------------- */

static void take_card(struct reader *reader, const struct yaml_node *root)
{
    static const char *const keys[] = {"resources", "date", "sources", "note", NULL};
    static const char expected[] = "resources, and, for people, date, sources and note";
    if (root == NULL) {
        refuse(reader, (struct mistakes_place){0}, expected, "this card is empty");
        return;
    }
    if (!is_a(reader, root, YAML_MAP, expected)) {
        return;
    }
    bool has_resources = false;
    for (const struct yaml_node *node = root->first; node != NULL; node = node->next) {
        const bool is_resources = strcmp(node->key, keys[0]) == 0;
        has_resources |= is_resources;
        if (is_resources &&
            is_a(reader, node, YAML_MAP, "resources by name, as in openai/gpt-4o: with prices below")) {
            for (const struct yaml_node *resource = node->first; resource != NULL;
                 resource = resource->next) {
                take_resource(reader, resource);
            }
        } else if (!is_resources && strcmp(node->key, keys[1]) != 0 && strcmp(node->key, keys[2]) != 0 &&
                   strcmp(node->key, keys[3]) != 0) {
            refuse_key(reader, node, keys, expected);
        }
    }
    if (!has_resources) {
        refuse(reader, (struct mistakes_place){0}, expected, "this card has no resources");
    }
}

bool prices_read(const char *path, struct price_card *card, struct buffer *message)
{
    struct reader reader = {.card = card, .mistakes = {.file = path}, .resource = ""};
    struct yaml *yaml = NULL;
    const struct yaml_node *root = NULL;
    if (yaml_open(&reader.mistakes, &yaml, &root)) {
        take_card(&reader, root);
    }
    mistakes_end(&reader.mistakes);
    buffer_add(message, reader.mistakes.told.text, reader.mistakes.told.used);
    message->failed |= reader.mistakes.told.failed;
    buffer_free(&reader.mistakes.told);
    yaml_close(yaml);
    return reader.mistakes.count == 0;
}
