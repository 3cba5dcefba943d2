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
#include <time.h>

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

static void who_shows_nothing_is_refused_and_is_not_wrong(void **state)
{
    (void)state;
    add_user("alice", "secret", "$6$rounds=1000$salt$");
    const struct gate_pass pass = gate_check(gate, &credentials, NULL, SECOND);
    assert_int_equal(pass.result, GATE_REFUSED);
    assert_false(pass.is_wrong);
    assert_null(pass.credential);
}

/* Bob shows what is Alice's password, under a name that is not there. */
static void a_name_that_is_not_there_is_nobodys_whatever_it_shows(void **state)
{
    (void)state;
    add_user("alice", "secret", "$6$rounds=1000$salt$");
    assert_int_equal(ask(BOB, SECOND), GATE_REFUSED);
    assert_int_equal(ask(ALICE, 2 * SECOND), GATE_KNOWN);
    assert_int_equal(ask(BOB, 3 * SECOND), GATE_REFUSED); /* nor is what was verified hers alone */
}

static void add_token(const char *name, const char *hash)
{
    struct credential *one = &credentials.one[credentials.count++];
    *one = (struct credential){.is_token = true};
    (void)snprintf(one->name, sizeof one->name, "%s", name);
    (void)snprintf(one->hash, sizeof one->hash, "%s", hash);
}

static void a_token_is_known_by_its_whole_hash_and_costs_no_computation(void **state)
{
    (void)state;
    /* SHA-256 of "token"; and of nothing that is known, but for the last digit and the first eight the same */
    add_token("other", "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e1");
    add_token("eight", "3c469e9d00000000000000000000000000000000000000000000000000000000");
    assert_int_equal(ask("Bearer token", SECOND), GATE_REFUSED);
    add_token("prometheus", "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0");
    for (int i = 0; i < 100; i++) {
        const struct gate_pass pass = gate_check(gate, &credentials, "Bearer token", SECOND);
        assert_int_equal(pass.result, GATE_KNOWN);
        assert_string_equal(pass.credential->name, "prometheus");
        assert_int_equal(ask("Bearer tokem", SECOND), GATE_REFUSED);
        assert_int_equal(ask(ALICE, SECOND), GATE_REFUSED); /* nobody has a password: nothing is computed */
    }
}

