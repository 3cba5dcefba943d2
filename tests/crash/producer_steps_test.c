/* SPDX-License-Identifier: Apache-2.0 */
/* ctest-labels: crash-slow
 * ctest-timeout: 600
 *
 * A producer that is killed after any instruction of the library's calls, and the agent's own code that reaps it: the books hold the
 * call whole or not at all, what was in flight is aborted once, and every ring and slot comes back into use, for the next one to be killed in.
 *
 * The call runs under PTRACE_SINGLESTEP in a child, which is killed in earnest: after each instruction that changes a segment or may change what the kernel
 * keeps of the store (support/watch.h says why these stand for all), and after some of the others.
 *
 * $SLIPRING_TEST_STEPS=all: after each of all (but where the C library has most of them: a thread's end).
 * $SLIPRING_TEST_ONLY: a pattern that the test's name has to match. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/drain/drain.h"
#include "api/process.h"
#include "peer/catalog.h"
#include "peer/census.h"
#include "support/child.h"
#include "support/fold.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/rig.h"
#include "support/stepper.h"
#include "support/watch.h"
#include "support/workload.h"

#define OTHERS   (WORKLOAD_IS_SLOW ? 4u : 12u) /* so many of the instructions that change nothing */
#define SHORT_NS UINT64_C(60000)
#define LONG_NS  UINT64_C(100000) /* a bound lies in its bucket */

/* One call, and what comes before it. `meet` and `look` alone do not run in the child. */
struct scene {
    void (*prepare)(void);
    void (*meet)(void);  /* this process's, when the child has prepared; NULL: nothing */
    void (*again)(void); /* and what the child does then; NULL: nothing */
    void (*call)(void);
    void (*look)(void); /* this process's, when the child is dead, and no agent has noticed; NULL: nothing */
    void (*add)(struct tally *); /* what the call adds to the books */
    bool may_tear;               /* the shared spill: told as torn, and the primitive is not used again */
    bool is_new;                 /* each try has a primitive of its own */
    bool is_mostly_others;       /* 100,000 instructions of the C library: run from store to store */
};

static const struct scene *scene;
static struct workload load;
static struct tally *sum; /* what is surely in the books; the child counts here what it prepares */
static uint32_t tries;
static char name[16];
static uint32_t ends_seen;

static struct slipring_primitive *work(void)
{
    return load.primitives[0];
}

/* --- what the child does ---------------------------------------------------------------------------------------------------------- */

static struct slipring_span span;

static struct slipring_cost price(void)
{
    return (struct slipring_cost){
        .cost_nanodollars = 3, .savings_nanodollars = 5, .category = load.categories[0][1]};
}

static void record_short(void)
{
    slipring_record(work(), SHORT_NS, SLIPRING_SUCCESS, NULL);
}

static void add_short(struct tally *tally)
{
    tally_execution(tally, SHORT_NS, false, NULL);
}

static void record_and_count(void)
{
    record_short();
    add_short(sum);
}

static void record_price(void)
{
    const struct slipring_cost cost = price();
    slipring_record(work(), LONG_NS, SLIPRING_FAILURE, &cost);
}

static void add_price(struct tally *tally)
{
    struct slipring_cost cost = price();
    cost.category = 1; /* the tally's own number */
    tally_execution(tally, LONG_NS, true, &cost);
}

static void record_amount(void)
{
    const struct slipring_cost cost = price();
    slipring_record_cost(work(), &cost);
}

static void add_amount(struct tally *tally)
{
    struct slipring_cost cost = price();
    cost.category = 1;
    tally_amount(tally, &cost);
}

static void begin(void)
{
    span = slipring_begin(work());
}

static void add_begin(struct tally *tally)
{
    tally->begun++;
}

static void record_and_begin(void)
{
    record_and_count();
    begin();
    add_begin(sum);
    workload_pretended_ns += SHORT_NS;
}

static void end(void)
{
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
}

static void add_end(struct tally *tally)
{
    add_short(tally);
    tally->ended++;
}

static void cancel(void)
{
    slipring_cancel(&span);
}

