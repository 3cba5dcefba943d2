/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's door to the stats segment: made, checked and locked; the durable words with their journal; the places that
 * figures are published in. What a word means is in peer/accounts.h; how words change is in protocol/journal.h.
 *
 * G1  One agent a store: a write lock on a byte of the stats segment, held by its descriptor, dropped by the kernel
 *     however the agent dies. The second one gets IN_USE and the first one's pid.
 * G2  A stats segment that somebody else could have written is refused: it is ours by uid, has exactly the mode and
 *     group that we give it, and one link (UNTRUSTED).
 * G3  When sr_books_open() returns OK, what the last agent committed is applied, and nothing that it did not.
 *
 * One thread, but for what peer/stats.h reads. */
#ifndef SR_PEER_BOOKS_H
#define SR_PEER_BOOKS_H

#include <slipring/stats.h>

#include "peer/accounts.h"
#include "peer/stats.h"
#include "protocol/journal.h"
#include "protocol/words.h"
#include "pure/native.h"

struct sr_books {
    struct sr_map map;
    int fd; /* holds the lock; -1: none */
    struct sr_words words;
    struct sr_batch batch;
    uint64_t figures_high; /* figures below it have their pages */
};

/* Open, making what is absent. out_books->map has path and errno for messages, also on failure.
 * IN_USE: *out_holder is the pid of the agent that holds it, 0 when that can't be told. *out_replayed: pairs that a
 * killed agent had committed. */
SR_MUST_CHECK enum slipring_status sr_books_open(struct sr_books *out_books, const char *store, mode_t mode,
                                                 gid_t group, uint64_t *out_holder, uint32_t *out_replayed);
void sr_books_close(struct sr_books *books);

/* Open the file and take G1's lock on it. IN_USE, ABSENT, NOT_PERMITTED, READ_ONLY, SYSTEM with errno; *out_fd is to be closed in any case, unless -1. */
SR_MUST_CHECK enum slipring_status sr_books_lock_file(const char *path, int *out_fd);

/* Pages that faulted: the segment was truncated or punched, and what was written since reaches nobody. 0: none. */
uint64_t sr_books_faults(const struct sr_books *books);

/* Bytes of memory that the stats segment takes. A system call. */
uint64_t sr_books_resident_bytes(const struct sr_books *books);

/* --- the header --------------------------------------------------------------------------------------------------------- */

/* The ring segment that the ring words speak of; 0: none yet. */
uint64_t sr_books_ring_incarnation(const struct sr_books *books);
void sr_books_set_ring_incarnation(struct sr_books *books, uint64_t incarnation);
/* CLOCK_REALTIME when the books were begun: tells these from others of the same store's name. They keep it when they are moved. */
uint64_t sr_books_made_wall_ns(const struct sr_books *books);
/* Who publishes; pid 0: stopped cleanly. */
void sr_books_set_agent(struct sr_books *books, uint64_t pid, uint64_t started_wall_ns, uint64_t life);
void sr_books_set_listen(struct sr_books *books, const char *address);

/* Words of areas ring, slot, in_flight and the copies, and SR_BOOK_OF_ID of every book: to zero, outside the journal. */
void sr_books_clear_ring_words(struct sr_books *books);

/* --- publishing --------------------------------------------------------------------------------------------------------- */

/* Make sure that figures below `high` have their pages. OK, or the status of the reservation: publish below the old
 * mark only. */
SR_MUST_CHECK enum slipring_status sr_books_reserve_figures(struct sr_books *books, uint32_t high);

/* Figures that not every item has, in pages of their own that exist once they were reserved: of the primitive in a place its
 * objectives, its native histogram, its exemplars; of a durable usage account, under its index, what it came to. */
enum sr_optional {
    SR_OPTIONAL_SLO,
    SR_OPTIONAL_HISTOGRAM,
    SR_OPTIONAL_EXEMPLARS,
    SR_OPTIONAL_USAGE,
    SR_OPTIONAL_COUNT
};

/* Where a kind lies in the segment: item i at offset + i * bytes. */
struct sr_optional_region {
    uint64_t offset;
    uint64_t bytes;
    uint32_t sharing; /* so many items share a page, and have it or not together */
};

const struct sr_optional_region *sr_books_optional_region(enum sr_optional kind);
bool sr_books_has(const struct sr_books *books, enum sr_optional kind, uint32_t index);
/* The pages for it. OK, or the status of the reservation. */
SR_MUST_CHECK enum slipring_status sr_books_reserve(struct sr_books *books, enum sr_optional kind,
                                                    uint32_t index);

/* Publish figures in place id, which has its pages, and with them its native histogram; NULL: none. */
void sr_books_publish(struct sr_books *books, uint32_t id, const struct slipring_stats *stats,
                      const struct slipring_stats_detail *detail, const struct sr_native_packed *native);
/* Publish what optional figures an item has; it has their pages. */
void sr_books_publish_slo(struct sr_books *books, uint32_t id, const struct slipring_slo_stats *slo);
void sr_books_publish_exemplars(struct sr_books *books, uint32_t id,
                                const struct slipring_exemplars *exemplars);
void sr_books_publish_usage(struct sr_books *books, uint32_t account,
                            const struct slipring_usage_stats *usage);
/* Publish `count` incidents, oldest first. */
void sr_books_publish_incidents(struct sr_books *books, const struct slipring_incident *incidents,
                                uint32_t count);
/* Readers of place id are sent to place `other`; to id itself: nowhere. */
void sr_books_redirect(struct sr_books *books, uint32_t id, uint32_t other);
void sr_books_publish_agent(struct sr_books *books, const struct sr_agent_figures *figures);
/* All of this round is out: places below `high` exist. */
void sr_books_finish_publishing(struct sr_books *books, uint64_t now_ns, uint32_t high);

#endif
