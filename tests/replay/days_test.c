/* SPDX-License-Identifier: Apache-2.0 */
/* ctest-labels: slow */
/* ctest-processors: 2 */
/* Ninety days of traffic in an agent whose clock the test turns, and an independent model beside it, in Python and in whole numbers and fractions: every window,
 * percentile, budget, burn rate, alert and incident that the agent publishes is compared. What happens in those days: src/scene.c. What is
 * compared, and how exactly: _model.py. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/scene.h"
#include "support/child.h"
#include "support/place.h"

#define HOUR_S UINT64_C(3600)
#define DAY_S  (24 * HOUR_S)

/* The model, with its standard input. $SLIPRING_REPLAY_KEEP: a file that gets a copy of what it reads. */
static FILE *open_model(void)
{
    const char *root = getenv("SLIPRING_SOURCE_DIR");
    const char *keep = getenv("SLIPRING_REPLAY_KEEP");
    char command[4096];
    CHECK(root != NULL);
    const int length =
        snprintf(command, sizeof command, "tee '%s' | /usr/bin/python3 '%s/tests/replay/_model.py' --figures",
                 keep ? keep : "/dev/null", root);
    CHECK(length > 0 && (size_t)length < sizeof command);
    FILE *model = popen(command, "w"); /* NOLINT(cert-env33-c): our own script */
    CHECK(model != NULL);
    return model;
}

struct days {
    struct scene_span span;
    const char *store;
};

static void play(void *argument)
{
    static const uint64_t windows_s[] = {10, 60, 300, 3600, DAY_S, 7 * DAY_S};
    const struct days *days = argument;
    rig = rig_of(days->store);
    rig.options.slo_minimum_events = 20;
    for (uint32_t i = 0; i < sizeof windows_s / sizeof windows_s[0]; i++) {
        rig.options.window_ns[rig.options.window_count++] = windows_s[i] * RIG_SECOND;
    }
    rig.options.extra_count = 2;
    rig.options.extra_ppm[0] = 250000;
    rig.options.extra_ppm[1] = 999900;
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    FILE *model = open_model();
    scene_play(&rig, &days->span, 20280110, model);
    CHECK_EQUAL(pclose(model), 0);
    rig_settle(&rig);
    rig_expect_balance(&rig);
    rig_stop(&rig);
    CHECK_OK(slipring_close(rig_producer));
}

/* In a child of its own, as every rig. */
static void play_days(uint64_t from_s, uint64_t until_s, uint64_t coarse_s)
{
    struct days days = {.span = {.from_s = from_s, .until_s = until_s, .coarse_s = coarse_s},
                        .store = place_new_store()};
    child_run_patiently(play, &days);
}

/* A fast burn, in whose midst the agent is killed, and a process with executions under way. */
static void all_figures_around_a_fast_burn_are_those_of_the_model(void **state)
{
    (void)state;
    play_days(2 * DAY_S + 9 * HOUR_S, 2 * DAY_S + 19 * HOUR_S, 60);
}

/* One in ten fails, at a target of nine in ten: a burn rate of exactly 1, for hours, which does not exceed a factor of 1; then one more. */
static void a_burn_rate_of_exactly_its_factor_is_no_alert_and_a_failure_more_is(void **state)
{
    (void)state;
    play_days(17 * DAY_S + 8 * HOUR_S, 17 * DAY_S + 20 * HOUR_S, 60);
}

static void all_figures_of_ninety_days_are_those_of_the_model(void **state)
{
    (void)state;
    if (CHECK_IS_SANITIZED) {
        return; /* minutes there; the shorter ones are not left out */
    }
    play_days(0, 90 * DAY_S, 90);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_figures_around_a_fast_burn_are_those_of_the_model),
        cmocka_unit_test(a_burn_rate_of_exactly_its_factor_is_no_alert_and_a_failure_more_is),
        cmocka_unit_test(all_figures_of_ninety_days_are_those_of_the_model),
    };
    return cmocka_run_group_tests_name("days", tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
