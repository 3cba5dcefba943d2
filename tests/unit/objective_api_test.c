/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives from code: what is refused and why, and how they stand in the segment. */
#include <slipring/slipring.h>

#include <string.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

#define MS UINT64_C(1000000)

static const struct slipring_objective good = {.name = "fast",
                                               .kind = SLIPRING_LATENCY,
                                               .target_ppb = SLIPRING_TARGET(0.99),
                                               .threshold_ns = 200 * MS,
                                               .period_s = 86400};

static const struct sr_objective_shm *stored(const struct slipring_primitive *work, uint32_t index)
{
    return &sr_segment_entry(sr_store_segment(work->store), sr_handle_id(work))->objectives[index];
}

static uint32_t count_of(const struct slipring_primitive *work)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SR_OBJECTIVE_ITEM_MAX; i++) {
        count += atomic_load(&stored(work, i)->state) == SR_ITEM_READY;
    }
    return count;
}

static void an_objective_stands_in_the_segment_as_given(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    CHECK_OK(slipring_objective_add(work, &good));
    const struct sr_objective_shm *there = stored(work, 0);
    CHECK_EQUAL(strcmp(there->name, "fast"), 0);
    CHECK_EQUAL(there->kind, SLIPRING_LATENCY);
    CHECK_EQUAL(there->target_ppb, 990000000);
    CHECK_EQUAL(there->threshold_ns, 200 * MS);
    CHECK_EQUAL(there->period_s, 86400);
}

static void a_target_is_integer_parts_per_billion(void *unused)
{
    (void)unused;
    CHECK_EQUAL(SLIPRING_TARGET(0.9), 900000000);
    CHECK_EQUAL(SLIPRING_TARGET(0.99), 990000000);
    CHECK_EQUAL(SLIPRING_TARGET(0.999), 999000000);
    CHECK_EQUAL(SLIPRING_TARGET(0.9999), 999900000);
    CHECK_EQUAL(SLIPRING_TARGET(0.999999999), 999999999);
    CHECK_EQUAL(SLIPRING_TARGET(0.000000001), 1);
    CHECK_EQUAL(SLIPRING_TARGET(1.0), 1000000000);
}

static void targets_of_nothing_and_of_everything_are_refused(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    const uint32_t bad[] = {0, 1000000000, 1000000001, UINT32_MAX};
    for (size_t i = 0; i < SR_ARRAY_COUNT(bad); i++) {
        struct slipring_objective objective = good;
        objective.target_ppb = bad[i];
        CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_TARGET);
    }
    CHECK_EQUAL(count_of(work), 0);
    struct slipring_objective edge = good;
    edge.target_ppb = 999999999;
    CHECK_OK(slipring_objective_add(work, &edge));
    edge.name = "the other edge";
    edge.target_ppb = 1;
    CHECK_OK(slipring_objective_add(work, &edge));
}

static void arguments_out_of_range_are_refused(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    CHECK_STATUS(slipring_objective_add(NULL, &good), SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(slipring_objective_add(work, NULL), SLIPRING_BAD_ARGUMENT);
    struct slipring_objective objective = good;
    objective.kind = (enum slipring_objective_kind)0;
    CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_ARGUMENT);
    objective.kind = SLIPRING_SPEND;
    CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_ARGUMENT);
    objective = good;
    objective.threshold_ns = 0;
    CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_ARGUMENT);
    objective.threshold_ns = SLIPRING_DURATION_MAX_NS + 1;
    CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_ARGUMENT);
    objective.threshold_ns = SLIPRING_DURATION_MAX_NS;
    CHECK_OK(slipring_objective_add(work, &objective));
    objective =
        (struct slipring_objective){.kind = SLIPRING_AVAILABILITY, .target_ppb = 1, .threshold_ns = 1};
    CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_ARGUMENT);
    const uint64_t periods[] = {2, SLIPRING_PERIOD_MIN_S - 1, SLIPRING_PERIOD_MAX_S + 1, UINT64_MAX};
    for (size_t i = 0; i < SR_ARRAY_COUNT(periods); i++) {
        objective = good;
        objective.name = "period";
        objective.period_s = periods[i];
        CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_ARGUMENT);
    }
    CHECK_EQUAL(count_of(work), 1);
}

static void bad_names_are_refused(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    const char *const bad[] = {"", "thirty-two bytes is one too many", "a\nb", "\xff"};
    for (size_t i = 0; i < SR_ARRAY_COUNT(bad); i++) {
        struct slipring_objective objective = good;
        objective.name = bad[i];
        CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_NAME);
    }
    CHECK_EQUAL(count_of(work), 0);
}

