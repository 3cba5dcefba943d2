/* SPDX-License-Identifier: Apache-2.0 */
/* The very source of ring, spill, registry and latch, run by two threads over plain memory, for ThreadSanitizer to look at.
 *
 * ThreadSanitizer reports an access to a plain word that no release and acquire order. Samples and the texts of the registry are plain
 * words. What the source keeps in atomic words (cells, sums, states, published figures) is checked by a plain word beside it: whoever
 * writes tells before its store, in told[], and whoever has read the value reads what was told with it. If the orders are right, that is no
 * race; if one of them is weaker than it should be, it is (mutants.py tries).
 *
 * orders SCENARIO: 0, silent, when all is in order. Compiled and run by mutants.py with libshm/base/crashpoint.h replaced. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/crashpoint.h"
#include "peer/catalog.h"
#include "peer/drain.h"
#include "protocol/publish.h"
#include "protocol/registry.h"
#include "protocol/ring.h"

#define COUNT 2000u /* of whatever a scenario does */
#define SLOT  1u
#define TYPE  "order"
#define COST  UINT64_C(1)

static struct sr_drain drain; /* its segment is the producer's, too: one mapping */
static struct sr_segment *const segment = &drain.segment;
static struct sr_ring ring;
static _Atomic uint32_t is_over;

/* --- what is told -------------------------------------------------------------------------------------------------------------------- */

enum topic {
    WHOLE,     /* an update of the spill is done */
    COMMITTED, /* its sum is about to be */
    CELL,      /* its cell is about to be stored */
    BEGUN,
    LIVES, /* a ring of that generation is about to be OWNED */
    RELEASED,
    FREED,
    WRITTEN, /* of the latch: a publishing begins */
    RAISED,  /* and is about to be raised */
    TOPICS,
};

/* How far each of the two has come. */
static _Atomic uint32_t turns[2];
static __thread uint32_t whose_turn;

static void take_turn(void)
{
    /* relaxed: orders nothing, on purpose */
    (void)atomic_fetch_add_explicit(&turns[whose_turn], 1, memory_order_relaxed);
}

static uint32_t turns_of_the_other(void)
{
    return (uint32_t)__c11_atomic_load(&turns[1 - whose_turn], memory_order_relaxed); /* relaxed: as above */
}

static uint64_t told[TOPICS][COUNT + 2];

static void tell(enum topic topic, uint64_t number)
{
    told[topic][number] = number;
    take_turn();
}

static void expect_told(enum topic topic, uint64_t number)
{
    if (number > COUNT || told[topic][number] != number) {
        (void)fprintf(stderr, "topic %d: %llu was not told\n", (int)topic, (unsigned long long)number);
        exit(1);
    }
}

static __thread uint64_t update;     /* of the spill, by this thread */
static __thread uint64_t publishing; /* of the latch */
static __thread uint32_t lives;      /* of the ring */

/* Let the other one find things as they are now; at some numbers, and not for ever: it may have ended. */
static void dawdle(uint64_t number)
{
    const uint32_t from = turns_of_the_other();
    for (uint32_t tries = 0; number % 64 == 0 && tries < 2000 && turns_of_the_other() - from < 3; tries++) {
        (void)sched_yield();
    }
}

void orders_reach(enum sr_crashpoint point)
{
    switch (point) {
    case SR_CRASHPOINT_spill_after_intent:
        dawdle(update);
        break;
    case SR_CRASHPOINT_spill_before_commit:
        tell(COMMITTED, ++update);
        break;
    case SR_CRASHPOINT_spill_after_commit:
        tell(CELL, update);
        break;
    case SR_CRASHPOINT_ring_before_owned:
        tell(LIVES, lives);
        break;
    case SR_CRASHPOINT_registry_before_standing:
        dawdle(0);
        break;
    case SR_CRASHPOINT_publish_half_written:
        dawdle(publishing);
        break;
    case SR_CRASHPOINT_publish_before_raise:
        tell(RAISED, publishing);
        break;
    default:
        break;
    }
}

#define FIGURES 16u
static struct {
    _Atomic uint64_t latch;
    uint64_t copies[2][FIGURES];
} figures;

