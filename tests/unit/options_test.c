/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipringd: what is taken, and what each mistake is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/books/footprint.h"
#include "agent/config/options.h"
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
    assert_int_equal(options.agent.le_of_count, 0);
    assert_int_equal(options.agent.window_count, 0);
    assert_int_equal(options.agent.extra_count, 0);
    assert_int_equal(options.agent.schema, 0);
    assert_int_equal(options.agent.slo_minimum_events, 10);
    assert_int_equal(options.agent.primitive_limit, 0);
    assert_int_equal(options.agent.ring_cap, 0);
    assert_int_equal(options.agent.retire_after_ns, 0);
    assert_true(options.agent.group == (gid_t)-1);
    assert_null(options.shm_dir);
    assert_null(options.checkpoint_folder);
    assert_int_equal(options.checkpoint_totals_ns, UINT64_C(10000000000));
    assert_int_equal(options.checkpoint_slices_ns, UINT64_C(300000000000));
    assert_false(options.reads_clock);
    assert_false(options.agent.ignores_aborted);
    assert_false(options.exposes_few);
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
    assert_int_equal(PARSE("--checkpoint=/var/lib/x"), OPTIONS_RUN);
    assert_string_equal(options.checkpoint_folder, "/var/lib/x");
    assert_int_equal(PARSE("--checkpoint", "none"), OPTIONS_RUN);
    assert_string_equal(options.checkpoint_folder, "none");
    assert_int_equal(PARSE("--aborted=ignore"), OPTIONS_RUN);
    assert_true(options.agent.ignores_aborted);
    assert_int_equal(PARSE("--aborted", "ignore", "--aborted", "count"), OPTIONS_RUN);
    assert_false(options.agent.ignores_aborted);
    assert_int_equal(PARSE("--expose", "few"), OPTIONS_RUN);
    assert_true(options.exposes_few);
    assert_int_equal(PARSE("--expose=few", "--expose=all"), OPTIONS_RUN);
    assert_false(options.exposes_few);
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
    assert_refused("--expose: 'some' is none of all, few", "--expose", "some");
    assert_refused("--aborted: 'never' is none of count, ignore", "--aborted", "never");
    assert_refused("--ring-cap: '-1' is no number from 1 to 39424", "--ring-cap", "-1");
    assert_refused("--ring-cap: '99999999999999999999' is no number from 1 to 39424", "--ring-cap",
                   "99999999999999999999");
    assert_refused("--shm-dir: 'shm' is no absolute path", "--shm-dir", "shm");
    assert_refused("--checkpoint: 'books' is neither an absolute path nor none", "--checkpoint", "books");
    assert_refused("--clock: 'sundial' is none of auto, monotonic", "--clock", "sundial");
    assert_refused("--log-level: 'loud' is none of error, warning, info, debug", "--log-level", "loud");
}

#define assert_windows(text, ...)                                                                            \
    do {                                                                                                     \
        static const uint64_t wanted_s[] = {__VA_ARGS__};                                                    \
        assert_int_equal(PARSE("--windows", text), OPTIONS_RUN);                                             \
        assert_int_equal(options.agent.window_count, sizeof wanted_s / sizeof wanted_s[0]);                  \
        for (uint32_t i = 0; i < options.agent.window_count; i++) {                                          \
            assert_int_equal(options.agent.window_ns[i], wanted_s[i] * 1000000000);                          \
        }                                                                                                    \
    } while (0)

static void windows_ascend_and_have_the_minute_among_them(void **state)
{
    (void)state;
    assert_windows("10s,1m,5m,1h,1d,7d", 10, 60, 300, 3600, 86400, 604800);
    assert_windows("1m", 60);
    assert_windows("60s", 60);
    assert_windows("1s", 1, 60);
    assert_windows("30d", 60, 2592000);
    assert_windows("30s,2m", 30, 60, 120);
    assert_windows("1s,2s,3s,4s,5s,6s,7s,1m", 1, 2, 3, 4, 5, 6, 7, 60);
    assert_windows("1s,2s,3s,4s,5s,6s,1h30m", 1, 2, 3, 4, 5, 6, 60, 5400);
    assert_int_equal(PARSE("--windows=10s,1h", "--windows=5m"), OPTIONS_RUN);
    assert_int_equal(options.agent.window_count, 2);
}

#define WINDOWS_HINT " (1 to 8 ascending times from 1s to 30d, as in 10s,1m,1h)"

