/* SPDX-License-Identifier: Apache-2.0 */
/* Single-stepping a child by ptrace: see stepper.h. */
#include "support/stepper.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"
#include "support/child.h"

#define EXIT_NOT_TRACED 77

struct traced {
    void (*body)(void *);
    void *argument;
};

static void be_traced(void *argument)
{
    const struct traced *traced = argument;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        _exit(EXIT_NOT_TRACED);
    }
    (void)alarm(30); /* a child that hangs is stopped by this signal, which nobody expects */
    traced->body(traced->argument);
}

/* The signal that stopped it; 0: it ended well. */
static int wait_for_stop(pid_t child)
{
    int status = 0;
    pid_t stopped = 0;
    do {
        stopped = waitpid(child, &status, 0);
    } while (stopped < 0 && errno == EINTR);
    CHECK_EQUAL(stopped, child);
    if (WIFSTOPPED(status)) {
        return WSTOPSIG(status);
    }
    CHECK(!WIFSIGNALED(status));
    CHECK_EQUAL(WEXITSTATUS(status), 0);
    return 0;
}

pid_t stepper_start(void (*body)(void *), void *argument)
{
    struct traced traced = {body, argument};
    const pid_t child = child_start(be_traced, &traced);
    int status = 0;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_TRACED) {
        return 0;
    }
    CHECK(WIFSTOPPED(status));
    CHECK_EQUAL(WSTOPSIG(status), SIGSTOP);
    return child;
}

void stepper_gate(void)
{
    (void)raise(SIGSTOP);
}

bool stepper_step(pid_t child)
{
    CHECK_EQUAL(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
    const int number = wait_for_stop(child);
    CHECK(number == SIGTRAP || number == SIGSTOP);
    return number == SIGTRAP;
}

bool stepper_go(pid_t child, int signal_number)
{
    CHECK_EQUAL(ptrace(PTRACE_CONT, child, NULL, (void *)(intptr_t)signal_number), 0);
    const int number = wait_for_stop(child);
    CHECK(number == SIGSTOP || number == 0);
    return number == SIGSTOP;
}

void stepper_finish(pid_t child)
{
    while (stepper_go(child, 0)) {
    }
}

void stepper_kill(pid_t child)
{
    CHECK_EQUAL(kill(child, SIGKILL), 0);
    child_dies_by(child, SIGKILL);
}
