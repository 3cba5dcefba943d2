/* SPDX-License-Identifier: Apache-2.0 */
/* The staircase of exemplars against a model that keeps every execution and asks each window: libshm/pure/exemplar.h. */
#include "pure/exemplar.h"

#include <string.h>

#include "support/check.h"
#include "support/workload.h"

#define SECOND UINT64_C(1000000000)
#define COUNT  3000u

static struct slipring_exemplar all[COUNT];
static struct slipring_exemplars kept;

static struct slipring_exemplar one_of(uint64_t number, uint64_t at_ns, uint64_t duration_ns)
{
    struct slipring_exemplar one = {.at_ns = at_ns, .duration_ns = duration_ns};
    number++;
    memcpy(one.trace_id, &number, sizeof number);
    return one;
}

static void put(const struct slipring_exemplar *one)
{
    kept.slowest_count = sr_exemplar_step(kept.slowest, (uint32_t)kept.slowest_count, one);
    CHECK(kept.slowest_count >= 1 && kept.slowest_count <= SLIPRING_EXEMPLAR_SLOWEST);
}

/* Oldest first, each slower than all later ones. */
static void expect_stairs(void)
{
    for (uint32_t i = 1; i < kept.slowest_count; i++) {
        CHECK(kept.slowest[i].at_ns > kept.slowest[i - 1].at_ns);
        CHECK(kept.slowest[i].duration_ns < kept.slowest[i - 1].duration_ns);
    }
}

/* The slowest of all that came at or after start_ns, the latest of equals. NULL: none. */
static const struct slipring_exemplar *model(uint32_t count, uint64_t start_ns)
{
    const struct slipring_exemplar *slowest = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct slipring_exemplar *one = &all[i];
        if (one->at_ns >= start_ns &&
            (!slowest || one->duration_ns > slowest->duration_ns ||
             (one->duration_ns == slowest->duration_ns && one->at_ns >= slowest->at_ns))) {
            slowest = one;
        }
    }
    return slowest;
}

/* In the order of their moments or shuffled, of few or many different moments and durations: exact, as long as there are few steps. */
static void random_series(uint64_t *random)
{
    const uint64_t moments = 1 + workload_below(random, 4000);
    const uint64_t durations = 1 + workload_below(random, 100000);
    const bool is_shuffled = workload_below(random, 2) == 0;
    const uint32_t count = 1 + (uint32_t)workload_below(random, COUNT);
    uint64_t at = 0;
    uint32_t most = 0;
    memset(&kept, 0, sizeof kept);
    for (uint32_t i = 0; i < count; i++) {
        at = is_shuffled ? workload_below(random, moments) : at + workload_below(random, 3);
        all[i] = one_of(i, (10000 + at) * SECOND, workload_below(random, durations));
        put(&all[i]);
        most = kept.slowest_count > most ? (uint32_t)kept.slowest_count : most;
        expect_stairs();
    }
    if (most == SLIPRING_EXEMPLAR_SLOWEST) {
        return; /* some may have been left out */
    }
    const uint64_t now_ns = 20000 * SECOND;
    for (uint64_t start = 9990; start < 14010; start++) {
        const struct slipring_exemplar *want = model(count, start * SECOND);
        const struct slipring_exemplar *got = sr_exemplar_slowest(&kept, now_ns, now_ns - start * SECOND);
        CHECK((want == NULL) == (got == NULL));
        if (want && got) {
            CHECK_EQUAL(got->duration_ns, want->duration_ns);
            CHECK_EQUAL(got->at_ns, want->at_ns);
        }
    }
}

static void every_window_has_its_slowest_G1_G3(void **state)
{
    (void)state;
    uint64_t random = workload_seed("unit.exemplar") | 1;
    for (int i = 0; i < 60; i++) {
        random_series(&random);
    }
}

/* Ever faster, so that each is a step, at distances of all sizes: what a window's answer is too fast by came before one of the
 * two steps that the window begins between. */
static void what_does_not_fit_is_missed_at_the_edge_of_a_window_alone_G2(void **state)
{
    (void)state;
    uint64_t random = workload_seed("unit.exemplar") | 1;
    for (int round = 0; round < 30; round++) {
        const uint32_t count = 30 + (uint32_t)workload_below(&random, 500);
        uint64_t at_ns = 10000 * SECOND;
        memset(&kept, 0, sizeof kept);
        for (uint32_t i = 0; i < count; i++) {
            at_ns += 1 + (workload_random(&random) >> (20 + workload_below(&random, 40)));
            all[i] = one_of(i, at_ns, UINT64_C(1000000) - i);
            put(&all[i]);
            expect_stairs();
        }
        CHECK_EQUAL(kept.slowest_count, SLIPRING_EXEMPLAR_SLOWEST);
        CHECK_EQUAL(kept.slowest[0].at_ns, all[0].at_ns);
        CHECK_EQUAL(kept.slowest[kept.slowest_count - 1].at_ns, all[count - 1].at_ns);
        for (uint32_t i = 0; i < count; i++) {
            const struct slipring_exemplar *got = sr_exemplar_slowest(&kept, at_ns, at_ns - all[i].at_ns);
            CHECK(got && got->at_ns >= all[i].at_ns); /* of those in the window, */
            const bool is_first = got == &kept.slowest[0];
            CHECK(is_first ||
                  got[-1].at_ns < all[i].at_ns); /* and nothing is kept between its edge and this */
        }
    }
}

/* Where they come evenly, as far apart as the window is long: a window's slowest came within so small a part of its length. */
static void steps_are_left_out_where_they_are_closest_together_for_their_age_G2(void **state)
{
    (void)state;
    memset(&kept, 0, sizeof kept);
    for (uint32_t i = 0; i < COUNT; i++) {
        all[i] = one_of(i, (10000 + i) * SECOND, UINT64_C(1000000) - i);
        put(&all[i]);
    }
    const uint64_t now_ns = all[COUNT - 1].at_ns;
    for (uint64_t length = 2; length < COUNT; length++) {
        const struct slipring_exemplar *got = sr_exemplar_slowest(&kept, now_ns, length * SECOND);
        CHECK(got != NULL);
        CHECK((now_ns - got->at_ns) * 5 >= length * SECOND * 2); /* the edge, and as much again of a half */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_window_has_its_slowest_G1_G3),
        cmocka_unit_test(what_does_not_fit_is_missed_at_the_edge_of_a_window_alone_G2),
        cmocka_unit_test(steps_are_left_out_where_they_are_closest_together_for_their_age_G2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
