/* SPDX-License-Identifier: Apache-2.0 */
/* Orders carried out: see executor.h. */
#include "executor.h"

#include <inttypes.h>
#include <string.h>

#include "agent/books/binding.h"
#include "agent/books/reset.h"
#include "agent/log.h"
#include "peer/clock.h"

void executor_publish(struct executor *executor)
{
    publisher_hurry(executor->publisher);
    while (publisher_tick(executor->publisher, sr_clock_ns()) == 0) {
        (void)drain_tick(executor->drain, sr_clock_ns()); /* should it be over, the loop will hear of it */
    }
}

/* --- reset ---------------------------------------------------------------------------------------------------------------- */

static bool is_meant(const struct books *books, uint32_t index, const struct control_order *order)
{
    char name[136];
    char type[64];
    if (!books->book[index].is_used) {
        return false;
    }
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_NAME), name, sizeof name);
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_TYPE), type, sizeof type);
    return (order->name == NULL || strcmp(order->name, name) == 0) &&
           (order->type == NULL || strcmp(order->type, type) == 0);
}

/* What the books have counted that begin anew now: nobody can ask them afterwards. */
static uint64_t count_executions(const struct books *books, const struct control_order *order)
{
    uint64_t sum = 0;
    for (uint32_t index = 0; index < books->high; index++) {
        if (is_meant(books, index, order)) {
            sum += sr_batch_get(&books->durable->batch, SR_WORD(book, index, SR_BOOK_COUNT));
        }
    }
    return sum;
}

static unsigned reset(struct executor *executor, const struct control_order *order, struct buffer *answer)
{
    struct books *books = executor->books;
    drain_all(executor->drain, sr_clock_ns());
    books_commit(books);
    const uint64_t executions = count_executions(books, order);
    const uint32_t count = reset_named(books, order->name, order->type, sr_clock_ns(), sr_clock_wall_ns());
    log_event(LOG_WARNING, log_what("reset by hand"), control_log_who(order),
              log_text("primitive", order->name ? order->name : "all"),
              log_text("type", order->type ? order->type : "any"), log_number("primitives", count),
              log_number("executions", executions), control_log_process(order));
    if (count == 0 && order->name) {
        buffer_add_text(answer,
                        order->type ? "no primitive has this name and type" : "no primitive has this name");
        return 404;
    }
    executor_publish(executor);
    buffer_format(answer, "%" PRIu32 " primitive%s began anew; %" PRIu64 " execution%s had been counted",
                  count, count == 1 ? "" : "s", executions, executions == 1 ? "" : "s");
    return 200;
}

unsigned executor_run(void *context, const struct control_order *order, struct buffer *answer)
{
    struct executor *executor = context;
    return order->what == CONTROL_RESET ? reset(executor, order, answer)
                                        : reload_apply(executor->reload, order, answer);
}
