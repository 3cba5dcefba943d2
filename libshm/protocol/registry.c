/* SPDX-License-Identifier: Apache-2.0 */
/* Names to ids: see registry.h. */
#include "protocol/registry.h"

#include <string.h>

#include "protocol/shared_spill.h"
#include "pure/name.h"

static const char overflow_name[] = "__overflow__";

static uint32_t hash_of(const char *name, const char *type)
{
    return (uint32_t)(sr_name_hash(name, type) >> 32);
}

/* The entry is READY; it may still be anybody's bytes: compare within our own lengths only. */
static bool entry_is(const struct sr_registry_entry_shm *entry, const char *name, const char *type)
{
    size_t name_bytes = strlen(name);
    size_t type_bytes = strlen(type);
    return entry->name_bytes == name_bytes && entry->type_bytes == type_bytes &&
           memcmp(entry->name, name, name_bytes) == 0 && memcmp(entry->type, type, type_bytes) == 0;
}

static void raise_high(struct sr_segment *segment, uint32_t high)
{
    _Atomic uint32_t *hint = &sr_segment_header(segment)->hint.registry_high;
    /* seq_cst, all: before READY in the one order of G4; else choose_standing() ends its look too early */
    uint32_t seen = atomic_load_explicit(hint, memory_order_seq_cst);
    while (seen < high &&
           /* seq_cst: as above */
           !atomic_compare_exchange_weak_explicit(hint, &seen, high, memory_order_seq_cst,
                                                  memory_order_seq_cst)) { /* as above */
    }
}

static bool is_undecided(uint64_t key)
{
    return sr_state_of(key) == SR_REGISTRY_READY && !(key & (SR_REGISTRY_COUNTED | SR_REGISTRY_DUPLICATE));
}

/* What one pass over the keys found. */
struct survey {
    uint32_t found;       /* SR_PRIMITIVE_MAX: not there */
    uint32_t first_empty; /* SR_PRIMITIVE_MAX: full */
    uint32_t counted;     /* names, without __overflow__ */
    uint32_t undecided;   /* entries that may be names, or duplicates */
};

static struct survey survey_keys(const struct sr_segment *segment, const char *name, const char *type)
{
    struct survey survey = {.found = SR_PRIMITIVE_MAX, .first_empty = SR_PRIMITIVE_MAX};
    const uint32_t hash = hash_of(name, type);
    /* relaxed: a hint */
    uint32_t high =
        atomic_load_explicit(&sr_segment_header(segment)->hint.registry_high, memory_order_relaxed);
    for (uint32_t id = 0; id < SR_PRIMITIVE_MAX; id++) {
        /* acquire: pairs with the release that made it READY (G3) */
        uint64_t key = atomic_load_explicit(sr_segment_registry_key(segment, id), memory_order_acquire);
        if (sr_state_of(key) == SR_REGISTRY_EMPTY) {
            if (survey.first_empty == SR_PRIMITIVE_MAX) {
                survey.first_empty = id;
            }
            if (id >= high) {
                break;
            }
        } else if (sr_state_of(key) == SR_REGISTRY_READY) {
            survey.counted += id != SR_PRIMITIVE_OVERFLOW && (key & SR_REGISTRY_COUNTED);
            survey.undecided += is_undecided(key);
            if (sr_state_generation(key) == hash && sr_segment_primitive_is_reserved(segment, id) &&
                entry_is(sr_segment_entry(segment, id), name, type)) {
                survey.found = id;
                break;
            }
        }
    }
    return survey;
}

/* Claim an EMPTY key from `from` on. SR_PRIMITIVE_MAX: none left. */
static uint32_t claim_key(struct sr_segment *segment, uint32_t from, uint64_t claiming)
{
    for (uint32_t id = from; id < SR_PRIMITIVE_MAX; id++) {
        uint64_t expected = SR_REGISTRY_EMPTY;
        _Atomic uint64_t *key = sr_segment_registry_key(segment, id);
        /* acquire: pairs with the agent's release that emptied a dead registrant's key. relaxed on failure: nothing read */
        if (atomic_compare_exchange_strong_explicit(key, &expected, claiming, memory_order_acquire,
                                                    memory_order_relaxed)) {
            return id;
        }
    }
    return SR_PRIMITIVE_MAX;
}

