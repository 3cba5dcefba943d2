/* SPDX-License-Identifier: Apache-2.0 */
/* The ring segment for people: who records what, read-only, with or without an agent.
 *
 * What figures come from here cost the producers something to look at: reading a line that a thread is writing
 * takes it out of that thread's cache for a moment. `slipring rings` and `slipring verify` do so by nature; nothing
 * that is called often may.
 *
 *   G1  Nothing is written. A page is touched only when the directories say that it is reserved.
 *   G2  Each word is read once, checked, then used; ids are in range, names are clean UTF-8 within their limits or
 *       said to be none. What is impossible is marked as such, never repaired.
 *   G3  A truncated segment reads as zeros when the program installed the guard (peer/guard.h);
 *       sr_inspect_faults() then is above 0 and the figures are worth nothing.
 *
 * The figures of one ring are read one after the other while its owner goes on: each is true of some moment within the
 * call, and `tail` is read after `head`, so that what seems to lie in the ring is never negative. One thread per
 * struct. */
#ifndef SR_PEER_INSPECT_H
#define SR_PEER_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/status.h>
#include <slipring/store.h>

#include "base/compiler.h"

#define SR_INSPECT_NONE UINT32_MAX /* no such slot, primitive */

struct sr_inspect;

/* Open the ring segment of `store`. The statuses of an attach; *out_inspect is untouched unless OK. */
SR_MUST_CHECK enum slipring_status sr_inspect_open(const char *store, struct sr_inspect **out_inspect);
void sr_inspect_close(struct sr_inspect *inspect); /* NULL is allowed */

const char *sr_inspect_path(const struct sr_inspect *inspect);
uint64_t sr_inspect_incarnation(const struct sr_inspect *inspect);
uint64_t sr_inspect_made_wall_ns(const struct sr_inspect *inspect); /* CLOCK_REALTIME */
uint64_t sr_inspect_faults(const struct sr_inspect *inspect);

/* Ids run from 0 to below these. */
uint32_t sr_inspect_ring_count(void);
uint32_t sr_inspect_slot_count(void);
uint32_t sr_inspect_primitive_count(void);

/* From the directories and the slots alone: cheap, and touches no line that a recording thread writes. */
struct sr_inspect_totals {
    uint32_t processes;  /* attached and alive */
    bool liveness_known; /* false: the lock file is not ours to ask, processes is 0 */
    uint32_t primitives; /* registered, __overflow__ among them */
    uint32_t rings;      /* owned by threads */
};
void sr_inspect_totals(const struct sr_inspect *inspect, struct sr_inspect_totals *out_totals);

/* What a thread needs for a ring of its own. From the directories and the slots alone. */
struct sr_inspect_room {
    uint32_t rings, rings_free; /* not taken, quarantined or offered to somebody */
    uint32_t slots, slots_free; /* for processes */
    uint32_t ring_cap;          /* that a process may hold, as its agent said */
    uint64_t free_bytes;        /* of the file system that the segment lies in; UINT64_MAX: unknown */
};
void sr_inspect_room(const struct sr_inspect *inspect, struct sr_inspect_room *out_room);

struct sr_inspect_ring {
    uint32_t ring;
    uint32_t words;      /* its size: a sample takes one, three with a cost, a mark of the clock two */
    const char *class;   /* "small" */
    const char *state;   /* "owned"; "impossible" for a state that is none */
    bool is_owned;       /* by a thread that records, or recorded and may come back */
    bool is_quarantined; /* the agent never reads it again */
    bool is_possible;    /* false: its words contradict each other; the agent will quarantine it */
    uint32_t generation;
    uint32_t slot;       /* SR_INSPECT_NONE: none */
    uint32_t primitive;  /* SR_INSPECT_NONE: none */
    uint32_t tid;        /* in the owner's own PID namespace */
    uint64_t tail;       /* words published, ever, by all of its owners */
    uint64_t head;       /* words taken, as the agent last told the ring */
    uint64_t samples;    /* between head and tail */
    uint64_t visited_ns; /* store time of the agent's last visit; 0: never */
    uint64_t
        since_ns; /* likewise, of the oldest sample that waits: its stamp, or the last time it was not there yet; 0: none
                            waits, or nobody knows */
    uint64_t begun;   /* spans begun, ever */
    uint64_t spilled; /* executions in its spill block, ever */
};

/* NO_DATA: the ring was never used, or its pages were given back. */
SR_MUST_CHECK enum slipring_status sr_inspect_ring(const struct sr_inspect *inspect, uint32_t ring,
                                                   struct sr_inspect_ring *out_ring);

/* The primitive that the ring is held for, and nothing else: looks at no line that a recording thread writes. SR_INSPECT_NONE: nobody
 * holds it. */
SR_MUST_CHECK uint32_t sr_inspect_ring_primitive(const struct sr_inspect *inspect, uint32_t ring);

/* How many samples wait in the ring, and nothing else: one look at its two lines. 0 for one that was never used. */
SR_MUST_CHECK uint64_t sr_inspect_waiting(const struct sr_inspect *inspect, uint32_t ring);

struct sr_inspect_slot {
    uint32_t slot;
    uint32_t generation;
    const char *state;
    bool is_owned;
    bool is_alive;         /* its lock is held; meaningful only when liveness_known */
    bool liveness_known;   /* false: the lock file is not ours to ask */
    uint32_t pid;          /* in its own namespace */
    uint64_t namespace_id; /* inode of that PID namespace */
    uint64_t attached_ns;  /* store time */
    char comm[17];         /* terminated; not checked for control bytes */
    uint64_t unattributed; /* spans that no ring and no table entry could count */
};

/* NO_DATA: the slot was never used. */
SR_MUST_CHECK enum slipring_status sr_inspect_slot(const struct sr_inspect *inspect, uint32_t slot,
                                                   struct sr_inspect_slot *out_slot);

struct sr_inspect_primitive {
    uint32_t primitive;
    uint32_t alias;     /* the id it is booked under; its own when it is no duplicate */
    bool is_name_clean; /* false: name and type are empty, the entry holds something else */
    char name[SLIPRING_PRIMITIVE_NAME_MAX + 1];
    char type[SLIPRING_PRIMITIVE_TYPE_MAX + 1];
    uint64_t shared; /* executions in its shared spill, ever */
    uint64_t torn;   /* updates of it begun and not finished: now under way, or torn by a kill */
};

/* NO_DATA: no such primitive registered. */
SR_MUST_CHECK enum slipring_status sr_inspect_primitive(const struct sr_inspect *inspect, uint32_t primitive,
                                                        struct sr_inspect_primitive *out_primitive);

#endif
