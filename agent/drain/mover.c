/* SPDX-License-Identifier: Apache-2.0 */
/* When a store's files are gone: see mover.h. */
#include "mover.h"

#include <stdlib.h>

#include "agent/books/books.h"
#include "agent/log.h"
#include "drain.h"
#include "drain_parts.h"
#include "intake.h"
#include "peer/move.h"

#define PERIOD_NS UINT64_C(100000000)
#define RETRY_NS  UINT64_C(1000000000)
#define GRACE_NS  UINT64_C(2000000000) /* for our processes to go over to a store that somebody else made */

struct mover {
    struct agent_store *store;
    struct books *books;
    struct drain *drain;
    struct sr_drain *rings;
    uint64_t due_ns;
    uint64_t over_ns; /* 0, or when it is time to end */
    bool has_complained;
};

enum slipring_status mover_open(struct agent_store *store, struct books *books, struct drain *drain,
                                struct mover **out_mover)
{
    struct mover *mover = calloc(1, sizeof *mover);
    if (!mover) {
        return SLIPRING_NO_MEMORY;
    }
    *mover =
        (struct mover){.store = store, .books = books, .drain = drain, .rings = agent_store_rings(store)};
    *out_mover = mover;
    return SLIPRING_OK;
}

void mover_close(struct mover *mover)
{
    free(mover);
}

/* Once a trouble. */
static void complain(struct mover *mover, const char *what, const char *path, enum slipring_status status)
{
    if (!mover->has_complained) {
        log_event(LOG_ERROR, log_what(what), log_text("path", path),
                  log_text("why", slipring_status_text(status)));
    }
    mover->has_complained = true;
}

/* False: not now. */
static bool move_books(struct mover *mover)
{
    struct sr_books *durable = mover->books->durable;
    const bool is_shared = agent_store_options(mover->store)->group != (gid_t)-1;
    books_commit(mover->books);
    const enum slipring_status status =
        sr_books_move(durable, is_shared ? 0640 : 0600, agent_store_options(mover->store)->group);
    if (status != SLIPRING_OK) {
        complain(mover, "the stats segment was removed and cannot be made again", durable->map.path, status);
        return false;
    }
    log_event(LOG_WARNING, log_what("the stats segment was removed: made again"),
              log_text("path", durable->map.path));
    return true;
}

/* protocol/move.h (3). What has a copy has pages for its words: this does not fail half-way. */
static bool forget(uint32_t ring, void *context)
{
    struct mover *mover = context;
    struct intake *intake = drain_intake(mover->drain);
    const bool is_done = !intake->ring[ring].has_copy || intake_forget_block(intake, ring);
    books_commit(mover->books);
    return is_done;
}

/* False: not now. */
static bool move_rings(struct mover *mover, uint64_t now_ns)
{
    const bool is_shared = agent_store_options(mover->store)->group != (gid_t)-1;
    const struct sr_drain_move move = {.store = agent_store_name(mover->store),
                                       .mode = is_shared ? 0660 : 0600,
                                       .group = agent_store_options(mover->store)->group,
                                       .forget = forget,
                                       .context = mover};
    drain_rest(mover->drain, now_ns);
    const enum slipring_status status = sr_drain_move(mover->rings, &move);
    if (status == SLIPRING_CONFLICT) {
        log_event(
            LOG_ERROR,
            log_what("somebody else made a store under this name: ending, for the next agent to serve it"),
            log_text("store", agent_store_name(mover->store)));
        sr_drain_give_up(mover->rings);
        mover->over_ns = now_ns + GRACE_NS;
        return true;
    }
    if (status != SLIPRING_OK) {
        complain(mover, "the ring segment was removed and cannot be made again",
                 mover->rings->segment.map.path, status);
        return false;
    }
    log_event(
        LOG_WARNING, log_what("the ring segment was removed: made again, its processes are moving over"),
        log_number("rings", mover->rings->away_count), log_text("path", mover->rings->segment.map.path));
    return true;
}

/* Rings whose owner ended before it moved over: folded over there, they are nobody's here. */
static void clear_up(struct mover *mover)
{
    struct intake *intake = drain_intake(mover->drain);
    for (uint32_t i = mover->rings->away_count; i-- > 0;) {
        const uint32_t ring = mover->rings->away[i];
        const uint32_t state = sr_state_of(sr_drain_state(mover->rings, ring));
        if ((state == SR_RING_FREE || state == SR_RING_EMPTY) && intake_forget_block(intake, ring)) {
            books_commit(mover->books);
            sr_drain_leave(mover->rings, ring, intake->ring[ring].head, intake->ring[ring].begun);
        }
    }
}

uint64_t mover_tick(struct mover *mover, uint64_t now_ns)
{
    if (now_ns < mover->due_ns) {
        return mover->due_ns - now_ns;
    }
    uint64_t wait_ns = PERIOD_NS;
    if (mover->over_ns != 0) {
        return now_ns >= mover->over_ns ? MOVER_OVER : wait_ns;
    }
    bool is_well = sr_books_have_their_name(mover->books->durable) || move_books(mover);
    if (is_well && !sr_drain_has_its_name(mover->rings)) {
        is_well = move_rings(mover, now_ns);
    }
    if (is_well) {
        mover->has_complained = false;
        sr_drain_pour(mover->rings); /* ten times a second: a kill now would leave it behind */
        clear_up(mover);
    } else {
        wait_ns = RETRY_NS;
    }
    mover->due_ns = now_ns + wait_ns;
    return wait_ns;
}
