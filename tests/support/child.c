/* SPDX-License-Identifier: Apache-2.0 */
/* Children of a test: see child.h. */
#include "support/child.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"
#include "support/place.h"
#include "support/workload.h"

#define PATIENCE_S (WORKLOAD_IS_SLOW ? 100 : 50) /* seconds; a sanitizer on a busy machine is slow */

/* cmocka catches these for the runner; in a child they must kill. */
static void let_crashes_kill(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)signal(numbers[i], SIG_DFL);
    }
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
}

pid_t child_start(void (*body)(void *), void *argument)
{
    (void)fflush(NULL);
    const pid_t parent = getpid();
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(CHECK_EXIT_STATUS);
        }
        let_crashes_kill();
        body(argument);
        _exit(0);
    }
    return child;
}

int child_wait(pid_t child)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const time_t end = time(NULL) + PATIENCE_S;
    int status = 0;
    for (;;) {
        const pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) {
            return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
        }
        CHECK(ended == 0 || errno == EINTR);
        if (time(NULL) > end) {
            (void)kill(child, SIGKILL);
            (void)waitpid(child, &status, 0);
            check_fail(__FILE__, __LINE__, "a child hung and was killed");
        }
        (void)nanosleep(&pause, NULL);
    }
}

void child_ends_well(pid_t child)
{
    CHECK_EQUAL(child_wait(child), 0);
}

void child_dies_by(pid_t child, int signal_number)
{
    CHECK_EQUAL(child_wait(child), 1000 + signal_number);
}

void child_run(void (*body)(void *), void *argument)
{
    child_ends_well(child_start(body, argument));
}

void child_run_patiently(void (*body)(void *), void *argument)
{
    const pid_t child = child_start(body, argument);
    int status = 0;
    while (waitpid(child, &status, 0) != child) {
        CHECK_EQUAL(errno, EINTR);
    }
    CHECK_EQUAL(status, 0);
}

static void run_in_child(void **state)
{
    const struct child_body *body = *state;
    (void)place_new_store();
    child_run(body->run, NULL);
}

struct CMUnitTest child_unit_test(const char *name, struct child_body *body)
{
    return (struct CMUnitTest){.name = name, .test_func = run_in_child, .initial_state = body};
}

void *child_share(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

void child_await(const _Atomic uint32_t *word, uint32_t value)
{
    while (atomic_load(word) < value) {
        (void)sched_yield();
    }
}
