/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the configuration again, at SIGHUP and at POST /-/reload, and putting it in force in an agent that runs.
 *
 *   G1  It is read by the thread that was asked (of HTTP, or one that waits for SIGHUP), never by the drain thread, which a slow disk
 *       must not hold up; and put in force by the drain thread, between two ticks, so that no tick sees half of it.
 *   G2  One that cannot be read, whose certificate or socket cannot be had (http/doors.h), or that answers (exposure.h) have no memory for, changes nothing:
 *       the one before stays in force, the log has each error, and the figures config_reload_ok and config_reload_failures say so.
 *   G3  What only a start can change (config_needs_start()) stays as it is; the log and the answer name it, at each reload until that start.
 *   G4  No count is lost: refit.h.
 *   G5  A configuration is freed once nobody borrows its texts any more. The first one, of which parts borrow what only a start can change,
 *       lives as long as the agent, and is main's.
 *   G6  Of several SIGHUPs that come while one is being heeded, one more is. */
#ifndef AGENT_RELOAD_H
#define AGENT_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/books/books.h"
#include "agent/config/config.h"
#include "agent/config/exposure.h"
#include "control.h"

struct doors_draft;
struct executor;
struct reload;

/* What was read at one moment; made by malloc(). */
struct reload_draft {
    struct config *config;
    struct doors_draft *doors; /* NULL: the doors stay */
};

/* What listens, which this folder knows nothing of: http/doors.h says what each does. Zeroed: it does not change. */
struct reload_doors {
    bool (*prepare)(void *context, const struct options *options, struct doors_draft **out_draft,
                    struct buffer *message);
    bool (*take)(void *context, struct doors_draft *draft);
    void (*drop)(void *context, struct doors_draft *draft);
    void *context;
};

struct reload_settings {
    int count; /* the command line, as main() has it */
    char *const *arguments;
    struct config *config; /* what was read from it at the start; outlives the reload */
    struct agent_store *store;
    struct books *books;
    struct executor *executor; /* for reload_apply() */
    struct control *control;
    struct exposure_board *exposure;
    struct reload_doors doors;
};

/* False: no memory or no thread, and the log says so. */
__attribute__((warn_unused_result)) bool reload_open(const struct reload_settings *settings,
                                                     struct reload **out_reload);

/* In any thread but the drain thread: read it, and wait until it is in force. Returns an HTTP status, and appends the answer: 200, and what needs a
 * start; 400, and the errors; 500, no memory; or as control_ask(). Blocks on files. `context` is the struct reload, `by` who asks; for orders.h. */
unsigned reload_ask(void *context, const struct control_order *by, struct buffer *answer);

/* In the drain thread, at SIGHUP: let the thread that waits for it do so. Does not wait. */
void reload_hang_up(struct reload *reload);

/* In the drain thread: put the order's draft in force. */
unsigned reload_apply(struct reload *reload, const struct control_order *order, struct buffer *answer);

/* Nobody asks any more, and orders are refused; the store is closed. NULL is ignored. */
void reload_close(struct reload *reload);

#endif
