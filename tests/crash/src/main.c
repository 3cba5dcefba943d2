/* SPDX-License-Identifier: Apache-2.0 */
/* tests/crash.sh's program: kills, and compares. */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "support/place.h"
#include "system/clock.h"
#include "visits.h"

static struct {
    uint64_t kills, seconds, seed;
    enum sr_crashpoint point; /* none: all */
    bool visits_points;
    bool is_json;
} wish = {.visits_points = true};

static int visit_points(struct report *report)
{
    int failed = 0;
    uint64_t seed = wish.seed;
    for (uint32_t point = 1; point < SR_CRASHPOINT_COUNT; point++) {
        if (wish.point != SR_CRASHPOINT_none && wish.point != (enum sr_crashpoint)point) {
            continue;
        }
        const uint64_t began_ns = sr_clock_ns();
        (void)printf("%s: ", report_point_name((enum sr_crashpoint)point));
        (void)fflush(stdout);
        report->points_wanted++;
        const bool is_hit = visit((enum sr_crashpoint)point, seed++, report);
        (void)printf("%s, %.1f s\n", is_hit ? "visited, all exact" : "NEVER REACHED",
                     (double)(sr_clock_ns() - began_ns) / 1e9);
        (void)fflush(stdout);
        failed += !is_hit;
    }
    return failed;
}

static int run(void)
{
    static struct report report;
    const uint64_t began_ns = sr_clock_ns();
    int failed = 0;
    report.seed = wish.seed;
    (void)printf("seed %" PRIu64 "\n", wish.seed);
    if (wish.visits_points && SR_CRASHPOINTS_BUILT) {
        failed = visit_points(&report);
    } else if (wish.visits_points) {
        (void)printf("this build has no crash points: only kills at any time\n");
    }
    if (wish.kills > 0 || wish.seconds > 0) {
        random_kills(report_kills(&report) + (wish.kills > 0 ? wish.kills : UINT32_MAX), wish.seconds,
                     wish.seed, &report);
    }
    report.seconds = (double)(sr_clock_ns() - began_ns) / 1e9;
    report_print(&report);
    if (wish.is_json) {
        report_print_json(&report);
    }
    return failed;
}

static int list_points(void)
{
    for (uint32_t point = 1; point < SR_CRASHPOINT_COUNT; point++) {
        (void)printf("%-26s %s\n", report_point_name((enum sr_crashpoint)point),
                     report_point_leaves((enum sr_crashpoint)point));
    }
    return 0;
}

enum { EXIT_USAGE = 2 };

static bool take_number(const char *text, uint64_t *out_number)
{
    char *end = NULL;
    *out_number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

static bool take_option(int option, const char *value)
{
    switch (option) {
    case 'k':
        return take_number(value, &wish.kills);
    case 's':
        return take_number(value, &wish.seconds);
    case 'S':
        return take_number(value, &wish.seed);
    case 'n':
        wish.visits_points = false;
        return true;
    case 'j':
        wish.is_json = true;
        return true;
    case 'p':
        wish.point = report_point_of(value);
        return wish.point != SR_CRASHPOINT_none;
    default:
        return false;
    }
}

int main(int count, char **arguments)
{
    static const struct option options[] = {
        {"kills", required_argument, NULL, 'k'}, {"seconds", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'S'},  {"point", required_argument, NULL, 'p'},
        {"no-points", no_argument, NULL, 'n'},   {"json", no_argument, NULL, 'j'},
        {"list", no_argument, NULL, 'l'},        {NULL, 0, NULL, 0},
    };
    wish.seed = sr_clock_wall_ns() / 1000 % 1000000;
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        if (option == 'l') {
            return list_points();
        }
        if (!take_option(option, optarg)) {
            (void)fprintf(stderr, "crash-harness: bad option; tests/crash.sh --help\n");
            return EXIT_USAGE;
        }
    }
    if (optind != count) {
        return EXIT_USAGE;
    }
    return place_run(run);
}
