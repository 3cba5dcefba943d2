/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a sparse file for its holes: see hole.h. */
#include "system/hole.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum slipring_status survey(struct sr_map *map, int fd, off_t at, off_t end,
                                   void (*found)(uint64_t offset, uint64_t bytes, void *context),
                                   void *context)
{
    while (at < end) {
        off_t data = lseek(fd, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) { /* holes to the end */
            return SLIPRING_OK;
        }
        off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
        if (hole < 0) {
            map->error = errno;
            return SLIPRING_SYSTEM;
        }
        if (data >= end) {
            return SLIPRING_OK;
        }
        hole = hole < end ? hole : end;
        found((uint64_t)data, (uint64_t)(hole - data), context);
        at = hole;
    }
    return SLIPRING_OK;
}

enum slipring_status sr_hole_survey(struct sr_map *map, uint64_t offset, uint64_t bytes,
                                    void (*found)(uint64_t offset, uint64_t bytes, void *context),
                                    void *context)
{
    int fd = open(map->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        map->error = errno;
        return errno == ENOENT ? SLIPRING_ABSENT : SLIPRING_SYSTEM;
    }
    struct stat st;
    enum slipring_status status = SLIPRING_ABSENT;
    if (fstat(fd, &st) == 0 && st.st_dev == map->dev && st.st_ino == map->ino) {
        status = survey(map, fd, (off_t)offset, (off_t)(offset + bytes), found, context);
    }
    (void)close(fd); /* read only: nothing to lose */
    return status;
}