static void a_bad_list_of_windows_is_refused_at_its_fault(void **state)
{
    (void)state;
    assert_refused("--windows: '60' is without a unit: say ns, us, ms, s, m, h or d" WINDOWS_HINT,
                   "--windows", "10s,60,5m");
    assert_refused("--windows: '' is empty" WINDOWS_HINT, "--windows", "10s,,5m");
    assert_refused("--windows: '' is empty" WINDOWS_HINT, "--windows", "10s,");
    assert_refused("--windows: '999ms' is too short" WINDOWS_HINT, "--windows", "999ms");
    assert_refused("--windows: '0s' is too short" WINDOWS_HINT, "--windows", "0s");
    assert_refused("--windows: '31d' is too large" WINDOWS_HINT, "--windows", "10s,31d");
    assert_refused("--windows: '10s' is not greater than the one before" WINDOWS_HINT, "--windows",
                   "10s,10s");
    assert_refused("--windows: '9s' is one too many" WINDOWS_HINT, "--windows", "1s,2s,3s,4s,5s,6s,7s,8s,9s");
    assert_refused("--windows: '1s,2s,3s,4s,5s,6s,7s,8s' is one too many with 1m, which is always among "
                   "them" WINDOWS_HINT,
                   "--windows", "1s,2s,3s,4s,5s,6s,7s,8s");
    assert_refused("--windows: '10s 1m' is not a plain decimal number" WINDOWS_HINT, "--windows", "10s 1m");
    assert_refused("--windows: '1d1h1m1s1ms1us1ns0000000000000000000000000000000' is too large" WINDOWS_HINT,
                   "--windows", "1d1h1m1s1ms1us1ns0000000000000000000000000000000");
}

static void percentiles_are_percents_to_the_ten_thousandth(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--percentiles", "75,99.99"), OPTIONS_RUN);
    assert_int_equal(options.agent.extra_count, 2);
    assert_int_equal(options.agent.extra_ppm[0], 750000);
    assert_int_equal(options.agent.extra_ppm[1], 999900);
    assert_int_equal(PARSE("--percentiles", "0.0001,99.9999"), OPTIONS_RUN);
    assert_int_equal(options.agent.extra_ppm[0], 1);
    assert_int_equal(options.agent.extra_ppm[1], 999999);
    /* The common ones are there anyway, and take no place. */
    assert_int_equal(PARSE("--percentiles", "1,2,3,4,50,90,95,96,97,98,99,99.9"), OPTIONS_RUN);
    assert_int_equal(options.agent.extra_count, 7);
    assert_int_equal(options.agent.extra_ppm[6], 980000);
    assert_int_equal(PARSE("--percentiles", "50"), OPTIONS_RUN);
    assert_int_equal(options.agent.extra_count, 0);
}

#define PERCENTILES_HINT                                                                                     \
    " (up to 7 ascending percents, more than 0 and less than 100, as in 75,99.99; 50, 90, 95, 99 and 99.9 "  \
    "are always there)"

static void a_bad_list_of_percentiles_is_refused_at_its_fault(void **state)
{
    (void)state;
    assert_refused("--percentiles: '100' is too large" PERCENTILES_HINT, "--percentiles", "75,100");
    assert_refused("--percentiles: '0' is zero, and must be more" PERCENTILES_HINT, "--percentiles", "0");
    assert_refused("--percentiles: '99.99999' is finer than four decimals" PERCENTILES_HINT, "--percentiles",
                   "99.99999");
    assert_refused("--percentiles: '75' is not greater than the one before" PERCENTILES_HINT, "--percentiles",
                   "75,75");
    assert_refused("--percentiles: '75' is not greater than the one before" PERCENTILES_HINT, "--percentiles",
                   "90,75");
    assert_refused("--percentiles: '8' is one too many" PERCENTILES_HINT, "--percentiles", "1,2,3,4,5,6,7,8");
    assert_refused("--percentiles: 'p75' is not a plain decimal number" PERCENTILES_HINT, "--percentiles",
                   "p75");
    assert_refused("--percentiles: '' is empty" PERCENTILES_HINT, "--percentiles", ",75");
}

static void bounds_of_a_name_are_its_own(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--le-of", "resize=0.01,0.1", "--le-of=a=b=5", "--le", "1"), OPTIONS_RUN);
    assert_int_equal(options.agent.le_of_count, 2);
    assert_memory_equal(options.agent.le_of[0].name, "resize", options.agent.le_of[0].name_bytes);
    assert_int_equal(options.agent.le_of[0].name_bytes, 6);
    assert_int_equal(options.agent.le_of[0].le.count, 2);
    assert_int_equal(options.agent.le_of[0].le.ns[0], 10000000);
    assert_memory_equal(options.agent.le_of[1].name, "a=b", 3);
    assert_int_equal(options.agent.le_of[1].name_bytes, 3);
    assert_int_equal(options.agent.le_of[1].le.ns[0], 5000000000);
    assert_int_equal(options.agent.le.count, 1);
    /* The last word on a name counts. */
    assert_int_equal(PARSE("--le-of", "resize=1", "--le-of", "resiz=2", "--le-of", "resize=3,4"),
                     OPTIONS_RUN);
    assert_int_equal(options.agent.le_of_count, 2);
    assert_int_equal(options.agent.le_of[0].le.count, 2);
    assert_refused("--le-of: 'resize' has no bounds: say NAME=SECONDS,..., as in resize=0.01,0.1", "--le-of",
                   "resize");
    assert_refused("--le-of: the name '' is empty", "--le-of", "=0.1");
    assert_refused("--le-of: '' is empty (1 to 16 ascending decimal seconds, as in 0.1,0.5,1)", "--le-of",
                   "resize=");
    assert_refused("--le-of: '1' is not greater than the one before (1 to 16 ascending decimal seconds, as "
                   "in 0.1,0.5,1)",
                   "--le-of", "resize=1,1");
}