static void add_cancel(struct tally *tally)
{
    tally->cancels++;
    tally->ended++;
}

static void lap(void)
{
    (void)slipring_lap(&span, SLIPRING_SUCCESS, NULL);
}

static void reserve_and_commit(void)
{
    struct slipring_reservation reservation;
    slipring_reserve(work(), &reservation);
    *reservation.cost_nanodollars = price().cost_nanodollars;
    *reservation.savings_nanodollars = price().savings_nanodollars;
    slipring_commit(&reservation, LONG_NS, SLIPRING_FAILURE, price().category);
}

static void fill(void)
{
    do {
        record_and_count();
    } while (!sr_thread_find(work())->spilling);
}

static void fill_and_begin(void)
{
    fill();
    record_and_begin();
}

/* Until the next record looks at the head, and at what is offered. */
static void fill_to_the_brim(void)
{
    const struct sr_ring *ring = sr_thread_find(work());
    do {
        record_and_count();
    } while (ring->hot.limit != ring->hot.tail);
}

static void do_nothing(void) {}

static void add_nothing(struct tally *tally)
{
    (void)tally;
}

static void close_store(void)
{
    CHECK_OK(slipring_close(rig_producer));
}

#if !CHECK_IS_SANITIZED /* whose runtime does not end a traced process well */
/* The thread ends, and its process with it. */
static void end_thread(void)
{
    pthread_exit(NULL);
}
#endif

/* Whoever records now is, as far as the library can tell, a handler that interrupted a record. */
static void leave_reserved(void)
{
    struct slipring_reservation reservation;
    record_and_count();
    slipring_reserve(work(), &reservation);
}

static void register_name(void)
{
    char own[32];
    struct slipring_primitive *primitive = NULL;
    (void)snprintf(own, sizeof own, "name-%u", tries);
    CHECK_OK(slipring_primitive_get(rig_producer, own, NULL, &primitive));
}

static void be_producer(void *unused)
{
    (void)unused;
    (void)alarm(0); /* stepping takes its time; whoever traces it ends it */
    scene->prepare();
    stepper_gate();
    if (scene->again) {
        scene->again();
    }
    stepper_gate();
    scene->call();
    stepper_gate();
}

/* --- this process ------------------------------------------------------------------------------------------------------------------- */

static void offer_a_bigger_ring(void)
{
    rig_tick(&rig, RIG_SECOND / 10);
}

static void register_the_same_name(void)
{
    char own[32];
    (void)snprintf(own, sizeof own, "name-%u", tries);
    register_name();
    CHECK_EQUAL(fold_entries(rig.options.store, own), 1);
}

static void open_primitive(void)
{
    char prefix[8];
    (void)snprintf(prefix, sizeof prefix, "t%u.", tries);
    (void)snprintf(name, sizeof name, "%s0", prefix);
    workload_open(&load, rig_producer, prefix, 1);
    tally_init(sum, load.threshold_ns[0]);
}

/* A producer that stands before the call. */
static pid_t start_producer(enum watch_manner manner)
{
    if (scene->is_new || tries == 0) {
        open_primitive();
    }
    tries++;
    const pid_t producer = stepper_start(be_producer, NULL);
    CHECK(producer != 0);
    if (scene->meet) {
        scene->meet();
    }
    CHECK(stepper_go(producer, 0));
    watch_begin(producer, rig.options.store, manner);
    return producer;
}

/* --- the judge -------------------------------------------------------------------------------------------------------------------------- */

static void expect_all_back(void)
{
    const struct sr_drain *rings = agent_store_rings(rig.store);
    uint32_t slots = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        const uint32_t state = sr_state_of(sr_drain_state(rings, ring));
        if (state != SR_RING_EMPTY && state != SR_RING_FREE) {
            check_fail(__FILE__, __LINE__, "ring %u is left in state %u", ring, state);
        }
    }
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        slots += sr_census_state(rings, slot) != SR_SLOT_FREE;
    }
    CHECK_EQUAL(slots, 1); /* this process's, which registers */
    for (uint32_t id = 0; id < sr_catalog_high(rings); id++) {
        uint32_t slot = 0;
        const uint32_t state = sr_catalog_state(rings, id, &slot);
        CHECK(state == SR_REGISTRY_EMPTY || state == SR_REGISTRY_READY);
    }
}

