/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's door to usage accounts (protocol/usage.h): whose each is, and what it counted. See peer/drain.h.
 *
 * What comes out of here was checked: an id within its range, a name of clean UTF-8 within its limit. An account that is not so is said
 * to be none. Counters are what anybody wrote. */
#ifndef SR_PEER_METER_H
#define SR_PEER_METER_H

#include <slipring/usage.h>

#include "peer/catalog.h"
#include "peer/drain.h"

/* Whose account it is, read once. account < SR_USAGE_MAX. */
struct sr_meter_name {
    uint32_t primitive;
    char resource[64]; /* zero-padded */
};

enum sr_meter {
    SR_METER_END,     /* the key is EMPTY: there are no accounts from here on */
    SR_METER_PENDING, /* somebody makes it, or died over it */
    SR_METER_FOREIGN, /* what it says is impossible */
    SR_METER_FOUND,
};
SR_MUST_CHECK enum sr_meter sr_meter_look(const struct sr_drain *drain, uint32_t account,
                                          struct sr_meter_name *out_name);

/* Counters of an account that was FOUND. Units before usages, so that none are seen without their usage; exit first, enter last: their
 * difference is work under way, or torn. */
struct sr_meter_reading {
    uint64_t exit;
    uint64_t enter;
    uint64_t usages;
    uint64_t clamped;
    uint64_t units[SLIPRING_UNIT_MAX];
};
void sr_meter_read(const struct sr_drain *drain, uint32_t account, struct sr_meter_reading *out_reading);

/* The marks alone. */
struct sr_shared_marks sr_meter_marks(const struct sr_drain *drain, uint32_t account);

/* Usages that no account was to be had for, ever. */
uint64_t sr_meter_lost(const struct sr_drain *drain);

#endif
