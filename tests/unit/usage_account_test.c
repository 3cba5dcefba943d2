/* SPDX-License-Identifier: Apache-2.0 */
/* Usage accounts in shared memory: who makes them, who dies over it, what the public call does. G1 to G7: see protocol/usage.h. */
#include "protocol/usage.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/move.h"
#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/ground.h"
#include "support/place.h"
#include "support/trap.h"

#define THREADS 8u
#define EACH    5000u
#define MS      UINT64_C(1000000)

/* --- accounts ----------------------------------------------------------------------------------------------------------------- */

static struct sr_usage_name name_of(uint32_t primitive, const char *resource)
{
    struct sr_usage_name name;
    sr_usage_name_set(&name, primitive, resource, strlen(resource));
    return name;
}

static uint32_t make(uint32_t primitive, const char *resource)
{
    const struct sr_usage_name name = name_of(primitive, resource);
    uint32_t account = SR_USAGE_NONE;
    CHECK_OK(sr_usage_get(&ground, &name, &account));
    return account;
}

static uint64_t state_of(uint32_t account)
{
    return sr_state_of(atomic_load_explicit(sr_segment_usage_key(&ground, account), memory_order_acquire));
}

static void an_account_is_found_again_by_primitive_and_resource(void **state)
{
    (void)state;
    CHECK_EQUAL(make(1, "a/b"), 0);
    CHECK_EQUAL(make(2, "a/b"), 1);
    CHECK_EQUAL(make(1, "a/c"), 2);
    CHECK_EQUAL(make(1, "a/b"), 0);
    CHECK_EQUAL(make(2, "a/b"), 1);
    CHECK_EQUAL(state_of(2), SR_USAGE_READY);
    CHECK_EQUAL(state_of(3), SR_USAGE_EMPTY);
    const struct sr_usage_name nobodys = name_of(3, "a/b");
    CHECK_EQUAL(sr_usage_find(&ground, &nobodys), SR_USAGE_NONE);
}

static void the_table_has_room_for_4096_and_then_says_so(void **state)
{
    (void)state;
    char resource[32];
    for (uint32_t i = 0; i < SR_USAGE_MAX; i++) {
        (void)snprintf(resource, sizeof resource, "r%u", i);
        CHECK_EQUAL(make(1, resource), i);
    }
    const struct sr_usage_name more = name_of(1, "one more");
    uint32_t account = 0;
    CHECK_STATUS(sr_usage_get(&ground, &more, &account), SLIPRING_TABLE_FULL);
    CHECK_EQUAL(make(1, "r4095"), SR_USAGE_MAX - 1);
}

/* What a dead claimant leaves: G6. */
static void a_claim_whose_maker_died_is_passed_by(void **state)
{
    (void)state;
    const struct sr_usage_name name = name_of(1, "a/b");
    atomic_store_explicit(sr_segment_usage_key(&ground, 0), sr_state_word(name.hash, 0, SR_USAGE_CLAIMING),
                          memory_order_release);
    CHECK_EQUAL(make(1, "a/b"), 1);
    CHECK_EQUAL(make(1, "a/b"), 1);
    CHECK_EQUAL(sr_usage_find(&ground, &name), 1);
    CHECK_EQUAL(make(1, "other"), 2);
}

static void a_key_of_the_same_hash_with_another_name_is_another_account(void **state)
{
    (void)state;
    const struct sr_usage_name name = name_of(1, "a/b");
    (void)make(1, "x");
    atomic_store_explicit(sr_segment_usage_key(&ground, 0), sr_state_word(name.hash, 0, SR_USAGE_READY),
                          memory_order_release);
    CHECK_EQUAL(make(1, "a/b"), 1);
}

struct racer {
    pthread_barrier_t *barrier;
    uint32_t index;
    uint32_t accounts[64];
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    char resource[32];
    for (uint32_t i = 0; i < 64; i++) {
        (void)pthread_barrier_wait(racer->barrier);
        (void)snprintf(resource, sizeof resource, "model-%u", i);
        racer->accounts[i] = make(7, resource);
        const struct slipring_usage usage = {.units = {1, racer->index}};
        sr_usage_begin(sr_segment_usage(&ground, racer->accounts[i]), &usage, false);
        sr_usage_end(&ground, 7, sr_segment_usage(&ground, racer->accounts[i]));
    }
    return NULL;
}

