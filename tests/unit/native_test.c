/* SPDX-License-Identifier: Apache-2.0 */
/* Native histograms: each schema counts what the finest one counts, exactly, and what has no room becomes coarser and says so. */
#include "pure/native.h"

#include <string.h>

#include "support/check.h"

static uint64_t cells[SR_BUCKET_COUNT];
static struct sr_native_packed packed;
static struct sr_native native;

static void pack(uint32_t low, uint32_t high, int32_t schema)
{
    sr_native_pack(cells, low, high, schema, &packed);
    CHECK(sr_native_unpack(&packed, &native));
}

/* Every bucket holds exactly the samples whose duration lies within its bounds. */
static void expect_exact_sums(void)
{
    uint64_t want[SR_BUCKET_COUNT] = {0};
    uint64_t total = 0;
    for (uint32_t cell = 1; cell < SR_BUCKET_COUNT; cell++) {
        const int32_t key = sr_bucket_downscale(sr_bucket_key(cell), (uint32_t)(5 - native.schema));
        CHECK(key >= native.first_key && key < native.first_key + (int32_t)native.n);
        want[key - native.first_key] += cells[cell];
    }
    CHECK_EQUAL(native.zero_count, cells[0]);
    for (uint32_t i = 0; i < native.n; i++) {
        CHECK_EQUAL(native.counts[i], want[i]);
    }
    for (uint32_t cell = 0; cell < SR_BUCKET_COUNT; cell++) {
        total += cells[cell];
    }
    CHECK_EQUAL(native.total, total);
}

static void every_schema_counts_what_the_finest_counts(void **state)
{
    (void)state;
    for (int32_t schema = SR_NATIVE_SCHEMA_MIN; schema <= SR_NATIVE_SCHEMA_MAX; schema++) {
        memset(cells, 0, sizeof cells);
        pack(0, 0, schema);
        CHECK_EQUAL(packed.bytes, 0);
        expect_exact_sums();
        for (uint32_t i = 0; i < 60; i++) {
            cells[700 + 3 * i] = (uint64_t)i * i * 1000 + 1;
        }
        pack(700, 880, schema);
        CHECK_EQUAL(native.schema, schema);
        expect_exact_sums();
        cells[0] = 5;
        cells[SR_BUCKET_COUNT - 1] = UINT64_C(1) << 50;
        pack(0, SR_BUCKET_COUNT, schema);
        CHECK_EQUAL(native.schema, schema);
        expect_exact_sums();
    }
}

/* 2^((k-1)/2^s) < seconds <= 2^(k/2^s) at whole powers of two. */
static void a_power_of_two_seconds_is_the_upper_end_of_its_bucket(void **state)
{
    (void)state;
    for (int32_t schema = 0; schema <= SR_NATIVE_SCHEMA_MAX; schema++) {
        for (int32_t power = 0; power < 20; power++) {
            memset(cells, 0, sizeof cells);
            const uint32_t cell = sr_bucket_index(UINT64_C(1000000000) << power);
            cells[cell] = 1;
            pack(cell, cell + 1, schema);
            CHECK_EQUAL(native.counts[(power << schema) - native.first_key], 1);
        }
    }
}

static void what_has_no_room_becomes_coarser_and_says_so(void **state)
{
    (void)state;
    for (uint32_t cell = 0; cell < SR_BUCKET_COUNT; cell++) {
        cells[cell] = UINT64_C(1) << 40;
    }
    pack(0, SR_BUCKET_COUNT, SR_NATIVE_SCHEMA_MAX);
    CHECK_EQUAL(native.schema, 2); /* 209 buckets of seven and eight bytes */
    expect_exact_sums();
    for (uint32_t cell = 0; cell < SR_BUCKET_COUNT; cell++) {
        cells[cell] = UINT64_MAX / SR_BUCKET_COUNT;
    }
    pack(0, SR_BUCKET_COUNT, SR_NATIVE_SCHEMA_MAX);
    CHECK(native.schema >= 1);
    expect_exact_sums();
}

static void bytes_of_somebody_else_are_refused(void **state)
{
    (void)state;
    memset(&packed, 0xff, sizeof packed);
    CHECK(!sr_native_unpack(&packed, &native));
    packed.schema = 3;
    CHECK(!sr_native_unpack(&packed, &native));
    packed.bytes = SR_NATIVE_BYTES;
    CHECK(!sr_native_unpack(&packed, &native));
    packed.bytes = SR_NATIVE_BYTES + 1;
    CHECK(!sr_native_unpack(&packed, &native));
    packed.bytes = 0;
    packed.schema = SR_NATIVE_SCHEMA_MIN - 1;
    CHECK(!sr_native_unpack(&packed, &native));
    packed.schema = SR_NATIVE_SCHEMA_MIN;
    CHECK(sr_native_unpack(&packed, &native));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_schema_counts_what_the_finest_counts),
        cmocka_unit_test(a_power_of_two_seconds_is_the_upper_end_of_its_bucket),
        cmocka_unit_test(what_has_no_room_becomes_coarser_and_says_so),
        cmocka_unit_test(bytes_of_somebody_else_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
