/* SPDX-License-Identifier: Apache-2.0 */
/* What the dead and the departed leave: see reaper.h.
 *
 * A slot's way back, each step safe to be killed after:
 *   (1) its byte is seized: nobody can take it      (2) slot REAPING
 *   (3) each of its rings REAPING, its last update settled, all of it booked and FOLDED in one commit
 *   (4) those rings FREE                            (5) spans booked; aborted booked and the slot FOLDED in one commit
 *   (6) span table cleared, unfinished registrations emptied       (7) slot FREE, byte dropped
 * The next agent finds a slot REAPING or a ring REAPING, and goes on from where the durable words say. */
#include "reaper.h"

#include <stdlib.h>
#include <string.h>

#include "agent/books/binding.h"
#include "agent/books/books.h"
#include "agent/books/usage.h"
#include "agent/log.h"
#include "drain_parts.h"
#include "intake.h"
#include "peer/census.h"
#include "peer/move.h"

#define PERIOD_NS  UINT64_C(1000000000)
#define SPACE_LEFT (UINT64_C(1) << 20) /* bytes: with fewer it is no use to try reserving again */

struct reaper {
    struct books *books;
    struct sr_drain *rings;
    struct intake *intake;
    uint64_t due_ns;
    bool had_space;
    uint64_t faults;
    bool is_dead[SR_SLOT_MAX];      /* seized in this run */
    bool has_left[SR_SLOT_MAX];     /* a ring of it could not be folded in this run */
    uint64_t released[SR_RING_MAX]; /* state word, when the last run saw it RELEASED */
    uint32_t list[SR_RING_MAX];     /* rings to fold in this run */
    uint32_t list_count;
    struct sr_shared_marks marks[SR_PRIMITIVE_MAX]; /* of the last run */
    uint64_t torn[SR_PRIMITIVE_MAX];                /* at rest */
};

enum slipring_status reaper_open(struct agent_store *store, struct books *books, struct drain *drain,
                                 uint64_t now_ns, struct reaper **out_reaper)
{
    (void)store; /* its parts are in books */
    struct reaper *reaper = calloc(1, sizeof *reaper);
    if (!reaper) {
        return SLIPRING_NO_MEMORY;
    }
    reaper->books = books;
    reaper->rings = books->rings;
    reaper->intake = drain_intake(drain);
    reaper->had_space = true;
    *out_reaper = reaper;
    reaper_run(reaper, now_ns);
    return SLIPRING_OK;
}

void reaper_close(struct reaper *reaper)
{
    free(reaper);
}

/* --- who died ----------------------------------------------------------------------------------------------------------- */

/* Seize the byte if nobody lives there; then the slot is ours: REAPING. */
static bool seize(struct reaper *reaper, uint32_t slot, const struct sr_slot_sight *sight)
{
    if ((sight->state == SR_SLOT_OWNED && sr_census_is_alive(reaper->rings, slot)) ||
        !sr_census_seize(reaper->rings, slot)) {
        return false;
    }
    struct sr_slot_sight again;
    if (!sr_census_look(reaper->rings, slot, &again) || again.word != sight->word) {
        sr_census_drop(reaper->rings, slot); /* it went on between look and lock */
        return false;
    }
    sr_census_set_state(reaper->rings, slot, sight->generation, SR_SLOT_REAPING);
    SR_CRASHPOINT(reaper_slot_seized);
    return true;
}

static void find_dead(struct reaper *reaper)
{
    reaper->books->processes = 0;
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        struct sr_slot_sight sight;
        reaper->is_dead[slot] = false;
        reaper->has_left[slot] = false;
        if (sr_census_state(reaper->rings, slot) == SR_SLOT_FREE ||
            !sr_census_look(reaper->rings, slot, &sight)) {
            continue;
        }
        reaper->is_dead[slot] = seize(reaper, slot, &sight);
        reaper->books->processes += !reaper->is_dead[slot] && sight.state == SR_SLOT_OWNED;
        if (reaper->is_dead[slot] && sight.state == SR_SLOT_OWNED) {
            log_event(LOG_INFO, log_what("process gone"), log_number("slot", slot));
        }
    }
}

/* --- rings -------------------------------------------------------------------------------------------------------------- */

/* Make it REAPING; then it belongs to this run. */
static void take_over(struct reaper *reaper, uint32_t ring, uint64_t word)
{
    if (sr_state_of(word) != SR_RING_REAPING &&
        !sr_drain_change_state(reaper->rings, ring, word, SR_RING_REAPING)) {
        return; /* taken up again at this moment */
    }
    SR_CRASHPOINT(reaper_ring_reaping);
    reaper->list[reaper->list_count++] = ring;
}

/* What it held beyond the books is lost (protocol/move.h G5). */
static void leave_behind(struct reaper *reaper, uint32_t ring)
{
    const struct intake_ring *own = &reaper->intake->ring[ring];
    if (intake_forget_block(reaper->intake, ring)) {
        books_commit(reaper->books);
        sr_drain_leave(reaper->rings, ring, own->head, own->begun);
        log_event(LOG_WARNING, log_what("ring left behind in a segment that was removed"),
                  log_number("ring", ring));
    }
}

