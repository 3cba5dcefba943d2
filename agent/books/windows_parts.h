/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of windows.h and shelf.h have in common. */
#ifndef AGENT_WINDOWS_PARTS_H
#define AGENT_WINDOWS_PARTS_H

#include "shelf.h"

/* Durable words, which are settled as a rule: no batch is open while windows are read. */
static inline uint64_t get(const struct books *books, uint32_t word)
{
    return sr_batch_get_settled(&books->durable->batch, word);
}

static inline void set(struct books *books, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, word, value);
}

static inline uint32_t tier_word(uint32_t book, uint32_t tier, uint32_t word)
{
    return SR_WORD(window, book, tier * SR_TIER_WORDS + word);
}

/* Were the book's tiers ever written? Until then they are as the options say, complete since the book was opened. */
bool windows_are_set_up(const struct books *books, uint32_t book);

/* What the book grew by since its base, as a part that ends at end_ns. */
void windows_read_open(const struct books *books, uint32_t book, uint64_t end_ns, struct part *out_part);

/* Close the open part as of end_ns, or the growing slice of a tier, and what gets long enough by that, or `all`. Without pages or memory for
 * it, it stays as it is. The batch is empty before and after. */
void windows_close_open(struct books *books, uint32_t book, uint64_t end_ns, bool all);
void windows_close_growing(struct books *books, uint32_t book, uint32_t tier, bool all);

#endif
