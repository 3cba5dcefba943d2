/* SPDX-License-Identifier: Apache-2.0 */
/* One ring, one shared spill, one span table: see intake.h. */
#include "intake.h"

#include <stdlib.h>
#include <string.h>

#include "agent/books/binding.h"
#include "agent/books/exemplars.h"
#include "agent/books/usage.h"
#include "agent/log.h"
#include "peer/census.h"

/* --- opening ------------------------------------------------------------------------------------------------------------ */

static uint64_t ring_word(const struct intake *intake, uint32_t ring, enum sr_ring_word word)
{
    return sr_words_get(&intake->books->durable->words, SR_WORD(ring, ring, word));
}

static void take_up_ring(struct intake *intake, uint32_t ring)
{
    struct intake_ring *own = &intake->ring[ring];
    own->life = ring_word(intake, ring, SR_RING_LIFE);
    own->head = ring_word(intake, ring, SR_RING_HEAD);
    own->begun = ring_word(intake, ring, SR_RING_BEGUN);
    own->fold_ns = ring_word(intake, ring, SR_RING_FOLD_NS);
    own->clock_ns = ring_word(intake, ring, SR_RING_CLOCK_NS);
    own->spill_base = (uint32_t)ring_word(intake, ring, SR_RING_SPILL_BASE);
    own->has_copy = ring_word(intake, ring, SR_RING_HAS_COPY) != 0;
    const uint64_t primitive = ring_word(intake, ring, SR_RING_PRIMITIVE);
    own->primitive = primitive >= 1 && primitive <= SR_PRIMITIVE_MAX ? (uint32_t)(primitive - 1) : 0;
    intake->quarantined += sr_state_of(sr_drain_state(intake->rings, ring)) == SR_RING_QUARANTINED;
    if (sr_drain_is_reserved(intake->rings, ring)) {
        sr_drain_publish_head(intake->rings, ring, own->head);
    }
}

enum slipring_status intake_open(struct books *books, struct intake **out_intake)
{
    struct intake *intake = calloc(1, sizeof *intake);
    if (!intake) {
        return SLIPRING_NO_MEMORY;
    }
    intake->books = books;
    intake->rings = books->rings;
    intake->ring = calloc(SR_RING_MAX, sizeof intake->ring[0]);
    const uint32_t schema = books->options->schema;
    const bool has_parts = sr_fine_parts(schema) > 1;
    intake->tally.fine = has_parts ? calloc(1, sizeof *intake->tally.fine) : NULL;
    intake->tally.traces = calloc(1, sizeof *intake->tally.traces);
    if (!intake->ring || !intake->tally.traces || (has_parts && !intake->tally.fine)) {
        intake_close(intake);
        return SLIPRING_NO_MEMORY;
    }
    if (has_parts) {
        intake->tally.fine->schema = schema;
    }
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        take_up_ring(intake, ring);
    }
    intake->oldest_ns = UINT64_MAX;
    *out_intake = intake;
    return SLIPRING_OK;
}

void intake_close(struct intake *intake)
{
    if (intake) {
        free(intake->ring);
        free(intake->tally.fine);
        free(intake->tally.traces);
    }
    free(intake);
}

/* --- quarantine --------------------------------------------------------------------------------------------------------- */

/* Whose it was, as far as that can be told. */
static void name_quarantined(const struct intake *intake, uint32_t ring, const struct sr_ring_sight *sight,
                             const char *why, uint64_t left)
{
    const uint32_t index = intake->books->primitive[intake->ring[ring].primitive].book;
    char name[136] = "";
    struct sr_slot_sight slot = {.pid = 0};
    if (index != BOOK_NONE && sr_life_generation(intake->ring[ring].life) == sight->generation) {
        binding_read_text(intake->books, SR_WORD(book, index, SR_BOOK_NAME), name, sizeof name);
    }
    if (sight->slot < SR_SLOT_MAX && !sr_census_look(intake->rings, sight->slot, &slot)) {
        slot.pid = 0;
    }
    log_event(LOG_WARNING, log_what("ring quarantined"), log_number("ring", ring),
              log_text("primitive", name), log_number("pid", slot.pid), log_number("slot", sight->slot),
              log_text("why", why), log_number("samples_left", left));
}

