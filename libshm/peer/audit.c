/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing producers, heads and books: see audit.h. */
#include "peer/audit.h"

#include <stdlib.h>
#include <string.h>

#include "peer/accounts.h"
#include "peer/audit_usage.h"
#include "peer/reading.h"
#include "peer/tally.h"
#include "protocol/segment.h"
#include "protocol/stats_segment.h"
#include "system/guard.h"

enum { STABLE_TRIES = 64, TAKE_TRIES = 3 };

/* A ring's or a shared spill's durable words, as one reading found them. */
struct stand {
    uint64_t life;
    uint64_t head;
    uint64_t copied; /* execution cells of its copy */
    bool has_copy;
};

/* What became of rings whose pages were given back. */
struct retired {
    uint64_t rings;   /* how often that was done */
    uint64_t spilled; /* executions that their copies held */
};

/* What the producers' side of a ring said in between. */
struct claim {
    bool is_there;
    uint64_t behind, ahead; /* a cell that is behind its copy, and that; ahead 0: none is */
    uint64_t tail;
    uint64_t published; /* the head that the ring was told */
    uint64_t cells;
};

enum { STAND_COUNT = SR_RING_MAX + SR_PRIMITIVE_MAX }; /* rings, then shared spills */

struct auditing {
    struct sr_segment segment; /* map.base NULL: none */
    struct sr_reading reading; /* of the stats segment; map.base NULL: none */
    struct stand *before, *after;
    struct retired retired_before, retired_after;
    struct claim *claims;
    struct sr_audit_usage usage;
    bool is_current;                         /* the agent's ring words speak of this segment */
    uint64_t drained_beside, waiting_beside; /* words that begin no sample */
    struct sr_audit *audit;
};

const char *sr_audit_fault_text(enum sr_audit_fault_kind kind)
{
    switch (kind) {
#define X(name, text)                                                                                        \
    case SR_AUDIT_##name:                                                                                    \
        return text;
        SR_AUDIT_FAULTS(X)
#undef X
    }
    return "an unknown fault";
}

void sr_audit_note(struct sr_audit *audit, enum sr_audit_fault_kind kind, uint32_t id, uint64_t is,
                   uint64_t low, uint64_t high)
{
    if (audit->fault_count < SR_AUDIT_FAULT_MAX) {
        audit->faults[audit->fault_count] =
            (struct sr_audit_fault){.kind = kind, .id = id, .is = is, .low = low, .high = high};
    }
    audit->fault_count++;
}

/* --- durable words -------------------------------------------------------------------------------------------- */

/* Where a copy begins: stands below SR_RING_MAX are rings, the others shared spills. */
static uint32_t copy_of(uint32_t stand)
{
    if (stand >= SR_RING_MAX) {
        return SR_WORD(copy_shared, stand - SR_RING_MAX, SR_SPILL_CELLS);
    }
    return stand < SR_RINGS_SMALL ? SR_WORD(copy_small, stand, SR_SPILL_CELLS)
                                  : SR_WORD(copy_full, stand - SR_RINGS_SMALL, SR_SPILL_CELLS);
}

/* Success and failure together. */
static uint32_t cells_of(uint32_t stand)
{
    return 2 *
           (stand >= SR_RING_MAX ? (uint32_t)SR_BUCKET_COUNT : sr_ring_shapes[sr_ring_class_of(stand)].cells);
}

static void read_stands(const struct auditing *auditing, struct stand *stands)
{
    for (uint32_t i = 0; auditing->reading.map.base && i < STAND_COUNT; i++) {
        struct stand stand = {.has_copy = true};
        if (i < SR_RING_MAX) {
            stand.life = sr_reading_get(&auditing->reading, SR_WORD(ring, i, SR_RING_LIFE));
            stand.head = sr_reading_get(&auditing->reading, SR_WORD(ring, i, SR_RING_HEAD));
            stand.has_copy = sr_reading_get(&auditing->reading, SR_WORD(ring, i, SR_RING_HAS_COPY)) != 0;
        }
        stand.copied = stand.has_copy ? sr_reading_sum(&auditing->reading, copy_of(i), cells_of(i)) : 0;
        stands[i] = stand;
    }
}

static void read_retired(const struct auditing *auditing, struct retired *out_retired)
{
    if (auditing->reading.map.base) {
        out_retired->rings = sr_reading_get(&auditing->reading, SR_WORD(store, 0, SR_STORE_RETIRED_RINGS));
        out_retired->spilled =
            sr_reading_get(&auditing->reading, SR_WORD(store, 0, SR_STORE_RETIRED_SPILLED));
    }
}

