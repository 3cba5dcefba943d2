/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's measuring of the tick counter: with sights that the test makes, and once with the machine's own. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/drain/calibration.h"
#include "peer/clock.h"
#include "peer/drain.h"
#include "pure/tick_rate.h"
#include "support/check.h"
#include "support/place.h"
#include "support/rig.h"

#define MS UINT64_C(1000000)
#define US UINT64_C(1000)

static struct calibration calibration;
static struct calibration_sight sight; /* the last one */

static uint64_t published(void)
{
    return sr_drain_tick_rate(agent_store_rings(rig.store));
}

static void begin(void)
{
    sr_drain_set_tick_rate(agent_store_rings(rig.store), 12345); /* what a former agent left */
    calibration_open(&calibration, agent_store_rings(rig.store), true);
    CHECK_EQUAL(published(), 0);
    sight = (struct calibration_sight){.ticks = UINT64_C(1) << 40, .gap = 50, .now_ns = RIG_SECOND};
}

/* So much later, on a machine of `mhz`. */
static void note(uint64_t later_ns, uint64_t mhz, uint64_t gap)
{
    sight.ticks += later_ns * mhz / 1000;
    sight.now_ns += later_ns;
    sight.gap = gap;
    calibration_note(&calibration, &sight);
}

static void expect_mhz(uint64_t mhz)
{
    const uint64_t rate = (UINT64_C(1000) << 32) / mhz;
    CHECK(published() >= rate - 4 && published() <= rate + 4);
    publisher_run(rig.publisher, rig.now_ns);
    CHECK_EQUAL(rig_figures(&rig).clock_is_tsc, 1);
}

static void expect_none(void)
{
    CHECK_EQUAL(published(), 0);
    publisher_run(rig.publisher, rig.now_ns);
    CHECK_EQUAL(rig_figures(&rig).clock_is_tsc, 0);
}

static void the_rate_is_published_after_10_ms_and_refined_after_100_and_1000(void)
{
    begin();
    note(0, 2000, 50);
    expect_none();
    CHECK_EQUAL(calibration.due_ns, sight.now_ns + 10 * MS);
    note(10 * MS, 2000, 50);
    expect_mhz(2000);
    CHECK_EQUAL(calibration.due_ns, sight.now_ns + 90 * MS);
    note(90 * MS, 2001, 50); /* the first was a little off: 90 ms of 2001 and 10 of 2000 */
    const uint64_t rate = published();
    CHECK(rate < (UINT64_C(1000) << 32) / 2000 && rate > (UINT64_C(1000) << 32) / 2001);
    CHECK_EQUAL(calibration.due_ns, sight.now_ns + 900 * MS);
    note(900 * MS, 2001, 50);
    CHECK_EQUAL(calibration.due_ns, sight.now_ns + RIG_SECOND);
    note(RIG_SECOND, 2001, 50); /* the anchor has moved along: no word of 2000 any more */
    expect_mhz(2001);
}

static void a_clock_that_is_slewed_is_followed(void)
{
    begin();
    note(0, 2000, 50);
    note(10 * MS, 2000, 50);
    note(90 * MS, 2000, 50);
    note(900 * MS, 2000, 50);
    for (uint64_t mhz = 2001; mhz < 2020; mhz++) { /* 500 in 10^6 at a time */
        note(RIG_SECOND, mhz, 50);
        expect_mhz(mhz);
    }
}

static void a_vague_sight_is_looked_at_again_later(void)
{
    begin();
    note(0, 2000, 50);
    note(10 * MS, 2000, 951); /* 1001 of 20,000,000 ticks */
    expect_none();
    CHECK_EQUAL(calibration.due_ns, sight.now_ns + 10 * MS);
    note(MS, 2000, UINT64_MAX); /* it ran backwards within all tries */
    expect_none();
    note(9 * MS, 2000, 950);
    expect_mhz(2000);
    note(80 * MS, 2000, 1000000); /* interrupted: the rate stays */
    expect_mhz(2000);
}

static void nothing_is_measured_from_a_vague_anchor(void)
{
    begin();
    note(0, 2000, UINT64_MAX);
    CHECK_EQUAL(calibration.due_ns, sight.now_ns + 10 * MS);
    note(10 * MS, 2000, 50); /* this one is the anchor */
    expect_none();
    note(10 * MS, 2000, 50);
    expect_mhz(2000);
}

