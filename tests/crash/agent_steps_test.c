/* SPDX-License-Identifier: Apache-2.0 */
/* ctest-labels: crash-slow
 * ctest-timeout: 600
 *
 * An agent that is killed after any of its instructions, in each thing that it does: start, drain, offer, reap, retire, publish, start after such
 * a kill. The next agent has every sample, nano-dollar and aborted span once, nothing that a reader was shown falls, and no ring stays behind.
 *
 * The agent's own code runs in a child that is watched (support/watch.h, which says why the instructions that change a segment stand for all).
 * After each of those the store is copied as a kill would leave it, and a new agent opens the copy. Every few of them another child is
 * brought there and killed in earnest: it must leave the same bytes, and the new agent opens the store itself, with the living producers' locks.
 *
 * $SLIPRING_TEST_STEPS=all: the child is stepped through every instruction, and killed in earnest at each that changes something, and every state is
 * judged. $SLIPRING_TEST_FIRST: 0 to 31, which state is the first one that is judged otherwise; each run takes another one, and says which.
 * $SLIPRING_TEST_ONLY: a pattern that the test's name has to match. */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/drain/drain.h"
#include "api/process.h"
#include "peer/audit.h"
#include "peer/census.h"
#include "support/child.h"
#include "support/place.h"
#include "support/pretend_clock.h"
#include "support/rig.h"
#include "support/shown.h"
#include "support/stepper.h"
#include "support/twin.h"
#include "support/watch.h"
#include "support/workload.h"

#define PRIMITIVES   SHOWN_PRIMITIVES
#define WORKERS      3u /* the test itself, its thread, a child that dies */
#define KILL_MAX     20000u
#define AUDIT_STRIDE 4u
#define LATER_NS     (200 * RIG_SECOND) /* when the next agent comes */
#define KILL_STRIDE  100u

/* --- the truth ------------------------------------------------------------------------------------------------------------------------ */

static char store[16], twin[16], at_start[16], at_gate[16];
static struct workload load;
static struct tally *sums;
static struct worker worker[WORKERS];
static uint64_t *aborted;  /* by primitive */
static uint64_t in_flight; /* of primitive 0, in this process */
static uint64_t retired;   /* rings, in the end */

static struct slipring_span span_in_flight;

static void begin_world(void)
{
    (void)snprintf(store, sizeof store, "%s", place_new_store());
    (void)snprintf(twin, sizeof twin, "%s", place_new_store());
    (void)snprintf(at_start, sizeof at_start, "%s", place_new_store());
    (void)snprintf(at_gate, sizeof at_gate, "%s", place_new_store());
    workload_pretended_ns = 990 * RIG_SECOND;
    in_flight = 0;
    retired = 0;
    CHECK_OK(slipring_open(store, &rig_producer));
    workload_open(&load, rig_producer, "p", PRIMITIVES);
    sums = workload_sums(&load, WORKERS);
    aborted = child_share(PRIMITIVES * sizeof *aborted);
    for (uint32_t i = 0; i < WORKERS; i++) {
        worker[i] = worker_of(&load, &sums[i * PRIMITIVES], i + 1);
    }
    rig = rig_of(store);
    rig.options.retire_after_ns = RIG_SECOND;
}

static void step(uint32_t which, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        worker_step(&worker[which]);
    }
}

#define FILL 520u

/* The ring of primitive 0 is full, and its block holds durations at a bound, and money. */
static void fill_a_ring_of(uint32_t which)
{
    struct tally *sum = &sums[which * PRIMITIVES];
    struct slipring_cost cost = {
        .cost_nanodollars = 7, .savings_nanodollars = 11, .category = load.categories[0][1]};
    for (uint32_t i = 0; i < FILL; i++) {
        slipring_record(load.primitives[0], 60000, SLIPRING_SUCCESS, NULL);
        tally_execution(sum, 60000, false, NULL);
    }
    for (uint32_t i = 0; i < 3; i++) {
        cost.category = load.categories[0][1];
        slipring_record(load.primitives[0], load.threshold_ns[0], SLIPRING_FAILURE, &cost);
        cost.category = 1; /* the tally's own number */
        tally_execution(sum, load.threshold_ns[0], true, &cost);
    }
}

