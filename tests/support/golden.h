/* SPDX-License-Identifier: Apache-2.0 */
/* What `slipring` prints, against the files of tests/e2e/golden/. What depends on the moment (times, ages) is made the same first. To write the
 * golden files anew after a wanted change: SLIPRING_GOLDEN=write <the test's program>, with SLIPRING_BUILD_DIR and SLIPRING_SOURCE_DIR
 * set; then look at the difference. */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

struct golden_output {
    int status; /* of the exit; 1000 + a signal */
    char *text; /* stdout, then stderr; free() it */
};

/* Called before each run, so that figures are fresh however slow the machine is. NULL: nothing is. */
void golden_before_each(void (*refresh)(void *context), void *context);

/* Run it in the place's folder, with $COLUMNS and no terminal. `words` ends with NULL, and has at most 22. */
struct golden_output golden_run(const char *const words[], const char *columns);

/* The text is the golden file's, or is written there. */
void golden_compare(const char *text, const char *name);

/* Both, with what depends on the moment hidden. */
void golden_expect(const char *const words[], const char *columns, int status, const char *golden);

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
