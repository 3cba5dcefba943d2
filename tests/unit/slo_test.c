/* SPDX-License-Identifier: Apache-2.0 */
/* The SLO engine: what fires and when it ceases, what is logged of it, and that a kill changes none of it. In a time that the test makes.
 * ctest-timeout: 180 */
#include "agent/books/slo.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <slipring/slipring.h>

#include "api/process.h"
#include "base/crashpoint.h"
#include "pure/alert.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/place.h"
#include "support/rig.h"

#define MS     UINT64_C(1000000)
#define MINUTE UINT64_C(60)
#define HOUR   UINT64_C(3600)
#define DAY    UINT64_C(86400)

static struct slipring_primitive *work;

static void get_work(void)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
}

/* Availability, of which 99.9 % and thirty days are usual. */
static void begin(double target, uint64_t period_s)
{
    get_work();
    const struct slipring_slo slo = {.availability_ppb = SLIPRING_TARGET(target), .period_s = period_s};
    CHECK_OK(slipring_slo_configure(work, &slo));
    rig_tick(&rig, RIG_SECOND);
}

static uint32_t book_of_work(void)
{
    return rig.books->primitive[sr_handle_id(work)].book;
}

static void record(uint32_t good, uint32_t bad)
{
    for (uint32_t i = 0; i < good + bad; i++) {
        slipring_record(work, MS, i < good ? SLIPRING_SUCCESS : SLIPRING_FAILURE, NULL);
    }
}

/* So many good and bad ones each second. */
static void go_on(uint64_t seconds, uint32_t good, uint32_t bad)
{
    for (uint64_t i = 0; i < seconds; i++) {
        record(good, bad);
        rig_tick(&rig, RIG_SECOND);
    }
}

/* As published. */
static struct slipring_slo_stats slo(void)
{
    struct slipring_slo_stats out;
    CHECK_OK(slipring_slo_read(work, &out));
    return out;
}

static enum slipring_alert_state state(uint32_t pair)
{
    return (enum slipring_alert_state)slo().objectives[0].alerts[pair].state;
}

static uint32_t incidents(struct slipring_incident out[SLIPRING_INCIDENT_COUNT])
{
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(rig.store), agent_store_stats_path(rig.store));
    CHECK(stats != NULL);
    const uint32_t count = sr_stats_incidents(stats, out);
    sr_stats_close(stats);
    return count;
}

/* The only one of this pair. */
static struct slipring_incident incident(uint32_t pair)
{
    static struct slipring_incident all[SLIPRING_INCIDENT_COUNT];
    struct slipring_incident found = {.pair = UINT32_MAX};
    for (uint32_t i = incidents(all); i-- > 0;) {
        if (all[i].pair == pair) {
            CHECK_EQUAL(found.pair, UINT32_MAX);
            found = all[i];
        }
    }
    CHECK_EQUAL(found.pair, pair);
    return found;
}

/* Seconds until a pair is in this state, a tick each. */
static uint64_t await(uint32_t pair, enum slipring_alert_state wanted, uint32_t good, uint32_t bad)
{
    uint64_t seconds = 0;
    for (; state(pair) != wanted; seconds++) {
        CHECK(seconds < DAY);
        go_on(1, good, bad);
    }
    return seconds;
}

/* What is published are the counts of this moment. */
static void expect_published(const struct slipring_slo_stats *now)
{
    const struct slipring_slo_stats shown = slo();
    for (uint32_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        CHECK_EQUAL(shown.objectives[0].windows[i].good, now->objectives[0].windows[i].good);
        CHECK_EQUAL(shown.objectives[0].windows[i].total, now->objectives[0].windows[i].total);
    }
}

/* Of every pair and every moment: it is in the state that its windows' counts say, to the event. */
static void expect_judged(void)
{
    static const uint32_t windows[SLIPRING_ALERT_COUNT][2] = {{2, 0}, {4, 1}, {5, 3}, {6, 4}};
    struct slipring_slo_stats now;
    books_commit(rig.books);
    slo_read(rig.books, book_of_work(), rig.now_ns, &now);
    expect_published(&now);
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        const struct slipring_slo_objective *objective = &now.objectives[0];
        const struct slipring_slo_window *longer = &objective->windows[windows[pair][0]];
        const struct slipring_slo_window *shorter = &objective->windows[windows[pair][1]];
        const struct sr_alert_window long_window = {.good = longer->good, .total = longer->total};
        const struct sr_alert_window short_window = {.good = shorter->good, .total = shorter->total};
        CHECK_EQUAL(objective->alerts[pair].state,
                    sr_alert_judge(&sr_alert_pairs[pair], 999000000, 30 * DAY, SR_ALERT_MINIMUM_EVENTS,
                                   &long_window, &short_window));
    }
}

