/* SPDX-License-Identifier: Apache-2.0 */
/* Books from files: see checkpoint_read.h. */
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "checkpoint_source.h"

#define YEAR_NS UINT64_C(31536000000000000) /* longer than anything looks back */

/* A book that was restored: accounts of usage ask for it. */
struct restored_book {
    uint64_t hash;
    uint32_t book;
    bool is_anew; /* it began anew after the full file: accounts there are none of its own */
};

struct restoring {
    const struct checkpoint_folder *folder;
    struct books *books;
    struct checkpoint_source full;
    struct checkpoint_source recent; /* look SOUND: it counts */
    struct restored_book *restored;  /* SR_PRIMITIVE_MAX */
    uint32_t count;
    uint64_t shift_ns;
    uint64_t failures;
    enum slipring_status failure; /* the last one */
};

/* --- one by one ----------------------------------------------------------------------------------------------------------- */

static void note(struct restoring *it, enum slipring_status status)
{
    if (status != SLIPRING_OK) {
        it->failures++;
        it->failure = status;
    }
}

static void restore_book(struct restoring *it, const struct saved_totals *totals,
                         const struct saved_windows *windows, bool is_anew)
{
    const struct sr_words *words = &it->books->durable->words;
    const enum slipring_status status = saved_restore(it->books, totals, windows, it->shift_ns);
    SR_CRASHPOINT(checkpoint_restoring);
    note(it, status);
    if (status == SLIPRING_OK && it->count < SR_PRIMITIVE_MAX) {
        it->restored[it->count++] = (struct restored_book){
            .hash = checkpoint_hash(totals->name, totals->type, ""),
            .book = (uint32_t)sr_words_get(words, SR_WORD(store, 0, SR_STORE_BOOK_HIGH)) - 1,
            .is_anew = is_anew};
    }
}

