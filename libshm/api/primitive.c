/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of primitives, their categories and objectives. Handles are kept memory: see process.h. */
#include <string.h>
#include <sys/mman.h>

#include "api/process.h"
#include "protocol/registry.h"
#include "pure/name.h"
#include "pure/objective.h"

static struct slipring_primitive
    *handles;                 /* SR_HANDLE_MAX places of address space, mapped at the first get */
static uint32_t handle_count; /* changed under the process lock, after the handle is whole */

struct slipring_primitive *sr_handle_at(uint32_t index)
{
    return &handles[index];
}

void sr_handles_forget(const struct slipring_store *store)
{
    for (uint32_t i = 0; i < handle_count; i++) {
        if (handles[i].store == store) {
            /* relaxed: see sr_handle_is_live() */
            atomic_store_explicit(&handles[i].place, 0, memory_order_relaxed);
            /* relaxed: for people */
            atomic_store_explicit(&handles[i].status, SLIPRING_CLOSED, memory_order_relaxed);
        }
    }
}

static bool map_handles(void)
{
    if (!handles) {
        void *at = mmap(NULL, SR_HANDLE_MAX * sizeof *handles, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        handles = at == MAP_FAILED ? NULL : at;
    }
    return handles != NULL;
}

static struct slipring_primitive *find_handle(const struct slipring_store *store, uint64_t hash,
                                              const char *name, const char *type)
{
    for (uint32_t i = 0; i < handle_count; i++) {
        struct slipring_primitive *handle = &handles[i];
        if (handle->hash == hash && handle->store == store && strcmp(handle->name, name) == 0 &&
            strcmp(handle->type, type) == 0) {
            return handle;
        }
    }
    return NULL;
}

/* The id to book under. A one-shot store takes a slot for a new name alone: killed half-way its registrant is then known. */
static enum slipring_status look_up(struct slipring_store *store, const char *name, const char *type,
                                    uint32_t *out_id)
{
    if (sr_store_is_oneshot(store) &&
        sr_registry_find(sr_store_segment(store), name, type, out_id) == SLIPRING_OK) {
        return SLIPRING_OK;
    }
    const struct sr_attachment *attachment = sr_process_attachment(store);
    return sr_registry_get(sr_store_segment(store), name, type,
                           attachment ? attachment->slot.slot : SR_SLOT_NONE, out_id);
}

/* sr_store_has_left(), the lock not held: what was added to a list has to be added again, in the segment's successor. */
static bool has_left(struct slipring_store *store, const struct sr_segment *segment)
{
    if (!sr_move_has_begun(segment) || !sr_process_lock()) {
        return false;
    }
    const bool has = sr_store_has_left(store, segment);
    sr_process_unlock();
    return has;
}

/* (Re-)register a handle whose store is OK now. Lock held. */
static void register_handle(struct slipring_primitive *handle)
{
    struct slipring_store *store = handle->store;
    enum slipring_status status = slipring_store_status(store);
    if (status == SLIPRING_OK) {
        uint32_t id = SR_PRIMITIVE_OVERFLOW;
        const struct sr_segment *segment = NULL;
        do {
            segment = sr_store_follow(store);
            status = look_up(store, handle->name, handle->type, &id);
        } while (sr_store_has_left(store, segment));
        /* relaxed: see sr_handle_is_live(); live also under __overflow__ */
        if (atomic_exchange_explicit(&handle->place, id + 1, memory_order_relaxed) != id + 1) {
            sr_thread_forget(handle); /* what it claimed under __overflow__ */
        }
    }
    /* relaxed: for people */
    atomic_store_explicit(&handle->status, (uint32_t)status, memory_order_relaxed);
}

void sr_handles_register(const struct slipring_store *store)
{
    for (uint32_t i = 0; i < handle_count; i++) {
        if (handles[i].store == store) {
            register_handle(&handles[i]);
        }
    }
}

static struct slipring_primitive *add_handle(struct slipring_store *store, uint64_t hash, const char *name,
                                             const char *type)
{
    if (handle_count == SR_HANDLE_MAX) {
        return NULL;
    }
    struct slipring_primitive *handle = &handles[handle_count];
    memset(handle, 0, sizeof *handle); /* a fork may have left it half-written in the child */
    handle->store = store;
    handle->hash = hash;
    handle->index = handle_count;
    memcpy(handle->name, name, strlen(name) + 1);
    memcpy(handle->type, type, strlen(type) + 1);
    register_handle(handle);
    handle_count++;
    return handle;
}

SR_PUBLIC enum slipring_status slipring_primitive_get(struct slipring_store *store, const char *name,
                                                      const char *type,
                                                      struct slipring_primitive **out_primitive)
{
    *out_primitive = NULL;
    type = type ? type : "primitive";
    if (!store) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (sr_name_check(name, SLIPRING_PRIMITIVE_NAME_MAX) != SR_NAME_OK ||
        sr_name_check(type, SLIPRING_PRIMITIVE_TYPE_MAX) != SR_NAME_OK) {
        return SLIPRING_BAD_NAME;
    }
    if (!sr_process_lock()) {
        const enum slipring_status why = slipring_store_status(store);
        return why != SLIPRING_OK ? why : SLIPRING_BAD_ARGUMENT;
    }
    enum slipring_status status = SLIPRING_NO_MEMORY;
    if (map_handles()) {
        const uint64_t hash = sr_name_hash(name, type);
        struct slipring_primitive *handle = find_handle(store, hash, name, type);
        if (handle && slipring_primitive_status(handle) != SLIPRING_OK) {
            register_handle(handle); /* the store opened since, or room was made */
        } else if (!handle) {
            handle = add_handle(store, hash, name, type);
        }
        status = handle ? slipring_primitive_status(handle) : SLIPRING_TABLE_FULL;
        *out_primitive = handle;
    }
    sr_process_unlock();
    return status;
}

SR_PUBLIC enum slipring_status slipring_primitive_set_mode(struct slipring_primitive *primitive,
                                                           enum slipring_mode mode)
{
    if (!primitive || (mode != SLIPRING_RING && mode != SLIPRING_DIRECT)) {
        return SLIPRING_BAD_ARGUMENT;
    }
    /* relaxed: a wish, ordered with nothing */
    atomic_store_explicit(&primitive->mode, mode, memory_order_relaxed);
    return SLIPRING_OK;
}

SR_PUBLIC enum slipring_status slipring_primitive_status(const struct slipring_primitive *primitive)
{
    if (!primitive) {
        return SLIPRING_BAD_ARGUMENT;
    }
    const enum slipring_status store = slipring_store_status(primitive->store);
    if (store != SLIPRING_OK) {
        return store;
    }
    /* relaxed: for people */
    return (enum slipring_status)atomic_load_explicit(&primitive->status, memory_order_relaxed);
}

SR_PUBLIC enum slipring_status slipring_category_get(struct slipring_primitive *primitive, const char *name,
                                                     uint32_t *out_category)
{
    *out_category = 0;
    if (!primitive) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (sr_name_check(name, SLIPRING_CATEGORY_NAME_MAX) != SR_NAME_OK) {
        return SLIPRING_BAD_NAME;
    }
    if (!sr_handle_is_live(primitive)) {
        return slipring_primitive_status(primitive);
    }
    struct sr_segment *segment = NULL;
    enum slipring_status status = SLIPRING_OK;
    do {
        segment = sr_store_segment(primitive->store);
        status = sr_registry_category(segment, sr_handle_id(primitive), name, out_category);
    } while (has_left(primitive->store, segment));
    return status;
}

/* --- objectives ----------------------------------------------------------------------------------------------------------- */

static enum slipring_status check_objective(const struct slipring_objective *objective)
{
    const bool is_latency = objective->kind == SLIPRING_LATENCY;
    if (!is_latency && objective->kind != SLIPRING_AVAILABILITY) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (!sr_objective_target_valid(objective->target_ppb)) {
        return SLIPRING_BAD_TARGET;
    }
    if (is_latency ? objective->threshold_ns == 0 || objective->threshold_ns > SLIPRING_DURATION_MAX_NS
                   : objective->threshold_ns != 0) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (!sr_objective_period_valid(objective->period_s)) {
        return SLIPRING_BAD_ARGUMENT;
    }
    return sr_name_check(objective->name, SLIPRING_OBJECTIVE_NAME_MAX) == SR_NAME_OK ? SLIPRING_OK
                                                                                     : SLIPRING_BAD_NAME;
}

/* What is changed has to stand where it counts: processes that registered one name at once may have an id each, and the
 * agent takes changes from the lowest one. */
static uint32_t id_of(const struct sr_segment *segment, const struct slipring_primitive *primitive,
                      bool is_change)
{
    uint32_t id = sr_handle_id(primitive);
    if (is_change) {
        (void)!sr_registry_find(segment, primitive->name, primitive->type, &id); /* else its own */
    }
    return id;
}

static enum slipring_status append_objective(struct slipring_primitive *primitive,
                                             const struct slipring_objective *objective, bool is_change)
{
    if (!primitive || !objective) {
        return SLIPRING_BAD_ARGUMENT;
    }
    struct slipring_objective whole = *objective;
    whole.period_s = whole.period_s ? whole.period_s : SLIPRING_PERIOD_DEFAULT_S;
    if (!whole.name) {
        whole.name = whole.kind == SLIPRING_LATENCY ? "latency" : "availability";
    }
    enum slipring_status status = check_objective(&whole);
    if (status != SLIPRING_OK) {
        return status;
    }
    if (slipring_primitive_status(primitive) != SLIPRING_OK) {
        return slipring_primitive_status(primitive); /* __overflow__ has no objectives */
    }
    struct sr_segment *segment = NULL;
    do {
        segment = sr_store_segment(primitive->store);
        status = sr_registry_objective(segment, id_of(segment, primitive, is_change), &whole, is_change);
    } while (has_left(primitive->store, segment));
    return status;
}

SR_PUBLIC enum slipring_status slipring_objective_add(struct slipring_primitive *primitive,
                                                      const struct slipring_objective *objective)
{
    return append_objective(primitive, objective, false);
}

SR_PUBLIC enum slipring_status slipring_objective_change(struct slipring_primitive *primitive,
                                                         const struct slipring_objective *objective)
{
    return append_objective(primitive, objective, true);
}

SR_PUBLIC enum slipring_status slipring_slo_configure(struct slipring_primitive *primitive,
                                                      const struct slipring_slo *slo)
{
    if (!slo || (slo->target_ppb == 0 && slo->availability_ppb == 0)) {
        return SLIPRING_BAD_ARGUMENT;
    }
    const struct slipring_objective latency = {
        .kind = SLIPRING_LATENCY,
        .target_ppb = slo->target_ppb,
        .threshold_ns = slo->latency_threshold_ns,
        .period_s = slo->period_s,
    };
    const struct slipring_objective availability = {
        .kind = SLIPRING_AVAILABILITY,
        .target_ppb = slo->availability_ppb,
        .period_s = slo->period_s,
    };
    /* Both or none: what is wrong with the second must be known before the first is added. */
    if (slo->availability_ppb != 0 && !sr_objective_target_valid(slo->availability_ppb)) {
        return SLIPRING_BAD_TARGET;
    }
    enum slipring_status status = SLIPRING_OK;
    if (slo->target_ppb != 0) {
        status = slipring_objective_add(primitive, &latency);
    }
    if (status == SLIPRING_OK && slo->availability_ppb != 0) {
        status = slipring_objective_add(primitive, &availability);
    }
    return status;
}
