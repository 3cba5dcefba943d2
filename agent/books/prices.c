/* SPDX-License-Identifier: Apache-2.0 */
/* Which price counts: see prices.h. */
#include "prices.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prices_parts.h"

#ifndef SLIPRINGD_SHARE
#define SLIPRINGD_SHARE "/usr/local/share/slipring"
#endif

struct prices {
    struct price_card cards[PRICES_CARD_MAX];
    uint32_t count;
};

/* --- opening ------------------------------------------------------------------------------------------------------------- */

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct price_name *)left)->text, ((const struct price_name *)right)->text);
}

static void free_card(struct price_card *card)
{
    for (uint32_t i = 0; i < card->entry_count; i++) {
        free(card->entries[i].prices);
    }
    free(card->entries);
    free(card->names);
    free(card->globs);
}

static bool add_card(struct prices *prices, const char *path, struct buffer *message)
{
    if (prices->count == PRICES_CARD_MAX) {
        buffer_format(message, "%s: one price card too many (at most %u)", path, PRICES_CARD_MAX);
        return false;
    }
    struct price_card *card = &prices->cards[prices->count++];
    if (!prices_read(path, card, message)) {
        return false;
    }
    if (card->name_count > 0) {
        qsort(card->names, card->name_count, sizeof card->names[0], compare_names);
    }
    return true;
}

/* DIR/../share/slipring/prices.yaml of the program's own folder. */
static bool path_beside_program(char out_path[PATH_MAX])
{
    static const char tail[] = "/../share/slipring/prices.yaml";
    const ssize_t length = readlink("/proc/self/exe", out_path, PATH_MAX);
    if (length <= 0 || length >= PATH_MAX) {
        return false;
    }
    out_path[length] = '\0';
    char *slash = strrchr(out_path, '/');
    if (slash == NULL || (size_t)(slash - out_path) + sizeof tail > PATH_MAX) {
        return false;
    }
    memcpy(slash, tail, sizeof tail);
    return access(out_path, F_OK) == 0;
}

bool prices_shipped_path(char out_path[PATH_MAX])
{
    const char *told = getenv("SLIPRING_PRICES");
    if (told != NULL) {
        const bool fits = told[0] != '\0' && strlen(told) < PATH_MAX;
        if (fits) {
            memcpy(out_path, told, strlen(told) + 1);
        }
        return fits;
    }
    if (path_beside_program(out_path)) {
        return true;
    }
    (void)snprintf(out_path, PATH_MAX, "%s/prices.yaml", SLIPRINGD_SHARE);
    return access(out_path, F_OK) == 0;
}

bool prices_open(const char *const *paths, uint32_t count, struct prices **out_prices, struct buffer *message)
{
    struct prices *prices = calloc(1, sizeof *prices);
    bool is_good = prices != NULL;
    if (!is_good) {
        buffer_add_text(message, "no memory for the price cards");
    }
    for (uint32_t i = 0; is_good && i < count; i++) {
        is_good = add_card(prices, paths[i], message);
    }
    char shipped[PATH_MAX];
    if (is_good && prices_shipped_path(shipped)) {
        is_good = add_card(prices, shipped, message);
    }
    if (!is_good) {
        prices_close(prices);
        return false;
    }
    *out_prices = prices;
    return true;
}

void prices_close(struct prices *prices)
{
    for (uint32_t i = 0; prices != NULL && i < prices->count; i++) {
        free_card(&prices->cards[i]);
    }
    free(prices);
}

/* --- asking --------------------------------------------------------------------------------------------------------------- */

const struct price_name *prices_find_name(const struct price_card *card, const char *text)
{
    for (uint32_t i = 0; i < card->name_count; i++) {
        if (strcmp(card->names[i].text, text) == 0) {
            return &card->names[i];
        }
    }
    return NULL;
}

/* NULL: the card does not know the resource. */
static const struct price_entry *find_entry(const struct price_card *card, const char *resource)
{
    struct price_name key;
    const size_t length = strlen(resource);
    if (length > SLIPRING_MODEL_NAME_MAX) {
        return NULL;
    }
    memcpy(key.text, resource, length + 1);
    const struct price_name *name = card->name_count > 0 ? bsearch(&key, card->names, card->name_count,
                                                                   sizeof card->names[0], compare_names)
                                                         : NULL;
    for (uint32_t i = 0; name == NULL && i < card->glob_count; i++) {
        if (fnmatch(card->globs[i].text, resource, 0) == 0) {
            name = &card->globs[i];
        }
    }
    return name != NULL ? &card->entries[name->entry] : NULL;
}

const struct price *prices_find(const struct prices *prices, const char *resource, uint64_t wall_s,
                                uint64_t *out_until_s)
{
    *out_until_s = PRICES_ALWAYS_S;
    for (uint32_t i = 0; prices != NULL && i < prices->count; i++) {
        const struct price_entry *entry = find_entry(&prices->cards[i], resource);
        uint32_t after = 0; /* the first price that is not effective yet */
        while (entry != NULL && after < entry->count && entry->prices[after].from_wall_s <= wall_s) {
            after++;
        }
        if (entry != NULL && after < entry->count && entry->prices[after].from_wall_s < *out_until_s) {
            *out_until_s = entry->prices[after].from_wall_s;
        }
        if (after > 0) {
            return &entry->prices[after - 1];
        }
    }
    return NULL;
}

uint32_t prices_cards(const struct prices *prices)
{
    return prices != NULL ? prices->count : 0;
}

uint32_t prices_names(const struct prices *prices)
{
    uint32_t names = 0;
    for (uint32_t i = 0; prices != NULL && i < prices->count; i++) {
        names += prices->cards[i].name_count + prices->cards[i].glob_count;
    }
    return names;
}
