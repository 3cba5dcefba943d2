/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: what each key becomes, what goes before what, and that what is printed is read as the same. The mistakes
 * that can be made in one have their own catalogue: tests/e2e/config_golden_test.c. */
#include "support/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "agent/config/values.h"

#define SECOND UINT64_C(1000000000)

static char folder[] = "/tmp/slipring-config-XXXXXX";
static char file[64];
static struct config *config;
static const struct options *options;
static struct buffer message;

static int open_folder(void **state)
{
    (void)state;
    (void)setenv("SLIPRING_PRICES", "", 1); /* no shipped card */
    (void)unsetenv("SLIPRING_CONFIG");
    (void)unsetenv("SLIPRING_STORE");
    (void)unsetenv("SLIPRING_SHM_DIR");
    (void)unsetenv("SLIPRING_CHECKPOINT");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(file, sizeof file, "%s/slipring.yaml", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(file);
    buffer_free(&message);
    return rmdir(folder);
}

static int close_config(void **state)
{
    (void)state;
    config_close(config);
    config = NULL;
    return 0;
}

static void write_bytes(const char *path, const char *bytes, size_t count)
{
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, count, stream), count);
    assert_int_equal(fclose(stream), 0);
}

static enum options_task open_with(int count, const char *const *arguments)
{
    config_close(config);
    config = NULL;
    buffer_clear(&message);
    /* main() hands its arguments in as char **: they are not written to. */
    const enum options_task task = config_open(count, (char *const *)(uintptr_t)arguments, &config, &message);
    options = config == NULL ? NULL : config_options(config);
    buffer_add(&message, "", 1);
    return task;
}

#define OPEN(...)                                                                                            \
    open_with((int)(sizeof((const char *const[]){"slipringd", __VA_ARGS__}) / sizeof(char *)),               \
              (const char *const[]){"slipringd", __VA_ARGS__})

/* A configuration of the first word, and of a command line of the others. */
static void read_all(const char *const words[])
{
    const char *arguments[24] = {"slipringd", "--config", file};
    int count = 3;
    write_bytes(file, words[0], strlen(words[0]));
    for (const char *const *word = words + 1; *word != NULL; word++) {
        arguments[count++] = *word;
    }
    if (open_with(count, arguments) != OPTIONS_RUN) {
        print_error("%s", message.text);
        fail();
    }
}

#define READ(...) read_all((const char *const[]){__VA_ARGS__, NULL})

static char *print(void)
{
    struct buffer text = {0};
    config_print(config, &text);
    buffer_add(&text, "", 1);
    assert_false(text.failed);
    return text.text;
}

/* Where it all came from is a comment, and none of the values here has '#' in it. */
static void drop_comments(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0';) {
        const size_t length = strcspn(at, "\n");
        const char *comment = memchr(at, '#', length);
        size_t kept = comment == NULL ? length : (size_t)(comment - at);
        while (kept > 0 && at[kept - 1] == ' ') {
            kept--;
        }
        memmove(to, at, kept);
        to += kept;
        *to++ = '\n';
        at += length + (at[length] == '\n');
    }
    *to = '\0';
}