/* --- what counts: G4 --------------------------------------------------------------------------------------------------- */

static uint64_t look_at_key(const struct sr_segment *segment, uint32_t id)
{
    /* seq_cst: in one order with the publishing of READY and with decisions; else two entries of one name both miss the other */
    return atomic_load_explicit(sr_segment_registry_key(segment, id), memory_order_seq_cst);
}

/* Both READY; the entries may be anybody's bytes: what a name is, ends with the field. */
static bool is_same_name(const struct sr_segment *segment, uint32_t id, uint32_t other)
{
    if (!sr_segment_primitive_is_reserved(segment, id) || !sr_segment_primitive_is_reserved(segment, other)) {
        return false;
    }
    const struct sr_registry_entry_shm *one = sr_segment_entry(segment, id);
    const struct sr_registry_entry_shm *two = sr_segment_entry(segment, other);
    return memcmp(one->name, two->name, sizeof one->name) == 0 &&
           memcmp(one->type, two->type, sizeof one->type) == 0;
}

/* Returns the key as it is now: decided, by us or by somebody else. */
static uint64_t decide(struct sr_segment *segment, uint32_t id, uint64_t key, uint64_t standing)
{
    /* seq_cst, both: see look_at_key() */
    return atomic_compare_exchange_strong_explicit(sr_segment_registry_key(segment, id), &key, key | standing,
                                                   memory_order_seq_cst, memory_order_seq_cst) /* as above */
               ? key | standing
               : key;
}

static uint64_t choose_standing(struct sr_segment *segment, uint32_t id, uint64_t key)
{
    /* seq_cst: after this key's READY; pairs with raise_high() */
    const uint32_t high =
        atomic_load_explicit(&sr_segment_header(segment)->hint.registry_high, memory_order_seq_cst);
    for (uint32_t other = 0; other < high && other < SR_PRIMITIVE_MAX; other++) {
        uint64_t seen = look_at_key(segment, other);
        if (other == id || sr_state_of(seen) != SR_REGISTRY_READY ||
            sr_state_generation(seen) != sr_state_generation(key) || !is_same_name(segment, id, other)) {
            continue;
        }
        if (other > id && is_undecided(seen)) {
            seen = decide(segment, other, seen, SR_REGISTRY_DUPLICATE);
        }
        if (!(seen & SR_REGISTRY_DUPLICATE)) {
            return SR_REGISTRY_DUPLICATE;
        }
    }
    return SR_REGISTRY_COUNTED;
}

void sr_registry_decide(struct sr_segment *segment, uint32_t id)
{
    const uint64_t key = look_at_key(segment, id);
    if (is_undecided(key)) {
        (void)decide(segment, id, key, choose_standing(segment, id, key));
    }
}

/* For registrants that were killed, or are interrupted, before they could. */
static void decide_all(struct sr_segment *segment)
{
    for (uint32_t id = 0; id < SR_PRIMITIVE_MAX; id++) {
        sr_registry_decide(segment, id);
    }
}

/* --- adding -------------------------------------------------------------------------------------------------------------- */

static void write_entry(struct sr_registry_entry_shm *entry, const char *name, const char *type)
{
    memset(entry, 0, sizeof *entry); /* a dead registrant may have left half an entry */
    entry->name_bytes = (uint32_t)strlen(name);
    entry->type_bytes = (uint32_t)strlen(type);
    memcpy(entry->name, name, entry->name_bytes);
    memcpy(entry->type, type, entry->type_bytes);
}

