/* SPDX-License-Identifier: Apache-2.0 */
/* Property: for every schema from 0 to 8 and every boundary up to 2^52 ns, the bucket of a duration is the one that
 * the definition gives, to the nanosecond on both sides; no other duration falls elsewhere; and sr_bucket_index()
 * is the generated tables of schema 5.
 *
 * The definition, key k = the least k with v^n <= 2^k * 10^(9n) for n = 2^schema, is decided here in integers of any
 * size, by code that shares nothing with the generator. Random durations come from a seed that is printed;
 * $SLIPRING_TEST_SEED sets another. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pure/bucket.h"
#include "pure/gen/bucket_boundary.h"
#include "pure/wide.h"

#define DRAW_COUNT 200000
#define LIMB_COUNT 280 /* 64 bits each: 2^5700 * 10^(9*256) and more */

static uint64_t seed = 1;

static struct boundary_tables tables_of[BOUNDARY_SCHEMA_MAX + 1];

static int generate_tables(void **state)
{
    (void)state;
    for (uint32_t schema = 0; schema <= BOUNDARY_SCHEMA_MAX; schema++) {
        if (!boundary_generate(schema, &tables_of[schema])) {
            return -1;
        }
    }
    return 0;
}

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* An integer in LIMB_COUNT limbs, of which `used` from the least may be other than 0. */
struct integer {
    int used;
    uint64_t limbs[LIMB_COUNT];
};

