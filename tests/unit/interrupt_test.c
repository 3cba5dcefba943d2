/* SPDX-License-Identifier: Apache-2.0 */
/* A signal handler that records, at every instruction of the calls that it interrupts: a record into the ring, into a full ring's
 * spill, the first record of a thread, claiming again, closing, forking. In the end every record of both must be in the books,
 * once. ring.h G5, process.h G2. */
#include <slipring/slipring.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"
#include "support/stepper.h"
#include "support/trap.h"

#define ROUND_MAX  900u
#define MAIN_NS    UINT64_C(1000001) /* one above a bound, in its bucket */
#define HANDLER_NS UINT64_C(999999)

struct scene {
    void (*prepare)(void);   /* before each round */
    void (*interrupt)(void); /* what is interrupted */
    void (*account)(void);   /* what that adds to the books */
    bool each_has_its_own;   /* every round has a primitive of its own */
    uint32_t round;
    struct slipring_primitive *work;
    struct sink *drained; /* what the test took out of the ring; NULL: nothing */
    struct tally want;
};

static struct scene *scene;

static const struct slipring_cost price = {.cost_nanodollars = 3, .savings_nanodollars = 5, .category = 2};

static void record_in_handler(void *unused)
{
    (void)unused;
    slipring_record(scene->work, HANDLER_NS, SLIPRING_FAILURE, &price);
}

static void handle(int number)
{
    (void)number;
    record_in_handler(NULL);
}

static void record_once(void)
{
    slipring_record(scene->work, MAIN_NS, SLIPRING_SUCCESS, &price);
}

static void take_primitive(void)
{
    char name[32] = "work";
    if (scene->each_has_its_own) {
        (void)snprintf(name, sizeof name, "work-%u", scene->round);
    }
    api_set_primitive_limit(5000);
    scene->work = api_primitive(name);
}

static void expect_all_counted(void)
{
    struct tally got;
    struct tally one;
    tally_init(&got, 0);
    if (scene->drained) {
        tally_merge(&got, &scene->drained->taken[sr_handle_id(scene->work)]);
    }
    api_fold(NULL, &one);
    tally_merge(&got, &one);
    tally_expect_equal(&got, &scene->want);
    CHECK_EQUAL(got.torn, 0);
}

static void begin_round(void)
{
    scene->round++;
    if (scene->each_has_its_own || !scene->work) {
        take_primitive();
    }
    if (scene->prepare) {
        scene->prepare();
    }
}

static void run_interrupt(void *unused)
{
    (void)unused;
    scene->interrupt();
}

/* One round, with the handler at the nth of the learnt instructions. false: it did not come there. */
static bool run_round(uint32_t nth)
{
    begin_round();
    const bool is_interrupted = trap_at(run_interrupt, record_in_handler, NULL, nth);
    scene->account();
    return is_interrupted;
}

static uint32_t learn_instructions(void)
{
    uint32_t count = 0;
    for (int i = 0; i < 2; i++) { /* the first time there is lazy binding */
        begin_round();
        count = trap_learn(run_interrupt, NULL);
        scene->account();
    }
    return count;
}

/* Again and again, each time with the handler at another instruction. */
static void interrupt_everywhere(void)
{
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    const uint32_t count = learn_instructions();
    const uint32_t stride = count / ROUND_MAX + 1;
    uint32_t interrupted = 0;
    for (uint32_t nth = 0; nth < count; nth += stride) {
        if (run_round(nth)) {
            interrupted++;
            tally_execution(&scene->want, HANDLER_NS, true, &price);
        }
    }
    print_message("%u instructions, interrupted at %u of them\n", count, interrupted);
    (void)fflush(stdout);
    CHECK(interrupted > count / stride / 2);
    expect_all_counted();
}

static void set_scene(struct scene *here, void (*prepare)(void), void (*interrupt)(void),
                      void (*account)(void))
{
    *here = (struct scene){.prepare = prepare, .interrupt = interrupt, .account = account};
    tally_init(&here->want, 0);
    scene = here;
}

/* --- the rounds -------------------------------------------------------------------------------------------------------------- */

static void account_record(void)
{
    tally_execution(&scene->want, MAIN_NS, false, &price);
}

static void record_and_account(void)
{
    record_once();
    account_record();
}

/* As an agent would, so that the ring never fills. */
static void drain_ring(void)
{
    (void)sink_tick(scene->drained, sr_store_segment(scene->work->store));
}

static void a_record_into_the_ring_may_be_interrupted_anywhere_G5(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, drain_ring, record_once, account_record);
    here.drained = sink_new(0);
    interrupt_everywhere();
}

