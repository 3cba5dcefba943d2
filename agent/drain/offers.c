/* SPDX-License-Identifier: Apache-2.0 */
/* Offering rings of another size: see offers.h. */
#include "offers.h"

#include <string.h>

#define RETRY_NS        UINT64_C(1000000000)
#define QUIET_PERIOD_NS UINT64_C(1000000000)

void offers_open(struct offers *offers, struct sr_drain *rings)
{
    memset(offers, 0, sizeof *offers);
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        const uint64_t word = sr_drain_state(rings, ring);
        if (sr_state_of(word) == SR_RING_OFFERED) {
            /* taken at this very moment, then: its taker has it */
            (void)!sr_drain_change_state(rings, ring, word, SR_RING_FREE);
        }
        if (sr_drain_is_reserved(rings, ring)) {
            sr_drain_clear_offer(rings, ring);
        }
    }
}

static struct offer *find(struct offer_list *list, uint32_t ring)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->offer[i].ring == ring) {
            return &list->offer[i];
        }
    }
    return NULL;
}

static void forget(struct offer_list *list, struct offer *offer)
{
    *offer = list->offer[--list->count];
}

static uint32_t key_of(uint32_t slot, uint32_t primitive)
{
    return (slot * 40503u + primitive * 2654435761u) >> 7 & (OFFERS_KEYS - 1);
}

/* The offer is over: was it taken, or can it be taken back? false: neither, it stands. */
static bool end_offer(struct sr_drain *rings, const struct offer *offer, bool take_back)
{
    const uint64_t word = sr_drain_state(rings, offer->other);
    if (sr_state_of(word) == SR_RING_OFFERED && !take_back) {
        return false;
    }
    sr_drain_clear_offer(rings, offer->ring);
    if (sr_state_of(word) == SR_RING_OFFERED) {
        /* taken at this very moment, then: its taker has it */
        (void)!sr_drain_change_state(rings, offer->other, word, SR_RING_FREE);
    }
    return true;
}

/* --- bigger --------------------------------------------------------------------------------------------------------------- */

void offers_make(struct offers *offers, struct sr_drain *rings, uint32_t ring,
                 const struct sr_ring_sight *sight, uint32_t primitive, uint64_t now_ns)
{
    struct offer *smaller = find(&offers->smaller, ring);
    if (smaller && end_offer(rings, smaller, true)) {
        forget(&offers->smaller, smaller);
    }
    if (offers->bigger.count == OFFERS_MAX || now_ns < offers->not_before_ns || find(&offers->bigger, ring)) {
        return;
    }
    uint32_t bigger = 0;
    if (sr_drain_free_bytes(rings) < OFFERS_KEEP_FREE ||
        sr_drain_offer(rings, ring, sr_ring_class_of(ring) + 1, sight->slot, &bigger) != SLIPRING_OK) {
        offers->not_before_ns = now_ns + RETRY_NS;
        return;
    }
    const uint32_t key = key_of(sight->slot, primitive);
    offers->bigger.offer[offers->bigger.count++] =
        (struct offer){.ring = ring, .other = bigger, .key = key, .word = sight->word, .since_ns = now_ns};
    struct patience *patience = &offers->patience[key];
    if (patience->has_shrunk && patience->doublings < OFFERS_PATIENCE_MAX) {
        patience->doublings++;
    }
    patience->has_shrunk = false;
}

static void tick_bigger(struct offers *offers, struct sr_drain *rings, uint64_t now_ns)
{
    struct offer_list *list = &offers->bigger;
    for (uint32_t i = list->count; i-- > 0;) {
        const struct offer *offer = &list->offer[i];
        const bool is_stale =
            now_ns - offer->since_ns > OFFERS_TAKE_IN_NS || sr_drain_state(rings, offer->ring) != offer->word;
        if (end_offer(rings, offer, is_stale)) {
            forget(list, &list->offer[i]);
        }
    }
}

/* --- smaller -------------------------------------------------------------------------------------------------------------- */