static bool is_as(const struct tally *want, const struct slipring_stats *stats)
{
    uint64_t cost = 0;
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        cost += want->cost[i];
    }
    return stats->count == tally_count(want) && stats->aborted == want->begun - want->ended &&
           stats->cost_nanodollars == cost;
}

/* The call is in the books, or is not; nothing else moved. */
static void expect_whole_or_nothing(bool is_over)
{
    struct tally with = *sum;
    const struct slipring_stats stats = rig_stats(&rig, name);
    const struct slipring_stats_detail detail = rig_detail(&rig, name);
    scene->add(&with);
    const bool has_happened = is_as(&with, &stats) && (is_over || !is_as(sum, &stats));
    const struct tally *want = has_happened ? &with : sum;
    CHECK(has_happened || !is_over);
    workload_expect(&load, 0, want, want->begun - want->ended, &stats, &detail);
    ends_seen |= has_happened ? 2u : 1u;
    *sum = *want;
}

static void expect_at_most_one_torn(uint64_t torn_before, bool is_over)
{
    const uint64_t torn = rig_figures(&rig).samples_torn - torn_before;
    CHECK(torn <= 1);
    if (torn == 0) {
        expect_whole_or_nothing(is_over);
        return;
    }
    const uint64_t count = rig_stats(&rig, name).count;
    CHECK(!is_over);
    CHECK(count == tally_count(sum) || count == tally_count(sum) + 1);
    ends_seen |= 4u;
}

static void judge(bool is_over)
{
    const uint64_t torn = rig_figures(&rig).samples_torn;
    if (scene->look) {
        scene->look();
    }
    rig.now_ns += RIG_SECOND;
    rig_settle(&rig);
    if (scene->may_tear) {
        expect_at_most_one_torn(torn, is_over);
    } else {
        CHECK_EQUAL(rig_figures(&rig).samples_torn, torn);
        expect_whole_or_nothing(is_over);
    }
    expect_all_back();
}

/* --- killing -------------------------------------------------------------------------------------------------------------------------- */

static void finish_killing(pid_t producer, bool is_over)
{
    if (!watch_has_ended()) {
        stepper_kill(producer);
    }
    judge(is_over);
}

/* Once through all of it. */
static void go_through(uint32_t *out_steps, uint32_t *out_runs)
{
    const pid_t producer = start_producer(WATCH_STEPPING);
    *out_steps = *out_runs = 0;
    while (watch_step()) {
        *out_steps += 1;
        *out_runs += watch_has_changed();
    }
    finish_killing(producer, true);
}

static void run_through(uint32_t *out_runs)
{
    const pid_t producer = start_producer(WATCH_QUICKLY);
    *out_runs = 0;
    while (watch_next()) {
        *out_runs += 1;
    }
    finish_killing(producer, true);
}

static void kill_after_run(uint32_t runs)
{
    const pid_t producer = start_producer(WATCH_QUICKLY);
    bool is_over = false;
    for (uint32_t i = 0; i < runs && !is_over; i++) {
        is_over = !watch_next();
    }
    finish_killing(producer, is_over);
}

static void kill_after_step(uint32_t steps)
{
    const pid_t producer = start_producer(WATCH_STEPPING);
    bool is_over = false;
    for (uint32_t i = 0; i < steps && !is_over; i++) {
        is_over = !watch_step();
    }
    finish_killing(producer, is_over);
}

static bool wants_all(void)
{
    const char *wish = getenv("SLIPRING_TEST_STEPS");
    return wish && strcmp(wish, "all") == 0;
}

