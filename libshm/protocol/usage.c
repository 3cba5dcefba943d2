/* SPDX-License-Identifier: Apache-2.0 */
/* Usage accounts in shared memory: see usage.h. */
#include "protocol/usage.h"

#include <sched.h>
#include <string.h>

#include "base/crashpoint.h"
#include "pure/name.h"

#define LOOKS_MOST 64 /* at a claim that may be of the account that is wanted */

/* --- names ------------------------------------------------------------------------------------------------------------------- */

void sr_usage_name_set(struct sr_usage_name *name, uint32_t primitive, const char *resource, size_t length)
{
    memset(name->resource, 0, sizeof name->resource);
    memcpy(name->resource, resource, length);
    name->primitive = primitive;
    uint64_t hash = primitive + UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = 0; i < sizeof name->resource / 8; i++) {
        uint64_t word = 0;
        memcpy(&word, name->resource + (size_t)8 * i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    name->hash = (uint32_t)hash;
}

static uint64_t key_of(const struct sr_segment *segment, uint32_t account)
{
    /* acquire: pairs with the release of READY; else half a name is read */
    return atomic_load_explicit(sr_segment_usage_key(segment, account), memory_order_acquire);
}

static bool is_of(const struct sr_segment *segment, uint32_t account, uint64_t key,
                  const struct sr_usage_name *name)
{
    if (key != sr_state_word(name->hash, 0, SR_USAGE_READY) ||
        !sr_segment_usage_is_reserved(segment, account)) {
        return false;
    }
    const struct sr_usage_account_shm *shm = sr_segment_usage(segment, account);
    return shm->primitive == name->primitive &&
           memcmp(shm->resource, name->resource, sizeof shm->resource) == 0;
}

bool sr_usage_is(const struct sr_segment *segment, uint32_t account, const struct sr_usage_name *name)
{
    return is_of(segment, account, key_of(segment, account), name);
}

/* The key when its claim is over, or was not for so long that it may never be (G5, G6). */
static uint64_t await(const struct sr_segment *segment, uint32_t account, uint64_t key)
{
    for (uint32_t looks = 0; looks < LOOKS_MOST && sr_state_of(key) == SR_USAGE_CLAIMING; looks++) {
        (void)sched_yield();
        key = key_of(segment, account);
    }
    return key;
}

/* The account, or SR_USAGE_NONE; *out_end is the first EMPTY key. */
static uint32_t search(const struct sr_segment *segment, const struct sr_usage_name *name, bool waits,
                       uint32_t *out_end)
{
    uint32_t account = 0;
    for (uint64_t key; account < SR_USAGE_MAX && (key = key_of(segment, account)) != SR_USAGE_EMPTY;
         account++) {
        if (sr_state_generation(key) != name->hash) {
            continue;
        }
        if (is_of(segment, account, waits ? await(segment, account, key) : key, name)) {
            return account;
        }
    }
    *out_end = account;
    return SR_USAGE_NONE;
}

uint32_t sr_usage_find(const struct sr_segment *segment, const struct sr_usage_name *name)
{
    uint32_t end = 0;
    return search(segment, name, false, &end);
}

/* --- making ------------------------------------------------------------------------------------------------------------------ */

/* Alone in a page that is reserved: the account is CLAIMING. Its counters are zero, as the page was. */
static void write_name(struct sr_segment *segment, uint32_t account, const struct sr_usage_name *name)
{
    struct sr_usage_account_shm *shm = sr_segment_usage(segment, account);
    shm->primitive = name->primitive;
    memcpy(shm->resource, name->resource, sizeof shm->resource);
}

static void publish(struct sr_segment *segment, uint32_t account, uint32_t hash)
{
    /* release: pairs with key_of() here and in the agent */
    atomic_store_explicit(sr_segment_usage_key(segment, account), sr_state_word(hash, 0, SR_USAGE_READY),
                          memory_order_release);
}

/* waits: for claims of the same name that are under way, so that there are fewer duplicates. */
static enum slipring_status find_or_make(struct sr_segment *segment, const struct sr_usage_name *name,
                                         bool waits, uint32_t *out_account)
{
    uint32_t end = 0;
    uint32_t found = search(segment, name, false, &end);
    if (found == SR_USAGE_NONE && waits) {
        found = search(segment, name, true, &end);
    }
    if (found != SR_USAGE_NONE) {
        *out_account = found;
        return SLIPRING_OK;
    }
    for (; end < SR_USAGE_MAX; end++) {
        const enum slipring_status status = sr_segment_reserve_usage(segment, end); /* G7 */
        if (status != SLIPRING_OK) {
            return status;
        }
        uint64_t key = SR_USAGE_EMPTY;
        /* acquire, both: on failure as key_of(); through the claim nothing is read */
        if (atomic_compare_exchange_strong_explicit(sr_segment_usage_key(segment, end), &key,
                                                    sr_state_word(name->hash, 0, SR_USAGE_CLAIMING),
                                                    memory_order_acquire, memory_order_acquire)) {
            SR_CRASHPOINT(usage_claimed);
            write_name(segment, end, name);
            SR_CRASHPOINT(usage_before_ready);
            publish(segment, end, name->hash);
            *out_account = end;
            return SLIPRING_OK;
        }
        /* somebody was faster: perhaps for this very account */
        if (sr_state_generation(key) == name->hash &&
            is_of(segment, end, waits ? await(segment, end, key) : key, name)) {
            *out_account = end;
            return SLIPRING_OK;
        }
    }
    return SLIPRING_TABLE_FULL;
}

enum slipring_status sr_usage_get(struct sr_segment *segment, const struct sr_usage_name *name,
                                  uint32_t *out_account)
{
    return find_or_make(segment, name, true, out_account);
}

void sr_usage_lose(const struct sr_segment *segment)
{
    /* relaxed: a counter */
    (void)atomic_fetch_add_explicit(&sr_segment_header(segment)->hint.usage_lost, 1, memory_order_relaxed);
}

/* --- updates ----------------------------------------------------------------------------------------------------------------- */

static void add_first(_Atomic uint64_t *word, uint64_t value)
{
    /* relaxed: what is read of this update later is ordered by add_rest() */
    (void)atomic_fetch_add_explicit(word, value, memory_order_relaxed);
}

static void add_rest(_Atomic uint64_t *word, uint64_t value)
{
    if (value != 0) {
        /* release: after the usage, pairs with the agent's acquire (G3); else units are seen without it */
        (void)atomic_fetch_add_explicit(word, value, memory_order_release);
    }
}

void sr_usage_begin(struct sr_usage_account_shm *account, const struct slipring_usage *usage,
                    bool was_clamped)
{
    add_first(&account->enter, 1);
    SR_CRASHPOINT(usage_after_enter);
    add_first(&account->usages, 1);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        add_rest(&account->units[unit], usage->units[unit]);
    }
    add_rest(&account->clamped, was_clamped);
    SR_CRASHPOINT(usage_after_units);
}

