/* SPDX-License-Identifier: Apache-2.0 */
/* Messages into books: see checkpoint_book.h. */
#include <stdlib.h>
#include <string.h>

#include "agent/books/history.h"
#include "agent/books/history_parts.h"
#include "checkpoint_book.h"
#include "pure/exemplar.h"
#include "pure/sparse.h"

static const char damaged[] = "a book in it is impossible";

/* False: it is too long. */
static bool take_text(char *out, size_t room, const char *text)
{
    const size_t bytes = strlen(text);
    if (bytes >= room) {
        return false;
    }
    memset(out, 0, room);
    memcpy(out, text, bytes);
    return true;
}

static bool take_cells(uint64_t *out_cells, const ProtobufCBinaryData *packed)
{
    memset(out_cells, 0, SR_BUCKET_COUNT * sizeof out_cells[0]);
    return sr_sparse_add(out_cells, SR_BUCKET_COUNT, packed->data, packed->len);
}

static bool take_categories(struct saved_totals *totals, const Checkpoint__Book *message)
{
    memset(totals->categories, 0, sizeof totals->categories);
    if (message->n_categories > SLIPRING_CATEGORY_COUNT) {
        return false;
    }
    for (size_t i = 0; i < message->n_categories; i++) {
        struct saved_category *out = &totals->categories[i];
        out->cost = message->categories[i]->cost;
        out->savings = message->categories[i]->savings;
        if (!take_text(out->name, sizeof out->name, message->categories[i]->name)) {
            return false;
        }
    }
    return true;
}

static bool take_track(struct saved_track *out, const Checkpoint__Track *track)
{
    struct saved_mark mark = {0};
    if (track->n_at_ns > SR_TRACK_MARK_MAX || track->n_good != track->n_at_ns ||
        track->n_total != track->n_at_ns) {
        return false;
    }
    out->month = track->month;
    out->is_whole = track->is_whole;
    out->mark_count = (uint32_t)track->n_at_ns;
    for (uint32_t i = 0; i < out->mark_count; i++) {
        mark.at_ns += track->at_ns[i];
        mark.good += (uint64_t)track->good[i];
        mark.total += (uint64_t)track->total[i];
        out->marks[i] = mark;
    }
    return true;
}

static bool take_objective(struct saved_objective *out, const Checkpoint__Objective *message)
{
    if (!take_text(out->name, sizeof out->name, message->name) || message->n_tracks > SR_TRACK_MAX ||
        message->n_alerts_since > SLIPRING_ALERT_COUNT || message->kind == 0) {
        return false;
    }
    out->kind = message->kind;
    out->target_ppb = message->target_ppb;
    out->threshold_ns = message->threshold_ns;
    out->amount = message->amount;
    out->period_s = message->period_s;
    out->source = message->source;
    out->since_ns = message->since_ns;
    out->since_good = message->since_good;
    out->since_total = message->since_total;
    out->alerts = message->alerts;
    for (size_t i = 0; i < message->n_alerts_since; i++) {
        out->alert_since_wall_ns[i] = message->alerts_since[i]->since_wall_ns;
        out->incident[i] = message->alerts_since[i]->incident;
        out->incident_bad[i] = message->alerts_since[i]->incident_bad;
    }
    bool is_possible = true;
    for (size_t i = 0; i < message->n_tracks && is_possible; i++) {
        is_possible = take_track(&out->tracks[i], message->tracks[i]);
    }
    return is_possible;
}

static bool take_objectives(struct saved_totals *totals, const Checkpoint__Book *message)
{
    totals->objective_count = 0;
    if (message->n_objectives > SLIPRING_OBJECTIVE_COUNT) {
        return false;
    }
    for (size_t i = 0; i < message->n_objectives; i++) {
        struct saved_objective *out = &totals->objectives[totals->objective_count++];
        memset(out, 0, sizeof *out);
        if (!take_objective(out, message->objectives[i])) {
            return false;
        }
    }
    return true;
}

static bool take_open(struct saved_totals *totals, const Checkpoint__Open *open)
{
    if (open == NULL) {
        totals->open_ns = totals->open_count = totals->open_failures = totals->open_spilled = 0;
        totals->open_cost = totals->open_savings = 0;
        memset(totals->open_cells, 0, sizeof totals->open_cells);
        return true;
    }
    totals->open_ns = open->since_ns;
    totals->open_count = open->count;
    totals->open_failures = open->failures;
    totals->open_spilled = open->spilled;
    totals->open_cost = open->cost;
    totals->open_savings = open->savings;
    return take_cells(totals->open_cells, &open->cells);
}