/* What is printed is taken, and printed as the same. */
static void assert_round_trip(void)
{
    char *first = print();
    write_bytes(file, first, strlen(first));
    if (OPEN("--config", file) != OPTIONS_RUN) {
        print_error("%s%s", first, message.text);
        fail();
    }
    char *second = print();
    drop_comments(first);
    drop_comments(second);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

/* --- the whole file ------------------------------------------------------------------------------------------------------- */

static void open_example(void)
{
    char path[4096];
    const char *source = getenv("SLIPRING_SOURCE_DIR");
    (void)snprintf(path, sizeof path, "%s/docs/examples/slipring.yaml", source == NULL ? "." : source);
    static char kept[4096];
    memcpy(kept, path, sizeof kept); /* outlives the configuration */
    if (OPEN("--config", kept) != OPTIONS_RUN) {
        print_error("%s", message.text);
        fail();
    }
}

static void the_example_says_something_of_every_key(void **state)
{
    (void)state;
    open_example();
    char *text = print();
    assert_null(strstr(text, "# default"));
    free(text);
}

static void the_example_is_read_value_for_value(void **state)
{
    (void)state;
    open_example();
    const struct agent_options *agent = &options->agent;
    assert_string_equal(agent->store, "shop");
    assert_int_equal(agent->group, 33); /* www-data of every Debian */
    assert_string_equal(options->shm_dir, "/dev/shm");
    assert_int_equal(agent->window_count, 6);
    assert_int_equal(agent->window_ns[5], 604800 * SECOND);
    assert_int_equal(agent->extra_count, 2);
    assert_int_equal(agent->extra_ppm[1], 999900);
    assert_int_equal(agent->schema, 6);
    assert_int_equal(agent->le.count, 7);
    assert_int_equal(agent->le.ns[0], 5000000);
    assert_int_equal(agent->le_of_count, 2);
    assert_int_equal(agent->le_of[1].name_bytes, strlen("GET /"));
    assert_memory_equal(agent->le_of[1].name, "GET /", strlen("GET /"));
    assert_int_equal(agent->le_of[1].le.ns[2], 100000000);
    assert_int_equal(agent->slo_minimum_events, 20);
    assert_int_equal(options->price_card_count, 1);
    assert_non_null(strstr(options->price_cards[0], "/docs/examples/prices.yaml"));
    assert_non_null(agent->prices);
    assert_int_equal(agent->primitive_limit, 2000);
    assert_int_equal(agent->ring_cap, 8192);
    assert_int_equal(agent->idle_after_ns, 86400 * SECOND);
    assert_int_equal(agent->retire_after_ns, 300 * SECOND);
    assert_string_equal(options->checkpoint_folder, "/var/lib/slipring");
    assert_int_equal(options->checkpoint_totals_ns, 10 * SECOND);
    assert_int_equal(options->checkpoint_slices_ns, 300 * SECOND);
    assert_int_equal(options->label_count, 2);
    assert_memory_equal(options->labels[1].name, "environment", options->labels[1].name_bytes);
    assert_string_equal(options->labels[1].value, "production");
    assert_int_equal(options->log_level, LOG_INFO);
}

static void assert_rule(uint32_t index, const struct agent_objective_rule *wanted)
{
    const struct agent_objective_rule *rule = &options->agent.rules[index];
    assert_string_equal(rule->pattern, wanted->pattern);
    assert_string_equal(rule->type == NULL ? "any" : rule->type, wanted->type == NULL ? "any" : wanted->type);
    assert_string_equal(rule->name, wanted->name);
    assert_int_equal(rule->kind, wanted->kind);
    assert_int_equal(rule->target_ppb, wanted->target_ppb);
    assert_int_equal(rule->threshold_ns, wanted->threshold_ns);
    assert_int_equal(rule->amount, wanted->amount);
    assert_int_equal(rule->period_s, wanted->period_s);
}

static void objectives_stand_in_the_order_of_the_file(void **state)
{
    (void)state;
    static const struct agent_objective_rule wanted[] = {
        {"resize_image", NULL, "latency", SLIPRING_LATENCY, 990000000, 50000000, 0, 2592000},
        {"resize_image", NULL, "availability", SLIPRING_AVAILABILITY, 999000000, 0, 0, 2592000},
        {"GET *", "request", "fast", SLIPRING_LATENCY, 950000000, 100000000, 0, 604800},
        {"GET *", "request", "bearable", SLIPRING_LATENCY, 999900000, 2 * SECOND, 0, SLIPRING_PERIOD_MONTH},
        {"llm_*", NULL, "spend", SLIPRING_SPEND, 0, 0, 200 * SECOND, SLIPRING_PERIOD_MONTH},
    };
    open_example();
    assert_int_equal(options->agent.rule_count, sizeof wanted / sizeof wanted[0]);
    for (uint32_t i = 0; i < options->agent.rule_count; i++) {
        assert_rule(i, &wanted[i]);
    }
}

static void targets_and_money_are_exact(void **state)
{
    (void)state;
    READ(
        "objectives:\n"
        "  - primitive: a\n"
        "    availability: [{target: 99.9999999%, name: a}, {target: 0.999999999, name: b}, {target: "
        "0.000000001, "
        "name: c}]\n"
        "    spend: [{amount: 0.000000001, name: d}, {amount: $18446744073.709551615, name: e, period: 1h}]\n"
        "    latency: {threshold: 1ns, target: 33.3%, period: 90d}\n");
    static const struct agent_objective_rule wanted[] = {
        {"a", NULL, "latency", SLIPRING_LATENCY, 333000000, 1, 0, 7776000},
        {"a", NULL, "a", SLIPRING_AVAILABILITY, 999999999, 0, 0, 2592000},
        {"a", NULL, "b", SLIPRING_AVAILABILITY, 999999999, 0, 0, 2592000},
        {"a", NULL, "c", SLIPRING_AVAILABILITY, 1, 0, 0, 2592000},
        {"a", NULL, "d", SLIPRING_SPEND, 0, 0, 1, 2592000},
        {"a", NULL, "e", SLIPRING_SPEND, 0, 0, UINT64_MAX, 3600},
    };
    assert_int_equal(options->agent.rule_count, sizeof wanted / sizeof wanted[0]);
    for (uint32_t i = 0; i < options->agent.rule_count; i++) {
        assert_rule(i, &wanted[i]);
    }
    assert_round_trip();
}

/* --- what goes before what ------------------------------------------------------------------------------------------------ */

static void without_a_file_everything_is_the_default(void **state)
{
    (void)state;
    struct options plain;
    struct buffer nothing = {0};
    assert_int_equal(open_with(1, (const char *const[]){"slipringd"}), OPTIONS_RUN);
    assert_int_equal(options_parse(1, (char *const[]){"slipringd"}, &plain, &nothing), OPTIONS_RUN);
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        struct buffer a = {0};
        struct buffer b = {0};
        values_print((enum value_key)key, options, &a);
        values_print((enum value_key)key, &plain, &b);
        assert_int_equal(a.used, b.used);
        if (values_row((enum value_key)key)->shape <= SHAPE_LIST) {
            /* and the table says what it is */
            assert_int_equal(a.used, strlen(values_row((enum value_key)key)->standard));
            assert_memory_equal(a.text, values_row((enum value_key)key)->standard, a.used);
        }
        buffer_free(&a);
        buffer_free(&b);
    }
    assert_null(options->config);
}

