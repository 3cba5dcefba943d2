/* SPDX-License-Identifier: Apache-2.0 */
/* Books and usage accounts as messages of checkpoint.proto, and back. Unpacking believes nothing that a checksum does not say: counts beyond the
 * arrays, names that are too long, packed cells that are none make a message impossible, and its file with it. No system call; memory as
 * said. */
#ifndef AGENT_CHECKPOINT_BOOK_H
#define AGENT_CHECKPOINT_BOOK_H

#include "agent/books/saved.h"
#include "agent/books/usage.h"
#include "agent/buffer.h"
#include "checkpoint.pb-c.h"

/* What is beside the totals. */
struct checkpoint_times {
    uint64_t created_wall_ns; /* of its counts */
    uint64_t seen_ns;         /* what was recorded before is in */
};

/* --- packing -------------------------------------------------------------------------------------------------------------- */

struct checkpoint_packer; /* scratch, half a megabyte */

struct checkpoint_packer *checkpoint_packer_new(void); /* NULL: no memory */
void checkpoint_packer_free(struct checkpoint_packer *packer);

/* Append the record of a book. Of a full file (since_ns 0) with windows and what is open; of a recent one without, and with marks alone that were
 * made at since_ns or later. */
void checkpoint_pack_book(struct checkpoint_packer *packer, const struct books *books, uint32_t book,
                          uint64_t since_ns, struct buffer *text);
void checkpoint_pack_usage(struct checkpoint_packer *packer, const struct books *books, uint32_t book,
                           const struct saved_usage *usage, struct buffer *text);
void checkpoint_pack_incidents(struct checkpoint_packer *packer, const struct books *books,
                               struct buffer *text);

/* --- unpacking ------------------------------------------------------------------------------------------------------------ */

struct checkpoint_unpacked {
    Checkpoint__Book *message; /* the slices lie in it */
    struct checkpoint_times times;
    struct saved_totals totals;
    struct saved_windows windows;
};

/* False: *out_why. Frees what was in `unpacked` before. */
__attribute__((warn_unused_result)) bool checkpoint_unpack_book(struct checkpoint_unpacked *unpacked,
                                                                const uint8_t *payload, size_t bytes,
                                                                const char **out_why);
void checkpoint_unpacked_free(struct checkpoint_unpacked *unpacked);

/* The same of an account. */
struct checkpoint_usage {
    char name[136];
    char type[64];
    struct saved_usage usage;
};
__attribute__((warn_unused_result)) bool checkpoint_unpack_usage(struct checkpoint_usage *unpacked,
                                                                 const uint8_t *payload, size_t bytes,
                                                                 const char **out_why);

/* SR_WORDS_PER_incident words. */
__attribute__((warn_unused_result)) bool
checkpoint_unpack_incidents(uint64_t *out_words, const uint8_t *payload, size_t bytes, const char **out_why);

/* `recent` is of a file that is newer than the full one which `full` (NULL: it is not in it) is of: bring it to what it would be had it been taken
 * whole. True: the windows of `full` are its own, too. */
bool checkpoint_merge(struct checkpoint_unpacked *recent, const struct checkpoint_unpacked *full);

#endif