static int compare(const void *one, const void *other)
{
    const struct restored_book *a = one, *b = other;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

/* NULL: its book could not be restored. Two names of one hash, of 2^64, would share accounts. */
static const struct restored_book *find_book(const struct restoring *it, const struct checkpoint_usage *usage)
{
    const struct restored_book key = {.hash = checkpoint_hash(usage->name, usage->type, "")};
    return bsearch(&key, it->restored, it->count, sizeof key, compare);
}

static void restore_usage(struct restoring *it, const struct restored_book *book,
                          const struct checkpoint_usage *usage)
{
    note(it, usage_restore(it->books, book->book, &usage->usage));
    books_commit(it->books);
}

/* --- all ------------------------------------------------------------------------------------------------------------------ */

static bool has_recent(const struct restoring *it)
{
    return it->recent.look == CHECKPOINT_SOUND;
}

static void restore_books(struct restoring *it)
{
    struct checkpoint_unpacked *full = &it->full.book, *recent = &it->recent.book;
    for (enum checkpoint_record kind; (kind = checkpoint_source_next(&it->full)) != CHECKPOINT_TAIL;) {
        if (kind != CHECKPOINT_BOOK) {
            continue;
        }
        if (!has_recent(it) ||
            !checkpoint_source_find(&it->recent, full->totals.name, full->totals.type, "")) {
            restore_book(it, &full->totals, &full->windows, false);
            continue;
        }
        const bool goes_on = checkpoint_merge(recent, full);
        restore_book(it, &recent->totals, goes_on ? &full->windows : NULL, !goes_on);
    }
    if (!has_recent(it) || !checkpoint_source_rewind(&it->recent)) {
        return;
    }
    for (enum checkpoint_record kind; (kind = checkpoint_source_next(&it->recent)) != CHECKPOINT_TAIL;) {
        if (kind == CHECKPOINT_BOOK && !checkpoint_source_was_used(&it->recent)) {
            (void)checkpoint_merge(recent, NULL);
            restore_book(it, &recent->totals, NULL, true);
        }
    }
}

/* Of each account what is newest. */
static void restore_usages(struct restoring *it)
{
    qsort(it->restored, it->count, sizeof it->restored[0], compare);
    if (!checkpoint_source_rewind(&it->full)) {
        return;
    }
    for (enum checkpoint_record kind; (kind = checkpoint_source_next(&it->full)) != CHECKPOINT_TAIL;) {
        const struct checkpoint_usage *usage = &it->full.usage;
        const struct restored_book *book = kind == CHECKPOINT_USAGE ? find_book(it, usage) : NULL;
        if (book == NULL || book->is_anew) {
            continue;
        }
        if (has_recent(it) &&
            checkpoint_source_find(&it->recent, usage->name, usage->type, usage->usage.resource)) {
            usage = &it->recent.usage;
        }
        restore_usage(it, book, usage);
    }
    if (!has_recent(it) || !checkpoint_source_rewind(&it->recent)) {
        return;
    }
    for (enum checkpoint_record kind; (kind = checkpoint_source_next(&it->recent)) != CHECKPOINT_TAIL;) {
        const struct checkpoint_usage *usage = &it->recent.usage;
        const struct restored_book *book = kind == CHECKPOINT_USAGE ? find_book(it, usage) : NULL;
        if (book != NULL && !checkpoint_source_was_used(&it->recent)) {
            restore_usage(it, book, usage);
        }
    }
}

/* What is added to every moment: by the wall clocks, so long ago is what was when the newest file was taken. */
static uint64_t shift_of(const struct checkpoint_identity *newest, uint64_t now_ns, uint64_t wall_ns)
{
    uint64_t elapsed_ns = wall_ns - newest->wall_ns;
    if (wall_ns < newest->wall_ns) {
        log_event(
            LOG_WARNING,
            log_what(
                "the wall clock was set back since the checkpoint: windows go on as if no time had passed"),
            log_number("seconds", (newest->wall_ns - wall_ns) / UINT64_C(1000000000)));
        elapsed_ns = 0;
    }
    elapsed_ns = elapsed_ns < YEAR_NS ? elapsed_ns : YEAR_NS;
    return now_ns - elapsed_ns - newest->now_ns;
}

static void keep_aside(struct restoring *it, enum checkpoint_kind kind, uint64_t wall_ns, const char *why,
                       struct checkpoint_restored *out)
{
    out->refused++;
    (void)checkpoint_folder_refuse(it->folder, kind, wall_ns, why);
}

static void restore_all(struct restoring *it, uint64_t now_ns, uint64_t wall_ns,
                        struct checkpoint_restored *out)
{
    const struct checkpoint_source *newest = has_recent(it) ? &it->recent : &it->full;
    it->shift_ns = shift_of(&newest->identity, now_ns, wall_ns);
    saved_begin(it->books);
    if (checkpoint_source_rewind(&it->full)) {
        restore_books(it);
        restore_usages(it);
    }
    if (it->full.has_failed || it->recent.has_failed) {
        note(it, SLIPRING_SYSTEM); /* it could be read a moment ago */
    }
    const struct checkpoint_source *last = newest->has_incidents ? newest : &it->full;
    if (last->has_incidents && !saved_restore_incidents(it->books, last->incidents)) {
        note(it, SLIPRING_NO_SPACE);
    }
    saved_finish(it->books, newest->identity.wall_ns, newest->identity.seen_ns + it->shift_ns);
    out->wall_ns = newest->identity.wall_ns;
    out->books = it->count;
    log_event(LOG_INFO, log_what("books restored from a checkpoint"), log_text("folder", it->folder->path),
              log_number("books", it->count),
              log_number("seconds_old",
                         wall_ns > out->wall_ns ? (wall_ns - out->wall_ns) / UINT64_C(1000000000) : 0));
    if (it->failures != 0) {
        log_event(LOG_ERROR, log_what("not all of a checkpoint could be restored"),
                  log_number("failures", it->failures), log_text("why", slipring_status_text(it->failure)));
        keep_aside(it, CHECKPOINT_FULL, wall_ns, "not all of it could be restored", out);
        if (has_recent(it)) {
            keep_aside(it, CHECKPOINT_RECENT, wall_ns, "not all of it could be restored", out);
        }
    }
}

/* Files that cannot be used are kept aside; a recent one that belongs to another full one is void. */
static void judge(struct restoring *it, bool may_restore, uint64_t wall_ns, struct checkpoint_restored *out)
{
    const struct checkpoint_identity *full = &it->full.identity, *recent = &it->recent.identity;
    if (it->full.look == CHECKPOINT_UNSOUND) {
        keep_aside(it, CHECKPOINT_FULL, wall_ns, it->full.why, out);
    }
    if (it->recent.look == CHECKPOINT_UNSOUND) {
        keep_aside(it, CHECKPOINT_RECENT, wall_ns, it->recent.why, out);
    } else if (has_recent(it) && it->full.look != CHECKPOINT_SOUND) {
        if (may_restore) {
            keep_aside(it, CHECKPOINT_RECENT, wall_ns, "the full one that it belongs to is not there", out);
        }
        it->recent.look = CHECKPOINT_UNSOUND;
    } else if (has_recent(it) &&
               (recent->sequence != full->sequence || recent->full_wall_ns != full->full_wall_ns)) {
        it->recent.look = CHECKPOINT_UNSOUND; /* an agent was killed before it could remove it */
    }
}

void checkpoint_restore(const struct checkpoint_folder *folder, struct books *books, uint64_t now_ns,
                        uint64_t wall_ns, struct checkpoint_restored *out_restored)
{
    struct restoring *it = calloc(1, sizeof *it);
    *out_restored = (struct checkpoint_restored){.is_short = true};
    if (it == NULL) {
        return;
    }
    it->folder = folder;
    it->books = books;
    it->full.fd = it->recent.fd = -1;
    it->restored = calloc(SR_PRIMITIVE_MAX, sizeof it->restored[0]);
    if (it->restored != NULL) {
        const bool may_restore = saved_may_restore(books);
        out_restored->is_short = false;
        checkpoint_source_open(&it->full, folder, CHECKPOINT_FULL);
        checkpoint_source_open(&it->recent, folder, CHECKPOINT_RECENT);
        out_restored->sequence = it->full.identity.sequence > it->recent.identity.sequence
                                     ? it->full.identity.sequence
                                     : it->recent.identity.sequence;
        out_restored->is_short = it->full.file.is_short || it->recent.file.is_short;
        if (!out_restored->is_short) { /* else sound files would be kept aside */
            judge(it, may_restore, wall_ns, out_restored);
        }
        if (!out_restored->is_short && may_restore && it->full.look == CHECKPOINT_SOUND) {
            restore_all(it, now_ns, wall_ns, out_restored);
        }
    }
    checkpoint_source_close(&it->full);
    checkpoint_source_close(&it->recent);
    free(it->restored);
    free(it);
}