static void a_pair_fires_while_both_of_its_windows_exceed(void)
{
    begin(0.999, 30 * DAY);
    go_on(HOUR, 10, 0);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_QUIET);
    CHECK_EQUAL(slo().objectives[0].alerts[0].since_wall_ns, 0);
    /* All fail. 5 of 5 minutes' 3,000 are more than 14.4 times 0.1 % of them after 5 s, of an hour's 36,000 after 52 s. */
    go_on(6, 0, 10);
    CHECK(slo().objectives[0].windows[0].burn_rate > 14.4);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_QUIET);
    const uint64_t waited_s = await(0, SLIPRING_ALERT_FIRING, 0, 10);
    CHECK(waited_s >= 45 && waited_s <= 47);
    CHECK(slo().objectives[0].windows[2].burn_rate > 14.4);
    const uint64_t began_ns = rig.wall_ns;
    CHECK_EQUAL(slo().objectives[0].alerts[0].since_wall_ns, began_ns);
    CHECK_EQUAL(incident(0).began_wall_ns, began_ns);
    CHECK_EQUAL(incident(0).ended_wall_ns, 0);
    go_on(8, 0, 10);
    CHECK_EQUAL(incident(0).bad, 80);
    /* It is over: the short window knows within five minutes, the long one not for most of an hour. */
    const uint64_t ceased_s = await(0, SLIPRING_ALERT_QUIET, 10, 0);
    CHECK(ceased_s >= 280 && ceased_s <= 305);
    CHECK(slo().objectives[0].windows[2].burn_rate > 14.4);
    CHECK(slo().objectives[0].windows[0].burn_rate <= 14.4);
    const struct slipring_incident over = incident(0);
    CHECK_EQUAL(over.began_wall_ns, began_ns);
    CHECK_EQUAL(over.ended_wall_ns, rig.wall_ns);
    CHECK_EQUAL(slo().objectives[0].alerts[0].since_wall_ns, rig.wall_ns);
    CHECK_EQUAL(over.bad, 80);
    CHECK(over.peak_burn_rate > 14.4 && over.peak_burn_rate < 20.0);
    CHECK_EQUAL(over.kind, SLIPRING_AVAILABILITY);
    CHECK_EQUAL(strcmp(over.objective, "availability"), 0);
    CHECK_EQUAL(strcmp(over.primitive, "work"), 0);
    CHECK_EQUAL(strcmp(over.type, "primitive"), 0);
}

/* Bursts, pauses of minutes and hours, a share of failures around the factors: whenever somebody looks, each pair is in its state, though
 * nothing is judged while nothing changes. */
static void a_pair_is_in_the_state_that_its_counts_say_at_every_tick(void)
{
    begin(0.999, 30 * DAY);
    uint64_t seed = 42;
    uint32_t fired = 0;
    for (uint32_t round = 0; round < 60; round++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const uint32_t good = (uint32_t)(seed >> 33) % 40;
        const uint32_t bad = (uint32_t)(seed >> 43) % 3;
        const uint64_t steps = (seed >> 53) % 100;
        const uint64_t step_s = 1 + (seed >> 60);
        const bool is_pause = (seed >> 50) % 3 == 0;
        for (uint64_t step = 0; step < steps * (is_pause ? 5 : 1); step++) {
            if (!is_pause) {
                record(good, bad);
            }
            rig_tick(&rig, (is_pause ? 5 * step_s : step_s) * RIG_SECOND);
            expect_judged();
        }
        fired += state(0) == SLIPRING_ALERT_FIRING || state(2) == SLIPRING_ALERT_FIRING;
    }
    CHECK(fired > 3);
    for (uint64_t hour = 0; hour < 100; hour++) { /* until nothing is left of it */
        rig_tick(&rig, HOUR * RIG_SECOND);
        expect_judged();
    }
    CHECK_EQUAL(state(3), SLIPRING_ALERT_NO_DATA);
}

static void a_handful_of_events_fires_nothing(void)
{
    begin(0.999, 30 * DAY);
    go_on(1, 0, 9);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_GATED);
    CHECK_EQUAL(slo().minimum_events, 10);
    go_on(1, 0, 1);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING);
    rig_stop(&rig);
    rig.options.slo_minimum_events = 11;
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_GATED);
    CHECK_EQUAL(slo().minimum_events, 11);
}