static void fill_a_ring(void)
{
    fill_a_ring_of(0);
}

static void record_in_a_reservation(void)
{
    struct slipring_reservation reservation;
    slipring_reserve(load.primitives[1], &reservation);
    slipring_record(load.primitives[1], 2000000, SLIPRING_FAILURE, NULL); /* to the shared spill */
    slipring_commit(&reservation, 1000000, SLIPRING_SUCCESS, 0);
    tally_execution(&sums[1], 2000000, true, NULL);
    tally_execution(&sums[1], 1000000, false, NULL);
}

static void *live_and_end(void *unused)
{
    (void)unused;
    workload_pretended_ns = 990 * RIG_SECOND;
    fill_a_ring_of(1);
    step(1, 12);
    worker_finish(&worker[1]);
    return NULL;
}

static void live_and_die(void *unused)
{
    struct slipring_reservation reservation;
    (void)unused;
    fill_a_ring_of(2);
    step(2, 20);
    worker_abandon(&worker[2], aborted);
    (void)slipring_begin(load.primitives[1]);
    slipring_reserve(load.primitives[1], &reservation); /* what begins now stands in the slot's table */
    (void)slipring_begin(load.primitives[1]);
    sums[2 * PRIMITIVES + 1].begun += 2;
    aborted[1] += 2;
    (void)kill(getpid(), SIGKILL);
}

/* Something of everything, in rings of two primitives: of a living thread, one that ended, and a process that died. */
static void leave_news(void)
{
    pthread_t thread;
    fill_a_ring();
    record_in_a_reservation();
    step(0, 12);
    worker_finish(&worker[0]);
    if (in_flight == 0) {
        span_in_flight = slipring_begin(load.primitives[0]);
        sums[0].begun++;
        in_flight = 1;
    }
    CHECK_EQUAL(pthread_create(&thread, NULL, live_and_end, NULL), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    child_dies_by(child_start(live_and_die, NULL), SIGKILL);
}

static uint32_t judged;
static uint32_t first_judged;

/* --- the judge ------------------------------------------------------------------------------------------------------------------------- */

static void expect_truth(const char *of)
{
    static struct shown shown;
    static struct tally want;
    shown_read(of, &shown);
    for (uint32_t i = 0; i < PRIMITIVES; i++) {
        workload_merge(&load, sums, WORKERS, i, &want);
        if (i == 0) {
            CHECK_EQUAL(shown.stats[0].active, in_flight);
            shown.stats[0].active = 0;
            want.begun -= in_flight;
        }
        workload_expect(&load, i, &want, aborted[i], &shown.stats[i], &shown.detail[i]);
    }
    CHECK_EQUAL(shown.agent.samples_torn, 0);
    CHECK_EQUAL(shown.agent.samples_quarantined, 0);
    CHECK_EQUAL(shown.agent.samples_refused, 0);
    CHECK_EQUAL(shown.agent.spans_unattributed, 0);
    CHECK_EQUAL(shown.agent.rings_retired, retired);
}

/* Every ring is free but for the living thread's, and every slot but for its process's. */
static void expect_nothing_left(struct rig *next)
{
    const struct sr_drain *rings = agent_store_rings(next->store);
    uint32_t slots = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        const uint32_t state = sr_state_of(sr_drain_state(rings, ring));
        if (state != SR_RING_EMPTY && state != SR_RING_FREE && state != SR_RING_OWNED) {
            check_fail(__FILE__, __LINE__, "ring %u is left in state %u", ring, state);
        }
    }
    CHECK_EQUAL(agent_store_books(next->store)->batch.count, 0);
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        slots += sr_census_state(rings, slot) != SR_SLOT_FREE;
    }
    CHECK_EQUAL(slots, 1);
}

