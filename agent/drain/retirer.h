/* SPDX-License-Identifier: Apache-2.0 */
/* Giving memory back: rings that nobody wants lose their pages.
 *
 * A ring costs 8 KB (small) to 288 KB (big) from its first claim on, and its block's durable copy up to 4 or 32 KB more in the stats segment.
 * A FREE ring is nobody's, and its next claimer finds it cheaper than an EMPTY one: so a few of each class stay
 * (those with the least ids, which claimers find first), and the others go when nobody wanted them for `retire_after_ns`. The way, each step
 * safe to be killed after, and safe to be done again:
 *
 *   (0) FREE, or EMPTY with pages (an offer whose agent was killed)
 *   (1) RETIRING, by CAS: no claimer takes it any more        killed: the next agent finds RETIRING, and goes on with (2)
 *   (2) withdrawn: its byte in ring_page is 0                 killed: the same; nobody reads the block any more
 *   (3) punched: samples and spill block are holes            killed: the same; the durable copy is ahead of a block that nobody reads
 *   (4) forgotten, one commit: the copy is zero, what it held stands in store.retired_spilled, HAS_COPY is 0
 *                                                             killed: the same; no cell to be forgotten is left
 *   (5) the copy's pages, zeros now, are given back, too      killed: the same; the pages that went are not met again
 *   (6) EMPTY, by CAS: the next claimer reserves afresh and finds zeros in the block as in its copy
 *
 * G1  The double entry of peer/accounts.h holds after every commit, and what was booked stays booked: no book changes.
 * G2  Lines are never punched: tail, begun, head and generation go on (ring.h G4). Only spill words begin at zero again, in the block and in
 *     its copy, between two states in which nobody can look at one of them alone.
 * G3  A claimer wins or loses by the CAS of the state. FREE -> CLAIMING: the ring is whole and stays. FREE -> RETIRING: the claimer goes on to
 *     another ring, or reserves one. RETIRING -> EMPTY is a release that its CAS acquires: it sees the byte 0, and reserves.
 * G4  Nobody can write into a hole. Who could still mean to write into a FREE ring's block?
 *     - A thread that released it: it forgot the ring before (libshm/api/thread.c); what it records later, also in destructors of
 *       thread-specific data, claims anew. One that was cancelled, or jumped out of a record, left its ring busy: it records nothing more in it.
 *     - An open reservation, whose amounts are written in place: slipring_close() leaves its ring OWNED until the thread ends, and after that
 *       no commit is allowed by contract (record.h).
 *     - A forked child: the library's memory is zero there, so it holds no ring; one that returned from a handler that interrupted a record would go
 *       on with the parent's registers, which process.h forbids.
 *     - A dead process: its lock is dropped by the kernel with its memory, after its last thread has stopped, and only then it is reaped.
 *     - The adopter of an offer, the thread of the process that takes a released ring up again: both by CAS from a state that is not FREE.
 *     A hostile process can write anywhere at any time: it makes a page that nobody counts, in a block that the next owner finds not zero, and the fold
 *     finds impossible or books (a hostile producer forges samples, as ever).
 * G5  Lookers-on (audit.h, inspect.h) ask ring_page before and after: what they read of a block that was withdrawn meanwhile does not count.
 *
 * Not given back, and bounded: lines (384 bytes a ring ever used), process slots and in-flight words (1 KB, and 4 KB for each 512 books, for each of
 * at most 1,024 slots, taken again from the least), registry, shared spills, books.
 *
 * Bounded work: so many rings a run, then others have their turn. When punching fails the rings stay RETIRING, and are tried again after a minute. See
 * agent/store.h for threads and time. */
#ifndef AGENT_RETIRER_H
#define AGENT_RETIRER_H

#include <stdint.h>

#include <slipring/status.h>

#define RETIRER_AT_ONCE    64u
#define RETIRER_DEFAULT_NS UINT64_C(60000000000)

struct books;
struct drain;
struct retirer;

/* NO_MEMORY or OK. Finds what a killed agent left RETIRING: it is gone on with at the first tick. */
__attribute__((warn_unused_result)) enum slipring_status
retirer_open(struct books *books, struct drain *drain, uint64_t now_ns, struct retirer **out_retirer);
void retirer_close(struct retirer *retirer);

/* Once a second, or sooner while there is work; returns how long until it is due again, in nanoseconds. */
uint64_t retirer_tick(struct retirer *retirer, uint64_t now_ns);

#endif
