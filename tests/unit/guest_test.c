/* SPDX-License-Identifier: Apache-2.0 */
/* The library as a guest in its host process: what it must leave as it found it, and what the host may do to it. G1 to G4: see
 * api/process.h. */
#include <slipring/slipring.h>

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

/* Two words that threads and processes wait for. */
static struct {
    _Atomic uint32_t first;
    _Atomic uint32_t second;
} * two;

static int entries_of(const char *folder)
{
    int count = 0;
    DIR *directory = opendir(folder);
    CHECK(directory != NULL);
    while (readdir(directory)) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

static void the_host_keeps_its_descriptors_threads_and_signal_handlers(void *unused)
{
    (void)unused;
    struct sigaction before[65];
    for (int number = 1; number < 65; number++) {
        (void)sigaction(number, NULL, &before[number]);
    }
    const int descriptors = entries_of("/proc/self/fd");
    const int threads = entries_of("/proc/self/task");
    struct slipring_primitive *work = api_primitive("work");
    for (int i = 0; i < 1000; i++) {
        slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    }
    struct slipring_stats stats;
    CHECK_STATUS(slipring_stats_read(work, &stats), SLIPRING_NO_DATA);
    CHECK_EQUAL(entries_of("/proc/self/fd"), descriptors);
    CHECK_EQUAL(entries_of("/proc/self/task"), threads);
    for (int number = 1; number < 65; number++) {
        struct sigaction now;
        if (sigaction(number, NULL, &now) == 0) { /* two are libc's own */
            CHECK(now.sa_handler == before[number].sa_handler);
        }
    }
}

static void a_host_that_closes_all_descriptors_goes_on_recording(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    for (int fd = 3; fd < 1024; fd++) {
        (void)close(fd);
    }
    struct tally want;
    tally_init(&want, 0);
    for (uint64_t i = 0; i < 1000; i++) {
        slipring_record(work, i, SLIPRING_SUCCESS, NULL);
        tally_execution(&want, i, false, NULL);
    }
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 1);
    api_expect("work", &want);
}

/* --- forks ------------------------------------------------------------------------------------------------------------------- */

static void *record_first(void *argument)
{
    struct slipring_primitive *work = argument;
    slipring_record(work, 10, SLIPRING_SUCCESS, NULL);
    child_await(&two->second, 1); /* lives on with its ring */
    slipring_record(work, 12, SLIPRING_SUCCESS, NULL);
    return NULL;
}

/* The forking thread still points to where its rings were in the parent: nobody else's may come to lie there. */
static void record_in_a_new_thread_before_the_forking_one(void *argument)
{
    struct slipring_primitive *work = argument;
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, record_first, work), 0);
    while (fold_rings(place_store(), SR_RING_OWNED) < 2) { /* the parent's and the new thread's */
    }
    slipring_record(work, 11, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 3);
    atomic_store(&two->second, 1);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static void in_a_forked_child_no_thread_finds_anothers_rings_G4(void *unused)
{
    (void)unused;
    two = child_share(sizeof *two);
    struct slipring_primitive *work = api_primitive("work");
    slipring_record(work, 9, SLIPRING_SUCCESS, NULL);
    child_run(record_in_a_new_thread_before_the_forking_one, work);
    struct tally want;
    tally_init(&want, 0);
    for (uint64_t i = 9; i <= 12; i++) {
        tally_execution(&want, i, false, NULL);
    }
    api_expect("work", &want);
}

static void *record_and_end_the_process(void *argument)
{
    struct slipring_primitive *work = argument;
    slipring_record(work, 10, SLIPRING_SUCCESS, NULL);
    atomic_store(&two->first, 1);
    const struct timespec pause = {.tv_nsec = 50000000};
    (void)nanosleep(&pause, NULL); /* the forking thread ends */
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 2);
    slipring_record(work, 11, SLIPRING_SUCCESS, NULL);
    _exit(0);
}

static void *fork_in_a_thread_and_end_there(void *argument)
{
    struct slipring_primitive *work = argument;
    slipring_record(work, 9, SLIPRING_SUCCESS, NULL);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, record_and_end_the_process, work), 0);
        child_await(&two->first, 1);
        pthread_exit(NULL); /* its key still holds what it had in the parent */
    }
    child_ends_well(child);
    return NULL;
}

