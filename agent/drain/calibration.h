/* SPDX-License-Identifier: Apache-2.0 */
/* How long a tick of the processor's counter is, for the spans of all producers: measured against CLOCK_MONOTONIC, published in the
 * store's control line.
 *
 * A sight is both read at once: the clock between two readings of the counter, whose distance says how far off it may be. The
 * rate is what lies between the anchor, an earlier sight, and now. Published first some 10 ms after the start (good to 50 in
 * 10^6), again after 100 ms and each second (better than 1 in 10^6); from the first second on the anchor moves along, for
 * the clock is being disciplined and its pace changes.
 *
 * Published is 0, and spans read the clock, while nothing is measured yet, when the counter may not be believed
 * (peer/clock.h; looked at each time), and when it jumped: a rate that differs from the published one by more than
 * 1 in 1000 (the machine slept or was moved). Then it is measured anew.
 * A stopping agent leaves the rate: producers go on as they are. */
#ifndef AGENT_CALIBRATION_H
#define AGENT_CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

struct sr_drain;

struct calibration_sight {
    uint64_t ticks; /* in the middle */
    uint64_t gap;   /* ticks between the two readings */
    uint64_t now_ns;
};

struct calibration {
    struct sr_drain *rings;
    const char *clocksource; /* path of what the kernel keeps its time by; NULL: never in ticks */
    struct calibration_sight anchor;
    uint64_t due_ns;
    uint64_t rate; /* as published; 0: none */
    unsigned step; /* of the growing distances */
    bool has_anchor;
};

/* Publishes 0. */
void calibration_open(struct calibration *calibration, struct sr_drain *rings, bool may_tick);

/* Measure if that is due. Returns in how many ns it is due again. */
uint64_t calibration_tick(struct calibration *calibration, uint64_t now_ns);

/* What a tick does with a sight of a counter that may be believed. For tests. */
void calibration_note(struct calibration *calibration, const struct calibration_sight *sight);

#endif