void orders_loaded(const void *at, uint64_t value)
{
    const uintptr_t offset = (uintptr_t)at - (uintptr_t)figures.copies;
    if (offset < sizeof figures.copies && value != 0) {
        expect_told(WRITTEN, value); /* who sees a word sees every raise before it */
    }
    if (at == (const void *)&figures.latch && publishing == 0) {
        dawdle(value); /* a reader, who then finds later words */
    }
}

/* --- scenarios: one thread each ------------------------------------------------------------------------------------------------------ */

/* Of the looks of this thread: there is one more after the other one has ended. */
static bool was_last(void)
{
    static __thread bool is_last;
    const bool was = is_last;
    take_turn();
    is_last =
        atomic_load_explicit(&is_over, memory_order_relaxed) != 0; /* relaxed: orders nothing, on purpose */
    return was;
}

static void end(void)
{
    atomic_store_explicit(&is_over, 1, memory_order_relaxed); /* relaxed: as above */
}

static void claim(void)
{
    if (sr_ring_claim(segment, SLOT, SR_PRIMITIVE_OVERFLOW, SR_CLASS_small, 1, &ring) != SLIPRING_OK) {
        (void)fprintf(stderr, "no ring\n");
        exit(1);
    }
}

/* No sample is spilled: that would tell of those before it in another way. */
static void wait_for_room(void)
{
    /* relaxed: orders nothing, on purpose */
    while (ring.hot.tail - __c11_atomic_load(&ring.consumer->head, memory_order_relaxed) >
           ring.hot.mask - 8) {
        (void)sched_yield();
    }
}

/* Into the ring, the quick way (where it looks at the head, the long one). */
static void *produce_samples(void *unused)
{
    (void)unused;
    struct slipring_inline_view *view = (struct slipring_inline_view *)(void *)&ring;
    const struct sr_spill_sample sample = {
        .meta = SR_KIND_EXECUTION, .duration_ns = 5, .cost = COST, .savings = COST};
    for (uint32_t i = 0; i < 2 * COUNT; i++) {
        if (!slipring_inline_put(&view->ring, &view->spill, false, 5, true, 0, COST, COST)) {
            (void)!sr_ring_put(&ring, &sample);
        }
    }
    end();
    return NULL;
}

static void *produce_samples_slowly(void *unused)
{
    (void)unused;
    const struct sr_spill_sample sample = {.meta = SR_KIND_EXECUTION, .duration_ns = 5};
    for (uint32_t i = 0; i < COUNT; i++) {
        wait_for_room();
        (void)!sr_ring_put(&ring, &sample);
    }
    end();
    return NULL;
}

static void *drain_samples(void *unused)
{
    (void)unused;
    static struct sr_tally tally;
    static const struct sr_tally_bounds bounds;
    uint64_t head = 0;
    do {
        struct sr_ring_sight sight;
        if (sr_drain_look(&drain, 0, &sight)) {
            const uint64_t there = sight.line.tail - head;
            head += sr_drain_samples(&drain, 0, head, there, there, &bounds, &tally);
            sr_drain_publish_head(&drain, 0, head);
        }
    } while (!was_last());
    return NULL;
}

/* Into the spill block alone: all into its last cell, each of 1 ns, with a cost or without. */
static void spill(uint64_t cost)
{
    const struct sr_spill_sample sample = {
        .meta = SR_KIND_EXECUTION, .duration_ns = 1, .cost = cost, .savings = cost};
    for (uint64_t i = 1; i <= COUNT; i++) {
        sr_spill_book(&ring.spill, SR_SPILL_WORDS_SMALL - 1, &sample, -1);
        tell(WHOLE, i);
    }
    end();
}

static void *spill_plainly(void *unused)
{
    spill(0);
    return unused;
}

static void *spill_costs(void *unused)
{
    spill(COST);
    return unused;
}

static void *look_at_stand(void *unused)
{
    (void)unused;
    do {
        struct sr_spill_stand stand;
        if (sr_spill_read_stand(sr_segment_producer_line(segment, 0), &stand)) {
            const uint64_t intended = stand.key >> SR_REDO_VALUE_SHIFT;
            expect_told(COMMITTED, stand.sum);
            expect_told(WHOLE, intended ? intended - 1 : 0);
        }
    } while (!was_last());
    return NULL;
}

static struct sr_words no_words;

