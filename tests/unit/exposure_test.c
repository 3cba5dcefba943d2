/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the configuration that answers are made with: what is published is read whole, by any thread. */
#include "support/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/config/exposure.h"
#include "agent/config/values.h"

enum { READERS = 3, PUBLISHINGS = 3000 };

static struct exposure_board board;
static struct options options;

static void set_label(const char *name, const char *value)
{
    struct buffer what = {0};
    assert_true(values_label(name, strlen(name), value, &options, &what));
    buffer_free(&what);
}

static void assert_labels(const char *wanted)
{
    struct exposure seen;
    assert_true(exposure_publish(&board, &options));
    exposure_read(&board, &seen);
    assert_int_equal(seen.labels_bytes, strlen(wanted));
    assert_memory_equal(seen.labels, wanted, strlen(wanted));
}

static int begin(void **state)
{
    (void)state;
    values_default(&options);
    return 0;
}

static int end(void **state)
{
    (void)state;
    exposure_close(&board);
    return 0;
}

static void without_a_board_or_a_publishing_everything_is_exposed_without_labels(void **state)
{
    (void)state;
    struct exposure seen;
    exposure_read(NULL, &seen);
    assert_int_equal(seen.labels_bytes, 0);
    assert_int_equal(seen.idle_after_ns, 0);
    assert_false(seen.exposes_few);
    exposure_read(&board, &seen);
    assert_int_equal(seen.labels_bytes, 0);
}

static void labels_are_in_their_order_and_escaped(void **state)
{
    (void)state;
    assert_labels("");
    set_label("service", "shop");
    set_label("environment", "prod");
    assert_labels(",service=\"shop\",environment=\"prod\"");
    set_label("service", "a\"} 1\nb\\c\t\xc3\xbc");
    assert_labels(",service=\"a\\\"} 1\\nb\\\\c\t\xc3\xbc\",environment=\"prod\"");
    options.exposes_few = true;
    options.agent.idle_after_ns = 7;
    struct exposure seen;
    assert_true(exposure_publish(&board, &options));
    exposure_read(&board, &seen);
    assert_true(seen.exposes_few);
    assert_int_equal(seen.idle_after_ns, 7);
}

static void as_many_labels_as_there_may_be_fit_whatever_is_in_them(void **state)
{
    (void)state;
    static char names[OPTIONS_LABEL_MAX][OPTIONS_LABEL_NAME_MAX + 1];
    static char worst[OPTIONS_LABEL_TEXT_MAX + 1];
    memset(worst, '"', OPTIONS_LABEL_TEXT_MAX);
    for (int i = 0; i < OPTIONS_LABEL_MAX; i++) {
        memset(names[i], 'a' + i, OPTIONS_LABEL_NAME_MAX);
        set_label(names[i], worst);
    }
    struct exposure seen;
    assert_true(exposure_publish(&board, &options));
    exposure_read(&board, &seen);
    assert_int_equal(seen.labels_bytes, EXPOSURE_LABELS_BYTES);
}

/* --- readers beside the writer -------------------------------------------------------------------------------------------- */

static atomic_bool is_over;
static atomic_uint torn;
static atomic_ullong looks;

/* A publishing has its number as its time, and its letter all over its label: a copy of two of them shows. */
static void *look(void *context)
{
    struct exposure *seen = context;
    while (!atomic_load(&is_over)) {
        exposure_read(&board, seen);
        const char letter = (char)('a' + seen->idle_after_ns % 26);
        for (size_t i = strlen(",x=\""); i + 1 < seen->labels_bytes; i++) {
            atomic_fetch_add(&torn, seen->labels[i] != letter);
        }
        atomic_fetch_add(&looks, 1);
    }
    return NULL;
}

static void a_reader_beside_the_writer_has_one_publishing_whole(void **state)
{
    (void)state;
    static struct exposure seen[READERS];
    static char texts[2][OPTIONS_LABEL_TEXT_MAX + 1];
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, look, &seen[i]), 0);
    }
    for (uint64_t generation = 0; generation < PUBLISHINGS || atomic_load(&looks) < PUBLISHINGS;
         generation++) {
        char *value = texts[generation % 2];
        memset(value, 'a' + (int)(generation % 26), 200);
        values_default(&options);
        set_label("x", value);
        options.agent.idle_after_ns = generation;
        assert_true(exposure_publish(&board, &options));
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&torn), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_board_or_a_publishing_everything_is_exposed_without_labels,
                                        begin, end),
        cmocka_unit_test_setup_teardown(labels_are_in_their_order_and_escaped, begin, end),
        cmocka_unit_test_setup_teardown(as_many_labels_as_there_may_be_fit_whatever_is_in_them, begin, end),
        cmocka_unit_test_setup_teardown(a_reader_beside_the_writer_has_one_publishing_whole, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
