/* SPDX-License-Identifier: Apache-2.0 */
/* Orders to a running agent: the mailbox between the threads that take them (the local socket's, orders.h, and the one that reads the configuration,
 * reload.h) and the drain thread, which alone may change books.
 *
 *      nobody's ──ask──► waiting ──serve──► taken ──executed──► done ──asker takes the answer──► nobody's
 *                           │                 └─ten seconds──► left ──executed──► nobody's
 *                           └─ten seconds, or the agent stops: withdrawn──────────► nobody's
 *
 *   G1  An order is executed once or not at all, whole, between two ticks of the drain; one at a time, whoever asks.
 *   G2  The drain thread never waits for an asker; a descriptor wakes it.
 *   G3  An asker waits ten seconds at most, and is told which it was: executed, not executed (503), or still under way (504). When the
 *       agent stops, at once. */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/buffer.h"
#include "agent/log.h"

struct reload_draft;
struct control; /* the mailbox */

#define CONTROL_TEXT_BYTES 256

enum control_what { CONTROL_RELOAD, CONTROL_RESET };

struct control_order {
    enum control_what what;
    const char *name;           /* RESET: of the primitive; NULL: all */
    const char *type;           /* RESET: NULL: any */
    struct reload_draft *draft; /* RELOAD: what was read, to be in force from now on (reload.h) */
    const char *signal;         /* what asks, for the log: a signal, whose sender is not known; NULL: */
    const char *user;           /* a name of http.users or http.tokens; NULL: */
    uint32_t uid;
    uint32_t pid; /* 0: not known, as over the network */
};

/* False: no memory or no descriptor, and the log says so. */
__attribute__((warn_unused_result)) bool control_open(struct control **out_control);
/* Nobody asks any more. NULL is ignored. */
void control_close(struct control *control);

/* Readable while an order waits, for poll(). */
int control_fd(const struct control *control);

/* In any thread but the drain thread: hand the order over and wait for its end. Returns an HTTP status, and appends the answer. Texts of
 * CONTROL_TEXT_BYTES and more are nobody's name: 404. An order's draft belongs to whoever executes it, and is NULL afterwards, once it was
 * taken; else it stays the asker's. */
unsigned control_ask(struct control *control, struct control_order *order, struct buffer *answer);

/* Who asked, for the log. */
static inline struct log_field control_log_who(const struct control_order *order)
{
    if (order->signal != NULL) {
        return log_text("signal", order->signal);
    }
    return order->user != NULL ? log_text("user", order->user) : log_number("uid", order->uid);
}

/* Its process, for the log, behind all other fields: none where it is not known, which ends them. */
static inline struct log_field control_log_process(const struct control_order *order)
{
    return order->pid != 0 ? log_number("pid", order->pid) : (struct log_field){.key = NULL};
}

/* In the drain thread: execute what waits, by calling `execute`, which returns the HTTP status. */
void control_serve(struct control *control,
                   unsigned (*execute)(void *context, const struct control_order *order,
                                       struct buffer *answer),
                   void *context);

/* In the drain thread: refuse what waits and what comes, as an agent does that stops; or take orders again. Who takes down a thread that
 * may be waiting here calls it first. */
void control_refuse(struct control *control, bool is_refusing);

#endif
