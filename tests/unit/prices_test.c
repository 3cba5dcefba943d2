/* SPDX-License-Identifier: Apache-2.0 */
/* Price cards: what is read, exactly; what each mistake is told; which price counts when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/books/prices.h"
#include "support/check.h"

static char folder[] = "/tmp/slipring-prices-XXXXXX";
static char paths[4][64];
static struct buffer message;
static struct prices *prices;

static const char *write_card(uint32_t which, const char *text)
{
    (void)snprintf(paths[which], sizeof paths[which], "%s/%u.yaml", folder, which);
    FILE *file = fopen(paths[which], "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return paths[which];
}

static const char *said(void)
{
    buffer_add(&message, "", 1);
    assert_false(message.failed);
    return message.text;
}

/* The cards, one behind the other; NULL ends them. */
static bool open_cards(const char *first, const char *second)
{
    const char *const cards[] = {write_card(0, first), second ? write_card(1, second) : NULL};
    buffer_clear(&message);
    prices_close(prices);
    prices = NULL;
    return prices_open(cards, second ? 2 : 1, &prices, &message);
}

static void take(const char *card)
{
    if (!open_cards(card, NULL)) {
        fail_msg("refused: %s", said());
    }
}

static void refused(const char *card, const char *sentence)
{
    char want[1024];
    assert_false(open_cards(card, NULL));
    (void)snprintf(want, sizeof want, "%s%s", paths[0], sentence);
    assert_string_equal(said(), want);
}

static const struct price *find(const char *resource, uint64_t wall_s)
{
    uint64_t until_s = 0;
    return prices_find(prices, resource, wall_s, &until_s);
}

static void costs(const char *resource, uint64_t wall_s, enum slipring_unit unit, uint64_t picodollars)
{
    const struct price *price = find(resource, wall_s);
    assert_non_null(price);
    assert_true(price->priced & (1u << unit));
    CHECK_EQUAL(price->picodollars[unit], picodollars);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || setenv("SLIPRING_PRICES", "", 1);
}

static int tear_down(void **state)
{
    (void)state;
    prices_close(prices);
    buffer_free(&message);
    for (uint32_t i = 0; i < 4; i++) {
        (void)unlink(paths[i]);
    }
    return rmdir(folder);
}

/* --- what is read ---------------------------------------------------------------------------------------------------------- */

static void prices_are_whole_pico_dollars_a_unit(void **state)
{
    (void)state;
    take("resources:\n"
         "  a/b:\n"
         "    input: 2.50 per 1M\n"
         "    output: 0.0375 per 1k\n"
         "    cached_input: 0.000001 per 1M\n"
         "    cache_write: .5 per 1G\n"
         "    reasoning: 0.000000000001 per 1\n"
         "    audio_input: 1000000 per 1\n"
         "    audio_output: '5. per   1M'\n"
         "    images: 0.04\n"
         "    characters: 15 per 1M\n"
         "    bytes: 0.09 per 1G\n"
         "    requests: 5 per 1k\n");
    costs("a/b", 0, SLIPRING_UNIT_INPUT, 2500000);
    costs("a/b", 0, SLIPRING_UNIT_OUTPUT, 37500000);
    costs("a/b", 0, SLIPRING_UNIT_CACHED_INPUT, 1);
    costs("a/b", 0, SLIPRING_UNIT_CACHE_WRITE, 500);
    costs("a/b", 0, SLIPRING_UNIT_REASONING, 1);
    costs("a/b", 0, SLIPRING_UNIT_AUDIO_INPUT, PRICES_UNIT_MAX);
    costs("a/b", 0, SLIPRING_UNIT_AUDIO_OUTPUT, 5000000);
    costs("a/b", 0, SLIPRING_UNIT_IMAGE, 40000000000);
    costs("a/b", 0, SLIPRING_UNIT_CHARACTER, 15000000);
    costs("a/b", 0, SLIPRING_UNIT_BYTE, 90);
    costs("a/b", 0, SLIPRING_UNIT_REQUEST, 5000000000);
    assert_false(find("a/b", 0)->priced & (1u << SLIPRING_UNIT_MILLISECOND));
}