/* Samples that it and its block hold, as far as that can be told. */
static uint64_t samples_left(struct intake *intake, uint32_t ring, const struct sr_ring_sight *sight,
                             uint64_t now_ns)
{
    const struct intake_ring *own = &intake->ring[ring];
    const uint64_t words = sight->line.tail - own->head;
    /* a clock that was set back allows a second's worth, not everything */
    const uint64_t elapsed = now_ns > own->fold_ns ? sr_fold_elapsed(now_ns, own->fold_ns) : 0;
    sr_drain_read_spill(intake->rings, ring, own->spill_base, &intake->books->durable->words, &intake->fold);
    return sr_drain_count(intake->rings, ring, own->head, words < sight->words ? words : sight->words) +
           sr_fold_left(&intake->fold, sr_fold_most(elapsed));
}

/* False: not now, for what is left could not be counted. */
static bool quarantine(struct intake *intake, uint32_t ring, const struct sr_ring_sight *sight,
                       const char *why, uint64_t now_ns)
{
    if (!books_reserve(intake->books, SR_WORD(ring, ring, 0), SR_WORDS_PER_ring)) {
        return false;
    }
    struct intake_ring *own = &intake->ring[ring];
    struct sr_batch *batch = &intake->books->durable->batch;
    const uint64_t left = samples_left(intake, ring, sight, now_ns);
    own->life = sr_life(sight->generation, sight->slot, SR_PHASE_QUARANTINED);
    own->news_ns = 0;
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_LIFE), own->life);
    sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_QUARANTINED), left);
    books_commit(intake->books);
    uint64_t word = sight->word;
    for (int tries = 0; tries < 8 && !sr_drain_change_state(intake->rings, ring, word, SR_RING_QUARANTINED);
         tries++) {
        word = sr_drain_state(intake->rings, ring); /* its owner released it meanwhile */
    }
    intake->quarantined++;
    name_quarantined(intake, ring, sight, why, left);
    return true;
}

/* --- one ring ----------------------------------------------------------------------------------------------------------- */

static enum sr_ring_phase phase_of(const struct intake_ring *own, const struct sr_ring_sight *sight)
{
    const bool is_same = sr_life_generation(own->life) == sight->generation;
    return is_same ? sr_life_phase(own->life) : SR_PHASE_NONE;
}

/* A life of the ring that was not met yet. NULL, or why it is impossible. */
static const char *adopt(struct intake *intake, uint32_t ring, const struct sr_ring_sight *sight)
{
    struct intake_ring *own = &intake->ring[ring];
    struct sr_ring_claim claim;
    if (!sr_drain_claim(intake->rings, ring, sight, &claim)) {
        return "its owner or primitive is none";
    }
    own->life = sr_life(sight->generation, sight->slot, SR_PHASE_LIVE);
    own->clock_ns = SR_CLOCK_NEVER;
    own->primitive = claim.primitive;
    own->spill_base = claim.spill_base;
    return NULL;
}

/* What one look found beyond what was booked. */
struct finding {
    uint64_t words; /* of samples, that this visit takes */
    uint64_t begun;
    bool is_folded; /* intake->fold has something, or may have */
    bool is_whole;  /* and it was no update's middle */
};

