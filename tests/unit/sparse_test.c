/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse cells: what is packed is read back, and bytes of somebody else do no harm. */
#include "pure/sparse.h"

#include <string.h>

#include "support/check.h"

#define CELLS 1666u

static uint64_t cells[CELLS];
static uint64_t back[CELLS];
static uint8_t bytes[CELLS * SR_SPARSE_ENTRY_MAX];

static void expect_round_trip(void)
{
    memset(back, 0, sizeof back);
    const size_t count = sr_sparse_pack(cells, 0, CELLS, bytes);
    CHECK(count <= sizeof bytes);
    CHECK(sr_sparse_add(back, CELLS, bytes, count));
    CHECK(memcmp(cells, back, sizeof cells) == 0);
}

static void what_is_packed_is_read_back(void **state)
{
    (void)state;
    static const uint64_t values[] = {1, 127, 128, 16383, 16384, UINT64_C(1) << 48, UINT64_MAX};
    memset(cells, 0, sizeof cells);
    expect_round_trip();
    CHECK_EQUAL(sr_sparse_pack(cells, 0, CELLS, bytes), 0);
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(values); i++) {
        memset(cells, 0, sizeof cells);
        cells[0] = values[i];
        cells[1] = values[SR_ARRAY_COUNT(values) - 1 - i];
        cells[CELLS - 1] = values[i];
        expect_round_trip();
    }
    for (uint32_t i = 0; i < CELLS; i++) {
        cells[i] = UINT64_MAX - i;
    }
    expect_round_trip();
}

static void neighbours_with_small_counts_take_two_bytes(void **state)
{
    (void)state;
    memset(cells, 0, sizeof cells);
    for (uint32_t i = 100; i < 200; i++) {
        cells[i] = i % 127 + 1;
    }
    CHECK_EQUAL(sr_sparse_pack(cells, 50, 300, bytes), 200);
    expect_round_trip();
}

static void what_was_packed_is_added(void **state)
{
    (void)state;
    memset(cells, 0, sizeof cells);
    memset(back, 0, sizeof back);
    cells[7] = 5;
    back[7] = 3;
    const size_t count = sr_sparse_pack(cells, 0, CELLS, bytes);
    CHECK(sr_sparse_add(back, CELLS, bytes, count));
    CHECK_EQUAL(back[7], 8);
}

static void bytes_of_somebody_else_do_no_harm(void **state)
{
    (void)state;
    static uint64_t guarded[CELLS + 1];
    uint64_t dice = 88172645463325252u;
    for (int turn = 0; turn < 20000; turn++) {
        uint8_t junk[64];
        for (uint32_t i = 0; i < sizeof junk; i++) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            junk[i] = (uint8_t)(turn % 3 ? dice : dice | 0x80);
        }
        (void)sr_sparse_add(guarded, CELLS, junk, (size_t)(turn % 65));
        CHECK_EQUAL(guarded[CELLS], 0);
    }
    CHECK(!sr_sparse_add(back, CELLS, (const uint8_t[]){0x80}, 1));             /* a cut number */
    CHECK(!sr_sparse_add(back, CELLS, (const uint8_t[]){0x05}, 1));             /* an index without a count */
    CHECK(!sr_sparse_add(back, CELLS, (const uint8_t[]){0x82, 0x0d, 0x01}, 3)); /* cell 1666 */
    static const uint8_t long_one[] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    CHECK(!sr_sparse_add(back, CELLS, long_one, sizeof long_one)); /* 65 bits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_is_read_back),
        cmocka_unit_test(neighbours_with_small_counts_take_two_bytes),
        cmocka_unit_test(what_was_packed_is_added),
        cmocka_unit_test(bytes_of_somebody_else_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
