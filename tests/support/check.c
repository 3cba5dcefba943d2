/* SPDX-License-Identifier: Apache-2.0 */
/* Checks: see check.h. */
#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t runner;

void check_runs_here(void)
{
    runner = (pid_t)syscall(SYS_gettid);
}

void check_fail(const char *file, int line, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)dprintf(STDOUT_FILENO, "%s:%d: %s\n", file, line, text);
    if ((pid_t)syscall(SYS_gettid) == runner) {
        _fail(file, line);
    }
    _exit(CHECK_EXIT_STATUS);
}

void check_equal(const char *file, int line, const char *what, uint64_t got, uint64_t want)
{
    if (got != want) {
        check_fail(file, line, "%s is %" PRIu64 " (%#" PRIx64 "), not %" PRIu64 " (%#" PRIx64 ")", what, got,
                   got, want, want);
    }
}

void check_status(const char *file, int line, const char *what, enum slipring_status got,
                  enum slipring_status want)
{
    if (got != want) {
        check_fail(file, line, "%s is %s, not %s", what, slipring_status_name(got),
                   slipring_status_name(want));
    }
}