/* Fill tally and fold. NULL, or why it is impossible. */
static const char *find(struct intake *intake, uint32_t ring, const struct sr_ring_sight *sight,
                        enum intake_wish wish, uint64_t now_ns, struct finding *out_finding)
{
    struct intake_ring *own = &intake->ring[ring];
    const struct sr_tally_bounds *bounds =
        &intake->books->book[intake->books->primitive[own->primitive].book].bounds;
    const uint64_t most_grown = sr_fold_most(sr_fold_elapsed(now_ns, own->fold_ns));
    *out_finding =
        (struct finding){.words = sight->line.tail - own->head, .begun = sight->line.begun - own->begun};
    sr_tally_clear(&intake->tally);
    if (out_finding->words > sight->words) {
        return "its tail ran away";
    }
    const uint64_t most =
        wish == INTAKE_LIVE && out_finding->words > INTAKE_WORDS ? INTAKE_WORDS : out_finding->words;
    intake->tally.clock_ns = own->clock_ns;
    out_finding->words =
        sr_drain_samples(intake->rings, ring, own->head, most, out_finding->words, bounds, &intake->tally);
    const bool is_news = sight->line.redo_key != own->folded_key;
    if (is_news || (wish == INTAKE_FINAL && own->has_copy)) {
        sr_drain_read_spill(intake->rings, ring, own->spill_base, &intake->books->durable->words,
                            &intake->fold);
        if (!sr_fold_tally(&intake->fold, most_grown, bounds, &intake->tally)) {
            return "its spilled counts ran backwards";
        }
        out_finding->is_folded = true;
        out_finding->begun = sr_drain_begun(intake->rings, ring) - own->begun; /* after the ends just read */
        out_finding->is_whole = sr_drain_spill_is_whole(intake->rings, ring, &intake->fold, &sight->line);
    }
    return out_finding->begun > most_grown ? "its count of begun spans ran away" : NULL;
}

/* Pages of the copy that are going to change. */
static bool reserve_copy(struct books *books, const struct sr_fold *fold)
{
    for (uint32_t first = 0; first < fold->words; first += SR_WORDS_PER_PAGE) {
        if (memcmp(fold->now + first, fold->copy + first, SR_WORDS_PER_PAGE * sizeof fold->now[0]) != 0 &&
            !books_reserve(books, fold->first_copy + first, SR_WORDS_PER_PAGE)) {
            return false;
        }
    }
    return true;
}

static bool reserve(struct intake *intake, uint32_t ring, const struct intake_ring *own,
                    const struct finding *finding)
{
    struct books *books = intake->books;
    const uint32_t book = books->primitive[own->primitive].book;
    return books_reserve(books, SR_WORD(ring, ring, 0), SR_WORDS_PER_ring) &&
           books_reserve_tally(books, book, &intake->tally) &&
           books_reserve_in_flight(books, sr_life_slot(own->life), book) &&
           (!finding->is_folded || reserve_copy(books, &intake->fold));
}

static void write_ring_words(struct intake *intake, uint32_t ring, const struct intake_ring *own)
{
    struct sr_batch *batch = &intake->books->durable->batch;
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_LIFE), own->life);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_HEAD), own->head);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_BEGUN), own->begun);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_PRIMITIVE), (uint64_t)own->primitive + 1);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_SPILL_BASE), own->spill_base);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_FOLD_NS), own->fold_ns);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_HAS_COPY), own->has_copy);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_RETIRED), 0);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_CLOCK_NS), own->clock_ns);
}

/* A visit at now_ns saw samples up to `tail`: once those are taken, what waits is younger than that. */
static void note_passed(struct intake_ring *own, uint64_t tail, uint64_t now_ns)
{
    if (own->head == tail) {
        own->passed_ns = now_ns;
        own->news_ns = 0;
    } else if ((int64_t)(own->head - own->mark) >= 0) {
        own->passed_ns = own->mark_ns > own->passed_ns ? own->mark_ns : own->passed_ns;
        own->mark = tail;
        own->mark_ns = now_ns;
    }
}

uint64_t intake_waiting_since(const struct intake_ring *own)
{
    return own->passed_ns > own->news_ns ? own->passed_ns : own->news_ns;
}