/* The first `words` of the block, as an agent folds them. */
static const struct sr_fold *look_at_block(uint32_t words)
{
    static struct sr_fold fold;
    fold.words = words;
    sr_fold_read(&fold, sr_segment_spill(segment, 0), sr_segment_producer_line(segment, 0), &no_words);
    return &fold;
}

static void *look_at_cells(void *unused)
{
    (void)unused;
    do {
        expect_told(CELL, look_at_block(SR_SPILL_WORDS_SMALL)->now[SR_SPILL_WORDS_SMALL - 1]);
    } while (!was_last());
    return NULL;
}

/* Without the cells: who sees a cost sees its cell by the orders of the cost alone. */
static void *look_at_costs(void *unused)
{
    (void)unused;
    do {
        expect_told(CELL, look_at_block(SR_SPILL_CELLS)->now[SR_SPILL_COST]);
    } while (!was_last());
    return NULL;
}

static void *begin_spans(void *unused)
{
    (void)unused;
    for (uint64_t i = 1; i <= COUNT; i++) {
        tell(BEGUN, i);
        sr_ring_count_begun(&ring);
    }
    end();
    return NULL;
}

static void *look_at_begun(void *unused)
{
    (void)unused;
    do {
        expect_told(BEGUN, sr_drain_begun(&drain, 0));
    } while (!was_last());
    return NULL;
}

/* Claim, give back; the other one frees it. */
static void *own_and_release(void *unused)
{
    (void)unused;
    for (lives = 1; lives <= COUNT / 4; lives++) {
        const _Atomic uint64_t *state = sr_segment_ring_state(segment, 0);
        const uint32_t wanted = lives == 1 ? SR_RING_EMPTY : SR_RING_FREE;
        /* relaxed: orders nothing, on purpose */
        while (sr_state_of(atomic_load_explicit(state, memory_order_relaxed)) != wanted) {
            (void)sched_yield();
        }
        claim();
        expect_told(FREED, ring.generation - 1);
        tell(RELEASED, ring.generation);
        sr_ring_release(&ring);
    }
    end();
    return NULL;
}

static void *reap(void *unused)
{
    (void)unused;
    do {
        const uint64_t word = sr_drain_state(&drain, 0);
        const uint32_t generation = sr_state_generation(word);
        if (sr_state_of(word) == SR_RING_OWNED) {
            expect_told(LIVES, generation);
        } else if (sr_state_of(word) == SR_RING_RELEASED) {
            expect_told(RELEASED, generation);
            tell(FREED, generation);
            (void)!sr_drain_change_state(&drain, 0, word, SR_RING_FREE);
        }
    } while (!was_last());
    return NULL;
}

#define NAMES 40u

static const char *name_of(uint32_t number)
{
    static __thread char name[16];
    (void)snprintf(name, sizeof name, "name_%u", number);
    return name;
}

static void *register_names(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < NAMES; i++) {
        uint32_t id = 0;
        (void)!sr_registry_get(segment, name_of(i), TYPE, SLOT, &id);
    }
    end();
    return NULL;
}

static void *find_names(void *unused)
{
    (void)unused;
    do {
        uint32_t id = 0;
        for (uint32_t i = 0; i < NAMES; i++) {
            (void)!sr_registry_find(segment, name_of(i), TYPE, &id);
        }
    } while (!was_last());
    return NULL;
}

/* As the agent does. */
static void *read_names(void *unused)
{
    (void)unused;
    do {
        for (uint32_t id = 0; id < NAMES; id++) {
            struct sr_catalog_name name;
            uint32_t slot = 0;
            if (sr_catalog_state(&drain, id, &slot) == SR_REGISTRY_READY) {
                (void)!sr_catalog_read(&drain, id, &name);
            }
        }
    } while (!was_last());
    return NULL;
}

static void *give_objectives(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        const struct slipring_objective objective = {.name = name_of(i),
                                                     .kind = SLIPRING_LATENCY,
                                                     .target_ppb = 990000000,
                                                     .threshold_ns = i + 1,
                                                     .period_s = SLIPRING_PERIOD_MIN_S};
        (void)!sr_registry_objective(segment, SR_PRIMITIVE_OVERFLOW, &objective, false);
    }
    end();
    return NULL;
}