static enum slipring_status add(struct sr_segment *segment, const char *name, const char *type, uint32_t slot,
                                uint32_t from, uint32_t *out_primitive)
{
    const uint32_t hash = hash_of(name, type);
    uint32_t id = claim_key(segment, from, sr_state_word(hash, slot, SR_REGISTRY_CLAIMING));
    if (id == SR_PRIMITIVE_MAX) {
        return SLIPRING_LIMIT_REACHED;
    }
    SR_CRASHPOINT(registry_claimed);
    raise_high(segment, id + 1);
    uint64_t key = SR_REGISTRY_EMPTY;
    enum slipring_status status = sr_segment_reserve_primitive(segment, id);
    if (status == SLIPRING_OK) {
        write_entry(sr_segment_entry(segment, id), name, type);
        sr_shared_spill_init(sr_segment_shared_spill(segment, id));
        SR_CRASHPOINT(registry_before_ready);
        const uint32_t faster = survey_keys(segment, name, type).found;
        *out_primitive = faster != SR_PRIMITIVE_MAX ? faster : id;
        key = faster != SR_PRIMITIVE_MAX ? key : sr_state_word(hash, slot, SR_REGISTRY_READY);
    }
    /* seq_cst: release pairs with survey_keys() and the agent; else they read a half-written entry. And before choose_standing(): see
     * look_at_key() */
    atomic_store_explicit(sr_segment_registry_key(segment, id), key, memory_order_seq_cst);
    SR_CRASHPOINT(registry_before_standing);
    sr_registry_decide(segment, id);
    sr_segment_tell(segment, SR_NEWS_LISTS, id);
    return status;
}

enum slipring_status sr_registry_find(const struct sr_segment *segment, const char *name, const char *type,
                                      uint32_t *out_primitive)
{
    const struct survey survey = survey_keys(segment, name, type);
    if (survey.found == SR_PRIMITIVE_MAX) {
        return SLIPRING_ABSENT;
    }
    *out_primitive = survey.found;
    return SLIPRING_OK;
}

enum slipring_status sr_registry_get(struct sr_segment *segment, const char *name, const char *type,
                                     uint32_t slot, uint32_t *out_primitive)
{
    *out_primitive = SR_PRIMITIVE_OVERFLOW;
    /* relaxed: a soft limit */
    const uint32_t limit =
        atomic_load_explicit(&sr_segment_header(segment)->control.primitive_limit, memory_order_relaxed);
    struct survey survey = survey_keys(segment, name, type);
    if (survey.found == SR_PRIMITIVE_MAX && survey.counted < limit &&
        limit - survey.counted <= survey.undecided) {
        decide_all(segment);
        survey = survey_keys(segment, name, type);
    }
    if (survey.found != SR_PRIMITIVE_MAX) {
        *out_primitive = survey.found;
        return SLIPRING_OK;
    }
    if (survey.counted >= limit || survey.first_empty == SR_PRIMITIVE_MAX) {
        return SLIPRING_LIMIT_REACHED;
    }
    return add(segment, name, type, slot, survey.first_empty, out_primitive);
}

enum slipring_status sr_registry_add_overflow(struct sr_segment *segment)
{
    uint32_t id = 0;
    return add(segment, overflow_name, overflow_name, SR_SLOT_NONE, SR_PRIMITIVE_OVERFLOW, &id);
}

/* --- the two append-only lists ---------------------------------------------------------------------------------------- */

static bool claim_item(_Atomic uint64_t *state)
{
    uint64_t expected = SR_ITEM_EMPTY;
    /* relaxed: nothing is read through the claim; READY's release orders what is written */
    const bool is_claimed = atomic_compare_exchange_strong_explicit(
        state, &expected, SR_ITEM_CLAIMING, memory_order_relaxed, memory_order_relaxed);
    if (is_claimed) {
        SR_CRASHPOINT(registry_item_claimed);
    }
    return is_claimed;
}

static bool item_is_ready(const _Atomic uint64_t *state)
{
    /* acquire: pairs with publish_item() */
    return atomic_load_explicit(state, memory_order_acquire) == SR_ITEM_READY;
}

static void publish_item(const struct sr_segment *segment, uint32_t primitive, _Atomic uint64_t *state)
{
    /* seq_cst: release pairs with item_is_ready(), here and in the agent; else they read half an item. And before the look
     * at the news: see sr_segment_tell() */
    atomic_store_explicit(state, SR_ITEM_READY, memory_order_seq_cst);
    SR_CRASHPOINT(registry_item_ready);
    sr_segment_tell(segment, SR_NEWS_LISTS, primitive);
}

