/* SPDX-License-Identifier: Apache-2.0 */
/* An agent without its main loop and its HTTP side: opened on a store, ticked by the test, in a time that the test makes. */
#ifndef SUPPORT_RIG_H
#define SUPPORT_RIG_H

#include <slipring/slipring.h>

#include "agent/books/books.h"
#include "agent/checkpoint/checkpoint.h"
#include "agent/drain/intake.h"
#include "agent/drain/mover.h"
#include "agent/drain/reaper.h"
#include "agent/drain/retirer.h"
#include "agent/publisher.h"
#include "agent/store.h"
#include "support/check.h"

#define RIG_SECOND  UINT64_C(1000000000)
#define RIG_WALL_NS (UINT64_C(1767225600) * RIG_SECOND) /* 2026-01-01 00:00 UTC */

struct rig {
    struct agent_options options;
    struct agent_store *store;
    struct books *books;
    struct drain *drain;
    struct reaper *reaper;
    struct retirer *retirer;
    struct publisher *publisher;
    struct mover *mover;
    const char *checkpoint_folder; /* NULL: without checkpoints; ticked by who says so */
    struct checkpoint *checkpoint;
    uint64_t now_ns;                         /* store time */
    uint64_t wall_ns;                        /* CLOCK_REALTIME */
    void (*before_drain)(struct rig *which); /* while it is opened, where main restores; NULL: nothing */
};

/* A cmocka test that runs in a child of its own: an open rig and a producer on a new store; afterwards, if the rig is open, everything is
 * settled, and the double entry must hold. RIG_TEST(a_sentence) in the list of tests, a_sentence(void) in the file. */
struct rig_body {
    void (*run)(void);
};
struct CMUnitTest rig_unit_test(const char *name, struct rig_body *body);
#define RIG_TEST(name) rig_unit_test(#name, &(struct rig_body){.run = name})

extern struct rig rig;
extern struct slipring_store *rig_producer;

/* Options as by default, time 1000 s. */
struct rig rig_of(const char *store);

/* Open, as main does, but that nothing is drained yet. Fails the test unless it works. */
void rig_open(struct rig *which);
/* Stop as a kill would: what is in private memory is gone, nothing is written any more. */
void rig_drop(struct rig *which);
/* Stop as a signal makes main do: a last drain, a last publishing. */
void rig_stop(struct rig *which);

/* After a stop or a drop: the machine was off for so long by the wall clock, its own clock begins again, and the store's files are gone. Opens the
 * agent and rig_producer again, and settles. */
void rig_boot(struct rig *which, int64_t off_ns);

/* So much later, and nobody looks. */
void rig_pass(struct rig *which, uint64_t later_ns);
/* So much later: one tick of each. */
void rig_tick(struct rig *which, uint64_t later_ns);
/* Everything at once: drain all, reap, publish. Twice, so that what was released is taken back. */
void rig_settle(struct rig *which);

/* Other options, of which rig.options has those of the next agent, too, come into force as a reload does it. */
void rig_change_options(struct rig *which, const struct agent_options *options);

/* Published figures by name, of type "primitive". Fails the test when there are none. */
struct slipring_stats rig_stats(struct rig *which, const char *name);
struct slipring_stats_detail rig_detail(struct rig *which, const char *name);
struct sr_agent_figures rig_figures(struct rig *which);
/* Published exemplars by name; all zero when there are none. */
struct slipring_exemplars rig_exemplars(struct rig *which, const char *name);
/* How many figures bear this name. */
uint32_t rig_count_of(struct rig *which, const char *name);

/* A durable word. */
#define RIG_WORD(which, area, item, word)                                                                    \
    sr_words_get(&agent_store_books((which)->store)->words, SR_WORD(area, item, word))

/* The double entry of peer/accounts.h, no book whose cells and count differ, and no slice. */
void rig_expect_balance(struct rig *which);

#endif