static void what_is_left_out_has_its_default(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct slipring_objective objective = {.kind = SLIPRING_LATENCY, .target_ppb = 5, .threshold_ns = 5};
    CHECK_OK(slipring_objective_add(work, &objective));
    CHECK_EQUAL(strcmp(stored(work, 0)->name, "latency"), 0);
    CHECK_EQUAL(stored(work, 0)->period_s, SLIPRING_PERIOD_DEFAULT_S);
    objective = (struct slipring_objective){.kind = SLIPRING_AVAILABILITY, .target_ppb = 5};
    CHECK_OK(slipring_objective_add(work, &objective));
    CHECK_EQUAL(strcmp(stored(work, 1)->name, "availability"), 0);
}

static void the_same_again_is_fine_and_another_of_its_name_is_a_conflict(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    CHECK_OK(slipring_objective_add(work, &good));
    CHECK_OK(slipring_objective_add(work, &good));
    CHECK_EQUAL(count_of(work), 1);
    struct slipring_objective other = good;
    other.threshold_ns++;
    CHECK_STATUS(slipring_objective_add(work, &other), SLIPRING_CONFLICT);
    CHECK_EQUAL(stored(work, 0)->threshold_ns, 200 * MS);
}

static void a_ninth_objective_is_refused(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    for (char c = 'a'; c < 'a' + 8; c++) {
        const char name[] = {c, '\0'};
        struct slipring_objective objective = good;
        objective.name = name;
        CHECK_OK(slipring_objective_add(work, &objective));
    }
    CHECK_STATUS(slipring_objective_add(work, &good), SLIPRING_TABLE_FULL);
}

static void the_common_shape_is_two_objectives(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.95),
                                     .latency_threshold_ns = 500 * MS,
                                     .availability_ppb = SLIPRING_TARGET(0.999),
                                     .period_s = 7 * 86400};
    CHECK_OK(slipring_slo_configure(work, &slo));
    CHECK_OK(slipring_slo_configure(work, &slo));
    CHECK_EQUAL(count_of(work), 2);
    CHECK_EQUAL(stored(work, 0)->kind, SLIPRING_LATENCY);
    CHECK_EQUAL(stored(work, 0)->threshold_ns, 500 * MS);
    CHECK_EQUAL(stored(work, 1)->kind, SLIPRING_AVAILABILITY);
    CHECK_EQUAL(stored(work, 1)->target_ppb, 999000000);
    CHECK_EQUAL(stored(work, 1)->period_s, 7 * 86400);
}

