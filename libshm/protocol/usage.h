/* SPDX-License-Identifier: Apache-2.0 */
/* Usage accounts: how much of what each primitive used of each resource, counted in shared memory for the agent to price.
 *
 * One account a (primitive, resource), changed by atomic adds from any thread of any process, as a shared spill is. Usage comes with work of
 * milliseconds (a call of a model, of another service), so a hundred nanoseconds are well spent on never losing any, whatever ring is full.
 *
 * A directory of keys says which accounts there are, each a hash of whose it is and a state:
 *
 *            claim, its page reserved             name written
 *   EMPTY --------------------------> CLAIMING ------------------> READY      and so it stays
 *
 * Whoever looks for an account goes through the keys from 0 on, up to the first EMPTY one; who has to make one claims that. So keys are
 * dense, and the first EMPTY one is the end for everybody.
 *
 * G1  Every update that returned is counted exactly once.
 * G2  A thread killed inside an update may leave it torn: ENTER counts first, EXIT last, and their difference at rest is published as
 *     samples_torn. At most one a killed thread.
 * G3  The usage is counted before its units: a reader that reads units first never sees any without their usage.
 * G4  An update that returned was told of (segment.h, news); one that was killed before it told is found when the agent looks everywhere.
 * G5  A READY key's account says whose it is, for ever. Two may say the same: each of two threads made one at the same moment. The agent
 *     adds up by name, so who records takes whichever it finds first. To make few of them, a thread that meets a claim that may be of its own
 *     account waits a little for it.
 * G6  A claimant that was killed leaves its key CLAIMING for ever: nobody can know that it does not go on, and an account that two
 *     write at once would belong to neither. It costs one key of 4096, and keeps nobody waiting longer than G5 says.
 * G7  An account's page is reserved before it is claimed: a full file system costs no key.
 *
 * A move (move.h) makes the accounts at the same indices in the new segment, and pours what they hold, and what comes late; one made too late
 * to be carried over is found by its name there, or made.
 *
 * Progress: lock-free; waits in G5 are bounded, and for the first use of an account by anybody alone. No allocation; a system call only where
 * a page is reserved, or a thread waits as in G5. Safe in signal handlers. */
#ifndef SR_PROTOCOL_USAGE_H
#define SR_PROTOCOL_USAGE_H

#include "protocol/segment.h"

#define SR_USAGE_NONE UINT32_MAX

/* Whose an account is, ready to be compared. */
struct sr_usage_name {
    uint32_t primitive;
    uint32_t hash;
    char resource[64]; /* zero-padded */
};

/* resource: `length` bytes, at most SLIPRING_MODEL_NAME_MAX. */
void sr_usage_name_set(struct sr_usage_name *name, uint32_t primitive, const char *resource, size_t length);

/* Is account `account` < SR_USAGE_MAX READY, and this name's? */
SR_MUST_CHECK bool sr_usage_is(const struct sr_segment *segment, uint32_t account,
                               const struct sr_usage_name *name);

/* The account of this name; SR_USAGE_NONE: there is none yet. */
uint32_t sr_usage_find(const struct sr_segment *segment, const struct sr_usage_name *name);

/* Find it or make it. OK; TABLE_FULL: every key is taken; NO_SPACE and the like: no page is to be had. */
SR_MUST_CHECK enum slipring_status sr_usage_get(struct sr_segment *segment, const struct sr_usage_name *name,
                                                uint32_t *out_account);

/* An update in two halves, between which the execution is recorded. */
void sr_usage_begin(struct sr_usage_account_shm *account, const struct slipring_usage *usage,
                    bool was_clamped);
void sr_usage_end(const struct sr_segment *segment, uint32_t primitive, struct sr_usage_account_shm *account);

/* No account was to be had. */
void sr_usage_lose(const struct sr_segment *segment);

/* --- moves: the agent's ---------------------------------------------------------------------------------------------------- */

/* Reserve, then make, in the new segment what is READY in the old one, without what it holds. */
SR_MUST_CHECK enum slipring_status sr_usage_reserve_all(const struct sr_segment *from, struct sr_segment *to);
void sr_usage_carry(const struct sr_segment *from, struct sr_segment *to);

/* What stands in the accounts of `from` goes to those of `to`. */
void sr_usage_pour(struct sr_segment *from, struct sr_segment *to);

#endif
