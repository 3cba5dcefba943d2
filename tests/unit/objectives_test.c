/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives that change: what of the past is kept, and that it is told what is not. In a time that the test makes, from 2026-01-01 00:00 UTC on. */
#include "agent/books/objectives.h"

#include <string.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "api/process.h"
#include "support/place.h"
#include "support/rig.h"

#define MS   UINT64_C(1000000)
#define HOUR UINT64_C(3600)
#define DAY  UINT64_C(86400)

static struct slipring_primitive *work;

static void get_work(void)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
}

static struct slipring_objective objective_of(double target, uint64_t threshold_ns, uint64_t period_s)
{
    return (struct slipring_objective){.kind = threshold_ns ? SLIPRING_LATENCY : SLIPRING_AVAILABILITY,
                                       .name = "it",
                                       .target_ppb = SLIPRING_TARGET(target),
                                       .threshold_ns = threshold_ns,
                                       .period_s = period_s};
}

/* The change is in force: the agent has seen it. */
static void change(double target, uint64_t threshold_ns, uint64_t period_s)
{
    const struct slipring_objective objective = objective_of(target, threshold_ns, period_s);
    get_work();
    CHECK_OK(slipring_objective_change(work, &objective));
    rig_tick(&rig, RIG_SECOND);
}

/* Ten: nine within 5 ms, six within 2 ms, eight succeed. */
static void record_ten(void)
{
    for (int i = 0; i < 10; i++) {
        slipring_record(work,
                        i < 6   ? 2 * MS
                        : i < 9 ? 5 * MS
                                : 50 * MS,
                        i < 2 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, NULL);
    }
}

static void go_on(uint64_t steps, uint64_t step_s)
{
    for (uint64_t i = 0; i < steps; i++) {
        record_ten();
        rig_tick(&rig, step_s * RIG_SECOND);
    }
}

static struct slipring_objective_stats it(void)
{
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.objective_count, 1);
    return detail.objectives[0];
}

static struct slipring_slo_stats slo(void)
{
    struct slipring_slo_stats out;
    CHECK_OK(slipring_slo_read(work, &out));
    return out;
}

static void expect_counts(uint64_t good, uint64_t total)
{
    CHECK_EQUAL(it().good, good);
    CHECK_EQUAL(it().total, total);
}

static void another_target_is_applied_to_all_that_was_counted(void)
{
    change(0.99, 5 * MS, 30 * DAY);
    go_on(100, 10);
    expect_counts(900, 1000);
    CHECK_EQUAL(it().allowed_bad, 10);
    const uint64_t since_ns = it().since_ns;
    rig_tick(&rig, 3 * DAY * RIG_SECOND); /* nothing comes, and nothing is judged, for long */
    rig_tick(&rig, RIG_SECOND);
    change(0.8, 5 * MS, 30 * DAY);
    expect_counts(900, 1000);
    CHECK_EQUAL(it().target_ppb, 800000000);
    CHECK_EQUAL(it().allowed_bad, 200);
    CHECK(it().budget_remaining == 0.5);
    CHECK_EQUAL(it().since_ns, since_ns);
    CHECK_EQUAL(slo().objectives[0].alerts[0].state, SLIPRING_ALERT_CANNOT_FIRE); /* judged anew */
    go_on(1, 10);
    CHECK(slo().objectives[0].windows[2].burn_rate == 0.5);
}

static void another_threshold_begins_anew_and_says_since_when(void)
{
    change(0.99, 5 * MS, 30 * DAY);
    go_on(100, 10);
    expect_counts(900, 1000);
    change(0.99, 2 * MS, 30 * DAY);
    const uint64_t changed_ns = rig.now_ns - RIG_SECOND; /* what came in its tick counts already */
    expect_counts(0, 0);
    CHECK_EQUAL(it().since_ns, changed_ns);
    CHECK_EQUAL(slo().objectives[0].windows[2].total, 0);
    CHECK(slo().objectives[0].present & SLIPRING_SLO_NO_DATA);
    CHECK_EQUAL(rig_stats(&rig, "work").present & SLIPRING_HAS_SLO, 0);
    go_on(10, 10);
    expect_counts(60, 100);
    CHECK_EQUAL(slo().objectives[0].windows[2].total, 100);
    CHECK_EQUAL(slo().objectives[0].windows[2].good, 60);
    CHECK(it().span_ns <= rig.now_ns - changed_ns);
    rig_drop(&rig);
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    expect_counts(60, 100); /* and is taken over once */
    CHECK_EQUAL(it().since_ns, changed_ns);
}

