/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies on their way out: each is rendered once, never changed, counted by those who read it, and gone with the last of them.
 *
 *      rendered ──pages_add()──► read by one ──pages_find(): another asks──► read by more ──page_release() of the last──► gone
 *
 *   G1  Whoever asks for the same page, with the same Accept header, of the same publishing moment and configuration, while somebody still
 *       reads it and for PAGES_FRESH_NS at most, gets the same bytes: scrapes that come together cost one rendering, and the memory of one.
 *   G2  Readers share nothing but bytes: each has its own place, and a slow one holds up nobody; it keeps the page's memory.
 *   G3  Compressing goes on as the foremost reader reads, by PAGES_STEP_BYTES of text at a time, and once for all: who is behind takes what is there.
 *       So a reader costs others no more than one step, and nothing is compressed that nobody reads.
 *   G4  `held` is what all of it takes: a text once, whoever reads it, and what was compressed so far.
 *   G5  A large exposition is not copied: its spans lie where it was rendered (exposition.h), are sent from there, and that memory is for the next
 *       rendering when its last reader has gone.
 *
 * Texts below PAGES_SHARED_BYTES, and all but 200, are nobody else's. One thread for a struct pages and its pages: of each HTTP thread there is one. */
#ifndef AGENT_PAGES_H
#define AGENT_PAGES_H

#include <stdint.h>
#include <sys/types.h>

#include "answer.h"

#define PAGES_FRESH_NS                                                                                       \
    UINT64_C(200000000) /* ages in a body are true to that, should publishing stand still */
#define PAGES_SHARED_BYTES (16u << 10)
#define PAGES_STEP_BYTES   (64u << 10)

struct page;

/* A zeroed one is empty. Ends with its last page. */
struct pages {
    struct page *first;
    size_t held; /* bytes */
};

/* What a body depends on. */
struct pages_what {
    const struct answer_query *query;
    uint64_t published_ns; /* as read before it was rendered: sr_stats_agent() */
    uint64_t generation;   /* likewise, of the configuration: exposure.h */
};

/* One that is there already; it is the caller's to release. NULL: there is none. */
struct page *pages_find(const struct pages *pages, const struct pages_what *what, uint64_t now_ns);

/* The answer's body passes over, and the page is the caller's to release. what NULL: nobody else gets it. NULL: no memory, the body is freed. */
struct page *pages_add(struct pages *pages, const struct pages_what *what, struct answer *answer,
                       uint64_t now_ns);

void page_release(struct page *page);

/* How it was answered, with the body. */
const struct answer *page_answer(const struct page *page);
size_t page_bytes(const struct page *page);

/* How long its rendering took: for whoever shares it. */
void page_note_took(struct page *page, uint64_t took_ns);
uint64_t page_took(const struct page *page);

/* Its text: *out_count spans, one behind the other, until page_release(). */
const struct exposition_span *page_spans(const struct page *page, size_t *out_count);

/* Of the text, which is not empty, as gzip some bytes, 1 to `room`, from the place `at` on; 0: that is the end. -1: no memory. */
ssize_t page_read_packed(struct page *page, uint64_t at, char *to, size_t room);

#endif