static void expect_no_fault(const char *of)
{
    struct sr_audit audit;
    CHECK_OK(sr_audit_take(of, &audit));
    for (uint32_t i = 0; i < audit.fault_count && i < SR_AUDIT_FAULT_MAX; i++) {
        check_fail(__FILE__, __LINE__, "%s: %s", of, sr_audit_fault_text(audit.faults[i].kind));
    }
}

/* This is what a kill left: let the next agent come. `first`: what was shown before. */
static void judge(const char *of, const struct shown *first)
{
    static struct shown before;
    static struct shown after;
    shown_read(of, &before);
    shown_expect_whole(&before);
    shown_expect_no_fall(first, &before);
    if (judged % AUDIT_STRIDE == 0) {
        expect_no_fault(of);
    }
    struct rig next = rig_of(of);
    next.options.retire_after_ns = RIG_SECOND;
    next.now_ns = rig.now_ns + LATER_NS;
    rig_open(&next);
    shown_read(of, &after);
    shown_expect_no_fall(&before, &after);
    rig_settle(&next);
    rig_tick(&next, 12 * RIG_SECOND); /* what it offered goes back */
    rig_tick(&next, 2 * RIG_SECOND);
    rig_settle(&next);
    expect_truth(of);
    rig_expect_balance(&next);
    expect_nothing_left(&next);
    rig_drop(&next);
}

static void judge_twin(const struct shown *first)
{
    twin_copy(store, twin);
    const int lock = twin_keep_alive(twin, sr_process->attachments[rig_producer->index].slot.slot);
    judge(twin, first);
    twin_let_die(lock);
}

/* --- killing -------------------------------------------------------------------------------------------------------------------------- */

struct scene {
    void (*before)(void); /* the agent's, not watched; NULL: nothing */
    void (*news)(void);   /* this process's, while the agent waits; NULL: nothing */
    void (*act)(void);    /* the agent's, watched */
};

static const struct scene *scene;

static uint64_t hashes[KILL_MAX];

static void be_agent(void *unused)
{
    (void)unused;
    (void)alarm(0); /* stepping takes its time; whoever traces it ends it */
    if (scene->before) {
        scene->before();
    }
    stepper_gate();
    scene->act();
    stepper_gate();
}

/* An agent at its gate; the store as it is then. */
static pid_t start_agent(void)
{
    twin_copy(at_start, store);
    const pid_t agent = stepper_start(be_agent, NULL);
    CHECK(agent != 0);
    return agent;
}

static bool wants_all(void)
{
    const char *wish = getenv("SLIPRING_TEST_STEPS");
    return wish && strcmp(wish, "all") == 0;
}

/* Pairs that are not committed change nothing for anybody: of such states one in so many is judged. Of the others one in three, beginning with
 * another one in each run, for a judge takes some 50 ms: a new agent that opens, drains and publishes. */
#define BUILDING_STRIDE 32u
#define JUDGING_STRIDE  3u

static bool is_judged(uint32_t event)
{
    const uint32_t stride = watch_is_building() ? BUILDING_STRIDE : JUDGING_STRIDE;
    return wants_all() || event % stride == first_judged % stride;
}

/* See what a kill leaves everywhere; judge copies of it. Returns how often that changed. */
static uint32_t look_everywhere(const struct shown *first, uint32_t stride)
{
    uint32_t events = 0;
    judged = 0;
    twin_copy(store, at_start);
    const pid_t agent = start_agent();
    if (scene->news) {
        scene->news();
    }
    twin_copy(store, at_gate);
    watch_begin(agent, store, wants_all() ? WATCH_STEPPING : WATCH_QUICKLY);
    while (watch_next()) {
        if (is_judged(events)) {
            judged++;
            judge_twin(first);
        }
        if (events % stride == 0 && events / stride < KILL_MAX) {
            hashes[events / stride] = twin_hash(store);
        }
        events++;
    }
    stepper_kill(agent);
    return events;
}

/* Bring an agent there once more, and kill it in earnest. */
static void kill_after(uint32_t event, uint64_t hash, const struct shown *first)
{
    const pid_t agent = start_agent();
    twin_copy(at_gate, store);
    watch_begin(agent, store, WATCH_QUICKLY);
    for (uint32_t i = 0; i <= event; i++) {
        CHECK(watch_next());
    }
    stepper_kill(agent);
    CHECK_EQUAL(twin_hash(store), hash);
    judge(store, first);
}

