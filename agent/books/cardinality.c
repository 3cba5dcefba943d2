/* SPDX-License-Identifier: Apache-2.0 */
/* See cardinality.h. */
#include "cardinality.h"

#include "agent/log.h"

static enum cardinality_state state_of(const struct cardinality *cardinality, uint32_t used, uint32_t limit)
{
    const uint64_t fifths = (uint64_t)used * 5;
    const uint64_t quarters = (uint64_t)used * 4;
    if (used >= limit) {
        return CARDINALITY_FULL;
    }
    if (fifths >= (uint64_t)limit * 4) {
        return CARDINALITY_FILLING;
    }
    return quarters < (uint64_t)limit * 3 ? CARDINALITY_FINE : cardinality->told;
}

enum cardinality_state cardinality_note(struct cardinality *cardinality, uint32_t used, uint32_t limit)
{
    const enum cardinality_state state = state_of(cardinality, used, limit);
    const enum cardinality_state told = cardinality->told;
    cardinality->told = state == CARDINALITY_FINE || state > told ? state : told;
    if (state <= told) {
        return CARDINALITY_FINE;
    }
    log_event(LOG_WARNING,
              log_what(state == CARDINALITY_FULL
                           ? "no more primitives: new names are recorded under __overflow__"
                           : "four fifths of the primitives that may be are registered"),
              log_number("registered", used), log_number("limit", limit),
              log_text("hint", "raise limits.primitives (--max-primitives), or see slipring top --once for "
                               "names that are made of ids"));
    return state;
}
