/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's door to process slots: who is there, who died, what they counted outside of rings. See peer/drain.h. */
#ifndef SR_PEER_CENSUS_H
#define SR_PEER_CENSUS_H

#include "peer/drain.h"

struct sr_slot_sight {
    uint64_t word; /* of the state */
    uint32_t state;
    uint32_t generation;
    uint64_t unattributed;
    uint64_t attached_ns; /* store time, as the process says */
    uint32_t pid;         /* as the process says, in its own namespace */
    struct sr_span_sight {
        uint64_t key; /* 0: unused; else primitive + 1, in range */
        uint64_t begun;
        uint64_t ended;
    } spans[SR_SPAN_TABLE_COUNT];
};

bool sr_census_is_reserved(const struct sr_drain *drain, uint32_t slot);

/* The first slot from `from` on that has a page; SR_SLOT_MAX: none. */
uint32_t sr_census_next(const struct sr_drain *drain, uint32_t from);

/* The state alone; FREE for a slot that has no page. */
uint32_t sr_census_state(const struct sr_drain *drain, uint32_t slot);

/* One look: of every span entry `ended` before `begun`, so that no end is seen without its begin. False: the slot
 * has no page. */
SR_MUST_CHECK bool sr_census_look(const struct sr_drain *drain, uint32_t slot,
                                  struct sr_slot_sight *out_sight);

/* Is the slot's byte locked by its owner? A system call. */
bool sr_census_is_alive(const struct sr_drain *drain, uint32_t slot);

/* Lock the byte of a dead owner's slot, so that nobody takes the slot; false: somebody lives there. */
SR_MUST_CHECK bool sr_census_seize(struct sr_drain *drain, uint32_t slot);
void sr_census_drop(struct sr_drain *drain, uint32_t slot);

/* With the byte seized. */
void sr_census_set_state(struct sr_drain *drain, uint32_t slot, uint32_t generation,
                         enum sr_slot_state state);
/* There is none free below this one. A hint to those who look for one. */
void sr_census_hint_free(struct sr_drain *drain, uint32_t slot);
void sr_census_clear_spans(struct sr_drain *drain, uint32_t slot);

#endif
