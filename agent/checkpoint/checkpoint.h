/* SPDX-License-Identifier: Apache-2.0 */
/* Books on disk: what a reboot leaves. Two files a store in the checkpoint folder (checkpoint_folder.h):
 *
 *     STORE.full      everything: totals, objectives' counts, windows and their exemplars, usage; every five minutes, when anything changed, and at a
 *                     clean stop
 *     STORE.recent    totals, objectives' counts and usage of what changed since STORE.full; every ten seconds, when anything
 *                     did. It names the STORE.full that it belongs to; with another one beside it, it is void
 *
 * Each is written whole beside its name, synced, and renamed over it, so there is always a whole one.
 *
 *   G1  The drain thread copies a bounded number of books a tick into a buffer (checkpoint_book.h), and never waits for a disk; a thread of
 *       its own writes (checkpoint_writer.h). The buffer is bounded, too: what the disk is too slow for is copied later.
 *   G2  A file that is torn, of another store or program, of other books, or of a newer version is not used and not overwritten: it is renamed to
 *       NAME.refused-TIME, counted and logged.
 *   G3  When the disk is full or gone, recording and serving go on; a gauge and one line of the log say since when; it is tried
 *       again at the next due time, and the former files stay.
 *   G4  A book in a file is a moment between two batches. Two books are of moments that differ by as long as the copying took.
 *   G5  A book's accounts of usage are of the book's moment, however many there are: between two moments what waits for a price may be priced, and
 *       after a restore its cost would stand in the account and never in the book, or be paid to the book twice. A microsecond each: a
 *       primitive that has all 4,096 that there can be holds up the drain for 4 ms.
 *
 * The first full file is written as soon as the agent runs: it makes void what the agent before it left. */
#ifndef AGENT_CHECKPOINT_H
#define AGENT_CHECKPOINT_H

#include "agent/books/books.h"
#include "agent/config/options.h"

struct checkpoint;

/* For the gauges of the same names (peer/figures.def). */
struct checkpoint_figures {
    uint64_t wall_ns;
    uint64_t failing_since_wall_ns;
    uint64_t failures;
    uint64_t bytes;
    uint64_t took_ns;
    uint64_t stall_ns;
    uint64_t refused;
};

/* After books_open() and before the first drain: restore when books are new and there is something to restore from. Never fails for the sake of
 * a file: NO_MEMORY or OK; *out_checkpoint is NULL without a folder. */
__attribute__((warn_unused_result)) enum slipring_status
checkpoint_open(const struct options *options, struct agent_store *store, struct books *books,
                uint64_t now_ns, uint64_t wall_ns, struct checkpoint **out_checkpoint);

/* A bounded amount of work; returns how long to wait for the next call, 0: more of it waits. NULL: UINT64_MAX. */
uint64_t checkpoint_tick(struct checkpoint *checkpoint, uint64_t now_ns, uint64_t wall_ns);

/* NULL: all zero. Good until the next call of anything here. */
const struct checkpoint_figures *checkpoint_figures(struct checkpoint *checkpoint);

/* After the last drain of a clean stop: write STORE.full and wait for it. NULL is ignored. */
void checkpoint_finish(struct checkpoint *checkpoint, uint64_t now_ns, uint64_t wall_ns);

/* Without writing anything more. NULL is ignored. */
void checkpoint_close(struct checkpoint *checkpoint);

#endif
