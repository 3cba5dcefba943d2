/* SPDX-License-Identifier: Apache-2.0 */
/* The audit: is every sample that producers made in the books, waiting, or accounted for? Read-only, with or without an
 * agent, live or on copied segments.
 *
 * Three parties tell the same story in different words, and are compared:
 *   producers   tails of rings and cells of spill blocks, in the ring segment: what was produced
 *   the agent   durable heads and copies of blocks: how far it says that it took what
 *   the books   per primitive: words taken, executions spilled, cells of the histogram
 *
 *   (1) sum of book.taken   = sum of heads                              + former_taken     in words of rings
 *   (2) sum of book.spilled = sum of execution cells of all copies + retired_spilled + former_spilled
 *   (3) every book:  count = taken - beside - others + spilled = sum of its cells
 *   (4) every ring:  0 <= tail - head <= its size; every cell of a block >= its copy
 *   (5) sum of usage.usages = sum of its copies + former_usages; so of units of all kinds together; every account of the ring segment >= its copy
 *   (6) every book:  cost >= what its usage accounts cost, savings likewise
 * From these follows produced = drained + spilled + waiting, with waiting = (tails - heads) + (cells - copies). What is
 * compared are words (protocol/sample.h); what is told are samples: the books say how many words of the drained ones begin
 * none, and those that wait are looked at. Rings
 * in quarantine count up to their head; what they hold beyond it is `quarantined`, as the agent booked it.
 *
 * How a moving store is compared. Durable words only grow (those used here do), and whenever the journal is clear every
 * word is as its last commit left it. So: heads and copies are read, then, after the journal was seen clear, the books, then,
 * after it was seen clear again, heads and copies once more. The books must lie between the two readings: an
 * interval verdict. If the two readings are the same the interval is a point, and the verdict exact. (A copy becomes zero when
 * its ring's pages are given back, and retired_spilled grows in the same commit: it is read before the copies in the first
 * reading and behind them in the second, so that what moves meanwhile makes the interval wider, never wrong. A block that
 * goes while it is read does not count: the durable words speak for its ring.) Segment words
 * are read between, so that head(before) <= tail and tail - size <= head(after). The numbers that are told of a moving store, not the verdict, may be
 * off by what was drained while it was looked at: a cost that was drained then is among what waits and among what was taken. A journal that an agent left
 * committed when it was killed is applied in private memory.
 *
 * Everything is read once, checked, then used. A hostile segment can make the verdict wrong, nothing else. */
#ifndef SR_PEER_AUDIT_H
#define SR_PEER_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/status.h>

#include "base/compiler.h"

/* What can be wrong: X(NAME, "sentence, with two numbers: what it is, what it should be"). */
#define SR_AUDIT_FAULTS(X)                                                                                   \
    X(DRAINED, "the books hold more or fewer words taken from rings than the heads say")                     \
    X(SPILLED, "the books hold more or fewer spilled executions than the copies of blocks say")              \
    X(BOOK_COUNT, "a book's count is not what was taken and spilled for it")                                 \
    X(BOOK_CELLS, "a book's histogram does not add up to its count")                                         \
    X(RING_BEHIND, "a ring's tail is behind its head: words were taken that nobody wrote")                   \
    X(RING_OVERFULL, "a ring holds more words than it has room for")                                         \
    X(BLOCK_BEHIND, "a spill block's cell is behind its copy: executions were booked that nobody made")      \
    X(JOURNAL, "the journal is impossible: what its commit changed cannot be told")                          \
    X(USAGES, "the usage accounts hold more or fewer usages than their copies say")                          \
    X(UNITS, "the usage accounts hold more or fewer units than their copies say")                            \
    X(USAGE_BEHIND, "a usage account is behind its copy: what was booked nobody used")                       \
    X(BOOK_MONEY, "a book's cost or savings are less than those of its usage accounts")                      \
    X(HEAD_AHEAD, "a ring's published head is ahead of the durable one: samples may be overwritten "         \
                  "unbooked")

enum sr_audit_fault_kind {
#define X(name, text) SR_AUDIT_##name,
    SR_AUDIT_FAULTS(X)
#undef X
};

#define SR_AUDIT_FAULT_MAX 16u
#define SR_AUDIT_NO_ID     UINT32_MAX

struct sr_audit_fault {
    enum sr_audit_fault_kind kind;
    uint32_t id;            /* of the ring or book, SR_AUDIT_NO_ID: none */
    uint64_t is, low, high; /* what is, and the interval where it should be; equal: exactly there */
};

struct sr_audit {
    bool has_segment; /* the ring segment; without it only the books are compared */
    bool has_books;   /* the stats segment; without it nothing was ever booked */
    bool is_exact;    /* the agent's side stood still: every comparison was of equals */
    bool
        is_remade; /* the agent's words are of a ring segment that is no more: all in the present one waits */
    bool was_replayed; /* a journal was applied in private memory */
    bool is_truncated; /* pages of a segment are lost: nothing here is worth anything */

    uint64_t produced;                  /* samples of rings and executions of blocks */
    uint64_t drained;                   /* by the books: samples taken from rings of this segment */
    uint64_t spilled;                   /* by the books: executions folded from its blocks */
    uint64_t in_rings;                  /* samples between heads and tails */
    uint64_t in_blocks;                 /* cells - copies */
    uint64_t drained_low, drained_high; /* by the heads, before and after */
    uint64_t spilled_low, spilled_high; /* by the copies */

    uint64_t retired;     /* executions of blocks whose pages were given back; in produced and spilled */
    uint64_t executions;  /* in all books, ever */
    uint64_t others;      /* samples that were none: amounts, cancels, refused */
    uint64_t refused;     /* of these, impossible ones */
    uint64_t quarantined; /* samples left behind in quarantined rings and their blocks */
    uint64_t torn;        /* updates of shared spills and usage accounts begun and not finished, now */
    uint64_t usages;      /* by the accounts: usages, since their books began */
    uint64_t in_accounts; /* of the ring segment: usages beyond what is booked */
    uint32_t rings, blocks, books; /* that were looked at */

    uint32_t fault_count; /* may exceed what is listed */
    struct sr_audit_fault faults[SR_AUDIT_FAULT_MAX];
};

/* What a fault means, for people. */
const char *sr_audit_fault_text(enum sr_audit_fault_kind kind);

/* Look once. OK also when faults were found; the statuses of an attach when neither segment can be read, or one is
 * there and can't be. */
SR_MUST_CHECK enum slipring_status sr_audit_take(const char *store, struct sr_audit *out_audit);

/* produced - drained - spilled - in_rings - in_blocks, as the books have it: 0 when (1) and (2) hold exactly. */
SR_INLINE int64_t sr_audit_difference(const struct sr_audit *audit)
{
    return (int64_t)(audit->produced - audit->drained - audit->spilled - audit->in_rings - audit->in_blocks);
}

#endif
