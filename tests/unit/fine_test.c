/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and parts of buckets: where durations lie, and that percentiles keep the error that they tell. */
#include "pure/fine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pure/gen/bucket_boundary.h"
#include "support/check.h"

static uint64_t dice = 88172645463325252u;

static uint64_t roll(void)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice;
}

/* From 1 ns to the longest, each octave as often. */
static uint64_t any_duration(void)
{
    const uint64_t duration_ns = (roll() >> 11 | UINT64_C(1) << 52) >> roll() % 53;
    return duration_ns <= SR_DURATION_MAX_NS ? duration_ns : SR_DURATION_MAX_NS;
}

/* The key of schema 8 by another way: the generator's own tables, searched one by one. */
static int32_t key_of(const struct boundary_tables *tables, uint64_t duration_ns)
{
    return tables->key_min + (int32_t)boundary_position(tables, duration_ns);
}

static void parts_are_the_buckets_of_the_finer_schema(void **state)
{
    (void)state;
    static struct boundary_tables tables;
    for (uint32_t schema = 6; schema <= 8; schema++) {
        CHECK(boundary_generate(schema, &tables));
        const int32_t parts = (int32_t)sr_fine_parts(schema);
        for (int turn = 0; turn < 20000; turn++) {
            uint64_t duration_ns = any_duration();
            if (turn % 4 == 0) { /* an edge, or beside it */
                const uint32_t bucket = (uint32_t)(roll() % (SR_BUCKET_COUNT - 1));
                duration_ns = sr_bucket_upper_ns(bucket) + roll() % 3;
                duration_ns = duration_ns > 0 ? duration_ns - 1 : 0;
                duration_ns = duration_ns <= SR_DURATION_MAX_NS ? duration_ns : SR_DURATION_MAX_NS;
            }
            if (duration_ns == 0) {
                continue;
            }
            const uint32_t bucket = sr_bucket_index(duration_ns);
            const int32_t part = (int32_t)sr_fine_part(duration_ns, bucket, schema);
            CHECK_EQUAL((sr_bucket_key(bucket) - 1) * parts + part + 1, key_of(&tables, duration_ns));
        }
    }
}

static void groups_are_the_buckets_of_the_coarser_schema(void **state)
{
    (void)state;
    for (uint32_t schema = 3; schema <= 4; schema++) {
        const uint32_t steps = SR_BUCKET_SCHEMA - schema;
        for (uint32_t bucket = 1; bucket < SR_BUCKET_COUNT; bucket++) {
            const uint32_t group = sr_fine_group(bucket, schema);
            CHECK(group >= bucket && group < bucket + (1u << steps));
            CHECK_EQUAL(sr_bucket_downscale(sr_bucket_key(group), steps),
                        sr_bucket_downscale(sr_bucket_key(bucket), steps));
            CHECK_EQUAL(sr_fine_group(group, schema), group);
        }
        CHECK_EQUAL(sr_fine_group(SR_BUCKET_ZERO, schema), SR_BUCKET_ZERO);
    }
    CHECK_EQUAL(sr_fine_group(77, 5), 77);
    CHECK_EQUAL(sr_fine_group(77, 8), 77);
}

static uint64_t cells[SR_BUCKET_COUNT];
static uint64_t fine[SR_FINE_COUNT_MAX];

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

#define SAMPLES 4000u