/* The living go on: nothing happened to them. */
static void go_on_living(void)
{
    step(0, 50);
    worker_finish(&worker[0]);
    if (in_flight > 0) {
        slipring_cancel(&span_in_flight);
        in_flight = 0;
        sums[0].ended++;
        sums[0].cancels++;
    }
}

static void kill_everywhere(const struct scene *which)
{
    static struct shown first;
    scene = which;
    watch_counts = (struct watch_counts){.steps = 0};
    shown_read(store, &first);
    const uint32_t stride = wants_all() ? 1 : KILL_STRIDE;
    const uint32_t states = look_everywhere(&first, stride);
    const struct watch_counts counts = watch_counts;
    uint32_t kills = 0;
    for (; kills * stride < states && kills < KILL_MAX; kills++) {
        kill_after(kills * stride, hashes[kills], &first);
    }
    print_message(
        "%llu instructions %s, %llu of them stores, and %llu system calls: %u states, %u judged, %u agents "
        "killed\n",
        (unsigned long long)counts.steps, wants_all() ? "stepped" : "that matter stepped",
        (unsigned long long)counts.stores, (unsigned long long)counts.calls, states, judged, kills);
    (void)fflush(stdout);
    CHECK(judged > 0 && kills > 0);
    go_on_living();
    rig.now_ns = SR_CLOCK_BASE_NS + 2000 * RIG_SECOND;
    rig_open(&rig);
    rig_settle(&rig);
    expect_truth(store);
    rig_stop(&rig);
}

/* --- the agent's acts -------------------------------------------------------------------------------------------------------------------- */

static void open_agent(void)
{
    rig_open(&rig);
}

static void drain(void)
{
    rig.now_ns += RIG_SECOND / 10;
    while (drain_tick(rig.drain, rig.now_ns) == 0) {
    }
}

static void open_and_drain(void)
{
    open_agent();
    drain();
}

/* Twice: those that were released have to be so for a whole period. */
static void reap(void)
{
    for (int i = 0; i < 2; i++) {
        reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    }
}

static void retire(void)
{
    for (int i = 0; i < 3; i++) {
        (void)retirer_tick(rig.retirer, rig.now_ns += 2 * RIG_SECOND);
    }
}

/* Slices are closed on the way. */
static void publish(void)
{
    for (int i = 0; i < 2; i++) {
        publisher_run(rig.publisher, rig.now_ns += 10 * RIG_SECOND);
    }
}

/* What nobody took goes back. */
static void offer_and_take_back(void)
{
    drain();
    rig.now_ns += 11 * RIG_SECOND;
    drain();
}

/* --- the tests --------------------------------------------------------------------------------------------------------------------------- */

/* There was an agent before, which knows the primitives, and was killed. */
static void have_a_former_agent(void)
{
    begin_world();
    rig_open(&rig);
    leave_news();
    rig_settle(&rig);
    rig_drop(&rig);
    rig.now_ns += 10 * RIG_SECOND;
}

static void the_first_agent_of_a_store_may_be_killed_anywhere_in_its_start(void **state)
{
    (void)state;
    begin_world();
    rig_open(&rig); /* it made the segment, and knew nobody */
    rig_drop(&rig);
    leave_news();
    kill_everywhere(&(struct scene){.act = open_agent});
}

static void an_agent_may_be_killed_anywhere_in_its_start(void **state)
{
    (void)state;
    have_a_former_agent();
    leave_news();
    kill_everywhere(&(struct scene){.act = open_agent});
}

static void an_agent_may_be_killed_anywhere_in_a_drain(void **state)
{
    (void)state;
    have_a_former_agent();
    kill_everywhere(&(struct scene){.before = open_agent, .news = leave_news, .act = drain});
}

static void an_agent_may_be_killed_anywhere_while_it_reaps(void **state)
{
    (void)state;
    have_a_former_agent();
    kill_everywhere(&(struct scene){.before = open_agent, .news = leave_news, .act = reap});
}

