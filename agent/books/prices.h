/* SPDX-License-Identifier: Apache-2.0 */
/* A price card: what a unit of a resource costs (docs/prices.md). Prices are integer pico-dollars a unit, so a price a million
 * units with six decimals is exact; sums are nano-dollars with their thousandths carried on, so nothing is rounded away, however usage is
 * batched. Cards are read once and not changed; a reload makes others.
 *
 * G1  What a card says is taken exactly or refused: a price that is no whole number of pico-dollars a unit, an unknown key, a
 *     date that does not exist, a name that is there twice.
 * G2  Which price counts is a function of cards, resource and time alone: of the first card that knows the resource and has a price for it at
 *     that time; within a card, the exact name before globs, and those in the order of the file.
 * G3  Units without a price of their own: reasoning costs as output; cached input and writing to a cache as input. Nothing else is guessed. */
#ifndef AGENT_PRICES_H
#define AGENT_PRICES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <slipring/usage.h>

#include "agent/buffer.h"

struct prices;

#define PRICES_DOLLAR   UINT64_C(1000000000000)             /* pico-dollars */
#define PRICES_UNIT_MAX (UINT64_C(1000000) * PRICES_DOLLAR) /* a unit: a million dollars */
#define PRICES_CARD_MAX 17u        /* files: 16 (OPTIONS_PRICE_CARD_MAX), and the shipped one */
#define PRICES_ALWAYS_S UINT64_MAX /* of out_until_s: no other price ever comes */

/* Pico-dollars a unit (of milliseconds: a millisecond); priced bit i: unit i has a price. */
struct price {
    uint64_t picodollars[SLIPRING_UNIT_MAX];
    uint32_t priced;
    uint64_t from_wall_s; /* effective from here on, until the next one of the same resource */
};

/* Read card files, in the order in which they count, and the shipped one behind them (prices_shipped_path()). False: *message says what is
 * wrong and where, as in mistakes.h, of the first card with which anything is. */
__attribute__((warn_unused_result)) bool prices_open(const char *const *paths, uint32_t count,
                                                     struct prices **out_prices, struct buffer *message);
void prices_close(struct prices *prices); /* NULL is ignored */

/* The shipped card: $SLIPRING_PRICES (empty: none), or share/slipring/prices.yaml beside the folder that the program lies in, or where it
 * was to be installed. False: there is none. */
bool prices_shipped_path(char out_path[PATH_MAX]);

/* What the resource ("provider/model") costs at this time, and until when that is so (exclusive). NULL: no card knows it, or none yet. prices may be NULL. */
const struct price *prices_find(const struct prices *prices, const char *resource, uint64_t wall_s,
                                uint64_t *out_until_s);

/* How many cards there are, and names in them. */
uint32_t prices_cards(const struct prices *prices);
uint32_t prices_names(const struct prices *prices);

#endif