static void a_forking_thread_that_ends_in_the_child_gives_back_nothing_of_others_G4(void *unused)
{
    (void)unused;
    if (CHECK_UNDER_TSAN) { /* which lets the child of several threads start none */
        return;
    }
    two = child_share(sizeof *two);
    struct slipring_primitive *work = api_primitive("work");
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, fork_in_a_thread_and_end_there, work), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    struct tally want;
    tally_init(&want, 0);
    for (uint64_t i = 9; i <= 11; i++) {
        tally_execution(&want, i, false, NULL);
    }
    api_expect("work", &want);
}
/* --- threads ------------------------------------------------------------------------------------------------------------------ */

static void *record_while_cancelled(void *argument)
{
    struct slipring_primitive *work = argument;
    CHECK_EQUAL(pthread_cancel(pthread_self()), 0); /* acted upon at the next cancellation point */
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    pthread_testcancel();
    return NULL;
}

/* Its first record opens files: cancelled there, it would keep the process lock. */
static void a_thread_is_not_cancelled_inside_the_library_G2(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    pthread_t thread;
    void *result = NULL;
    CHECK_EQUAL(pthread_create(&thread, NULL, record_while_cancelled, work), 0);
    CHECK_EQUAL(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED); /* at its own testcancel */
    slipring_record(work, 2, SLIPRING_SUCCESS, NULL);
    struct tally want;
    tally_init(&want, 0);
    tally_execution(&want, 1, false, NULL);
    tally_execution(&want, 2, false, NULL);
    api_expect("work", &want);
}

static void *record_and_end(void *argument)
{
    slipring_record(argument, 5, SLIPRING_SUCCESS, NULL);
    return NULL;
}

static void run_threads(struct slipring_primitive *work, int count)
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, record_and_end, work), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
    }
}

static void threads_that_end_hand_their_ring_to_the_next(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    run_threads(work, 300); /* more than one ring holds */
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 0);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_RELEASED), 1);
    struct tally want;
    tally_init(&want, 0);
    for (int i = 0; i < 300; i++) {
        tally_execution(&want, 5, false, NULL);
    }
    api_expect("work", &want);
}

static void rings_come_back_also_in_a_host_with_many_keys_G3(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++) {
        pthread_key_t key;
        CHECK_EQUAL(pthread_key_create(&key, NULL), 0);
    }
    struct slipring_primitive *work = api_primitive("work");
    run_threads(work, 10);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 0);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_RELEASED), 1);
}

static pthread_key_t late_key;
static struct slipring_primitive *late_work;

static void record_in_a_destructor(void *value)
{
    const uintptr_t rounds = (uintptr_t)value;
    slipring_record(late_work, 6, SLIPRING_SUCCESS, NULL);
    if (rounds > 1) {
        CHECK_EQUAL(pthread_setspecific(late_key, (void *)(rounds - 1)), 0);
    }
}

static void *record_in_destructors(void *argument)
{
    slipring_record(late_work, 5, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(pthread_setspecific(late_key, argument), 0);
    return NULL;
}

/* Destructors run in rounds: ours may have been when the host's records once more. */
static void a_host_that_records_in_its_own_destructors_loses_nothing(void *unused)
{
    (void)unused;
    if (CHECK_UNDER_TSAN) { /* which is itself gone by the last round */
        return;
    }
    late_work = api_primitive("work");
    CHECK_EQUAL(pthread_key_create(&late_key, record_in_a_destructor), 0);
    struct tally want;
    tally_init(&want, 0);
    for (uintptr_t rounds = 1; rounds <= 3; rounds++) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, record_in_destructors, (void *)rounds), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
        tally_execution(&want, 5, false, NULL);
        for (uintptr_t i = 0; i < rounds; i++) {
            tally_execution(&want, 6, false, NULL);
        }
    }
    api_expect("work", &want);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 0);
}

static void without_a_descriptor_to_be_had_records_are_counted_in_the_shared_spill(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct rlimit limit;
    CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 0;
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct tally want;
    tally_init(&want, 0);
    for (uint64_t i = 0; i < 500; i++) {
        slipring_record(work, i << 20, i % 3 == 0, NULL);
        tally_execution(&want, i << 20, i % 3 == 0, NULL);
    }
    limit.rlim_cur = before;
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct tally got;
    api_fold("work", &got);
    tally_expect_equal(&got, &want);
    CHECK_EQUAL(got.through_shared, 500);
}

/* --- handlers on a small stack ---------------------------------------------------------------------------------------------------- */

static struct slipring_primitive *handlers_work;

/* Attach, claim, fill the ring, spill: the deepest ways. */
static void record_on_small_stack(int number)
{
    (void)number;
    const struct slipring_cost price = {.cost_nanodollars = 3};
    for (uint64_t i = 0; i < 500; i++) {
        slipring_record(handlers_work, 1000 + i * 100, SLIPRING_SUCCESS, &price);
    }
    struct slipring_span span = slipring_begin(handlers_work);
    slipring_cancel(&span);
}

