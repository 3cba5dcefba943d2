/* SPDX-License-Identifier: Apache-2.0 */
/* How a checkpoint's records stand in a file, and how it is known to be whole.
 *
 *     preamble   8 bytes magic "slprckpt", u32 version, u32 CRC32 of these 12 bytes
 *     record     u32 kind, u32 length, u32 CRC32 of these 8 bytes and of what follows, `length` bytes: a message of checkpoint.proto
 *     ...        the first one is a Head, the last one a Tail; nothing comes after it
 *
 * Numbers are little-endian; the CRC is zlib's. The version is raised when an older agent would misunderstand: fields and kinds of
 * records that it does not know are left alone.
 *
 *   G1  A file of which a byte was changed, cut off or added is not whole, and the reason is told.
 *   G2  Reading believes nothing: no length is taken for granted, no number leads outside of memory. */
#ifndef AGENT_CHECKPOINT_FILE_H
#define AGENT_CHECKPOINT_FILE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/buffer.h"

#define CHECKPOINT_VERSION 1u

enum checkpoint_record {
    CHECKPOINT_HEAD = 1,
    CHECKPOINT_BOOK = 2,
    CHECKPOINT_USAGE = 3,
    CHECKPOINT_INCIDENTS = 4,
    CHECKPOINT_TAIL = 5,
};

/* --- writing, into a buffer: what it has no memory for, it remembers ------------------------------------------------------ */

void checkpoint_file_add_preamble(struct buffer *text);
void checkpoint_file_add(struct buffer *text, enum checkpoint_record kind, const ProtobufCMessage *message);

/* --- reading -------------------------------------------------------------------------------------------------------------- */

struct checkpoint_file {
    int fd;           /* the caller's */
    uint64_t at;      /* where the next record begins */
    uint64_t record;  /* and where this one did */
    uint32_t kind;    /* enum checkpoint_record, or one that is not known */
    size_t bytes;     /* of it: */
    uint8_t *payload; /* good until the next one is read */
    size_t room;      /* at payload */
    const char *why;  /* what is wrong with the file, the end of a sentence; NULL: nothing that is known */
    bool is_short;    /* of memory: nothing is known of the file */
};

/* Read the preamble. False: `why`. */
__attribute__((warn_unused_result)) bool checkpoint_file_open(struct checkpoint_file *file, int fd);
/* Read the next record, or the one that begins at `at`. False: `why`, or is_short, or, when both say nothing, the file's end. */
__attribute__((warn_unused_result)) bool checkpoint_file_next(struct checkpoint_file *file);
/* Gives memory back; the descriptor stays open. */
void checkpoint_file_close(struct checkpoint_file *file);

#endif
