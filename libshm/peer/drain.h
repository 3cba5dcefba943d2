/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's door to the ring segment: rings, their spill blocks, the control line, offers of bigger rings.
 * peer/census.h has process slots, peer/catalog.h the registry; all three share struct sr_drain.
 *
 * G1  A page is touched only when the directories say that it is reserved; an id is range-checked before it
 *     becomes an address.
 * G2  Every word is read once into private memory; what the caller gets is private memory.
 * G3  Ring states change by CAS from the word that was looked at: a producer that moved on meanwhile wins.
 * G4  After the head is published (release) the slots below it are the producer's again: the caller publishes what it has
 *     committed, never more.
 *
 * Nothing here waits. One thread. */
#ifndef SR_PEER_DRAIN_H
#define SR_PEER_DRAIN_H

#include <limits.h>
#include <stdbool.h>

#include <slipring/status.h>

#include "base/crashpoint.h"
#include "peer/accounts.h"
#include "peer/fold.h"
#include "peer/tally.h"
#include "protocol/segment.h"
#include "system/liveness.h"

/* What the last look at a ring's producer line saw: a ring whose line still says so has nothing new. */
struct sr_ring_seen {
    uint64_t tail;
    uint64_t begun;
    uint64_t redo_key;
};

/* A segment that was moved away from (protocol/move.h), while rings still live there, or may. */
#define SR_FORMER_MAX 8u
struct sr_former {
    struct sr_segment segment; /* map.base NULL: none */
    struct sr_liveness liveness;
    uint32_t rings; /* that live there */
    uint64_t left;  /* which of the moves left it, counted from 1: the greater, the newer it is */
};

struct sr_drain {
    struct sr_segment segment;
    struct sr_liveness liveness;
    struct sr_former *former; /* SR_FORMER_MAX of them */
    uint8_t *home;            /* a ring: 0: lives in segment; else 1 + the former one it lives in */
    uint32_t *away;           /* the rings that do: away_count of them */
    uint32_t away_count;
    uint64_t moves;
    bool has_given_up; /* the clock stands at the sentinel: sr_drain_give_up() */
    char lock_path[PATH_MAX];
    struct sr_ring_seen *seen; /* a ring; wrong values cost a look */
    uint32_t *dirty;           /* sr_drain_scan() writes here */
    uint32_t owned;            /* rings that the last scan found OWNED */
    uint32_t registry_high;    /* sr_catalog_high() */
};

/* Open, making what is absent, and guard the mapping. out_drain->segment.map has path and errno for messages, also on failure. */
SR_MUST_CHECK enum slipring_status sr_drain_open(struct sr_drain *out_drain, const char *store, mode_t mode,
                                                 gid_t group);
void sr_drain_close(struct sr_drain *drain);

/* Where a ring lives: its lines, its block and its state are there. */
SR_INLINE struct sr_segment *sr_drain_home(const struct sr_drain *drain, uint32_t ring)
{
    return drain->home[ring] == 0 ? (struct sr_segment *)&drain->segment
                                  : &drain->former[drain->home[ring] - 1].segment;
}

/* --- the control line -------------------------------------------------------------------------------------------------- */

uint64_t sr_drain_incarnation(const struct sr_drain *drain);
void sr_drain_set_limits(struct sr_drain *drain, uint32_t primitive_limit, uint32_t ring_cap);
void sr_drain_set_life(struct sr_drain *drain, uint64_t life); /* 0: no agent now */
void sr_drain_set_clock(struct sr_drain *drain, uint64_t now_ns);
uint64_t
sr_drain_clock(const struct sr_drain *drain); /* SR_CLOCK_NEVER: no agent ever drained this segment */
/* What a tick of the processor's counter lasts (pure/tick_rate.h). 0: spans read the clock. */
void sr_drain_set_tick_rate(struct sr_drain *drain, uint64_t rate);
uint64_t sr_drain_tick_rate(const struct sr_drain *drain);
void sr_drain_raise_reserve_epoch(struct sr_drain *drain);
void sr_drain_raise_bounds_epoch(struct sr_drain *drain);
/* Bytes that the file system has left; UINT64_MAX when it doesn't say. A system call. */
uint64_t sr_drain_free_bytes(const struct sr_drain *drain);
/* Pages that faulted: the segment was truncated or punched. 0: none. */
uint64_t sr_drain_faults(const struct sr_drain *drain);

/* --- rings -------------------------------------------------------------------------------------------------------------- */

/* Ids of rings, OWNED, RELEASED or REAPING, whose producer line changed since sr_drain_note_seen(). Returns how many stand in
 * drain->dirty. */
uint32_t sr_drain_scan(struct sr_drain *drain);

/* One look. Tail before begun: a span's end is never seen before its begin. */
struct sr_ring_sight {
    uint64_t word; /* of the state, for sr_drain_change_state() */
    uint32_t state;
    uint32_t slot;
    uint32_t generation;
    uint32_t words; /* of the ring's samples */
    struct sr_ring_seen line;
};
/* False: the ring's pages are not reserved. */
SR_MUST_CHECK bool sr_drain_look(const struct sr_drain *drain, uint32_t ring,
                                 struct sr_ring_sight *out_sight);
/* The same of a ring that may have no block, now or any more. False: it never had lines. */
SR_MUST_CHECK bool sr_drain_look_at_lines(const struct sr_drain *drain, uint32_t ring,
                                          struct sr_ring_sight *out_sight);
