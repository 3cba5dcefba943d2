/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives and their tracks, out of the words and back: see saved.h. Cumulative counts are saved as differences to the present ones, and
 * restored relative to a book that begins at 0. */
#include <string.h>

#include "binding.h"
#include "history.h"
#include "history_parts.h"
#include "saved.h"

static uint64_t get(const struct books *books, uint32_t word)
{
    return sr_batch_get_settled(&books->durable->batch, word);
}

static void set(struct books *books, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, word, value);
}

/* --- out ------------------------------------------------------------------------------------------------------------------- */

struct counts {
    uint64_t good;
    uint64_t total;
};

static void take_track(const struct books *books, uint32_t book, uint32_t i, uint32_t track,
                       const struct counts *now, struct saved_track *out)
{
    const uint64_t next = get(books, track_word(book, i, track, SR_TRACK_NEXT));
    const uint64_t first = first_live(get(books, track_word(book, i, track, SR_TRACK_FIRST)), next);
    out->month = get(books, track_word(book, i, track, SR_TRACK_MONTH));
    out->is_whole = first == 0;
    out->mark_count = 0;
    for (uint64_t number = first; number < next; number++) {
        const uint32_t word = mark_word(book, i, track, number);
        out->marks[out->mark_count++] =
            (struct saved_mark){.at_ns = get(books, word + SR_MARK_AT_NS),
                                .good = now->good - get(books, word + SR_MARK_GOOD),
                                .total = now->total - get(books, word + SR_MARK_TOTAL)};
    }
}

static void take_alerts(const struct books *books, uint32_t book, uint32_t i, uint64_t bad,
                        struct saved_objective *out)
{
    out->alerts = get(books, objective_word(book, i, SR_OBJECTIVE_ALERTS));
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        out->alert_since_wall_ns[pair] =
            get(books, objective_word(book, i, SR_OBJECTIVE_ALERT_SINCE_NS + pair));
        out->incident[pair] = get(books, objective_word(book, i, SR_OBJECTIVE_INCIDENT + pair));
        out->incident_bad[pair] = bad - get(books, objective_word(book, i, SR_OBJECTIVE_INCIDENT_BAD + pair));
    }
}

void saved_take_objective(const struct books *books, uint32_t book, uint32_t i, struct saved_objective *out)
{
    struct counts now = {0};
    history_now(books, book, i, &now.good, &now.total);
    binding_read_text(books, objective_word(book, i, SR_OBJECTIVE_NAME), out->name, sizeof out->name);
    out->kind = (uint32_t)get(books, objective_word(book, i, SR_OBJECTIVE_KIND));
    out->target_ppb = (uint32_t)get(books, objective_word(book, i, SR_OBJECTIVE_TARGET_PPB));
    out->threshold_ns = get(books, objective_word(book, i, SR_OBJECTIVE_THRESHOLD_NS));
    out->period_s = get(books, objective_word(book, i, SR_OBJECTIVE_PERIOD_S));
    out->amount = get(books, objective_word(book, i, SR_OBJECTIVE_AMOUNT));
    out->source = (uint32_t)get(books, objective_word(book, i, SR_OBJECTIVE_SOURCE));
    out->since_ns = get(books, objective_word(book, i, SR_OBJECTIVE_SINCE_NS));
    out->since_good = now.good - get(books, objective_word(book, i, SR_OBJECTIVE_SINCE_GOOD));
    out->since_total = now.total - get(books, objective_word(book, i, SR_OBJECTIVE_SINCE_TOTAL));
    take_alerts(books, book, i, now.total - now.good, out);
    for (uint32_t track = 0; track < SR_TRACK_MAX; track++) {
        take_track(books, book, i, track, &now, &out->tracks[track]);
    }
}

/* --- back ------------------------------------------------------------------------------------------------------------------ */

static void restore_track(struct books *books, uint32_t book, uint32_t i, uint32_t track,
                          const struct saved_track *saved, uint64_t shift_ns)
{
    const uint64_t first = saved->is_whole ? 0 : 1; /* 0 says that none was dropped before */
    const uint32_t count = saved->mark_count < MARKS ? saved->mark_count : MARKS;
    for (uint32_t k = 0; k < count; k++) {
        const struct saved_mark *mark = &saved->marks[k];
        const uint64_t words[SR_TRACK_MARK_WORDS] = {mark->at_ns + shift_ns, 0 - mark->good, 0 - mark->total};
        sr_words_write_unreferenced(&books->durable->words, mark_word(book, i, track, first + k),
                                    SR_TRACK_MARK_WORDS, words);
    }
    set(books, track_word(book, i, track, SR_TRACK_FIRST), first);
    set(books, track_word(book, i, track, SR_TRACK_NEXT), first + count);
    set(books, track_word(book, i, track, SR_TRACK_MONTH), saved->month);
}

static void restore_alerts(struct books *books, uint32_t book, uint32_t i,
                           const struct saved_objective *objective)
{
    set(books, objective_word(book, i, SR_OBJECTIVE_ALERTS), objective->alerts);
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        set(books, objective_word(book, i, SR_OBJECTIVE_ALERT_SINCE_NS + pair),
            objective->alert_since_wall_ns[pair]);
        set(books, objective_word(book, i, SR_OBJECTIVE_INCIDENT + pair), objective->incident[pair]);
        set(books, objective_word(book, i, SR_OBJECTIVE_INCIDENT_BAD + pair),
            0 - objective->incident_bad[pair]);
    }
}

bool saved_restore_objective(struct books *books, uint32_t book, uint32_t i,
                             const struct saved_objective *objective, uint64_t shift_ns)
{
    if (!books_reserve(books, track_word(book, i, 0, 0), SR_TRACK_MAX * SR_TRACK_WORDS)) {
        return false;
    }
    binding_write_text(books, objective_word(book, i, SR_OBJECTIVE_NAME), objective->name,
                       sizeof objective->name);
    set(books, objective_word(book, i, SR_OBJECTIVE_KIND), objective->kind);
    set(books, objective_word(book, i, SR_OBJECTIVE_TARGET_PPB), objective->target_ppb);
    set(books, objective_word(book, i, SR_OBJECTIVE_THRESHOLD_NS), objective->threshold_ns);
    set(books, objective_word(book, i, SR_OBJECTIVE_PERIOD_S), objective->period_s);
    set(books, objective_word(book, i, SR_OBJECTIVE_AMOUNT), objective->amount);
    set(books, objective_word(book, i, SR_OBJECTIVE_SOURCE), objective->source);
    set(books, objective_word(book, i, SR_OBJECTIVE_SINCE_NS), objective->since_ns + shift_ns);
    set(books, objective_word(book, i, SR_OBJECTIVE_SINCE_GOOD), 0 - objective->since_good);
    set(books, objective_word(book, i, SR_OBJECTIVE_SINCE_TOTAL), 0 - objective->since_total);
    restore_alerts(books, book, i, objective);
    for (uint32_t track = 0; track < SR_TRACK_MAX; track++) {
        restore_track(books, book, i, track, &objective->tracks[track], shift_ns);
    }
    return true;
}
