/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue of mistakes: each golden/config/NAME.yaml is a configuration file with mistakes, NAME.expected what is told about them.
 * SLIPRING_GOLDEN=write makes the latter anew. What is wrong with YAML itself is in the words of libfyaml 0.7. */
#include "support/check.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "support/golden.h"

enum { CASES_MIN = 30 };

static char *tell(char *name)
{
    struct config *config = NULL;
    struct buffer message = {0};
    char program[] = "slipringd";
    char option[] = "--config";
    char *const arguments[] = {program, option, name};
    const enum options_task task = config_open(3, arguments, &config, &message);
    if (task != OPTIONS_BAD_FILE) {
        print_error("%s has no mistake\n", name);
    }
    assert_int_equal(task, OPTIONS_BAD_FILE);
    buffer_add(&message, "", 1);
    assert_false(message.failed);
    return message.text;
}

static void each_mistake_is_told_with_its_place_and_what_was_expected(void **state)
{
    (void)state;
    glob_t files;
    char golden[256];
    assert_int_equal(glob("*.yaml", 0, NULL, &files), 0);
    assert_in_range(files.gl_pathc, CASES_MIN, 1000);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char *text = tell(files.gl_pathv[i]);
        (void)snprintf(golden, sizeof golden, "config/%.*s.expected",
                       (int)(strlen(files.gl_pathv[i]) - strlen(".yaml")), files.gl_pathv[i]);
        golden_compare(text, golden);
        free(text);
    }
    globfree(&files);
}

static int go_there(void **state)
{
    (void)state;
    const char *source = getenv("SLIPRING_SOURCE_DIR");
    return source == NULL || chdir(source) != 0 || chdir("tests/e2e/golden/config") != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_told_with_its_place_and_what_was_expected),
    };
    return cmocka_run_group_tests(tests, go_there, NULL);
}
