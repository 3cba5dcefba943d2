/* SPDX-License-Identifier: Apache-2.0 */
/* A lock on the folder of all stores: see keeper.h. */
#include "system/keeper.h"

#include <fcntl.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "system/map.h"

/* FNV-1a, as http://www.isthe.com/chongo/tech/comp/fnv/ has it. */
static off_t byte_of(const char *store)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *at = store; *at; at++) {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    }
    return (off_t)(hash >> 2);
}

static int open_folder(void)
{
    return open(sr_map_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int sr_keeper_begin(const char *store)
{
    const int folder = open_folder();
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte_of(store), .l_len = 1};
    if (folder >= 0 && fcntl(folder, F_OFD_SETLK, &lock) != 0) {
        (void)close(folder);
        return -1;
    }
    return folder;
}

bool sr_keeper_is_there(const char *store)
{
    const int folder = open_folder();
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte_of(store), .l_len = 1};
    const bool is_kept = folder >= 0 && fcntl(folder, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (folder >= 0) {
        (void)close(folder);
    }
    return is_kept;
}

void sr_keeper_await(const char *store, const char *suffix)
{
    struct sr_map map = {.base = NULL};
    if (sr_map_name(&map, store, suffix) != SLIPRING_OK) {
        return;
    }
    for (int tries = 0; tries < 200 && !sr_map_exists(&map) && sr_keeper_is_there(store); tries++) {
        const struct timespec pause = {.tv_nsec = 5000000};
        (void)nanosleep(&pause, NULL);
    }
}