/* The published figure and its error, against the sample of that rank. `spilled`: one sample in so many is known to its bucket only; 0: none. */
static double worst_error(uint32_t schema, uint32_t spilled, double *out_told)
{
    static const uint32_t ppm[] = {0, 100000, 500000, 900000, 990000, 999000, 1000000};
    static uint64_t sorted[SAMPLES];
    const struct sr_fine_view view = {
        .cells = cells, .low = 0, .high = SR_BUCKET_COUNT, .fine = fine, .schema = schema};
    memset(cells, 0, sizeof cells);
    memset(fine, 0, sizeof fine);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        sorted[i] = 1000 + any_duration() % 1000000;
        const uint32_t bucket = sr_bucket_index(sorted[i]);
        cells[bucket]++;
        if (schema > SR_BUCKET_SCHEMA && (spilled == 0 || i % spilled != 0)) {
            fine[bucket * sr_fine_parts(schema) + sr_fine_part(sorted[i], bucket, schema)]++;
        }
    }
    qsort(sorted, SAMPLES, sizeof sorted[0], compare);
    sr_fine_coarsen(cells, 0, SR_BUCKET_COUNT, schema);
    double got[SR_ARRAY_COUNT(ppm)];
    CHECK(sr_fine_quantiles(&view, SAMPLES, ppm, SR_ARRAY_COUNT(ppm), got, out_told));
    double worst = 0.0;
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(ppm); i++) {
        const uint64_t rank = ((uint64_t)SAMPLES * ppm[i] + 999999) / 1000000;
        const double truth = (double)sorted[rank == 0 ? 0 : rank - 1];
        const double error = fabs(got[i] - truth) / truth;
        worst = error > worst ? error : worst;
    }
    return worst;
}

static void percentiles_keep_the_error_that_they_tell(void **state)
{
    (void)state;
    for (uint32_t schema = SR_FINE_SCHEMA_MIN; schema <= SR_FINE_SCHEMA_MAX; schema++) {
        for (int turn = 0; turn < 20; turn++) {
            double told = 0.0;
            CHECK(worst_error(schema, 0, &told) <= sr_fine_error(schema));
            CHECK(told == sr_fine_error(schema));
        }
    }
}

static void what_spilled_is_told_with_the_error_of_its_bucket(void **state)
{
    (void)state;
    double told = 0.0;
    CHECK(worst_error(8, 2, &told) <= SR_BUCKET_ERROR_BOUND);
    CHECK(told == SR_BUCKET_ERROR_BOUND);
    for (int turn = 0; turn < 20; turn++) {
        CHECK(worst_error(7, 100, &told) <= told);
    }
}

/* Of two samples in a bucket one is known to its part, and it is not known which of them is the lower one. */
static void a_bucket_that_is_known_in_part_is_not_split(void **state)
{
    (void)state;
    const uint32_t least = 0;
    const uint32_t bucket = sr_bucket_index(1000000);
    double got = 0.0;
    double told = 0.0;
    memset(cells, 0, sizeof cells);
    memset(fine, 0, sizeof fine);
    const struct sr_fine_view view = {
        .cells = cells, .low = 0, .high = SR_BUCKET_COUNT, .fine = fine, .schema = 8};
    cells[bucket] = 2;
    fine[bucket * 8 + 7] = 1;
    CHECK(sr_fine_quantiles(&view, 2, &least, 1, &got, &told));
    CHECK(told == SR_BUCKET_ERROR_BOUND);
    CHECK(got == sr_bucket_estimate_ns(bucket));
    fine[bucket * 8] = 1;
    CHECK(sr_fine_quantiles(&view, 2, &least, 1, &got, &told));
    CHECK(told == sr_fine_error(8));
}

static void nothing_has_no_percentile(void **state)
{
    (void)state;
    const uint32_t half = 500000;
    double got = 7.0;
    double told = 7.0;
    memset(cells, 0, sizeof cells);
    const struct sr_fine_view view = {.cells = cells, .low = 0, .high = SR_BUCKET_COUNT, .schema = 8};
    CHECK(!sr_fine_quantiles(&view, 0, &half, 1, &got, &told));
    CHECK(!sr_fine_quantiles(&view, 1, &half, 1, &got, &told)); /* more than there are */
    cells[0] = 3;
    CHECK(sr_fine_quantiles(&view, 3, &half, 1, &got, &told));
    CHECK(got == 0.0); /* exactly */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_the_buckets_of_the_finer_schema),
        cmocka_unit_test(groups_are_the_buckets_of_the_coarser_schema),
        cmocka_unit_test(percentiles_keep_the_error_that_they_tell),
        cmocka_unit_test(what_spilled_is_told_with_the_error_of_its_bucket),
        cmocka_unit_test(a_bucket_that_is_known_in_part_is_not_split),
        cmocka_unit_test(nothing_has_no_percentile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
