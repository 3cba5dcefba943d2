/* SPDX-License-Identifier: Apache-2.0 */
/* Books into messages: see checkpoint_book.h. */
#include <stdlib.h>
#include <string.h>

#include "agent/books/binding.h"
#include "agent/books/history.h"
#include "checkpoint_book.h"
#include "checkpoint_file.h"
#include "pure/exemplar.h"
#include "pure/sparse.h"

struct packed_track {
    uint64_t at_ns[SR_TRACK_MARK_MAX];
    int64_t good[SR_TRACK_MARK_MAX];
    int64_t total[SR_TRACK_MARK_MAX];
};

/* An objective's messages and what they point to. */
struct packed_objective {
    Checkpoint__Objective message;
    Checkpoint__Alert alert[SLIPRING_ALERT_COUNT];
    Checkpoint__Alert *alerts[SLIPRING_ALERT_COUNT];
    Checkpoint__Track track[SR_TRACK_MAX];
    Checkpoint__Track *tracks[SR_TRACK_MAX];
    struct packed_track marks[SR_TRACK_MAX];
};

struct packed_tier {
    Checkpoint__Tier message;
    ProtobufCBinaryData slices[SR_TIER_SLICE_MAX];
};

struct checkpoint_packer {
    struct saved_totals totals;
    struct saved_windows windows;
    Checkpoint__Category category[SLIPRING_CATEGORY_COUNT];
    Checkpoint__Category *categories[SLIPRING_CATEGORY_COUNT];
    struct packed_objective objective[SLIPRING_OBJECTIVE_COUNT];
    Checkpoint__Objective *objectives[SLIPRING_OBJECTIVE_COUNT];
    struct packed_tier tier[SR_TIER_MAX];
    Checkpoint__Tier *tiers[SR_TIER_MAX];
    Checkpoint__Exemplar exemplar[SLIPRING_EXEMPLAR_SLOWEST + 1]; /* the failing one last */
    Checkpoint__Exemplar *slowest[SLIPRING_EXEMPLAR_SLOWEST];
    Checkpoint__Open open;
    uint8_t cells[SR_BUCKET_COUNT * SR_SPARSE_ENTRY_MAX];
    uint8_t open_cells[SR_BUCKET_COUNT * SR_SPARSE_ENTRY_MAX];
    char name[136], type[64];
    uint64_t words[SR_WORDS_PER_incident];
};

struct checkpoint_packer *checkpoint_packer_new(void)
{
    return calloc(1, sizeof(struct checkpoint_packer));
}

void checkpoint_packer_free(struct checkpoint_packer *packer)
{
    free(packer);
}

static ProtobufCBinaryData pack_cells(const uint64_t *cells, const struct book *book, uint8_t *out)
{
    return (ProtobufCBinaryData){.len = sr_sparse_pack(cells, book->low, book->high, out), .data = out};
}

static void pack_categories(struct checkpoint_packer *packer, Checkpoint__Book *message)
{
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        struct saved_category *saved = &packer->totals.categories[i];
        Checkpoint__Category *category = &packer->category[i];
        checkpoint__category__init(category);
        category->name = saved->name;
        category->cost = saved->cost;
        category->savings = saved->savings;
        packer->categories[i] = category;
        if (saved->name[0] != '\0' || saved->cost != 0 || saved->savings != 0) {
            message->n_categories = i + 1;
        }
    }
    message->categories = packer->categories;
}

/* Differences from one mark to the next. */
static void pack_track(const struct saved_track *saved, uint64_t since_ns, Checkpoint__Track *track,
                       struct packed_track *out)
{
    struct saved_mark before = {0};
    size_t count = 0;
    for (uint32_t i = 0; i < saved->mark_count; i++) {
        const struct saved_mark *mark = &saved->marks[i];
        if (mark->at_ns < since_ns) {
            continue;
        }
        out->at_ns[count] = mark->at_ns - before.at_ns;
        out->good[count] = (int64_t)(mark->good - before.good);
        out->total[count] = (int64_t)(mark->total - before.total);
        before = *mark;
        count++;
    }
    checkpoint__track__init(track);
    track->month = saved->month;
    track->is_whole = saved->is_whole;
    track->n_at_ns = track->n_good = track->n_total = count;
    track->at_ns = out->at_ns;
    track->good = out->good;
    track->total = out->total;
}