static bool is_quarantined(const struct stand *stand)
{
    return sr_life_phase(stand->life) == SR_PHASE_QUARANTINED;
}

/* --- books ---------------------------------------------------------------------------------------------------- */

struct book {
    uint64_t count, taken, beside, others, spilled;
};

static struct book look_at_book(const struct auditing *auditing, uint32_t book)
{
    return (struct book){
        .count = sr_reading_get(&auditing->reading, SR_WORD(book, book, SR_BOOK_COUNT)),
        .taken = sr_reading_get(&auditing->reading, SR_WORD(book, book, SR_BOOK_TAKEN)),
        .beside = sr_reading_get(&auditing->reading, SR_WORD(book, book, SR_BOOK_BESIDE)),
        .others = sr_reading_get(&auditing->reading, SR_WORD(book, book, SR_BOOK_OTHERS)),
        .spilled = sr_reading_get(&auditing->reading, SR_WORD(book, book, SR_BOOK_SPILLED)),
    };
}

/* The same twice, and the journal clear in between: as one commit left it. */
static bool read_stable(const struct auditing *auditing, uint32_t index, struct book *out_book)
{
    for (int tries = 0; tries < STABLE_TRIES; tries++) {
        struct book first = look_at_book(auditing, index);
        bool was_clear = sr_reading_is_clear(&auditing->reading);
        struct book second = look_at_book(auditing, index);
        *out_book = second;
        if (was_clear && memcmp(&first, &second, sizeof first) == 0) {
            return true;
        }
    }
    return false;
}

static void audit_book(const struct auditing *auditing, uint32_t index, struct book *sum)
{
    struct sr_audit *audit = auditing->audit;
    struct book book;
    bool is_stable = read_stable(auditing, index, &book);
    const uint64_t should = book.taken - book.beside - book.others + book.spilled;
    if (is_stable && book.count != should) {
        sr_audit_note(audit, SR_AUDIT_BOOK_COUNT, index, book.count, should, should);
    }
    uint64_t cells = sr_reading_sum(&auditing->reading, SR_WORD(book, index, SR_BOOK_CELLS), SR_BUCKET_COUNT);
    bool was_clear = sr_reading_is_clear(&auditing->reading);
    uint64_t high = sr_reading_get(&auditing->reading, SR_WORD(book, index, SR_BOOK_COUNT));
    if (is_stable && was_clear && (cells < book.count || cells > high)) {
        sr_audit_note(audit, SR_AUDIT_BOOK_CELLS, index, cells, book.count, high);
    }
    sum->count += book.count;
    sum->taken += book.taken;
    sum->beside += book.beside;
    sum->others += book.others;
    sum->spilled += book.spilled;
}

static void audit_books(struct auditing *auditing)
{
    struct sr_audit *audit = auditing->audit;
    struct book sum = {0};
    if (!auditing->reading.map.base) {
        return;
    }
    uint64_t high = sr_reading_get(&auditing->reading, SR_WORD(store, 0, SR_STORE_BOOK_HIGH));
    for (uint32_t i = 0; i < high && i < SR_PRIMITIVE_MAX; i++) {
        if (sr_reading_get(&auditing->reading, SR_WORD(book, i, SR_BOOK_USED)) == 1) {
            audit->books++;
            audit_book(auditing, i, &sum);
        }
    }
    audit->drained = sum.taken - sr_reading_get(&auditing->reading, SR_WORD(store, 0, SR_STORE_FORMER_TAKEN));
    auditing->drained_beside =
        sum.beside - sr_reading_get(&auditing->reading, SR_WORD(store, 0, SR_STORE_FORMER_BESIDE));
    audit->spilled =
        sum.spilled - sr_reading_get(&auditing->reading, SR_WORD(store, 0, SR_STORE_FORMER_SPILLED));
    audit->executions = sum.count;
    audit->others = sum.others;
    audit->refused = sr_reading_get(&auditing->reading, SR_WORD(store, 0, SR_STORE_REFUSED));
    audit->quarantined = sr_reading_get(&auditing->reading, SR_WORD(store, 0, SR_STORE_QUARANTINED));
    sr_audit_usage_books(&auditing->reading, &auditing->usage, audit);
}

/* --- the ring segment ----------------------------------------------------------------------------------------- */

