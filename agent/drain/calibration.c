/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring the tick counter: see calibration.h. */
#include "calibration.h"

#include "agent/log.h"
#include "peer/clock.h"
#include "peer/drain.h"
#include "pure/tick_rate.h"

#define RETRY_NS    UINT64_C(10000000)   /* the last sight was too vague */
#define UNSTEADY_NS UINT64_C(1000000000) /* may the counter be believed by now? */
#define TRIES       8
#define ANCHOR_GAP  20000u /* ticks: a vaguer sight is none to measure from */
#define PRECISION   20000u /* of a distance, one part of so many may be unknown */

/* From the anchor to the sight; the last one for ever. */
static const uint64_t distances_ns[] = {UINT64_C(10000000), UINT64_C(100000000), UINT64_C(1000000000)};
#define LAST_STEP (sizeof distances_ns / sizeof distances_ns[0] - 1)

static void publish(struct calibration *calibration, uint64_t rate)
{
    calibration->rate = rate;
    sr_drain_set_tick_rate(calibration->rings, rate);
}

/* The best of some: between the readings of the others we were interrupted. */
static struct calibration_sight look(void)
{
    struct calibration_sight best = {.gap = UINT64_MAX};
    for (int i = 0; i < TRIES; i++) {
        const uint64_t before = sr_ticks_read();
        const uint64_t now_ns = sr_clock_ns();
        const uint64_t gap = sr_ticks_read() - before; /* huge when it ran backwards: not the best */
        if (gap < best.gap) {
            best = (struct calibration_sight){.ticks = before + gap / 2, .gap = gap, .now_ns = now_ns};
        }
    }
    return best;
}

static void begin_anew(struct calibration *calibration, const char *why)
{
    if (calibration->rate != 0) {
        log_event(LOG_WARNING, log_what("spans read the clock: the tick counter is not to be believed"),
                  log_text("why", why));
    }
    publish(calibration, 0);
    calibration->has_anchor = false;
}

static void set_anchor(struct calibration *calibration, const struct calibration_sight *sight)
{
    calibration->anchor = *sight;
    calibration->has_anchor = true;
    calibration->due_ns = sight->now_ns + distances_ns[calibration->step];
}

void calibration_note(struct calibration *calibration, const struct calibration_sight *sight)
{
    const struct calibration_sight *anchor = &calibration->anchor;
    if (!calibration->has_anchor) {
        calibration->step = 0;
        if (sight->gap <= ANCHOR_GAP) {
            set_anchor(calibration, sight);
        } else {
            calibration->due_ns = sight->now_ns + RETRY_NS;
        }
        return;
    }
    const uint64_t ticks = sight->ticks - anchor->ticks;
    const uint64_t known = ticks / PRECISION;
    if (sight->gap > known || anchor->gap > known - sight->gap) {
        calibration->due_ns = sight->now_ns + RETRY_NS;
        return;
    }
    /* a counter that ran backwards advanced by far too many ticks: no machine's rate */
    const uint64_t rate = sr_tick_rate_of(ticks, sight->now_ns - anchor->now_ns);
    if (rate == 0 || (calibration->rate != 0 && sr_tick_rates_differ(rate, calibration->rate))) {
        begin_anew(calibration, "it jumped");
        calibration->due_ns = sight->now_ns;
        return;
    }
    publish(calibration, rate);
    if (calibration->step == LAST_STEP) {
        set_anchor(calibration, sight);
        return;
    }
    calibration->step++;
    calibration->due_ns = anchor->now_ns + distances_ns[calibration->step];
}

void calibration_open(struct calibration *calibration, struct sr_drain *rings, bool may_tick)
{
    *calibration =
        (struct calibration){.rings = rings, .clocksource = may_tick ? SR_TICKS_CLOCKSOURCE : NULL};
    publish(calibration, 0);
}

uint64_t calibration_tick(struct calibration *calibration, uint64_t now_ns)
{
    if (!calibration->clocksource) {
        return UINT64_MAX;
    }
    if (now_ns < calibration->due_ns) {
        return calibration->due_ns - now_ns;
    }
    if (!sr_ticks_are_steady(calibration->clocksource)) {
        begin_anew(calibration, "the kernel does not keep its time by it");
        calibration->due_ns = now_ns + UNSTEADY_NS;
    } else {
        const struct calibration_sight sight = look();
        calibration_note(calibration, &sight);
    }
    return calibration->due_ns > now_ns ? calibration->due_ns - now_ns : 0;
}