static void a_pair_that_can_never_fire_says_so(void)
{
    begin(0.9, 30 * DAY);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_CANNOT_FIRE); /* 14.4 times a tenth is more than all */
    CHECK_EQUAL(state(1), SLIPRING_ALERT_NO_DATA);
    go_on(1, 0, 100);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_CANNOT_FIRE);
    CHECK_EQUAL(state(1), SLIPRING_ALERT_FIRING);
}

static void no_pair_and_no_window_reaches_beyond_the_period(void)
{
    begin(0.999, 6 * HOUR);
    go_on(1, 100, 0);
    const struct slipring_slo_objective objective = slo().objectives[0];
    CHECK_EQUAL(objective.alerts[1].state, SLIPRING_ALERT_QUIET);
    CHECK(objective.alerts[1].factor == 0.05);
    CHECK_EQUAL(objective.alerts[2].state, SLIPRING_ALERT_NONE);
    CHECK_EQUAL(objective.alerts[2].long_s, 0);
    CHECK_EQUAL(objective.windows[4].window_s, 6 * HOUR);
    CHECK_EQUAL(objective.windows[5].window_s, 0);
    CHECK_EQUAL(slo().burn_present, 0x1f);
}

/* Nothing is published for a book that rests; but that there is nothing any more is. */
static void silence_is_told(void)
{
    begin(0.999, 30 * DAY);
    CHECK(slo().objectives[0].present & SLIPRING_SLO_NO_DATA);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_NO_DATA);
    CHECK_EQUAL(slo().burn_present, 0);
    go_on(10, 10, 0);
    CHECK(!(slo().objectives[0].present & SLIPRING_SLO_NO_DATA));
    for (uint64_t minute = 0; minute < 60; minute++) {
        CHECK_EQUAL(slo().objectives[0].present & SLIPRING_SLO_NO_DATA, 0);
        rig_tick(&rig, MINUTE * RIG_SECOND);
    }
    rig_tick(&rig, MINUTE * RIG_SECOND);
    CHECK(slo().objectives[0].present & SLIPRING_SLO_NO_DATA);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_NO_DATA);
    CHECK_EQUAL(state(1), SLIPRING_ALERT_QUIET);
    CHECK_EQUAL(slo().objectives[0].windows[2].total, 0);
    CHECK_EQUAL(slo().objectives[0].windows[3].total, 100);
}

static void exhaustion_is_told_while_something_burns(void)
{
    begin(0.99, 30 * DAY);
    go_on(100, 1000, 0);
    CHECK_EQUAL(slo().objectives[0].present & SLIPRING_SLO_HAS_EXHAUSTION, 0);
    go_on(1, 0, 500); /* half of what 100,500 are allowed, at a rate of nearly a half */
    const struct slipring_slo_objective objective = slo().objectives[0];
    CHECK(objective.present & SLIPRING_SLO_HAS_EXHAUSTION);
    CHECK(objective.exhaustion_s > 29.9 * 86400 && objective.exhaustion_s < 30.5 * 86400);
    go_on(1, 0, 600);
    CHECK(slo().objectives[0].exhaustion_s == 0.0);
}

static void the_worst_of_the_objectives_is_told(void)
{
    begin(0.999, 30 * DAY);
    const struct slipring_objective fast = {
        .kind = SLIPRING_LATENCY, .target_ppb = SLIPRING_TARGET(0.5), .threshold_ns = MS / 2};
    CHECK_OK(slipring_objective_add(work, &fast));
    rig_tick(&rig, RIG_SECOND);
    go_on(1, 999, 1);
    CHECK_EQUAL(slo().objective_count, 2);
    CHECK(slo().worst_burn_rate[0] == 2.0); /* all are too slow */
    CHECK(slo().objectives[0].windows[0].burn_rate == 1.0);
    double burn = 0;
    CHECK_OK(slipring_burn_rate(work, "availability", 300, &burn));
    CHECK(burn == 1.0);
    CHECK_OK(slipring_budget_remaining(work, "latency", &burn));
    CHECK(burn == -1.0);
}

/* --- another clock --------------------------------------------------------------------------------------------------------- */

