/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of usage.h have in common. */
#ifndef AGENT_USAGE_PARTS_H
#define AGENT_USAGE_PARTS_H

#include "peer/meter.h"
#include "prices.h"
#include "usage.h"

/* An account of the ring segment. */
struct meter {
    struct sr_meter_name name;
    bool is_known;   /* looked at, once and for all */
    bool is_foreign; /* and found impossible */
    uint32_t next;   /* of the same primitive: 0, or 1 + its index */
    uint32_t account;
    struct sr_shared_marks folded; /* as last folded */
    uint64_t folded_ns;
    struct sr_shared_marks rested; /* as a period ago */
    uint64_t torn;
};

/* A durable account, as far as it pays to keep it in private memory. */
struct account {
    bool is_used;
    bool is_changed;   /* since it was published */
    bool has_category; /* `category` is asked for */
    bool is_quoted;    /* price, from_s and until_s say what the cards do */
    uint8_t category;  /* of its book */
    uint32_t book;
    uint32_t next;             /* of the same book: 0, or 1 + its index */
    uint32_t place;            /* that it was published with */
    const struct price *price; /* NULL: none */
    uint64_t quoted_s;         /* valid from here, when it was asked for, */
    uint64_t until_s;          /* to here */
};

#define NOTED_WORDS (SR_USAGE_MAX / 64u)

struct usage {
    struct meter *meters;     /* SR_USAGE_MAX */
    uint32_t *first;          /* SR_PRIMITIVE_MAX: 0, or 1 + its first meter */
    struct account *accounts; /* SR_USAGE_MAX */
    uint32_t *of_book;        /* SR_PRIMITIVE_MAX: 0, or 1 + the book's account that was made last */
    uint64_t noted[NOTED_WORDS];
    uint32_t noted_count;
    uint32_t known;        /* meters below it are known all, */
    uint32_t meter_high;   /* and from here on none is */
    uint32_t account_high; /* accounts from here on are unused, and not published */
    bool is_to_look;       /* there may be new ones */
    bool is_short;         /* said once: no room */
    bool is_impossible;    /* said once */
    uint32_t next;         /* account to be published */
    uint32_t used;
};

static inline uint64_t usage_get(const struct books *books, uint32_t account, uint32_t word)
{
    return sr_batch_get_settled(&books->durable->batch, SR_WORD(usage, account, word));
}

static inline void usage_set(struct books *books, uint32_t account, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, SR_WORD(usage, account, word), value);
}

/* Of `unit`, what waits for a price. */
static inline uint64_t usage_waiting(const struct books *books, uint32_t account, uint32_t unit)
{
    return usage_get(books, account, SR_USAGE_UNITS + unit) -
           usage_get(books, account, SR_USAGE_PRICED_UNITS + unit);
}

/* The account of a book and resource (zero-padded), made if need be, in the batch. USAGE_NO_ACCOUNT: none, for want of a page or of a place; then *out_is_full says which. */
uint32_t usage_account(struct books *books, uint32_t book, const char resource[64], bool *out_is_full);

#endif
