/* SPDX-License-Identifier: Apache-2.0 */
/* Usage accounts: what each primitive used of each resource ("openai/gpt-4o": so many tokens), and what that cost by the price cards
 * (prices.h). Accounts of the ring segment (protocol/usage.h) are folded as differences into durable ones, of which there is one a book and
 * resource: duplicates meet there.
 *
 *   G1  Exactly once over a kill: units, what was priced of them, cost, savings and the copy of the ring segment's account change in one commit.
 *   G2  Money is exact: units times pico-dollars, summed in 128 bits, and nano-dollars with thousandths carried on. It does not depend on how
 *       usages were batched, but for which price was valid: the one at the agent's wall clock when they were folded.
 *   G3  Units without a price are kept, and priced as soon as there is one, with the price of that moment, all of them since the account began or
 *       was reset. Units are counted so: priced ones never exceed them, and their difference waits.
 *   G4  Sums of money saturate, and say so (money.h).
 *   G5  What the ring segment says is read once and checked: counters that run backwards are left out, names that are none are no account.
 *
 * Cost and savings of an account go to its book's money too, in the same commit, in the category named after the provider: what stands before
 * the '/'. There windows, reports and budgets find them. See agent/store.h for threads and time. */
#ifndef AGENT_USAGE_H
#define AGENT_USAGE_H

#include "books.h"

struct usage;

/* Private memory. For books_open() and books_close(). NO_MEMORY or OK. */
__attribute__((warn_unused_result)) enum slipring_status usage_open(struct books *books);
void usage_close(struct books *books);
/* The accounts as the durable words have them. For books_take_up(). */
void usage_take_up(struct books *books);

/* --- folding ------------------------------------------------------------------------------------------------------------- */

/* There may be news of this primitive's accounts; of all. */
void usage_note(struct books *books, uint32_t id);
void usage_note_all(struct books *books);

/* Fold what was noted, `most` accounts of it. True: nothing is left. Batches as it goes. */
__attribute__((warn_unused_result)) bool usage_fold(struct books *books, uint32_t most, uint64_t now_ns);

/* books->options->prices is another one: price what waits. Commits. After this nothing points into the cards of before, and they may be closed. */
void usage_reprice(struct books *books);

/* Usages that were begun, and for a whole period neither went on nor were followed by another: torn. Once a second. */
uint64_t usage_count_torn(struct books *books, uint64_t now_ns);

/* The double entry of usage (peer/accounts.h) holds from now on, whatever the words say; in the caller's batch. For new books, those of an agent that
 * did not keep it, and a ring segment that was made anew. */
void usage_balance(struct sr_books *durable);

/* New books meet a ring segment that another agent drained: take as booked what its accounts hold. Commits. False: no pages for it. */
__attribute__((warn_unused_result)) bool usage_start_from_here(struct sr_books *durable,
                                                               struct sr_drain *rings);

/* --- publishing ---------------------------------------------------------------------------------------------------------- */

/* Publish the figures of accounts that changed, `most` of them; the next call goes on. */
void usage_publish(struct books *books, uint32_t most);

uint32_t usage_accounts(const struct books *books);

/* --- checkpoints and resets ---------------------------------------------------------------------------------------------- */

/* An account as a checkpoint keeps it: its lifetime. */
struct saved_usage {
    char resource[64]; /* zero-padded */
    uint64_t usages;
    uint64_t unpriced;  /* of these, without a price when they came */
    uint64_t cost;      /* nano-dollars, */
    uint64_t cost_rest; /* and thousandths of one, 0 to 999 */
    uint64_t savings;
    uint64_t savings_rest;
    uint64_t units[SLIPRING_UNIT_MAX];
    uint64_t waiting[SLIPRING_UNIT_MAX]; /* of these, not priced yet */
};

/* Accounts below this number may exist. */
uint32_t usage_high(const struct books *books);

/* The accounts of a book, one after the other: the first with USAGE_NO_ACCOUNT, the next with the one before; USAGE_NO_ACCOUNT: no more. */
#define USAGE_NO_ACCOUNT UINT32_MAX
uint32_t usage_next_of(const struct books *books, uint32_t book, uint32_t account);

/* Account number `account`, and whose it is. False: there is none. The batch is empty. */
__attribute__((warn_unused_result)) bool usage_take_at(const struct books *books, uint32_t account,
                                                       uint32_t *out_book, struct saved_usage *out_saved);

/* Make the account of a book that was just made (saved_restore()), in the caller's batch: counters begin at 0, what waits goes on waiting for its
 * price, and the rest is lifetime. OK, NO_SPACE, TABLE_FULL; BAD_NAME: it is no resource. */
__attribute__((warn_unused_result)) enum slipring_status usage_restore(struct books *books, uint32_t book,
                                                                       const struct saved_usage *saved);

/* The book begins anew (reset.h): so do its accounts, lifetimes and what waits included, in the caller's batch, which is committed on the way when
 * a primitive has more accounts than fit a journal (some 700 with every word in use): so before the book's own words. What producers used and was not folded yet
 * counts after it. */
void usage_reset(struct books *books, uint32_t book);

#endif