static void a_race_for_an_account_leaves_whole_ones_whose_sum_is_right(void **state)
{
    (void)state;
    pthread_barrier_t barrier;
    pthread_t threads[THREADS];
    struct racer racers[THREADS];
    CHECK_EQUAL(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.barrier = &barrier, .index = i};
        CHECK_EQUAL(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
    uint64_t inputs[64] = {0};
    uint64_t outputs[64] = {0};
    uint32_t account = 0;
    for (; state_of(account) != SR_USAGE_EMPTY; account++) {
        const struct sr_usage_account_shm *shm = sr_segment_usage(&ground, account);
        unsigned model = 0;
        CHECK_EQUAL(state_of(account), SR_USAGE_READY);
        CHECK_EQUAL(sscanf(shm->resource, "model-%u", &model), 1);
        inputs[model] += atomic_load_explicit(&shm->units[0], memory_order_relaxed);
        outputs[model] += atomic_load_explicit(&shm->units[1], memory_order_relaxed);
        CHECK_EQUAL(atomic_load_explicit(&shm->enter, memory_order_relaxed),
                    atomic_load_explicit(&shm->exit, memory_order_relaxed));
    }
    for (uint32_t i = 0; i < 64; i++) {
        CHECK_EQUAL(inputs[i], THREADS);
        CHECK_EQUAL(outputs[i], THREADS * (THREADS - 1) / 2);
    }
    (void)pthread_barrier_destroy(&barrier);
}

/* --- killed -------------------------------------------------------------------------------------------------------------------- */

static uint32_t torn;
static uint32_t whole;

static void use_once(void *unused)
{
    (void)unused;
    const struct slipring_usage usage = {.units = {10, 20, [SLIPRING_UNIT_MAX - 1] = 30}};
    sr_usage_begin(sr_segment_usage(&ground, 0), &usage, true);
    sr_usage_end(&ground, 1, sr_segment_usage(&ground, 0));
}

static uint64_t counter(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_acquire);
}

/* Dead at this instruction: at most one usage is torn, and it says so; no units without their usage. */
static void look_at_the_account(void *unused)
{
    (void)unused;
    const struct sr_usage_account_shm *shm = sr_segment_usage(&ground, 0);
    const uint64_t exit = counter(&shm->exit);
    const uint64_t rest[] = {counter(&shm->units[0]) / 10, counter(&shm->units[1]) / 20,
                             counter(&shm->units[SLIPRING_UNIT_MAX - 1]) / 30, counter(&shm->clamped)};
    const uint64_t usages = counter(&shm->usages);
    const uint64_t enter = counter(&shm->enter);
    CHECK(exit <= usages && usages <= enter && enter - exit <= 1);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(rest[i] <= usages);
        CHECK(rest[i] == usages || enter != exit);
    }
    torn += enter != exit;
    whole += enter == exit;
}

static void a_kill_at_any_instruction_tears_at_most_one_usage_and_says_so_G2_G3(void **state)
{
    (void)state;
    CHECK_EQUAL(make(1, "a/b"), 0);
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    torn = whole = 0;
    (void)trap_each(use_once, look_at_the_account, NULL);
    CHECK(torn > 10 && whole > 2);
}

/* Whoever looked before an update was told has to be told of it. */
static void an_update_that_returned_was_told_of_G4(void **state)
{
    (void)state;
    CHECK_EQUAL(make(1, "a/b"), 0);
    _Atomic uint64_t *news = sr_segment_news(&ground, SR_NEWS_SHARED, 1);
    use_once(NULL);
    CHECK_EQUAL(atomic_exchange(news, 0), 2);
    use_once(NULL);
    CHECK_EQUAL(atomic_exchange(news, 0), 2);
}

/* --- pouring ------------------------------------------------------------------------------------------------------------------- */

static void use(struct sr_segment *segment, uint32_t primitive, const char *resource, uint64_t input)
{
    const struct sr_usage_name name = name_of(primitive, resource);
    uint32_t account = SR_USAGE_NONE;
    CHECK_OK(sr_usage_get(segment, &name, &account));
    const struct slipring_usage usage = {.units = {input}};
    sr_usage_begin(sr_segment_usage(segment, account), &usage, false);
    sr_usage_end(segment, primitive, sr_segment_usage(segment, account));
}

