/* SPDX-License-Identifier: Apache-2.0 */
/* The books: what the durable words mean, per primitive. See agent/store.h for threads and time; the chart of accounts is
 * peer/accounts.h.
 *
 * A book outlives the ids of a ring segment: it is found by name and type, and an id is bound to it once. Ids of one name
 * (duplicates from a race) share a book.
 *
 * Everything here changes words in the store's one batch; books_commit() makes it happen. A unit of work (one ring, one
 * slot, one primitive) first asks books_make_room(), then reserves every page that it is going to write, and only then
 * writes: so it happens whole, in one commit, or not at all.
 *
 * What is kept beside the words (struct book, struct primitive) is private and can be had from the words again. */
#ifndef AGENT_BOOKS_H
#define AGENT_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/status.h>

#include "agent/store.h"
#include "extras.h"
#include "peer/books.h"
#include "peer/catalog.h"

#define BOOK_NONE UINT32_MAX

/* No unit of work takes more pairs: a full spill block's copy, every cell and every part of one, a new book, its exemplars; but for books_abort_slot(). */
#define BOOKS_UNIT_PAIRS 24576u

/* What objectives count: executions, or what they cost. */
enum book_account { BOOK_EXECUTIONS, BOOK_MONEY, BOOK_ACCOUNT_COUNT };

/* What history.h knows of an account when it last looked at the book's tracks. */
struct book_marked {
    uint64_t total;       /* so many, */
    uint64_t quiet_ns;    /* and up to here as many; */
    bool is_quiet;        /* as many still when the book went to rest */
    uint64_t news_due_ns; /* from here on a track would make a mark, if it changed */
};

/* A book, as far as it pays to keep it in private memory. */
struct book {
    bool is_used;
    bool is_changed;        /* since it was last published */
    bool has_exemplar_news; /* exemplars.h: likewise, or they are not published where its figures are */
    bool lacks_native;      /* its native histogram was published nowhere, for there was no page */
    bool has_rested;        /* agenda.h: since its tracks were looked at last */
    bool is_slid;           /* as it was published last (peer/slide.h) */
    bool has_objectives;
    bool has_spend;     /* a money budget among them */
    uint64_t told_full; /* objectives without room that were logged: a bit a name (objectives.c) */
    uint32_t low, high; /* cells outside [low, high) are zero */
    uint32_t place;     /* where its figures are published; BOOK_NONE: nowhere yet */
    uint32_t id;    /* the primitive's id that it is announced under; BOOK_NONE: not in this ring segment */
    uint32_t next;  /* in its hash chain */
    int64_t active; /* spans in flight, over all slots */
    uint64_t published_ns;
    uint64_t last_ns; /* nothing came since; 0: nothing since the agent's start */
    uint64_t
        slides_ns; /* to be published again after so long, though nothing changed: a window covers more */
    uint64_t
        stays_until_ns; /* that is all that the time does to what was published, up to then; 0: nobody knows */
    uint64_t published_month; /* books->month at that time */
    uint64_t open_ns;         /* SR_BOOK_OPEN_NS */
    /* history.h: */
    uint64_t marks_due_ns; /* a track waits for a mark */
    uint64_t marked_month; /* when they were last looked at, it was this month */
    struct book_marked marked[BOOK_ACCOUNT_COUNT];
    /* slo.h: */
    uint64_t judged_ns;                            /* when its alerts were judged, */
    uint64_t judged_total;                         /* with so many executions */
    uint64_t judged_cost;                          /* that had cost so much, where that is asked, */
    uint64_t judged_month;                         /* in this month; */
    uint64_t judged_until_ns;                      /* no count changes before, unless something comes */
    uint64_t judged_stamp;                         /* of all counts: changed ones are published */
    uint64_t bound_since_ns[SLIPRING_BOUND_COUNT]; /* when producers were told of it; 0: they knew */
    struct sr_tally_bounds bounds;
};

/* An id of the ring segment. */
struct primitive {
    uint32_t book; /* BOOK_NONE: not bound yet */
    uint32_t lists_stamp;
    struct sr_shared_marks shared; /* as last folded */
    uint64_t shared_folded_ns;
    uint8_t category[SLIPRING_CATEGORY_COUNT]; /* the book's category of each of its own */
};

struct books_visit {
    uint32_t ring;
    uint64_t head;
    struct sr_ring_visit visit;
};

struct windows; /* shelf.h */
struct usage;   /* usage.h */

/* The last counts that history_now() worked out: good as long as nothing is committed. */
struct counted {
    uint64_t commits;
    uint32_t book;
    uint32_t objective; /* 1 + its index; 0: nothing is known */
    uint64_t good;
    uint64_t total;
};

