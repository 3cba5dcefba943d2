/* SPDX-License-Identifier: Apache-2.0 */
/* All published usage accounts at one look, by primitive: for those who show primitives one by one. See peer/stats.h for what is believed. */
#ifndef SR_PEER_USAGES_H
#define SR_PEER_USAGES_H

#include "peer/stats.h"

struct sr_usages {
    struct slipring_usage_stats *list; /* by place, then resource */
    uint32_t count;
    uint32_t room;
};

/* Read them anew; a zeroed struct is an empty one, its memory is kept. False: no memory. */
SR_MUST_CHECK bool sr_usages_take(struct sr_usages *usages, const struct sr_stats *stats);
void sr_usages_drop(struct sr_usages *usages);

/* Those of the primitive with figures in place `place`: *out_count of them, from the returned one on. */
const struct slipring_usage_stats *sr_usages_of(const struct sr_usages *usages, uint32_t place,
                                                uint32_t *out_count);

#endif
