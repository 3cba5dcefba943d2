/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of orders (control.h), in the drain thread: a reset here, a reload in reload.c. Everything that is there is drained first, so that
 * what was recorded before the order stands before it; what changed is published before the answer, so that who asked sees it.
 *
 * Who asked for what, and what came of it, is logged. */
#ifndef AGENT_EXECUTOR_H
#define AGENT_EXECUTOR_H

#include "agent/books/books.h"
#include "agent/drain/drain.h"
#include "agent/publisher.h"
#include "control.h"
#include "reload.h"

struct executor {
    struct books *books;
    struct drain *drain;
    struct publisher *publisher;
    struct reload *reload;
};

/* `context` is a struct executor. For control_serve(). */
unsigned executor_run(void *context, const struct control_order *order, struct buffer *answer);

/* Publish what has changed, while the drain has its turns. */
void executor_publish(struct executor *executor);

#endif
