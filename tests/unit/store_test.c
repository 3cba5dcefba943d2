/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing stores: every refusal, and what is left after closing. */
#include <slipring/slipring.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/place.h"

#define NOBODY 65534

static int file_of(const char *suffix, off_t size)
{
    char path[PATH_MAX];
    place_path(path, place_store(), suffix);
    const int fd = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    CHECK_EQUAL(ftruncate(fd, size), 0);
    return fd;
}

static bool file_exists(const char *suffix)
{
    char path[PATH_MAX];
    place_path(path, place_store(), suffix);
    return access(path, F_OK) == 0;
}

/* A store that does not open gives a handle all the same, on which everything is a counted no-op. */
static void expect_dropping(enum slipring_status why)
{
    struct slipring_store *store = NULL;
    CHECK_STATUS(slipring_open(place_store(), &store), why);
    CHECK(store != NULL);
    CHECK_STATUS(slipring_store_status(store), why);
    struct slipring_primitive *work = NULL;
    CHECK_STATUS(slipring_primitive_get(store, "work", NULL, &work), why);
    CHECK(work != NULL);
    CHECK_STATUS(slipring_primitive_status(work), why);
    for (int i = 0; i < 3; i++) {
        slipring_record(work, 5, SLIPRING_SUCCESS, NULL);
    }
    struct slipring_span span = slipring_begin(work);
    slipring_end(&span, SLIPRING_FAILURE, NULL);
    span = slipring_begin(work);
    slipring_cancel(&span);
    struct slipring_reservation reservation;
    slipring_reserve(work, &reservation);
    *reservation.cost_nanodollars = 7;
    slipring_commit(&reservation, 5, SLIPRING_SUCCESS, 0);
    const struct slipring_cost cost = {.cost_nanodollars = 1};
    slipring_record_cost(work, &cost);
    CHECK_EQUAL(slipring_store_dropped(store), 6);
    uint32_t category = 9;
    CHECK_STATUS(slipring_category_get(work, "gpu", &category), why);
    CHECK_EQUAL(category, 0);
    struct slipring_stats stats;
    CHECK_STATUS(slipring_stats_read(work, &stats), why);
    const struct slipring_slo slo = {.availability_ppb = SLIPRING_TARGET(0.99)};
    CHECK_STATUS(slipring_slo_configure(work, &slo), why);
}

/* --- opening -------------------------------------------------------------------------------------------------------------- */

static void opening_makes_the_segment_for_this_user_alone(void *unused)
{
    (void)unused;
    struct slipring_store *store = api_open();
    CHECK_STATUS(slipring_store_status(store), SLIPRING_OK);
    CHECK_EQUAL(slipring_store_errno(store), 0);
    char path[PATH_MAX];
    struct stat st;
    place_path(path, place_store(), "ring");
    CHECK_EQUAL(stat(path, &st), 0);
    CHECK_EQUAL(st.st_mode & 07777, 0600);
    place_path(path, place_store(), "lock");
    CHECK_EQUAL(stat(path, &st), 0);
    CHECK_EQUAL(st.st_mode & 07777, 0600);
    CHECK(!file_exists("stats")); /* the agent's */
}

static void the_same_name_is_the_same_store_and_counts_openers(void *unused)
{
    (void)unused;
    struct slipring_store *first = api_open();
    struct slipring_store *second = api_open();
    CHECK(first == second);
    CHECK_OK(slipring_close(first));
    CHECK_STATUS(slipring_store_status(first), SLIPRING_OK);
    CHECK_OK(slipring_close(second));
    CHECK_STATUS(slipring_store_status(first), SLIPRING_CLOSED);
    CHECK_STATUS(slipring_close(first), SLIPRING_CLOSED);
}

static void the_environment_names_the_store_when_the_caller_does_not(void *unused)
{
    (void)unused;
    CHECK_EQUAL(setenv("SLIPRING_STORE", place_store(), 1), 0);
    struct slipring_store *store = NULL;
    CHECK_OK(slipring_open(NULL, &store));
    CHECK(store == api_open());
    CHECK(slipring_default() == store);
    CHECK(slipring_default() == store);
}