/* All pages are there: book what was found. */
static void book(struct intake *intake, uint32_t ring, const struct sr_ring_sight *sight,
                 const struct finding *finding, uint64_t now_ns)
{
    struct books *books = intake->books;
    struct intake_ring *own = &intake->ring[ring];
    const uint32_t index = books->primitive[own->primitive].book;
    books_add(books, own->primitive, &intake->tally);
    if (SR_UNLIKELY(intake->tally.traced != 0)) {
        exemplars_add(books, index, intake->tally.traces, now_ns);
    }
    books_add_in_flight(books, sr_life_slot(own->life), index, finding->begun - intake->tally.ended);
    if (finding->is_folded) {
        books_note_fold(books, index, &intake->fold, own->fold_ns, now_ns);
        sr_fold_book(&intake->fold, &books->durable->batch);
        own->has_copy = true;
        if (sr_life_phase(own->life) == SR_PHASE_FOLDED) {
            sr_fold_book_wiped(&intake->fold, &books->durable->batch); /* the reaper wipes before FREE */
        }
    }
    own->was_spilling = intake->tally.spilled != 0;
    own->head += finding->words;
    note_passed(own, sight->line.tail, now_ns);
    own->begun += finding->begun;
    own->clock_ns = intake->tally.clock_ns;
    own->fold_ns = now_ns;
    own->batch = books->durable->batch.commits;
    write_ring_words(intake, ring, own);
    const struct sr_ring_visit visit = {
        .visited_ns = now_ns, .waiting_ns = intake_waiting_since(own), .mark_ns = own->clock_ns};
    books_note_visit(books, ring, own->head, &visit);
    if (intake->tally.oldest_ns != 0 && intake->tally.oldest_ns < intake->oldest_ns) {
        intake->oldest_ns = intake->tally.oldest_ns;
    }
}

/* The ring's line now holds nothing that was not taken, unless there was more than a visit's worth, or its spill was found in the
 * middle of an update: then the next look shall find it changed. */
static void note_seen(struct intake *intake, uint32_t ring, const struct sr_ring_sight *sight,
                      const struct finding *finding)
{
    struct intake_ring *own = &intake->ring[ring];
    struct sr_ring_seen line = sight->line;
    line.tail = own->head;
    line.begun = own->begun;
    if (finding->is_folded && finding->is_whole) {
        own->folded_key = line.redo_key;
    } else if (finding->is_folded) {
        line.redo_key = ~line.redo_key;
    }
    sr_drain_note_seen(intake->rings, ring, &line);
}

/* The book that the ring's samples go to. False: none, now or ever; then *out_why says so, NULL for now. */
static bool find_book(struct intake *intake, const struct intake_ring *own, uint64_t now_ns,
                      const char **out_why)
{
    uint32_t slot = 0;
    *out_why = NULL;
    if (binding_find(intake->books, own->primitive, now_ns) != BOOK_NONE) {
        binding_update(intake->books, own->primitive, now_ns);
        return true;
    }
    if (sr_catalog_state(intake->rings, own->primitive, &slot) != SR_REGISTRY_READY) {
        *out_why = "its primitive is not registered";
    }
    return false;
}

