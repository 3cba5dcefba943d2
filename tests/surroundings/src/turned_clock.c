/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that a test turns while programs run: loaded before the C library ($LD_PRELOAD), it adds to CLOCK_REALTIME and
 * CLOCK_MONOTONIC what stands in the two 64-bit words, nanoseconds, of the file $TURNED_CLOCK. Timers keep the kernel's time. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

struct turned {
    _Atomic int64_t realtime_ns;
    _Atomic int64_t monotonic_ns;
};

static struct turned *turned;

__attribute__((constructor)) static void open_turned(void)
{
    const char *path = getenv("TURNED_CLOCK");
    const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *base = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *turned, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    turned = base == MAP_FAILED ? NULL : base;
    if (fd >= 0) {
        (void)close(fd);
    }
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *out_time)
{
    const int result = (int)syscall(SYS_clock_gettime, clock, out_time);
    if (result != 0 || turned == NULL || (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)) {
        return result;
    }
    /* relaxed: the test turns one clock at a time */
    const int64_t by_ns =
        clock == CLOCK_REALTIME
            ? atomic_load_explicit(&turned->realtime_ns, memory_order_relaxed)
            : atomic_load_explicit(&turned->monotonic_ns, memory_order_relaxed); /* relaxed: as above */
    const int64_t ns = (int64_t)out_time->tv_sec * SECOND + out_time->tv_nsec + by_ns;
    out_time->tv_sec = (time_t)(ns / SECOND);
    out_time->tv_nsec = (long)(ns % SECOND);
    return 0;
}