static void an_empty_environment_means_default(void *unused)
{
    (void)unused;
    CHECK_EQUAL(setenv("SLIPRING_STORE", "", 1), 0);
    struct slipring_store *store = NULL;
    CHECK_OK(slipring_open(NULL, &store));
    struct slipring_store *by_name = NULL;
    CHECK_OK(slipring_open("default", &by_name));
    CHECK(store == by_name);
}

static void bad_store_names_are_refused(void *unused)
{
    (void)unused;
    char long_name[SLIPRING_STORE_NAME_MAX + 2];
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    const char *const bad[] = {"",    ".hidden", "-option",     "a/b",    "..",
                               "a b", "a\nb",    "caf\xc3\xa9", long_name};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct slipring_store *store = (struct slipring_store *)1;
        CHECK_STATUS(slipring_open(bad[i], &store), SLIPRING_BAD_NAME);
        CHECK(store == NULL);
    }
    long_name[SLIPRING_STORE_NAME_MAX] = '\0';
    struct slipring_store *store = NULL;
    CHECK_OK(slipring_open(long_name, &store));
    CHECK_EQUAL(setenv("SLIPRING_STORE", "not/valid", 1), 0);
    struct slipring_store *unusable = slipring_default();
    CHECK(unusable != NULL && slipring_default() == unusable);
    CHECK_STATUS(slipring_store_status(unusable), SLIPRING_BAD_NAME);
    struct slipring_primitive *primitive = NULL;
    CHECK_STATUS(slipring_primitive_get(unusable, "work", "step", &primitive), SLIPRING_BAD_NAME);
    CHECK_STATUS(slipring_primitive_status(primitive), SLIPRING_BAD_NAME);
    slipring_record(primitive, 1, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(slipring_store_dropped(unusable), 1);
}

static void a_ninth_store_is_refused(void *unused)
{
    (void)unused;
    struct slipring_store *store = NULL;
    for (int i = 0; i < 8; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s-%d", place_store(), i);
        CHECK_OK(slipring_open(name, &store));
    }
    CHECK_STATUS(slipring_open("one-too-many", &store), SLIPRING_TABLE_FULL);
    CHECK(store == NULL);
    CHECK_EQUAL(access("slipring.one-too-many.ring", F_OK), -1);
}

