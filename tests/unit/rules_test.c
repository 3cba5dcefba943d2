/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives that the configuration sets, against those of programs: whose counts, what comes back, what is kept. In a time that the test makes. */
#include "agent/books/objectives.h"

#include <stdio.h>
#include <string.h>

#include <slipring/slipring.h>

#include "support/place.h"
#include "support/rig.h"

#define MS  UINT64_C(1000000)
#define DAY UINT64_C(86400)

static struct slipring_primitive *work;

static struct agent_objective_rule latency(const char *pattern, const char *name, double target,
                                           uint64_t threshold_ns)
{
    return (struct agent_objective_rule){.pattern = pattern,
                                         .name = name,
                                         .kind = SLIPRING_LATENCY,
                                         .target_ppb = SLIPRING_TARGET(target),
                                         .threshold_ns = threshold_ns,
                                         .period_s = 30 * DAY};
}

/* The file has these rules from now on. They outlive the call. */
static void reload(const struct agent_objective_rule *rules, uint32_t count)
{
    struct agent_options options = rig.options;
    options.rules = rules;
    options.rule_count = count;
    rig_change_options(&rig, &options);
    rig_tick(&rig, RIG_SECOND);
}

/* The program says so. */
static void say(const char *name, double target, uint64_t threshold_ns)
{
    const struct slipring_objective objective = {.kind = SLIPRING_LATENCY,
                                                 .name = name,
                                                 .target_ppb = SLIPRING_TARGET(target),
                                                 .threshold_ns = threshold_ns,
                                                 .period_s = 30 * DAY};
    CHECK_OK(slipring_objective_change(work, &objective));
    rig_tick(&rig, RIG_SECOND);
}

static void get_work(void)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    rig_tick(&rig, RIG_SECOND);
}

/* Ten: nine within 5 ms, six within 2 ms. */
static void record_tens(unsigned tens)
{
    for (unsigned i = 0; i < 10 * tens; i++) {
        slipring_record(work, i % 10 < 6 ? 2 * MS : i % 10 < 9 ? 5 * MS : 50 * MS, SLIPRING_SUCCESS, NULL);
    }
    rig_tick(&rig, RIG_SECOND);
}

static struct slipring_objective_stats one(const char *name)
{
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    struct slipring_objective_stats found = {.kind = 0};
    for (uint32_t i = 0; i < detail.objective_count; i++) {
        if (strcmp(detail.objectives[i].name, name) == 0) {
            found = detail.objectives[i];
        }
    }
    return found;
}

static void expect(const char *name, double target, enum slipring_objective_source source, uint64_t good,
                   uint64_t total)
{
    const struct slipring_objective_stats it = one(name);
    CHECK_EQUAL(it.target_ppb, SLIPRING_TARGET(target));
    CHECK_EQUAL(it.source, source);
    CHECK_EQUAL(it.good, good);
    CHECK_EQUAL(it.total, total);
}

static void the_file_sets_objectives_for_names_that_match(void)
{
    static struct agent_objective_rule rules[4];
    rules[0] = latency("w?rk", "fast", 0.9, 5 * MS);
    rules[1] = latency("*", "fast", 0.5, 2 * MS); /* the first one counts */
    rules[2] = latency("other", "more", 0.5, 2 * MS);
    rules[3] = latency("*", "typed", 0.5, 2 * MS);
    rules[3].type = "another type";
    reload(rules, 4);
    get_work();
    record_tens(1);
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 1);
    expect("fast", 0.9, SLIPRING_SOURCE_FILE, 9, 10);
    CHECK_EQUAL(rig_detail(&rig, "__overflow__").objective_count, 0); /* no glob means it */
    rig_stop(&rig);
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    expect("fast", 0.9, SLIPRING_SOURCE_FILE, 9, 10);
}

