/* SPDX-License-Identifier: Apache-2.0 */
/* Failing reservations: see faults.h. */
#include "support/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int first;
static _Atomic int end;
static _Atomic int calls;
static int failure;

void faults_arm(int passing, int count, int error)
{
    failure = error;
    atomic_store(&calls, 0);
    atomic_store(&first, passing);
    atomic_store(&end, passing + count);
}

int faults_calls(void)
{
    return atomic_load(&calls);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    const int call = atomic_fetch_add(&calls, 1);
    if (call >= atomic_load(&first) && call < atomic_load(&end)) {
        errno = failure;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
}