void sr_usage_end(const struct sr_segment *segment, uint32_t primitive, struct sr_usage_account_shm *account)
{
    SR_CRASHPOINT(usage_before_exit);
    /* seq_cst: release as in add_rest(), and before the look at the news: see sr_segment_tell() */
    (void)atomic_fetch_add_explicit(&account->exit, 1, memory_order_seq_cst);
    SR_CRASHPOINT(usage_before_news);
    sr_segment_tell(segment, SR_NEWS_SHARED, primitive);
}

/* --- moves ------------------------------------------------------------------------------------------------------------------- */

enum slipring_status sr_usage_reserve_all(const struct sr_segment *from, struct sr_segment *to)
{
    enum slipring_status status = SLIPRING_OK;
    for (uint32_t account = 0; account < SR_USAGE_MAX && status == SLIPRING_OK;
         account += SR_USAGE_PAGE_EACH) {
        if (sr_segment_usage_is_reserved(from, account)) {
            status = sr_segment_reserve_usage(to, account);
        }
    }
    return status;
}

/* What it says of whose it is, hostile as it may be. False: nobody's. */
static bool read_name(const struct sr_segment *segment, uint32_t account, struct sr_usage_name *out_name)
{
    if (sr_state_of(key_of(segment, account)) != SR_USAGE_READY ||
        !sr_segment_usage_is_reserved(segment, account)) {
        return false;
    }
    char resource[sizeof out_name->resource];
    const uint32_t primitive =
        __atomic_load_n(&sr_segment_usage(segment, account)->primitive, __ATOMIC_RELAXED); /* read once */
    memcpy(resource, sr_segment_usage(segment, account)->resource, sizeof resource);
    if (primitive >= SR_PRIMITIVE_MAX || resource[sizeof resource - 1] != '\0' ||
        sr_name_check(resource, SLIPRING_MODEL_NAME_MAX) != SR_NAME_OK) {
        return false;
    }
    sr_usage_name_set(out_name, primitive, resource, strlen(resource));
    return true;
}

