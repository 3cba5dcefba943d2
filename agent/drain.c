/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at everything, as often as it pays: see drain.h. */
#include "drain.h"

#include <stdlib.h>

#include "binding.h"
#include "books.h"
#include "drain_parts.h"
#include "intake.h"
#include "offers.h"
#include "peer/census.h"

#define WAIT_LEAST_NS  UINT64_C(100000)   /* chased more closely, a record costs tens of times as much */
#define WAIT_ACTIVE_NS UINT64_C(1000000)  /* the coarse clock's step while anything moves */
#define WAIT_IDLE_NS   UINT64_C(50000000) /* and while nothing does */
#define LAZY_NS        UINT64_C(1000000)  /* a nearly empty ring is left alone for so long */
#define TABLES_NS      UINT64_C(5000000)  /* shared spills and span tables: looked at so often at most */
#define NAMES_NS       UINT64_C(100000000)

struct drain {
    struct books *books;
    struct sr_drain *rings;
    struct intake *intake;
    struct offers offers;
    uint64_t wait_ns;
    uint64_t tables_due_ns;
    uint64_t names_due_ns;
    uint64_t lag_ns;
};

/* Before the first agent of a store nobody wrote down up to when all was drained. What is found then was recorded since the
 * first process attached. */
static uint64_t first_attached_ns(const struct sr_drain *rings, uint64_t now_ns)
{
    uint64_t first = now_ns;
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        struct sr_slot_sight sight;
        if (sr_census_look(rings, slot, &sight) && sight.attached_ns != 0 && sight.attached_ns < first) {
            first = sight.attached_ns;
        }
    }
    return first;
}

enum slipring_status drain_open(struct agent_store *store, struct books *books, uint64_t now_ns,
                                struct drain **out_drain)
{
    (void)store; /* its parts are in books */
    struct drain *drain = calloc(1, sizeof *drain);
    if (!drain) {
        return SLIPRING_NO_MEMORY;
    }
    drain->books = books;
    drain->rings = books->rings;
    drain->wait_ns = WAIT_ACTIVE_NS;
    if (intake_open(books, &drain->intake) != SLIPRING_OK) {
        free(drain);
        return SLIPRING_NO_MEMORY;
    }
    if (books->seen_ns == 0) {
        books->seen_ns = first_attached_ns(drain->rings, now_ns);
    }
    offers_open(&drain->offers, drain->rings);
    sr_drain_set_clock(drain->rings, now_ns);
    binding_refresh(books, now_ns);
    *out_drain = drain;
    return SLIPRING_OK;
}

void drain_close(struct drain *drain)
{
    if (drain) {
        offers_close(&drain->offers, drain->rings);
        intake_close(drain->intake);
    }
    free(drain);
}

struct intake *drain_intake(struct drain *drain)
{
    return drain->intake;
}

uint64_t drain_lag_ns(const struct drain *drain)
{
    return drain->lag_ns;
}

/* --- rings -------------------------------------------------------------------------------------------------------------- */

/* What a round over the rings saw. */
struct round {
    bool has_moved;   /* some ring had news, taken or left for later */
    uint32_t busiest; /* fill of the fullest, in 256ths; 256 also for one that spilled */
};

static void visit(struct drain *drain, uint32_t ring, bool is_lazy, uint64_t now_ns, struct round *round)
{
    const struct intake_ring *own = &drain->intake->ring[ring];
    struct sr_ring_sight sight;
    if (!sr_drain_look(drain->rings, ring, &sight) ||
        (sight.state != SR_RING_OWNED && sight.state != SR_RING_RELEASED)) {
        return;
    }
    const uint64_t used = sight.line.tail - own->head;
    const bool is_nearly_empty = used * 4 < sight.samples;
    round->has_moved = true;
    if (is_lazy && is_nearly_empty && now_ns - own->visited_ns < LAZY_NS) {
        return;
    }
    if (!intake_take_ring(drain->intake, ring, &sight, INTAKE_LIVE, now_ns)) {
        return; /* no page for it now: it stays where it is */
    }
    const uint32_t fill = used < sight.samples ? (uint32_t)(used * 256 / sight.samples) : 256;
    round->busiest = fill > round->busiest ? fill : round->busiest;
    /* A full ring may have spilled past its own block: a span's first ring is claimed before its duration is known, and the
     * window of its small block may lie elsewhere. A bigger one has every bucket. */
    if (own->was_spilling || used >= sight.samples) {
        round->busiest = 256;
        if (sight.state == SR_RING_OWNED) {
            offers_make(&drain->offers, drain->rings, ring, &sight, now_ns);
        }
    }
}