static void another_kind_begins_anew(void)
{
    change(0.99, 5 * MS, 30 * DAY);
    go_on(100, 10);
    change(0.99, 0, 30 * DAY);
    expect_counts(0, 0);
    go_on(10, 10);
    expect_counts(80, 100);
    CHECK_EQUAL(it().kind, SLIPRING_AVAILABILITY);
}

static void an_objective_that_comes_late_counts_from_then_on(void)
{
    get_work();
    go_on(100, 10);
    change(0.99, 5 * MS, 30 * DAY);
    expect_counts(0, 0);
    CHECK_EQUAL(it().since_ns, rig.now_ns - RIG_SECOND);
    go_on(10, 10);
    expect_counts(90, 100);
}

static void another_period_keeps_what_is_known(void)
{
    change(0.99, 5 * MS, 90 * DAY);
    go_on(480, 900); /* five days */
    expect_counts(4320, 4800);
    change(0.99, 5 * MS, DAY);
    CHECK_EQUAL(it().period_s, DAY);
    CHECK(it().total <= 960 && it().total >= 50); /* the longer one's marks are 21.6 hours apart */
    CHECK(it().span_ns / (900 * RIG_SECOND) * 10 == it().total);
    CHECK_EQUAL(it().good * 10, it().total * 9);
    CHECK_EQUAL(slo().objectives[0].alerts[3].state, SLIPRING_ALERT_NONE);
    go_on(96, 900);
    CHECK(it().total >= 940 && it().total <= 960);
    change(0.99, 5 * MS, 90 * DAY);
    CHECK(it().total >= 940); /* it fills up again */
    CHECK_EQUAL(it().good * 10, it().total * 9);
    CHECK(slo().objectives[0].alerts[3].state != SLIPRING_ALERT_NONE);
    go_on(96, 900);
    CHECK(it().total >= 1900);
}

static void the_calendar_month_takes_what_is_known_of_it(void)
{
    change(0.99, 5 * MS, 30 * DAY);
    go_on(29 * 24 + 12, HOUR); /* the 30th of January, noon */
    change(0.99, 5 * MS, SLIPRING_PERIOD_MONTH);
    expect_counts(29 * 216 + 108, 29 * 240 + 120);
    go_on(36 + 12, HOUR); /* the first of February, noon */
    CHECK(it().total >= 110 && it().total <= 130);
    CHECK_EQUAL(it().good * 10, it().total * 9);
    CHECK(it().span_ns <= 13 * HOUR * RIG_SECOND);
    const double factor = slo().objectives[0].alerts[0].factor;
    CHECK(factor > 13.4399 && factor < 13.4401); /* of 28 days */
    change(0.99, 5 * MS, 30 * DAY);
    CHECK(it().total >= 110); /* the month's beginning is known */
    go_on(24, HOUR);
    change(0.99, 5 * MS, SLIPRING_PERIOD_MONTH); /* in the middle of one: from its first on, or nearly */
    CHECK(it().total >= 340 && it().total <= 380);
    CHECK_EQUAL(it().good * 10, it().total * 9);
    change(0.99, 5 * MS, 30 * DAY);
    go_on(30 * 24, HOUR); /* the fourth of March: another month since it was one last */
    change(0.99, 5 * MS, SLIPRING_PERIOD_MONTH);
    const uint64_t total = it().total;
    CHECK(total >= 750 && total <= 850);
    go_on(1, HOUR);
    CHECK_EQUAL(it().total, total + 10);
}

