/* SPDX-License-Identifier: Apache-2.0 */
/* What a process has used so far, as the kernel counts it in /proc. */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
    uint64_t cpu_ns;     /* on a CPU, all living threads; exact for those that sleep at this moment */
    uint64_t first_ns;   /* of these, the process's first thread */
    uint64_t switches;   /* times that a thread left its CPU, wanting to or not */
    uint64_t anon_bytes; /* resident memory of its own */
    uint64_t file_bytes; /* resident pages of files: the program itself */
    uint64_t
        shmem_bytes; /* resident pages of the tmpfs that it has touched: the segments; shared with all others */
};

/* False: a message says why. */
bool usage_read(pid_t process, struct usage *out_usage);

/* Bytes that a file keeps in its file system; 0 when it is not there. */
uint64_t usage_of_file(const char *folder, const char *name);

#endif