static uint64_t input_of(const struct sr_segment *segment, uint32_t account)
{
    return atomic_load_explicit(&sr_segment_usage(segment, account)->units[0], memory_order_acquire);
}

static uint64_t usages_of(const struct sr_segment *segment, uint32_t account)
{
    return atomic_load_explicit(&sr_segment_usage(segment, account)->usages, memory_order_acquire);
}

static void a_moved_segment_has_the_same_accounts_and_gets_what_comes_late(void **state)
{
    (void)state;
    struct sr_segment to = {.map = {.base = NULL}};
    CHECK_OK(sr_segment_make(&to, place_new_store(), 0600, (gid_t)-1));
    use(&ground, 1, "first", 10);
    atomic_store_explicit(sr_segment_usage_key(&ground, 1), sr_state_word(1, 0, SR_USAGE_CLAIMING),
                          memory_order_release); /* a hole */
    use(&ground, 1, "third", 30);
    CHECK_OK(sr_usage_reserve_all(&ground, &to));
    sr_usage_carry(&ground, &to);
    const struct sr_usage_name third = name_of(1, "third");
    CHECK_EQUAL(sr_usage_find(&to, &third), 2); /* behind the hole */
    sr_usage_pour(&ground, &to);
    CHECK_EQUAL(input_of(&to, 0), 10);
    CHECK_EQUAL(input_of(&to, 2), 30);
    use(&ground, 1, "first", 1);  /* late, */
    use(&ground, 1, "fourth", 4); /* and of an account that was not carried over, */
    use(&to, 2, "another", 5);    /* whose index somebody else has now */
    sr_usage_lose(&ground);
    sr_usage_pour(&ground, &to);
    sr_usage_pour(&ground, &to); /* nothing twice */
    const struct sr_usage_name fourth = name_of(1, "fourth");
    CHECK_EQUAL(input_of(&to, 0), 11);
    CHECK_EQUAL(usages_of(&to, 0), 2);
    CHECK_EQUAL(input_of(&to, 3), 5);
    CHECK_EQUAL(sr_usage_find(&to, &fourth), 4);
    CHECK_EQUAL(input_of(&to, 4), 4);
    CHECK_EQUAL(atomic_load(&sr_segment_header(&to)->hint.usage_lost), 1);
    CHECK_EQUAL(atomic_load(&sr_segment_usage(&to, 0)->enter), 2);
    CHECK_EQUAL(atomic_load(&sr_segment_usage(&to, 0)->exit), 2);
    sr_map_unmap(&to.map);
}

/* --- the public call ------------------------------------------------------------------------------------------------------------ */

static const struct slipring_usage ten = {.units = {[SLIPRING_UNIT_INPUT] = 10, [SLIPRING_UNIT_OUTPUT] = 1}};

static struct sr_segment *segment(void)
{
    return sr_store_segment(api_open());
}

static void record(const char *resource)
{
    CHECK_OK(slipring_record_usage(api_primitive("work"), MS, SLIPRING_SUCCESS, resource, &ten));
}

static void it_records_the_execution_and_counts_what_it_used(void *unused)
{
    (void)unused;
    record("openai/gpt-4o");
    record("openai/gpt-4o");
    CHECK_EQUAL(usages_of(segment(), 0), 2);
    CHECK_EQUAL(input_of(segment(), 0), 20);
    CHECK_EQUAL(sr_segment_usage(segment(), 0)->primitive, sr_handle_id(api_primitive("work")));
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), 2);
}

