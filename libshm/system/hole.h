/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages of a mapped sparse file exist, asked from the kernel (SEEK_DATA): to be told before touching one,
 * since touching a hole of a full tmpfs is a SIGBUS. */
#ifndef SR_SYSTEM_HOLE_H
#define SR_SYSTEM_HOLE_H

#include "system/map.h"

/* Call `found(offset, bytes, context)` for each stretch of existing pages within [offset, offset + bytes) of the mapped
 * file, ascending. OK; ABSENT when the path no longer names that file; SYSTEM. */
SR_MUST_CHECK enum slipring_status
sr_hole_survey(struct sr_map *map, uint64_t offset, uint64_t bytes,
               void (*found)(uint64_t offset, uint64_t bytes, void *context), void *context);

#endif
