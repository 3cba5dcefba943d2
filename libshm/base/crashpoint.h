/* SPDX-License-Identifier: Apache-2.0 */
/* Named places at which a test kills the process, to prove what a kill leaves behind.
 *
 * SR_CRASHPOINT(name) is nothing at all unless the tree is built with -DSLIPRING_CRASHPOINTS=ON, which no
 * installed build is. There, the process gets SIGKILL when the armed point is reached for the nth time: armed by
 * sr_crashpoint_arm(), or from outside by $SLIPRING_CRASHPOINT, "journal_committed" or "journal_committed:3". The list is
 * crashpoints.def; the crash tests are made from it.
 *
 * Arming is for one thread before the others start. Reaching is safe anywhere, also in a signal handler. */
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

#ifdef SR_CRASHPOINTS

#define SR_CRASHPOINTS_BUILT 1

extern _Atomic uint32_t sr_crashpoint_armed __attribute__((visibility("hidden")));

/* Die at the nth time (1: the next) that the point is reached; SR_CRASHPOINT_none disarms. */
void sr_crashpoint_arm(enum sr_crashpoint point, uint32_t nth);

/* The armed point was reached: counts, and kills at the nth. */
void sr_crashpoint_reach(void);

#define SR_CRASHPOINT(name)                                                                                  \
    do {                                                                                                     \
        /* relaxed: armed before the threads that reach it were started */                                   \
        if (atomic_load_explicit(&sr_crashpoint_armed, memory_order_relaxed) ==                              \
            (uint32_t)SR_CRASHPOINT_##name) {                                                                \
            sr_crashpoint_reach();                                                                           \
        }                                                                                                    \
    } while (0)

#else

#define SR_CRASHPOINTS_BUILT 0
#define SR_CRASHPOINT(name)  ((void)SR_CRASHPOINT_##name)

static inline void sr_crashpoint_arm(enum sr_crashpoint point, uint32_t nth)
{
    (void)point;
    (void)nth;
}

#endif

/* The points in <slipring/inline.h>, where the library itself includes it. */
#ifndef SLIPRING_INLINE_H
#define SLIPRING_INLINE_POINT(name) SR_CRASHPOINT(name)
#endif

#endif