static void as_many_names_as_there_is_room_for_have_bounds(void **state)
{
    (void)state;
    static char texts[AGENT_LE_OF_MAX + 1][16];
    const char *arguments[1 + 2 * (AGENT_LE_OF_MAX + 1)] = {"slipringd"};
    for (int i = 0; i <= AGENT_LE_OF_MAX; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "n%d=1", i);
        arguments[1 + 2 * i] = "--le-of";
        arguments[2 + 2 * i] = texts[i];
    }
    assert_int_equal(parse(1 + 2 * AGENT_LE_OF_MAX, arguments), OPTIONS_RUN);
    assert_int_equal(options.agent.le_of_count, AGENT_LE_OF_MAX);
    assert_int_equal(parse(3 + 2 * AGENT_LE_OF_MAX, arguments), OPTIONS_BAD);
    assert_string_equal(said(), "--le-of: 'n64' is one name too many (at most 64)");
}

static void alerts_need_as_many_events_as_are_said(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--slo-minimum-events", "1"), OPTIONS_RUN);
    assert_int_equal(options.agent.slo_minimum_events, 1);
    assert_int_equal(PARSE("--slo-minimum-events=999999999"), OPTIONS_RUN);
    assert_int_equal(options.agent.slo_minimum_events, 999999999);
    assert_refused("--slo-minimum-events: '0' is no number from 1 to 999999999", "--slo-minimum-events", "0");
}

static void a_schema_is_3_to_8_and_the_manual_says_what_each_costs(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--schema", "3"), OPTIONS_RUN);
    assert_int_equal(options.agent.schema, 3);
    assert_int_equal(PARSE("--schema=8"), OPTIONS_RUN);
    assert_int_equal(options.agent.schema, 8);
    assert_refused("--schema: '2' is no number from 3 to 8", "--schema", "2");
    assert_refused("--schema: '9' is no number from 3 to 8", "--schema", "9");
    assert_refused("--schema: 'fine' is no number from 3 to 8", "--schema", "fine");
    buffer_clear(&message);
    options_help(&message);
    const char *at = strstr(said(), "\n    --schema N\n");
    for (uint32_t schema = SR_FINE_SCHEMA_MIN; schema <= SR_FINE_SCHEMA_MAX;
         schema++) { /* in turn, rounded up */
        char error[32];
        (void)snprintf(error, sizeof error, "%.2f%%", ceil(sr_fine_error(schema) * 10000 - 0.001) / 100);
        at = strstr(at, error);
        assert_non_null(at);
    }
    for (uint32_t schema = SR_FINE_SCHEMA_MIN; schema <= SR_FINE_SCHEMA_MAX; schema++) {
        char kilobytes[32];
        (void)snprintf(kilobytes, sizeof kilobytes, "%u",
                       (unsigned)(footprint_primitive_bytes(schema) / 1024));
        at = strstr(at + 1, kilobytes);
        assert_non_null(at);
    }
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
#include "agent/config/options.def"
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
        cmocka_unit_test(windows_ascend_and_have_the_minute_among_them),
        cmocka_unit_test(a_bad_list_of_windows_is_refused_at_its_fault),
        cmocka_unit_test(percentiles_are_percents_to_the_ten_thousandth),
        cmocka_unit_test(a_bad_list_of_percentiles_is_refused_at_its_fault),
        cmocka_unit_test(bounds_of_a_name_are_its_own),
        cmocka_unit_test(as_many_names_as_there_is_room_for_have_bounds),
        cmocka_unit_test(alerts_need_as_many_events_as_are_said),
        cmocka_unit_test(a_schema_is_3_to_8_and_the_manual_says_what_each_costs),
        cmocka_unit_test(an_address_is_numbers_and_a_port),
        cmocka_unit_test(only_loopback_is_loopback),
        cmocka_unit_test(the_limits_are_those_of_the_store),
        cmocka_unit_test(the_manual_has_every_option_in_80_columns),
    };
    return cmocka_run_group_tests(tests, NULL, free_message);
}
