/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at everything, as often as it pays: see drain.h. */
#include "drain.h"

#include <stdlib.h>

#include "agent/books/binding.h"
#include "agent/books/books.h"
#include "agent/books/usage.h"
#include "agent/books/windows.h"
#include "agent/log.h"
#include "drain_parts.h"
#include "intake.h"
#include "lag.h"
#include "offers.h"
#include "peer/census.h"

#define WAIT_LEAST_NS  UINT64_C(100000)   /* chased more closely, a record costs tens of times as much */
#define WAIT_ACTIVE_NS UINT64_C(1000000)  /* the coarse clock's step while anything moves */
#define WAIT_IDLE_NS   UINT64_C(50000000) /* and while nothing does */
#define LAZY_NS        UINT64_C(1000000)  /* a nearly empty ring is left alone for so long */
#define LAZY_DIRECT_NS                                                                                       \
    UINT64_C(10000000) /* a direct ring's block is folded so often at most: it gets no fuller */
#define TABLES_NS     UINT64_C(5000000) /* shared spills and span tables: looked at so often at most */
#define NAMES_NS      UINT64_C(100000000)
#define EVERYWHERE_NS UINT64_C(1000000000) /* also where nobody told of news */

/* What a tick may take, in samples or what costs as much: some 300 us of work, for the coarse clock stands still meanwhile, and
 * publisher and reaper wait. What is left is the next tick's, which comes at once. */
#define TICK_WORK   131072u
#define VISIT_WORK  64u /* a ring, beside its samples and the words of its spill block */
#define SHARED_TAKE 16u /* shared spills a tick, beside that */
#define SLOTS_TAKE  64u /* span tables a tick, likewise */
#define USAGE_TAKE  64u /* usage accounts a tick, likewise */

/* A round looks at every ring, and visits those that have news, in as many ticks as it takes. */
struct round {
    uint64_t began_ns;
    uint64_t drained_ns; /* what was recorded before is booked once the round is over */
    uint32_t count;      /* of rings that have news: rings->dirty */
    uint32_t next;       /* of these */
    uint32_t busiest;    /* fill of the fullest, in 256ths; 256 also for one that spilled */
    bool has_left;       /* a ring had more than one visit may take */
};

/* The pass over shared spills and span tables, likewise. */
struct pass {
    uint64_t due_ns;
    uint32_t group; /* of shared spills: the next to look at */
    uint32_t slot;  /* likewise */
    bool is_over;
};

