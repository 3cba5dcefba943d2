/* SPDX-License-Identifier: Apache-2.0 */
/* Reading published figures: see shown.h. */
#include "support/shown.h"

#include <string.h>

#include "support/check.h"

void shown_read(const char *store, struct shown *out_shown)
{
    struct sr_stats *stats = NULL;
    struct slipring_stats figure;
    struct slipring_stats_detail detail;
    memset(out_shown, 0, sizeof *out_shown);
    if (sr_stats_open(store, &stats) != SLIPRING_OK) {
        return;
    }
    for (uint32_t id = 0; id < sr_stats_high(stats); id++) {
        if (sr_stats_get(stats, id, &figure, &detail) == SLIPRING_OK && detail.name[0] == 'p') {
            const uint32_t i = (uint32_t)(detail.name[1] - '0');
            CHECK(i < SHOWN_PRIMITIVES);
            out_shown->stats[i] = figure;
            out_shown->detail[i] = detail;
        }
    }
    if (sr_stats_agent_figures(stats, &out_shown->agent) != SLIPRING_OK) {
        memset(&out_shown->agent, 0, sizeof out_shown->agent);
    }
    sr_stats_close(stats);
}

#define IS_COUNTER(kind) (sizeof(#kind) == sizeof("counter"))

void shown_expect_no_fall(const struct shown *then, const struct shown *now)
{
    for (uint32_t i = 0; i < SHOWN_PRIMITIVES; i++) {
        CHECK(now->stats[i].count >= then->stats[i].count);
        CHECK(now->stats[i].failures >= then->stats[i].failures);
        CHECK(now->stats[i].aborted >= then->stats[i].aborted);
        CHECK(now->stats[i].sum_ns[0] >= then->stats[i].sum_ns[0]);
        CHECK(now->stats[i].lifetime.n >= then->stats[i].lifetime.n);
        CHECK(now->stats[i].cost_nanodollars >= then->stats[i].cost_nanodollars);
        CHECK(now->stats[i].savings_nanodollars >= then->stats[i].savings_nanodollars);
        CHECK(now->stats[i].spilled >= then->stats[i].spilled);
        CHECK(now->stats[i].clamped >= then->stats[i].clamped);
        for (uint32_t b = 0; b < then->detail[i].bound_count; b++) {
            CHECK(now->detail[i].bounds[b].count >= then->detail[i].bounds[b].count);
        }
        for (uint32_t o = 0; o < then->detail[i].objective_count; o++) {
            CHECK(now->detail[i].objectives[o].good >= then->detail[i].objectives[o].good);
            CHECK(now->detail[i].objectives[o].total >= then->detail[i].objectives[o].total);
        }
    }
#define SR_AGENT_FIGURE(name, kind, unit, help)                                                              \
    CHECK(!IS_COUNTER(kind) || now->agent.name >= then->agent.name);
#include "peer/figures.def"
#undef SR_AGENT_FIGURE
}

void shown_expect_whole(const struct shown *shown)
{
    for (uint32_t i = 0; i < SHOWN_PRIMITIVES; i++) {
        const struct slipring_stats *stats = &shown->stats[i];
        const struct slipring_stats_detail *detail = &shown->detail[i];
        uint64_t cost = 0;
        CHECK_EQUAL(stats->lifetime.n, stats->count);
        for (uint32_t k = 0; k < detail->category_count; k++) {
            cost += detail->categories[k].cost_nanodollars;
        }
        CHECK_EQUAL(cost, stats->cost_nanodollars);
        for (uint32_t o = 0; o < detail->objective_count; o++) {
            CHECK_EQUAL(detail->objectives[o].total, stats->count + stats->aborted);
        }
    }
}
