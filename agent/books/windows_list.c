/* SPDX-License-Identifier: Apache-2.0 */
/* Which windows a book keeps: taking up what the last agent left, and another list or schema. See windows.h. */
#include <stdlib.h>
#include <string.h>

#include "shelf.h"
#include "windows.h"
#include "windows_parts.h"

static bool has_these_windows(const struct books *books, uint32_t index)
{
    bool is_same = true;
    for (uint32_t tier = 0; tier < SR_TIER_MAX && is_same; tier++) {
        const uint64_t want = tier < books->options->window_count ? books->options->window_ns[tier] : 0;
        is_same = get(books, tier_word(index, tier, SR_TIER_WINDOW_NS)) == want;
    }
    return is_same;
}

/* Everything open and growing goes into slices: then no tier needs another one's. False: not now. */
static bool settle_all(struct books *books, uint32_t index, const struct agent_options *former)
{
    const struct agent_options *options = books->options;
    books->options = former;
    if (books->book[index].open_ns != 0 && books->seen_ns > books->book[index].open_ns) {
        windows_close_open(books, index, books->seen_ns, true);
    }
    bool is_settled = books->book[index].open_ns == 0 || books->seen_ns <= books->book[index].open_ns;
    for (uint32_t tier = 1; tier < former->window_count && is_settled; tier++) {
        if (shelf_tier(books, index, tier).growing != 0) {
            windows_close_growing(books, index, tier, true);
        }
        is_settled = shelf_tier(books, index, tier).growing == 0;
    }
    books->options = options;
    return is_settled;
}

/* One commit: tiers whose length stays keep what they have, the others begin empty. */
static void rearrange(struct books *books, uint32_t index)
{
    uint64_t old[SR_TIER_MAX * SR_TIER_WORDS];
    sr_words_read(&books->durable->words, tier_word(index, 0, 0), SR_TIER_MAX * SR_TIER_WORDS, old);
    for (uint32_t tier = 0; tier < SR_TIER_MAX; tier++) {
        const uint64_t want = tier < books->options->window_count ? books->options->window_ns[tier] : 0;
        uint64_t fresh[SR_TIER_WORDS] = {[SR_TIER_WINDOW_NS] = want, [SR_TIER_COVER_NS] = books->seen_ns};
        const uint64_t *from = fresh;
        for (uint32_t i = 0; i < SR_TIER_MAX && want != 0; i++) {
            from = old[i * SR_TIER_WORDS + SR_TIER_WINDOW_NS] == want ? &old[i * SR_TIER_WORDS] : from;
        }
        for (uint32_t word = 0; word < SR_TIER_WORDS; word++) {
            set(books, tier_word(index, tier, word), from[word]);
        }
    }
    books_commit(books);
    shelf_drop(books->windows->shelf[index]);
    books->windows->shelf[index] = NULL;
}

/* The windows that the book has. */
static struct agent_options former_windows(const struct books *books, uint32_t index)
{
    struct agent_options former = *books->options;
    for (former.window_count = 0; former.window_count < SR_TIER_MAX; former.window_count++) {
        const uint64_t window_ns = get(books, tier_word(index, former.window_count, SR_TIER_WINDOW_NS));
        if (window_ns == 0) {
            break;
        }
        former.window_ns[former.window_count] = window_ns;
    }
    return former;
}

enum slipring_status windows_open(struct books *books)
{
    struct windows *windows = calloc(1, sizeof *windows);
    books->windows = windows;
    if (!windows || sr_fine_parts(books->options->schema) == 1) {
        return windows ? SLIPRING_OK : SLIPRING_NO_MEMORY;
    }
    uint64_t **const arrays[] = {&windows->part.fine, &windows->other.fine, &windows->sum.fine,
                                 &windows->fine_base};
    bool is_whole = true;
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(arrays); i++) {
        *arrays[i] = calloc(SR_FINE_COUNT_MAX, sizeof(uint64_t));
        is_whole = is_whole && *arrays[i];
    }
    return is_whole ? SLIPRING_OK : SLIPRING_NO_MEMORY;
}

void windows_close(struct books *books)
{
    struct windows *windows = books->windows;
    for (uint32_t index = 0; windows && index < SR_PRIMITIVE_MAX; index++) {
        shelf_drop(windows->shelf[index]);
    }
    if (windows) {
        free(windows->part.fine);
        free(windows->other.fine);
        free(windows->sum.fine);
        free(windows->fine_base);
    }
    free(windows);
    books->windows = NULL;
}

/* Parts are counted in one schema: those of another one are forgotten. Without the journal, for a kill in between leaves the schema to say
 * so again. */
static void take_up_parts(struct books *books, uint32_t index)
{
    const uint32_t schema_word = SR_WORD(fine, index, SR_FINE_SCHEMA);
    const uint64_t schema = get(books, schema_word);
    if (schema != 0 && schema != books->options->schema && sr_fine_parts(books->options->schema) > 1) {
        sr_words_clear(&books->durable->words, SR_WORD(fine, index, 0), SR_FINE_SCHEMA);
        set(books, schema_word, books->options->schema);
        books_commit(books);
    }
}

void windows_take_up_book(struct books *books, uint32_t index)
{
    if (!books->book[index].is_used) {
        return;
    }
    books_note_change(books, index);
    take_up_parts(books, index);
    if (windows_are_set_up(books, index) && shelf_of(books, index) && !has_these_windows(books, index)) {
        const struct agent_options former = former_windows(books, index);
        if (settle_all(books, index, &former)) {
            rearrange(books, index);
        }
    }
}

void windows_take_up(struct books *books)
{
    for (uint32_t index = 0; index < books->high; index++) {
        windows_take_up_book(books, index);
    }
}