static void time_is_priced_by_the_second_the_minute_or_the_hour(void **state)
{
    (void)state;
    take("resources: {s: {seconds: 0.0001}, t: {seconds: 0.0001 per second}, m: {seconds: 0.006 per minute}, "
         "h: {seconds: 0.36 per hour}}\n");
    costs("s", 0, SLIPRING_UNIT_MILLISECOND, 100000);
    costs("t", 0, SLIPRING_UNIT_MILLISECOND, 100000);
    costs("m", 0, SLIPRING_UNIT_MILLISECOND, 100000);
    costs("h", 0, SLIPRING_UNIT_MILLISECOND, 100000);
}

static void reasoning_costs_as_output_and_caches_as_input_unless_they_have_a_price(void **state)
{
    (void)state;
    take("resources: {a: {input: 2 per 1M, output: 8 per 1M}, b: {input: 2 per 1M, output: 8 per 1M, "
         "cached_input: 1 per "
         "1M, cache_write: 3 per 1M, reasoning: 4 per 1M}, c: {images: 1}}\n");
    costs("a", 0, SLIPRING_UNIT_REASONING, 8000000);
    costs("a", 0, SLIPRING_UNIT_CACHED_INPUT, 2000000);
    costs("a", 0, SLIPRING_UNIT_CACHE_WRITE, 2000000);
    costs("b", 0, SLIPRING_UNIT_REASONING, 4000000);
    costs("b", 0, SLIPRING_UNIT_CACHED_INPUT, 1000000);
    costs("b", 0, SLIPRING_UNIT_CACHE_WRITE, 3000000);
    CHECK_EQUAL(find("a", 0)->priced, 0x1f); /* sound is not guessed */
    CHECK_EQUAL(find("c", 0)->priced, 1u << SLIPRING_UNIT_IMAGE);
}

static void free_is_a_price(void **state)
{
    (void)state;
    take("resources: {a: {input: 0 per 1M}}\n");
    costs("a", 0, SLIPRING_UNIT_INPUT, 0);
}

/* --- which price counts ---------------------------------------------------------------------------------------------------- */

static void an_exact_name_goes_before_globs_and_those_in_the_order_of_the_file(void **state)
{
    (void)state;
    take("resources:\n"
         "  'x/*': {input: 1 per 1M}\n"
         "  x/a: {also: ['x/a-2024-*', x/alias], input: 2 per 1M}\n"
         "  x/a-2024-05: {input: 3 per 1M}\n");
    costs("x/a", 0, SLIPRING_UNIT_INPUT, 2000000);
    costs("x/alias", 0, SLIPRING_UNIT_INPUT, 2000000);
    costs("x/a-2024-05", 0, SLIPRING_UNIT_INPUT, 3000000);
    costs("x/a-2024-06", 0, SLIPRING_UNIT_INPUT, 1000000); /* the first glob that matches */
    assert_null(find("y/a", 0));
    assert_null(find("x", 0));
    CHECK_EQUAL(prices_names(prices), 5);
}

static void a_card_goes_before_those_behind_it(void **state)
{
    (void)state;
    assert_true(open_cards("resources: {'x/*': {input: 1 per 1M}}\n",
                           "resources: {x/a: {input: 2 per 1M}, y/a: {input: 3 per 1M}}\n"));
    costs("x/a", 0, SLIPRING_UNIT_INPUT, 1000000);
    costs("y/a", 0, SLIPRING_UNIT_INPUT, 3000000);
}

static void the_shipped_card_stands_behind_the_others(void **state)
{
    (void)state;
    assert_int_equal(setenv("SLIPRING_PRICES",
                            write_card(2, "resources: {x: {input: 2 per 1M}, y: {input: 3 per 1M}}\n"), 1),
                     0);
    take("resources: {x: {input: 1 per 1M}}\n");
    costs("x", 0, SLIPRING_UNIT_INPUT, 1000000);
    costs("y", 0, SLIPRING_UNIT_INPUT, 3000000);
    CHECK_EQUAL(prices_cards(prices), 2);
    assert_int_equal(setenv("SLIPRING_PRICES", "", 1), 0);
}