static uint32_t open_incidents(uint64_t *out_bad)
{
    static struct slipring_incident all[SLIPRING_INCIDENT_COUNT];
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(rig.store), agent_store_stats_path(rig.store));
    uint32_t open = 0;
    const uint32_t count = sr_stats_incidents(stats, all);
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].pair == 0) {
            open += all[i].ended_wall_ns == 0;
            *out_bad = all[i].bad;
        }
    }
    sr_stats_close(stats);
    return open;
}

static void an_incident_keeps_its_count_when_the_threshold_changes(void)
{
    change(0.999, 5 * MS, 30 * DAY);
    go_on(10, 1);
    uint64_t bad = 0;
    CHECK_EQUAL(open_incidents(&bad), 1);
    CHECK_EQUAL(bad, 9); /* one a second since it fired */
    change(0.999, 2 * MS, 30 * DAY);
    CHECK_EQUAL(open_incidents(&bad), 0); /* of the new one nothing is known */
    CHECK_EQUAL(bad, 9);
}

/* --- whose list ----------------------------------------------------------------------------------------------------------- */

/* Two ids of one name, after a race, whose lists disagree. */
static void of_two_lists_the_lowest_ids_counts(void)
{
    change(0.99, 5 * MS, 30 * DAY);
    go_on(10, 1);
    struct sr_segment *segment = sr_store_segment(rig_producer);
    const uint32_t first = sr_handle_id(work);
    const uint32_t second = first + 1;
    CHECK_OK(sr_segment_reserve_primitive(segment, second));
    memcpy(sr_segment_entry(segment, second), sr_segment_entry(segment, first),
           sizeof(struct sr_registry_entry_shm));
    struct sr_objective_shm *other = sr_segment_entry(segment, second)->objectives;
    other[0].threshold_ns = 2 * MS;
    other[1] = other[0]; /* and one that only this one has */
    memcpy(other[1].name, "more", sizeof "more");
    atomic_store(sr_segment_registry_key(segment, second),
                 atomic_load(sr_segment_registry_key(segment, first)));
    atomic_store(&sr_segment_header(segment)->hint.registry_high, second + 1);
    for (int life = 0; life < 3; life++) {
        rig_settle(&rig);
        rig_tick(&rig, 2 * RIG_SECOND);
        const struct slipring_stats_detail detail = rig_detail(&rig, "work");
        CHECK_EQUAL(detail.objective_count, 2);
        CHECK_EQUAL(detail.objectives[0].threshold_ns, 5 * MS);
        CHECK_EQUAL(detail.objectives[0].total, 100);
        CHECK_EQUAL(strcmp(detail.objectives[1].name, "more"), 0);
        rig_drop(&rig);
        rig_open(&rig);
    }
}

static void a_store_that_was_made_again_brings_its_objectives(void)
{
    char path[PATH_MAX];
    change(0.99, 5 * MS, 30 * DAY);
    go_on(10, 1);
    rig_stop(&rig);
    CHECK_OK(slipring_close(rig_producer));
    place_path(path, rig.options.store, "ring");
    CHECK_EQUAL(unlink(path), 0);
    place_path(path, rig.options.store, "lock");
    CHECK_EQUAL(unlink(path), 0);
    rig_pass(&rig, RIG_SECOND);
    rig_open(&rig);
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    get_work();
    const struct slipring_objective objective = objective_of(0.9, 5 * MS, 30 * DAY);
    CHECK_OK(slipring_objective_add(work, &objective)); /* its program was changed meanwhile */
    go_on(1, 1);
    CHECK_EQUAL(it().target_ppb, 900000000);
    expect_counts(99, 110);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(another_target_is_applied_to_all_that_was_counted),
        RIG_TEST(another_threshold_begins_anew_and_says_since_when),
        RIG_TEST(another_kind_begins_anew),
        RIG_TEST(an_objective_that_comes_late_counts_from_then_on),
        RIG_TEST(another_period_keeps_what_is_known),
        RIG_TEST(the_calendar_month_takes_what_is_known_of_it),
        RIG_TEST(an_incident_keeps_its_count_when_the_threshold_changes),
        RIG_TEST(of_two_lists_the_lowest_ids_counts),
        RIG_TEST(a_store_that_was_made_again_brings_its_objectives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