/* The cells of a block. Each copy is read before its cell, which only grows: it can't be ahead of it. */
static void read_cells(const struct auditing *auditing, uint32_t stand, const _Atomic uint64_t *block,
                       struct claim *claim)
{
    const uint32_t copy = copy_of(stand);
    const bool has_copy =
        auditing->is_current && auditing->before[stand].has_copy && !is_quarantined(&auditing->before[stand]);
    for (uint32_t i = 0; i < cells_of(stand); i++) {
        uint64_t copied = has_copy ? sr_reading_get(&auditing->reading, copy + i) : 0;
        /* acquire: pairs with the producer's release; stays behind the look at the copy */
        uint64_t cell = atomic_load_explicit(&block[SR_SPILL_CELLS + i], memory_order_acquire);
        if (cell < copied && claim->ahead == 0) { /* one for a block is enough */
            claim->behind = cell;
            claim->ahead = copied;
        }
        claim->cells += cell;
    }
}

static uint64_t state_of(const struct auditing *auditing, uint32_t ring)
{
    /* acquire: stays where it is, before and behind the looks at the block */
    return atomic_load_explicit(sr_segment_ring_state(&auditing->segment, ring), memory_order_acquire);
}

/* A ring whose block goes while it is read, which may have been a hole then, is not there: withdrawn, or of another life. */
static void read_ring(const struct auditing *auditing, uint32_t ring)
{
    const struct sr_segment *segment = &auditing->segment;
    const uint64_t word = state_of(auditing, ring);
    const uint32_t generation = sr_state_generation(word);
    struct claim claim = {.is_there = true};
    /* AWAY: where it lives nobody but the agent can look; here its owner may just be copying it */
    if (!sr_segment_ring_is_reserved(segment, ring) || sr_state_of(word) == SR_RING_AWAY) {
        return;
    }
    /* acquire: the published head is looked at before the tail; else a drain in between makes it seem ahead */
    claim.published =
        atomic_load_explicit(&sr_segment_consumer_line(segment, ring)->head, memory_order_acquire);
    /* acquire: pairs with the producer's release of its tail */
    claim.tail = atomic_load_explicit(&sr_segment_producer_line(segment, ring)->tail, memory_order_acquire);
    read_cells(auditing, ring, sr_segment_spill(segment, ring), &claim);
    if (sr_segment_ring_is_reserved(segment, ring) &&
        sr_state_generation(state_of(auditing, ring)) == generation) {
        auditing->claims[ring] = claim;
        auditing->audit->rings++;
    }
}

static void read_claims(const struct auditing *auditing)
{
    const struct sr_segment *segment = &auditing->segment;
    struct sr_audit *audit = auditing->audit;
    for (uint32_t i = 0; i < SR_RING_MAX; i++) {
        read_ring(auditing, i);
    }
    for (uint32_t i = 0; i < SR_PRIMITIVE_MAX; i++) {
        struct claim *claim = &auditing->claims[SR_RING_MAX + i];
        if (!sr_segment_primitive_is_reserved(segment, i)) {
            continue;
        }
        const _Atomic uint64_t *block = sr_segment_shared_spill(segment, i);
        claim->is_there = true;
        /* acquire: finished is looked at before begun, so that work under way is not negative */
        uint64_t finished = atomic_load_explicit(&block[SR_SPILL_EXIT], memory_order_acquire);
        read_cells(auditing, SR_RING_MAX + i, block, claim);
        /* relaxed: behind the look at finished */
        audit->torn += atomic_load_explicit(&block[SR_SPILL_ENTER], memory_order_relaxed) - finished;
        audit->blocks += claim->cells > 0;
    }
    sr_audit_usage_claims(&auditing->reading, segment, auditing->is_current, audit);
}

/* --- the verdict ---------------------------------------------------------------------------------------------- */

/* One ring's claim against its two stands. */
static void judge_ring(const struct auditing *auditing, uint32_t ring)
{
    struct sr_audit *audit = auditing->audit;
    const struct claim *claim = &auditing->claims[ring];
    const uint64_t low = auditing->is_current ? auditing->before[ring].head : 0;
    const uint64_t high = auditing->is_current ? auditing->after[ring].head : 0;
    const uint64_t words = sr_ring_shapes[sr_ring_class_of(ring)].words;
    if (claim->tail < low) {
        sr_audit_note(audit, SR_AUDIT_RING_BEHIND, ring, claim->tail, low, high + words);
    } else if (claim->tail > high && claim->tail - high > words) {
        sr_audit_note(audit, SR_AUDIT_RING_OVERFULL, ring, claim->tail, low, high + words);
    }
    if (auditing->is_current && claim->published > high) {
        sr_audit_note(audit, SR_AUDIT_HEAD_AHEAD, ring, claim->published, 0, high);
    }
}

