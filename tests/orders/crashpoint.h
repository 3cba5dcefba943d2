/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libshm/base/crashpoint.h in the copy of the source that tests/orders/mutants.py compiles: named places call orders.c, and
 * so does every load of an atomic word. Not a byte of the source is changed for it. */
#ifndef SR_BASE_CRASHPOINT_H
#define SR_BASE_CRASHPOINT_H

#include <stdatomic.h>
#include <stdint.h>

enum sr_crashpoint {
    SR_CRASHPOINT_none,
#define SR_CRASHPOINT_ROW(name, leaves) SR_CRASHPOINT_##name,
#include "base/crashpoints.def"
#undef SR_CRASHPOINT_ROW
    SR_CRASHPOINT_COUNT,
};

/* This thread is at the point. */
void orders_reach(enum sr_crashpoint point);
/* This thread read the value there. */
void orders_loaded(const void *at, uint64_t value);

#define SR_CRASHPOINT(name)         orders_reach(SR_CRASHPOINT_##name)
#define SLIPRING_INLINE_POINT(name) SR_CRASHPOINT(name)

#undef atomic_load_explicit
#define atomic_load_explicit(at, order)                                                                      \
    __extension__({                                                                                          \
        const uint64_t loaded = __c11_atomic_load((at), (order));                                            \
        orders_loaded((const void *)(at), loaded);                                                           \
        loaded;                                                                                              \
    })

#endif
