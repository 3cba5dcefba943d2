/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipringd: what is taken, and what each mistake is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/options.h"
#include "peer/inspect.h"

static struct options options;
static struct buffer message;

static const char *said(void)
{
    buffer_add(&message, "", 1);
    assert_false(message.failed);
    return message.text;
}

static enum options_task parse(int count, const char *const *arguments)
{
    buffer_clear(&message);
    /* main() hands its arguments in as char **: they are not written to. */
    return options_parse(count, (char *const *)(uintptr_t)arguments, &options, &message);
}

#define PARSE(...)                                                                                           \
    parse((int)(sizeof((const char *const[]){"slipringd", __VA_ARGS__}) / sizeof(char *)),                   \
          (const char *const[]){"slipringd", __VA_ARGS__})

#define assert_refused(sentence, ...)                                                                        \
    do {                                                                                                     \
        assert_int_equal(PARSE(__VA_ARGS__), OPTIONS_BAD);                                                   \
        assert_string_equal(said(), sentence);                                                               \
    } while (0)

static void without_arguments_everything_is_the_default(void **state)
{
    (void)state;
    assert_int_equal(parse(1, (const char *const[]){"slipringd"}), OPTIONS_RUN);
    char listen[ADDRESS_TEXT_BYTES];
    address_format(&options.listen, listen);
    assert_string_equal(listen, "127.0.0.1:9464");
    assert_null(options.agent.store);
    assert_int_equal(options.agent.le.count, 0);
    assert_int_equal(options.agent.primitive_limit, 0);
    assert_int_equal(options.agent.ring_cap, 0);
    assert_int_equal(options.agent.retire_after_ns, 0);
    assert_true(options.agent.group == (gid_t)-1);
    assert_null(options.shm_dir);
    assert_false(options.reads_clock);
    assert_false(options.agent.ignores_aborted);
    assert_int_equal(options.log_level, LOG_INFO);
}

static void a_value_stands_after_a_space_or_an_equals_sign(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--store", "web", "--listen=[::1]:0", "--le=0.001,5", "--max-primitives=16384",
                           "--ring-cap", "39424", "--retire-after", "1m30s", "--shm-dir=/dev/shm/x",
                           "--log-level", "debug", "--clock=monotonic", "--group=0"),
                     OPTIONS_RUN);
    char listen[ADDRESS_TEXT_BYTES];
    address_format(&options.listen, listen);
    assert_string_equal(options.agent.store, "web");
    assert_string_equal(listen, "[::1]:0");
    assert_int_equal(options.agent.le.count, 2);
    assert_int_equal(options.agent.le.ns[1], 5000000000);
    assert_int_equal(options.agent.primitive_limit, 16384);
    assert_int_equal(options.agent.ring_cap, 39424);
    assert_int_equal(options.agent.retire_after_ns, UINT64_C(90000000000));
    assert_string_equal(options.shm_dir, "/dev/shm/x");
    assert_int_equal(options.log_level, LOG_DEBUG);
    assert_true(options.reads_clock);
    assert_int_equal(options.agent.group, 0);
    assert_int_equal(PARSE("--aborted=ignore"), OPTIONS_RUN);
    assert_true(options.agent.ignores_aborted);
    assert_int_equal(PARSE("--aborted", "ignore", "--aborted", "count"), OPTIONS_RUN);
    assert_false(options.agent.ignores_aborted);
    assert_int_equal(PARSE("--clock", "monotonic", "--clock", "auto"), OPTIONS_RUN);
    assert_false(options.reads_clock);
}

static void a_group_is_taken_by_name_or_number(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--group", "root"), OPTIONS_RUN);
    assert_int_equal(options.agent.group, 0);
    assert_int_equal(PARSE("--group", "4242"), OPTIONS_RUN);
    assert_int_equal(options.agent.group, 4242);
    assert_refused("--group: there is no group 'no-such-group' on this host", "--group", "no-such-group");
    assert_refused("--group: there is no group '-1' on this host", "--group", "-1");
}

static void the_first_question_is_the_task_and_the_rest_is_still_checked(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--help"), OPTIONS_HELP);
    assert_int_equal(PARSE("-h"), OPTIONS_HELP);
    assert_int_equal(PARSE("--version", "--help"), OPTIONS_VERSION);
    assert_int_equal(PARSE("--list-families"), OPTIONS_LIST_FAMILIES);
    assert_refused("there is no option '--nope': see slipringd --help", "--help", "--nope");
}

