/* SPDX-License-Identifier: Apache-2.0 */
/* Making and removing the folder: see folder.h. */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool folder_make(struct folder *out_folder)
{
    const char *parent = getenv("SLIPRING_SHM_DIR");
    if (!parent || parent[0] == '\0') {
        parent = "/dev/shm";
    }
    const int length =
        snprintf(out_folder->path, sizeof out_folder->path, "%s/slipring-bench-XXXXXX", parent);
    if (length < 0 || (size_t)length >= sizeof out_folder->path || !mkdtemp(out_folder->path) ||
        setenv("SLIPRING_SHM_DIR", out_folder->path, 1) != 0 ||
        setenv("SLIPRING_CHECKPOINT", "none", 1) != 0) {
        fprintf(stderr, "slipring-bench: no folder can be made in %s: %s\n", parent, strerror(errno));
        return false;
    }
    return true;
}

bool folder_remove(const struct folder *folder)
{
    DIR *list = opendir(folder->path);
    const struct dirent *entry;
    while (list && (entry = readdir(list)) != NULL) {
        if (entry->d_type != DT_DIR) {
            (void)unlinkat(dirfd(list), entry->d_name, 0); /* a file that stays is found by rmdir() */
        }
    }
    if (list) {
        (void)closedir(list);
    }
    if (rmdir(folder->path) != 0) {
        fprintf(stderr, "slipring-bench: %s stays: %s\n", folder->path, strerror(errno));
        return false;
    }
    return true;
}