static void a_price_counts_from_its_date_to_the_next_one(void **state)
{
    (void)state;
    take("resources:\n"
         "  x:\n"
         "    also: [z]\n"
         "    prices:\n"
         "      - input: 3 per 1M\n"
         "      - {from: 2024-02-29, input: 2 per 1M}\n"
         "      - from: 2025-01-01T12:00:00Z\n"
         "        input: 1 per 1M\n");
    uint64_t until_s = 0;
    CHECK_EQUAL(prices_find(prices, "x", 0, &until_s)->picodollars[0], 3000000);
    CHECK_EQUAL(until_s, 1709164800);
    CHECK_EQUAL(prices_find(prices, "z", 1709164799, &until_s)->picodollars[0], 3000000);
    CHECK_EQUAL(prices_find(prices, "x", 1709164800, &until_s)->picodollars[0], 2000000);
    CHECK_EQUAL(until_s, 1735732800);
    CHECK_EQUAL(prices_find(prices, "x", 1735732800, &until_s)->picodollars[0], 1000000);
    CHECK_EQUAL(until_s, PRICES_ALWAYS_S);
}

static void before_its_first_date_a_card_leaves_the_resource_to_those_behind_it(void **state)
{
    (void)state;
    assert_true(open_cards(
        "resources: {x: {from: 2025-01-01, input: 1 per 1M}, y: {from: 2025-01-01, input: 1 per 1M}}\n",
        "resources: {x: {prices: [{input: 2 per 1M}, {from: 2024-01-01, input: 3 per 1M}]}}\n"));
    uint64_t until_s = 0;
    CHECK_EQUAL(prices_find(prices, "x", 0, &until_s)->picodollars[0], 2000000);
    CHECK_EQUAL(until_s, 1704067200);
    CHECK_EQUAL(prices_find(prices, "x", 1704067200, &until_s)->picodollars[0], 3000000);
    CHECK_EQUAL(until_s, 1735689600);
    CHECK_EQUAL(prices_find(prices, "x", 1735689600, &until_s)->picodollars[0], 1000000);
    assert_null(prices_find(prices, "y", 0, &until_s));
    CHECK_EQUAL(until_s, 1735689600);
}

static void nothing_has_a_price_without_cards(void **state)
{
    (void)state;
    uint64_t until_s = 0;
    assert_null(prices_find(NULL, "x", 0, &until_s));
    CHECK_EQUAL(until_s, PRICES_ALWAYS_S);
}

static void the_card_that_is_shipped_can_be_read(void **state)
{
    (void)state;
    char path[512];
    const char *source = getenv("SLIPRING_SOURCE_DIR");
    if (source == NULL) {
        skip();
    }
    (void)snprintf(path, sizeof path, "%s/share/prices.yaml", source);
    const char *const cards[] = {path};
    prices_close(prices);
    prices = NULL;
    buffer_clear(&message);
    if (!prices_open(cards, 1, &prices, &message)) {
        fail_msg("refused: %s", said());
    }
    costs("openai/gpt-4o-2024-08-06", 1756000000, SLIPRING_UNIT_CACHED_INPUT, 1250000);
    costs("openai/gpt-4o-2024-05-13", 1756000000, SLIPRING_UNIT_INPUT, 5000000);
    costs("openai/o3", 1748000000, SLIPRING_UNIT_OUTPUT, 40000000);
    costs("openai/o3-2025-04-16", 1756000000, SLIPRING_UNIT_OUTPUT, 8000000);
    costs("anthropic/claude-sonnet-4-20250514", 1756000000, SLIPRING_UNIT_CACHE_WRITE, 3750000);
    costs("google/gemini-2.5-pro", 1756000000, SLIPRING_UNIT_CACHED_INPUT, 312500);
    costs("mistral/mistral-large-latest", 1756000000, SLIPRING_UNIT_OUTPUT, 6000000);
}

