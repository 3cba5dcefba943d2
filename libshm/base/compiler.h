/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler offers beyond C11, under one name each. */
#ifndef SR_BASE_COMPILER_H
#define SR_BASE_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#define SR_LIKELY(x)          __builtin_expect(!!(x), 1)
#define SR_UNLIKELY(x)        __builtin_expect(!!(x), 0)
#define SR_COLD               __attribute__((cold, noinline))
#define SR_INLINE             static inline __attribute__((always_inline))
#define SR_PUBLIC             __attribute__((visibility("default")))
#define SR_MUST_CHECK         __attribute__((warn_unused_result))
#define SR_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Two cache lines: what two sides write never shares a line, nor the pair that an adjacent-line prefetcher
 * pulls in. */
#define SR_LINE_BYTES 128
#define SR_PAGE_BYTES 4096

#endif