static void a_jump_withdraws_the_rate_and_begins_anew(void)
{
    begin();
    note(0, 2000, 50);
    note(10 * MS, 2000, 50);
    sight.ticks += 3 * MS; /* slept: 1.5 ms that the clock does not know of */
    note(90 * MS, 2000, 50);
    expect_none();
    CHECK_EQUAL(calibration.due_ns, sight.now_ns);
    note(US, 2000, 50);
    expect_none();
    note(10 * MS, 2000, 50);
    expect_mhz(2000);
}

static void a_counter_that_began_at_0_again_withdraws_the_rate(void)
{
    begin();
    note(0, 2000, 50);
    note(10 * MS, 2000, 50);
    sight.ticks = 5;
    note(90 * MS, 2000, 50);
    expect_none();
    note(US, 2000, 50);
    note(10 * MS, 2000, 50);
    expect_mhz(2000);
}

/* --- ticks of the machine --------------------------------------------------------------------------------------------------- */

static void tick_for(uint64_t for_ns)
{
    for (uint64_t end_ns = sr_clock_ns() + for_ns; sr_clock_ns() < end_ns;) {
        const uint64_t wait_ns = calibration_tick(&calibration, sr_clock_ns());
        (void)usleep(wait_ns > 2 * MS ? 2000 : (useconds_t)(wait_ns / 1000));
    }
}

static void use_clocksource(const char *name)
{
    static char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/clocksource", place_folder());
    FILE *file = fopen(path, "w");
    CHECK(file && fprintf(file, "%s\n", name) > 0 && fclose(file) == 0);
    calibration.clocksource = path;
}

static const char *steady_name(void)
{
#if defined(__aarch64__)
    return "arch_sys_counter";
#else
    return "tsc";
#endif
}

static void a_clocksource_that_is_not_the_counter_is_not_believed(void)
{
    begin();
    use_clocksource("hpet");
    CHECK(!sr_ticks_are_steady(calibration.clocksource));
    tick_for(50 * MS);
    expect_none();
    CHECK_EQUAL(calibration_tick(&calibration, calibration.due_ns), RIG_SECOND);
    for (const char *const *name = (const char *const[]){"tscx", "ts", "tsc-early", "", NULL}; *name;
         name++) {
        use_clocksource(*name);
        CHECK(!sr_ticks_are_steady(calibration.clocksource));
    }
    CHECK(!sr_ticks_are_steady("/nowhere"));
}

static void the_rate_of_this_machine_tells_the_time_of_its_clock(void)
{
    begin();
    use_clocksource(steady_name());
    if (!sr_ticks_are_steady(calibration.clocksource)) {
        return; /* no invariant counter here: nothing to measure */
    }
    tick_for(300 * MS);
    const uint64_t rate = published();
    CHECK(sr_tick_rate_is_possible(rate));
    const uint64_t from = sr_ticks_read();
    const uint64_t from_ns = sr_clock_ns();
    (void)usleep(20000);
    const uint64_t clock_ns = sr_clock_ns() - from_ns;
    const uint64_t ticks_ns = sr_tick_rate_ns(rate, sr_ticks_read() - from);
    CHECK(ticks_ns > clock_ns - clock_ns / 100);
    CHECK(ticks_ns <
          clock_ns + clock_ns / 100 + 20 * MS); /* between the two readings we may have been put off */
    use_clocksource("hpet");                    /* the kernel found it unstable */
    tick_for(RIG_SECOND + 200 * MS);
    expect_none();
}

static void without_the_counter_nothing_is_ever_due(void)
{
    calibration_open(&calibration, agent_store_rings(rig.store), false);
    CHECK_EQUAL(calibration_tick(&calibration, sr_clock_ns()), UINT64_MAX);
    CHECK_EQUAL(calibration_tick(&calibration, UINT64_MAX), UINT64_MAX);
    expect_none();
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_rate_is_published_after_10_ms_and_refined_after_100_and_1000),
        RIG_TEST(a_clock_that_is_slewed_is_followed),
        RIG_TEST(a_vague_sight_is_looked_at_again_later),
        RIG_TEST(nothing_is_measured_from_a_vague_anchor),
        RIG_TEST(a_jump_withdraws_the_rate_and_begins_anew),
        RIG_TEST(a_counter_that_began_at_0_again_withdraws_the_rate),
        RIG_TEST(a_clocksource_that_is_not_the_counter_is_not_believed),
        RIG_TEST(the_rate_of_this_machine_tells_the_time_of_its_clock),
        RIG_TEST(without_the_counter_nothing_is_ever_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run_all);
}