/* As the agent reads them, and as a producer does. */
static void *read_objectives(void *unused)
{
    (void)unused;
    static struct sr_catalog_lists lists;
    do {
        sr_catalog_read_lists(&drain, SR_PRIMITIVE_OVERFLOW, &lists);
    } while (!was_last());
    return NULL;
}

static void *read_thresholds(void *unused)
{
    (void)unused;
    struct sr_spill_bounds bounds;
    do {
        memset(&bounds, 0, sizeof bounds);
        sr_spill_read_bounds(&bounds, segment, SR_PRIMITIVE_OVERFLOW, 1);
    } while (!was_last());
    return NULL;
}

static void *publish(void *unused)
{
    (void)unused;
    for (publishing = 1; publishing <= COUNT; publishing++) {
        uint64_t from[FIGURES];
        for (uint32_t i = 0; i < FIGURES; i++) {
            from[i] = publishing;
        }
        tell(WRITTEN, publishing);
        sr_publish_write(&figures.latch, figures.copies, sizeof figures.copies[0], from, sizeof from);
    }
    end();
    return NULL;
}

static void *read_published(void *unused)
{
    (void)unused;
    do {
        uint64_t out[FIGURES];
        if (sr_publish_read(&figures.latch, figures.copies, sizeof figures.copies[0], 0, out, sizeof out) ==
            SLIPRING_OK) {
            expect_told(RAISED, out[0]);
        }
    } while (!was_last());
    return NULL;
}

/* --- running one ------------------------------------------------------------------------------------------------------------------------ */

struct part {
    void *(*run)(void *);
    uint32_t whose_turn;
};

static void *play(void *part)
{
    whose_turn = ((const struct part *)part)->whose_turn;
    return ((const struct part *)part)->run(NULL);
}

static const struct scenario {
    const char *name;
    void *(*one)(void *);
    void *(*other)(void *);
    bool takes_ring;
} scenarios[] = {
    {"samples", produce_samples, drain_samples, true},
    {"samples_slowly", produce_samples_slowly, drain_samples, true},
    {"stand", spill_plainly, look_at_stand, true},
    {"cells", spill_plainly, look_at_cells, true},
    {"costs", spill_costs, look_at_costs, true},
    {"begun", begin_spans, look_at_begun, true},
    {"states", own_and_release, reap, false},
    {"names", register_names, find_names, false},
    {"names_agent", register_names, read_names, false},
    {"objectives", give_objectives, read_objectives, false},
    {"thresholds", give_objectives, read_thresholds, false},
    {"latch", publish, read_published, false},
};

/* Pages are there, and called reserved. */
static void lay_ground(void)
{
    void *base = mmap(NULL, sizeof(struct sr_ring_map), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    segment->map.base = base;
    segment->map.bytes = sizeof(struct sr_ring_map);
    struct sr_ring_map *map = base;
    memset(map->primitive_page, 1, NAMES + 2);
    memset(map->extent_page, 1, 1);
    memset(map->ring_page, 1, SR_EXTENT_RINGS);
    sr_segment_header(segment)->control.primitive_limit = NAMES + 1;
    no_words.exists = calloc(SR_WORD_PAGES / 64 + 1, sizeof no_words.exists[0]);
    drain.home = calloc(SR_RING_MAX, sizeof drain.home[0]); /* each ring lives in the segment itself */
    if (!no_words.exists || !drain.home || sr_registry_add_overflow(segment) != SLIPRING_OK) {
        exit(1);
    }
}

int main(int argc, char **argv)
{
    for (uint32_t i = 0; argc == 2 && i < SR_ARRAY_COUNT(scenarios); i++) {
        const struct scenario *scenario = &scenarios[i];
        if (strcmp(argv[1], scenario->name) == 0) {
            struct part parts[2] = {{scenario->one, 0}, {scenario->other, 1}};
            pthread_t one, other;
            lay_ground();
            if (scenario->takes_ring) {
                claim();
            }
            if (pthread_create(&one, NULL, play, &parts[0]) != 0 ||
                pthread_create(&other, NULL, play, &parts[1]) != 0) {
                return 1;
            }
            return pthread_join(one, NULL) | pthread_join(other, NULL);
        }
    }
    (void)fprintf(stderr, "usage: orders SCENARIO\n");
    return 2;
}
