/* SPDX-License-Identifier: Apache-2.0 */
/* The registry as the agent reads it: see catalog.h. */
#include "peer/catalog.h"

#include <string.h>

#include "protocol/registry.h"
#include "pure/name.h"
#include "pure/objective.h"

uint32_t sr_catalog_state(const struct sr_drain *drain, uint32_t id, uint32_t *out_slot)
{
    /* acquire: pairs with the release of READY in registry.c; else we read a half-written entry */
    const uint64_t key =
        atomic_load_explicit(sr_segment_registry_key(&drain->segment, id), memory_order_acquire);
    *out_slot = sr_state_slot(key);
    return sr_state_of(key);
}

void sr_catalog_look(struct sr_drain *drain)
{
    for (uint32_t id = drain->registry_high; id < SR_PRIMITIVE_MAX; id++) {
        uint32_t slot = 0;
        if (sr_catalog_state(drain, id, &slot) != SR_REGISTRY_EMPTY) {
            drain->registry_high = id + 1;
        }
    }
}

uint32_t sr_catalog_high(const struct sr_drain *drain)
{
    return drain->registry_high;
}

void sr_catalog_free(struct sr_drain *drain, uint32_t id)
{
    /* release: pairs with the acquire of claim_key() in registry.c; whatever its registrant wrote is written over */
    atomic_store_explicit(sr_segment_registry_key(&drain->segment, id), SR_REGISTRY_EMPTY,
                          memory_order_release);
}

bool sr_catalog_is_reserved(const struct sr_drain *drain, uint32_t id)
{
    return sr_segment_primitive_is_reserved(&drain->segment, id);
}

/* Copy a field out, then check the copy: the original may change under our eyes. */
static bool copy_text(char *out_text, size_t out_bytes, const char *text, uint32_t length, size_t max_bytes)
{
    memset(out_text, 0, out_bytes);
    if (length == 0 || length > max_bytes) {
        return false;
    }
    memcpy(out_text, text, length);
    return sr_name_check_bytes(out_text, length, max_bytes) == SR_NAME_OK;
}

bool sr_catalog_read(const struct sr_drain *drain, uint32_t id, struct sr_catalog_name *out_name)
{
    if (!sr_catalog_is_reserved(drain, id)) {
        return false;
    }
    const struct sr_registry_entry_shm *entry = sr_segment_entry(&drain->segment, id);
    /* relaxed, both: ordered by the acquire of the key; atomic so that they are read once */
    const uint32_t name_bytes = __atomic_load_n(&entry->name_bytes, __ATOMIC_RELAXED);
    const uint32_t type_bytes = __atomic_load_n(&entry->type_bytes, __ATOMIC_RELAXED); /* as above */
    struct sr_catalog_name name;
    if (!copy_text(name.name, sizeof name.name, entry->name, name_bytes, SLIPRING_PRIMITIVE_NAME_MAX) ||
        !copy_text(name.type, sizeof name.type, entry->type, type_bytes, SLIPRING_PRIMITIVE_TYPE_MAX)) {
        return false;
    }
    *out_name = name;
    return true;
}

/* --- lists -------------------------------------------------------------------------------------------------------------- */

static uint64_t item_state(const _Atomic uint64_t *state)
{
    /* seq_cst: acquire pairs with publish_item() in registry.c; else we read half an item. After the news were taken
     * (sr_segment_tell()) */
    return atomic_load_explicit(state, memory_order_seq_cst);
}

uint32_t sr_catalog_lists_stamp(const struct sr_drain *drain, uint32_t id)
{
    const struct sr_registry_entry_shm *entry = sr_segment_entry(&drain->segment, id);
    uint32_t stamp = 0; /* READY items, as a sum: items never leave; the first EMPTY one ends a list */
    for (uint32_t i = 0; i < SR_OBJECTIVE_ITEM_MAX; i++) {
        const uint64_t state = item_state(&entry->objectives[i].state);
        if (state == SR_ITEM_EMPTY) {
            break;
        }
        stamp += state == SR_ITEM_READY;
    }
    for (uint32_t i = 1; i < SLIPRING_CATEGORY_COUNT; i++) {
        const uint64_t state = item_state(&entry->categories[i].state);
        if (state == SR_ITEM_EMPTY) {
            break;
        }
        stamp += state == SR_ITEM_READY;
    }
    return stamp;
}