static void look_at_dead_ring(struct reaper *reaper, uint32_t ring, uint64_t word)
{
    switch (sr_state_of(word)) {
    case SR_RING_CLAIMING: /* it had no life yet */
        (void)!sr_drain_change_state(reaper->rings, ring, word,
                                     sr_drain_is_reserved(reaper->rings, ring) ? SR_RING_FREE
                                                                               : SR_RING_EMPTY);
        break;
    case SR_RING_OFFERED:
        (void)!sr_drain_change_state(reaper->rings, ring, word, SR_RING_FREE); /* nobody else changes it */
        break;
    case SR_RING_OWNED:
    case SR_RING_RELEASED:
    case SR_RING_REAPING:
        take_over(reaper, ring, word);
        break;
    case SR_RING_AWAY: /* where it lived only an agent that is no more could look */
        leave_behind(reaper, ring);
        break;
    default:
        break;
    }
}

static void find_rings(struct reaper *reaper)
{
    reaper->list_count = 0;
    for (uint32_t ring = sr_drain_next_in_use(reaper->rings, 0); ring < SR_RING_MAX;
         ring = sr_drain_next_in_use(reaper->rings, ring + 1)) {
        const uint64_t word = sr_drain_state(reaper->rings, ring);
        const uint32_t state = sr_state_of(word);
        const uint32_t slot = sr_state_slot(word);
        if (slot < SR_SLOT_MAX && reaper->is_dead[slot]) {
            look_at_dead_ring(reaper, ring, word);
        } else if (state == SR_RING_REAPING ||
                   (state == SR_RING_RELEASED && reaper->released[ring] == word)) {
            take_over(reaper, ring, word); /* released for a whole period: nobody wants it back */
        }
        reaper->released[ring] = state == SR_RING_RELEASED ? word : 0;
    }
}

/* Book all of a REAPING ring. False: not now. */
static bool fold(struct reaper *reaper, uint32_t ring, uint64_t now_ns)
{
    struct sr_ring_sight sight;
    if (!sr_drain_look(reaper->rings, ring, &sight)) {
        return true; /* OWNED without pages: hostile, and empty */
    }
    const uint64_t life = reaper->intake->ring[ring].life;
    if (sr_life_phase(life) != SR_PHASE_FOLDED || sr_life_generation(life) != sight.generation) {
        sr_drain_settle(reaper->rings, ring);
        if (!sr_drain_look(reaper->rings, ring, &sight)) {
            return true;
        }
    }
    return intake_take_ring(reaper->intake, ring, &sight, INTAKE_FINAL, now_ns);
}

static void fold_rings(struct reaper *reaper, uint64_t now_ns)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < reaper->list_count; i++) {
        const uint32_t ring = reaper->list[i];
        if (fold(reaper, ring, now_ns)) {
            reaper->list[done++] = ring;
        } else if (sr_state_slot(sr_drain_state(reaper->rings, ring)) < SR_SLOT_MAX) {
            reaper->has_left[sr_state_slot(sr_drain_state(reaper->rings, ring))] = true;
        }
    }
    books_commit(reaper->books);
    SR_CRASHPOINT(reaper_ring_folded);
    for (uint32_t i = 0; i < done; i++) {
        const uint32_t ring = reaper->list[i];
        const uint64_t word = sr_drain_state(reaper->rings, ring);
        if (sr_state_of(word) == SR_RING_REAPING) { /* not when it was quarantined */
            const bool has_pages = sr_drain_is_reserved(reaper->rings, ring);
            if (has_pages) {
                sr_drain_clear_offer(reaper->rings, ring);
                intake_wipe_ring(reaper->intake, ring);
            }
            SR_CRASHPOINT(reaper_ring_wiped);
            /* nobody else changes it */
            (void)!sr_drain_change_state(reaper->rings, ring, word, has_pages ? SR_RING_FREE : SR_RING_EMPTY);
        }
    }
    if (done > 0) {
        sr_drain_raise_reserve_epoch(reaper->rings); /* whoever found no ring may look again */
    }
}

/* --- slots -------------------------------------------------------------------------------------------------------------- */

static void empty_keys(struct reaper *reaper, uint32_t slot)
{
    const uint32_t high = sr_catalog_high(reaper->rings);
    for (uint32_t id = 0; id < high; id++) {
        uint32_t registrant = 0;
        const uint32_t state = sr_catalog_state(reaper->rings, id, &registrant);
        if (registrant == slot && (state == SR_REGISTRY_CLAIMING || state == SR_REGISTRY_DEAD)) {
            sr_catalog_free(reaper->rings, id);
        }
    }
}

