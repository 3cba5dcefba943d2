/* SPDX-License-Identifier: Apache-2.0 */
/* Which layout a segment's file is of, for people: asked when it was refused as another version's. Another major number is another
 * layout; another minor one is the same with something more in places that were unused, so it is taken both ways. */
#ifndef SR_PROTOCOL_VERSION_H
#define SR_PROTOCOL_VERSION_H

#include <stdbool.h>
#include <stdint.h>

struct sr_version {
    uint32_t major;
    uint32_t minor;
};

/* What the ring or stats segment at this path says it is. False: it cannot be read, or is none of ours. */
bool sr_version_of_file(const char *path, struct sr_version *out_version);

/* Ours. */
struct sr_version sr_version_here(void);

#endif