static void handle_on_small_stack(void *stack)
{
    const size_t frame = (size_t)sysconf(_SC_MINSIGSTKSZ); /* what the kernel itself puts there */
    const stack_t small = {.ss_sp = stack, .ss_size = frame + 4096};
    const struct sigaction action = {.sa_handler = record_on_small_stack, .sa_flags = SA_ONSTACK};
    CHECK_EQUAL(sigaltstack(&small, NULL), 0);
    CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQUAL(raise(SIGUSR1), 0);
}

/* In a forked child, which attaches there, too. Whoever has 4 KB beside the kernel's frame has enough: SIGSTKSZ was 8 KB in all. */
static void a_handler_on_an_alternate_stack_of_four_kilobytes_may_be_the_first_to_record(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) { /* whose frames are many times larger */
        return;
    }
    handlers_work = api_primitive("work");
    const size_t guard = 64 * 1024;
    uint8_t *memory = child_share(2 * guard);
    CHECK_EQUAL(mprotect(memory, guard, PROT_NONE), 0);
    child_run(handle_on_small_stack, memory + guard);
    struct tally got;
    api_fold("work", &got);
    CHECK_EQUAL(tally_count(&got), 500);
    CHECK_EQUAL(got.cancels, 1);
}

/* --- the shared library -------------------------------------------------------------------------------------------------------- */

struct library {
    void *handle;
    enum slipring_status (*open)(const char *, struct slipring_store **);
    enum slipring_status (*get)(struct slipring_store *, const char *, const char *,
                                struct slipring_primitive **);
    void (*record)(struct slipring_primitive *, uint64_t, enum slipring_outcome,
                   const struct slipring_cost *);
};

/* POSIX's way to make a function of what dlsym() gives. */
static void look_up(void *handle, const char *name, void *out_function)
{
    void *at = dlsym(handle, name);
    CHECK(at != NULL);
    memcpy(out_function, &at, sizeof at);
}

static struct library load(void)
{
    char path[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 64); /* <build>/tests/unit-guest */
    CHECK(length > 0);
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    (void)strcpy(strrchr(path, '/'), "/lib/libslipring.so");
    struct library library = {.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (!library.handle) {
        check_fail(__FILE__, __LINE__, "%s", dlerror());
    }
    look_up(library.handle, "slipring_open", &library.open);
    look_up(library.handle, "slipring_primitive_get", &library.get);
    look_up(library.handle, "slipring_record", &library.record);
    return library;
}

static void *record_in_a_plugin(void *argument)
{
    struct library library = load();
    struct slipring_store *store = NULL;
    struct slipring_primitive *work = NULL;
    CHECK_OK(library.open(argument, &store));
    CHECK_OK(library.get(store, "work", NULL, &work));
    library.record(work, 3, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(dlclose(library.handle), 0);
    return NULL; /* what gives the rings back at the thread's end must still be there */
}

static void a_plugin_may_unload_the_library_while_threads_hold_rings(void *unused)
{
    (void)unused;
    struct tally want;
    tally_init(&want, 0);
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        char name[16];
        (void)snprintf(name, sizeof name, "%s", place_store());
        CHECK_EQUAL(pthread_create(&thread, NULL, record_in_a_plugin, name), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
        tally_execution(&want, 3, false, NULL);
    }
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_RELEASED), 1);
    api_expect("work", &want);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(the_host_keeps_its_descriptors_threads_and_signal_handlers),
        CHILD_TEST(a_host_that_closes_all_descriptors_goes_on_recording),
        CHILD_TEST(in_a_forked_child_no_thread_finds_anothers_rings_G4),
        CHILD_TEST(a_forking_thread_that_ends_in_the_child_gives_back_nothing_of_others_G4),
        CHILD_TEST(a_thread_is_not_cancelled_inside_the_library_G2),
        CHILD_TEST(threads_that_end_hand_their_ring_to_the_next),
        CHILD_TEST(rings_come_back_also_in_a_host_with_many_keys_G3),
        CHILD_TEST(a_host_that_records_in_its_own_destructors_loses_nothing),
        CHILD_TEST(without_a_descriptor_to_be_had_records_are_counted_in_the_shared_spill),
        CHILD_TEST(a_handler_on_an_alternate_stack_of_four_kilobytes_may_be_the_first_to_record),
        CHILD_TEST(a_plugin_may_unload_the_library_while_threads_hold_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