void sr_usage_carry(const struct sr_segment *from, struct sr_segment *to)
{
    for (uint32_t account = 0; account < SR_USAGE_MAX; account++) {
        const uint64_t key = key_of(from, account);
        struct sr_usage_name name;
        if (key == SR_USAGE_EMPTY) {
            return;
        }
        if (sr_segment_usage_is_reserved(to, account) && read_name(from, account, &name)) {
            write_name(to, account, &name);
            publish(to, account, name.hash);
        } else { /* or the keys behind it would lie behind an end */
            /* relaxed: published with the header */
            atomic_store_explicit(sr_segment_usage_key(to, account), sr_state_word(0, 0, SR_USAGE_CLAIMING),
                                  memory_order_relaxed);
        }
    }
}

static uint64_t take(_Atomic uint64_t *word)
{
    /* acq_rel: after what was taken before it (EXIT), and with the update whose release wrote it */
    return atomic_exchange_explicit(word, 0, memory_order_acq_rel);
}

static void pour_account(struct sr_usage_account_shm *from, struct sr_usage_account_shm *to)
{
    const uint64_t finished = take(&from->exit);
    add_rest(&to->usages, take(&from->usages));
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        add_rest(&to->units[unit], take(&from->units[unit]));
    }
    add_rest(&to->clamped, take(&from->clamped));
    add_rest(&to->enter, take(&from->enter));
    add_rest(&to->exit, finished);
}

static bool has_something(const struct sr_usage_account_shm *account)
{
    /* acquire: pairs with the update's EXIT */
    return atomic_load_explicit(&account->enter, memory_order_acquire) != 0 ||
           atomic_load_explicit(&account->exit, memory_order_acquire) != 0; /* acquire: as above */
}

void sr_usage_pour(struct sr_segment *from, struct sr_segment *to)
{
    for (uint32_t account = 0; account < SR_USAGE_MAX && key_of(from, account) != SR_USAGE_EMPTY; account++) {
        struct sr_usage_name name;
        uint32_t other = account;
        if (!read_name(from, account, &name) || !has_something(sr_segment_usage(from, account))) {
            continue;
        }
        /* The agent waits for nobody: keys that are claimed for ever may be as many as there are. */
        if (!sr_usage_is(to, account, &name) && find_or_make(to, &name, false, &other) != SLIPRING_OK) {
            break; /* without a place, as the next ones would be: tried again at the next pouring */
        }
        pour_account(sr_segment_usage(from, account), sr_segment_usage(to, other));
        sr_segment_tell(to, SR_NEWS_SHARED, name.primitive);
    }
    const uint64_t lost = take(&sr_segment_header(from)->hint.usage_lost);
    if (lost != 0) {
        /* relaxed: a counter */
        (void)atomic_fetch_add_explicit(&sr_segment_header(to)->hint.usage_lost, lost, memory_order_relaxed);
    }
}