static bool name_is_clean(const char name[32])
{
    return memchr(name, '\0', 32) && sr_name_check(name, SLIPRING_CATEGORY_NAME_MAX) == SR_NAME_OK;
}

static bool objective_is_sound(const struct sr_catalog_objective *objective)
{
    const bool is_latency = objective->kind == SLIPRING_LATENCY && objective->threshold_ns >= 1 &&
                            objective->threshold_ns <= SLIPRING_DURATION_MAX_NS;
    return name_is_clean(objective->name) && sr_objective_target_valid(objective->target_ppb) &&
           (is_latency || objective->kind == SLIPRING_AVAILABILITY) &&
           sr_objective_period_valid(objective->period_s);
}

/* False: it is impossible. */
static bool read_objective(const struct sr_objective_shm *shm, struct sr_catalog_objective *out_objective)
{
    struct sr_catalog_objective copy;
    memcpy(copy.name, shm->name, sizeof copy.name);
    copy.kind =
        __atomic_load_n(&shm->kind, __ATOMIC_RELAXED); /* relaxed, all: ordered by the look at its state */
    copy.target_ppb = __atomic_load_n(&shm->target_ppb, __ATOMIC_RELAXED);     /* as above */
    copy.threshold_ns = __atomic_load_n(&shm->threshold_ns, __ATOMIC_RELAXED); /* as above */
    copy.period_s = __atomic_load_n(&shm->period_s, __ATOMIC_RELAXED);         /* as above */
    if (!objective_is_sound(&copy)) {
        return false;
    }
    *out_objective = copy;
    return true;
}

void sr_catalog_read_lists(const struct sr_drain *drain, uint32_t id, struct sr_catalog_lists *out_lists)
{
    const struct sr_registry_entry_shm *entry = sr_segment_entry(&drain->segment, id);
    memset(out_lists, 0, sizeof *out_lists);
    memcpy(out_lists->categories[0], "default", sizeof "default");
    for (uint32_t i = 1; i < SLIPRING_CATEGORY_COUNT; i++) {
        if (item_state(&entry->categories[i].state) == SR_ITEM_READY) {
            char *name = out_lists->categories[i];
            memcpy(name, entry->categories[i].name, sizeof out_lists->categories[i]);
            if (!name_is_clean(name)) {
                memset(name, 0, sizeof out_lists->categories[i]);
            }
        }
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < SR_OBJECTIVE_ITEM_MAX && count < SLIPRING_OBJECTIVE_COUNT; i++) {
        count += sr_registry_objective_counts(entry, i) &&
                 read_objective(&entry->objectives[i], &out_lists->objectives[count]);
    }
}

/* --- bounds ------------------------------------------------------------------------------------------------------------- */

static void announce(_Atomic uint64_t *word, uint64_t value)
{
    /* release: after the odd version; pairs with the acquire loads in read_announced() of spill.c */
    atomic_store_explicit(word, value, memory_order_release);
}

void sr_catalog_announce(struct sr_drain *drain, uint32_t id, const uint64_t *bounds_ns, uint32_t count,
                         uint32_t booked_under)
{
    struct sr_bounds_shm *shm = sr_segment_bounds(&drain->segment, id);
    /* relaxed: the agent alone writes it */
    const uint64_t version = atomic_load_explicit(&shm->version, memory_order_relaxed) | 1;
    announce(&shm->version, version);
    announce(&shm->count, count);
    announce(&shm->alias, booked_under == id ? 0 : (uint64_t)booked_under + 1);
    for (uint32_t i = 0; i < count; i++) {
        announce(&shm->bound_ns[i], bounds_ns[i]);
    }
    SR_CRASHPOINT(announce_half_written);
    announce(&shm->version, version + 1);
}

