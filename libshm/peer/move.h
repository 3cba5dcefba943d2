/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of a move: its store's files were unlinked, and it makes them again under everybody. The protocol of the ring segment is
 * in protocol/move.h.
 *
 * The stats segment has one writer, so it is copied whole, between two batches, locked before it is ready, and takes the place of the
 * old one at the same addresses: nobody in the agent notices. Readers in other processes find has_moved set in the old one, and open
 * the new one.
 *
 * A former segment stays mapped for as long as a ring lives there, and its lock file open, for the slots of those that have not noticed
 * are locked there alone. The pages of a ring that left it are given back at once; its directories, lines and lists stay until the
 * last process that mapped it has ended. */
#ifndef SR_PEER_MOVE_H
#define SR_PEER_MOVE_H

#include "peer/books.h"
#include "peer/drain.h"
#include "protocol/move.h"

/* Do the store's names still stand for the files that we hold? Three system calls. */
bool sr_drain_has_its_name(const struct sr_drain *drain);
bool sr_books_have_their_name(const struct sr_books *books);

/* Make the ring segment and the lock file anew. Everything that can be was drained, no batch is open, no offer stands. OK; CONFLICT, TABLE_FULL (too
 * many former segments still have rings) or why not: nothing changed then. */
struct sr_drain_move {
    const char *store;
    mode_t mode;
    gid_t group;
    /* The ring is nobody's, and begins anew without its block: let the books forget that. False: no page to be had. */
    bool (*forget)(uint32_t ring, void *context);
    void *context;
};
SR_MUST_CHECK enum slipring_status sr_drain_move(struct sr_drain *drain, const struct sr_drain_move *move);

/* Make the stats segment anew. No batch is open. OK; CONFLICT: somebody made another one; or why not: nothing changed. */
SR_MUST_CHECK enum slipring_status sr_books_move(struct sr_books *books, mode_t mode, gid_t group);

/* Somebody else made a segment under the name: send our processes there. */
void sr_drain_give_up(struct sr_drain *drain);

/* Rings whose owners carried them over live here from now on. Part of each scan. */
void sr_drain_note_homes(struct sr_drain *drain);

/* A ring that lives elsewhere, or was left AWAY by an agent that is no more, is nobody's now: EMPTY here, at these positions. */
void sr_drain_leave(struct sr_drain *drain, uint32_t ring, uint64_t head, uint64_t begun);

/* Late updates of shared spills and span tables. */
void sr_drain_pour(struct sr_drain *drain);

/* For sr_drain_close(). */
void sr_drain_close_former(struct sr_drain *drain);

/* Does a former lock file know the slot's owner to be alive? */
bool sr_drain_lives_elsewhere(const struct sr_drain *drain, uint32_t slot);

#endif
