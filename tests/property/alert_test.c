/* SPDX-License-Identifier: Apache-2.0 */
/* Property: for any counts, target, pair and period, sr_alert_exceeds() and sr_alert_can_fire() say what the same inequality says in schoolbook
 * arithmetic of 256 bits; and one event more or less at the edge turns them over. So for sr_alert_exceeds_spend() and nano-dollars.
 *
 * From a seed that is printed; $SLIPRING_TEST_SEED sets another. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pure/alert.h"

#define ROUND_COUNT 200000
#define LIMB_COUNT  8 /* of 32 bits, the lowest first */
#define LONGEST_S   259200

static uint64_t seed = 1;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Of any size: each number of bits is as likely. */
static uint64_t draw_any(void)
{
    return draw() >> draw() % 64;
}

struct number {
    uint32_t limb[LIMB_COUNT];
};

static void multiply_small(struct number *number, uint32_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMB_COUNT; i++) {
        carry += (uint64_t)number->limb[i] * factor;
        number->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_true(carry == 0);
}

static struct number product(uint64_t first, const uint64_t *factors, int count)
{
    struct number result = {.limb = {(uint32_t)first, (uint32_t)(first >> 32)}};
    for (int i = 0; i < count; i++) {
        assert_true(factors[i] <= UINT32_MAX);
        multiply_small(&result, (uint32_t)factors[i]);
    }
    return result;
}

static bool is_greater(const struct number *one, const struct number *two)
{
    for (int i = LIMB_COUNT - 1; i >= 0; i--) {
        if (one->limb[i] != two->limb[i]) {
            return one->limb[i] > two->limb[i];
        }
    }
    return false;
}

struct question {
    struct sr_alert_pair pair;
    uint32_t target_ppb;
    uint64_t length_s;
};

/* bad * 10^9 * 100 * long > total * (10^9 - target) * share * period */
static bool expected(const struct question *question, uint64_t bad, uint64_t total)
{
    const uint64_t burnt[] = {1000000000, 100, question->pair.long_s};
    const uint64_t permitted[] = {1000000000u - question->target_ppb, question->pair.share_percent,
                                  question->length_s};
    const struct number left = product(bad, burnt, 3);
    const struct number right = product(total, permitted, 3);
    return total > 0 && is_greater(&left, &right);
}

static void draw_question(struct question *out_question)
{
    out_question->pair = sr_alert_pairs[draw() % SLIPRING_ALERT_COUNT];
    out_question->target_ppb = draw() % 2 ? 1 + (uint32_t)(draw() % 999999999)
                                          : 1000000000u - 1000u * (uint32_t)(1 + draw() % 999999);
    out_question->length_s =
        SLIPRING_PERIOD_MIN_S + draw() % (SLIPRING_PERIOD_MAX_S - SLIPRING_PERIOD_MIN_S + 1);
    if (draw() % 2) {
        out_question->length_s = 86400 * (1 + draw() % 90);
    }
}

static bool exceeds(const struct question *question, uint64_t bad, uint64_t total)
{
    return sr_alert_exceeds(&question->pair, question->target_ppb, question->length_s, total - bad, total);
}

/* The most bad events that do not exceed, by bisection with the reference. */
static uint64_t find_edge(const struct question *question, uint64_t total)
{
    uint64_t low = 0;
    uint64_t high = total;
    while (low < high) {
        const uint64_t middle = high - (high - low) / 2;
        if (expected(question, middle, total)) {
            high = middle - 1;
        } else {
            low = middle;
        }
    }
    return low;
}

static void whatever_the_counts_the_comparison_is_exact(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        struct question question;
        draw_question(&question);
        const uint64_t total = draw_any();
        const uint64_t bad = total ? draw_any() % total : 0;
        assert_true(exceeds(&question, bad, total) == expected(&question, bad, total));
        assert_true(sr_alert_can_fire(&question.pair, question.target_ppb, question.length_s) ==
                    expected(&question, 1, 1));
    }
}

static void one_event_at_the_edge_turns_it_over(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUND_COUNT / 50; round++) {
        struct question question;
        draw_question(&question);
        /* every second total has an edge at which both sides are equal */
        const uint64_t total =
            draw() % 2 ? 1 + draw_any() / 2 : (1 + draw() % 100) * 100000000000u * question.pair.long_s;
        const uint64_t edge = find_edge(&question, total);
        assert_false(exceeds(&question, edge, total));
        if (edge < total) {
            assert_true(exceeds(&question, edge + 1, total));
        }
    }
}

/* spent * 100 * long > amount * share * window */
static bool expected_spend(const struct sr_alert_pair *pair, uint64_t amount, uint64_t window_s,
                           uint64_t spent)
{
    const uint64_t burnt[] = {100, pair->long_s};
    const uint64_t permitted[] = {pair->share_percent, window_s};
    const struct number left = product(spent, burnt, 2);
    const struct number right = product(amount, permitted, 2);
    return amount > 0 && is_greater(&left, &right);
}

static void whatever_was_spent_the_comparison_is_exact(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        const struct sr_alert_pair *pair = &sr_alert_pairs[draw() % SLIPRING_ALERT_COUNT];
        const uint64_t window_s = draw() % 2 ? pair->long_s : pair->short_s;
        const uint64_t amount = draw_any();
        uint64_t spent = draw_any();
        if (draw() % 2) { /* near the edge: there it is decided by the last nano-dollar */
            spent = amount / 100 / pair->long_s * pair->share_percent * window_s + draw() % 8;
        }
        assert_true(sr_alert_exceeds_spend(pair, amount, window_s, spent) ==
                    expected_spend(pair, amount, window_s, spent));
    }
}

/* Amounts of which the share is a whole number of nano-dollars: that does not exceed, one more does. */
static void one_nano_dollar_at_the_edge_turns_it_over(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUND_COUNT; round++) {
        const struct sr_alert_pair *pair = &sr_alert_pairs[draw() % SLIPRING_ALERT_COUNT];
        const uint64_t window_s = draw() % 2 ? pair->long_s : pair->short_s;
        const uint64_t factor = 1 + (draw() >> 1) % (UINT64_MAX / 100 / LONGEST_S / 2);
        const uint64_t amount = factor * 100 * pair->long_s;
        const uint64_t edge = factor * pair->share_percent * window_s;
        assert_false(sr_alert_exceeds_spend(pair, amount, window_s, edge));
        assert_true(sr_alert_exceeds_spend(pair, amount, window_s, edge + 1));
        assert_true(sr_alert_exceeds_spend(pair, amount - 1, window_s, edge));
    }
}

int main(void)
{
    const char *given = getenv("SLIPRING_TEST_SEED");
    seed = given ? strtoull(given, NULL, 0) : UINT64_C(0x5eed1);
    seed = seed ? seed : 1;
    printf("SLIPRING_TEST_SEED=%" PRIu64 "\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_counts_the_comparison_is_exact),
        cmocka_unit_test(one_event_at_the_edge_turns_it_over),
        cmocka_unit_test(whatever_was_spent_the_comparison_is_exact),
        cmocka_unit_test(one_nano_dollar_at_the_edge_turns_it_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