static uint64_t announced(const _Atomic uint64_t *word)
{
    /* relaxed: the agents alone write them, one after the other */
    return atomic_load_explicit(word, memory_order_relaxed);
}

bool sr_catalog_is_announced(const struct sr_drain *drain, uint32_t id)
{
    return announced(&sr_segment_bounds(&drain->segment, id)->version) != 0;
}

bool sr_catalog_announces(const struct sr_drain *drain, uint32_t id, const uint64_t *bounds_ns,
                          uint32_t count, uint32_t booked_under)
{
    const struct sr_bounds_shm *shm = sr_segment_bounds(&drain->segment, id);
    const uint64_t version = announced(&shm->version);
    const uint64_t alias = booked_under == id ? 0 : (uint64_t)booked_under + 1;
    bool same =
        version != 0 && !(version & 1) && announced(&shm->count) == count && announced(&shm->alias) == alias;
    for (uint32_t i = 0; same && i < count; i++) {
        same = announced(&shm->bound_ns[i]) == bounds_ns[i];
    }
    return same;
}

/* --- news --------------------------------------------------------------------------------------------------------------- */

static uint64_t take_bits(struct sr_drain *drain, enum sr_news kind, uint32_t id, uint64_t mask)
{
    _Atomic uint64_t *bits = sr_segment_news(&drain->segment, kind, id);
    /* relaxed: a first look; who published something that we acquired told before */
    if (!(atomic_load_explicit(bits, memory_order_relaxed) & mask)) {
        return 0;
    }
    /* seq_cst: pairs with sr_segment_tell(): before whatever the caller looks at; else what is told while we look is lost */
    return atomic_fetch_and_explicit(bits, ~mask, memory_order_seq_cst) & mask;
}

bool sr_catalog_has_news(struct sr_drain *drain, enum sr_news kind, uint32_t id)
{
    return take_bits(drain, kind, id, UINT64_C(1) << (id % 64)) != 0;
}

uint64_t sr_catalog_take_news(struct sr_drain *drain, enum sr_news kind, uint32_t group)
{
    const uint64_t bits = take_bits(drain, kind, group * 64, UINT64_MAX);
    if (bits != 0) {
        const uint32_t high = group * 64 + 64 - (uint32_t)__builtin_clzll(bits);
        drain->registry_high = high > drain->registry_high ? high : drain->registry_high;
    }
    return bits;
}

void sr_catalog_put_news(struct sr_drain *drain, enum sr_news kind, uint32_t id)
{
    sr_segment_tell(&drain->segment, kind, id);
}

/* --- shared spills ------------------------------------------------------------------------------------------------------ */

struct sr_shared_marks sr_catalog_shared_marks(const struct sr_drain *drain, uint32_t id)
{
    const _Atomic uint64_t *block = sr_segment_shared_spill(&drain->segment, id);
    struct sr_shared_marks marks;
    /* seq_cst: acquire pairs with the release of EXIT, the last store of an update: before ENTER and the rest are read; after
     * the news were taken (sr_segment_tell()) */
    marks.exit = atomic_load_explicit(&block[SR_SPILL_EXIT], memory_order_seq_cst);
    marks.enter = atomic_load_explicit(&block[SR_SPILL_ENTER], memory_order_acquire); /* acquire: as above */
    return marks;
}

void sr_catalog_read_shared(const struct sr_drain *drain, uint32_t id, const struct sr_words *words,
                            struct sr_fold *out_fold)
{
    out_fold->words = SR_SPILL_WORDS_FULL;
    out_fold->cells = SR_BUCKET_COUNT;
    out_fold->base = 0;
    out_fold->first_copy = SR_WORD(copy_shared, id, 0);
    sr_fold_read(out_fold, sr_segment_shared_spill(&drain->segment, id), NULL, words);
}