/* Whatever is wrong with the usage, the execution counts. */
static void what_is_wrong_with_the_usage_is_told_and_the_execution_recorded(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    char longest[SLIPRING_MODEL_NAME_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK_STATUS(slipring_record_usage(work, MS, SLIPRING_SUCCESS, "a", NULL), SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(slipring_record_usage(work, MS, SLIPRING_SUCCESS, NULL, &ten), SLIPRING_BAD_NAME);
    CHECK_STATUS(slipring_record_usage(work, MS, SLIPRING_SUCCESS, "", &ten), SLIPRING_BAD_NAME);
    CHECK_STATUS(slipring_record_usage(work, MS, SLIPRING_SUCCESS, longest, &ten), SLIPRING_BAD_NAME);
    CHECK_STATUS(slipring_record_usage(work, MS, SLIPRING_SUCCESS, "a\nb", &ten), SLIPRING_BAD_NAME);
    CHECK_STATUS(slipring_record_usage(work, MS, SLIPRING_SUCCESS, "\xff", &ten), SLIPRING_BAD_NAME);
    CHECK_OK(slipring_record_usage(work, MS, SLIPRING_SUCCESS, longest + 1, &ten));
    CHECK_STATUS(slipring_record_usage(NULL, MS, SLIPRING_SUCCESS, "a", &ten), SLIPRING_BAD_ARGUMENT);
    CHECK_EQUAL(usages_of(segment(), 0), 1);
    CHECK_EQUAL(atomic_load(sr_segment_usage_key(segment(), 1)), SR_USAGE_EMPTY);
    CHECK_EQUAL(atomic_load(&sr_segment_header(segment())->hint.usage_lost), 0);
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), 7);
}

static void more_than_the_most_is_clamped_and_counted(void *unused)
{
    (void)unused;
    const struct slipring_usage much = {.units = {UINT64_MAX, SLIPRING_UNITS_MAX + 1, SLIPRING_UNITS_MAX}};
    CHECK_OK(slipring_record_usage(api_primitive("work"), MS, SLIPRING_SUCCESS, "a", &much));
    record("a");
    const struct sr_usage_account_shm *shm = sr_segment_usage(segment(), 0);
    CHECK_EQUAL(atomic_load(&shm->units[0]), SLIPRING_UNITS_MAX + 10);
    CHECK_EQUAL(atomic_load(&shm->units[1]), SLIPRING_UNITS_MAX + 1);
    CHECK_EQUAL(atomic_load(&shm->units[2]), SLIPRING_UNITS_MAX);
    CHECK_EQUAL(atomic_load(&shm->clamped), 1);
}

static void a_full_table_is_told_counted_and_costs_no_execution(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < SR_USAGE_MAX; i++) {
        atomic_store(sr_segment_usage_key(segment(), i), sr_state_word(0, 0, SR_USAGE_CLAIMING));
    }
    CHECK_STATUS(slipring_record_usage(api_primitive("work"), MS, SLIPRING_SUCCESS, "a", &ten),
                 SLIPRING_TABLE_FULL);
    CHECK_EQUAL(atomic_load(&sr_segment_header(segment())->hint.usage_lost), 1);
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), 1);
}

static void a_page_that_is_refused_costs_no_key_and_is_not_asked_for_again_before_it_pays(void *unused)
{
    (void)unused;
    record("first"); /* sixteen accounts' page */
    for (uint32_t i = 1; i < SR_USAGE_PAGE_EACH; i++) {
        atomic_store(sr_segment_usage_key(segment(), i), sr_state_word(0, 0, SR_USAGE_CLAIMING));
    }
    faults_arm(0, 1, ENOSPC);
    CHECK_STATUS(slipring_record_usage(api_primitive("work"), MS, SLIPRING_SUCCESS, "second", &ten),
                 SLIPRING_NO_SPACE);
    CHECK_EQUAL(atomic_load(sr_segment_usage_key(segment(), SR_USAGE_PAGE_EACH)), SR_USAGE_EMPTY);
    CHECK_STATUS(slipring_record_usage(api_primitive("work"), MS, SLIPRING_SUCCESS, "second", &ten),
                 SLIPRING_NO_SPACE);
    CHECK_EQUAL(faults_calls(), 1);
    record("first"); /* what is there goes on */
    api_raise_reserve_epoch();
    record("second");
    CHECK_EQUAL(atomic_load(&sr_segment_header(segment())->hint.usage_lost), 2);
    CHECK_EQUAL(usages_of(segment(), SR_USAGE_PAGE_EACH), 1);
}

static void *record_many(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < EACH; i++) {
        record(i % 2 ? "a/odd" : "a/even");
    }
    return NULL;
}

static void record_in_threads(void *unused)
{
    pthread_t threads[4];
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_create(&threads[i], NULL, record_many, unused), 0);
    }
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    }
}