/* --- what is refused ------------------------------------------------------------------------------------------------------- */

static void a_mistake_is_told_with_its_place_and_what_was_expected(void **state)
{
    (void)state;
    refused("resources:\n  a/b:\n    imput: 2 per 1M\n",
            ":3:5: a/b: there is no key 'imput' here (did you mean 'input'?)\n        imput: 2 per 1M\n      "
            "  ^~~~~\n    expected a price (input, output, images, seconds, requests, ...), from, also or "
            "prices\n");
    refused("resources:\n  a/b: {images: 1, also: [\"x[y\"]}\n",
            ":2:27: a/b: the name 'x[y' is a glob whose bracket is not closed, where \\[ is the character "
            "itself\n"
            "      a/b: {images: 1, also: [\"x[y\"]}\n                              ^~~~~\n"
            "    expected a name or a glob of 1 to 63 bytes, as in openai/gpt-4o\n");
    refused("resources:\n  a/b:\n    input: 2,50 per 1M\n",
            ":3:12: a/b: '2,50 per 1M' is not a plain decimal number\n        input: 2,50 per 1M\n           "
            "    ^~~~~~~~~~~\n    expected dollars and how many tokens they buy, as in 2.50 per 1M (or per "
            "1, 1k, 1G)\n");
    refused(
        "resources:\n\n  a/b: {input: 2.50}\n",
        ":3:16: a/b: '2.50' does not say how many it buys\n      a/b: {input: 2.50}\n                   "
        "^~~~\n    expected dollars and how many tokens they buy, as in 2.50 per 1M (or per 1, 1k, 1G)\n");
    refused("resources:\n  é/ü: {images: -1}\n",
            ":2:17: é/ü: '-1' is negative\n      é/ü: {images: -1}\n                    ^~\n    expected "
            "dollars apiece, as in 0.04, or with how many they buy, as in 5 per 1k\n");
    refused("resources: {a: {input: 0.0000001 per 1M}}\n",
            ":1:24: a: '0.0000001 per 1M' is finer than a pico-dollar apiece\n    resources: {a: {input: "
            "0.0000001 per 1M}}\n                           ^~~~~~~~~~~~~~~~\n    expected a whole number of "
            "pico-dollars (millionths of a millionth of a dollar)\n");
    refused("resources: {a: {seconds: 0.01 per minute}}\n",
            ":1:26: a: '0.01 per minute' is finer than a pico-dollar a millisecond\n    resources: {a: "
            "{seconds: 0.01 per minute}}\n                             ^~~~~~~~~~~~~~~\n    expected a whole "
            "number of pico-dollars (millionths of a millionth of a dollar)\n");
    refused("resources: {a: {images: 1000000.5}}\n",
            ":1:25: a: '1000000.5' is too large\n    resources: {a: {images: 1000000.5}}\n                   "
            "         ^~~~~~~~~\n    expected dollars apiece, as in 0.04, or with how many they buy, as in 5 "
            "per 1k\n");
    refused("resources: {a: {images: 1, from: 2025-02-29}}\n",
            ":1:34: a: '2025-02-29' is no such thing\n    resources: {a: {images: 1, from: 2025-02-29}}\n    "
            "                                 ^~~~~~~~~~\n    expected a day or moment in UTC, as in "
            "2025-08-07 or 2025-08-07T15:00:00Z\n");
    refused("resources: {a: {also: [b]}}\n",
            ":1:13: a: there is no price here\n    resources: {a: {also: [b]}}\n                ^\n    "
            "expected input, output, images, seconds, requests, ...\n");
    refused(
        "resources: {a: {images: 1}, b: {also: [a], images: 2}}\n",
        ":1:40: b: 'a' has prices already in this card\n    resources: {a: {images: 1}, b: {also: [a], "
        "images: 2}}\n                                           ^\n    expected each name once in a card\n");
    refused("resources: {a: {prices: [{images: 1}, {from: 1970-01-01, images: 2}]}}\n",
            ":1:40: a: 'from' is not later than that of the prices before\n    resources: {a: {prices: "
            "[{images: 1}, {from: 1970-01-01, images: 2}]}}\n                                           "
            "^~~~\n    expected prices by their dates, the earliest first\n");
    refused("resources: {a: {images: 1, prices: [{images: 1}]}}\n",
            ":1:28: a: prices stand here and in the list 'prices'\n    resources: {a: {images: 1, prices: "
            "[{images: 1}]}}\n                               ^~~~~~\n    expected either prices here, or the "
            "list 'prices'\n");
    refused("resources: {a: {images: [1]}}\n",
            ":1:25: a: this is a list\n    resources: {a: {images: [1]}}\n                            ^\n    "
            "expected dollars apiece, as in 0.04, or with how many they buy, as in 5 per 1k\n");
    refused("resources: {a: 1}\n",
            ":1:16: a: this is a single value\n    resources: {a: 1}\n                   ^\n  "
            "  expected prices, as in input: 2.50 per 1M\n");
    refused("resources: {a: {images: 1}}\nnot: 1\n",
            ":2:1: there is no key 'not' here (did you mean 'note'?)\n    not: 1\n    ^~~\n    expected "
            "resources, and, for people, date, sources and note\n");
    refused("", ": this card is empty\n    expected resources, and, for people, date, sources and note\n");
    refused(
        "note: x\n",
        ": this card has no resources\n    expected resources, and, for people, date, sources and note\n");
}

