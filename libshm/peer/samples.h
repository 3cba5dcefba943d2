/* SPDX-License-Identifier: Apache-2.0 */
/* The last samples of each ring, for people: which process, which thread is slow?
 *
 * The words of a ring stay where they are after the agent took them, until the owner writes over them. So the last samples of a thread can be read
 * although the books have long merged them with those of all others. They are read beside the agent, and change
 * nothing; nobody counts by them.
 *
 *        claim                head                                tail
 *     ...  |  taken, still there | waits for the agent              | being written, then the oldest words again
 *
 *   G1  Only words of the ring's present owner are looked at: those before its claim are left out.
 *   G2  Words are copied once, with the tail looked at before and after: what the owner may have written over meanwhile is left out.
 *   G3  A word may be a sample, or part of one, and nothing in it tells. A ring is read from a place that must be the beginning of a
 *       sample: the claim, or where all readings agree that end at the tail, pass through the agent's head and have
 *       nothing impossible in them. A ring that has no such reading is not read (P5).
 *   G4  What came through the ring's spill block is a sum, told apart. Its cells are never reset, so they are this owner's alone only in a ring
 *       that had no other; of later owners there is the longest duration (SR_SPILL_MAX is set anew at each claim).
 *
 * G2 leans on stores being seen in their order, as on x86-64; elsewhere a sample of a moment ago may be read as one of an age ago.
 * Looking takes the owner's lines out of its cache for a moment, as with everything in inspect.h. */
#ifndef SR_PEER_SAMPLES_H
#define SR_PEER_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "peer/inspect.h"
#include "pure/bucket.h"

struct sr_samples_sum {
    uint64_t n; /* executions in rings */
    uint64_t failures;
    uint64_t max_ns;         /* of the durations; exact */
    uint64_t first_ns;       /* store time, the oldest stamp that was seen; 0: none */
    uint64_t last_ns;        /* the newest */
    uint64_t unread_words;   /* left out, by G2 and G3 */
    uint64_t spilled;        /* executions in spill blocks; of rings that had one owner alone */
    uint64_t spilled_max_ns; /* of all that spilled; 0: nothing did */
    uint32_t rings;
    uint32_t rings_unread; /* G3, or not this owner's any more when it was read */
    uint32_t
        rings_shared; /* whose block has cells of former owners too, and something of this one's: it is in no count */
    uint64_t cells[SR_BUCKET_COUNT];
    uint64_t spilled_cells[SR_BUCKET_COUNT];
};

struct sr_samples; /* room for the copy of a ring */

/* NULL: no memory. */
SR_MUST_CHECK struct sr_samples *sr_samples_new(void);
void sr_samples_free(struct sr_samples *samples);

/* Add what is in the ring, that sr_inspect_ring() told of as owned and possible, to the sum. now_ns: store time when the
 * looking began: no stamp is told as later than that, and what is later by more than a second is no stamp. */
void sr_samples_add(struct sr_samples *samples, const struct sr_inspect *inspect,
                    const struct sr_inspect_ring *ring, uint64_t now_ns, struct sr_samples_sum *sum);

/* The percentile of so many parts per million, nearest rank, in nanoseconds, at most SR_BUCKET_ERROR_BOUND off. False: n is 0. */
SR_MUST_CHECK bool sr_samples_percentile(const uint64_t cells[SR_BUCKET_COUNT], uint64_t n, uint32_t ppm,
                                         double *out_ns);

#endif