static void multiply_small(struct integer *integer, uint64_t factor)
{
    sr_wide carry = 0;
    for (int i = 0; i < integer->used; i++) {
        carry += (sr_wide)integer->limbs[i] * factor;
        integer->limbs[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry != 0) {
        assert_true(integer->used < LIMB_COUNT);
        integer->limbs[integer->used++] = (uint64_t)carry;
    }
}

static struct integer square(const struct integer *root)
{
    struct integer result = {.used = 2 * root->used};
    assert_true(result.used <= LIMB_COUNT);
    for (int i = 0; i < root->used; i++) {
        sr_wide carry = 0;
        for (int j = 0; j < root->used; j++) {
            carry += (sr_wide)root->limbs[i] * root->limbs[j] + result.limbs[i + j];
            result.limbs[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        result.limbs[i + root->used] = (uint64_t)carry;
    }
    while (result.used > 0 && result.limbs[result.used - 1] == 0) {
        result.used--;
    }
    return result;
}

static struct integer power(uint64_t base, uint32_t schema)
{
    struct integer result = {.used = 1, .limbs = {base}};
    for (uint32_t i = 0; i < schema; i++) {
        result = square(&result);
    }
    return result;
}

static void multiply_by_power_of_two(struct integer *integer, uint32_t bits)
{
    int limbs = (int)(bits / 64);
    multiply_small(integer, UINT64_C(1) << (bits % 64));
    assert_true(integer->used + limbs <= LIMB_COUNT);
    memmove(integer->limbs + limbs, integer->limbs, (size_t)integer->used * sizeof integer->limbs[0]);
    memset(integer->limbs, 0, (size_t)limbs * sizeof integer->limbs[0]);
    integer->used += limbs;
}

static bool at_most(const struct integer *a, const struct integer *b)
{
    for (int i = LIMB_COUNT - 1; i >= 0; i--) {
        uint64_t left = i < a->used ? a->limbs[i] : 0;
        uint64_t right = i < b->used ? b->limbs[i] : 0;
        if (left != right) {
            return left < right;
        }
    }
    return true;
}

/* v^n <= 2^key * 10^(9n)? `billion` is 10^(9n). */
static bool is_within(uint64_t duration_ns, int32_t key, uint32_t schema, const struct integer *billion)
{
    struct integer left = power(duration_ns, schema);
    struct integer right = *billion;
    if (key < 0) {
        multiply_by_power_of_two(&left, (uint32_t)-key);
    } else {
        multiply_by_power_of_two(&right, (uint32_t)key);
    }
    return at_most(&left, &right);
}

/* The largest integer in the bucket at this position above that of 1 ns. */
static uint64_t upper_of(const struct boundary_tables *tables, uint32_t position)
{
    return tables->boundaries[position % tables->per_octave] >> (63 - position / tables->per_octave);
}

static void tables_of_every_schema_are_exact_on_both_sides_of_every_boundary(void **state)
{
    (void)state;
    for (uint32_t schema = 0; schema <= BOUNDARY_SCHEMA_MAX; schema++) {
        const struct boundary_tables *tables = &tables_of[schema];
        struct integer billion = power(1000000000, schema);
        uint32_t last = boundary_position(tables, SR_DURATION_MAX_NS);

        /* The key of 1 ns: it holds 1, and the key below does not. */
        assert_true(is_within(1, tables->key_min, schema, &billion));
        assert_false(is_within(1, tables->key_min - 1, schema, &billion));
        assert_int_equal(boundary_position(tables, 1), 0);

        for (uint32_t position = 0; position <= last; position++) {
            uint64_t upper = upper_of(tables, position);
            int32_t key = tables->key_min + (int32_t)position;
            assert_true(is_within(upper, key, schema, &billion));
            assert_false(is_within(upper + 1, key, schema, &billion));
            /* What the look-up says of the two: at most this bucket, and one above. */
            assert_true(boundary_position(tables, upper) <= position);
            assert_true(boundary_position(tables, upper + 1) > position);
            if (position > 0 && upper > upper_of(tables, position - 1)) {
                assert_int_equal(boundary_position(tables, upper), position);
            }
        }
        print_message("schema %" PRIu32 ": %" PRIu32 " boundaries exact\n", schema, last + 1);
    }
}

/* A duration of any magnitude: each number of bits as likely as any other. */
static uint64_t draw_duration(void)
{
    uint64_t duration_ns = (draw() | UINT64_C(1) << 63) >> (12 + draw() % 52);
    return duration_ns == 0 ? 1 : duration_ns;
}

static void any_duration_lies_between_its_buckets_boundaries(void **state)
{
    (void)state;
    for (uint32_t schema = 0; schema <= BOUNDARY_SCHEMA_MAX; schema++) {
        const struct boundary_tables *tables = &tables_of[schema];
        for (int i = 0; i < DRAW_COUNT; i++) {
            uint64_t duration_ns = draw_duration();
            uint32_t position = boundary_position(tables, duration_ns);
            assert_true(duration_ns <= upper_of(tables, position));
            assert_true(position == 0 || duration_ns > upper_of(tables, position - 1));
        }
    }
}

static void library_index_is_the_generated_one(void **state)
{
    (void)state;
    const struct boundary_tables *tables = &tables_of[SR_BUCKET_SCHEMA];
    for (uint32_t index = 1; index < SR_BUCKET_COUNT; index++) {
        uint64_t upper = sr_bucket_upper_ns(index);
        assert_true(upper == upper_of(tables, index - 1));
        for (uint64_t ns = upper > 1 ? upper - 1 : 1; ns <= upper + 1; ns++) {
            assert_int_equal(sr_bucket_index(ns), boundary_position(tables, ns) + 1);
        }
    }
    for (int i = 0; i < DRAW_COUNT; i++) {
        uint64_t duration_ns = draw_duration();
        assert_int_equal(sr_bucket_index(duration_ns), boundary_position(tables, duration_ns) + 1);
    }
}

static void downscaled_keys_are_those_of_the_coarser_schema(void **state)
{
    (void)state;
    const struct boundary_tables *fine = &tables_of[BOUNDARY_SCHEMA_MAX];
    for (uint32_t schema = 0; schema <= BOUNDARY_SCHEMA_MAX; schema++) {
        const struct boundary_tables *coarse = &tables_of[schema];
        for (int i = 0; i < DRAW_COUNT / 4; i++) {
            uint64_t duration_ns = draw_duration();
            int32_t fine_key = fine->key_min + (int32_t)boundary_position(fine, duration_ns);
            int32_t coarse_key = coarse->key_min + (int32_t)boundary_position(coarse, duration_ns);
            assert_int_equal(sr_bucket_downscale(fine_key, BOUNDARY_SCHEMA_MAX - schema), coarse_key);
        }
    }
}

int main(void)
{
    const char *wish = getenv("SLIPRING_TEST_SEED");
    seed = wish == NULL ? UINT64_C(20251029) : strtoull(wish, NULL, 0) | 1;
    print_message("SLIPRING_TEST_SEED=%" PRIu64 "\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_every_schema_are_exact_on_both_sides_of_every_boundary),
        cmocka_unit_test(any_duration_lies_between_its_buckets_boundaries),
        cmocka_unit_test(library_index_is_the_generated_one),
        cmocka_unit_test(downscaled_keys_are_those_of_the_coarser_schema),
    };
    return cmocka_run_group_tests_name("bucket boundaries", tests, generate_tables, NULL);
}