static void a_reload_sets_them_for_what_is_there(void)
{
    static struct agent_objective_rule rules[2];
    rules[0] = latency("work", "fast", 0.9, 3 * MS); /* a threshold that no program knows */
    get_work();
    record_tens(1);
    reload(rules, 1);
    expect("fast", 0.9, SLIPRING_SOURCE_FILE, 0, 0); /* it begins */
    record_tens(1);
    expect("fast", 0.9, SLIPRING_SOURCE_FILE, 6, 10);
    rules[1] = rules[0];
    rules[1].target_ppb = SLIPRING_TARGET(0.99);
    reload(&rules[1], 1);
    expect("fast", 0.99, SLIPRING_SOURCE_FILE, 6, 10); /* another target keeps the past */
    rules[0].threshold_ns = 5 * MS;
    reload(rules, 1);
    expect("fast", 0.9, SLIPRING_SOURCE_FILE, 0, 0); /* another threshold does not */
}

/* What waits for the first agent spilled by bounds that its program knew: the file's is none of them. */
static void a_threshold_that_no_program_knew_is_not_called_exact(void)
{
    static struct agent_objective_rule rules[1];
    rules[0] = latency("work", "fast", 0.9, 5 * MS + 1000); /* in the bucket of 5 ms */
    rig_stop(&rig);
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    for (int i = 0; i < 5000; i++) {
        slipring_record(work, 5 * MS, SLIPRING_SUCCESS, NULL);
    }
    rig.options.rules = rules;
    rig.options.rule_count = 1;
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(one("fast").total, 5000);
    CHECK(one("fast").good < 5000);
    CHECK(one("fast").exact_since_ns != 0);
}

static void the_file_goes_before_programs_by_name(void)
{
    static struct agent_objective_rule rules[1];
    rules[0] = latency("work", "fast", 0.9, 5 * MS);
    get_work();
    say("fast", 0.5, 5 * MS);
    say("mine", 0.5, 2 * MS);
    record_tens(1);
    reload(rules, 1);
    expect("fast", 0.9, SLIPRING_SOURCE_FILE, 9, 10); /* the same threshold: what was counted stays */
    expect("mine", 0.5, SLIPRING_SOURCE_API, 6, 10);
    say("fast", 0.7, 2 * MS); /* in vain */
    expect("fast", 0.9, SLIPRING_SOURCE_FILE, 9, 10);
    for (int life = 0; life < 2; life++) {
        rig_drop(&rig);
        rig_open(&rig);
        rig_tick(&rig, RIG_SECOND);
        expect("fast", 0.9, SLIPRING_SOURCE_FILE, 9, 10);
        expect("mine", 0.5, SLIPRING_SOURCE_API, 6, 10);
    }
}

static void what_the_program_said_comes_back(void)
{
    static struct agent_objective_rule rules[1];
    rules[0] = latency("work", "fast", 0.9, 5 * MS);
    get_work();
    say("fast", 0.5, 5 * MS);
    record_tens(1);
    reload(rules, 1);
    reload(NULL, 0);
    expect("fast", 0.5, SLIPRING_SOURCE_API, 9, 10); /* nothing that counts was changed */
    reload(rules, 1);
    say("fast", 0.5, 2 * MS);
    reload(NULL, 0);
    expect("fast", 0.5, SLIPRING_SOURCE_API, 0, 0); /* its threshold is another one */
    record_tens(1);
    expect("fast", 0.5, SLIPRING_SOURCE_API, 6, 10);
    say("fast", 0.6, 2 * MS); /* and it may change it again */
    expect("fast", 0.6, SLIPRING_SOURCE_API, 6, 10);
}

static uint32_t open_incidents(void)
{
    static struct slipring_incident all[SLIPRING_INCIDENT_COUNT];
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(rig.store), agent_store_stats_path(rig.store));
    uint32_t open = 0;
    const uint32_t count = sr_stats_incidents(stats, all);
    for (uint32_t i = 0; i < count; i++) {
        open += all[i].ended_wall_ns == 0;
    }
    sr_stats_close(stats);
    CHECK(count > 0);
    return open;
}