struct books {
    struct sr_books *durable;
    struct sr_drain *rings;
    const struct agent_options *options;
    struct book *book;           /* SR_PRIMITIVE_MAX, by index of the book */
    uint64_t *due_ns;            /* likewise: it rests until then (agenda.h) */
    struct primitive *primitive; /* SR_PRIMITIVE_MAX, by id */
    uint32_t *place_owner;       /* SR_PRIMITIVE_MAX: 0, or 1 + the book whose figures stand there */
    uint32_t *redirect;          /* SR_PRIMITIVE_MAX: 0, or 1 + the place to read instead */
    uint32_t *chains;            /* books by hash of name and type: 0, or 1 + the first one */
    struct books_visit *visits;  /* to be published after the commit */
    uint32_t visit_count;
    uint32_t high; /* books at and above this index are unused */
    uint32_t place_high;
    uint32_t bound_low; /* ids below are bound */
    struct windows *windows;
    struct usage *usage;
    struct counted *counted;
    uint64_t wall_ns;   /* CLOCK_REALTIME when books_set_time() was told last, */
    uint64_t month;     /* and when its calendar month (UTC) began, in seconds */
    uint64_t seen_ns;   /* everything recorded before was drained */
    uint64_t ticked_ns; /* what seen_ns was when history_tick() looked last */
    uint32_t slo_next;  /* the book whose alerts are judged next */
    struct extra_shortage shortages[EXTRA_COUNT];
    bool incidents_are_out; /* published as they are */
    uint64_t reserve_failures;
    bool is_short; /* of pages, and said so */
    uint64_t short_since_wall_ns;
    uint64_t made_before; /* words.made at the last books_retry_reserving() */
    uint32_t processes;   /* alive, as the reaper last saw */
    bool has_new_names;   /* ids were bound since the publisher counted them */
    bool has_news;        /* bounds were announced: the epoch is to be raised */
    bool are_lost;        /* the stats segment was truncated: nothing is taken from producers any more */
};

/* Take up the books as the durable words have them. NO_MEMORY or OK. */
__attribute__((warn_unused_result)) enum slipring_status books_open(struct agent_store *store,
                                                                    struct books **out_books);
void books_close(struct books *books);

/* Private memory about all books made anew from the durable words: when others than this agent's code changed them (saved.h). The batch is
 * empty, and no id is bound yet. */
void books_take_up(struct books *books);

/* Something of it changed, that is published or judged. Every change of a book's words says so, or it goes on resting (agenda.h G1). */
static inline void books_note_change(struct books *books, uint32_t book)
{
    books->book[book].is_changed = true;
    books->due_ns[book] = 0;
}

/* What time it is: before every tick of what keeps windows and objectives. */
void books_set_time(struct books *books, uint64_t wall_ns);

/* --- the batch ---------------------------------------------------------------------------------------------------------- */

/* Room for a unit of work: commits what is there when it could get short. */
void books_make_room(struct books *books);
/* Once the batch is committed, publish this head, and what people want to know of the visit. */
void books_note_visit(struct books *books, uint32_t ring, uint64_t head, const struct sr_ring_visit *visit);
/* Commit, publish heads, clear. No head is published when the books are lost: what was not taken by then waits in the ring
 * segment. */
void books_commit(struct books *books);
/* Was the stats segment truncated? Then durable words read as zeros that nobody wrote. */
__attribute__((warn_unused_result)) bool books_are_lost(struct books *books);
/* Pages for words: false and counted when the file system is full, and logged when that begins. */
__attribute__((warn_unused_result)) bool books_reserve(struct books *books, uint32_t first, uint32_t count);
/* Once a second: reservations may be tried again. Logs that a shortage is over: pages were made since the last call, and none
 * was refused. While nobody asks for pages nothing is known, and nothing said. */
void books_retry_reserving(struct books *books);

/* --- booking ------------------------------------------------------------------------------------------------------------ */

/* Pages for everything that the tally changes in its book. */
__attribute__((warn_unused_result)) bool books_reserve_tally(struct books *books, uint32_t book,
                                                             const struct sr_tally *tally);
/* Book it under primitive `id`, which is bound to `book`. */
void books_add(struct books *books, uint32_t id, const struct sr_tally *tally);

/* Money that comes by itself, in a category of the book's. */
void books_add_money(struct books *books, uint32_t book, uint32_t category, uint64_t cost, uint64_t savings);

/* A fold of samples since last_ns: which bounds are not exact for what it found? */
void books_note_fold(struct books *books, uint32_t book, const struct sr_fold *fold, uint64_t last_ns,
                     uint64_t now_ns);

/* Spans of (slot, book): begun - ended. Reserve first. */
__attribute__((warn_unused_result)) bool books_reserve_in_flight(struct books *books, uint32_t slot,
                                                                 uint32_t book);
void books_add_in_flight(struct books *books, uint32_t slot, uint32_t book, uint64_t difference);

/* The slot's process is dead and all of it is booked: what it had in flight is aborted, or ignored, as the agent that settles it was
 * told. The batch is empty before; the caller
 * adds the slot's FOLDED and commits. */
void books_abort_slot(struct books *books, uint32_t slot);

#endif
