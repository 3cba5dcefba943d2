/* SPDX-License-Identifier: Apache-2.0 */
/* One order at a time, behind a lock: see control.h. */
#include "control.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/log.h"

enum { WAIT_S = 10 };

enum state { STATE_NOBODYS, STATE_WAITING, STATE_TAKEN, STATE_DONE, STATE_LEFT };

struct control {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the state, or is_refusing */
    enum state state;
    bool is_refusing;
    int wake; /* an eventfd */
    /* While there is an order: */
    struct control_order order; /* its texts are these: */
    char name[CONTROL_TEXT_BYTES];
    char type[CONTROL_TEXT_BYTES];
    char user[CONTROL_TEXT_BYTES];
    unsigned status;
    struct buffer answer;
};

bool control_open(struct control **out_control)
{
    struct control *control = calloc(1, sizeof *control);
    int error = control ? 0 : ENOMEM;
    if (control) {
        control->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        error = control->wake < 0 ? errno : 0;
    }
    if (error != 0) {
        log_event(LOG_ERROR, log_what("cannot take orders"), log_text("error", strerror(error)));
        free(control);
        return false;
    }
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&control->lock, NULL);
    (void)pthread_cond_init(&control->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    *out_control = control;
    return true;
}

void control_close(struct control *control)
{
    if (!control) {
        return;
    }
    (void)close(control->wake);
    (void)pthread_cond_destroy(&control->changed);
    (void)pthread_mutex_destroy(&control->lock);
    buffer_free(&control->answer);
    free(control);
}

int control_fd(const struct control *control)
{
    return control->wake;
}

/* --- asking --------------------------------------------------------------------------------------------------------------- */

static void change(struct control *control, enum state state)
{
    control->state = state;
    (void)pthread_cond_broadcast(&control->changed);
}

/* The text into its place; NULL stays NULL. False: it has no room. */
static bool take_text(const char *from, char *room, const char **out_text)
{
    const size_t length = from ? strlen(from) : 0;
    if (length >= CONTROL_TEXT_BYTES) {
        return false;
    }
    *out_text = NULL;
    if (from) {
        memcpy(room, from, length + 1);
        *out_text = room;
    }
    return true;
}

/* The mailbox is nobody's, and the lock is held. */
static bool put(struct control *control, const struct control_order *order)
{
    control->order = *order;
    if (!take_text(order->name, control->name, &control->order.name) ||
        !take_text(order->type, control->type, &control->order.type) ||
        !take_text(order->user, control->user, &control->order.user)) {
        return false;
    }
    change(control, STATE_WAITING);
    const uint64_t one = 1;
    (void)!write(control->wake, &one, sizeof one); /* full: it is awake anyway */
    return true;
}

/* The lock is held. Until the state is DONE, or it makes no sense to wait any longer. */
static void await(struct control *control, const struct timespec *until)
{
    int error = 0;
    while (error == 0 &&
           (control->state == STATE_TAKEN || (control->state == STATE_WAITING && !control->is_refusing))) {
        error = pthread_cond_timedwait(&control->changed, &control->lock, until);
    }
}

static unsigned refuse(const struct control *control, struct buffer *answer)
{
    buffer_add_text(answer, control->is_refusing
                                ? "the agent is stopping, or making its socket again: nothing was done"
                                : "the agent did not come to it within ten seconds: nothing was done");
    return 503;
}

/* The order was put. The lock is held. */
static unsigned end(struct control *control, struct control_order *order, struct buffer *answer)
{
    unsigned status = 0;
    if (control->state == STATE_WAITING) {
        status = refuse(control, answer);
        change(control, STATE_NOBODYS);
        return status;
    }
    order->draft = NULL;
    if (control->state == STATE_TAKEN) {
        buffer_add_text(answer, "still under way after ten seconds: the agent's log will tell");
        change(control, STATE_LEFT);
        return 504;
    }
    status = control->status;
    buffer_add(answer, control->answer.text, control->answer.used);
    answer->failed |= control->answer.failed;
    buffer_free(&control->answer);
    change(control, STATE_NOBODYS);
    return status;
}

unsigned control_ask(struct control *control, struct control_order *order, struct buffer *answer)
{
    struct timespec until;
    unsigned status = 404;
    int error = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    (void)pthread_mutex_lock(&control->lock);
    while (error == 0 && control->state != STATE_NOBODYS && !control->is_refusing) {
        error = pthread_cond_timedwait(&control->changed, &control->lock, &until);
    }
    if (control->state != STATE_NOBODYS || control->is_refusing) {
        status = refuse(control, answer);
    } else if (!put(control, order)) {
        buffer_add_text(answer, "no primitive has so long a name or type");
    } else {
        await(control, &until);
        status = end(control, order, answer);
    }
    (void)pthread_mutex_unlock(&control->lock);
    return status;
}

/* --- serving -------------------------------------------------------------------------------------------------------------- */

void control_serve(struct control *control,
                   unsigned (*execute)(void *context, const struct control_order *order,
                                       struct buffer *answer),
                   void *context)
{
    uint64_t count = 0;
    (void)!read(control->wake, &count, sizeof count); /* before the look: what comes later wakes again */
    (void)pthread_mutex_lock(&control->lock);
    const bool is_order = control->state == STATE_WAITING && !control->is_refusing;
    if (is_order) {
        change(control, STATE_TAKEN);
    }
    (void)pthread_mutex_unlock(&control->lock);
    if (!is_order) {
        return;
    }
    /* Taken, the order and its answer are this thread's alone. */
    control->status = execute(context, &control->order, &control->answer);
    (void)pthread_mutex_lock(&control->lock);
    if (control->state == STATE_LEFT) {
        buffer_free(&control->answer);
        change(control, STATE_NOBODYS);
    } else {
        change(control, STATE_DONE);
    }
    (void)pthread_mutex_unlock(&control->lock);
}

void control_refuse(struct control *control, bool is_refusing)
{
    (void)pthread_mutex_lock(&control->lock);
    control->is_refusing = is_refusing;
    (void)pthread_cond_broadcast(&control->changed);
    (void)pthread_mutex_unlock(&control->lock);
}
