/* SPDX-License-Identifier: Apache-2.0 */
/* A card in memory, and its reader: the inside of prices.h. */
#ifndef AGENT_PRICES_PARTS_H
#define AGENT_PRICES_PARTS_H

#include "prices.h"

/* A resource of a card: its prices, ascending by from_wall_s, all different. */
struct price_entry {
    struct price *prices;
    uint32_t count;
    uint32_t room;
};

struct price_name {
    char text[SLIPRING_MODEL_NAME_MAX + 1];
    uint32_t entry;
};

struct price_card {
    struct price_entry *entries;
    uint32_t entry_count;
    uint32_t entry_room;
    struct price_name *names; /* exact ones; sorted once the card is whole */
    uint32_t name_count;
    uint32_t name_room;
    struct price_name *globs; /* in the order of the file */
    uint32_t glob_count;
    uint32_t glob_room;
};

/* Read a file into an empty card. False: *message says why; what the card has is to be freed in either case. */
__attribute__((warn_unused_result)) bool prices_read(const char *path, struct price_card *card,
                                                     struct buffer *message);

/* The exact name's entry in a card that is not sorted yet. NULL: it is not there. */
const struct price_name *prices_find_name(const struct price_card *card, const char *text);

#endif
