/* SPDX-License-Identifier: Apache-2.0 */
/* The latch of published figures, G1 to G3 of protocol/publish.h, with the states that a kill leaves built by hand. */
#include "protocol/publish.h"

#include <pthread.h>
#include <string.h>

#include "support/check.h"
#include "support/place.h"
#include "support/trap.h"

#define WORDS 64u

struct shown {
    _Atomic uint64_t latch;
    uint64_t copies[2][WORDS];
};

static void write_all(struct shown *shown, uint64_t value)
{
    uint64_t from[WORDS];
    for (uint32_t i = 0; i < WORDS; i++) {
        from[i] = value;
    }
    sr_publish_write(&shown->latch, shown->copies, sizeof shown->copies[0], from, sizeof from);
}

/* Whole: every word is the same. */
static enum slipring_status read_whole(const struct shown *shown, uint64_t *out_value)
{
    uint64_t to[WORDS];
    enum slipring_status status =
        sr_publish_read(&shown->latch, shown->copies, sizeof shown->copies[0], 0, to, sizeof to);
    for (uint32_t i = 0; status == SLIPRING_OK && i < WORDS; i++) {
        CHECK_EQUAL(to[i], to[0]);
    }
    *out_value = to[0];
    return status;
}

static void nothing_published_is_no_data(void **state)
{
    (void)state;
    struct shown shown = {.latch = 0};
    uint64_t value;
    CHECK_STATUS(read_whole(&shown, &value), SLIPRING_NO_DATA);
}

static void a_reader_finds_what_was_published_last(void **state)
{
    (void)state;
    struct shown shown = {.latch = 0};
    for (uint64_t round = 1; round < 9; round++) {
        uint64_t value = 0;
        write_all(&shown, round);
        CHECK_OK(read_whole(&shown, &value));
        CHECK_EQUAL(value, round);
    }
}

static void a_part_is_read_from_the_whole_copy(void **state)
{
    (void)state;
    struct shown shown = {.latch = 0};
    uint64_t from[WORDS];
    uint64_t to[2] = {0, 0};
    for (uint64_t i = 0; i < WORDS; i++) {
        from[i] = 100 + i;
    }
    sr_publish_write(&shown.latch, shown.copies, sizeof shown.copies[0], from, sizeof from);
    CHECK_OK(sr_publish_read(&shown.latch, shown.copies, sizeof shown.copies[0], 24, to, sizeof to));
    CHECK_EQUAL(to[0], 103);
    CHECK_EQUAL(to[1], 104);
}

/* G1: killed in the middle of a copy, before the raise. */
static void a_torn_copy_is_not_what_readers_take_and_is_written_first_next_time(void **state)
{
    (void)state;
    for (uint64_t published = 1; published < 4; published++) {
        struct shown shown = {.latch = 0};
        uint64_t value = 0;
        for (uint64_t i = 1; i <= published; i++) {
            write_all(&shown, i);
        }
        memset(shown.copies[shown.latch & 1], 0xee, sizeof shown.copies[0] / 2);
        CHECK_OK(read_whole(&shown, &value));
        CHECK_EQUAL(value, published);
        write_all(&shown, 77);
        CHECK_OK(read_whole(&shown, &value));
        CHECK_EQUAL(value, 77);
    }
}

/* G1, when nothing was published before. */
static void a_first_copy_that_was_torn_is_no_data(void **state)
{
    (void)state;
    struct shown shown = {.latch = 0};
    uint64_t value;
    memset(shown.copies[0], 0xee, sizeof shown.copies[0] / 2);
    CHECK_STATUS(read_whole(&shown, &value), SLIPRING_NO_DATA);
}

/* --- one instruction at a time -------------------------------------------------------------------------------------------- */

static struct shown stepped;
static uint64_t written;

static void publish_next(void *unused)
{
    (void)unused;
    written++;
    write_all(&stepped, written);
}

static void publish_two(void *unused)
{
    publish_next(unused);
    publish_next(unused);
}

static void expect_the_last_or_the_new_one(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    CHECK_OK(read_whole(&stepped, &value));
    CHECK(value == written || value == written - 1);
}

static void read_some(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    CHECK_OK(read_whole(&stepped, &value));
    CHECK(value + 2 >= written);
}

static void a_reader_finds_a_whole_copy_at_every_instruction_of_the_agent_G1(void **state)
{
    (void)state;
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    publish_two(NULL);
    (void)trap_each(publish_next, expect_the_last_or_the_new_one, NULL);
    (void)trap_each(publish_next, expect_the_last_or_the_new_one, NULL); /* the other copy */
}

/* The second of two publishings writes the copy that is being read. */
static void a_reader_that_is_overtaken_looks_again_G2(void **state)
{
    (void)state;
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    publish_two(NULL);
    const uint32_t count = trap_learn(read_some, NULL);
    for (uint32_t nth = 0; nth < count; nth++) {
        (void)trap_at(read_some, publish_two, NULL, nth);
    }
}

/* --- at once --------------------------------------------------------------------------------------------------------------- */

struct race {
    struct shown shown;
    _Atomic uint32_t stop;
};

static void *publish_until_stopped(void *argument)
{
    struct race *race = argument;
    for (uint64_t round = 1; !atomic_load(&race->stop); round++) {
        write_all(&race->shown, round);
    }
    return NULL;
}

/* G1, G2: publishing as fast as it can, which no agent does. */
static void a_reader_never_sees_a_torn_copy_nor_an_older_one_while_the_agent_publishes(void **state)
{
    (void)state;
    static struct race race;
    pthread_t writer;
    uint64_t last = 0;
    uint32_t whole = 0;
    write_all(&race.shown, 0);
    CHECK_EQUAL(pthread_create(&writer, NULL, publish_until_stopped, &race), 0);
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t value = 0;
        if (read_whole(&race.shown, &value) == SLIPRING_OK) {
            CHECK(value >= last);
            last = value;
            whole++;
        }
    }
    atomic_store(&race.stop, 1);
    CHECK_EQUAL(pthread_join(writer, NULL), 0);
    CHECK(whole > 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_published_is_no_data),
        cmocka_unit_test(a_reader_finds_what_was_published_last),
        cmocka_unit_test(a_part_is_read_from_the_whole_copy),
        cmocka_unit_test(a_torn_copy_is_not_what_readers_take_and_is_written_first_next_time),
        cmocka_unit_test(a_first_copy_that_was_torn_is_no_data),
        cmocka_unit_test(a_reader_finds_a_whole_copy_at_every_instruction_of_the_agent_G1),
        cmocka_unit_test(a_reader_that_is_overtaken_looks_again_G2),
        cmocka_unit_test(a_reader_never_sees_a_torn_copy_nor_an_older_one_while_the_agent_publishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
