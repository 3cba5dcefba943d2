/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and stopping slipringd: see daemon.h. */
#include "daemon.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "program.h"

#define STOP_MS 10000u

bool daemon_is_built(void)
{
    char path[PATH_MAX];
    return program_beside("slipringd", sizeof path, path);
}

/* In the child. `path` is slipringd's. */
static void become_daemon(const char *path, const struct daemon_plan *plan)
{
    char numbers[2][16];
    /* No warnings: the made-up samples burn error budgets, four lines for each primitive, and who reads a benchmark's output has no room for them. */
    const char *arguments[16] = {"slipringd",   "--store",     plan->store, "--listen",
                                 "127.0.0.1:0", "--log-level", "error"};
    uint32_t count = 7;
    const char *const names[2] = {"--max-primitives", "--ring-cap"};
    const uint32_t values[2] = {plan->max_primitives, plan->ring_cap};
    for (uint32_t i = 0; i < 2; i++) {
        if (values[i] != 0) {
            (void)snprintf(numbers[i], sizeof numbers[i], "%u", values[i]);
            arguments[count++] = names[i];
            arguments[count++] = numbers[i];
        }
    }
    if (plan->exposes_few) {
        arguments[count++] = "--expose=few";
    }
    if (plan->config) {
        arguments[count++] = "--config";
        arguments[count++] = plan->config;
    }
    (void)execv(path, (char *const *)(uintptr_t)arguments); /* which does not write to them */
}

bool daemon_start_as(struct daemon *daemon, const struct daemon_plan *plan)
{
    char path[PATH_MAX];
    if (!program_beside("slipringd", sizeof path, path)) {
        return false;
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) {
        fprintf(stderr, "slipring-bench: fork: %s\n", strerror(errno));
        return false;
    }
    if (pid == 0) {
        /* SIGKILL: it may stand still when we die, and would not hear another one */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(126);
        }
        become_daemon(path, plan);
        _exit(127);
    }
    daemon->pid = pid;
    if (plan->is_pinned && !machine_pin(pid, plan->cpu)) {
        perror("slipring-bench: slipringd could not be pinned");
        (void)daemon_stop(daemon);
        return false;
    }
    return true;
}

bool daemon_start(struct daemon *daemon, const char *store, uint32_t cpu, bool is_pinned)
{
    const struct daemon_plan plan = {.store = store, .cpu = cpu, .is_pinned = is_pinned};
    return daemon_start_as(daemon, &plan);
}

bool daemon_pause(struct daemon *daemon)
{
    int status = 0;
    pid_t stopped;
    if (daemon->pid == 0 || kill(daemon->pid, SIGSTOP) != 0) {
        perror("slipring-bench: slipringd cannot be stopped");
        return false;
    }
    do {
        stopped = waitpid(daemon->pid, &status, WUNTRACED);
    } while (stopped < 0 && errno == EINTR);
    if (stopped != daemon->pid || !WIFSTOPPED(status)) {
        fprintf(stderr, "slipring-bench: slipringd is gone (wait status 0x%x)\n", (unsigned)status);
        daemon->pid = 0;
        return false;
    }
    return true;
}

bool daemon_resume(struct daemon *daemon)
{
    if (daemon->pid == 0 || kill(daemon->pid, SIGCONT) != 0) {
        fputs("slipring-bench: slipringd is gone\n", stderr);
        return false;
    }
    return true;
}

bool daemon_stop(struct daemon *daemon)
{
    if (daemon->pid == 0) {
        return true;
    }
    int status = 0;
    pid_t ended = 0;
    (void)kill(daemon->pid, SIGTERM); /* fails only when it has ended: the wait below tells */
    (void)kill(daemon->pid, SIGCONT); /* when it was paused; as above */
    for (uint32_t waited_ms = 0; ended == 0 && waited_ms < STOP_MS; waited_ms += 10) {
        machine_sleep_ms(10);
        ended = waitpid(daemon->pid, &status, WNOHANG);
    }
    if (ended == 0) {
        (void)kill(daemon->pid, SIGKILL); /* as above */
        ended = waitpid(daemon->pid, &status, 0);
    }
    const bool is_clean = ended == daemon->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!is_clean) {
        fprintf(stderr, "slipring-bench: slipringd did not end cleanly (wait status 0x%x)\n",
                (unsigned)status);
    }
    daemon->pid = 0;
    return is_clean;
}
