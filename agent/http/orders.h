/* SPDX-License-Identifier: Apache-2.0 */
/* The pages that are orders: POST /-/reload, and POST /-/reset?name=NAME[&type=TYPE] or ?all=1. From a request to a control_order and from its end to
 * an answer, in plain text whose first line says it all; of a reset that begins with how many primitives. Knows nothing of sockets.
 *
 * Each is called in an HTTP thread, which waits meanwhile (control.h). */
#ifndef AGENT_ORDERS_H
#define AGENT_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/control/control.h"
#include "answer.h"

struct orders {
    struct control *control;
    /* Read the configuration again and see to it that it is in force: reload.h. Returns an HTTP status, and appends the answer. */
    unsigned (*reload)(void *context, const struct control_order *by, struct buffer *answer);
    void *context;
};

struct orders_query {
    const char *name; /* ?name=, NULL: not given; likewise the others */
    const char *type;
    const char *all;
    const char *user; /* who asks, by http.orders; NULL: by its uid */
    uint32_t uid;
    uint32_t pid;
};

/* Is this path an order's? */
bool orders_find(const char *path, enum control_what *out_what);

void orders_answer(const struct orders *orders, const char *path, enum control_what what,
                   const struct orders_query *query, struct answer *out_answer);

/* Who may not give them here: 403, and where they are taken. socket NULL: this agent has none now. */
void orders_refuse(const char *path, const char *socket, struct answer *out_answer);

#endif