static void null_is_taken_everywhere_as_one_that_records_nothing(void *unused)
{
    (void)unused;
    CHECK_STATUS(slipring_close(NULL), SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(slipring_store_status(NULL), SLIPRING_BAD_ARGUMENT);
    CHECK_EQUAL(slipring_store_errno(NULL), 0);
    CHECK_EQUAL(slipring_store_dropped(NULL), 0);
    struct slipring_primitive *work = NULL;
    CHECK_STATUS(slipring_primitive_get(NULL, "work", NULL, &work), SLIPRING_BAD_ARGUMENT);
    CHECK(work == NULL);
    CHECK_STATUS(slipring_primitive_status(NULL), SLIPRING_BAD_ARGUMENT);
    uint32_t category = 3;
    CHECK_STATUS(slipring_category_get(NULL, "gpu", &category), SLIPRING_BAD_ARGUMENT);
    CHECK_EQUAL(category, 0);
    const struct slipring_cost cost = {.cost_nanodollars = 1};
    slipring_record(NULL, 1, SLIPRING_SUCCESS, &cost);
    slipring_record_cost(NULL, &cost);
    struct slipring_span span = slipring_begin(NULL);
    slipring_end(&span, SLIPRING_SUCCESS, NULL);
    slipring_cancel(&span);
    slipring_end(NULL, SLIPRING_SUCCESS, NULL);
    slipring_cancel(NULL);
    struct slipring_reservation reservation;
    slipring_reserve(NULL, &reservation);
    *reservation.cost_nanodollars = 1;
    *reservation.savings_nanodollars = 1;
    slipring_commit(&reservation, 1, SLIPRING_SUCCESS, 0);
    slipring_discard(&reservation);
    slipring_commit(NULL, 1, SLIPRING_SUCCESS, 0);
    slipring_discard(NULL);
    struct slipring_stats stats;
    CHECK_STATUS(slipring_stats_read(NULL, &stats), SLIPRING_BAD_ARGUMENT);
}

/* --- stores that can not be opened ------------------------------------------------------------------------------------------ */

static void a_foreign_file_is_named_and_left_alone(void *unused)
{
    (void)unused;
    const int fd = file_of("ring", (off_t)sizeof(struct sr_ring_map));
    CHECK_EQUAL(pwrite(fd, "\177ELF, or so", 12, 0), 12);
    expect_dropping(SLIPRING_FOREIGN);
    char bytes[12];
    CHECK_EQUAL(pread(fd, bytes, 12, 0), 12);
    CHECK_EQUAL(memcmp(bytes, "\177ELF, or so", 12), 0);
}

static void a_truncated_segment_is_of_the_wrong_size(void *unused)
{
    (void)unused;
    const struct sr_ring_header_shm header = {.magic = SR_RING_MAGIC,
                                              .abi_major = SR_ABI_MAJOR,
                                              .endian = SR_ENDIAN_PROBE,
                                              .schema = SR_BUCKET_SCHEMA,
                                              .segment_bytes = sizeof(struct sr_ring_map),
                                              .ready = 1};
    const int fd = file_of("ring", 1 << 20);
    CHECK_EQUAL(pwrite(fd, &header, sizeof header, 0), sizeof header);
    expect_dropping(SLIPRING_WRONG_SIZE);
}

static void a_newer_segment_is_of_another_version(void *unused)
{
    (void)unused;
    const struct sr_ring_header_shm header = {.magic = SR_RING_MAGIC,
                                              .abi_major = SR_ABI_MAJOR + 1,
                                              .endian = SR_ENDIAN_PROBE,
                                              .schema = SR_BUCKET_SCHEMA,
                                              .segment_bytes = 3 << 20,
                                              .ready = 1};
    const int fd = file_of("ring", 3 << 20);
    CHECK_EQUAL(pwrite(fd, &header, sizeof header, 0), sizeof header);
    expect_dropping(SLIPRING_OTHER_VERSION);
}

static void a_missing_folder_is_told(void *unused)
{
    (void)unused;
    CHECK_EQUAL(setenv("SLIPRING_SHM_DIR", "/dev/shm/there-is-no-such-folder", 1), 0);
    expect_dropping(SLIPRING_NO_FOLDER);
}

static void a_file_size_limit_is_a_status_and_no_signal(void *unused)
{
    (void)unused;
    const struct rlimit limit = {1 << 20, 1 << 20};
    CHECK_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_dropping(SLIPRING_FILE_LIMIT);
    CHECK(!file_exists("ring"));
}

static void become_nobody(void)
{
    CHECK_EQUAL(setgroups(0, NULL), 0);
    CHECK_EQUAL(setgid(NOBODY), 0);
    CHECK_EQUAL(setuid(NOBODY), 0);
}

static void an_unwritable_folder_is_told(void *unused)
{
    (void)unused;
    if (geteuid() == 0) { /* modes bind nobody who is root */
        become_nobody();
    } else {
        CHECK_EQUAL(chmod(place_folder(), 0555), 0);
    }
    expect_dropping(SLIPRING_NO_FOLDER);
    struct slipring_store *store = NULL;
    CHECK_STATUS(slipring_open(place_store(), &store), SLIPRING_NO_FOLDER);
    CHECK_EQUAL(slipring_store_errno(store), EACCES);
    (void)chmod(place_folder(), 0755);
}

/* Privileges dropped after the opening: what needs no new page goes on, the rest is counted under __overflow__. */
static void open_as_nobody(void *unused)
{
    (void)unused;
    become_nobody();
    struct slipring_primitive *work = NULL;
    CHECK_STATUS(slipring_primitive_get(api_open(), "never seen before", NULL, &work),
                 SLIPRING_NOT_PERMITTED);
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL); /* under __overflow__ */
}