/* A hash of a token is no secret of a token's, and a password's is none at all. */
static void a_hash_is_no_secret(void **state)
{
    (void)state;
    add_user("3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0", "secret",
             "$6$rounds=1000$salt$");
    (void)snprintf(credentials.one[0].hash, sizeof credentials.one[0].hash, "%s",
                   "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0");
    assert_int_equal(ask("Bearer token", SECOND), GATE_REFUSED); /* it is listed as a password's */
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

static uint64_t thread_ns(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* Some 0.1 s each: four a second would be 0.4 of a core. */
static void costly_hashes_get_their_share_of_time_and_no_more(void **state)
{
    (void)state;
    static const char *const guesses[] = {WRONG, BOB};
    add_user("alice", "secret", "$6$rounds=300000$salt$");
    uint64_t spent_ns = 0, longest_ns = 0;
    for (uint64_t ns = 10 * SECOND; ns < 15 * SECOND; ns += SECOND / 100) {
        const uint64_t begun_ns = thread_ns();
        (void)ask(guesses[ns / (SECOND / 100) % 2], ns);
        const uint64_t took_ns = thread_ns() - begun_ns;
        spent_ns += took_ns;
        longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
    }
    assert_in_range(spent_ns, 1, 6 * SECOND / GATE_SHARE + 2 * longest_ns);
}

/* "alice:" and a password that makes both together `bytes`. */
static const char *long_header(size_t bytes, char *out_password)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static char header[1024];
    char text[600] = "alice:";
    memset(text + 6, 'x', bytes - 6);
    (void)snprintf(out_password, sizeof text, "%s", text + 6);
    size_t used = (size_t)snprintf(header, sizeof header, "Basic ");
    for (size_t at = 0; at < bytes; at += 3) {
        const size_t rest = bytes - at;
        const unsigned three = (unsigned)(unsigned char)text[at] << 16 |
                               (unsigned)(unsigned char)text[at + 1] << 8 | (unsigned char)text[at + 2];
        header[used++] = digits[three >> 18];
        header[used++] = digits[three >> 12 & 63];
        header[used++] = rest > 1 ? digits[three >> 6 & 63] : '=';
        header[used++] = rest > 2 ? digits[three & 63] : '=';
    }
    header[used] = '\0';
    return header;
}

static void name_and_password_have_at_most_512_bytes(void **state)
{
    (void)state;
    char password[600];
    char letters[6 + 684 + 1] = "Basic ";
    for (size_t bytes = 510; bytes <= 514; bytes++) {
        const char *header = long_header(bytes, password);
        credentials.count = 0;
        add_user("alice", password, "$6$rounds=1000$salt$");
        assert_int_equal(ask(header, bytes * SECOND), bytes <= 512 ? GATE_KNOWN : GATE_REFUSED);
    }
    memset(letters + 6, 'Q', 684);
    assert_int_equal(ask(letters, 600 * SECOND), GATE_REFUSED);
}

static void what_is_malformed_or_empty_is_refused(void **state)
{
    (void)state;
    /* "alice:secret" and a zero; alice without a password; ":"; ":secret"; no colon; no base64; bytes beyond ASCII */
    static const char *const bad[] = {
        "Basic YWxpY2U6c2VjcmV0AA==",
        "Basic YWxpY2U6",
        "Basic Og==",
        "Basic OnNlY3JldA==",
        "Basic YWxpY2U=",
        "Basic !!!!",
        "Basic",
        "Basic ",
        "Basic \xff\xfe",
        "Bearer\tx",
    };
    add_user("alice", "secret", "$6$rounds=1000$salt$");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct gate_pass pass = gate_check(gate, &credentials, bad[i], (i + 1) * SECOND);
        assert_int_equal(pass.result, GATE_REFUSED);
        assert_true(pass.is_wrong);
    }
    assert_int_equal(ask(ALICE, 99 * SECOND), GATE_KNOWN);
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

/* As crypt(3) would make them: hashes of nothing, the last part of each filled up. */
static const char *hash_of(const char *setting, size_t tail_bytes)
{
    static char hash[256];
    char tail[87] = "";
    memset(tail, '.', tail_bytes);
    (void)snprintf(hash, sizeof hash, "%s%s", setting, tail);
    return hash;
}

static void hashes_that_take_long_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *setting;
        size_t tail_bytes;
        bool is_taken;
    } kinds[] = {
        {"$2b$11$", 53, true},
        {"$2b$12$", 53, false},
        {"$2y$31$", 53, false},
        {"$6$salt$", 86, true},
        {"$6$rounds=500000$salt$", 86, true},
        {"$6$rounds=500001$salt$", 86, false},
        {"$6$rounds=999999999$salt$", 86, false},
        {"$y$j9T$2Uo4ZyqgF7kJFTFQ9xA5y1$", 43, true},
        {"$y$j75$2Uo4ZyqgF7kJFTFQ9xA5y1$", 43, true},
        {"$y$jAT$2Uo4ZyqgF7kJFTFQ9xA5y1$", 43, false},
        {"$y$j9U$2Uo4ZyqgF7kJFTFQ9xA5y1$", 43, false},
        {"$gy$jCT$2Uo4ZyqgF7kJFTFQ9xA5y1$", 43, false},
        {"$7$CU..../....2Uo4ZyqgF7kJFTFQ9xA5y1$", 43, true},
        {"$7$DU..../....2Uo4ZyqgF7kJFTFQ9xA5y1$", 43, false},
        {"$7$CV..../....2Uo4ZyqgF7kJFTFQ9xA5y1$", 43, false},
        {"$7$CU....0....2Uo4ZyqgF7kJFTFQ9xA5y1$", 43, false},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *fault = credentials_hash_fault(hash_of(kinds[i].setting, kinds[i].tail_bytes), false);
        if ((fault == NULL) != kinds[i].is_taken) {
            fail_msg("%s: %s", kinds[i].setting, fault == NULL ? "taken" : fault);
        }
        if (fault != NULL) {
            assert_non_null(strstr(fault, "too long"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_credentials_everybody_is_let_in, begin, end),
        cmocka_unit_test_setup_teardown(who_shows_nothing_is_refused_and_is_not_wrong, begin, end),
        cmocka_unit_test_setup_teardown(a_name_that_is_not_there_is_nobodys_whatever_it_shows, begin, end),
        cmocka_unit_test_setup_teardown(a_token_is_known_by_its_whole_hash_and_costs_no_computation, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_hash_is_no_secret, begin, end),
        cmocka_unit_test_setup_teardown(guesses_are_computed_four_at_once_and_then_four_a_second, begin, end),
        cmocka_unit_test_setup_teardown(costly_hashes_get_their_share_of_time_and_no_more, begin, end),
        cmocka_unit_test_setup_teardown(name_and_password_have_at_most_512_bytes, begin, end),
        cmocka_unit_test_setup_teardown(what_is_malformed_or_empty_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(who_was_verified_is_known_whatever_others_guess, begin, end),
        cmocka_unit_test_setup_teardown(another_hash_or_name_undoes_what_was_verified, begin, end),
        cmocka_unit_test_setup_teardown(hashes_are_taken_whole_and_of_strong_kinds_alone, begin, end),
        cmocka_unit_test_setup_teardown(hashes_that_take_long_are_refused, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
