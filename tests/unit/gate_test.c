/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, and what a password costs: with a clock made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <crypt.h>
#include <stdio.h>
#include <string.h>

#include "agent/http/gate.h"

#define SECOND UINT64_C(1000000000)
/* Of "alice:secret", "alice:wrong", "bob:secret" */
#define ALICE "Basic YWxpY2U6c2VjcmV0"
#define WRONG "Basic YWxpY2U6d3Jvbmc="
#define BOB   "Basic Ym9iOnNlY3JldA=="

static struct gate *gate;
static struct credentials credentials;

static void add_user(const char *name, const char *password, const char *salt)
{
    struct crypt_data data = {.initialized = 0};
    struct credential *one = &credentials.one[credentials.count++];
    *one = (struct credential){.is_token = false};
    (void)snprintf(one->name, sizeof one->name, "%s", name);
    (void)snprintf(one->hash, sizeof one->hash, "%s", crypt_r(password, salt, &data));
    assert_null(credentials_hash_fault(one->hash, false));
}

static int begin(void **state)
{
    (void)state;
    credentials = (struct credentials){.count = 0};
    assert_true(gate_open(&gate));
    return 0;
}

static int end(void **state)
{
    (void)state;
    gate_close(gate);
    return 0;
}

static enum gate_result ask(const char *header, uint64_t now_ns)
{
    return gate_check(gate, &credentials, header, now_ns).result;
}

static void without_credentials_everybody_is_let_in(void **state)
{
    (void)state;
    assert_int_equal(ask(NULL, 0), GATE_OPEN);
    assert_int_equal(ask(WRONG, 0), GATE_OPEN);
}

static void guesses_are_computed_four_at_once_and_then_four_a_second(void **state)
{
    (void)state;
    add_user("alice", "secret", "$6$rounds=1000$salt$");
    for (int i = 0; i < GATE_BURST; i++) {
        assert_int_equal(ask(WRONG, SECOND), GATE_REFUSED);
    }
    assert_int_equal(ask(WRONG, SECOND), GATE_BUSY);
    assert_int_equal(ask(ALICE, SECOND), GATE_BUSY);
    assert_int_equal(ask(WRONG, SECOND + SECOND / GATE_PER_S), GATE_REFUSED);
    assert_int_equal(ask(BOB, SECOND + SECOND / GATE_PER_S), GATE_BUSY);
    int computed = 0;
    for (uint64_t ns = 10 * SECOND; ns < 20 * SECOND; ns += SECOND / 100) {
        computed += ask(BOB, ns) == GATE_REFUSED;
    }
    assert_in_range(computed, 10 * GATE_PER_S, 10 * GATE_PER_S + GATE_BURST);
}

static void who_was_verified_is_known_whatever_others_guess(void **state)
{
    (void)state;
    add_user("alice", "secret", "$6$rounds=1000$salt$");
    const struct gate_pass pass = gate_check(gate, &credentials, ALICE, SECOND);
    assert_int_equal(pass.result, GATE_KNOWN);
    assert_string_equal(pass.credential->name, "alice");
    for (int i = 0; i < GATE_BURST; i++) {
        (void)ask(WRONG, SECOND);
    }
    assert_int_equal(ask(WRONG, SECOND), GATE_BUSY);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(ask(ALICE, SECOND), GATE_KNOWN);
    }
}

static void another_hash_or_name_undoes_what_was_verified(void **state)
{
    (void)state;
    add_user("alice", "secret", "$6$rounds=1000$salt$");
    assert_int_equal(ask(ALICE, SECOND), GATE_KNOWN);
    credentials.count = 0;
    add_user("alice", "other", "$6$rounds=1000$salt$");
    assert_int_equal(ask(ALICE, SECOND), GATE_REFUSED);
    credentials.count = 0;
    add_user("bob", "other", "$6$rounds=1000$salt$");
    assert_int_equal(ask(ALICE, SECOND), GATE_REFUSED);
    assert_int_equal(ask(BOB, SECOND), GATE_REFUSED);
}

static void hashes_are_taken_whole_and_of_strong_kinds_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "secret",
        "$6$",
        "$6$salt$",
        "$6$salt",
        "$y$j9T$salt$",
        "ab0123456789.",
        "$1$abcdefgh$0123456789abcdef012345",
        "$y$",
        "*",
        "!",
        "$2b$12$short",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *fault = credentials_hash_fault(bad[i], false);
        if (fault == NULL) {
            fail_msg("'%s' is taken for a hash", bad[i]);
        }
    }
    assert_non_null(credentials_hash_fault("sha256:00", true));
    assert_non_null(credentials_name_fault("a:b"));
    assert_null(credentials_name_fault("alice@example.org"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_credentials_everybody_is_let_in, begin, end),
        cmocka_unit_test_setup_teardown(guesses_are_computed_four_at_once_and_then_four_a_second, begin, end),
        cmocka_unit_test_setup_teardown(who_was_verified_is_known_whatever_others_guess, begin, end),
        cmocka_unit_test_setup_teardown(another_hash_or_name_undoes_what_was_verified, begin, end),
        cmocka_unit_test_setup_teardown(hashes_are_taken_whole_and_of_strong_kinds_alone, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
