/* SPDX-License-Identifier: Apache-2.0 */
/* Orders over HTTP: see orders.h. */
#include "orders.h"

#include <string.h>

bool orders_find(const char *path, enum control_what *out_what)
{
    static const struct {
        const char *path;
        enum control_what what;
    } pages[] = {{"/-/reload", CONTROL_RELOAD}, {"/-/reset", CONTROL_RESET}};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(path, pages[i].path) == 0) {
            *out_what = pages[i].what;
            return true;
        }
    }
    return false;
}

/* What came of it. */
static void tell(unsigned status, struct buffer *text, struct answer *out_answer)
{
    struct buffer whole = {0};
    if (status >= 400) {
        buffer_format(&whole, "%u: ", status);
    }
    buffer_add(&whole, text->text, text->used);
    if (text->used == 0 || text->text[text->used - 1] != '\n') {
        buffer_add_text(&whole, "\n");
    }
    whole.failed |= text->failed;
    buffer_free(text);
    answer_text(status, &whole, out_answer);
}

static void reset(const struct orders *orders, const char *path, const struct orders_query *query,
                  struct answer *out_answer)
{
    const bool is_all = query->all != NULL && strcmp(query->all, "1") == 0;
    struct control_order order = {.what = CONTROL_RESET,
                                  .name = query->name,
                                  .type = query->type,
                                  .user = query->user,
                                  .uid = query->uid,
                                  .pid = query->pid};
    struct buffer text = {0};
    if ((query->all != NULL && !is_all) || is_all == (query->name != NULL) ||
        (is_all && query->type != NULL)) {
        answer_error(path, 400, "which primitives are to begin anew?",
                     "Say ?name=NAME, or ?name=NAME&type=TYPE, or ?all=1.", out_answer);
        return;
    }
    const unsigned status = control_ask(orders->control, &order, &text);
    tell(status, &text, out_answer);
}

void orders_answer(const struct orders *orders, const char *path, enum control_what what,
                   const struct orders_query *query, struct answer *out_answer)
{
    struct buffer text = {0};
    if (what == CONTROL_RESET) {
        reset(orders, path, query, out_answer);
        return;
    }
    const struct control_order by = {.user = query->user, .uid = query->uid, .pid = query->pid};
    const unsigned status = orders->reload(orders->context, &by, &text);
    tell(status, &text, out_answer);
}

void orders_refuse(const char *path, const char *socket, struct answer *out_answer)
{
    struct buffer hint = {0};
    if (socket != NULL) {
        buffer_format(&hint, "Ask at %s: curl --unix-socket %s -X POST http://localhost%s, or slipring %s.",
                      socket, socket, path, path + strlen("/-/"));
    } else {
        buffer_add_text(&hint, "This agent has none now: its log says why.");
    }
    buffer_add(&hint, "", 1);
    answer_error(path, 403,
                 "orders are taken on the agent's local socket, and from those whom http.orders names",
                 hint.failed ? "See the agent's log." : hint.text, out_answer);
    buffer_free(&hint);
}
