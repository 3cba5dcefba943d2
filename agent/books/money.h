/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of money in the durable words: integer nano-dollars, of which a word holds eighteen billion dollars.
 *
 *   G1  A sum that would outgrow its word becomes UINT64_MAX and stays there: it says "at least so much", and a counter that stands still beats
 *       one that wraps and looks like a reset.
 *   G2  Whoever reaches UINT64_MAX is counted in SR_STORE_SATURATED, once, in the same commit: the sum of a category, or that of a
 *       book's categories when none of them is there yet.
 *   G3  What comes before a book saturates alike: a tally (peer/tally.h) and a fold (peer/fold.h) that outgrow a word carry UINT64_MAX into
 *       the book, which is then there itself. What comes behind it, slices of windows and differences of marks, are parts of a sum that
 *       fits; sums with what a checkpoint brought, windows and lifetimes, saturate, and are not counted.
 *
 * The sums in a spill block are a producer's, and wrap (protocol/spill.h). What is booked are their differences, which are right modulo
 * 2^64; one of 2^63 or more, nine billion dollars between two looks, is nobody's bill: the block is impossible (peer/fold.h G2). */
#ifndef AGENT_MONEY_H
#define AGENT_MONEY_H

#include "books.h"

/* In the caller's batch: add to a durable word, whose page exists. Returns the new sum. */
uint64_t money_add(struct books *books, uint32_t word, uint64_t amount);

/* Likewise to a book's sum of a category. first: SR_BOOK_COST or SR_BOOK_SAVINGS. */
void money_add_to_book(struct books *books, uint32_t book, uint32_t first, uint32_t category,
                       uint64_t amount);

/* A book's sum over all categories, with what the batch holds. UINT64_MAX: at least that. */
uint64_t money_of_book(const struct books *books, uint32_t book, uint32_t first);

#endif
