/* SPDX-License-Identifier: Apache-2.0 */
/* See report.h. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#define POLL_MS  100 /* the agent publishes ten times a second */
#define POLL_MAX 100

/* The published figures; all 0 where there are none yet. */
static enum slipring_status look(const struct steps *steps, enum step step, struct slipring_stats *out_stats)
{
    enum slipring_status status = slipring_stats_read(steps->primitives[step], out_stats);
    if (status != SLIPRING_OK) {
        *out_stats = (struct slipring_stats){.present = 0};
    }
    return status;
}

void report_begin(struct report *out_report, const struct steps *steps)
{
    for (unsigned step = 0; step < STEP_COUNT; step++) {
        (void)look(steps, step, &out_report->before[step]); /* none before: zeros */
    }
}

/* What was added since `before`, as step_sums. */
struct figures {
    uint64_t executions, failures, cost, savings;
    int64_t active;
    uint64_t aborted;
};

static struct figures difference(const struct slipring_stats *now, const struct slipring_stats *before)
{
    return (struct figures){
        .executions = now->count - before->count,
        .failures = now->failures - before->failures,
        .cost = now->cost_nanodollars - before->cost_nanodollars,
        .savings = now->savings_nanodollars - before->savings_nanodollars,
        .active = now->active - before->active,
        .aborted = now->aborted - before->aborted,
    };
}

static bool agree(const struct figures *reported, const struct step_sums *own)
{
    return reported->executions == steps_get(&own->executions) &&
           reported->failures == steps_get(&own->failures) && reported->cost == steps_get(&own->cost) &&
           reported->savings == steps_get(&own->savings) && reported->active == 0;
}

static void print_row(const struct step_names *names, const struct figures *reported,
                      const struct step_sums *own)
{
    printf("%-12s %-8s %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %12.9f %12.9f%s\n", names->name,
           names->type, steps_get(&own->executions), reported->executions, steps_get(&own->failures),
           reported->failures, (double)reported->cost / 1e9, (double)reported->savings / 1e9,
           agree(reported, own) ? "" : "  DIFFERS");
    if (reported->active != 0 || reported->aborted != 0) {
        printf("%21s still active: %" PRId64 ", aborted: %" PRIu64 "\n", "", reported->active,
               reported->aborted);
    }
}

static void count(struct report *report, const struct figures reported[STEP_COUNT], const struct tally *sum)
{
    report->recorded = 0;
    report->reported = 0;
    for (unsigned step = 0; step < STEP_COUNT; step++) {
        report->recorded += steps_get(&sum->steps[step].executions);
        report->reported += reported[step].executions;
    }
}

static void print(const struct figures reported[STEP_COUNT], const struct tally *sum)
{
    uint64_t own_count = 0, own_failures = 0, count = 0, failures = 0;
    printf("%-12s %-8s %10s %10s %8s %8s %12s %12s\n", "primitive", "type", "recorded", "reported", "failed",
           "reported", "cost $", "saved $");
    for (unsigned step = 0; step < STEP_COUNT; step++) {
        print_row(&steps_names[step], &reported[step], &sum->steps[step]);
        own_count += steps_get(&sum->steps[step].executions);
        own_failures += steps_get(&sum->steps[step].failures);
        count += reported[step].executions;
        failures += reported[step].failures;
    }
    printf("recorded %" PRIu64 ", reported %" PRIu64 "; failed %" PRIu64 ", reported %" PRIu64 "\n",
           own_count, count, own_failures, failures);
}

bool report_compare(struct report *report, const struct steps *steps, struct crew *crew, bool is_quiet)
{
    struct tally sum;
    struct figures reported[STEP_COUNT];
    enum slipring_status status = SLIPRING_OK;
    unsigned agreed = 0;
    crew_sum(crew, &sum);
    for (unsigned poll = 0; poll < POLL_MAX; poll++) {
        agreed = 0;
        for (unsigned step = 0; step < STEP_COUNT; step++) {
            struct slipring_stats now;
            status = look(steps, step, &now);
            reported[step] = difference(&now, &report->before[step]);
            agreed += agree(&reported[step], &sum.steps[step]);
        }
        if (agreed == STEP_COUNT || crew_wait(crew, POLL_MS) != 0) {
            break;
        }
    }
    count(report, reported, &sum);
    if (!is_quiet) {
        print(reported, &sum);
    }
    if (agreed < STEP_COUNT && status != SLIPRING_OK) {
        fprintf(stderr, "slipring-demo: cannot read back: %s\n", slipring_status_text(status));
    }
    return agreed == STEP_COUNT;
}

/* Of the workers, which have ended. */
static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_CHILDREN, &usage); /* fails only for another argument */
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

void report_work(const struct crew *crew, const char *directory)
{
    struct tally sum;
    crew_sum(crew, &sum);
    printf(
        "%" PRIu64 " files under %s: %.1f MB read, %.1f MB compressed; %u processes, %.2f s, %.2f s of CPU\n",
        steps_get(&sum.steps[STEP_ARCHIVE].executions), directory, (double)steps_get(&sum.bytes_read) / 1e6,
        (double)steps_get(&sum.bytes_packed) / 1e6, crew->processes, crew->seconds, cpu_seconds());
}

void report_json(const struct report *report, const struct crew *crew, bool agreed)
{
    struct tally sum;
    crew_sum(crew, &sum);
    printf("{\"files\":%" PRIu64 ",\"bytes_read\":%" PRIu64 ",\"bytes_packed\":%" PRIu64
           ",\"processes\":%u,\"wall_us\":%.0f,\"cpu_us\":%.0f,\"recorded\":%" PRIu64 ",\"reported\":%" PRIu64
           ",\"agreed\":%s}\n",
           steps_get(&sum.steps[STEP_ARCHIVE].executions), steps_get(&sum.bytes_read),
           steps_get(&sum.bytes_packed), crew->processes, crew->seconds * 1e6, cpu_seconds() * 1e6,
           report->recorded, report->reported, agreed ? "true" : "false");
}
