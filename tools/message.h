/* SPDX-License-Identifier: Apache-2.0 */
/* What `slipring` says on stderr: what happened, to what, what to do. */
#ifndef TOOLS_MESSAGE_H
#define TOOLS_MESSAGE_H

#include <slipring/status.h>

#include "command.h"

/* "slipring show: ..." and a line end. What comes from outside must have been through render_quote(). */
__attribute__((format(printf, 1, 2))) void message_print(const char *format, ...);

/* The same with "slipring show: " put there by message_command(). */
void message_command(const char *name); /* NULL: none yet */

/* "the segment was made by another version … (of 3.0; this is 2.0)": the sentence of a store's status, with what the store says more. */
const char *message_state(const char *store, enum slipring_status status, struct render_text *room);

/* A status about a store, with the nearest name of one that exists. Returns STATUS_BAD. */
int message_store(const char *what, const char *store, enum slipring_status status);

/* The same to who asked for the figures of one primitive: STATUS_NO when the store is there and no agent has published any. */
int message_figures(const char *what, const char *store, enum slipring_status status);

/* ABSENT, to who would not make the store. Returns STATUS_BAD. */
int message_no_store(const char *what, const char *store);

/* The end of the program when memory is out. */
_Noreturn void message_out_of_memory(void);

/* Flush stdout; STATUS_BAD and a message if what was printed did not arrive, else `status`. */
int message_finish(int status);

#endif