static void pack_objective(struct saved_objective *saved, uint64_t since_ns, struct packed_objective *out)
{
    Checkpoint__Objective *message = &out->message;
    checkpoint__objective__init(message);
    message->name = saved->name;
    message->kind = saved->kind;
    message->target_ppb = saved->target_ppb;
    message->threshold_ns = saved->threshold_ns;
    message->amount = saved->amount;
    message->period_s = saved->period_s;
    message->source = saved->source;
    message->since_ns = saved->since_ns;
    message->since_good = saved->since_good;
    message->since_total = saved->since_total;
    message->alerts = saved->alerts;
    for (uint32_t i = 0; i < SLIPRING_ALERT_COUNT; i++) {
        checkpoint__alert__init(&out->alert[i]);
        out->alert[i].since_wall_ns = saved->alert_since_wall_ns[i];
        out->alert[i].incident = saved->incident[i];
        out->alert[i].incident_bad = saved->incident_bad[i];
        out->alerts[i] = &out->alert[i];
    }
    message->n_alerts_since = SLIPRING_ALERT_COUNT;
    message->alerts_since = out->alerts;
    for (uint32_t i = 0; i < SR_TRACK_MAX; i++) {
        pack_track(&saved->tracks[i], i == HISTORY_PERIOD ? 0 : since_ns, &out->track[i], &out->marks[i]);
        out->tracks[i] = &out->track[i];
    }
    message->n_tracks = SR_TRACK_MAX;
    message->tracks = out->tracks;
}

static ProtobufCBinaryData pack_slice(const struct saved_slice *slice)
{
    return (ProtobufCBinaryData){.len = slice->bytes, .data = (uint8_t *)(uintptr_t)slice->data};
}

static void pack_windows(struct checkpoint_packer *packer, Checkpoint__Book *message)
{
    for (uint32_t i = 0; i < packer->windows.tier_count; i++) {
        const struct saved_tier *saved = &packer->windows.tiers[i];
        struct packed_tier *out = &packer->tier[i];
        checkpoint__tier__init(&out->message);
        out->message.window_ns = saved->window_ns;
        out->message.cover_ns = saved->cover_ns;
        for (uint32_t k = 0; k < saved->slice_count; k++) {
            out->slices[k] = pack_slice(&saved->slices[k]);
        }
        out->message.n_slices = saved->slice_count;
        out->message.slices = out->slices;
        out->message.growing = pack_slice(&saved->growing);
        packer->tiers[i] = &out->message;
    }
    message->n_tiers = packer->windows.tier_count;
    message->tiers = packer->tiers;
}

static void pack_exemplar(struct slipring_exemplar *kept, Checkpoint__Exemplar *out)
{
    checkpoint__exemplar__init(out);
    out->trace_id = (ProtobufCBinaryData){.len = sizeof kept->trace_id, .data = kept->trace_id};
    out->span_id = (ProtobufCBinaryData){.len = sizeof kept->span_id, .data = kept->span_id};
    out->duration_ns = kept->duration_ns;
    out->at_ns = kept->at_ns;
    out->wall_ns = kept->wall_ns;
    out->outcome = (uint32_t)kept->outcome;
}

static void pack_exemplars(struct checkpoint_packer *packer, Checkpoint__Book *message)
{
    struct saved_exemplars *saved = &packer->windows.exemplars;
    for (uint32_t i = 0; i < saved->slowest_count; i++) {
        pack_exemplar(&saved->slowest[i], &packer->exemplar[i]);
        packer->slowest[i] = &packer->exemplar[i];
    }
    message->n_slowest = saved->slowest_count;
    message->slowest = packer->slowest;
    if (!sr_exemplar_is_none(&saved->failing)) {
        pack_exemplar(&saved->failing, &packer->exemplar[SLIPRING_EXEMPLAR_SLOWEST]);
        message->failing = &packer->exemplar[SLIPRING_EXEMPLAR_SLOWEST];
    }
}

