/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's main loop. See loop.h. */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "log.h"
#include "peer/clock.h"

#define SWEEP_NS UINT64_C(1000000000)
#define SECOND   UINT64_C(1000000000)

/* What an idle agent costs is mostly that it wakes up: where there is time, what is due one after the other is done at once. */
#define REST_NS     UINT64_C(10000000) /* there is time when all wait for so long */
#define TOGETHER_NS UINT64_C(2000000)  /* so late may be what the drain does not do, ... */
#define EARLY_PART  16u                /* and so much of its wait early may be the drain: it is never late */

/* Something that is due now and then. */
struct beat {
    uint64_t due_ns;
    uint64_t every_ns; /* 0: never */
};

/* True when it is due, and then it is due again `every_ns` later. *wait_ns shrinks to what is left. */
static bool is_due(struct beat *beat, uint64_t now_ns, uint64_t *wait_ns)
{
    if (beat->every_ns == 0) {
        return false;
    }
    bool due = now_ns >= beat->due_ns;
    if (due) {
        beat->due_ns = now_ns + beat->every_ns;
    }
    uint64_t left_ns = beat->due_ns - now_ns;
    *wait_ns = left_ns < *wait_ns ? left_ns : *wait_ns;
    return due;
}

/* What woke the loop. */
struct waking {
    int signal; /* that came, 0: none; -1: waiting failed */
    bool has_order;
};

/* Until something wakes it, wait_ns at most. */
static struct waking await(const struct loop *loop, uint64_t wait_ns)
{
    struct pollfd fds[] = {{.fd = loop->signals, .events = POLLIN},
                           {.fd = control_fd(loop->control), .events = POLLIN}};
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / SECOND), .tv_nsec = (long)(wait_ns % SECOND)};
    struct waking waking = {.signal = 0};
    int ready = ppoll(fds, sizeof fds / sizeof fds[0], &wait, NULL);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
        return waking;
    }
    waking.has_order = ready > 0 && fds[1].revents != 0;
    struct signalfd_siginfo info;
    if (ready > 0 && fds[0].revents == 0) {
        return waking;
    }
    if (ready < 0 || read(loop->signals, &info, sizeof info) != (ssize_t)sizeof info) {
        waking.signal = errno == EAGAIN ? 0 : -1;
    } else {
        waking.signal = (int)info.ssi_signo;
    }
    return waking;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Until when the drain wants to wait, and from when on it may as well be called. */
struct drain_due {
    uint64_t due_ns;
    uint64_t early_ns;
};

/* Others wake the loop, too: that is no reason to look at every ring, unless it is soon. */
static uint64_t drain_when_due(struct drain *drain, struct drain_due *due)
{
    uint64_t now_ns = sr_clock_ns();
    if (now_ns < due->early_ns) {
        return due->due_ns - now_ns;
    }
    const uint64_t wait_ns = drain_tick(drain, now_ns);
    if (wait_ns != DRAIN_OVER) {
        due->due_ns = sr_clock_ns() + wait_ns;
        due->early_ns = due->due_ns - (wait_ns >= REST_NS ? wait_ns / EARLY_PART : 0);
    }
    return wait_ns;
}

/* What all of them wait for, the drain before the others. */
struct waits {
    uint64_t drain_ns;
    uint64_t ns[8];
    uint32_t count;
};

static void add_wait(struct waits *waits, uint64_t wait_ns)
{
    waits->ns[waits->count++] = wait_ns;
}

/* Until the first of them; where there is time, until the last of those that are due right after it. */
static uint64_t wait_of(const struct waits *waits)
{
    uint64_t first_ns = waits->drain_ns;
    for (uint32_t i = 0; i < waits->count; i++) {
        first_ns = least(first_ns, waits->ns[i]);
    }
    uint64_t last_ns = first_ns;
    for (uint32_t i = 0; i < waits->count && first_ns >= REST_NS; i++) {
        const bool is_near = waits->ns[i] - first_ns <= TOGETHER_NS;
        last_ns = is_near && waits->ns[i] > last_ns ? waits->ns[i] : last_ns;
    }
    return least(last_ns, waits->drain_ns);
}

int loop_run(const struct loop *loop)
{
    struct beat watchdog = {.every_ns = loop->notify->watchdog_ns}, sweep = {.every_ns = SWEEP_NS};
    struct drain_due drain_due = {.due_ns = 0};
    for (;;) {
        publisher_tell_time(loop->publisher, sr_clock_wall_ns());
        struct waits waits = {.drain_ns = drain_when_due(loop->drain, &drain_due)};
        if (waits.drain_ns == DRAIN_OVER) {
            return 0;
        }
        add_wait(&waits, calibration_tick(loop->calibration, sr_clock_ns()));
        add_wait(&waits, reaper_tick(loop->reaper, sr_clock_ns()));
        add_wait(&waits, retirer_tick(loop->retirer, sr_clock_ns()));
        add_wait(&waits, publisher_tick(loop->publisher, sr_clock_ns()));
        add_wait(&waits, checkpoint_tick(loop->checkpoint, sr_clock_ns(), sr_clock_wall_ns()));
        const uint64_t move_ns = mover_tick(loop->mover, sr_clock_ns());
        if (move_ns == MOVER_OVER) {
            return 0;
        }
        add_wait(&waits, move_ns);
        uint64_t wait_ns = wait_of(&waits);
        uint64_t now_ns = sr_clock_ns();
        if (is_due(&watchdog, now_ns, &wait_ns)) {
            notify_send(loop->notify, "WATCHDOG=1");
        }
        if (is_due(&sweep, now_ns, &wait_ns)) {
            doors_sweep(loop->doors, now_ns);
            local_sweep(loop->local, now_ns);
        }
        const struct waking waking = await(loop, wait_ns);
        if (waking.signal < 0) {
            log_event(LOG_ERROR, log_what("cannot wait"), log_text("error", strerror(errno)));
            return 0;
        }
        if (waking.signal == SIGHUP) {
            loop->hang_up(loop->context);
        } else if (waking.signal > 0) {
            return waking.signal;
        }
        if (waking.has_order) {
            control_serve(loop->control, loop->execute, loop->context);
        }
    }
}
