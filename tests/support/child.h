/* SPDX-License-Identifier: Apache-2.0 */
/* Children of a test: processes of their own, that end as the test says or fail it. They die with their parent. */
#ifndef SUPPORT_CHILD_H
#define SUPPORT_CHILD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/check.h"

/* Fork one that calls body(argument) and ends with status 0 when it returns. */
pid_t child_start(void (*body)(void *), void *argument);

/* Wait for it (at most some fifty seconds, then it is killed and the test fails): status 0, or death by this signal. */
void child_ends_well(pid_t child);
void child_dies_by(pid_t child, int signal_number);

/* What ended it: an exit status of 0 to 255, or 1000 + the signal. */
int child_wait(pid_t child);

/* child_start() and child_ends_well(): the body in a process of its own. */
void child_run(void (*body)(void *), void *argument);

/* The same for one that takes minutes: nobody waits for it but the test's own time limit. */
void child_run_patiently(void (*body)(void *), void *argument);

/* A cmocka test that is all in a child, with the library as a new process finds it: CHILD_TEST(a_sentence) in the list of tests, where
 * a_sentence(void *unused) works on the store place_store(). */
struct child_body {
    void (*run)(void *);
};
struct CMUnitTest child_unit_test(const char *name, struct child_body *body);
#define CHILD_TEST(name) child_unit_test(#name, &(struct child_body){.run = name})

/* Zeroed memory shared with all children started afterwards. */
void *child_share(size_t bytes);

/* Wait, without a system call that a signal handler could spoil, until *word is at least this. */
void child_await(const _Atomic uint32_t *word, uint32_t value);

#endif