/* All accounts of a resource together. */
static uint64_t total(const char *resource, uint32_t unit)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; atomic_load(sr_segment_usage_key(segment(), i)) != SR_USAGE_EMPTY; i++) {
        const struct sr_usage_account_shm *shm = sr_segment_usage(segment(), i);
        sum += strcmp(shm->resource, resource) == 0 ? atomic_load(&shm->units[unit]) : 0;
    }
    return sum;
}

static void threads_and_forked_children_count_into_the_same_accounts(void *unused)
{
    record("a/even"); /* in the parent, before the fork */
    record("a/odd");
    const pid_t one = child_start(record_in_threads, unused);
    const pid_t two = child_start(record_in_threads, unused);
    record_in_threads(unused);
    child_ends_well(one);
    child_ends_well(two);
    const uint64_t each = UINT64_C(3) * 4 * EACH / 2 + 1;
    CHECK_EQUAL(total("a/even", 0), 10 * each);
    CHECK_EQUAL(total("a/odd", 0), 10 * each);
    CHECK_EQUAL(total("a/odd", 1), each);
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), 2 * each);
}

static volatile sig_atomic_t handled;

static void record_in_handler(int number)
{
    (void)number;
    (void)slipring_record_usage(api_primitive("work"), MS, SLIPRING_SUCCESS, "a/handler", &ten);
    (void)slipring_record_usage(api_primitive("work"), MS, SLIPRING_SUCCESS, "a/both", &ten);
    handled++;
}

static void *interrupt(void *thread)
{
    for (uint32_t i = 0; i < 200; i++) {
        (void)pthread_kill(*(pthread_t *)thread, SIGUSR1);
        (void)usleep(50);
    }
    return NULL;
}

static void a_handler_counts_whatever_it_interrupted(void *unused)
{
    (void)unused;
    pthread_t me = pthread_self();
    pthread_t other;
    (void)api_primitive("work");
    (void)signal(SIGUSR1, record_in_handler);
    CHECK_EQUAL(pthread_create(&other, NULL, interrupt, &me), 0);
    for (uint32_t i = 0; i < EACH; i++) {
        record("a/both");
    }
    CHECK_EQUAL(pthread_join(other, NULL), 0);
    record("a/both"); /* what is pending comes now at the latest */
    const uint64_t calls = (uint64_t)handled;
    CHECK(calls > 0);
    CHECK_EQUAL(total("a/handler", 1), calls);
    CHECK_EQUAL(total("a/both", 1), calls + EACH + 1);
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), 2 * calls + EACH + 1);
}

static void a_store_that_cannot_record_says_so(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct slipring_store *store = api_open();
    CHECK_OK(slipring_close(store));
    while (slipring_close(store) == SLIPRING_OK) { /* each of api_open()'s */
    }
    CHECK_STATUS(slipring_record_usage(work, MS, SLIPRING_SUCCESS, "a", &ten), SLIPRING_CLOSED);
    CHECK_EQUAL(slipring_store_dropped(store), 1);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        GROUND_TEST(an_account_is_found_again_by_primitive_and_resource),
        GROUND_TEST(the_table_has_room_for_4096_and_then_says_so),
        GROUND_TEST(a_claim_whose_maker_died_is_passed_by),
        GROUND_TEST(a_key_of_the_same_hash_with_another_name_is_another_account),
        GROUND_TEST(a_race_for_an_account_leaves_whole_ones_whose_sum_is_right),
        GROUND_TEST(a_kill_at_any_instruction_tears_at_most_one_usage_and_says_so_G2_G3),
        GROUND_TEST(an_update_that_returned_was_told_of_G4),
        GROUND_TEST(a_moved_segment_has_the_same_accounts_and_gets_what_comes_late),
        CHILD_TEST(it_records_the_execution_and_counts_what_it_used),
        CHILD_TEST(what_is_wrong_with_the_usage_is_told_and_the_execution_recorded),
        CHILD_TEST(more_than_the_most_is_clamped_and_counted),
        CHILD_TEST(a_full_table_is_told_counted_and_costs_no_execution),
        CHILD_TEST(a_page_that_is_refused_costs_no_key_and_is_not_asked_for_again_before_it_pays),
        CHILD_TEST(threads_and_forked_children_count_into_the_same_accounts),
        CHILD_TEST(a_handler_counts_whatever_it_interrupted),
        CHILD_TEST(a_store_that_cannot_record_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