enum slipring_status sr_registry_category(struct sr_segment *segment, uint32_t primitive, const char *name,
                                          uint32_t *out_category)
{
    struct sr_category_shm *categories = sr_segment_entry(segment, primitive)->categories;
    *out_category = 0;
    if (strcmp(name, "default") == 0) {
        return SLIPRING_OK;
    }
    for (uint32_t i = 1; i < SLIPRING_CATEGORY_COUNT; i++) {
        if (claim_item(&categories[i].state)) {
            memset(categories[i].name, 0, sizeof categories[i].name);
            memcpy(categories[i].name, name, strlen(name));
            publish_item(segment, primitive, &categories[i].state);
            *out_category = i;
            return SLIPRING_OK;
        }
        if (item_is_ready(&categories[i].state) &&
            strncmp(categories[i].name, name, sizeof categories[i].name) == 0) {
            *out_category = i;
            return SLIPRING_OK;
        }
    }
    return SLIPRING_TABLE_FULL;
}

static bool same_figures(const struct sr_objective_shm *there, const struct slipring_objective *objective)
{
    return there->kind == (uint32_t)objective->kind && there->target_ppb == objective->target_ppb &&
           there->threshold_ns == objective->threshold_ns && there->period_s == objective->period_s;
}

static bool same_name(const struct sr_objective_shm *item, const char *name)
{
    return strncmp(item->name, name, sizeof item->name) == 0;
}

/* Is there an item of the same name in [from, to)? */
static bool is_among(const struct sr_objective_shm *items, uint32_t from, uint32_t to, const char *name)
{
    for (uint32_t i = from; i < to; i++) {
        if (item_is_ready(&items[i].state) && same_name(&items[i], name)) {
            return true;
        }
    }
    return false;
}

bool sr_registry_objective_counts(const struct sr_registry_entry_shm *entry, uint32_t i)
{
    const struct sr_objective_shm *items = entry->objectives;
    return item_is_ready(&items[i].state) && !is_among(items, i + 1, SR_OBJECTIVE_ITEM_MAX, items[i].name);
}

static void fill_objective(struct sr_objective_shm *item, const struct slipring_objective *objective)
{
    memset(item->name, 0, sizeof item->name);
    memcpy(item->name, objective->name, strlen(objective->name));
    item->kind = (uint32_t)objective->kind;
    item->target_ppb = objective->target_ppb;
    item->threshold_ns = objective->threshold_ns;
    item->period_s = objective->period_s;
}

/* The list goes on no further: what is to be said, or OK with *out_may_append. `last` of the name, or NULL. */
static enum slipring_status judge_list(const struct sr_objective_shm *last, uint32_t names,
                                       const struct slipring_objective *objective, bool is_change,
                                       bool *out_may_append)
{
    *out_may_append = false;
    if (last && same_figures(last, objective)) {
        return SLIPRING_OK;
    }
    if (last && !is_change) {
        return SLIPRING_CONFLICT;
    }
    *out_may_append = last || names < SLIPRING_OBJECTIVE_COUNT;
    return *out_may_append ? SLIPRING_OK : SLIPRING_TABLE_FULL;
}

enum slipring_status sr_registry_objective(struct sr_segment *segment, uint32_t primitive,
                                           const struct slipring_objective *objective, bool is_change)
{
    struct sr_objective_shm *items = sr_segment_entry(segment, primitive)->objectives;
    const struct sr_objective_shm *last = NULL;
    uint32_t names = 0; /* an unfinished item may be one more */
    bool may_append = false;
    enum slipring_status status = SLIPRING_OK;
    for (uint32_t i = 0; i < SR_OBJECTIVE_ITEM_MAX; i++) {
        struct sr_objective_shm *item = &items[i];
        /* relaxed: who claims looks again */
        if (atomic_load_explicit(&item->state, memory_order_relaxed) == SR_ITEM_EMPTY) {
            status = judge_list(last, names, objective, is_change, &may_append);
            if (!may_append) {
                return status;
            }
            if (claim_item(&item->state)) {
                fill_objective(item, objective);
                publish_item(segment, primitive, &item->state);
                return SLIPRING_OK;
            }
        }
        const bool is_ready = item_is_ready(&item->state);
        names += !is_ready || !is_among(items, 0, i, item->name);
        last = is_ready && same_name(item, objective->name) ? item : last;
    }
    status = judge_list(last, names, objective, is_change, &may_append);
    return may_append ? SLIPRING_TABLE_FULL : status;
}