void sr_drain_note_seen(struct sr_drain *drain, uint32_t ring, const struct sr_ring_seen *line);
void sr_drain_forget_seen(struct sr_drain *drain, uint32_t ring); /* look again next time */

/* The state word alone: of any ring below SR_RING_MAX. */
uint64_t sr_drain_state(const struct sr_drain *drain, uint32_t ring);
bool sr_drain_is_reserved(const struct sr_drain *drain, uint32_t ring);
/* The first ring from `from` on that may ever have had a life: those before have no lines. SR_RING_MAX: none. */
uint32_t sr_drain_next_with_lines(const struct sr_drain *drain, uint32_t from);
/* The first ring from `from` on that is not nobody's: neither EMPTY nor FREE. SR_RING_MAX: none. */
uint32_t sr_drain_next_in_use(const struct sr_drain *drain, uint32_t from);

/* What the claimer wrote for the generation of `sight`. False: it is impossible. */
struct sr_ring_claim {
    uint32_t primitive;
    uint32_t spill_base;
};
SR_MUST_CHECK bool sr_drain_claim(const struct sr_drain *drain, uint32_t ring,
                                  const struct sr_ring_sight *sight, struct sr_ring_claim *out_claim);

/* Take samples into the tally: those that begin within `most` words from `from` on, where `there`, at most the ring's size,
 * are published. Returns how many words those had: a sample is taken whole, which may be five words more than `most`. */
uint64_t sr_drain_samples(const struct sr_drain *drain, uint32_t ring, uint64_t from, uint64_t most,
                          uint64_t there, const struct sr_tally_bounds *bounds, struct sr_tally *tally);

/* How many samples lie in `words` words from `from` on: for people. */
uint64_t sr_drain_count(const struct sr_drain *drain, uint32_t ring, uint64_t from, uint64_t words);

/* Spans begun, ever: to be read after whatever tells of ended ones. */
uint64_t sr_drain_begun(const struct sr_drain *drain, uint32_t ring);

/* Read the ring's block and its durable copy. */
void sr_drain_read_spill(const struct sr_drain *drain, uint32_t ring, uint32_t spill_base,
                         const struct sr_words *words, struct sr_fold *out_fold);
/* The same for books that begin in the middle: the sum as it stands, also when the cell of its last sample is not there yet. */
void sr_drain_read_spill_as_past(const struct sr_drain *drain, uint32_t ring, const struct sr_words *words,
                                 struct sr_fold *out_fold);
SR_MUST_CHECK bool sr_drain_spill_is_whole(const struct sr_drain *drain, uint32_t ring,
                                           const struct sr_fold *fold, const struct sr_ring_seen *line);
/* First durable word of the ring's copy, and how many. Executions in it. */
uint32_t sr_drain_copy_words(uint32_t ring, uint32_t *out_count);
uint64_t sr_drain_copied(const struct sr_words *words, uint32_t ring);

/* The owner is dead or done: finish or forget its last spill update. */
void sr_drain_settle(struct sr_drain *drain, uint32_t ring);

/* Everything of its last life is booked and FOLDED: empty the redo record, which is nobody's now (the next owner's death
 * would settle it), and the table of bounds, which is full after 32 owners' else. Before FREE; again after a kill. */
void sr_drain_wipe(struct sr_drain *drain, uint32_t ring);

/* The head as the ring's line has it, and publishing it (G4). */
uint64_t sr_drain_head(const struct sr_drain *drain, uint32_t ring);
void sr_drain_publish_head(struct sr_drain *drain, uint32_t ring, uint64_t head);

/* For people: when it was last visited, a time at which nothing that waits in it now was there yet, the last mark of the clock
 * taken from it. */
struct sr_ring_visit {
    uint64_t visited_ns;
    uint64_t waiting_ns;
    uint64_t mark_ns;
};
void sr_drain_publish_visit(struct sr_drain *drain, uint32_t ring, const struct sr_ring_visit *visit);

/* G3. The slot and generation of `word` stay. */
SR_MUST_CHECK bool sr_drain_change_state(struct sr_drain *drain, uint32_t ring, uint64_t word,
                                         enum sr_ring_state to);

/* --- giving pages back: of RETIRING rings (agent/drain/retirer.h has the protocol) ------------------------------------------------ */

/* The ring's block is not called reserved any more: nobody touches it. */
void sr_drain_withdraw(struct sr_drain *drain, uint32_t ring);
/* The blocks of `count` withdrawn neighbours of a class become holes. */
SR_MUST_CHECK enum slipring_status sr_drain_punch(struct sr_drain *drain, uint32_t first, uint32_t count);
/* Bytes of memory that the ring segment takes. A system call. */
uint64_t sr_drain_resident_bytes(const struct sr_drain *drain);
/* Claimers of this class need not look for free rings at and above `rings`, counted within the class. A hint. */
void sr_drain_set_cursor(struct sr_drain *drain, uint32_t class, uint32_t rings);

/* --- offers ------------------------------------------------------------------------------------------------------------- */

/* A ring of `class`, with its pages, OFFERED to `slot` and named in the line of `ring`. OK with *out_other; IN_USE: there is no
 * such class, or none free; or why pages could not be reserved. */
SR_MUST_CHECK enum slipring_status sr_drain_offer(struct sr_drain *drain, uint32_t ring, uint32_t class,
                                                  uint32_t slot, uint32_t *out_other);
/* Take the offer out of the line of `ring`. */
void sr_drain_clear_offer(struct sr_drain *drain, uint32_t ring);

#endif
