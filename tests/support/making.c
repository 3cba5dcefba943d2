/* SPDX-License-Identifier: Apache-2.0 */
/* A file to be made: see making.h. */
#include "support/making.h"

#include <string.h>

#include "support/check.h"
#include "support/child.h"

#define READY 0x5eedu

struct making *making_new(uint32_t may_leave)
{
    struct making *making = child_share(sizeof *making);
    atomic_store(&making->may_leave, may_leave);
    return making;
}

bool making_is_ready(const uint8_t *base)
{
    return atomic_load((const _Atomic uint32_t *)(const void *)base) == READY;
}

static enum slipring_status fill(uint8_t *base, void *context)
{
    struct making *making = context;
    (void)atomic_fetch_add(&making->fills, 1);
    memset(base, 0, MAKING_DENSE_BYTES);
    memset(base + 8, 'x', 100);
    (void)atomic_fetch_add(&making->in_fill, 1);
    child_await(&making->may_leave, 1);
    atomic_store((_Atomic uint32_t *)(void *)base, READY);
    return SLIPRING_OK;
}

static enum slipring_status fail_to_fill(uint8_t *base, void *context)
{
    (void)base;
    struct making *making = context;
    (void)atomic_fetch_add(&making->in_fill, 1);
    child_await(&making->may_leave, 1);
    return SLIPRING_NO_SPACE;
}

struct sr_map_making making_rules(struct making *making)
{
    return (struct sr_map_making){
        .bytes = MAKING_FILE_BYTES,
        .mode = 0640,
        .group = (gid_t)-1,
        .is_ready = making_is_ready,
        .fill = fill,
        .context = making,
        .dense_bytes = MAKING_DENSE_BYTES,
    };
}

struct sr_map_making making_rules_that_fail(struct making *making)
{
    struct sr_map_making rules = making_rules(making);
    rules.fill = fail_to_fill;
    return rules;
}

struct sr_map making_named(const char *store)
{
    struct sr_map map = {.base = NULL};
    CHECK_OK(sr_map_name(&map, store, "ring"));
    return map;
}

struct sr_map making_done(const char *store)
{
    struct making *making = making_new(1);
    const struct sr_map_making rules = making_rules(making);
    struct sr_map map = making_named(store);
    CHECK_OK(sr_map_make(&map, &rules));
    CHECK_EQUAL(atomic_load(&making->fills), 1);
    return map;
}
