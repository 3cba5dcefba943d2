/* SPDX-License-Identifier: Apache-2.0 */
/* Moving: the segment was unlinked under everybody, and goes on in another file of the same name.
 *
 * A session manager that removes a user's shared memory at logout (logind), or somebody's rm, takes a store's names away. Its pages live on
 * while they are mapped, so nobody who records notices; but nobody new finds them, and no page can be reserved any more. An unlinked
 * file of tmpfs cannot be given a name again. So a living agent makes the segment anew, as the continuation of the one that it holds:
 *
 *   same incarnation, same ids of primitives, slots and rings, same generations, same positions. Only the place is another one.
 *
 * What the agent's durable words say of "ring 7" therefore stays true, whichever of the two segments ring 7 lives in. It has exactly one
 * home at any time:
 *
 *      old segment                            new segment
 *      OWNED, RELEASED, REAPING     <----     AWAY                    its owner has not noticed: all of it goes on as ever, over there
 *                                             |
 *                                             | the owner, at its next record or so: copies block and lines, then AWAY -> OWNED
 *                                             v
 *      (never touched again)                  OWNED                   tail, begun, spill and redo record go on from the same values
 *
 * The agent makes the new segment (sr_move_make), in this order:
 *
 *   (1) is_moving = 1 in the old control line. Whoever finishes a claim, a slot, a name or a list there from now on sees it, gives the
 *       thing up, and does it again in the new segment; what was finished before is carried over. Both sides use an atomic
 *       read-modify-write of that one word, so one of them sees the other (G2).
 *       A lock file is made, another one than the old one.
 *   (2) pages are reserved for all that is carried over: the last step that can fail. Undone, the old segment goes on alone.
 *   (3) registry, slots, lines are copied, usage accounts (usage.h) made. A ring in use becomes AWAY; one that is nobody's becomes EMPTY, without its pages, and the agent's
 *       books forget its block in one commit, as when pages are given back (agent/drain/retirer.h).
 *   (4) what stands in shared spills, usage accounts and span tables is poured over (G3).
 *   (5) ready. The new segment has its name already: attachers found it being made, and waited.
 *   (6) the agent works with both, then the old clock says SR_CLOCK_MOVED. A record that leaves a mark of the clock, which each does
 *       whose clock went on, sees that at no cost: the value differs from its last mark (ring.h).
 *
 * G1  Nothing is lost and nothing counted twice while the agent lives: a ring's words are read where its home is; the owner changes the
 *     home between two records, by one release store, after everything was copied; a position (head, copy of a spill block)
 *     means the same in both.
 *     An owner that is stopped just before that store may make a segment its home that was itself left meanwhile: the agent looks
 *     there, too, for as long as the ring is AWAY in the newest.
 * G2  No two owners of one id: what is claimed in the old segment after (1) is given up before its first use.
 * G3  Late updates of a shared spill, a usage account or a span table, begun before (6), are poured over again and again (who begins one afterwards follows first): each word is
 *     exchanged for 0 (EXIT and ends first, ENTER and begins last, so that no difference runs backwards) and added in the new segment.
 * G4  A thread that has no room to carry its ring over (no page, or the new segment is not to be had) goes on in the old one. It tries
 *     again at the next move.
 * G5  Killed in the middle. The agent before (5): the file is half-made, and the next agent makes it anew, without the old one, which
 *     nobody can find any more: what was not drained from it is lost. That is why it drains first. After (5): the next agent finds
 *     the new segment whole; rings that are still AWAY wait for their owners, who carry over all that they hold. Lost is then what no owner
 *     carries any more: the rest of the dead, and what only the old slot's lock told of a process that never noticed.
 *     An owner in the middle of carrying over: its home is the old segment until the one store, and the agent folds it there.
 *
 * Neither side waits for the other, but for a registrant that meets (1): up to a second, for (6). */
#ifndef SR_PROTOCOL_MOVE_H
#define SR_PROTOCOL_MOVE_H

#include "protocol/segment.h"
#include "protocol/slot.h"

SR_INLINE bool sr_move_is_sentinel(uint64_t coarse_ns)
{
    return coarse_ns >= SR_CLOCK_MOVED;
}

/* Has the segment moved, so that its successor can be found under its name? */
SR_INLINE bool sr_move_has_happened(const struct sr_segment *segment)
{
    /* acquire: pairs with the release of the sentinel; the successor is ready */
    return sr_move_is_sentinel(
        atomic_load_explicit(&sr_segment_header(segment)->control.coarse_ns, memory_order_acquire));
}

/* After something was finished in the segment, before it is used: shall it be given up (G2)? */
SR_INLINE bool sr_move_has_begun(const struct sr_segment *segment)
{
    /* acq_rel: pairs with the exchange in sr_move_make(). Ours first: the agent sees what we finished; else we see 1 */
    return atomic_fetch_or_explicit(&sr_segment_header(segment)->control.is_moving, 0,
                                    memory_order_acq_rel) != 0;
}

/* --- the agent's ---------------------------------------------------------------------------------------------------------------- */

/* What the agent does within a making. */
struct sr_move_rules {
    mode_t mode;
    gid_t group;
    /* (1): a lock file of its own, before anybody can follow. */
    enum slipring_status (*make_lock)(void *context);
    /* (3): forget the blocks of all rings that are EMPTY in `to`, a commit each. False: no page to be had. */
    bool (*forget)(const struct sr_segment *to, void *context);
    void *context;
};

/* Make the segment of the store anew, as the continuation of `from`, whose name is gone. OK; CONFLICT: somebody made another one
 * under the name; or why it cannot be made: then `from` goes on as if nothing had been. */
SR_MUST_CHECK enum slipring_status sr_move_make(struct sr_segment *to, struct sr_segment *from,
                                                const char *store, const struct sr_move_rules *rules);

/* (6): tell those who record in `from`; `count`: the how manieth move it is since the agent began. */
void sr_move_tell(struct sr_segment *from, uint64_t count);

/* G3. */
void sr_move_pour(struct sr_segment *from, struct sr_segment *to);

/* The ring lives in `to` now, and is nobody's there: EMPTY, at the given positions, its generation as it is in `from` (NULL: as it is in
 * `to`). The books have forgotten its block. */
void sr_move_leave(struct sr_segment *from, struct sr_segment *to, uint32_t ring, uint64_t head,
                   uint64_t begun);

#endif
