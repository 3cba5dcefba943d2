/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes checkpoints, so that the drain never waits for a disk. It is handed a file in portions, one at a time: what it has
 * not taken yet is the caller's to keep.
 *
 *     NAME.tmp is made anew, written, synced; it is renamed to NAME; a full file makes the recent one void, which is removed; the folder is synced.
 *
 *   G1  NAME is a whole file at any time, or absent: killed anywhere, the former one or the new one is there. What is left of NAME.tmp is
 *       written over by the next one.
 *   G2  A file that is not of these books is not written over (checkpoint_folder.h G3): the folder is looked through when it is opened.
 *   G3  After a failure nothing of that file is left but its former self, and the rest of its portions is left out. The next file is tried anew,
 *       in a folder that is opened anew if it does not stand any more.
 *
 * The calls are of one thread; none waits but writer_settle() and writer_close(). The lock between the two threads is held for a few
 * assignments only. */
#ifndef AGENT_CHECKPOINT_WRITER_H
#define AGENT_CHECKPOINT_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/status.h>

#include "agent/buffer.h"
#include "checkpoint_folder.h"

struct checkpoint_writer;

/* How a file ended. */
struct checkpoint_written {
    enum checkpoint_kind kind;
    int error;       /* errno; 0: it is there; ESTALE: the full one that it belongs to is not */
    const char *why; /* what could not be done, with an error */
    uint64_t bytes;
    uint64_t took_ns; /* from its first portion to the end */
};

/* The folder is the writer's from now on, open or not. books_wall_ns: files of these books may be written over; so may one that was taken at
 * restored_wall_ns. NO_MEMORY, SYSTEM (no thread). */
__attribute__((warn_unused_result)) enum slipring_status
checkpoint_writer_open(const struct checkpoint_folder *folder, uint64_t books_wall_ns,
                       uint64_t restored_wall_ns, struct checkpoint_writer **out_writer);

/* Ends when what it was given is done. NULL is ignored. */
void checkpoint_writer_close(struct checkpoint_writer *writer);

/* Can it take a portion? */
bool checkpoint_writer_is_free(struct checkpoint_writer *writer);

/* The next portion of a file: it is free. *text is emptied (its memory goes to and fro). */
void checkpoint_writer_give(struct checkpoint_writer *writer, enum checkpoint_kind kind, bool is_first,
                            bool is_last, struct buffer *text);

/* Has a file ended since the last question? */
bool checkpoint_writer_ended(struct checkpoint_writer *writer, struct checkpoint_written *out_written);

/* Wait until it is free. */
void checkpoint_writer_settle(struct checkpoint_writer *writer);

/* How many files it kept aside because they were of other books. */
uint64_t checkpoint_writer_refused(struct checkpoint_writer *writer);

#endif
