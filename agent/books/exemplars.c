/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping and publishing exemplars: see exemplars.h. */
#include "exemplars.h"

#include <string.h>

#include "extras.h"
#include "peer/clock.h"
#include "peer/drain.h"
#include "pure/exemplar.h"
#include "windows_parts.h"

#define WORDS (sizeof(struct slipring_exemplars) / 8)

/* The struct as the words have it: what stands in the batch counts. */
struct kept {
    struct slipring_exemplars now;
    uint64_t before[WORDS];
};
_Static_assert(WORDS <= SR_WORDS_PER_exemplar, "an item holds it");

static bool has_page(const struct books *books, uint32_t book)
{
    return sr_words_exist(&books->durable->words, SR_WORD(exemplar, book, 0));
}

static void read_words(const struct books *books, uint32_t book, struct kept *out_kept)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        out_kept->before[i] = get(books, SR_WORD(exemplar, book, i));
    }
    memcpy(&out_kept->now, out_kept->before, sizeof out_kept->now);
}

/* The words that changed, to the batch. */
static void write_words(struct books *books, uint32_t book, const struct kept *kept)
{
    uint64_t after[WORDS];
    memcpy(after, &kept->now, sizeof after);
    for (uint32_t i = 0; i < WORDS; i++) {
        if (after[i] != kept->before[i]) {
            set(books, SR_WORD(exemplar, book, i), after[i]);
        }
    }
    books->book[book].has_exemplar_news = true;
    books_note_change(books, book);
}

/* --- buckets --------------------------------------------------------------------------------------------------------------- */

struct le {
    uint32_t count;
    uint64_t ns[SR_BOUND_LIST_MAX];
};
_Static_assert(SR_BOUND_LIST_MAX + 1 == SLIPRING_EXEMPLAR_BUCKETS, "a bucket for each bound, and +Inf");

static void read_le(const struct books *books, uint32_t book, struct le *out_le)
{
    const struct sr_tally_bounds *bounds = &books->book[book].bounds;
    out_le->count = 0;
    for (uint32_t i = 0; i < bounds->count && out_le->count < SR_BOUND_LIST_MAX; i++) {
        if (get(books, SR_WORD(book, book, SR_BOOK_BOUNDS + i * SR_BOUND_WORDS + SR_BOUND_IS_LE)) != 0) {
            out_le->ns[out_le->count++] = bounds->ns[i];
        }
    }
}

static bool is_of(const struct slipring_exemplars *kept, const struct le *le)
{
    bool is_same = kept->bucket_count == le->count + 1;
    for (uint32_t i = 0; is_same && i < le->count; i++) {
        is_same = kept->bucket_slowest[i].bound_ns == le->ns[i];
    }
    return is_same;
}

static void keep_slowest(struct slipring_exemplars *kept, const struct le *le,
                         const struct slipring_exemplar *one)
{
    sr_exemplar_keep_slowest(&kept->bucket_slowest[sr_exemplar_bucket(le->ns, le->count, one->duration_ns)],
                             one);
}

static void keep_failing(struct slipring_exemplars *kept, const struct le *le,
                         const struct slipring_exemplar *one)
{
    sr_exemplar_keep_newest(&kept->failing, one);
    sr_exemplar_keep_newest(&kept->bucket_failing[sr_exemplar_bucket(le->ns, le->count, one->duration_ns)],
                            one);
}

/* G4: the buckets are those of `le` from now on. */
static void rebuild(struct slipring_exemplars *kept, const struct le *le)
{
    const struct slipring_exemplars old = *kept;
    memset(kept->bucket_slowest, 0, sizeof kept->bucket_slowest);
    memset(kept->bucket_failing, 0, sizeof kept->bucket_failing);
    kept->bucket_count = le->count + 1;
    for (uint32_t i = 0; i <= le->count; i++) {
        kept->bucket_slowest[i].bound_ns = kept->bucket_failing[i].bound_ns =
            i < le->count ? le->ns[i] : UINT64_MAX;
    }
    for (uint32_t i = 0; i < old.bucket_count && i < SLIPRING_EXEMPLAR_BUCKETS; i++) {
        if (!sr_exemplar_is_none(&old.bucket_slowest[i])) {
            keep_slowest(kept, le, &old.bucket_slowest[i]);
        }
        if (!sr_exemplar_is_none(&old.bucket_failing[i])) {
            keep_failing(kept, le, &old.bucket_failing[i]);
        }
    }
}

void exemplars_follow_bounds(struct books *books, uint32_t book)
{
    struct kept kept;
    struct le le;
    if (!has_page(books, book)) {
        return;
    }
    read_words(books, book, &kept);
    read_le(books, book, &le);
    if (kept.now.bucket_count != 0 && !is_of(&kept.now, &le)) {
        rebuild(&kept.now, &le);
        write_words(books, book, &kept);
    }
}

/* --- keeping --------------------------------------------------------------------------------------------------------------- */

void exemplars_reserve(struct books *books, uint32_t book)
{
    /* a refusal is logged and counted there: whoever reads that there is no room for the books knows why nothing is kept */
    (void)!books_reserve(books, SR_WORD(exemplar, book, 0), SR_WORDS_PER_exemplar);
}