static void each_mistake_is_told_in_a_sentence(void **state)
{
    (void)state;
    assert_refused("there is no option '--stor': see slipringd --help", "--stor", "x");
    assert_refused("there is no option '--storex': see slipringd --help", "--storex");
    assert_refused("there is no argument 'web': see slipringd --help", "web");
    assert_refused("there is no argument '': see slipringd --help", "");
    assert_refused("--store needs a value: --store NAME", "--store");
    assert_refused("--store needs a value: --store NAME", "--store=");
    assert_refused("--help takes no value", "--help=x");
    assert_refused("--store: the name '../x' is not made of A-Z, a-z, 0-9, '.', '_' and '-' only", "--store",
                   "../x");
    assert_refused(
        "--le: '0.5' is not greater than the one before (1 to 16 ascending decimal seconds, as in 0.1,0.5,1)",
        "--le", "1,0.5");
    assert_refused(
        "--le: '1e3' is not a plain decimal number (1 to 16 ascending decimal seconds, as in 0.1,0.5,1)",
        "--le", "1e3");
    assert_refused("--max-primitives: '0' is no number from 1 to 16384", "--max-primitives", "0");
    assert_refused("--max-primitives: '16385' is no number from 1 to 16384", "--max-primitives", "16385");
    assert_refused(
        "--retire-after: '60' is without a unit: say ns, us, ms, s, m, h or d (more than 0, at most 1d, "
        "as in 30s)",
        "--retire-after", "60");
    assert_refused("--retire-after: '0s' is zero, and must be more (more than 0, at most 1d, as in 30s)",
                   "--retire-after=0s");
    assert_refused("--retire-after: '2d' is too large (more than 0, at most 1d, as in 30s)", "--retire-after",
                   "2d");
    assert_refused("--aborted: 'never' is none of count, ignore", "--aborted", "never");
    assert_refused("--ring-cap: '-1' is no number from 1 to 39424", "--ring-cap", "-1");
    assert_refused("--ring-cap: '99999999999999999999' is no number from 1 to 39424", "--ring-cap",
                   "99999999999999999999");
    assert_refused("--shm-dir: 'shm' is no absolute path", "--shm-dir", "shm");
    assert_refused("--clock: 'sundial' is none of auto, monotonic", "--clock", "sundial");
    assert_refused("--log-level: 'loud' is none of error, warning, info, debug", "--log-level", "loud");
}

static void an_address_is_numbers_and_a_port(void **state)
{
    (void)state;
    struct address address;
    char text[ADDRESS_TEXT_BYTES];
    static const char *const good[][2] = {{"127.0.0.1:9464", "127.0.0.1:9464"},
                                          {"localhost:1", "127.0.0.1:1"},
                                          {"0.0.0.0:65535", "0.0.0.0:65535"},
                                          {"[::]:0", "[::]:0"},
                                          {"[2001:db8::1]:80", "[2001:db8::1]:80"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(address_parse(good[i][0], &address));
        address_format(&address, text);
        assert_string_equal(text, good[i][1]);
    }
    static const char *const bad[] = {
        "",         "9464",           ":9464",         "::1:9464",        "[::1]",
        "[::1]x:1", "[127.0.0.1]:1",  "127.0.0.1:",    "127.0.0.1:65536", "127.0.0.1:+1",
        "127.1:80", "example.org:80", "127.0.0.1:80 ", "[::1:80",         "*:80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_non_null(address_parse(bad[i], &address));
    }
    assert_refused("--listen: '9464' has no port: say HOST:PORT, as in 127.0.0.1:9464", "--listen", "9464");
    assert_refused(
        "--listen: '::1:80' has several colons: an IPv6 address goes in brackets, as in [::1]:9464",
        "--listen=::1:80");
}

static void only_loopback_is_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool loopback;
    } cases[] = {{"127.0.0.1:1", true}, {"127.9.9.9:1", true},  {"[::1]:1", true},
                 {"0.0.0.0:1", false},  {"128.0.0.1:1", false}, {"[::]:1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address address;
        assert_null(address_parse(cases[i].text, &address));
        assert_int_equal(address_is_loopback(&address), cases[i].loopback);
    }
}

static void the_limits_are_those_of_the_store(void **state)
{
    (void)state;
    assert_int_equal(OPTIONS_PRIMITIVES_MAX, sr_inspect_primitive_count());
    assert_int_equal(OPTIONS_RING_CAP_MAX, sr_inspect_ring_count());
}

static void the_manual_has_every_option_in_80_columns(void **state)
{
    (void)state;
    buffer_clear(&message);
    options_help(&message);
    const char *manual = said();
#define SLIPRINGD_OPTION(id, name, argument, help) assert_non_null(strstr(manual, "\n    " name));
#include "agent/options.def"
#undef SLIPRINGD_OPTION
    assert_non_null(
        strstr(manual, "\n    --ring-cap N\n        How many rings one process may hold, 1 to 39424."));
    for (const char *line = manual; *line != '\0'; line += strcspn(line, "\n") + 1) {
        assert_in_range(strcspn(line, "\n"), 0, 80);
    }
}

static int free_message(void **state)
{
    (void)state;
    buffer_free(&message);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_arguments_everything_is_the_default),
        cmocka_unit_test(a_value_stands_after_a_space_or_an_equals_sign),
        cmocka_unit_test(a_group_is_taken_by_name_or_number),
        cmocka_unit_test(the_first_question_is_the_task_and_the_rest_is_still_checked),
        cmocka_unit_test(each_mistake_is_told_in_a_sentence),
        cmocka_unit_test(an_address_is_numbers_and_a_port),
        cmocka_unit_test(only_loopback_is_loopback),
        cmocka_unit_test(the_limits_are_those_of_the_store),
        cmocka_unit_test(the_manual_has_every_option_in_80_columns),
    };
    return cmocka_run_group_tests(tests, NULL, free_message);
}
