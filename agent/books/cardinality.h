/* SPDX-License-Identifier: Apache-2.0 */
/* How full the registry of primitives is, for the log: told once when four fifths of the limit are used, and once when all of it is, from when
 * on new names are recorded under __overflow__. Told again only after it was below three quarters: names may come and go with a reload of
 * the limit. The gauges slipring_registry_used, slipring_registry_limit and slipring_registry_fill_ratio say it all the time.
 *
 * Private memory, one thread. A zeroed struct was told nothing. */
#ifndef AGENT_CARDINALITY_H
#define AGENT_CARDINALITY_H

#include <stdint.h>

enum cardinality_state {
    CARDINALITY_FINE,
    CARDINALITY_FILLING, /* four fifths and more */
    CARDINALITY_FULL,
};

struct cardinality {
    enum cardinality_state told;
};

/* What is there now: logs, and returns what was logged; CARDINALITY_FINE: nothing. */
enum cardinality_state cardinality_note(struct cardinality *cardinality, uint32_t used, uint32_t limit);

#endif
