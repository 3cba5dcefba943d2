/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of the benchmark's own for its stores, so that it meets nobody's and leaves nothing. */
#ifndef BENCH_FOLDER_H
#define BENCH_FOLDER_H

#include <limits.h>
#include <stdbool.h>

struct folder {
    char path[PATH_MAX];
};

/* Make it below $SLIPRING_SHM_DIR or /dev/shm, and point $SLIPRING_SHM_DIR at it. False: a message says why. */
bool folder_make(struct folder *out_folder);

/* Remove it and the files in it. False: a message says what stays. */
bool folder_remove(const struct folder *folder);

#endif