/* Another time namespace, or another boot: marks that lie ahead are of an unknown time, and no window may take them for the last minutes. */
static void a_clock_that_is_behind_the_books_fires_nothing_of_the_past(void)
{
    begin(0.999, 30 * DAY);
    const struct slipring_objective monthly = {.kind = SLIPRING_AVAILABILITY,
                                               .name = "monthly",
                                               .target_ppb = SLIPRING_TARGET(0.5),
                                               .period_s = SLIPRING_PERIOD_MONTH};
    CHECK_OK(slipring_objective_add(work, &monthly));
    rig_tick(&rig, RIG_SECOND);
    go_on(100, 0, 10);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING);
    rig_stop(&rig);
    rig.now_ns = 50 * RIG_SECOND;
    rig.wall_ns += DAY * RIG_SECOND;
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_NO_DATA);
    CHECK_EQUAL(slo().objectives[0].windows[6].total, 0);
    CHECK(incident(0).ended_wall_ns != 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1000);
    CHECK_EQUAL(rig_detail(&rig, "work").objectives[0].total, 0);
    CHECK_EQUAL(rig_detail(&rig, "work").objectives[0].since_ns, 50 * RIG_SECOND);
    CHECK_EQUAL(rig_detail(&rig, "work").objectives[1].total, 1000); /* the same month */
    go_on(100, 10, 0);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_QUIET);
    CHECK_EQUAL(slo().objectives[0].windows[0].total, 1000);
    CHECK_EQUAL(rig_detail(&rig, "work").objectives[1].total, 2000);
}

/* --- kills ---------------------------------------------------------------------------------------------------------------- */

static void an_incident_outlives_the_agent(void)
{
    begin(0.999, 30 * DAY);
    go_on(100, 10, 0);
    go_on(3, 0, 10);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING);
    const uint64_t began_ns = incident(0).began_wall_ns;
    rig_drop(&rig);
    rig_pass(&rig, 30 * RIG_SECOND);
    record(0, 10);
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING);
    CHECK_EQUAL(incident(0).began_wall_ns, began_ns);
    CHECK_EQUAL(incident(0).ended_wall_ns, 0);
    rig_drop(&rig);
    rig_pass(&rig, 4 * DAY * RIG_SECOND);
    rig_open(&rig);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_NO_DATA);
    CHECK_EQUAL(incident(0).ended_wall_ns,
                rig.wall_ns - RIG_SECOND); /* as soon as somebody was there to see it */
}

#if SR_CRASHPOINTS_BUILT
struct kill {
    enum sr_crashpoint point;
    uint32_t nth;
};

static void go_on_until_killed(void *argument)
{
    const struct kill *kill = argument;
    rig_open(&rig);
    go_on(3, 1, 0); /* what the last one left is done */
    sr_crashpoint_arm(kill->point, kill->nth);
    go_on(20, 0, 10);
}

/* An alert that fires has its incident, and an incident that has not ended its alert. */
static void expect_one_open_incident_for_each_that_fires(void)
{
    static struct slipring_incident all[SLIPRING_INCIDENT_COUNT];
    const uint32_t count = incidents(all);
    uint32_t open = 0;
    uint32_t firing = 0;
    for (uint32_t i = 0; i < count; i++) {
        open += all[i].ended_wall_ns == 0;
    }
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        firing += state(pair) == SLIPRING_ALERT_FIRING;
    }
    CHECK_EQUAL(open, firing);
}

static void an_alert_and_its_incident_are_one_commit(void)
{
    static const enum sr_crashpoint points[] = {SR_CRASHPOINT_journal_filled, SR_CRASHPOINT_journal_committed,
                                                SR_CRASHPOINT_drain_journal_cleared};
    begin(0.999, HOUR); /* so that one failure sets its only pair off, and five minutes without end it */
    go_on(10, 10, 0);
    for (uint32_t i = 0; i < 6 * SR_ARRAY_COUNT(points); i++) {
        struct kill kill = {.point = points[i % SR_ARRAY_COUNT(points)],
                            .nth = 1 + i / SR_ARRAY_COUNT(points)};
        rig_drop(&rig);
        child_dies_by(child_start(go_on_until_killed, &kill), SIGKILL);
        rig_pass(&rig, 30 * RIG_SECOND); /* the child's time is over */
        rig_open(&rig);
        expect_one_open_incident_for_each_that_fires();
        go_on(1, 10, 0);
        rig_tick(&rig, 10 * MINUTE * RIG_SECOND);
        expect_one_open_incident_for_each_that_fires();
        CHECK(state(0) != SLIPRING_ALERT_FIRING);
    }
}
#endif