static void an_agent_may_be_killed_anywhere_while_it_offers_rings_and_takes_them_back(void **state)
{
    (void)state;
    have_a_former_agent();
    kill_everywhere(&(struct scene){.before = open_agent, .news = fill_a_ring, .act = offer_and_take_back});
}

#define KEPT    16u /* small ones: agent/drain/retirer.c */
#define THREADS (KEPT + 2)

static pthread_barrier_t barrier;

static void *spill_and_wait(void *turn)
{
    fill_a_ring(); /* one after the other: they count in the same sums */
    (void)atomic_fetch_add((_Atomic uint32_t *)turn, 1);
    (void)pthread_barrier_wait(&barrier);
    return NULL;
}

static void leave_free_rings(void)
{
    pthread_t threads[THREADS];
    _Atomic uint32_t turn = 0;
    CHECK_EQUAL(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, spill_and_wait, &turn), 0);
        child_await(&turn, i + 1);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < 3; i++) {
        rig_settle(&rig);
        reaper_run(rig.reaper, rig.now_ns += RIG_SECOND);
    }
}

static void an_agent_may_be_killed_anywhere_while_it_retires_rings(void **state)
{
    (void)state;
    begin_world();
    rig_open(&rig);
    leave_free_rings();
    rig_drop(&rig);
    retired = THREADS - KEPT;
    kill_everywhere(&(struct scene){.before = open_agent, .act = retire});
}

static void an_agent_may_be_killed_anywhere_while_it_publishes(void **state)
{
    (void)state;
    have_a_former_agent();
    leave_news();
    kill_everywhere(&(struct scene){.before = open_and_drain, .act = publish});
}

/* An agent dies half-way between its commit and the end of applying it. */
static void kill_while_applying(void)
{
    scene = &(const struct scene){.act = open_agent};
    const pid_t agent = stepper_start(be_agent, NULL);
    watch_begin(agent, store, WATCH_QUICKLY);
    for (uint32_t applied = 0; applied < 40; applied += watch_is_applying()) {
        CHECK(watch_next());
    }
    stepper_kill(agent);
}

/* What comes back once is killed again. */
static void an_agent_may_be_killed_anywhere_while_it_goes_on_from_a_kill(void **state)
{
    (void)state;
    have_a_former_agent();
    leave_news();
    kill_while_applying();
    kill_everywhere(&(struct scene){.act = open_agent});
}

static int run(void)
{
    if (!watch_is_possible() || (WORKLOAD_IS_SLOW && !wants_all())) {
        (void)printf("stepping is for x86-64 and has to be allowed, and with sanitizers takes ten minutes "
                     "(SLIPRING_TEST_STEPS=all): not tried\n");
        return 0;
    }
    watch_stay_here();
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30); /* what an agent allocates is kept for the next one */
    (void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
    const char *wish = getenv("SLIPRING_TEST_FIRST");
    first_judged = (wish ? (uint32_t)strtoul(wish, NULL, 10) : (uint32_t)getpid()) % BUILDING_STRIDE;
    print_message("SLIPRING_TEST_FIRST=%u\n", first_judged);
    cmocka_set_test_filter(getenv("SLIPRING_TEST_ONLY"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_agent_of_a_store_may_be_killed_anywhere_in_its_start),
        cmocka_unit_test(an_agent_may_be_killed_anywhere_in_its_start),
        cmocka_unit_test(an_agent_may_be_killed_anywhere_in_a_drain),
        cmocka_unit_test(an_agent_may_be_killed_anywhere_while_it_reaps),
        cmocka_unit_test(an_agent_may_be_killed_anywhere_while_it_offers_rings_and_takes_them_back),
        cmocka_unit_test(an_agent_may_be_killed_anywhere_while_it_retires_rings),
        cmocka_unit_test(an_agent_may_be_killed_anywhere_while_it_publishes),
        cmocka_unit_test(an_agent_may_be_killed_anywhere_while_it_goes_on_from_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
