/* SPDX-License-Identifier: Apache-2.0 */
/* Offering bigger rings: see offers.h. */
#include "offers.h"

#define RETRY_NS UINT64_C(1000000000)

void offers_open(struct offers *offers, struct sr_drain *rings)
{
    *offers = (struct offers){.count = 0};
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

static bool is_outstanding(const struct offers *offers, uint32_t ring)
{
    for (uint32_t i = 0; i < offers->count; i++) {
        if (offers->offer[i].ring == ring) {
            return true;
        }
    }
    return false;
}

void offers_make(struct offers *offers, struct sr_drain *rings, uint32_t ring,
                 const struct sr_ring_sight *sight, uint64_t now_ns)
{
    if (offers->count == OFFERS_MAX || now_ns < offers->not_before_ns || is_outstanding(offers, ring)) {
        return;
    }
    uint32_t bigger = 0;
    if (sr_drain_free_bytes(rings) < OFFERS_KEEP_FREE ||
        sr_drain_offer(rings, ring, sight->slot, &bigger) != SLIPRING_OK) {
        offers->not_before_ns = now_ns + RETRY_NS;
        return;
    }
    offers->offer[offers->count++] =
        (struct offer){.ring = ring, .bigger = bigger, .word = sight->word, .since_ns = now_ns};
}

/* The offer is over: was it taken, or can it be taken back? false: neither, it stands. */
static bool end_offer(struct sr_drain *rings, const struct offer *offer, bool take_back)
{
    const uint64_t word = sr_drain_state(rings, offer->bigger);
    if (sr_state_of(word) == SR_RING_OFFERED && !take_back) {
        return false;
    }
    sr_drain_clear_offer(rings, offer->ring);
    if (sr_state_of(word) == SR_RING_OFFERED) {
        /* taken at this very moment, then: its taker has it */
        (void)!sr_drain_change_state(rings, offer->bigger, word, SR_RING_FREE);
    }
    return true;
}

void offers_tick(struct offers *offers, struct sr_drain *rings, uint64_t now_ns)
{
    for (uint32_t i = offers->count; i-- > 0;) {
        const struct offer *offer = &offers->offer[i];
        const bool is_stale =
            now_ns - offer->since_ns > OFFERS_TAKE_IN_NS || sr_drain_state(rings, offer->ring) != offer->word;
        if (end_offer(rings, offer, is_stale)) {
            offers->offer[i] = offers->offer[--offers->count];
        }
    }
}

void offers_close(struct offers *offers, struct sr_drain *rings)
{
    while (offers->count > 0) {
        (void)end_offer(rings, &offers->offer[--offers->count], true);
    }
}
