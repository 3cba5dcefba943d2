/* SPDX-License-Identifier: Apache-2.0 */
/* The report, for people and for programs: see report.h. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *leaves;
} points[SR_CRASHPOINT_COUNT] = {
    [SR_CRASHPOINT_none] = {"none", ""},
#define SR_CRASHPOINT_ROW(name, leaves) [SR_CRASHPOINT_##name] = {#name, leaves},
#include "base/crashpoints.def"
#undef SR_CRASHPOINT_ROW
};

const char *report_point_name(enum sr_crashpoint point)
{
    return points[point].name;
}

const char *report_point_leaves(enum sr_crashpoint point)
{
    return points[point].leaves;
}

enum sr_crashpoint report_point_of(const char *name)
{
    for (uint32_t point = 1; point < SR_CRASHPOINT_COUNT; point++) {
        if (strcmp(points[point].name, name) == 0) {
            return (enum sr_crashpoint)point;
        }
    }
    return SR_CRASHPOINT_none;
}

uint64_t report_kills(const struct report *report)
{
    return report->kills_agent + report->kills_producer + report->at_point_agent + report->at_point_producer;
}

uint32_t report_points_visited(const struct report *report)
{
    uint32_t count = 0;
    for (uint32_t point = 1; point < SR_CRASHPOINT_COUNT; point++) {
        count += report->visits[point] > 0;
    }
    return count;
}

/* X(words for people, key, value) */
#define REPORT_LINES(X)                                                                                      \
    X("kills of the agent, at any time", kills_agent)                                                        \
    X("kills of the agent, at crash points", at_point_agent)                                                 \
    X("kills of producers, at any time", kills_producer)                                                     \
    X("kills of producers, at crash points", at_point_producer)                                              \
    X("agents that lived", agents)                                                                           \
    X("producer processes that lived", producers)                                                            \
    X("comparisons of all figures, each exact", comparisons)                                                 \
    X("executions recorded", executions)                                                                     \
    X("of these with usage, of priced and unpriced resources", usages)                                       \
    X("spans aborted by deaths", aborted)                                                                    \
    X("calls cut by a kill", in_call)                                                                        \
    X("  of these counted", counted)                                                                         \
    X("  of these not counted", not_counted)                                                                 \
    X("  of these torn in the shared spill", torn)                                                           \
    X("  of these torn in a usage account", usage_torn)                                                      \
    X("  of these a span's end without its sample, or the other way round", came_apart)                      \
    X("journals replayed", replays)

void report_print(const struct report *report)
{
    (void)printf("seed %" PRIu64 ", %" PRIu64 " kills, %.1f s\n", report->seed, report_kills(report),
                 report->seconds);
    if (report->points_wanted > 0) {
        (void)printf("%8u of %u crash points visited\n", report_points_visited(report),
                     report->points_wanted);
    }
#define X(words, key) (void)printf("%8" PRIu64 " %s\n", report->key, words);
    REPORT_LINES(X)
#undef X
    (void)fflush(stdout);
}

void report_print_json(const struct report *report)
{
    (void)printf("{\"seed\": %" PRIu64 ", \"kills\": %" PRIu64 ", \"seconds\": %.1f", report->seed,
                 report_kills(report), report->seconds);
#define X(words, key) (void)printf(", \"" #key "\": %" PRIu64, report->key);
    REPORT_LINES(X)
#undef X
    (void)printf(", \"points\": {");
    for (uint32_t point = 1; point < SR_CRASHPOINT_COUNT; point++) {
        (void)printf("%s\"%s\": %" PRIu64, point > 1 ? ", " : "", points[point].name, report->visits[point]);
    }
    (void)printf("}}\n");
    (void)fflush(stdout);
}
