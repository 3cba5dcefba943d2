/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a primitive's figures back, as any process may, without a system call: here to print them, and to decide
 * whether to shed load.
 *
 *     cc readback.c $(pkg-config --cflags --libs slipring) -o readback
 *     ./readback checkout workflow
 */
#include <slipring/slipring.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Too slow of late, or the error budget is spent? A figure that does not exist decides nothing. */
static bool is_time_to_shed(const struct slipring_stats *stats, double limit_ns)
{
    const bool is_slow = stats->minute.n > 100 && stats->minute.percentile_ns[SLIPRING_P99] > limit_ns;
    const bool is_spent = (stats->present & SLIPRING_HAS_SLO) && stats->budget_remaining <= 0;
    return is_slow || is_spent;
}

static void print(const struct slipring_stats *stats)
{
    const struct slipring_window_stats *all = &stats->lifetime;
    printf("%llu executions, %llu failed, %lld active\n", (unsigned long long)stats->count,
           (unsigned long long)stats->failures, (long long)stats->active);
    if (all->n > 0) {
        printf("p99 %.1f ms +- %.2f %%, of %llu\n", all->percentile_ns[SLIPRING_P99] / 1e6,
               all->relative_error * 100, (unsigned long long)all->n);
    }
    if (stats->present & SLIPRING_HAS_SLO) {
        printf("budget remaining %.2f\n", stats->budget_remaining);
    }
    printf("cost %llu nano-dollars\n", (unsigned long long)stats->cost_nanodollars);
    printf("%s\n", is_time_to_shed(stats, 250e6) ? "shedding load" : "carrying on");
}

int main(int argc, char **argv)
{
    struct slipring_primitive *primitive;
    struct slipring_stats stats;
    if (argc != 3) {
        fprintf(stderr, "usage: readback NAME TYPE\n");
        return 2;
    }
    enum slipring_status status = slipring_primitive_get(slipring_default(), argv[1], argv[2], &primitive);
    if (status == SLIPRING_OK) {
        status = slipring_stats_read(primitive, &stats);
    }
    if (status != SLIPRING_OK) {
        fprintf(stderr, "readback: %s\n", slipring_status_text(status));
        return 1;
    }
    print(&stats);
    return 0;
}
