/* SPDX-License-Identifier: Apache-2.0 */
/* Rings of another size: bigger ones for those that spill, smaller ones for those that were given a bigger one and have been
 * nearly idle since. The agent reserves one and offers it; the producer takes it when it next looks at its ring's head (when its ring is
 * full; or, a smaller one, when it is nearly empty, once in as many samples as it holds), and gives back its own. What is not taken
 * within ten seconds, a smaller one within ten minutes, goes back.
 *
 * Nearly idle: for half a minute no look found a quarter of the next smaller class in the ring, or anything spilled; and something was
 * recorded, else nobody would take the offer. So that sizes do not go up and down: each time that a thread's ring (rather: a ring of its
 * process and primitive) grows again after it had shrunk, the time that it has to be quiet doubles, up to half an hour.
 *
 * Bounded: so many offers at a time; no bigger one while the file system is nearly full; none in the second after a refusal.
 * Killed in between, the next agent takes back every offer that it finds. */
#ifndef AGENT_OFFERS_H
#define AGENT_OFFERS_H

#include "peer/drain.h"

#define OFFERS_MAX             64u /* of each kind */
#define OFFERS_TAKE_IN_NS      UINT64_C(10000000000)
#define OFFERS_TAKE_SMALLER_NS UINT64_C(600000000000)
#define OFFERS_QUIET_NS        UINT64_C(30000000000)
#define OFFERS_PATIENCE_MAX    6u
#define OFFERS_KEEP_FREE       (UINT64_C(16) << 20) /* bytes of the file system that offers leave alone */
#define OFFERS_RINGS_BIG       (SR_RING_MAX - SR_RINGS_SMALL)
#define OFFERS_KEYS            4096u

struct offer {
    uint32_t ring;  /* that spilled, or was quiet */
    uint32_t other; /* offered to its owner */
    uint32_t key;
    uint64_t word; /* state of `ring` when it was offered */
    uint64_t since_ns;
};

struct offer_list {
    uint32_t count;
    struct offer offer[OFFERS_MAX];
};

/* A ring above the small class: since when it has been nearly idle. */
struct quiet {
    uint64_t word; /* its state then; another one: not known yet */
    uint64_t since_ns;
    uint32_t key;
    bool has_moved;
};

/* Of a process and a primitive, by a hash of both. */
struct patience {
    uint8_t doublings;
    bool has_shrunk;
};

struct offers {
    struct offer_list bigger, smaller;
    uint64_t not_before_ns;
    uint64_t quiet_due_ns;
    struct quiet quiet[OFFERS_RINGS_BIG];
    struct patience patience[OFFERS_KEYS];
};

/* Take back whatever a killed agent had offered. */
void offers_open(struct offers *offers, struct sr_drain *rings);

/* A look found `used` words in the ring, OWNED or RELEASED as `sight` says; as many as it holds, when it spilled. */
void offers_note(struct offers *offers, uint32_t ring, const struct sr_ring_sight *sight, uint32_t primitive,
                 uint64_t used, uint64_t now_ns);

/* The ring, OWNED as `sight` says, spilled: offer its owner a bigger one, if that may be. */
void offers_make(struct offers *offers, struct sr_drain *rings, uint32_t ring,
                 const struct sr_ring_sight *sight, uint32_t primitive, uint64_t now_ns);

/* Forget what was taken, take back what was not; offer smaller rings. */
void offers_tick(struct offers *offers, struct sr_drain *rings, uint64_t now_ns);

/* Take back all: before a clean stop. */
void offers_close(struct offers *offers, struct sr_drain *rings);

#endif