static void a_process_that_drops_its_privileges_goes_on_counting(void *unused)
{
    (void)unused;
    if (geteuid() != 0) {
        return; /* root alone can make itself a stranger */
    }
    (void)api_open();
    child_run(open_as_nobody, NULL);
    struct tally want;
    tally_init(&want, 0);
    tally_execution(&want, 1, false, NULL);
    api_expect("__overflow__", &want);
}

static void expect_not_permitted(void *unused)
{
    (void)unused;
    become_nobody();
    expect_dropping(SLIPRING_NOT_PERMITTED);
}

static void a_strangers_segment_is_not_permitted(void *unused)
{
    (void)unused;
    if (geteuid() == 0) {
        (void)close(file_of("ring", (off_t)sizeof(struct sr_ring_map)));
        child_run(expect_not_permitted, NULL);
    }
}

static void a_full_file_system_is_no_space_and_opens_when_there_is_room(void *unused)
{
    (void)unused;
    faults_arm(0, 1000, ENOSPC);
    expect_dropping(SLIPRING_NO_SPACE);
    struct slipring_store *store = NULL;
    CHECK_STATUS(slipring_open(place_store(), &store), SLIPRING_NO_SPACE);
    CHECK_EQUAL(slipring_store_errno(store), ENOSPC);
    struct slipring_primitive *early = NULL;
    CHECK_STATUS(slipring_primitive_get(store, "work", NULL, &early), SLIPRING_NO_SPACE);
    faults_arm(0, 0, 0);
    const uint64_t dropped = slipring_store_dropped(store);
    CHECK_OK(slipring_open(place_store(), &store));
    struct slipring_primitive *work = NULL;
    CHECK_OK(slipring_primitive_get(store, "work", NULL, &work));
    CHECK(work == early); /* the handle of the failed store records from now on */
    slipring_record(early, 5, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(slipring_store_dropped(store), dropped);
    struct tally want;
    tally_init(&want, 0);
    tally_execution(&want, 5, false, NULL);
    api_expect("work", &want);
}

static void no_address_space_is_a_status(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) {
        return;
    }
    const struct rlimit limit = {UINT64_C(1) << 30,
                                 UINT64_C(1) << 30}; /* the arena shrinks, the segment does not fit */
    CHECK_EQUAL(setrlimit(RLIMIT_AS, &limit), 0);
    expect_dropping(SLIPRING_NO_MEMORY);
}

/* --- closing ---------------------------------------------------------------------------------------------------------------- */

static void closing_gives_back_rings_and_slot_and_drops_what_follows(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    struct slipring_store *store = work->store;
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 1);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 1);
    while (slipring_close(store) == SLIPRING_OK) {
    }
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_RELEASED), 1);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 0);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_RELEASED), 1);
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    CHECK_EQUAL(slipring_store_dropped(store), 1);
    CHECK_STATUS(slipring_primitive_status(work), SLIPRING_CLOSED);
    struct tally want;
    tally_init(&want, 0);
    tally_execution(&want, 1, false, NULL);
    api_expect("work", &want);
}

static void a_closed_store_opens_again_under_the_same_handles(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    while (slipring_close(work->store) == SLIPRING_OK) {
    }
    CHECK(api_primitive("work") == work);
    slipring_record(work, 2, SLIPRING_FAILURE, NULL);
    CHECK_EQUAL(slipring_store_dropped(work->store), 0);
    struct tally want;
    tally_init(&want, 0);
    tally_execution(&want, 1, false, NULL);
    tally_execution(&want, 2, true, NULL);
    api_expect("work", &want);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 1);
}