static void nothing_in_a_file_is_the_default_too(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n\n",
        "# nothing\n",
        "---\n",
        "null\n",
        "{}\n",
        "\xef\xbb\xbf# a mark\n",
        "store: null\nwindows: ~\nlabels: null\nslo: null\nobjectives: null\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        READ(texts[i]);
        assert_null(options->agent.store);
        assert_int_equal(options->agent.window_count, 0);
    }
}

static void the_command_line_goes_before_the_file(void **state)
{
    (void)state;
    READ("store: file\nschema: 4\nwindows: [10s, 1m]\nprices: []\nle_of: {a: [1], b: [2]}\nlabels: {x: file, "
         "y: file}\n"
         "log_level: debug\nidle_after: 1h\n",
         "--store", "line", "--windows=5m", "--le-of", "b=3,4", "--le-of=c=5", "--label", "y=line",
         "--label=z=a=b", "--idle-after", "never");
    assert_string_equal(options->agent.store, "line");
    assert_int_equal(options->agent.schema, 4);
    assert_int_equal(options->agent.window_count, 2);
    assert_int_equal(options->agent.window_ns[1], 300 * SECOND);
    assert_int_equal(options->agent.le_of_count, 3);
    assert_int_equal(options->agent.le_of[1].le.count, 2);
    assert_int_equal(options->label_count, 3);
    assert_string_equal(options->labels[0].value, "file");
    assert_string_equal(options->labels[1].value, "line");
    assert_string_equal(options->labels[2].value, "a=b");
    assert_int_equal(options->agent.idle_after_ns, 0);
    assert_int_equal(options->log_level, LOG_DEBUG);
    char *text = print();
    char line[128];
    assert_non_null(strstr(text, "store: line                             # --store\n"));
    (void)snprintf(line, sizeof line, "schema: 4                               # %s:2\n", file);
    assert_non_null(strstr(text, line));
    (void)snprintf(line, sizeof line, "  a: [1]                                # %s:5\n", file);
    assert_non_null(strstr(text, line));
    assert_non_null(strstr(text, "  b: [3, 4]                             # --le-of\n"));
    (void)snprintf(line, sizeof line, "  x: file                               # %s:6\n", file);
    assert_non_null(strstr(text, line));
    assert_non_null(strstr(text, "  y: line                               # --label\n"));
    assert_non_null(strstr(text, "expose: all                             # default\n"));
    free(text);
}