/* Of the words that wait in a ring, those that begin no sample. */
static uint64_t count_beside(const struct auditing *auditing, uint32_t ring, uint64_t head, uint64_t tail)
{
    const uint64_t words = sr_ring_shapes[sr_ring_class_of(ring)].words;
    const uint64_t waiting = tail - head;
    if (waiting > words) {
        return 0; /* a fault, noted */
    }
    return waiting -
           sr_tally_count(sr_segment_ring_words(&auditing->segment, ring), words - 1, head, waiting);
}

static void judge_claims(struct auditing *auditing)
{
    struct sr_audit *audit = auditing->audit;
    for (uint32_t i = 0; i < STAND_COUNT; i++) {
        const struct claim *claim = &auditing->claims[i];
        const struct stand none = {0};
        const struct stand *stand = auditing->is_current ? &auditing->before[i] : &none;
        if (i < SR_RING_MAX && auditing->is_current && is_quarantined(&auditing->after[i])) {
            audit->produced += auditing->after[i].head + auditing->after[i].copied;
            continue;
        }
        bool is_there = claim->is_there;
        if (claim->ahead != 0 && auditing->retired_before.rings != auditing->retired_after.rings) {
            is_there =
                false; /* its copy may be of a block that was given back, and its block of a life after that */
        } else if (claim->ahead != 0) {
            sr_audit_note(audit, SR_AUDIT_BLOCK_BEHIND, i, claim->behind, claim->ahead, UINT64_MAX);
        }
        if (!is_there) { /* its pages were never reserved, or given back; or it is of no segment at all */
            audit->produced += stand->head + stand->copied;
            continue;
        }
        if (i < SR_RING_MAX) {
            judge_ring(auditing, i);
            auditing->waiting_beside += count_beside(auditing, i, stand->head, claim->tail);
        }
        audit->produced += claim->tail + claim->cells;
        audit->in_rings += claim->tail - stand->head;
        audit->in_blocks += claim->cells - stand->copied;
    }
}

/* From words to samples. */
static void tell_samples(const struct auditing *auditing)
{
    struct sr_audit *audit = auditing->audit;
    audit->produced -= auditing->drained_beside + auditing->waiting_beside;
    audit->drained -= auditing->drained_beside;
    audit->drained_low -= auditing->drained_beside;
    audit->drained_high -= auditing->drained_beside;
    audit->in_rings -= auditing->waiting_beside;
}

static void judge(struct auditing *auditing)
{
    struct sr_audit *audit = auditing->audit;
    audit->retired = audit->spilled_low = audit->produced = auditing->retired_before.spilled;
    audit->spilled_high = auditing->retired_after.spilled;
    audit->is_exact = auditing->retired_before.rings == auditing->retired_after.rings;
    for (uint32_t i = 0; i < STAND_COUNT; i++) {
        const struct stand *before = &auditing->before[i];
        const struct stand *after = &auditing->after[i];
        audit->drained_low += before->head;
        audit->drained_high += after->head;
        audit->spilled_low += before->copied;
        audit->spilled_high += after->copied;
        audit->is_exact = audit->is_exact && before->head == after->head && before->copied == after->copied;
    }
    if (audit->is_remade) {
        /* An agent takes leave of the former segment in steps of which a kill may have left some undone: its heads and
         * copies are no evidence any more. Of the present segment nothing was booked. */
        audit->drained = audit->drained_low = audit->drained_high = auditing->drained_beside = 0;
        audit->spilled = audit->spilled_low = audit->spilled_high = 0;
        audit->retired = audit->produced = 0;
    }
    if (audit->drained < audit->drained_low || audit->drained > audit->drained_high) {
        sr_audit_note(audit, SR_AUDIT_DRAINED, SR_AUDIT_NO_ID, audit->drained, audit->drained_low,
                      audit->drained_high);
    }
    if (audit->spilled < audit->spilled_low || audit->spilled > audit->spilled_high) {
        sr_audit_note(audit, SR_AUDIT_SPILLED, SR_AUDIT_NO_ID, audit->spilled, audit->spilled_low,
                      audit->spilled_high);
    }
    if (!audit->is_remade) {
        sr_audit_usage_judge(&auditing->usage, audit);
    }
    judge_claims(auditing);
    tell_samples(auditing);
}

/* --- opening -------------------------------------------------------------------------------------------------- */

/* OK with base NULL when there is no such file. */
static enum slipring_status open_segments(struct auditing *auditing, const char *store)
{
    enum slipring_status status = sr_segment_attach(&auditing->segment, store, false);
    if (status == SLIPRING_OK) {
        status = sr_guard_add(auditing->segment.map.base, auditing->segment.map.bytes, false);
    }
    if (status != SLIPRING_OK && status != SLIPRING_ABSENT) {
        return status;
    }
    bool is_absent = status == SLIPRING_ABSENT;
    status = sr_map_name(&auditing->reading.map, store, "stats");
    if (status == SLIPRING_OK) {
        status = sr_stats_segment_attach(&auditing->reading.map);
    }
    if (status == SLIPRING_OK) {
        return sr_guard_add(auditing->reading.map.base, auditing->reading.map.bytes, false);
    }
    return status == SLIPRING_ABSENT && !is_absent ? SLIPRING_OK : status;
}