void offers_note(struct offers *offers, uint32_t ring, const struct sr_ring_sight *sight, uint32_t primitive,
                 uint64_t used, uint64_t now_ns)
{
    if (ring < SR_RINGS_SMALL) {
        return;
    }
    struct quiet *quiet = &offers->quiet[ring - SR_RINGS_SMALL];
    if (quiet->word != sight->word) {
        *quiet =
            (struct quiet){.word = sight->word, .since_ns = now_ns, .key = key_of(sight->slot, primitive)};
    }
    if (used >= sr_ring_shapes[sr_ring_class_of(ring) - 1].words / 4) {
        quiet->since_ns = now_ns;
    }
    quiet->has_moved = true;
}

static void offer_smaller(struct offers *offers, struct sr_drain *rings, uint32_t ring, uint64_t now_ns)
{
    struct quiet *quiet = &offers->quiet[ring - SR_RINGS_SMALL];
    const uint64_t word = sr_drain_state(rings, ring);
    const uint64_t long_enough = OFFERS_QUIET_NS << offers->patience[quiet->key].doublings;
    if (sr_state_of(word) != SR_RING_OWNED || word != quiet->word || now_ns - quiet->since_ns < long_enough ||
        find(&offers->smaller, ring) || find(&offers->bigger, ring)) {
        return;
    }
    uint32_t smaller = 0;
    if (sr_drain_offer(rings, ring, sr_ring_class_of(ring) - 1, sr_state_slot(word), &smaller) !=
        SLIPRING_OK) {
        offers->not_before_ns = now_ns + RETRY_NS;
        return;
    }
    offers->smaller.offer[offers->smaller.count++] =
        (struct offer){.ring = ring, .other = smaller, .key = quiet->key, .word = word, .since_ns = now_ns};
}

static void tick_smaller(struct offers *offers, struct sr_drain *rings, uint64_t now_ns)
{
    struct offer_list *list = &offers->smaller;
    for (uint32_t i = list->count; i-- > 0;) {
        const struct offer *offer = &list->offer[i];
        struct quiet *quiet = &offers->quiet[offer->ring - SR_RINGS_SMALL];
        const bool is_late = now_ns - offer->since_ns > OFFERS_TAKE_SMALLER_NS;
        const bool is_stale =
            is_late || quiet->since_ns > offer->since_ns || sr_drain_state(rings, offer->ring) != offer->word;
        const bool is_taken = sr_state_of(sr_drain_state(rings, offer->other)) != SR_RING_OFFERED;
        if (is_late) { /* it hardly records: offered again when it was seen to */
            quiet->since_ns = now_ns;
            quiet->has_moved = false;
        }
        if (end_offer(rings, offer, is_stale)) {
            offers->patience[offer->key].has_shrunk |= is_taken;
            forget(list, &list->offer[i]);
        }
    }
}

void offers_tick(struct offers *offers, struct sr_drain *rings, uint64_t now_ns)
{
    tick_bigger(offers, rings, now_ns);
    tick_smaller(offers, rings, now_ns);
    if (now_ns < offers->quiet_due_ns) {
        return;
    }
    offers->quiet_due_ns = now_ns + QUIET_PERIOD_NS;
    for (uint32_t ring = SR_RINGS_SMALL; ring < SR_RING_MAX && now_ns >= offers->not_before_ns; ring++) {
        if (offers->smaller.count < OFFERS_MAX && offers->quiet[ring - SR_RINGS_SMALL].has_moved) {
            offer_smaller(offers, rings, ring, now_ns);
        }
    }
}

void offers_close(struct offers *offers, struct sr_drain *rings)
{
    while (offers->bigger.count > 0) {
        (void)end_offer(rings, &offers->bigger.offer[--offers->bigger.count], true);
    }
    while (offers->smaller.count > 0) {
        (void)end_offer(rings, &offers->smaller.offer[--offers->smaller.count], true);
    }
}