static void what_only_the_file_said_goes_away_with_its_past(void)
{
    static struct agent_objective_rule rules[2];
    rules[0] = latency("work", "fast", 0.999, 5 * MS);
    rules[1] = latency("work", "slow", 0.5, 50 * MS);
    get_work();
    reload(rules, 2);
    record_tens(3);
    record_tens(3);
    rig_tick(&rig, 2 * RIG_SECOND);
    CHECK(open_incidents() > 0);
    reload(&rules[1], 1);
    CHECK_EQUAL(open_incidents(), 0);
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 1);
    expect("slow", 0.5, SLIPRING_SOURCE_FILE, 60, 60); /* the one behind it stays */
    struct slipring_slo_stats slo;
    CHECK_OK(slipring_slo_read(work, &slo));
    CHECK_EQUAL(slo.objective_count, 1);
    reload(rules, 2);
    expect("fast", 0.999, SLIPRING_SOURCE_FILE, 0, 0); /* it begins, and knows nothing of the first time */
    CHECK_OK(slipring_slo_read(work, &slo));
    CHECK_EQUAL(slo.objectives[0].windows[0].total, 0);
    reload(NULL, 0);
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").present & SLIPRING_HAS_SLO, 0);
    record_tens(1);
    rig_drop(&rig);
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 70);
}

static void there_is_room_for_eight(void)
{
    static struct agent_objective_rule rules[10];
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(rules); i++) {
        rules[i] = latency("*", names[i], 0.9, (i + 1) * MS);
    }
    get_work();
    say("mine", 0.5, 2 * MS);
    reload(rules, 10);
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 8);
    CHECK_EQUAL(one("mine").source, SLIPRING_SOURCE_API); /* who is there stays */
    CHECK_EQUAL(one("g").kind, SLIPRING_LATENCY);
    CHECK_EQUAL(one("h").kind, 0);
    reload(&rules[3], 7); /* a, b, c go, and make room for h, i, j */
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 8);
    CHECK_EQUAL(one("j").kind, SLIPRING_LATENCY);
    CHECK_EQUAL(one("a").kind, 0);
    record_tens(1);
    CHECK_EQUAL(one("j").good, 9);
    CHECK_EQUAL(one("d").total, 10);
}

static void a_money_budget_is_carried(void)
{
    static struct agent_objective_rule rules[1];
    rules[0] = (struct agent_objective_rule){.pattern = "work",
                                             .name = "spend",
                                             .kind = SLIPRING_SPEND,
                                             .amount = 120 * UINT64_C(1000000000),
                                             .period_s = SLIPRING_PERIOD_MONTH};
    get_work();
    reload(rules, 1);
    CHECK_EQUAL(one("spend").kind, SLIPRING_SPEND);
    CHECK_EQUAL(one("spend").amount_nanodollars, 120 * UINT64_C(1000000000));
    CHECK_EQUAL(one("spend").period_s, SLIPRING_PERIOD_MONTH);
}

/* Its segment of rings was removed, and nobody registered it since. */
static void a_book_that_nobody_registered_loses_what_only_the_file_said(void)
{
    static struct agent_objective_rule rules[1];
    char path[PATH_MAX];
    rules[0] = latency("work", "fast", 0.9, 5 * MS);
    get_work();
    say("mine", 0.5, 2 * MS);
    reload(rules, 1);
    rig_stop(&rig);
    CHECK_OK(slipring_close(rig_producer));
    place_path(path, rig.options.store, "ring");
    CHECK_EQUAL(remove(path), 0);
    place_path(path, rig.options.store, "lock");
    CHECK_EQUAL(remove(path), 0);
    rig_open(&rig);
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 2);
    reload(NULL, 0);
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 1);
    CHECK_EQUAL(one("mine").kind, SLIPRING_LATENCY);
}

/* --- the rest of a reload ----------------------------------------------------------------------------------------------------- */

