/* SPDX-License-Identifier: Apache-2.0 */
/* What people may ask of a running agent: over a unix socket beside the store's files, slipring.STORE.socket, mode 0600, whose peer's uid is
 * checked. POST /-/reload, POST /-/reset; everything that the TCP listener shows is there, too.
 *
 * The HTTP thread puts an order into a mailbox and waits; the drain thread executes it between two ticks and answers. */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"

enum control_what { CONTROL_RELOAD, CONTROL_RESET };

struct control_order {
    enum control_what what;
    const char *name; /* of the primitive to reset; NULL: all */
    const char *type; /* NULL: any */
    uint32_t uid;     /* who asks, for the log */
};

struct control; /* the mailbox */

__attribute__((warn_unused_result)) bool control_open(struct control **out_control);
void control_close(struct control *control);

/* In an HTTP thread: hand the order over and wait for its end, at most ten seconds. Returns an HTTP status, and appends a sentence. */
unsigned control_ask(struct control *control, const struct control_order *order, struct buffer *answer);

/* In the drain thread: execute what waits, by calling `execute`, which returns the HTTP status. */
void control_serve(struct control *control,
                   unsigned (*execute)(void *context, const struct control_order *order,
                                       struct buffer *answer),
                   void *context);

#endif
