/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's main thread between start and stop: the drain whenever it asks for it, the tick counter's
 * calibration once a second, the reaper once a second, the
 * publisher and the mover ten times a second, checkpoints when they are due, the watchdog's beat, the HTTP side's overdue connections; and a signal ends it. */
#ifndef AGENT_LOOP_H
#define AGENT_LOOP_H

#include "calibration.h"
#include "checkpoint.h"
#include "drain.h"
#include "http.h"
#include "mover.h"
#include "notify.h"
#include "publisher.h"
#include "reaper.h"
#include "retirer.h"

struct loop {
    struct drain *drain;
    struct calibration *calibration;
    struct reaper *reaper;
    struct retirer *retirer;
    struct publisher *publisher;
    struct mover *mover;
    struct checkpoint *checkpoint; /* or NULL */
    struct http *http;
    const struct notify *notify;
    int signals; /* a signalfd of the signals that end the loop */
};

/* Until one of the signals comes; returns its number. 0: it cannot go on, and the log says why. */
int loop_run(const struct loop *loop);

#endif
