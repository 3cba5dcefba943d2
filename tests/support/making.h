/* SPDX-License-Identifier: Apache-2.0 */
/* A small file for tests of system/map.h, made as a segment is: its first word says when it is ready. */
#ifndef SUPPORT_MAKING_H
#define SUPPORT_MAKING_H

#include <stdatomic.h>

#include "system/map.h"

#define MAKING_FILE_BYTES  (UINT64_C(64) * SR_PAGE_BYTES)
#define MAKING_DENSE_BYTES (UINT64_C(2) * SR_PAGE_BYTES)

/* Shared with children. */
struct making {
    _Atomic uint32_t fills;     /* how often somebody filled the file */
    _Atomic uint32_t in_fill;   /* how often somebody came to the middle of filling */
    _Atomic uint32_t may_leave; /* 1: and may leave it */
};

struct making *making_new(uint32_t may_leave);

/* How to make it: zeros, then 'x' from byte 8 on, then ready. */
struct sr_map_making making_rules(struct making *making);
bool making_is_ready(const uint8_t *base);

/* The same, but filling fails with NO_SPACE. */
struct sr_map_making making_rules_that_fail(struct making *making);

/* A map that has the path of the store's ring segment. */
struct sr_map making_named(const char *store);

/* Make it now. */
struct sr_map making_done(const char *store);

#endif