static void fill_ring(void)
{
    const struct sr_ring *ring = sr_thread_find(scene->work);
    while (!ring || !ring->spilling) {
        record_and_account();
        ring = sr_thread_find(scene->work);
    }
}

static void a_record_into_the_spill_may_be_interrupted_anywhere_G5(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, fill_ring, record_once, account_record);
    interrupt_everywhere();
}

static void allow_no_rings(void)
{
    api_set_ring_cap(0);
}

static void a_record_into_the_shared_spill_may_be_interrupted_anywhere(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, allow_no_rings, record_once, account_record);
    interrupt_everywhere();
}

static void the_first_record_of_a_thread_may_be_interrupted_anywhere_G2(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, NULL, record_once, account_record);
    here.each_has_its_own = true;
    interrupt_everywhere();
}

static void get_an_absent_ring(void)
{
    api_set_ring_cap(0);
    record_and_account();
    api_set_ring_cap(SR_RING_CAP_DEFAULT);
    api_raise_reserve_epoch();
}

static void claiming_again_after_there_was_no_ring_may_be_interrupted_anywhere_G2(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, get_an_absent_ring, record_once, account_record);
    here.each_has_its_own = true;
    interrupt_everywhere();
}

static void get_an_absent_ring_for_good(void)
{
    api_set_ring_cap(0);
    record_and_account();
    api_raise_reserve_epoch();
}

static void claiming_again_in_vain_may_be_interrupted_anywhere_G2(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, get_an_absent_ring_for_good, record_once, account_record);
    here.each_has_its_own = true;
    interrupt_everywhere();
}

static void begin_and_cancel(void)
{
    struct slipring_span span = slipring_begin(scene->work);
    slipring_cancel(&span);
}

static void account_span(void)
{
    scene->want.begun++;
    scene->want.ended++;
    scene->want.cancels++;
}

static void a_span_may_be_interrupted_anywhere(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, fill_ring, begin_and_cancel, account_span);
    interrupt_everywhere();
}

static void reserve_and_commit(void)
{
    struct slipring_reservation reservation;
    slipring_reserve(scene->work, &reservation);
    *reservation.cost_nanodollars = price.cost_nanodollars;
    *reservation.savings_nanodollars = price.savings_nanodollars;
    slipring_commit(&reservation, MAIN_NS, SLIPRING_SUCCESS, price.category);
}

static void a_reservation_may_be_interrupted_anywhere_G5(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, drain_ring, reserve_and_commit, account_record);
    here.drained = sink_new(0);
    interrupt_everywhere();
}

static void reopen(void)
{
    CHECK_OK(slipring_close(scene->work->store));
    (void)api_open();
}

static void account_nothing(void) {}

static void make_it_the_last_opener(void)
{
    struct slipring_store *store = scene->work->store;
    while (atomic_load(&store->openers) > 1) {
        CHECK_OK(slipring_close(store));
    }
    record_and_account();
}

/* A record that comes while the store is closed is dropped, as it should; none is lost otherwise. */
static void closing_and_opening_may_be_interrupted_anywhere(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, make_it_the_last_opener, reopen, account_nothing);
    if (!trap_is_possible()) {
        return;
    }
    const uint32_t count = learn_instructions();
    for (uint32_t nth = 0; nth < count; nth += count / ROUND_MAX + 1) {
        const uint64_t dropped = slipring_store_dropped(scene->work->store);
        if (run_round(nth) && slipring_store_dropped(scene->work->store) == dropped) {
            tally_execution(&scene->want, HANDLER_NS, true, &price);
        }
    }
    expect_all_counted();
}

/* --- fork: it blocks signals, so its parent interrupts it ------------------------------------------------------------------- */

struct forker {
    _Atomic uint32_t stop;
    _Atomic uint32_t round;
    _Atomic uint32_t handled;
};

static struct forker *forker;

static void handle_and_count(int number)
{
    handle(number);
    (void)atomic_fetch_add(&forker->handled, 1);
}

static void fork_once(void)
{
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    CHECK(child > 0);
    int status = 0;
    while (waitpid(child, &status, 0) != child) {
    }
    CHECK_EQUAL(status, 0);
}

static void fork_in_rounds(void *unused)
{
    (void)unused;
    struct scene here;
    set_scene(&here, NULL, NULL, NULL);
    here.each_has_its_own = true;
    const struct sigaction action = {.sa_handler = handle_and_count};
    CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
    sigset_t children; /* their ends would stop us at a place of their own */
    CHECK_EQUAL(sigemptyset(&children) | sigaddset(&children, SIGCHLD), 0);
    CHECK_EQUAL(sigprocmask(SIG_BLOCK, &children, NULL), 0);
    for (;;) {
        begin_round();
        atomic_store(&forker->round, here.round);
        stepper_gate();
        if (atomic_load(&forker->stop)) {
            break;
        }
        fork_once();
        stepper_gate();
    }
}

