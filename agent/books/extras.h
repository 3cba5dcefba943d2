/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for such figures as not every place has: native histograms, exemplars, what objectives come to.
 *
 *   G1  Where there is no page, the rest of the figures is published without. It is counted and logged when the shortage begins, not while it
 *       lasts, for each kind.
 *   G2  A place without its page asks again, but all places together once a second for each kind: on a full tmpfs a round costs a few
 *       system calls, not thousands.
 *   G3  A primitive at rest asks, too (publisher.c): what it lacks comes when there is room again, not when it is recorded next. */
#ifndef AGENT_EXTRAS_H
#define AGENT_EXTRAS_H

#include <stdbool.h>
#include <stdint.h>

struct books;

enum extra { EXTRA_NATIVE, EXTRA_EXEMPLARS, EXTRA_SLO, EXTRA_COUNT };

/* Of one kind. */
struct extra_shortage {
    uint64_t retry_ns; /* not asked before */
    bool is_said;
};

/* Does the place have its page, now at the latest? */
__attribute__((warn_unused_result)) bool extras_reserve(struct books *books, enum extra extra, uint32_t place,
                                                        uint64_t now_ns);

/* Would a place without a page be asking now? */
__attribute__((warn_unused_result)) bool extras_may_ask(const struct books *books, enum extra extra,
                                                        uint64_t now_ns);

#endif
