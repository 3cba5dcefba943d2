/* SPDX-License-Identifier: Apache-2.0 */
/* Taking what one ring, one shared spill or one span table holds beyond what was booked, as one unit of the batch: samples,
 * spilled counts, spans begun and ended, and the words that say so, happen together or not at all.
 *
 * What cannot be is quarantined: a ring whose tail ran away, whose counters ran backwards, whose owner or primitive is
 * none. Its head stays, it is never read again; what it and its spill block held beyond what was booked is counted in the same
 * commit, as far as it can be (peer/fold.h G4). What its owner, not knowing, records into it afterwards nobody counts. */
#ifndef AGENT_INTAKE_H
#define AGENT_INTAKE_H

#include "agent/books/books.h"

/* A ring, as far as it pays to keep it in private memory: the durable words, and when it was looked at. */
struct intake_ring {
    uint64_t life; /* SR_RING_LIFE */
    uint64_t head;
    uint64_t begun;
    uint64_t fold_ns;
    uint64_t clock_ns; /* the last mark taken in this life */
    uint64_t visited_ns;
    uint64_t news_ns; /* 0: nothing waits, as far as we know; else there was nothing yet at that time */
    uint64_t mark;    /* sample that was the next to come at mark_ns; all before it are older */
    uint64_t mark_ns;
    uint64_t passed_ns;  /* mark_ns of the last mark that the head has passed */
    uint64_t batch;      /* number of the batch that it was last booked in */
    uint64_t folded_key; /* of the redo record whose update was folded whole */
    uint32_t primitive;
    uint32_t spill_base;
    bool has_copy;
    bool was_spilling; /* the last look found new spilled samples */
};

struct intake {
    struct books *books;
    struct sr_drain *rings;
    struct intake_ring *ring; /* SR_RING_MAX */
    uint32_t quarantined;     /* rings, now */
    uint64_t oldest_ns;       /* least stamp taken since it was set to UINT64_MAX */
    struct sr_tally tally;
    struct sr_fold fold;
};

/* Private memory from the durable words; publishes every head again. NO_MEMORY or OK. */
__attribute__((warn_unused_result)) enum slipring_status intake_open(struct books *books,
                                                                     struct intake **out_intake);
void intake_close(struct intake *intake);

/* Words of samples that one visit takes, give or take the end of the last sample: what is left is the next round's, so that a ring at full speed keeps no other one
 * waiting for longer. */
#define INTAKE_WORDS 2048u

enum intake_wish {
    INTAKE_LIVE,  /* the owner goes on: INTAKE_WORDS of it */
    INTAKE_ALL,   /* likewise, all that is there */
    INTAKE_FINAL, /* the ring is REAPING: take everything, and mark its life FOLDED in the same commit */
};

/* Take what the ring has. False: not now (no page to be had). */
__attribute__((warn_unused_result)) bool intake_take_ring(struct intake *intake, uint32_t ring,
                                                          const struct sr_ring_sight *sight,
                                                          enum intake_wish wish, uint64_t now_ns);

/* What waits in the ring was not there yet at this time. */
uint64_t intake_waiting_since(const struct intake_ring *own);

/* It is REAPING and FOLDED: make its spill block ready for another owner. */
void intake_wipe_ring(struct intake *intake, uint32_t ring);

/* A RETIRING ring's block is a hole: let the books forget what it held, in the batch that the caller commits. False: not now. */
__attribute__((warn_unused_result)) bool intake_forget_block(struct intake *intake, uint32_t ring);

/* That was committed: give the pages of the copy back. */
void intake_return_copy(struct intake *intake, uint32_t ring);

/* Take what the primitive's shared spill has; a cheap look when nothing changed. `again`: also when it did not, for an update
 * that was under way at the last look. False: not now (no page to be had, or no book yet). */
__attribute__((warn_unused_result)) bool intake_take_shared(struct intake *intake, uint32_t id, bool again,
                                                            uint64_t now_ns);

/* Take what the slot's span table has. False: not now. */
__attribute__((warn_unused_result)) bool intake_take_spans(struct intake *intake, uint32_t slot,
                                                           uint64_t now_ns);

/* A new stats segment meets a ring segment that another agent drained: take as booked what is there, but for the samples
 * that its rings still hold. Commits. False: no pages for it. */
__attribute__((warn_unused_result)) bool intake_start_from_here(struct sr_books *durable,
                                                                struct sr_drain *rings);

#endif
