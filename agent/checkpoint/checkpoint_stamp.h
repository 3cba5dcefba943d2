/* SPDX-License-Identifier: Apache-2.0 */
/* What changed since a file was written: a number for each book and account that is another one, but for one chance in 2^64, when anything
 * changed that a file without windows holds. Private memory: without it, everything is new. */
#ifndef AGENT_CHECKPOINT_STAMP_H
#define AGENT_CHECKPOINT_STAMP_H

#include "agent/books/usage.h"

struct checkpoint_stamps;

struct checkpoint_stamps *checkpoint_stamps_new(void); /* NULL: no memory */
void checkpoint_stamps_free(struct checkpoint_stamps *stamps);

/* A file begins: with all, or with what is not as in the last full one that was kept. */
void checkpoint_stamps_begin(struct checkpoint_stamps *stamps, bool is_full);
/* Does this go into the file? It is noted as it is now. */
bool checkpoint_stamps_take_book(struct checkpoint_stamps *stamps, const struct books *books, uint32_t book);
bool checkpoint_stamps_take_usage(struct checkpoint_stamps *stamps, const struct books *books, uint32_t book,
                                  uint32_t account, const struct saved_usage *usage);
/* The file is there: what it holds is what the next one is compared with. */
void checkpoint_stamps_keep(struct checkpoint_stamps *stamps);

/* Is it other than in the last full file; or than in the last one of any kind? */
bool checkpoint_stamps_is_new_book(const struct checkpoint_stamps *stamps, bool than_full,
                                   const struct books *books, uint32_t book);
bool checkpoint_stamps_is_new_usage(const struct checkpoint_stamps *stamps, bool than_full,
                                    const struct books *books, uint32_t book, uint32_t account,
                                    const struct saved_usage *usage);

#endif