static void close_segment(struct sr_map *map)
{
    if (map->base) {
        sr_guard_remove(map->base);
        sr_map_unmap(map);
    }
}

static enum slipring_status begin_reading(struct auditing *auditing)
{
    if (!auditing->reading.map.base) {
        return SLIPRING_OK;
    }
    enum slipring_status status = sr_reading_begin(&auditing->reading);
    auditing->audit->was_replayed = auditing->audit->was_replayed || auditing->reading.pair_count > 0;
    if (status == SLIPRING_OK && auditing->reading.is_impossible) {
        sr_audit_note(auditing->audit, SR_AUDIT_JOURNAL, SR_AUDIT_NO_ID, SR_JOURNAL_PAIRS + 1, 0,
                      SR_JOURNAL_PAIRS);
    }
    return status;
}

static enum slipring_status read_all(struct auditing *auditing)
{
    enum slipring_status status = begin_reading(auditing);
    if (status != SLIPRING_OK) {
        return status;
    }
    read_retired(auditing, &auditing->retired_before);
    read_stands(auditing, auditing->before);
    sr_audit_usage_copies(&auditing->reading, &auditing->usage.before);
    if (auditing->segment.map.base) {
        read_claims(auditing);
    }
    status = begin_reading(auditing);
    if (status != SLIPRING_OK) {
        return status;
    }
    audit_books(auditing);
    status = begin_reading(auditing);
    if (status == SLIPRING_OK) {
        read_stands(auditing, auditing->after);
        sr_audit_usage_copies(&auditing->reading, &auditing->usage.after);
        read_retired(auditing, &auditing->retired_after);
    }
    return status;
}

static void compare_incarnations(struct auditing *auditing)
{
    if (!auditing->segment.map.base || !auditing->reading.map.base) {
        auditing->is_current = auditing->reading.map.base != NULL;
        return;
    }
    /* relaxed: written when an agent opens the store */
    uint64_t booked = atomic_load_explicit(
        &sr_stats_segment_header(auditing->reading.map.base)->ring_incarnation, memory_order_relaxed);
    auditing->is_current = booked == sr_segment_header(&auditing->segment)->incarnation;
    auditing->audit->is_remade = !auditing->is_current && booked != 0;
}

static enum slipring_status take(const char *store, struct sr_audit *out_audit, bool *out_retired)
{
    struct sr_audit audit = {0};
    struct auditing auditing = {
        .audit = &audit,
        .before = calloc(STAND_COUNT, sizeof *auditing.before),
        .after = calloc(STAND_COUNT, sizeof *auditing.after),
        .claims = calloc(STAND_COUNT, sizeof *auditing.claims),
    };
    enum slipring_status status = SLIPRING_NO_MEMORY;
    if (auditing.before && auditing.after && auditing.claims) {
        status = open_segments(&auditing, store);
    }
    if (status == SLIPRING_OK) {
        audit.has_segment = auditing.segment.map.base != NULL;
        audit.has_books = auditing.reading.map.base != NULL;
        compare_incarnations(&auditing);
        status = read_all(&auditing);
    }
    if (status == SLIPRING_OK) {
        judge(&auditing);
        audit.is_truncated = (audit.has_segment && sr_guard_faults(auditing.segment.map.base) > 0) ||
                             (audit.has_books && sr_guard_faults(auditing.reading.map.base) > 0);
        *out_audit = audit;
        *out_retired = auditing.retired_before.rings != auditing.retired_after.rings;
    }
    sr_reading_close(&auditing.reading);
    close_segment(&auditing.segment.map);
    close_segment(&auditing.reading.map);
    free(auditing.before);
    free(auditing.after);
    free(auditing.claims);
    return status;
}

enum slipring_status sr_audit_take(const char *store, struct sr_audit *out_audit)
{
    /* A page that was given back just when we read it faults like one that is lost, if the file system is full: look again. */
    bool has_retired = false;
    enum slipring_status status = take(store, out_audit, &has_retired);
    for (int tries = 1; status == SLIPRING_OK && out_audit->is_truncated && has_retired && tries < TAKE_TRIES;
         tries++) {
        status = take(store, out_audit, &has_retired);
    }
    return status;
}
