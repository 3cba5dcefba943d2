/* SPDX-License-Identifier: Apache-2.0 */
/* Where a primitive's published figures stand in this process's mapping of the stats segment, made at the first look and never unmapped. */
#ifndef SR_API_READBACK_H
#define SR_API_READBACK_H

#include "api/process.h"
#include "protocol/publish.h"

struct sr_readback {
    const struct sr_figure_shm *figure;
    const struct sr_slo_figure_shm *slo; /* not to be touched unless sr_readback_has_slo() */
    const _Atomic uint8_t *slo_page;
    const struct sr_exemplar_figure_shm *exemplars; /* likewise, unless sr_readback_has_exemplars() */
    const _Atomic uint8_t *exemplar_page;
};

/* OK, BAD_ARGUMENT, the primitive's status, or NO_DATA: nothing is published for it. Thread and signal safe; system calls at the first look of
 * a process alone, and after the store's files were made again. */
SR_MUST_CHECK enum slipring_status sr_readback_find(struct slipring_primitive *primitive,
                                                    struct sr_readback *out_place);

SR_INLINE bool sr_readback_has_slo(const struct sr_readback *place)
{
    /* acquire: pairs with sr_books_reserve(); the pages are there */
    return atomic_load_explicit(place->slo_page, memory_order_acquire) == 1;
}

SR_INLINE bool sr_readback_has_exemplars(const struct sr_readback *place)
{
    /* acquire: pairs with sr_books_reserve(); the pages are there */
    return atomic_load_explicit(place->exemplar_page, memory_order_acquire) == 1;
}

#endif