static void kill_everywhere(void *argument)
{
    scene = argument;
    sum = child_share(sizeof *sum);
    watch_stay_here();
    workload_pretended_ns = 990 * RIG_SECOND;
    rig = rig_of(place_new_store());
    rig.options.primitive_limit = SR_PRIMITIVE_MAX;
    rig_open(&rig);
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    uint32_t runs = 0;
    uint32_t steps = 0;
    uint32_t kills = 0;
    run_through(&runs); /* what only a first time has: pages that are not reserved yet */
    if (scene->is_mostly_others) {
        run_through(&runs);
    } else {
        go_through(&steps, &runs);
    }
    for (uint32_t i = 0; i <= runs; i++, kills++) {
        kill_after_run(i);
    }
    const uint32_t stride = wants_all() ? 1 : steps / OTHERS + 1;
    for (uint32_t i = stride / 2; i < steps; i += stride, kills++) {
        kill_after_step(i);
    }
    print_message("%u instructions stepped, %u of them change something: %u producers killed, %s%s%s\n",
                  steps, runs, kills, ends_seen & 1u ? "before" : "", ends_seen & 2u ? " and after" : "",
                  ends_seen & 4u ? ", or torn" : "");
    (void)fflush(stdout);
    CHECK_EQUAL(ends_seen & 3u, 3);
    rig_expect_balance(&rig);
    rig_stop(&rig);
}

static void kill_in_child(void **state)
{
    for (int i = 0; i < 4; i++) { /* the child's are the next ones, which we do not see */
        (void)place_new_store();
    }
    child_run_patiently(kill_everywhere, *state);
}

/* --- the tests --------------------------------------------------------------------------------------------------------------------------- */

#define SCENE(name, ...)                                                                                     \
    {                                                                                                        \
#name, kill_in_child, NULL, NULL, &(struct scene)                                                    \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

static int run(void)
{
    if (!watch_is_possible()) {
        (void)printf("stepping is for x86-64, not for ThreadSanitizer, and has to be allowed: not tried\n");
        return 0;
    }
    cmocka_set_test_filter(getenv("SLIPRING_TEST_ONLY"));
    const struct CMUnitTest tests[] = {
        SCENE(a_record_into_the_ring_is_booked_or_not, .prepare = record_and_count, .call = record_price,
              .add = add_price),
        SCENE(a_record_into_the_spill_is_booked_or_not, .prepare = fill, .call = record_price,
              .add = add_price),
        SCENE(a_cost_alone_is_booked_or_not, .prepare = fill, .call = record_amount, .add = add_amount),
        SCENE(a_record_into_the_shared_spill_is_booked_or_not_or_told_as_torn, .prepare = leave_reserved,
              .call = record_price, .add = add_price, .may_tear = true, .is_new = true),
        SCENE(a_reservation_is_booked_or_not, .prepare = record_and_count, .call = reserve_and_commit,
              .add = add_price),
        SCENE(a_span_is_aborted_once_it_has_begun, .prepare = record_and_count, .call = begin,
              .add = add_begin),
        SCENE(a_span_is_booked_or_aborted, .prepare = record_and_begin, .call = end, .add = add_end),
        SCENE(a_span_is_booked_in_the_spill_or_aborted, .prepare = fill_and_begin, .call = end,
              .add = add_end),
        SCENE(a_span_is_cancelled_or_aborted, .prepare = record_and_begin, .call = cancel, .add = add_cancel),
        SCENE(a_lap_is_booked_or_not_and_its_span_aborted, .prepare = record_and_begin, .call = lap,
              .add = add_short),
        SCENE(a_first_record_is_booked_or_not_and_its_ring_and_slot_come_back, .prepare = do_nothing,
              .call = record_price, .add = add_price),
        SCENE(a_record_that_adopts_a_bigger_ring_is_booked_or_not, .prepare = fill,
              .meet = offer_a_bigger_ring, .again = fill_to_the_brim, .call = record_price, .add = add_price),
        SCENE(a_name_that_a_dead_process_was_registering_can_be_registered, .prepare = do_nothing,
              .call = register_name, .look = register_the_same_name, .add = add_nothing),
        SCENE(a_store_that_is_being_closed_loses_nothing, .prepare = record_and_begin, .call = close_store,
              .add = add_nothing),
#if !CHECK_IS_SANITIZED
        SCENE(a_thread_that_is_ending_loses_nothing, .prepare = record_and_begin, .call = end_thread,
              .add = add_nothing, .is_mostly_others = true),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