bool intake_take_ring(struct intake *intake, uint32_t ring, const struct sr_ring_sight *sight,
                      enum intake_wish wish, uint64_t now_ns)
{
    struct intake_ring *own = &intake->ring[ring];
    const enum sr_ring_phase phase = phase_of(own, sight);
    if (phase == SR_PHASE_FOLDED || phase == SR_PHASE_QUARANTINED) {
        if (phase == SR_PHASE_QUARANTINED) {
            /* Its owner gave it back, not knowing: nobody shall claim it. Changed meanwhile: the next look is soon. */
            (void)!sr_drain_change_state(intake->rings, ring, sight->word, SR_RING_QUARANTINED);
        }
        sr_drain_note_seen(intake->rings, ring, &sight->line);
        own->news_ns = 0; /* nor does it wait: it is left behind */
        return true;
    }
    books_make_room(intake->books);
    if (own->batch == intake->books->durable->batch.commits && own->visited_ns != 0) {
        books_commit(intake->books); /* its copy is read from words that are committed */
    }
    own->visited_ns = now_ns;
    const char *why = phase == SR_PHASE_NONE ? adopt(intake, ring, sight) : NULL;
    if (!why && !find_book(intake, own, now_ns, &why) && !why) {
        return false;
    }
    struct finding finding = {.words = 0};
    if (!why) {
        why = find(intake, ring, sight, wish, now_ns, &finding);
    }
    if (why) {
        return quarantine(intake, ring, sight, why, now_ns);
    }
    if (!reserve(intake, ring, own, &finding)) {
        return false;
    }
    if (SR_UNLIKELY(intake->tally.traced != 0)) {
        exemplars_reserve(intake->books, intake->books->primitive[own->primitive].book);
    }
    if (wish == INTAKE_FINAL) {
        own->life = sr_life(sight->generation, sight->slot, SR_PHASE_FOLDED);
    }
    book(intake, ring, sight, &finding, now_ns);
    note_seen(intake, ring, sight, &finding);
    return true;
}

void intake_wipe_ring(struct intake *intake, uint32_t ring)
{
    sr_drain_wipe(intake->rings, ring);
    intake->ring[ring].folded_key = 0; /* as the redo record says now, or nearly so */
    sr_drain_forget_seen(intake->rings, ring);
}

/* --- giving pages back ---------------------------------------------------------------------------------------------------- */

bool intake_forget_block(struct intake *intake, uint32_t ring)
{
    struct intake_ring *own = &intake->ring[ring];
    struct sr_batch *batch = &intake->books->durable->batch;
    const struct sr_words *words = &intake->books->durable->words;
    uint32_t count = 0;
    const uint32_t first = sr_drain_copy_words(ring, &count);
    books_make_room(intake->books);
    if (!books_reserve(intake->books, SR_WORD(ring, ring, 0), SR_WORDS_PER_ring)) {
        return false;
    }
    own->folded_key = 0;
    own->was_spilling = false;
    if (sr_batch_get(batch, SR_WORD(ring, ring, SR_RING_RETIRED)) ==
        0) { /* else an agent was killed after this */
        sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_RETIRED), 1);
        sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_RETIRED_RINGS), 1);
    }
    if (!own->has_copy) {
        return true;
    }
    /* Before the cells in the list of pairs, and so applied before them: a looker-on reads the copies, then this (audit.h). */
    sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_RETIRED_SPILLED), sr_drain_copied(words, ring));
    for (uint32_t word = first; word < first + count; word++) {
        if (sr_words_get(words, word) != 0) {
            sr_batch_set(batch, word, 0);
        }
    }
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_HAS_COPY), 0);
    own->has_copy = false;
    return true;
}

void intake_return_copy(struct intake *intake, uint32_t ring)
{
    uint32_t count = 0;
    const uint32_t first = sr_drain_copy_words(ring, &count);
    (void)sr_words_return(&intake->books->durable->words, first, count); /* pages that stay are zeros */
}

/* --- shared spills ------------------------------------------------------------------------------------------------------ */

