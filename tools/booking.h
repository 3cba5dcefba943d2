/* SPDX-License-Identifier: Apache-2.0 */
/* What record and exec have in common: a primitive to record into, and what it costs. */
#ifndef TOOLS_BOOKING_H
#define TOOLS_BOOKING_H

#include <stdbool.h>

#include <slipring/record.h>
#include <slipring/store.h>
#include <slipring/trace.h>

#include "command.h"

struct booking {
    const char *name, *type, *category; /* checked; type and category may be NULL */
    struct slipring_cost cost;
    bool has_cost;
    struct slipring_trace trace; /* all zero: none */
    struct slipring_store *store;
    struct slipring_primitive *primitive;
};

/* Check the words and options, touching nothing. False: said on stderr what is wrong. */
__attribute__((warn_unused_result)) bool booking_parse(const struct invocation *invocation,
                                                       struct booking *out_booking);

/* Open the store, one-shot or not, and get the primitive. False: said on stderr; what is recorded then would be dropped. */
__attribute__((warn_unused_result)) bool booking_open(const struct invocation *invocation,
                                                      struct booking *booking, bool is_oneshot);

/* After recording: was it taken? False: said on stderr, there is nothing more to do about it. Closes the store. */
bool booking_close(const struct invocation *invocation, struct booking *booking);

/* A duration of an option or word: "the duration '12' is without a unit: ...". False: said on stderr. */
__attribute__((warn_unused_result)) bool
booking_duration(const char *what, const char *text, uint64_t least_ns, uint64_t most_ns, uint64_t *out_ns);

#endif