struct drain {
    struct books *books;
    struct sr_drain *rings;
    struct intake *intake;
    struct offers offers;
    struct round round;
    struct pass pass;
    uint64_t last_began_ns; /* of the round before */
    uint64_t wait_ns;
    uint64_t names_due_ns;
    uint64_t everywhere_due_ns;
    struct lag lag;
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
    if (books->seen_ns > now_ns) {
        log_event(LOG_WARNING, log_what("the clock is behind the books: windows begin anew, counts go on"),
                  log_number("seconds", (books->seen_ns - now_ns) / UINT64_C(1000000000)));
        windows_begin_anew(books, now_ns);
    }
    windows_take_up(books);
    offers_open(&drain->offers, drain->rings);
    sr_drain_set_clock(drain->rings, now_ns);
    binding_refresh(books, true, now_ns);
    drain->last_began_ns = books->seen_ns;
    drain->pass.is_over = true;
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

struct lag *drain_lag(struct drain *drain)
{
    return &drain->lag;
}

/* --- rings -------------------------------------------------------------------------------------------------------------- */

static void note_busy(struct drain *drain, uint32_t ring, const struct sr_ring_sight *sight, uint64_t used,
                      uint64_t now_ns)
{
    struct round *round = &drain->round;
    if (sight->words == 0) {
        return; /* direct: nothing that could get full, and nothing to grow */
    }
    const uint32_t fill = used < sight->words ? (uint32_t)(used * 256 / sight->words) : 256;
    round->busiest = fill > round->busiest ? fill : round->busiest;
    const struct intake_ring *own = &drain->intake->ring[ring];
    const bool is_short = own->was_spilling || used + SR_SAMPLE_WORDS_MAX > sight->words;
    offers_note(&drain->offers, ring, sight, own->primitive, is_short ? sight->words : used, now_ns);
    /* A full ring may have spilled past its own block: a span's first ring is claimed before its duration is known, and the
     * window of its small block may lie elsewhere. A bigger one has every bucket. */
    if (is_short) {
        round->busiest = 256;
        if (sight->state == SR_RING_OWNED) {
            offers_make(&drain->offers, drain->rings, ring, sight, own->primitive, now_ns);
        }
    }
}

/* Visit the ring, unless it is nearly empty and was visited just now: a consumer at a producer's heels costs it a cache line a
 * record. Returns the work that it was. */
static uint32_t visit(struct drain *drain, uint32_t ring, enum intake_wish wish, uint64_t now_ns)
{
    struct intake_ring *own = &drain->intake->ring[ring];
    struct round *round = &drain->round;
    struct sr_ring_sight sight;
    if (!sr_drain_look(drain->rings, ring, &sight) ||
        (sight.state != SR_RING_OWNED && sight.state != SR_RING_RELEASED)) {
        return 1;
    }
    if (own->news_ns == 0) { /* there were none in the round before */
        own->news_ns = drain->last_began_ns;
    }
    const uint64_t used = sight.line.tail - own->head;
    const bool is_nearly_empty = used * 4 < sight.words || sight.words == 0;
    const uint64_t lazy_ns = sight.words == 0 ? LAZY_DIRECT_NS : LAZY_NS;
    const bool is_left = wish == INTAKE_LIVE && is_nearly_empty && now_ns - own->visited_ns < lazy_ns;
    /* false: there is no page for it now, it stays where it is */
    if (!is_left && intake_take_ring(drain->intake, ring, &sight, wish, now_ns)) {
        note_busy(drain, ring, &sight, used, now_ns);
        round->has_left |= own->head != sight.line.tail;
    }
    if (own->news_ns != 0) { /* there still are some */
        const uint64_t since_ns = intake_waiting_since(own);
        round->drained_ns = since_ns < round->drained_ns ? since_ns : round->drained_ns;
        lag_note(&drain->lag, now_ns, since_ns);
    }
    return is_left ? 1
                   : VISIT_WORK + (uint32_t)(used < INTAKE_WORDS ? used : INTAKE_WORDS) +
                         (own->was_spilling ? drain->intake->fold.words : 0);
}

static void begin_round(struct drain *drain, uint64_t now_ns)
{
    drain->last_began_ns = drain->round.began_ns ? drain->round.began_ns : drain->last_began_ns;
    drain->round =
        (struct round){.began_ns = now_ns, .drained_ns = now_ns, .count = sr_drain_scan(drain->rings)};
}

/* Go on with the round. True: it is over. */
static bool go_round(struct drain *drain, enum intake_wish wish, uint64_t now_ns)
{
    struct round *round = &drain->round;
    for (uint32_t work = 0; round->next < round->count && work < TICK_WORK; round->next++) {
        work += visit(drain, drain->rings->dirty[round->next], wish, now_ns);
    }
    return round->next == round->count;
}

/* --- shared spills and span tables --------------------------------------------------------------------------------------- */

/* Shared spills that somebody told of. True: at all of them was looked. */
static bool take_shared(struct drain *drain, uint64_t now_ns)
{
    struct pass *pass = &drain->pass;
    uint32_t taken = 0;
    const uint32_t groups =
        (sr_catalog_high(drain->rings) + 63) / 64; /* what is told of others waits for their names */
    for (; pass->group < groups && taken < SHARED_TAKE; pass->group++) {
        uint64_t bits = sr_catalog_take_news(drain->rings, SR_NEWS_SHARED, pass->group);
        for (; bits != 0; bits &= bits - 1) {
            const uint32_t id = pass->group * 64 + (uint32_t)__builtin_ctzll(bits);
            usage_note(drain->books, id);
            if (!intake_take_shared(drain->intake, id, false, now_ns)) {
                sr_catalog_put_news(drain->rings, SR_NEWS_SHARED, id);
            }
            taken++;
        }
    }
    return pass->group >= groups;
}

static bool take_spans(struct drain *drain, uint64_t now_ns)
{
    struct pass *pass = &drain->pass;
    uint32_t taken = 0;
    for (pass->slot = sr_census_next(drain->rings, pass->slot);
         pass->slot < SR_SLOT_MAX && taken < SLOTS_TAKE;
         pass->slot = sr_census_next(drain->rings, pass->slot + 1)) {
        if (sr_census_state(drain->rings, pass->slot) == SR_SLOT_OWNED) {
            /* what finds no page now is found again next time */
            (void)!intake_take_spans(drain->intake, pass->slot, now_ns);
            taken++;
        }
    }
    return pass->slot == SR_SLOT_MAX;
}

/* Begin a pass when it is due, or go on with it. True: it is over. */
static bool take_tables(struct drain *drain, uint64_t now_ns)
{
    struct pass *pass = &drain->pass;
    if (pass->is_over) {
        if (now_ns < pass->due_ns) {
            return true;
        }
        *pass = (struct pass){.due_ns = now_ns + TABLES_NS};
    }
    const bool has_shared = take_shared(drain, now_ns);
    const bool has_usage = usage_fold(drain->books, USAGE_TAKE, now_ns);
    pass->is_over = take_spans(drain, now_ns) && has_shared && has_usage;
    return pass->is_over;
}

/* --- ticks -------------------------------------------------------------------------------------------------------------- */

/* After a tick: what became of the samples' ages, and everything committed. */
static void finish(struct drain *drain, uint64_t now_ns)
{
    books_commit(drain->books);
    binding_tell(drain->books);
    lag_note(&drain->lag, now_ns, drain->intake->oldest_ns);
    drain->intake->oldest_ns = UINT64_MAX;
}

static uint64_t next_wait(uint64_t wait_ns, const struct round *round)
{
    if (round->count == 0) {
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

static void look_at_names(struct drain *drain, uint64_t now_ns)
{
    if (now_ns < drain->names_due_ns) {
        return;
    }
    const bool everywhere = now_ns >= drain->everywhere_due_ns;
    drain->names_due_ns = now_ns + NAMES_NS;
    drain->everywhere_due_ns = everywhere ? now_ns + EVERYWHERE_NS : drain->everywhere_due_ns;
    binding_refresh(drain->books, everywhere, now_ns);
    if (everywhere) {
        usage_note_all(drain->books);
    }
    offers_tick(&drain->offers, drain->rings, now_ns);
}

uint64_t drain_tick(struct drain *drain, uint64_t now_ns)
{
    struct round *round = &drain->round;
    sr_drain_set_clock(drain->rings, now_ns);
    look_at_names(drain, now_ns);
    if (round->next == round->count) {
        begin_round(drain, now_ns);
    }
    const bool is_over = go_round(drain, INTAKE_LIVE, now_ns);
    const bool has_tables = take_tables(drain, now_ns);
    finish(drain, now_ns);
    if (is_over) {
        drain->books->seen_ns = round->drained_ns;
        drain->wait_ns = next_wait(drain->wait_ns, round);
    }
    if (drain->books->are_lost) {
        return DRAIN_OVER;
    }
    return is_over && !round->has_left && has_tables ? drain->wait_ns : 0;
}

/* Everywhere: nobody need have told. */
static void take_all_tables(struct drain *drain, uint64_t now_ns)
{
    const uint32_t high = sr_catalog_high(drain->rings);
    for (uint32_t id = 0; id < high; id++) {
        (void)!intake_take_shared(drain->intake, id, false, now_ns); /* without a page now: found again */
    }
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        if (sr_census_state(drain->rings, slot) == SR_SLOT_OWNED) {
            (void)!intake_take_spans(drain->intake, slot, now_ns); /* as above */
        }
    }
    usage_note_all(drain->books);
    (void)!usage_fold(drain->books, UINT32_MAX, now_ns); /* as above */
}

void drain_all(struct drain *drain, uint64_t now_ns)
{
    sr_drain_set_clock(drain->rings, now_ns);
    binding_refresh(drain->books, true, now_ns);
    begin_round(drain, now_ns); /* what a round under way has not visited is found again */
    while (!go_round(drain, INTAKE_ALL, now_ns)) {
    }
    take_all_tables(drain, now_ns);
    finish(drain, now_ns);
    drain->books->seen_ns = drain->round.drained_ns;
}

void drain_rest(struct drain *drain, uint64_t now_ns)
{
    offers_close(&drain->offers, drain->rings);
    drain_all(drain, now_ns);
}