static void a_store_removed_after_closing_is_made_anew(void *unused)
{
    (void)unused;
    struct slipring_primitive *work = api_primitive("work");
    slipring_record(work, 1, SLIPRING_SUCCESS, NULL);
    while (slipring_close(work->store) == SLIPRING_OK) {
    }
    char path[PATH_MAX];
    place_path(path, place_store(), "ring");
    CHECK_EQUAL(unlink(path), 0);
    place_path(path, place_store(), "lock");
    CHECK_EQUAL(unlink(path), 0);
    struct slipring_store *store = api_open();
    slipring_record(work, 7, SLIPRING_SUCCESS,
                    NULL); /* its handle speaks of the removed one: dropped, not lost in silence */
    CHECK_EQUAL(slipring_store_dropped(store), 1);
    CHECK(api_primitive("work") == work);
    slipring_record(work, 2, SLIPRING_SUCCESS, NULL);
    struct tally want;
    tally_init(&want, 0);
    tally_execution(&want, 2, false, NULL);
    api_expect("work", &want);
}

struct other_thread {
    struct slipring_primitive *work;
    _Atomic uint32_t step;
};

static void *record_before_and_after(void *argument)
{
    struct other_thread *other = argument;
    slipring_record(other->work, 1, SLIPRING_SUCCESS, NULL);
    atomic_store(&other->step, 1);
    child_await(&other->step, 2);
    slipring_record(other->work, 2, SLIPRING_SUCCESS, NULL); /* it has a ring: delivered */
    return NULL;
}

static void a_thread_that_has_a_ring_delivers_after_another_closed(void *unused)
{
    (void)unused;
    struct other_thread other = {.work = api_primitive("work")};
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, record_before_and_after, &other), 0);
    child_await(&other.step, 1);
    while (slipring_close(other.work->store) == SLIPRING_OK) {
    }
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 1); /* a ring is held */
    atomic_store(&other.step, 2);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_RELEASED), 1);
    struct tally want;
    tally_init(&want, 0);
    tally_execution(&want, 1, false, NULL);
    tally_execution(&want, 2, false, NULL);
    api_expect("work", &want);
}

static void every_status_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i <= (int)SLIPRING_SYSTEM; i++) {
        CHECK(strlen(slipring_status_text((enum slipring_status)i)) > 8);
        CHECK(strcmp(slipring_status_name((enum slipring_status)i), "UNKNOWN") != 0);
    }
    assert_string_equal(slipring_status_name((enum slipring_status)999), "UNKNOWN");
    CHECK(strlen(slipring_status_text((enum slipring_status)999)) > 8);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(opening_makes_the_segment_for_this_user_alone),
        CHILD_TEST(the_same_name_is_the_same_store_and_counts_openers),
        CHILD_TEST(the_environment_names_the_store_when_the_caller_does_not),
        CHILD_TEST(an_empty_environment_means_default),
        CHILD_TEST(bad_store_names_are_refused),
        CHILD_TEST(a_ninth_store_is_refused),
        CHILD_TEST(null_is_taken_everywhere_as_one_that_records_nothing),
        CHILD_TEST(a_foreign_file_is_named_and_left_alone),
        CHILD_TEST(a_truncated_segment_is_of_the_wrong_size),
        CHILD_TEST(a_newer_segment_is_of_another_version),
        CHILD_TEST(a_missing_folder_is_told),
        CHILD_TEST(a_file_size_limit_is_a_status_and_no_signal),
        CHILD_TEST(an_unwritable_folder_is_told),
        CHILD_TEST(a_strangers_segment_is_not_permitted),
        CHILD_TEST(a_process_that_drops_its_privileges_goes_on_counting),
        CHILD_TEST(a_full_file_system_is_no_space_and_opens_when_there_is_room),
        CHILD_TEST(no_address_space_is_a_status),
        CHILD_TEST(closing_gives_back_rings_and_slot_and_drops_what_follows),
        CHILD_TEST(a_closed_store_opens_again_under_the_same_handles),
        CHILD_TEST(a_store_removed_after_closing_is_made_anew),
        CHILD_TEST(a_thread_that_has_a_ring_delivers_after_another_closed),
        cmocka_unit_test(every_status_has_a_name_and_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
