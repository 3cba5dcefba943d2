/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's main thread between start and stop: the drain whenever it asks for it, the tick counter's
 * calibration once a second, the reaper once a second, the
 * publisher and the mover ten times a second, checkpoints when they are due, the watchdog's beat, the HTTP side's overdue connections, orders as they come; and a signal
 * ends it, but for SIGHUP, which is an order. */
#ifndef AGENT_LOOP_H
#define AGENT_LOOP_H

#include "agent/checkpoint/checkpoint.h"
#include "agent/control/control.h"
#include "agent/drain/calibration.h"
#include "agent/drain/drain.h"
#include "agent/drain/mover.h"
#include "agent/drain/reaper.h"
#include "agent/drain/retirer.h"
#include "agent/http/doors.h"
#include "agent/http/local.h"
#include "notify.h"
#include "publisher.h"

struct loop {
    struct drain *drain;
    struct calibration *calibration;
    struct reaper *reaper;
    struct retirer *retirer;
    struct publisher *publisher;
    struct mover *mover;
    struct checkpoint *checkpoint; /* or NULL */
    struct doors *doors;
    struct local *local;
    struct control *control; /* its orders are executed by: */
    unsigned (*execute)(void *context, const struct control_order *order, struct buffer *answer);
    void (*hang_up)(void *context); /* at SIGHUP; does not wait */
    void *context;                  /* of both */
    const struct notify *notify;
    int signals; /* a signalfd of SIGHUP and of the signals that end the loop */
};

/* Until one of the ending signals comes; returns its number. 0: it cannot go on, and the log says why. */
int loop_run(const struct loop *loop);

#endif
