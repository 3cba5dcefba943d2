/* SPDX-License-Identifier: Apache-2.0 */
/* Crash points, in the builds that have them: see crashpoint.h. */
#include "base/crashpoint.h"

#ifdef SR_CRASHPOINTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Atomic uint32_t sr_crashpoint_armed;
static _Atomic uint32_t left;

static const char *const names[SR_CRASHPOINT_COUNT] = {
    [SR_CRASHPOINT_none] = "none",
#define SR_CRASHPOINT_ROW(name, leaves) [SR_CRASHPOINT_##name] = #name,
#include "base/crashpoints.def"
#undef SR_CRASHPOINT_ROW
};

void sr_crashpoint_arm(enum sr_crashpoint point, uint32_t nth)
{
    /* relaxed: no other thread runs yet */
    atomic_store_explicit(&left, nth ? nth : 1, memory_order_relaxed);
    atomic_store_explicit(&sr_crashpoint_armed, (uint32_t)point, memory_order_relaxed);
}

void sr_crashpoint_reach(void)
{
    /* relaxed: a count */
    if (atomic_fetch_sub_explicit(&left, 1, memory_order_relaxed) == 1) {
        (void)kill(getpid(), SIGKILL);
        for (;;) { /* the kill reaches every thread soon; this one goes no further */
            (void)pause();
        }
    }
}

/* A build for tests: a constructor is what arms a program from outside. */
__attribute__((constructor)) static void arm_from_environment(void)
{
    const char *wish = getenv("SLIPRING_CRASHPOINT");
    if (!wish) {
        return;
    }
    const size_t length = strcspn(wish, ":");
    for (uint32_t point = 1; point < SR_CRASHPOINT_COUNT; point++) {
        if (strlen(names[point]) == length && strncmp(names[point], wish, length) == 0) {
            sr_crashpoint_arm((enum sr_crashpoint)point,
                              wish[length] ? (uint32_t)strtoul(wish + length + 1, NULL, 10) : 1);
            return;
        }
    }
    static const char message[] = "SLIPRING_CRASHPOINT names no crash point\n";
    (void)!write(STDERR_FILENO, message, sizeof message - 1);
    _exit(2); /* a crash test that kills nobody must not pass */
}

#endif
