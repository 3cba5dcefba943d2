/* SPDX-License-Identifier: Apache-2.0 */
/* Orders to a running agent, over its local socket (agent/http/local.h): POST, and what it answers. */
#ifndef TOOLS_ORDER_H
#define TOOLS_ORDER_H

#include "command.h"

struct order_answer {
    long status; /* of HTTP */
    char *text;  /* free() it; ends without a newline */
};

/* ?key=value, the value escaped, appended to a page. */
struct order_argument {
    const char *key;
    const char *value; /* NULL: left out */
};

/* What the agent of the store answers to POST of the page. STATUS_OK: it answered 200, 400 or 404; else STATUS_BAD, and stderr says why. `what` is for
 * that: "reset", "reload". Waits at most fifteen seconds. */
__attribute__((warn_unused_result)) int order_post(const char *store, const char *what,
                                                   const struct order_argument *arguments, int count,
                                                   struct order_answer *out_answer);

#endif