static void every_mistake_of_a_card_is_told_up_to_ten(void **state)
{
    (void)state;
    char card[1024] = "resources:\n";
    for (uint32_t i = 0; i < 12; i++) {
        (void)snprintf(card + strlen(card), sizeof card - strlen(card), "  r%u: 1\n", i);
    }
    assert_false(open_cards(card, NULL));
    uint32_t lines = 0;
    for (const char *at = said(); (at = strstr(at, "expected prices")) != NULL; at++) {
        lines++;
    }
    CHECK_EQUAL(lines, 10);
    assert_non_null(strstr(said(), ".yaml: 2 more mistakes"));
}

static void a_card_that_cannot_be_read_is_told_by_name(void **state)
{
    (void)state;
    const char *const absent[] = {"/nonexistent/card.yaml"};
    buffer_clear(&message);
    assert_false(prices_open(absent, 1, &prices, &message));
    assert_non_null(strstr(said(), "/nonexistent/card.yaml"));
    const char *const folders[] = {"/tmp"};
    buffer_clear(&message);
    assert_false(prices_open(folders, 1, &prices, &message));
    assert_non_null(strstr(said(), "/tmp"));
    prices = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_are_whole_pico_dollars_a_unit),
        cmocka_unit_test(time_is_priced_by_the_second_the_minute_or_the_hour),
        cmocka_unit_test(reasoning_costs_as_output_and_caches_as_input_unless_they_have_a_price),
        cmocka_unit_test(free_is_a_price),
        cmocka_unit_test(an_exact_name_goes_before_globs_and_those_in_the_order_of_the_file),
        cmocka_unit_test(a_card_goes_before_those_behind_it),
        cmocka_unit_test(the_shipped_card_stands_behind_the_others),
        cmocka_unit_test(a_price_counts_from_its_date_to_the_next_one),
        cmocka_unit_test(before_its_first_date_a_card_leaves_the_resource_to_those_behind_it),
        cmocka_unit_test(nothing_has_a_price_without_cards),
        cmocka_unit_test(the_card_that_is_shipped_can_be_read),
        cmocka_unit_test(a_mistake_is_told_with_its_place_and_what_was_expected),
        cmocka_unit_test(every_mistake_of_a_card_is_told_up_to_ten),
        cmocka_unit_test(a_card_that_cannot_be_read_is_told_by_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