static void the_last_incidents_are_kept(void)
{
    begin(0.999, HOUR);
    static struct slipring_incident all[SLIPRING_INCIDENT_COUNT];
    for (uint32_t i = 0; i < 300; i++) {
        go_on(1, 0, 10);
        CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING);
        rig_tick(&rig, (HOUR + MINUTE) * RIG_SECOND);
        CHECK_EQUAL(state(0), SLIPRING_ALERT_NO_DATA);
    }
    CHECK_EQUAL(incidents(all), SLIPRING_INCIDENT_COUNT);
    for (uint32_t i = 0; i + 1 < SLIPRING_INCIDENT_COUNT; i++) {
        CHECK(all[i].ended_wall_ns > all[i].began_wall_ns && all[i].ended_wall_ns < all[i + 1].began_wall_ns);
    }
    CHECK_EQUAL(RIG_WORD(&rig, incident, 0, SR_INCIDENT_NEXT), 300);
}

static uint64_t word_of_incident(uint64_t number, size_t off)
{
    return RIG_WORD(&rig, incident, 0, SR_INCIDENTS + number * SR_INCIDENT_WORDS + off / 8);
}

/* 256 others came meanwhile. */
static void an_incident_that_was_written_over_ends_unseen(void)
{
    begin(0.999, HOUR);
    go_on(1, 0, 10);
    CHECK_EQUAL(RIG_WORD(&rig, incident, 0, SR_INCIDENT_NEXT), 1);
    books_commit(rig.books);
    sr_batch_set(&rig.books->durable->batch, SR_WORD(incident, 0, SR_INCIDENT_NEXT), 257);
    books_commit(rig.books);
    go_on(1, 0, 10);
    CHECK_EQUAL(word_of_incident(0, offsetof(struct slipring_incident, bad)), 0);
    rig_tick(&rig, 2 * HOUR * RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_NO_DATA);
    CHECK_EQUAL(word_of_incident(0, offsetof(struct slipring_incident, ended_wall_ns)), 0);
    go_on(1, 0, 10);
    CHECK_EQUAL(RIG_WORD(&rig, incident, 0, SR_INCIDENT_NEXT), 258);
    CHECK_EQUAL(word_of_incident(1, offsetof(struct slipring_incident, began_wall_ns)), rig.wall_ns);
}

/* --- no room -------------------------------------------------------------------------------------------------------------- */

static void without_pages_alerts_fire_unlogged_and_are_published_later(void)
{
    get_work();
    record(10, 0);
    rig_tick(&rig, RIG_SECOND);
    faults_arm(0, 0, 0);
    const struct slipring_slo wish = {.availability_ppb = SLIPRING_TARGET(0.999)};
    CHECK_OK(slipring_slo_configure(work, &wish));
    record(0, 10);
    faults_arm(0, 100000, ENOSPC);
    rig_tick(&rig, RIG_SECOND);
    rig_tick(&rig, RIG_SECOND);
    struct slipring_slo_stats out;
    CHECK_STATUS(slipring_slo_read(work, &out), SLIPRING_NO_DATA);
    CHECK_EQUAL(RIG_WORD(&rig, incident, 0, SR_INCIDENT_NEXT), 0);
    double remaining = 0;
    CHECK_OK(slipring_budget_remaining(work, NULL, &remaining));
    faults_arm(0, 0, 0);
    record(0, 10);
    rig_tick(&rig, 2 * RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING);
    CHECK_EQUAL(slo().objectives[0].windows[0].total, 20);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_pair_fires_while_both_of_its_windows_exceed),
        RIG_TEST(a_pair_is_in_the_state_that_its_counts_say_at_every_tick),
        RIG_TEST(a_handful_of_events_fires_nothing),
        RIG_TEST(a_pair_that_can_never_fire_says_so),
        RIG_TEST(no_pair_and_no_window_reaches_beyond_the_period),
        RIG_TEST(silence_is_told),
        RIG_TEST(exhaustion_is_told_while_something_burns),
        RIG_TEST(the_worst_of_the_objectives_is_told),
        RIG_TEST(a_clock_that_is_behind_the_books_fires_nothing_of_the_past),
        RIG_TEST(an_incident_outlives_the_agent),
#if SR_CRASHPOINTS_BUILT
        RIG_TEST(an_alert_and_its_incident_are_one_commit),
#endif
        RIG_TEST(the_last_incidents_are_kept),
        RIG_TEST(an_incident_that_was_written_over_ends_unseen),
        RIG_TEST(without_pages_alerts_fire_unlogged_and_are_published_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
