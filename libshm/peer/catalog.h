/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's door to the primitive registry: names, lists, announced bounds, shared spills. See peer/drain.h.
 *
 * What comes out of here was checked: names are clean UTF-8 within their limits, objectives have a kind, a target, a
 * threshold and a period within theirs. An entry that is not is said to be none. */
#ifndef SR_PEER_CATALOG_H
#define SR_PEER_CATALOG_H

#include <slipring/objective.h>

#include "peer/drain.h"

/* The key of a primitive's id: its state, and the slot of its registrant. id < SR_PRIMITIVE_MAX. */
uint32_t sr_catalog_state(const struct sr_drain *drain, uint32_t id, uint32_t *out_slot);

/* Look for ids that were registered since; 128 KB at most. The registry's own hint of the highest one is any producer's to
 * write, and not believed here. */
void sr_catalog_look(struct sr_drain *drain);

/* Ids at and above this were not registered at the last look: a bound for scanning, up to SR_PRIMITIVE_MAX. */
uint32_t sr_catalog_high(const struct sr_drain *drain);

/* Empty the CLAIMING key of a dead registrant. */
void sr_catalog_free(struct sr_drain *drain, uint32_t id);

struct sr_catalog_name {
    char name[136]; /* zero-padded */
    char type[64];
};

/* The names of a READY id. False: they are none, or its pages are not reserved. */
SR_MUST_CHECK bool sr_catalog_read(const struct sr_drain *drain, uint32_t id,
                                   struct sr_catalog_name *out_name);

/* The two lists of a READY, reserved id. */
struct sr_catalog_lists {
    char categories[SLIPRING_CATEGORY_COUNT][32]; /* [0] is "default"; empty: none */
    struct sr_catalog_objective {                 /* of each name, as it was changed last */
        char name[32];                            /* empty: there are no more */
        uint32_t kind;
        uint32_t target_ppb;
        uint64_t threshold_ns;
        uint64_t period_s;
    } objectives[SLIPRING_OBJECTIVE_COUNT];
};

/* A number that changes whenever a list grew. Reads one to three lines. */
uint32_t sr_catalog_lists_stamp(const struct sr_drain *drain, uint32_t id);
void sr_catalog_read_lists(const struct sr_drain *drain, uint32_t id, struct sr_catalog_lists *out_lists);

/* Announce the exact bounds of a reserved id, and where it is booked (its own id: no alias). The caller raises the
 * bounds epoch afterwards. Killed in the middle, the version is odd and the next agent announces again. */
void sr_catalog_announce(struct sr_drain *drain, uint32_t id, const uint64_t *bounds_ns, uint32_t count,
                         uint32_t booked_under);

/* Is anything announced for the id, also half? Is exactly this? */
bool sr_catalog_is_announced(const struct sr_drain *drain, uint32_t id);
bool sr_catalog_announces(const struct sr_drain *drain, uint32_t id, const uint64_t *bounds_ns,
                          uint32_t count, uint32_t booked_under);

/* --- news --------------------------------------------------------------------------------------------------------------- */

/* Is there news of this kind of the id? Then it is told once: the caller looks now. What a registrant or recorder that was killed
 * before it could tell left behind, only looking everywhere finds; so does a first look. */
SR_MUST_CHECK bool sr_catalog_has_news(struct sr_drain *drain, enum sr_news kind, uint32_t id);

/* The same of ids [64 * group, 64 * group + 64): a bit an id. sr_catalog_high() rises to them. */
#define SR_NEWS_GROUPS (SR_PRIMITIVE_MAX / 64u)
SR_MUST_CHECK uint64_t sr_catalog_take_news(struct sr_drain *drain, enum sr_news kind, uint32_t group);

/* The caller could not look now: tell it again. */
void sr_catalog_put_news(struct sr_drain *drain, enum sr_news kind, uint32_t id);

/* --- shared spills ------------------------------------------------------------------------------------------------------ */

bool sr_catalog_is_reserved(const struct sr_drain *drain, uint32_t id);

/* Updates begun and finished. Finished is read first: a difference is work under way, or torn. */
struct sr_shared_marks {
    uint64_t enter;
    uint64_t exit;
};
struct sr_shared_marks sr_catalog_shared_marks(const struct sr_drain *drain, uint32_t id);

/* Read the shared block and its durable copy. */
void sr_catalog_read_shared(const struct sr_drain *drain, uint32_t id, const struct sr_words *words,
                            struct sr_fold *out_fold);

#endif