bool intake_take_shared(struct intake *intake, uint32_t id, bool again, uint64_t now_ns)
{
    struct books *books = intake->books;
    struct primitive *primitive = &books->primitive[id];
    const struct sr_shared_marks marks = sr_catalog_shared_marks(intake->rings, id);
    const bool is_same = marks.enter == primitive->shared.enter && marks.exit == primitive->shared.exit;
    if (primitive->book == BOOK_NONE || (is_same && !(again && marks.enter != marks.exit))) {
        return is_same;
    }
    books_commit(books); /* the copy is read from committed words, and the unit has room */
    binding_update(books, id, now_ns);
    const struct sr_tally_bounds *bounds = &books->book[primitive->book].bounds;
    sr_tally_clear(&intake->tally);
    sr_catalog_read_shared(intake->rings, id, &books->durable->words, &intake->fold);
    const bool is_possible =
        sr_fold_tally(&intake->fold, sr_fold_most(sr_fold_elapsed(now_ns, primitive->shared_folded_ns)),
                      bounds, &intake->tally);
    if (!is_possible) {
        sr_tally_clear(&intake->tally);
        log_event(LOG_WARNING, log_what("impossible counts in a shared spill, left out"),
                  log_number("primitive", id));
    }
    if (!reserve_copy(books, &intake->fold) || !books_reserve_tally(books, primitive->book, &intake->tally)) {
        return false; /* the marks stay as they were: the next look comes here again */
    }
    if (is_possible) {
        books_add(books, id, &intake->tally);
        books_note_fold(books, primitive->book, &intake->fold, primitive->shared_folded_ns, now_ns);
    } else { /* the copy follows what no book has */
        sr_batch_add(&books->durable->batch, SR_WORD(store, 0, SR_STORE_FORMER_SPILLED),
                     -sr_fold_executions(&intake->fold));
    }
    sr_fold_book(&intake->fold, &books->durable->batch);
    primitive->shared = marks;
    primitive->shared_folded_ns = now_ns;
    return true;
}

/* --- span tables -------------------------------------------------------------------------------------------------------- */

static uint32_t span_word(uint32_t slot, uint32_t entry, uint32_t field)
{
    return SR_WORD(slot, slot, SR_SLOT_SPANS + entry * 3 + field);
}

/* One entry of the table. False: not now. */
static bool take_span(struct intake *intake, uint32_t slot, uint32_t entry, const struct sr_span_sight *span,
                      uint64_t now_ns)
{
    struct books *books = intake->books;
    struct sr_batch *batch = &books->durable->batch;
    books_make_room(books);
    const bool is_known = sr_batch_get(batch, span_word(slot, entry, 0)) == span->key;
    const uint64_t begun = span->begun - (is_known ? sr_batch_get(batch, span_word(slot, entry, 1)) : 0);
    const uint64_t ended = span->ended - (is_known ? sr_batch_get(batch, span_word(slot, entry, 2)) : 0);
    if (begun == 0 && ended == 0) {
        return true;
    }
    const uint32_t book = binding_find(books, (uint32_t)span->key - 1, now_ns);
    if (book == BOOK_NONE) {
        return !books->durable->words.is_refused; /* without a page: later. For no primitive: never */
    }
    if (!books_reserve_in_flight(books, slot, book)) {
        return false;
    }
    const uint64_t most = sr_fold_most(sr_fold_elapsed(now_ns, 0));
    if (begun <= most &&
        ended <= most) { /* else the table is not what its protocol makes of it: booked as seen */
        books_add_in_flight(books, slot, book, begun - ended);
    }
    sr_batch_set(batch, span_word(slot, entry, 0), span->key);
    sr_batch_set(batch, span_word(slot, entry, 1), span->begun);
    sr_batch_set(batch, span_word(slot, entry, 2), span->ended);
    return true;
}