static void the_environment_names_the_file_unless_an_option_does(void **state)
{
    (void)state;
    write_bytes(file, "store: shop\n", strlen("store: shop\n"));
    (void)setenv("SLIPRING_CONFIG", file, 1);
    assert_int_equal(open_with(1, (const char *const[]){"slipringd"}), OPTIONS_RUN);
    assert_string_equal(options->agent.store, "shop");
    assert_string_equal(options->config, file);
    assert_int_equal(OPEN("--config", "/nonexistent"), OPTIONS_BAD_FILE);
    assert_string_equal(message.text, "/nonexistent: No such file or directory\n");
    (void)setenv("SLIPRING_CONFIG", "", 1);
    assert_int_equal(open_with(1, (const char *const[]){"slipringd"}), OPTIONS_RUN);
    assert_null(options->config);
    (void)unsetenv("SLIPRING_CONFIG");
    assert_int_equal(OPEN("--check-config"), OPTIONS_BAD);
    assert_string_equal(
        message.text, "--check-config: there is no file to check: say --config FILE, or set SLIPRING_CONFIG");
}

static void variables_of_the_environment_are_shown_as_where_a_value_comes_from(void **state)
{
    (void)state;
    (void)setenv("SLIPRING_STORE", "surrounding", 1);
    READ("schema: 4\n");
    char *text = print();
    assert_non_null(strstr(text, "store: surrounding                      # $SLIPRING_STORE\n"));
    free(text);
    (void)unsetenv("SLIPRING_STORE");
}

static void a_task_is_done_without_reading_the_file_unless_it_is_about_it(void **state)
{
    (void)state;
    assert_int_equal(OPEN("--config", "/nonexistent", "--help"), OPTIONS_HELP);
    assert_null(config);
    assert_int_equal(OPEN("--config", "/nonexistent", "--print-config"), OPTIONS_BAD_FILE);
    assert_int_equal(OPEN("--config", "/nonexistent", "--check-config"), OPTIONS_BAD_FILE);
    assert_int_equal(OPEN("--config", "/nonexistent", "--nope"), OPTIONS_BAD);
}

/* --- there and back ------------------------------------------------------------------------------------------------------- */

static void what_is_printed_is_read_as_the_same(void **state)
{
    (void)state;
    READ("");
    char *text = print();
    drop_comments(text);
    free(text);
    open_example();
    assert_round_trip();
    READ("labels: {a: \"q\\\"\\\\\\n\\t\\x01 \xc3\xbc \\u2028\\ufeff\\U0001f600\", b: 'null', c: ' x ', d: "
         "'[1]', e: '%', f: '- a', "
         "g: 'a: b', h: '5', i: '~'}\nle_of: {\"a: b\": [1], \"{\": [0.000000001], '*': [2]}\n"
         "objectives:\n  - {primitive: '*', type: '?', spend: {amount: 1, name: ': - '}}\n"
         "listen: '[::1]:0'\nretire_after: 1ns\nidle_after: 25h\npercentiles: [0.0001, 99.9999]\n"
         "windows: [1s, 30d]\ngroup: 4242\n");
    assert_string_equal(options->labels[0].value,
                        "q\"\\\n\t\x01 \xc3\xbc \xe2\x80\xa8\xef\xbb\xbf\xf0\x9f\x98\x80");
    assert_string_equal(options->labels[1].value, "null");
    assert_round_trip();
    assert_string_equal(options->labels[0].value,
                        "q\"\\\n\t\x01 \xc3\xbc \xe2\x80\xa8\xef\xbb\xbf\xf0\x9f\x98\x80");
    assert_string_equal(options->labels[2].value, " x ");
    assert_string_equal(options->agent.rules[0].name, ": - ");
    assert_int_equal(options->agent.group, 4242);
}

