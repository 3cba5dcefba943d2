/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring record`: one finished execution, from a script. */
#include "booking.h"
#include "command.h"
#include "message.h"

static int run_record(const struct invocation *invocation)
{
    struct booking booking;
    uint64_t duration_ns;
    const char *duration = invocation->values[OPTION_duration];
    if (!duration) {
        message_print("how long did it take? Give --duration TIME, as --duration 12ms");
        return STATUS_BAD;
    }
    if (!booking_parse(invocation, &booking) ||
        !booking_duration("duration", duration, 0, SLIPRING_DURATION_MAX_NS, &duration_ns)) {
        return STATUS_BAD;
    }
    /* one-shot records have no ring, and so no place for a trace */
    const bool is_traced = booking.trace.flags & SLIPRING_TRACE_SAMPLED;
    if (!booking_open(invocation, &booking, !is_traced)) {
        return STATUS_BAD;
    }
    enum slipring_outcome outcome = invocation->values[OPTION_failure] ? SLIPRING_FAILURE : SLIPRING_SUCCESS;
    slipring_record_traced(booking.primitive, duration_ns, outcome, booking.has_cost ? &booking.cost : NULL,
                           &booking.trace);
    return booking_close(invocation, &booking) ? STATUS_OK : STATUS_BAD;
}

const struct command command_record = {
    .name = "record",
    .synopsis = "[OPTION]... NAME --duration TIME",
    .summary = "record one finished execution",
    .description =
        "Records that the primitive NAME was executed once: how long it took, whether it "
        "succeeded, what it cost and "
        "saved. NAME is 1 to 128 bytes of UTF-8 without control characters; what is not known yet "
        "is registered. "
        "Without --type the type is \"primitive\".\n"
        "Creates the store when it is absent. Needs no running agent: what was recorded waits in "
        "shared memory until "
        "one books it. With --traceparent it may be shown as the slowest or the newest failing one "
        "of a window, by its trace, if that is sampled; $TRACEPARENT alone is not looked at. Exit status 0 "
        "means that it was taken and will be "
        "counted exactly once.",
    .exits = "0\trecorded\n"
             "2\tbad input, or the store cannot be recorded into; nothing was recorded\n",
    .examples =
        "slipring record backup --duration 12m5s\n"
        "slipring record backup --duration 3s --failure\tit failed after three seconds\n"
        "slipring record translate -d 850ms --cost 0.002 --category tokens --type llm\twith a bill\n"
        "slipring record backup --duration 3s --traceparent \"$TRACEPARENT\"\tunder the script's trace\n",
    COMMAND_OPTIONS(OPTION_duration, OPTION_failure, OPTION_cost, OPTION_savings, OPTION_category,
                    OPTION_type, OPTION_traceparent),
    .min_words = 1,
    .max_words = 1,
    .run = run_record,
};