bool intake_take_spans(struct intake *intake, uint32_t slot, uint64_t now_ns)
{
    struct books *books = intake->books;
    struct sr_batch *batch = &books->durable->batch;
    struct sr_slot_sight sight;
    if (!sr_census_look(intake->rings, slot, &sight)) {
        return true;
    }
    books_make_room(books);
    if (!books_reserve(books, SR_WORD(slot, slot, 0), SR_WORDS_PER_slot)) {
        return false;
    }
    const uint32_t life_word = SR_WORD(slot, slot, SR_SLOT_LIFE);
    if (sr_life_generation(sr_batch_get(batch, life_word)) != sight.generation) {
        sr_batch_set(batch, life_word, sr_life(sight.generation, 0, SR_PHASE_LIVE));
    } else if (sr_life_phase(sr_batch_get(batch, life_word)) == SR_PHASE_FOLDED) {
        return true;
    }
    const uint64_t unattributed =
        sight.unattributed - sr_batch_get(batch, SR_WORD(slot, slot, SR_SLOT_UNATTRIBUTED));
    if (unattributed != 0) {
        if (unattributed <= sr_fold_most(sr_fold_elapsed(now_ns, 0))) {
            sr_batch_add(batch, SR_WORD(store, 0, SR_STORE_UNATTRIBUTED), unattributed);
        }
        sr_batch_set(batch, SR_WORD(slot, slot, SR_SLOT_UNATTRIBUTED), sight.unattributed);
    }
    bool is_done = true;
    for (uint32_t i = 0; i < SR_SPAN_TABLE_COUNT && sight.spans[i].key != 0; i++) {
        is_done &= take_span(intake, slot, i, &sight.spans[i], now_ns);
    }
    return is_done;
}

/* --- books that begin in the middle ------------------------------------------------------------------------------------- */

static bool start_ring_from_here(struct sr_books *durable, struct sr_drain *rings, uint32_t ring,
                                 struct sr_fold *fold)
{
    struct sr_batch *batch = &durable->batch;
    struct sr_ring_sight sight;
    if (!sr_drain_look_at_lines(rings, ring, &sight) || (sight.line.tail == 0 && sight.word == 0)) {
        return true; /* never used */
    }
    const uint64_t head = sr_drain_head(rings, ring);
    const bool has_block =
        sr_drain_is_reserved(rings, ring); /* else its pages were given back, its lines go on */
    if (has_block) {
        sr_drain_read_spill_as_past(rings, ring, &durable->words, fold);
    }
    if (sr_words_reserve(&durable->words, SR_WORD(ring, ring, 0), SR_WORDS_PER_ring) != SLIPRING_OK ||
        (has_block && sr_words_reserve(&durable->words, fold->first_copy, fold->words) != SLIPRING_OK)) {
        return false;
    }
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_HEAD),
                 sight.line.tail - head <= sight.words ? head : sight.line.tail);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_BEGUN), sight.line.begun);
    sr_batch_set(batch, SR_WORD(ring, ring, SR_RING_HAS_COPY), has_block);
    if (has_block) {
        sr_fold_book(fold, batch);
    }
    sr_batch_commit(batch);
    sr_batch_clear(batch);
    return true;
}

static bool start_shared_from_here(struct sr_books *durable, struct sr_drain *rings, uint32_t id,
                                   struct sr_fold *fold)
{
    uint32_t slot = 0;
    if (!sr_catalog_is_reserved(rings, id) || sr_catalog_state(rings, id, &slot) != SR_REGISTRY_READY) {
        return true;
    }
    sr_catalog_read_shared(rings, id, &durable->words, fold);
    if (sr_words_reserve(&durable->words, fold->first_copy, fold->words) != SLIPRING_OK) {
        return false;
    }
    sr_fold_book(fold, &durable->batch);
    sr_batch_commit(&durable->batch);
    sr_batch_clear(&durable->batch);
    return true;
}

bool intake_start_from_here(struct sr_books *durable, struct sr_drain *rings)
{
    struct sr_fold *fold = malloc(sizeof *fold);
    bool is_done = fold != NULL;
    for (uint32_t ring = 0; is_done && ring < SR_RING_MAX; ring++) {
        is_done = start_ring_from_here(durable, rings, ring, fold);
    }
    for (uint32_t id = 0; is_done && id < SR_PRIMITIVE_MAX; id++) {
        is_done = start_shared_from_here(durable, rings, id, fold);
    }
    free(fold);
    return is_done && usage_start_from_here(durable, rings);
}