static void what_needs_a_start_is_named(void **state)
{
    (void)state;
    struct buffer names = {0};
    READ("store: a\nlabels: {x: y}\nlog_level: debug\n");
    struct config *running = config;
    config = NULL;
    READ("store: a\nlabels: {x: z}\nlog_level: info\nobjectives: [{primitive: a, availability: {target: "
         "1%}}]\n");
    config_needs_start(running, config, &names);
    assert_int_equal(names.used, 0); /* a reload takes all of it */
    READ("store: b\nlisten: 127.0.0.1:1\nschema: 5\n");
    config_needs_start(running, config, &names);
    buffer_add(&names, "", 1);
    assert_string_equal(names.text, "store, listen"); /* a schema of 5 is what it was */
    buffer_free(&names);
    config_close(running);
}

/* --- files that are none -------------------------------------------------------------------------------------------------- */

static void assert_file(const char *path, const char *sentence)
{
    char wanted[512];
    assert_int_equal(OPEN("--config", path), OPTIONS_BAD_FILE);
    (void)snprintf(wanted, sizeof wanted, "%s%s", path, sentence);
    assert_string_equal(message.text, wanted);
}

static void what_is_no_readable_file_is_told_and_not_waited_for(void **state)
{
    (void)state;
    char path[128];
    assert_file(folder, ": this is a folder\n");
    assert_file("/dev/zero", ": this is no regular file\n");
    (void)snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_file(path, ": this is no regular file\n");
    assert_int_equal(unlink(path), 0);
    if (geteuid() != 0) {
        write_bytes(file, "", 0);
        assert_int_equal(chmod(file, 0), 0);
        assert_file(file, ": Permission denied\n");
        assert_int_equal(unlink(file), 0);
    }
}

static void what_is_no_text_is_told(void **state)
{
    (void)state;
    write_bytes(file, "store: a\n\x00\x01", 11);
    assert_file(file, ":2:1: a zero byte: this is no text file\n    \xef\xbf\xbd\xef\xbf\xbd\n    ^\n    "
                      "expected a text in "
                      "UTF-8\n");
    write_bytes(file, "store: \xc3\x28\n", 10);
    assert_file(
        file, ":1:8: this is not valid UTF-8\n    store: \xef\xbf\xbd(\n           ^\n    expected a text in "
              "UTF-8\n");
    write_bytes(file, "store: \x1b[31m\n", 13);
    assert_file(
        file, ":1:8: a control character\n    store: \xef\xbf\xbd[31m\n           ^\n    expected a text in "
              "UTF-8\n");
    write_bytes(file, "labels: {a: \"x\\0y\"}\n", 20);
    assert_file(file, ":1:14: a zero byte in a text\n    labels: {a: \"x\\0y\"}\n                 ^\n");
    assert_int_equal(truncate(file, (256 << 10) + 1), 0);
    assert_file(file, ": this is larger than 256 KB\n");
}

static void a_file_of_more_values_than_anybody_writes_is_refused(void **state)
{
    (void)state;
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    (void)fputs("windows: [", stream);
    for (int i = 0; i < 50000; i++) {
        (void)fputs("1s,", stream);
    }
    (void)fputs("1s]\n", stream);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(OPEN("--config", file), OPTIONS_BAD_FILE);
    assert_non_null(strstr(message.text, "there are too many values in this file\n"));
}

#define CASE(name) cmocka_unit_test_teardown(name, close_config)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_example_says_something_of_every_key),
        CASE(the_example_is_read_value_for_value),
        CASE(objectives_stand_in_the_order_of_the_file),
        CASE(targets_and_money_are_exact),
        CASE(without_a_file_everything_is_the_default),
        CASE(nothing_in_a_file_is_the_default_too),
        CASE(the_command_line_goes_before_the_file),
        CASE(the_environment_names_the_file_unless_an_option_does),
        CASE(variables_of_the_environment_are_shown_as_where_a_value_comes_from),
        CASE(a_task_is_done_without_reading_the_file_unless_it_is_about_it),
        CASE(what_is_printed_is_read_as_the_same),
        CASE(what_needs_a_start_is_named),
        CASE(what_is_no_readable_file_is_told_and_not_waited_for),
        CASE(what_is_no_text_is_told),
        CASE(a_file_of_more_values_than_anybody_writes_is_refused),
    };
    return cmocka_run_group_tests(tests, open_folder, remove_folder);
}