/* (5): what it had in flight is aborted, once. */
static void abort_spans(struct reaper *reaper, uint32_t slot, uint32_t generation)
{
    struct sr_batch *batch = &reaper->books->durable->batch;
    books_commit(reaper->books);
    books_abort_slot(reaper->books, slot);
    for (uint32_t i = 0; i < 3 * SR_SPAN_TABLE_COUNT; i++) {
        sr_batch_set(batch, SR_WORD(slot, slot, SR_SLOT_SPANS + i), 0); /* as the table is about to be */
    }
    sr_batch_set(batch, SR_WORD(slot, slot, SR_SLOT_LIFE), sr_life(generation, 0, SR_PHASE_FOLDED));
    books_commit(reaper->books);
    SR_CRASHPOINT(reaper_slot_folded);
}

static void free_slot(struct reaper *reaper, uint32_t slot, uint64_t now_ns)
{
    struct sr_slot_sight sight;
    if (!reaper->has_left[slot] && intake_take_spans(reaper->intake, slot, now_ns) &&
        sr_census_look(reaper->rings, slot, &sight)) {
        abort_spans(reaper, slot, sight.generation);
        sr_census_clear_spans(reaper->rings, slot);
        empty_keys(reaper, slot);
        SR_CRASHPOINT(reaper_slot_cleared);
        sr_census_set_state(reaper->rings, slot, sight.generation, SR_SLOT_FREE);
        sr_drain_raise_reserve_epoch(reaper->rings); /* whoever found no slot may look again */
    }
    sr_census_drop(reaper->rings, slot); /* still REAPING when something is left: next time */
}

/* Of all that are free the lowest is what takers shall find, also when a former hint was wrong or came too late. */
static void free_slots(struct reaper *reaper, uint64_t now_ns)
{
    uint32_t lowest = SR_SLOT_MAX;
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        if (reaper->is_dead[slot]) {
            free_slot(reaper, slot, now_ns);
        }
        if (lowest == SR_SLOT_MAX && sr_census_state(reaper->rings, slot) == SR_SLOT_FREE) {
            lowest = slot;
        }
    }
    sr_census_hint_free(reaper->rings, lowest);
}

/* --- shared spills ------------------------------------------------------------------------------------------------------ */

/* An update that was begun, and for a whole period neither went on nor was followed by another, is torn. */
static void count_torn(struct reaper *reaper, uint64_t now_ns)
{
    uint64_t torn = sr_words_get(&reaper->books->durable->words, SR_WORD(store, 0, SR_STORE_FORMER_TORN));
    const uint32_t high = sr_catalog_high(reaper->rings);
    for (uint32_t id = 0; id < high; id++) {
        if (reaper->books->primitive[id].book == BOOK_NONE) {
            continue;
        }
        const struct sr_shared_marks marks = sr_catalog_shared_marks(reaper->rings, id);
        const bool is_at_rest =
            marks.enter == reaper->marks[id].enter && marks.exit == reaper->marks[id].exit;
        if (is_at_rest && marks.enter - marks.exit <= UINT32_MAX) {
            reaper->torn[id] = marks.enter - marks.exit;
        }
        reaper->marks[id] = marks;
        torn += reaper->torn[id];
        (void)!intake_take_shared(reaper->intake, id, true, now_ns); /* without a page now: next time */
    }
    torn += usage_count_torn(reaper->books, now_ns);
    const uint32_t word = SR_WORD(store, 0, SR_STORE_TORN);
    if (torn > sr_batch_get(&reaper->books->durable->batch, word)) {
        sr_batch_set(&reaper->books->durable->batch, word, torn);
    }
    books_commit(reaper->books);
}

/* --- runs --------------------------------------------------------------------------------------------------------------- */

/* After a refusal somebody may have made room: the books may try again, and so may producers. */
static void look_for_space(struct reaper *reaper)
{
    const bool has_space = sr_drain_free_bytes(reaper->rings) >= SPACE_LEFT;
    if (has_space && !reaper->had_space) {
        sr_drain_raise_reserve_epoch(reaper->rings);
    }
    reaper->had_space = has_space;
    books_retry_reserving(reaper->books);
    const uint64_t faults = sr_drain_faults(reaper->rings);
    if (faults != reaper->faults) {
        reaper->faults = faults;
        log_event(LOG_ERROR, log_what("the ring segment was truncated"), log_number("pages_lost", faults),
                  log_text("path", reaper->rings->segment.map.path));
    }
}

void reaper_run(struct reaper *reaper, uint64_t now_ns)
{
    reaper->due_ns = now_ns + PERIOD_NS;
    look_for_space(reaper);
    find_dead(reaper);
    sr_drain_pour(reaper->rings);   /* after: what the dead still counted in a segment before this one */
    sr_catalog_look(reaper->rings); /* after: the dead begin no more registrations */
    find_rings(reaper);
    fold_rings(reaper, now_ns);
    count_torn(reaper, now_ns);
    free_slots(reaper, now_ns);
}

uint64_t reaper_tick(struct reaper *reaper, uint64_t now_ns)
{
    if (now_ns >= reaper->due_ns) {
        reaper_run(reaper, now_ns);
    }
    return reaper->due_ns - now_ns;
}