static void half_of_the_common_shape_may_be_left_out_but_not_both(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct slipring_slo slo = {.period_s = 86400};
    CHECK_STATUS(slipring_slo_configure(work, &slo), SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(slipring_slo_configure(work, NULL), SLIPRING_BAD_ARGUMENT);
    slo.availability_ppb = SLIPRING_TARGET(0.5);
    CHECK_STATUS(slipring_slo_configure(NULL, &slo), SLIPRING_BAD_ARGUMENT);
    CHECK_OK(slipring_slo_configure(work, &slo));
    CHECK_EQUAL(count_of(work), 1);
    slo = (struct slipring_slo){.target_ppb = SLIPRING_TARGET(1.0), .latency_threshold_ns = 1};
    CHECK_STATUS(slipring_slo_configure(work, &slo), SLIPRING_BAD_TARGET);
    slo.target_ppb = 5;
    slo.latency_threshold_ns = 0; /* a target without its threshold */
    CHECK_STATUS(slipring_slo_configure(work, &slo), SLIPRING_BAD_ARGUMENT);
    CHECK_EQUAL(count_of(work), 1);
}

static void a_bad_half_of_the_common_shape_leaves_nothing(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct slipring_slo slo = {
        .target_ppb = 5, .latency_threshold_ns = 5, .availability_ppb = SLIPRING_TARGET(1.0)};
    CHECK_STATUS(slipring_slo_configure(work, &slo), SLIPRING_BAD_TARGET);
    CHECK_EQUAL(count_of(work), 0);
}

static void what_is_booked_under_overflow_has_no_objectives(void *unused)
{
    (void)unused;
    struct slipring_store *store = api_open();
    api_set_primitive_limit(0);
    struct slipring_primitive *work = NULL;
    CHECK_STATUS(slipring_primitive_get(store, "work", NULL, &work), SLIPRING_LIMIT_REACHED);
    CHECK_STATUS(slipring_objective_add(work, &good), SLIPRING_LIMIT_REACHED);
    CHECK_EQUAL(count_of(work), 0);
}

static void a_change_replaces_all_of_an_objective(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    CHECK_OK(slipring_objective_add(work, &good));
    struct slipring_objective other = good;
    other.target_ppb = SLIPRING_TARGET(0.999);
    other.threshold_ns = 100 * MS;
    other.period_s = SLIPRING_PERIOD_MONTH;
    CHECK_STATUS(slipring_objective_add(work, &other), SLIPRING_CONFLICT);
    CHECK_OK(slipring_objective_change(work, &other));
    CHECK_OK(slipring_objective_change(work, &other));
    CHECK_EQUAL(count_of(work), 2);
    const struct sr_objective_shm *there = stored(work, 1);
    CHECK_EQUAL(strcmp(there->name, "fast"), 0);
    CHECK_EQUAL(there->target_ppb, 999000000);
    CHECK_EQUAL(there->threshold_ns, 100 * MS);
    CHECK_EQUAL(there->period_s, SLIPRING_PERIOD_MONTH);
    CHECK_STATUS(slipring_objective_add(work, &good), SLIPRING_CONFLICT);
    CHECK_OK(slipring_objective_add(work, &other));
}

static void a_change_of_nothing_adds_and_is_refused_for_the_same_reasons(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    const struct slipring_objective objective = {.kind = SLIPRING_AVAILABILITY, .target_ppb = 5};
    CHECK_OK(slipring_objective_change(work, &objective));
    CHECK_EQUAL(strcmp(stored(work, 0)->name, "availability"), 0);
    CHECK_EQUAL(stored(work, 0)->period_s, SLIPRING_PERIOD_DEFAULT_S);
    struct slipring_objective bad = good;
    bad.target_ppb = 0;
    CHECK_STATUS(slipring_objective_change(work, &bad), SLIPRING_BAD_TARGET);
    bad = good;
    bad.name = "";
    CHECK_STATUS(slipring_objective_change(work, &bad), SLIPRING_BAD_NAME);
    CHECK_STATUS(slipring_objective_change(NULL, &good), SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(slipring_objective_change(work, NULL), SLIPRING_BAD_ARGUMENT);
    CHECK_EQUAL(count_of(work), 1);
}

/* Processes that registered one name at once have an id each; the agent takes changes from the lowest. */
static void a_change_stands_where_it_counts(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct sr_segment *segment = sr_store_segment(work->store);
    const uint32_t first = sr_handle_id(work);
    const uint32_t second = first + 1; /* the same name once more */
    CHECK_OK(sr_segment_reserve_primitive(segment, second));
    memcpy(sr_segment_entry(segment, second), sr_segment_entry(segment, first),
           sizeof(struct sr_registry_entry_shm));
    atomic_store(sr_segment_registry_key(segment, second),
                 atomic_load(sr_segment_registry_key(segment, first)));
    atomic_store(&work->place, second + 1);
    CHECK_OK(slipring_objective_add(work, &good));
    CHECK_OK(slipring_objective_change(work, &good));
    CHECK_EQUAL(atomic_load(&sr_segment_entry(segment, second)->objectives[0].state), SR_ITEM_READY);
    CHECK_EQUAL(atomic_load(&sr_segment_entry(segment, first)->objectives[0].state), SR_ITEM_READY);
    CHECK_EQUAL(count_of(work), 1);
}

static void the_calendar_month_is_a_period(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    const struct slipring_slo slo = {.target_ppb = SLIPRING_TARGET(0.95),
                                     .latency_threshold_ns = 500 * MS,
                                     .availability_ppb = SLIPRING_TARGET(0.999),
                                     .period_s = SLIPRING_PERIOD_MONTH};
    CHECK_OK(slipring_slo_configure(work, &slo));
    CHECK_EQUAL(stored(work, 0)->period_s, SLIPRING_PERIOD_MONTH);
    CHECK_EQUAL(stored(work, 1)->period_s, SLIPRING_PERIOD_MONTH);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(an_objective_stands_in_the_segment_as_given),
        CHILD_TEST(a_target_is_integer_parts_per_billion),
        CHILD_TEST(targets_of_nothing_and_of_everything_are_refused),
        CHILD_TEST(arguments_out_of_range_are_refused),
        CHILD_TEST(bad_names_are_refused),
        CHILD_TEST(what_is_left_out_has_its_default),
        CHILD_TEST(the_same_again_is_fine_and_another_of_its_name_is_a_conflict),
        CHILD_TEST(a_ninth_objective_is_refused),
        CHILD_TEST(the_common_shape_is_two_objectives),
        CHILD_TEST(half_of_the_common_shape_may_be_left_out_but_not_both),
        CHILD_TEST(a_bad_half_of_the_common_shape_leaves_nothing),
        CHILD_TEST(what_is_booked_under_overflow_has_no_objectives),
        CHILD_TEST(a_change_replaces_all_of_an_objective),
        CHILD_TEST(a_change_of_nothing_adds_and_is_refused_for_the_same_reasons),
        CHILD_TEST(a_change_stands_where_it_counts),
        CHILD_TEST(the_calendar_month_is_a_period),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