static bool take_slice(struct saved_slice *out, const ProtobufCBinaryData *slice)
{
    uint64_t head[SR_SLICE_HEAD_WORDS];
    if (slice->len < sizeof head || slice->len > SR_WORDS_PER_slice * 8u) {
        return false;
    }
    memcpy(head, slice->data, sizeof head);
    out->bytes = (uint32_t)slice->len;
    out->data = slice->data;
    return head[SR_SLICE_START_NS] <= head[SR_SLICE_END_NS] && head[SR_SLICE_SCHEMA] >= SR_FINE_SCHEMA_MIN &&
           head[SR_SLICE_SCHEMA] <= SR_FINE_SCHEMA_MAX &&
           head[SR_SLICE_COARSE_BYTES] <= slice->len - sizeof head;
}

static bool take_windows(struct saved_windows *out, const Checkpoint__Book *message)
{
    out->tier_count = 0;
    if (message->n_tiers > SR_TIER_MAX) {
        return false;
    }
    for (size_t i = 0; i < message->n_tiers; i++) {
        const Checkpoint__Tier *tier = message->tiers[i];
        struct saved_tier *saved = &out->tiers[out->tier_count++];
        *saved = (struct saved_tier){.window_ns = tier->window_ns, .cover_ns = tier->cover_ns};
        if (tier->n_slices > SR_TIER_SLICE_MAX ||
            (tier->growing.len != 0 && !take_slice(&saved->growing, &tier->growing))) {
            return false;
        }
        for (size_t k = 0; k < tier->n_slices; k++) {
            if (!take_slice(&saved->slices[saved->slice_count++], &tier->slices[k])) {
                return false;
            }
        }
    }
    return true;
}

static bool take_exemplar(struct slipring_exemplar *out, const Checkpoint__Exemplar *exemplar)
{
    *out = (struct slipring_exemplar){.duration_ns = exemplar->duration_ns,
                                      .at_ns = exemplar->at_ns,
                                      .wall_ns = exemplar->wall_ns,
                                      .outcome = exemplar->outcome};
    if (exemplar->trace_id.len != sizeof out->trace_id || exemplar->span_id.len != sizeof out->span_id) {
        return false;
    }
    memcpy(out->trace_id, exemplar->trace_id.data, sizeof out->trace_id);
    memcpy(out->span_id, exemplar->span_id.data, sizeof out->span_id);
    return !sr_exemplar_is_none(out) && out->duration_ns <= SLIPRING_DURATION_MAX_NS &&
           (out->outcome == SLIPRING_SUCCESS || out->outcome == SLIPRING_FAILURE);
}

/* A file of an agent that did not keep them has none. */
static bool take_exemplars(struct saved_exemplars *out, const Checkpoint__Book *message)
{
    *out = (struct saved_exemplars){.slowest_count = 0};
    if (message->n_slowest > SLIPRING_EXEMPLAR_SLOWEST) {
        return false;
    }
    for (size_t i = 0; i < message->n_slowest; i++) {
        if (!take_exemplar(&out->slowest[out->slowest_count++], message->slowest[i])) {
            return false;
        }
    }
    return message->failing == NULL || take_exemplar(&out->failing, message->failing);
}

static bool take_totals(struct saved_totals *totals, const Checkpoint__Book *message)
{
    totals->count = message->count;
    totals->failures = message->failures;
    totals->aborted = message->aborted;
    totals->sum[0] = message->sum_low;
    totals->sum[1] = message->sum_high;
    totals->min_ns = message->min_ns;
    totals->max_ns = message->max_ns;
    totals->spilled = message->spilled;
    totals->clamped = message->clamped;
    totals->opened_ns = message->opened_ns;
    return message->name[0] != '\0' && take_text(totals->name, sizeof totals->name, message->name) &&
           take_text(totals->type, sizeof totals->type, message->type) &&
           take_cells(totals->cells, &message->cells) && take_categories(totals, message) &&
           take_objectives(totals, message) && take_open(totals, message->open);
}

bool checkpoint_unpack_book(struct checkpoint_unpacked *unpacked, const uint8_t *payload, size_t bytes,
                            const char **out_why)
{
    checkpoint_unpacked_free(unpacked);
    unpacked->message = checkpoint__book__unpack(NULL, bytes, payload);
    *out_why = damaged;
    if (unpacked->message == NULL) {
        return false;
    }
    unpacked->times.created_wall_ns = unpacked->message->created_wall_ns;
    unpacked->times.seen_ns = unpacked->message->seen_ns;
    return take_totals(&unpacked->totals, unpacked->message) &&
           take_windows(&unpacked->windows, unpacked->message) &&
           take_exemplars(&unpacked->windows.exemplars, unpacked->message);
}