static void pack_open(struct checkpoint_packer *packer, const struct book *book, Checkpoint__Book *message)
{
    const struct saved_totals *totals = &packer->totals;
    if (totals->open_ns == 0) {
        return;
    }
    Checkpoint__Open *open = &packer->open;
    checkpoint__open__init(open);
    open->since_ns = totals->open_ns;
    open->count = totals->open_count;
    open->failures = totals->open_failures;
    open->spilled = totals->open_spilled;
    open->cost = totals->open_cost;
    open->savings = totals->open_savings;
    open->cells = pack_cells(totals->open_cells, book, packer->open_cells);
    message->open = open;
}

void checkpoint_pack_book(struct checkpoint_packer *packer, const struct books *books, uint32_t book,
                          uint64_t since_ns, struct buffer *text)
{
    Checkpoint__Book message;
    struct saved_totals *totals = &packer->totals;
    checkpoint__book__init(&message);
    saved_take_totals(books, book, totals);
    message.name = totals->name;
    message.type = totals->type;
    message.created_wall_ns =
        sr_words_get(&books->durable->words, SR_WORD(book, book, SR_BOOK_CREATED_WALL_NS));
    message.seen_ns = books->seen_ns;
    message.count = totals->count;
    message.failures = totals->failures;
    message.aborted = totals->aborted;
    message.sum_low = totals->sum[0];
    message.sum_high = totals->sum[1];
    message.min_ns = totals->min_ns;
    message.max_ns = totals->max_ns;
    message.spilled = totals->spilled;
    message.clamped = totals->clamped;
    message.opened_ns = totals->opened_ns;
    message.cells = pack_cells(totals->cells, &books->book[book], packer->cells);
    pack_categories(packer, &message);
    for (uint32_t i = 0; i < totals->objective_count; i++) {
        pack_objective(&totals->objectives[i], since_ns, &packer->objective[i]);
        packer->objectives[i] = &packer->objective[i].message;
    }
    message.n_objectives = totals->objective_count;
    message.objectives = packer->objectives;
    if (since_ns == 0) {
        saved_take_windows(books, book, &packer->windows);
        pack_windows(packer, &message);
        pack_exemplars(packer, &message);
        pack_open(packer, &books->book[book], &message);
    }
    checkpoint_file_add(text, CHECKPOINT_BOOK, &message.base);
}

void checkpoint_pack_usage(struct checkpoint_packer *packer, const struct books *books, uint32_t book,
                           const struct saved_usage *usage, struct buffer *text)
{
    struct saved_usage it = *usage;
    Checkpoint__Usage message;
    checkpoint__usage__init(&message);
    binding_read_text(books, SR_WORD(book, book, SR_BOOK_NAME), packer->name, sizeof packer->name);
    binding_read_text(books, SR_WORD(book, book, SR_BOOK_TYPE), packer->type, sizeof packer->type);
    message.name = packer->name;
    message.type = packer->type;
    message.resource = it.resource;
    message.usages = it.usages;
    message.unpriced = it.unpriced;
    message.cost = it.cost;
    message.cost_rest = it.cost_rest;
    message.savings = it.savings;
    message.savings_rest = it.savings_rest;
    message.n_units = message.n_waiting = SLIPRING_UNIT_MAX;
    message.units = it.units;
    message.waiting = it.waiting;
    checkpoint_file_add(text, CHECKPOINT_USAGE, &message.base);
}

void checkpoint_pack_incidents(struct checkpoint_packer *packer, const struct books *books,
                               struct buffer *text)
{
    Checkpoint__Incidents message;
    checkpoint__incidents__init(&message);
    saved_take_incidents(books, packer->words);
    message.n_words = SR_WORDS_PER_incident;
    while (message.n_words > 0 && packer->words[message.n_words - 1] == 0) {
        message.n_words--;
    }
    message.words = packer->words;
    if (message.n_words > 0) {
        checkpoint_file_add(text, CHECKPOINT_INCIDENTS, &message.base);
    }
}
