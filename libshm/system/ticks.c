/* SPDX-License-Identifier: Apache-2.0 */
/* May the tick counter be believed? See ticks.h. */
#include "system/ticks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>

static const char name_in_kernel[] = "tsc\n";

static bool is_invariant(void)
{
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    /* leaf 0x80000007, EDX bit 8: one pace in all power states; AMD64 and Intel manuals alike */
    return __get_cpuid(0x80000007u, &eax, &ebx, &ecx, &edx) != 0 && (edx >> 8 & 1u) != 0;
}

#elif defined(__aarch64__)
static const char name_in_kernel[] = "arch_sys_counter\n";

static bool is_invariant(void)
{
    return true; /* of one fixed frequency on all processors, by the architecture */
}

#else
static const char name_in_kernel[] = "";

static bool is_invariant(void)
{
    return false;
}
#endif

bool sr_ticks_are_steady(const char *clocksource_path)
{
    if (!is_invariant()) {
        return false;
    }
    const int kept = errno;
    const int fd = open(clocksource_path, O_RDONLY | O_CLOEXEC);
    char name[32];
    ssize_t length = -1;
    if (fd >= 0) {
        length = read(fd, name, sizeof name);
        (void)close(fd);
    }
    errno = kept; /* no clocksource to be seen is an answer */
    return length == (ssize_t)strlen(name_in_kernel) && memcmp(name, name_in_kernel, (size_t)length) == 0;
}