/* The handler's record is the first of its primitive: it wants the lock that fork() holds. */
static void a_fork_may_be_interrupted_anywhere_by_a_first_record_G2(void *unused)
{
    (void)unused;
    if (!trap_is_possible()) { /* ThreadSanitizer delivers signals when it pleases */
        return;
    }
    (void)api_open();
    forker = child_share(sizeof *forker);
    const pid_t child = stepper_start(fork_in_rounds, NULL);
    if (child == 0) {
        (void)printf("tracing is not permitted here: not tried\n");
        return;
    }
    uint32_t count = 0;
    while (stepper_step(child)) {
        count++;
    }
    CHECK(stepper_go(child, 0));
    uint32_t interrupted = 0;
    for (uint32_t nth = 1; nth < count; nth += count / 50 + 1) {
        uint32_t steps = 0;
        while (steps < nth && stepper_step(child)) {
            steps++;
        }
        if (steps == nth) {
            CHECK(stepper_go(child, SIGUSR1)); /* to the second gate */
            interrupted++;
        }
        CHECK(stepper_go(child, 0)); /* to the next round's first */
    }
    atomic_store(&forker->stop, 1);
    stepper_finish(child);
    (void)printf("%u instructions, interrupted at %u of them\n", count, interrupted);
    CHECK(interrupted > 20);
    CHECK_EQUAL(atomic_load(&forker->handled), interrupted);
    struct scene here;
    set_scene(&here, NULL, NULL, NULL);
    here.each_has_its_own = true;
    here.round = atomic_load(&forker->round);
    for (uint32_t i = 0; i < interrupted; i++) {
        tally_execution(&here.want, HANDLER_NS, true, &price);
    }
    expect_all_counted();
}

/* --- a forked child: its thread still has its parent's table ------------------------------------------------------------------ */

struct child_round {
    uint32_t nth;
    bool was_interrupted;
};

static struct child_round *child_round;

static void record_in_a_forked_child(void *unused)
{
    (void)unused;
    child_round->was_interrupted = trap_at(run_interrupt, record_in_handler, NULL, child_round->nth);
}

/* A child of a process that has recorded: what it forks itself is at the same place. */
static void record_in_children_of_a_child(void *unused)
{
    (void)unused;
    const uint32_t count = trap_learn(run_interrupt, NULL);
    const uint32_t stride = count / 250 + 1;
    account_record();
    uint32_t interrupted = 0;
    for (uint32_t nth = 0; nth < count; nth += stride) {
        *child_round = (struct child_round){.nth = nth};
        child_run(record_in_a_forked_child, NULL);
        account_record();
        if (child_round->was_interrupted) {
            interrupted++;
            tally_execution(&scene->want, HANDLER_NS, true, &price);
        }
    }
    (void)printf("%u instructions, interrupted at %u of them\n", count, interrupted);
    CHECK(interrupted > count / stride / 2);
    expect_all_counted();
}

static void the_first_record_of_a_forked_child_may_be_interrupted_anywhere(void *unused)
{
    (void)unused;
    if (!trap_is_possible()) {
        return;
    }
    struct scene here;
    set_scene(&here, NULL, record_once, account_record);
    child_round = child_share(sizeof *child_round);
    begin_round();
    record_and_account();
    child_run(record_in_children_of_a_child, NULL);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_record_into_the_ring_may_be_interrupted_anywhere_G5),
        CHILD_TEST(a_record_into_the_spill_may_be_interrupted_anywhere_G5),
        CHILD_TEST(a_record_into_the_shared_spill_may_be_interrupted_anywhere),
        CHILD_TEST(the_first_record_of_a_thread_may_be_interrupted_anywhere_G2),
        CHILD_TEST(claiming_again_after_there_was_no_ring_may_be_interrupted_anywhere_G2),
        CHILD_TEST(claiming_again_in_vain_may_be_interrupted_anywhere_G2),
        CHILD_TEST(a_span_may_be_interrupted_anywhere),
        CHILD_TEST(a_reservation_may_be_interrupted_anywhere_G5),
        CHILD_TEST(closing_and_opening_may_be_interrupted_anywhere),
        CHILD_TEST(a_fork_may_be_interrupted_anywhere_by_a_first_record_G2),
        CHILD_TEST(the_first_record_of_a_forked_child_may_be_interrupted_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
