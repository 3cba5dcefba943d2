/* SPDX-License-Identifier: Apache-2.0 */
/* Bigger rings for those that spill: the agent reserves one and offers it, the producer takes it when it next finds its
 * ring full, and gives back the small one. What is not taken within ten seconds goes back.
 *
 * Bounded: so many offers at a time, none while the file system is nearly full, none in the second after a refusal.
 * Killed in between, the next agent takes back every offer that it finds. */
#ifndef AGENT_OFFERS_H
#define AGENT_OFFERS_H

#include "peer/drain.h"

#define OFFERS_MAX        64u
#define OFFERS_TAKE_IN_NS UINT64_C(10000000000)
#define OFFERS_KEEP_FREE  (UINT64_C(16) << 20) /* bytes of the file system that offers leave alone */

struct offer {
    uint32_t ring;   /* that spilled */
    uint32_t bigger; /* offered to its owner */
    uint64_t word;   /* state of `ring` when it was offered */
    uint64_t since_ns;
};

struct offers {
    uint32_t count;
    uint64_t not_before_ns;
    struct offer offer[OFFERS_MAX];
};

/* Take back whatever a killed agent had offered. */
void offers_open(struct offers *offers, struct sr_drain *rings);

/* The ring, OWNED as `sight` says, spilled: offer its owner a bigger one, if that may be. */
void offers_make(struct offers *offers, struct sr_drain *rings, uint32_t ring,
                 const struct sr_ring_sight *sight, uint64_t now_ns);

/* Forget what was taken, take back what was not. */
void offers_tick(struct offers *offers, struct sr_drain *rings, uint64_t now_ns);

/* Take back all: before a clean stop. */
void offers_close(struct offers *offers, struct sr_drain *rings);

#endif