static uint64_t at_bound(uint64_t bound_ns, uint64_t *out_exact_since_ns)
{
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    for (uint32_t i = 0; i < detail.bound_count; i++) {
        if (detail.bounds[i].bound_ns == bound_ns && detail.bounds[i].is_le) {
            *out_exact_since_ns = detail.bounds[i].exact_since_ns;
            return detail.bounds[i].count;
        }
    }
    return UINT64_MAX;
}

static void bounds_change_under_a_program_that_records_and_no_count_is_lost(void)
{
    struct agent_options options = rig.options;
    uint64_t since_ns = 0;
    get_work();
    record_tens(1);
    options.le = (struct sr_bound_list){.count = 2, .ns = {3 * MS, 100 * MS}};
    rig_change_options(&rig, &options);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(at_bound(3 * MS, &since_ns), 6);
    CHECK_EQUAL(at_bound(100 * MS, &since_ns), 10);
    CHECK_EQUAL(at_bound(1000 * MS, &since_ns), UINT64_MAX);
    record_tens(100); /* through the ring, and the spill */
    CHECK_EQUAL(at_bound(3 * MS, &since_ns), 606);
    CHECK_EQUAL(at_bound(100 * MS, &since_ns), 1010);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1010);
    options.le = (struct sr_bound_list){.count = 0};
    rig_change_options(&rig, &options);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(at_bound(10 * MS, &since_ns), 909);
    CHECK_EQUAL(at_bound(3 * MS, &since_ns), UINT64_MAX);
}

static void windows_and_percentiles_change_and_keep_what_stays(void)
{
    struct agent_options options = rig.options;
    get_work();
    record_tens(1);
    rig_tick(&rig, RIG_SECOND);
    options.window_count = 3;
    options.window_ns[0] = 30 * RIG_SECOND;
    options.window_ns[1] = 60 * RIG_SECOND;
    options.window_ns[2] = 3600 * RIG_SECOND;
    options.extra_count = 1;
    options.extra_ppm[0] = 750000;
    rig_change_options(&rig, &options);
    rig_tick(&rig, RIG_SECOND);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.window_count, 3);
    CHECK_EQUAL(detail.windows[0].window_ns, 30 * RIG_SECOND);
    CHECK_EQUAL(detail.windows[1].n, 10); /* the minute was there before */
    CHECK_EQUAL(detail.windows[2].n, 10); /* so was the hour */
    CHECK_EQUAL(detail.extra_count, 1);
    CHECK_EQUAL(detail.extra_ppm[0], 750000);
    record_tens(1);
    CHECK_EQUAL(rig_detail(&rig, "work").windows[0].n, 10);
    CHECK_EQUAL(rig_detail(&rig, "work").windows[2].n, 20);
}

static void limits_are_told_to_programs(void)
{
    struct agent_options options = rig.options;
    struct slipring_primitive *other;
    options.primitive_limit = 1;
    get_work();
    rig_change_options(&rig, &options);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(rig_figures(&rig).registry_limit, 1);
    CHECK_STATUS(slipring_primitive_get(rig_producer, "other", NULL, &other), SLIPRING_LIMIT_REACHED);
    options.primitive_limit = 2;
    rig_change_options(&rig, &options);
    CHECK_OK(slipring_primitive_get(rig_producer, "third", NULL, &other));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_file_sets_objectives_for_names_that_match),
        RIG_TEST(a_reload_sets_them_for_what_is_there),
        RIG_TEST(a_threshold_that_no_program_knew_is_not_called_exact),
        RIG_TEST(the_file_goes_before_programs_by_name),
        RIG_TEST(what_the_program_said_comes_back),
        RIG_TEST(what_only_the_file_said_goes_away_with_its_past),
        RIG_TEST(there_is_room_for_eight),
        RIG_TEST(a_money_budget_is_carried),
        RIG_TEST(a_book_that_nobody_registered_loses_what_only_the_file_said),
        RIG_TEST(bounds_change_under_a_program_that_records_and_no_count_is_lost),
        RIG_TEST(windows_and_percentiles_change_and_keep_what_stays),
        RIG_TEST(limits_are_told_to_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