void checkpoint_unpacked_free(struct checkpoint_unpacked *unpacked)
{
    if (unpacked->message != NULL) {
        checkpoint__book__free_unpacked(unpacked->message, NULL);
        unpacked->message = NULL;
    }
}

bool checkpoint_unpack_usage(struct checkpoint_usage *unpacked, const uint8_t *payload, size_t bytes,
                             const char **out_why)
{
    Checkpoint__Usage *message = checkpoint__usage__unpack(NULL, bytes, payload);
    struct saved_usage *out = &unpacked->usage;
    *out_why = "a usage account in it is impossible";
    *out = (struct saved_usage){.usages = 0};
    if (message == NULL) {
        return false;
    }
    const bool is_possible = take_text(unpacked->name, sizeof unpacked->name, message->name) &&
                             take_text(unpacked->type, sizeof unpacked->type, message->type) &&
                             take_text(out->resource, sizeof out->resource, message->resource) &&
                             message->n_units <= SLIPRING_UNIT_MAX && message->n_waiting <= SLIPRING_UNIT_MAX;
    out->usages = message->usages;
    out->unpriced = message->unpriced;
    out->cost = message->cost;
    out->cost_rest = message->cost_rest;
    out->savings = message->savings;
    out->savings_rest = message->savings_rest;
    for (size_t i = 0; i < message->n_units && is_possible; i++) {
        out->units[i] = message->units[i];
    }
    for (size_t i = 0; i < message->n_waiting && is_possible; i++) {
        out->waiting[i] = message->waiting[i];
    }
    checkpoint__usage__free_unpacked(message, NULL);
    return is_possible;
}

bool checkpoint_unpack_incidents(uint64_t *out_words, const uint8_t *payload, size_t bytes,
                                 const char **out_why)
{
    Checkpoint__Incidents *message = checkpoint__incidents__unpack(NULL, bytes, payload);
    *out_why = "its log of incidents is impossible";
    const bool is_possible = message != NULL && message->n_words <= SR_WORDS_PER_incident;
    memset(out_words, 0, SR_WORDS_PER_incident * sizeof out_words[0]);
    for (size_t i = 0; is_possible && i < message->n_words; i++) {
        out_words[i] = message->words[i];
    }
    if (message != NULL) {
        checkpoint__incidents__free_unpacked(message, NULL);
    }
    return is_possible;
}

/* --- merging -------------------------------------------------------------------------------------------------------------- */

/* The marks of the full file before those of the recent one, whose counts go on from it; the last MARKS of all. */
static void merge_track(struct saved_track *recent, const struct saved_track *full, uint64_t more_good,
                        uint64_t more_total)
{
    struct saved_mark all[2 * SR_TRACK_MARK_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < full->mark_count; i++) {
        all[count] = full->marks[i];
        all[count].good += more_good;
        all[count].total += more_total;
        count++;
    }
    const uint64_t last_ns = count > 0 ? all[count - 1].at_ns : 0;
    for (uint32_t i = 0; i < recent->mark_count; i++) {
        if (recent->marks[i].at_ns > last_ns) {
            all[count++] = recent->marks[i];
        }
    }
    const uint32_t first = count > MARKS ? count - MARKS : 0;
    recent->is_whole = recent->is_whole && first == 0;
    recent->mark_count = count - first;
    memcpy(recent->marks, all + first, recent->mark_count * sizeof all[0]);
}

static bool is_same_objective(const struct saved_objective *one, const struct saved_objective *other)
{
    return one->kind == other->kind && one->threshold_ns == other->threshold_ns &&
           one->since_ns == other->since_ns && strcmp(one->name, other->name) == 0;
}

static void merge_objective(struct saved_objective *recent, const struct saved_totals *full)
{
    for (uint32_t i = 0; i < full->objective_count; i++) {
        const struct saved_objective *former = &full->objectives[i];
        if (!is_same_objective(recent, former)) {
            continue;
        }
        for (uint32_t track = 0; track < HISTORY_PERIOD; track++) {
            merge_track(&recent->tracks[track], &former->tracks[track],
                        recent->since_good - former->since_good, recent->since_total - former->since_total);
        }
        return;
    }
}

bool checkpoint_merge(struct checkpoint_unpacked *recent, const struct checkpoint_unpacked *full)
{
    if (full == NULL || full->times.created_wall_ns != recent->times.created_wall_ns) {
        saved_catch_up(&recent->totals, NULL, 0);
        return false;
    }
    saved_catch_up(&recent->totals, &full->totals, full->times.seen_ns);
    for (uint32_t i = 0; i < recent->totals.objective_count; i++) {
        merge_objective(&recent->totals.objectives[i], &full->totals);
    }
    return true;
}
