/* SPDX-License-Identifier: Apache-2.0 */
/* Versions, as headers have them: see version.h. */
#include "protocol/version.h"

#include <fcntl.h>
#include <unistd.h>

#include "protocol/layout.h"

/* How both headers begin, in all versions. */
struct beginning {
    uint64_t magic;
    uint32_t abi_major;
    uint32_t abi_minor;
};
_Static_assert(offsetof(struct sr_ring_header_shm, abi_major) == offsetof(struct beginning, abi_major) &&
                   offsetof(struct sr_ring_header_shm, abi_minor) == offsetof(struct beginning, abi_minor),
               "the ring segment's");
_Static_assert(offsetof(struct sr_stats_header_shm, abi_major) == offsetof(struct beginning, abi_major) &&
                   offsetof(struct sr_stats_header_shm, abi_minor) == offsetof(struct beginning, abi_minor),
               "the stats segment's");

bool sr_version_of_file(const char *path, struct sr_version *out_version)
{
    struct beginning beginning;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    const ssize_t got = pread(fd, &beginning, sizeof beginning, 0);
    (void)close(fd);
    if (got != (ssize_t)sizeof beginning ||
        (beginning.magic != SR_RING_MAGIC && beginning.magic != SR_STATS_MAGIC)) {
        return false;
    }
    *out_version = (struct sr_version){.major = beginning.abi_major, .minor = beginning.abi_minor};
    return true;
}

struct sr_version sr_version_here(void)
{
    return (struct sr_version){.major = SR_ABI_MAJOR, .minor = SR_ABI_MINOR};
}
