/* SPDX-License-Identifier: Apache-2.0 */
/* Recording what an execution used: an update of a usage account around a record. See protocol/usage.h. */
#include <string.h>

#include <slipring/usage.h>

#include "api/process.h"
#include "protocol/usage.h"
#include "pure/name.h"

/* Where accounts were found last, by hash: 0, or 1 + the index. Believed by nobody: each is compared with the name. Shared by all
 * threads and stores of the process, and good in a forked child. */
#define FOUND_PLACES 512u
static _Atomic uint32_t found_at[FOUND_PLACES];

static uint32_t recall(const struct sr_segment *segment, const struct sr_usage_name *name)
{
    /* relaxed: a hint */
    const uint32_t place = atomic_load_explicit(&found_at[name->hash % FOUND_PLACES], memory_order_relaxed);
    return place != 0 && sr_usage_is(segment, place - 1, name) ? place - 1 : SR_USAGE_NONE;
}

static uint64_t reserve_epoch(const struct sr_segment *segment)
{
    /* relaxed: a hint when to try again */
    return atomic_load_explicit(&sr_segment_header(segment)->control.reserve_epoch, memory_order_relaxed);
}

/* Found, or made: but after a page was refused not before the agent says that it is worth it. */
static enum slipring_status find_slowly(struct slipring_store *store, struct sr_segment *segment,
                                        const struct sr_usage_name *name, uint32_t *out_account)
{
    const uint64_t epoch = reserve_epoch(segment);
    /* relaxed: a hint */
    const bool was_refused = atomic_load_explicit(&store->usage_refused, memory_order_relaxed) == epoch + 1;
    enum slipring_status status = SLIPRING_NO_SPACE;
    if (!was_refused) {
        status = sr_usage_get(segment, name, out_account);
    } else if ((*out_account = sr_usage_find(segment, name)) != SR_USAGE_NONE) {
        status = SLIPRING_OK;
    }
    if (status == SLIPRING_OK) {
        /* relaxed: a hint */
        atomic_store_explicit(&found_at[name->hash % FOUND_PLACES], *out_account + 1, memory_order_relaxed);
    } else if (status != SLIPRING_TABLE_FULL) {
        atomic_store_explicit(&store->usage_refused, epoch + 1, memory_order_relaxed); /* relaxed: a hint */
    }
    return status;
}

/* The caller's units within their range. True: some were not. */
static bool clamp(const struct slipring_usage *usage, struct slipring_usage *out_usage)
{
    bool was_clamped = false;
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        const bool is_over = usage->units[unit] > SLIPRING_UNITS_MAX;
        out_usage->units[unit] = is_over ? SLIPRING_UNITS_MAX : usage->units[unit];
        was_clamped |= is_over;
    }
    return was_clamped;
}

/* An update that has begun. */
struct update {
    const struct sr_segment *segment;
    struct sr_usage_account_shm *account;
    uint32_t primitive;
};

static enum slipring_status begin(struct slipring_primitive *primitive, const char *resource,
                                  const struct slipring_usage *usage, struct update *out_update)
{
    if (!usage) {
        return SLIPRING_BAD_ARGUMENT;
    }
    const size_t length = resource ? strnlen(resource, SLIPRING_MODEL_NAME_MAX + 1) : 0;
    if (length == 0 || length > SLIPRING_MODEL_NAME_MAX) {
        return SLIPRING_BAD_NAME;
    }
    struct sr_segment *segment = sr_store_shared(primitive->store);
    const uint32_t id = sr_handle_id(primitive);
    if (id >= SR_PRIMITIVE_MAX) {
        return SLIPRING_CLOSED; /* just now, by another thread */
    }
    struct sr_usage_name name;
    sr_usage_name_set(&name, id, resource, length);
    uint32_t account = recall(segment, &name);
    if (account == SR_USAGE_NONE) { /* a name that has an account was checked */
        if (sr_name_check_bytes(resource, length, SLIPRING_MODEL_NAME_MAX) != SR_NAME_OK) {
            return SLIPRING_BAD_NAME;
        }
        const enum slipring_status status = find_slowly(primitive->store, segment, &name, &account);
        if (status != SLIPRING_OK) {
            sr_usage_lose(segment);
            return status;
        }
    }
    struct slipring_usage clamped;
    const bool was_clamped = clamp(usage, &clamped);
    *out_update = (struct update){
        .segment = segment, .account = sr_segment_usage(segment, account), .primitive = name.primitive};
    sr_usage_begin(out_update->account, &clamped, was_clamped);
    return SLIPRING_OK;
}

SR_PUBLIC enum slipring_status slipring_record_usage(struct slipring_primitive *primitive,
                                                     uint64_t duration_ns, enum slipring_outcome outcome,
                                                     const char *resource, const struct slipring_usage *usage)
{
    if (!primitive) {
        return SLIPRING_BAD_ARGUMENT;
    }
    enum slipring_status status = slipring_store_status(primitive->store);
    if (status == SLIPRING_OK && !sr_handle_is_live(primitive)) {
        status = slipring_primitive_status(primitive);
    }
    struct update update;
    if (status == SLIPRING_OK) {
        status = begin(primitive, resource, usage, &update);
    }
    slipring_record(primitive, duration_ns, outcome, NULL); /* or it is counted as dropped there */
    if (status == SLIPRING_OK) {
        sr_usage_end(update.segment, update.primitive, update.account);
    }
    return status;
}