/* G3, and what the producer does not know. */
static struct slipring_exemplar dated(const struct books *books, const struct slipring_exemplar *one,
                                      uint64_t now_ns)
{
    struct slipring_exemplar exemplar = *one;
    const bool is_moment = one->at_ns > SR_CLOCK_BASE_NS && one->at_ns <= now_ns;
    exemplar.at_ns = is_moment ? one->at_ns : now_ns;
    const uint64_t ago_ns = now_ns - exemplar.at_ns;
    exemplar.wall_ns = books->wall_ns > ago_ns ? books->wall_ns - ago_ns : 0;
    return exemplar;
}

static void add(const struct books *books, const struct sr_trace_tally *traces, const struct le *le,
                uint64_t now_ns, struct slipring_exemplars *kept)
{
    uint32_t count = kept->slowest_count < SLIPRING_EXEMPLAR_SLOWEST ? (uint32_t)kept->slowest_count
                                                                     : SLIPRING_EXEMPLAR_SLOWEST;
    for (uint32_t i = 0; i < traces->slowest_count; i++) {
        const struct slipring_exemplar one = dated(books, &traces->slowest[i], now_ns);
        count = sr_exemplar_step(kept->slowest, count, &one);
    }
    memset(kept->slowest + count, 0, (SLIPRING_EXEMPLAR_SLOWEST - count) * sizeof kept->slowest[0]);
    kept->slowest_count = count;
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(traces->bucket_slowest); i++) {
        if (!sr_exemplar_is_none(&traces->bucket_slowest[i])) {
            const struct slipring_exemplar one = dated(books, &traces->bucket_slowest[i], now_ns);
            keep_slowest(kept, le, &one);
        }
        if (!sr_exemplar_is_none(&traces->bucket_failing[i])) {
            const struct slipring_exemplar one = dated(books, &traces->bucket_failing[i], now_ns);
            keep_failing(kept, le, &one);
        }
    }
}

void exemplars_add(struct books *books, uint32_t book, const struct sr_trace_tally *traces, uint64_t now_ns)
{
    struct kept kept;
    struct le le;
    if (!has_page(books, book)) {
        return;
    }
    read_words(books, book, &kept);
    read_le(books, book, &le);
    if (!is_of(&kept.now, &le)) {
        rebuild(&kept.now, &le);
    }
    add(books, traces, &le, now_ns, &kept.now);
    write_words(books, book, &kept);
}

void exemplars_reset(struct books *books, uint32_t book)
{
    struct kept kept;
    if (has_page(books, book)) {
        read_words(books, book, &kept);
        memset(&kept.now, 0, sizeof kept.now);
        write_words(books, book, &kept);
    }
}

/* --- over a boot ----------------------------------------------------------------------------------------------------------- */

void exemplars_take(const struct books *books, uint32_t book, struct saved_exemplars *out)
{
    struct kept kept;
    *out = (struct saved_exemplars){.slowest_count = 0};
    if (!has_page(books, book)) {
        return;
    }
    read_words(books, book, &kept);
    if (!sr_exemplars_make_sound(&kept.now)) {
        return;
    }
    out->slowest_count = (uint32_t)kept.now.slowest_count;
    memcpy(out->slowest, kept.now.slowest, out->slowest_count * sizeof out->slowest[0]);
    out->failing = kept.now.failing;
}

static struct slipring_exemplar shifted(const struct slipring_exemplar *one, uint64_t shift_ns)
{
    struct slipring_exemplar exemplar = *one;
    exemplar.at_ns += shift_ns;
    exemplar.bound_ns = 0;
    return exemplar;
}

void exemplars_restore(struct books *books, uint32_t book, const struct saved_exemplars *saved,
                       uint64_t shift_ns)
{
    struct kept kept;
    uint32_t count = 0;
    if (saved->slowest_count == 0) {
        return;
    }
    exemplars_reserve(books, book);
    if (!has_page(books, book)) {
        return;
    }
    read_words(books, book, &kept);
    memset(&kept.now, 0, sizeof kept.now);
    for (uint32_t i = 0; i < saved->slowest_count && i < SLIPRING_EXEMPLAR_SLOWEST; i++) {
        const struct slipring_exemplar one = shifted(&saved->slowest[i], shift_ns);
        count = sr_exemplar_step(kept.now.slowest, count, &one);
    }
    kept.now.slowest_count = count;
    if (!sr_exemplar_is_none(&saved->failing)) {
        kept.now.failing = shifted(&saved->failing, shift_ns);
    }
    write_words(books, book, &kept);
}

/* --- publishing ------------------------------------------------------------------------------------------------------------ */

void exemplars_publish(struct books *books, uint32_t index, uint64_t now_ns)
{
    struct book *book = &books->book[index];
    struct kept kept;
    if (!book->has_exemplar_news) {
        return;
    }
    if (!sr_books_has(books->durable, SR_OPTIONAL_EXEMPLARS, book->place) && !has_page(books, index)) {
        book->has_exemplar_news = false;
        return;
    }
    if (!extras_reserve(books, EXTRA_EXEMPLARS, book->place, now_ns)) {
        return; /* there is news still: asked again, at rest, too */
    }
    SR_CRASHPOINT(publish_before_exemplars);
    read_words(books, index, &kept);
    sr_books_publish_exemplars(books->durable, book->place, &kept.now);
    book->has_exemplar_news = false;
}
