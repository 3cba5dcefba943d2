/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind inspect.h share. */
#ifndef SR_PEER_INSPECT_PARTS_H
#define SR_PEER_INSPECT_PARTS_H

#include "protocol/segment.h"
#include "system/liveness.h"

struct sr_inspect {
    struct sr_segment segment;
    struct sr_liveness liveness; /* fd -1: may not be asked */
};

/* One look at a word; acquire pairs with the release of whoever published it: what lies behind it is then there. */
SR_INLINE uint64_t sr_inspect_look(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

SR_INLINE uint32_t sr_inspect_look32(const _Atomic uint32_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire); /* as above */
}

#endif
