/* SPDX-License-Identifier: Apache-2.0 */
/* Usage accounts against their copies and their books: see audit_usage.h. */
#include "peer/audit_usage.h"

#include <slipring/usage.h>

#include "peer/accounts.h"
#include "protocol/usage.h"
#include "pure/money.h"

static uint64_t get(const struct sr_reading *reading, uint32_t word)
{
    return sr_reading_get(reading, word);
}

void sr_audit_usage_copies(const struct sr_reading *reading, struct sr_audit_used *out_sum)
{
    *out_sum = (struct sr_audit_used){.usages = 0};
    for (uint32_t i = 0; reading->map.base && i < SR_USAGE_MAX; i++) {
        out_sum->usages += get(reading, SR_WORD(copy_usage, i, SR_COPY_USAGE_USAGES));
        out_sum->units +=
            sr_reading_sum(reading, SR_WORD(copy_usage, i, SR_COPY_USAGE_UNITS), SLIPRING_UNIT_MAX);
    }
}

/* One account: each copy is read before its counter, which only grows. */
static void claim(const struct sr_reading *reading, const struct sr_usage_account_shm *shm, bool has_copies,
                  uint32_t account, struct sr_audit *audit)
{
    const uint32_t copy = SR_WORD(copy_usage, account, 0);
    const uint64_t copied = has_copies ? get(reading, copy + SR_COPY_USAGE_USAGES) : 0;
    uint64_t behind = 0;
    uint64_t ahead = 0; /* a unit that is ahead of its counter; one for an account is enough */
    /* acquire: finished is looked at before begun, so that work under way is not negative */
    const uint64_t finished = atomic_load_explicit(&shm->exit, memory_order_acquire);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        const uint64_t booked = has_copies ? get(reading, copy + SR_COPY_USAGE_UNITS + unit) : 0;
        /* acquire: stays behind the look at the copy */
        const uint64_t units = atomic_load_explicit(&shm->units[unit], memory_order_acquire);
        if (units < booked) {
            behind = units;
            ahead = booked;
        }
    }
    /* acquire: as above */
    const uint64_t usages = atomic_load_explicit(&shm->usages, memory_order_acquire);
    if (usages < copied) {
        behind = usages;
        ahead = copied;
    }
    if (ahead != 0) {
        sr_audit_note(audit, SR_AUDIT_USAGE_BEHIND, account, behind, ahead, UINT64_MAX);
    }
    audit->in_accounts += usages > copied ? usages - copied : 0;
    /* relaxed: behind the look at finished */
    audit->torn += atomic_load_explicit(&shm->enter, memory_order_relaxed) - finished;
}

void sr_audit_usage_claims(const struct sr_reading *reading, const struct sr_segment *segment,
                           bool has_copies, struct sr_audit *audit)
{
    for (uint32_t account = 0; account < SR_USAGE_MAX; account++) {
        /* acquire: pairs with the release of READY; else an account is read that is not made yet */
        const uint64_t key =
            atomic_load_explicit(sr_segment_usage_key(segment, account), memory_order_acquire);
        if (key == SR_USAGE_EMPTY) {
            return;
        }
        if (sr_state_of(key) == SR_USAGE_READY && sr_segment_usage_is_reserved(segment, account)) {
            claim(reading, sr_segment_usage(segment, account), has_copies, account, audit);
        }
    }
}

/* A book and its accounts grow in the same commits: what is read of the accounts first cannot be more than what is read of the book later. */
static void audit_money(const struct sr_reading *reading, const uint64_t *priced, uint32_t book,
                        enum sr_book_word first, struct sr_audit *audit)
{
    uint64_t money = 0;
    bool is_saturated = false;
    for (uint32_t i = 0; priced[book] != 0 && i < SLIPRING_CATEGORY_COUNT; i++) {
        money = sr_money_add(money, get(reading, SR_WORD(book, book, first + i)), &is_saturated);
    }
    if (money < priced[book]) {
        sr_audit_note(audit, SR_AUDIT_BOOK_MONEY, book, money, priced[book], UINT64_MAX);
    }
}

void sr_audit_usage_books(const struct sr_reading *reading, struct sr_audit_usage *usage,
                          struct sr_audit *audit)
{
    static const struct {
        enum sr_usage_word account;
        enum sr_book_word book;
    } kinds[] = {{SR_USAGE_COST, SR_BOOK_COST}, {SR_USAGE_SAVINGS, SR_BOOK_SAVINGS}};
    uint64_t priced[2][SR_PRIMITIVE_MAX] = {{0}};
    for (uint32_t i = 0; i < SR_USAGE_MAX; i++) {
        const uint64_t book = get(reading, SR_WORD(usage, i, SR_USAGE_BOOK));
        if (get(reading, SR_WORD(usage, i, SR_USAGE_USED)) != 1 || book >= SR_PRIMITIVE_MAX) {
            continue;
        }
        bool is_saturated = false;
        for (uint32_t kind = 0; kind < SR_ARRAY_COUNT(kinds); kind++) {
            priced[kind][book] = sr_money_add(
                priced[kind][book], get(reading, SR_WORD(usage, i, kinds[kind].account)), &is_saturated);
        }
        audit->usages += get(reading, SR_WORD(usage, i, SR_USAGE_USAGES));
        usage->booked.units += sr_reading_sum(reading, SR_WORD(usage, i, SR_USAGE_UNITS), SLIPRING_UNIT_MAX);
    }
    usage->booked.usages = audit->usages - get(reading, SR_WORD(store, 0, SR_STORE_FORMER_USAGES));
    usage->booked.units -= get(reading, SR_WORD(store, 0, SR_STORE_FORMER_UNITS));
    usage->is_balanced = get(reading, SR_WORD(store, 0, SR_STORE_USAGE_BALANCED)) == 1;
    for (uint32_t book = 0; book < SR_PRIMITIVE_MAX; book++) {
        audit_money(reading, priced[0], book, kinds[0].book, audit);
        audit_money(reading, priced[1], book, kinds[1].book, audit);
    }
}

/* Between the two readings of the copies, modulo 2^64. */
static bool is_between(uint64_t value, uint64_t low, uint64_t high)
{
    return value - low <= high - low;
}

void sr_audit_usage_judge(const struct sr_audit_usage *usage, struct sr_audit *audit)
{
    if (!usage->is_balanced) {
        return; /* of an agent that kept no such account */
    }
    if (!is_between(usage->booked.usages, usage->before.usages, usage->after.usages)) {
        sr_audit_note(audit, SR_AUDIT_USAGES, SR_AUDIT_NO_ID, usage->booked.usages, usage->before.usages,
                      usage->after.usages);
    }
    if (!is_between(usage->booked.units, usage->before.units, usage->after.units)) {
        sr_audit_note(audit, SR_AUDIT_UNITS, SR_AUDIT_NO_ID, usage->booked.units, usage->before.units,
                      usage->after.units);
    }
    audit->is_exact = audit->is_exact && usage->before.usages == usage->after.usages &&
                      usage->before.units == usage->after.units;
}
