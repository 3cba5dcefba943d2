/* SPDX-License-Identifier: Apache-2.0 */
/* Who is cut when: real sockets, a clock made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/http/connections.h"

#define SECOND UINT64_C(1000000000)

static struct connections table;

/* A connection, as the server and the client have it. */
struct pair {
    int server, client;
    struct connection *place;
};

static struct pair enter(uint64_t now_ns)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    return (struct pair){
        .server = fds[0], .client = fds[1], .place = connections_enter(&table, fds[0], now_ns)};
}

static void leave(struct pair *pair)
{
    connections_leave(&table, pair->place);
    close(pair->server);
    close(pair->client);
}

static bool is_cut(const struct pair *pair)
{
    char byte;
    ssize_t got = read(pair->client, &byte, 1);
    assert_true(got == 0 || (got < 0 && errno == EAGAIN));
    return got == 0;
}

static int open_table(void **state)
{
    (void)state;
    connections_open(&table);
    return 0;
}

static int close_table(void **state)
{
    (void)state;
    assert_int_equal(table.count, 0);
    connections_close(&table);
    return 0;
}

static void a_request_that_does_not_arrive_is_cut_after_10_seconds(void **state)
{
    (void)state;
    struct pair one = enter(SECOND);
    assert_int_equal(connections_sweep(&table, 11 * SECOND), 0);
    assert_false(is_cut(&one));
    assert_int_equal(connections_sweep(&table, 11 * SECOND + 1), 1);
    assert_true(is_cut(&one));
    assert_int_equal(connections_sweep(&table, 100 * SECOND), 0); /* once */
    leave(&one);
}

static void an_answer_has_30_seconds_to_be_read(void **state)
{
    (void)state;
    struct pair one = enter(SECOND);
    connections_answering(&table, one.place, 5 * SECOND);
    assert_int_equal(connections_sweep(&table, 35 * SECOND), 0);
    assert_int_equal(connections_sweep(&table, 35 * SECOND + 1), 1);
    assert_true(is_cut(&one));
    leave(&one);
}

static void the_next_request_of_a_connection_has_its_own_10_seconds(void **state)
{
    (void)state;
    struct pair one = enter(SECOND);
    connections_answering(&table, one.place, 9 * SECOND);
    connections_waiting(&table, one.place, 20 * SECOND);
    assert_int_equal(connections_sweep(&table, 30 * SECOND), 0);
    assert_int_equal(connections_sweep(&table, 30 * SECOND + 1), 1);
    leave(&one);
}

static void a_crowd_costs_the_one_that_waited_longest_its_place(void **state)
{
    (void)state;
    struct pair crowd[CONNECTIONS_CROWDED];
    for (unsigned i = 0; i < CONNECTIONS_CROWDED; i++) {
        crowd[i] = enter(100 - i); /* the last one is the oldest */
    }
    connections_answering(&table, crowd[CONNECTIONS_CROWDED - 1].place, 200);
    for (unsigned i = 0; i < CONNECTIONS_CROWDED; i++) {
        assert_false(is_cut(&crowd[i]));
    }
    struct pair next = enter(300);
    assert_false(is_cut(&crowd[CONNECTIONS_CROWDED - 1]));
    assert_true(is_cut(&crowd[CONNECTIONS_CROWDED - 2]));
    struct pair another = enter(301);
    assert_true(is_cut(&crowd[CONNECTIONS_CROWDED - 3]));
    assert_false(is_cut(&next));
    leave(&next);
    leave(&another);
    for (unsigned i = 0; i < CONNECTIONS_CROWDED; i++) {
        leave(&crowd[i]);
    }
}

static void a_full_table_leaves_the_rest_unwatched(void **state)
{
    (void)state;
    struct pair all[CONNECTIONS_MAX];
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        all[i] = enter(i);
        assert_non_null(all[i].place);
        connections_answering(&table, all[i].place, i);
    }
    /* From the 60th on each costs the one that has been answered longest its place; the last, unwatched, too. */
    struct pair rest = enter(99);
    assert_null(rest.place);
    connections_answering(&table, rest.place, 100);
    connections_waiting(&table, rest.place, 100);
    leave(&rest);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        assert_int_equal(is_cut(&all[i]), i <= CONNECTIONS_MAX - CONNECTIONS_FULL);
        leave(&all[i]);
    }
}

static void who_is_answered_keeps_its_place_as_long_as_somebody_waits(void **state)
{
    (void)state;
    struct pair all[CONNECTIONS_FULL];
    for (unsigned i = 0; i < CONNECTIONS_FULL; i++) {
        all[i] = enter(i);
        if (i != CONNECTIONS_FULL - 1) {
            connections_answering(&table, all[i].place, i);
        }
    }
    for (unsigned i = 0; i < CONNECTIONS_FULL; i++) {
        assert_false(is_cut(&all[i]));
    }
    struct pair next = enter(99);
    for (unsigned i = 0; i < CONNECTIONS_FULL; i++) {
        assert_int_equal(is_cut(&all[i]), i == CONNECTIONS_FULL - 1);
        leave(&all[i]);
    }
    leave(&next);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_table, close_table)

static void stopping_cuts_who_waits_and_who_comes_and_the_others_when_they_are_answered(void **state)
{
    (void)state;
    struct pair waits = enter(0);
    struct pair reads = enter(0);
    connections_answering(&table, reads.place, 0);
    connections_stop(&table);
    assert_true(is_cut(&waits));
    assert_false(is_cut(&reads));
    assert_int_equal(connections_answers(&table), 1);
    struct pair late = enter(SECOND);
    assert_true(is_cut(&late));
    connections_waiting(&table, reads.place, SECOND);
    assert_true(is_cut(&reads));
    assert_int_equal(connections_answers(&table), 0);
    leave(&waits);
    leave(&reads);
    leave(&late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_request_that_does_not_arrive_is_cut_after_10_seconds),
        CASE(an_answer_has_30_seconds_to_be_read),
        CASE(the_next_request_of_a_connection_has_its_own_10_seconds),
        CASE(a_crowd_costs_the_one_that_waited_longest_its_place),
        CASE(who_is_answered_keeps_its_place_as_long_as_somebody_waits),
        CASE(a_full_table_leaves_the_rest_unwatched),
        CASE(stopping_cuts_who_waits_and_who_comes_and_the_others_when_they_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
