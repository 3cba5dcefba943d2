/* SPDX-License-Identifier: Apache-2.0 */
/* The SIGBUS guard: a file that shrinks under its mapping, and what must still kill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/guard.h"

enum { PAGES = 8 };

/* A mapping of PAGES pages of 0xab, of which the file keeps `kept`. */
static uint8_t *truncated_mapping(int protection, int kept)
{
    int fd = memfd_create("guard_test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, PAGES * SR_PAGE_BYTES), 0);
    uint8_t *base = mmap(NULL, PAGES * SR_PAGE_BYTES, protection, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(base, MAP_FAILED);
    uint8_t page[SR_PAGE_BYTES];
    memset(page, 0xab, sizeof page);
    for (int i = 0; i < kept; i++) {
        assert_int_equal(pwrite(fd, page, sizeof page, (off_t)i * SR_PAGE_BYTES), (ssize_t)sizeof page);
    }
    assert_int_equal(ftruncate(fd, (off_t)kept * SR_PAGE_BYTES), 0);
    close(fd);
    return base;
}

/* volatile: each look must really load */
static uint8_t look(const volatile uint8_t *at)
{
    return *at;
}

/* cmocka takes the signal for each test. */
static void take_the_signal_back(void **state)
{
    (void)state;
    assert_int_equal(sr_guard_install(), SLIPRING_OK);
}

/* The signal that ends a child which runs `body`, 0 when it ends by itself. */
static int signal_of_child(void (*body)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        body();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_truncated_page_reads_as_zeros_and_is_remembered(void **state)
{
    take_the_signal_back(state);
    uint8_t *base = truncated_mapping(PROT_READ, 2);
    assert_int_equal(sr_guard_add(base, PAGES * SR_PAGE_BYTES, false), SLIPRING_OK);
    assert_int_equal(look(base + SR_PAGE_BYTES), 0xab);
    assert_int_equal(sr_guard_faults(base), 0);
    assert_int_equal(look(base + 2 * SR_PAGE_BYTES + 17), 0);
    assert_int_equal(sr_guard_faults(base), 1);
    assert_int_equal(look(base + 3 * SR_PAGE_BYTES - 1), 0); /* the same page: no second fault */
    assert_int_equal(sr_guard_faults(base), 1);
    assert_int_equal(look(base + PAGES * SR_PAGE_BYTES - 1), 0);
    assert_int_equal(sr_guard_faults(base), 2);
    assert_int_equal(look(base), 0xab); /* what the file still has is still seen */
    sr_guard_remove(base);
    munmap(base, PAGES * SR_PAGE_BYTES);
}

static void a_write_to_a_lost_page_reaches_nobody_and_kills_nobody(void **state)
{
    take_the_signal_back(state);
    uint8_t *base = truncated_mapping(PROT_READ | PROT_WRITE, 1);
    assert_int_equal(sr_guard_add(base, PAGES * SR_PAGE_BYTES, true), SLIPRING_OK);
    memset(base + SR_PAGE_BYTES, 7, SR_PAGE_BYTES);
    assert_int_equal(look(base + SR_PAGE_BYTES), 7);
    assert_int_equal(sr_guard_faults(base), 1);
    sr_guard_remove(base);
    munmap(base, PAGES * SR_PAGE_BYTES);
}

static void ranges_are_told_apart_and_their_places_used_again(void **state)
{
    take_the_signal_back(state);
    uint8_t *first = truncated_mapping(PROT_READ, 1);
    uint8_t *second = truncated_mapping(PROT_READ, 1);
    for (uint32_t round = 0; round < 3 * SR_GUARD_RANGE_MAX; round++) {
        assert_int_equal(sr_guard_add(first, PAGES * SR_PAGE_BYTES, false), SLIPRING_OK);
        assert_int_equal(sr_guard_faults(first), 0);
        sr_guard_remove(first);
    }
    assert_int_equal(sr_guard_add(first, PAGES * SR_PAGE_BYTES, false), SLIPRING_OK);
    assert_int_equal(sr_guard_add(second, PAGES * SR_PAGE_BYTES, false), SLIPRING_OK);
    assert_int_equal(look(second + SR_PAGE_BYTES), 0);
    assert_int_equal(sr_guard_faults(first), 0);
    assert_int_equal(sr_guard_faults(second), 1);
    sr_guard_remove(first);
    sr_guard_remove(second);
    assert_int_equal(sr_guard_faults(second), 0);
    munmap(first, PAGES * SR_PAGE_BYTES);
    munmap(second, PAGES * SR_PAGE_BYTES);
}

static void the_table_has_an_end_and_refuses_what_is_no_range(void **state)
{
    take_the_signal_back(state);
    static _Alignas(SR_PAGE_BYTES) uint8_t place[(SR_GUARD_RANGE_MAX + 1) * SR_PAGE_BYTES];
    assert_int_equal(sr_guard_add(NULL, 1, false), SLIPRING_BAD_ARGUMENT);
    assert_int_equal(sr_guard_add(place, 0, false), SLIPRING_BAD_ARGUMENT);
    assert_int_equal(sr_guard_add(place + 1, 1, false), SLIPRING_BAD_ARGUMENT);
    assert_int_equal(sr_guard_add(place, UINT64_MAX, false), SLIPRING_BAD_ARGUMENT);
    for (uint32_t i = 0; i < SR_GUARD_RANGE_MAX; i++) {
        assert_int_equal(sr_guard_add(place + i * SR_PAGE_BYTES, SR_PAGE_BYTES, false), SLIPRING_OK);
    }
    assert_int_equal(sr_guard_add(place + SR_GUARD_RANGE_MAX * SR_PAGE_BYTES, SR_PAGE_BYTES, false),
                     SLIPRING_TABLE_FULL);
    for (uint32_t i = 0; i < SR_GUARD_RANGE_MAX; i++) {
        sr_guard_remove(place + i * SR_PAGE_BYTES);
    }
    sr_guard_remove(place); /* unknown by now */
}

static void fault_outside_of_every_range(void)
{
    uint8_t *guarded = truncated_mapping(PROT_READ, 1);
    uint8_t *bare = truncated_mapping(PROT_READ, 1);
    if (sr_guard_add(guarded, PAGES * SR_PAGE_BYTES, false) == SLIPRING_OK) {
        look(bare + SR_PAGE_BYTES);
    }
}

static void fault_in_a_range_that_was_removed(void)
{
    uint8_t *base = truncated_mapping(PROT_READ, 1);
    if (sr_guard_add(base, PAGES * SR_PAGE_BYTES, false) == SLIPRING_OK) {
        sr_guard_remove(base);
        look(base + SR_PAGE_BYTES);
    }
}

static void fault_right_behind_a_range(void)
{
    uint8_t *base = truncated_mapping(PROT_READ, 1);
    if (sr_guard_add(base, 2 * SR_PAGE_BYTES, false) == SLIPRING_OK) {
        look(base + 2 * SR_PAGE_BYTES);
    }
}

static void somebody_sends_the_signal(void)
{
    kill(getpid(), SIGBUS);
}

static void a_fault_that_is_not_ours_still_kills(void **state)
{
    take_the_signal_back(state);
    assert_int_equal(signal_of_child(fault_outside_of_every_range), SIGBUS);
    assert_int_equal(signal_of_child(fault_in_a_range_that_was_removed), SIGBUS);
    assert_int_equal(signal_of_child(fault_right_behind_a_range), SIGBUS);
    assert_int_equal(signal_of_child(somebody_sends_the_signal), SIGBUS);
}

static void *sum_of_all_pages(void *base)
{
    uintptr_t sum = 0;
    for (int i = PAGES - 1; i >= 0; i--) {
        sum += look((uint8_t *)base + (size_t)i * SR_PAGE_BYTES);
    }
    return (void *)sum;
}

static void threads_that_meet_on_lost_pages_all_go_on(void **state)
{
    take_the_signal_back(state);
    for (int round = 0; round < 50; round++) {
        uint8_t *base = truncated_mapping(PROT_READ, 1);
        assert_int_equal(sr_guard_add(base, PAGES * SR_PAGE_BYTES, false), SLIPRING_OK);
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, sum_of_all_pages, base), 0);
        }
        for (int i = 0; i < 4; i++) {
            void *sum = NULL;
            assert_int_equal(pthread_join(threads[i], &sum), 0);
            assert_int_equal((uintptr_t)sum, 0xab);
        }
        assert_in_range(sr_guard_faults(base), PAGES - 1, 4 * (PAGES - 1));
        sr_guard_remove(base);
        munmap(base, PAGES * SR_PAGE_BYTES);
    }
}

int main(void)
{
    signal(SIGBUS, SIG_DFL); /* a sanitizer's own handler would turn the signal into an exit */
    if (sr_guard_install() != SLIPRING_OK) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_truncated_page_reads_as_zeros_and_is_remembered),
        cmocka_unit_test(a_write_to_a_lost_page_reaches_nobody_and_kills_nobody),
        cmocka_unit_test(ranges_are_told_apart_and_their_places_used_again),
        cmocka_unit_test(the_table_has_an_end_and_refuses_what_is_no_range),
        cmocka_unit_test(a_fault_that_is_not_ours_still_kills),
        cmocka_unit_test(threads_that_meet_on_lost_pages_all_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