static struct round take_rings(struct drain *drain, bool is_lazy, uint64_t now_ns)
{
    struct round round = {.has_moved = false};
    const uint32_t count = sr_drain_scan(drain->rings);
    for (uint32_t i = 0; i < count; i++) {
        visit(drain, drain->rings->dirty[i], is_lazy, now_ns, &round);
    }
    return round;
}

/* --- shared spills and span tables --------------------------------------------------------------------------------------- */

static void take_tables(struct drain *drain, uint64_t now_ns)
{
    const uint32_t high = sr_catalog_high(drain->rings);
    for (uint32_t id = 0; id < high; id++) {
        if (drain->books->primitive[id].book != BOOK_NONE) {
            intake_take_shared(drain->intake, id, false, now_ns);
        }
    }
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        if (sr_census_state(drain->rings, slot) == SR_SLOT_OWNED) {
            /* what finds no page now is found again next time */
            (void)!intake_take_spans(drain->intake, slot, now_ns);
        }
    }
}

/* --- ticks -------------------------------------------------------------------------------------------------------------- */

static void note_lag(struct drain *drain, uint64_t now_ns)
{
    const uint64_t oldest = drain->intake->oldest_ns;
    drain->intake->oldest_ns = UINT64_MAX;
    drain->lag_ns = oldest < now_ns ? now_ns - oldest : 0;
}

static uint64_t next_wait(uint64_t wait_ns, const struct round *round)
{
    if (!round->has_moved) {
        return wait_ns * 2 < WAIT_IDLE_NS ? wait_ns * 2 : WAIT_IDLE_NS;
    }
    uint64_t wait = wait_ns < WAIT_ACTIVE_NS ? wait_ns : WAIT_ACTIVE_NS;
    if (round->busiest >= 128) {
        wait /= 2;
    } else if (round->busiest < 32) {
        wait *= 2;
    }
    wait = wait < WAIT_ACTIVE_NS ? wait : WAIT_ACTIVE_NS;
    return wait > WAIT_LEAST_NS ? wait : WAIT_LEAST_NS;
}

uint64_t drain_tick(struct drain *drain, uint64_t now_ns)
{
    sr_drain_set_clock(drain->rings, now_ns);
    if (now_ns >= drain->names_due_ns) {
        drain->names_due_ns = now_ns + NAMES_NS;
        binding_refresh(drain->books, now_ns);
        offers_tick(&drain->offers, drain->rings, now_ns);
    }
    const struct round round = take_rings(drain, true, now_ns);
    if (now_ns >= drain->tables_due_ns) {
        drain->tables_due_ns = now_ns + TABLES_NS;
        take_tables(drain, now_ns);
    }
    books_commit(drain->books);
    binding_tell(drain->books);
    drain->books->seen_ns = now_ns;
    note_lag(drain, now_ns);
    drain->wait_ns = next_wait(drain->wait_ns, &round);
    return drain->books->are_lost ? DRAIN_OVER : drain->wait_ns;
}

void drain_all(struct drain *drain, uint64_t now_ns)
{
    sr_drain_set_clock(drain->rings, now_ns);
    binding_refresh(drain->books, now_ns);
    (void)take_rings(drain, false, now_ns); /* nobody sleeps after it */
    take_tables(drain, now_ns);
    books_commit(drain->books);
    binding_tell(drain->books);
    drain->books->seen_ns = now_ns;
    note_lag(drain, now_ns);
}
