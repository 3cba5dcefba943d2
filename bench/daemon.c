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

#define STOP_MS 10000u

static bool find(char out_path[PATH_MAX])
{
    const ssize_t length = readlink("/proc/self/exe", out_path, PATH_MAX - 1);
    if (length <= 0) {
        return false;
    }
    out_path[length] = '\0';
    char *name = strrchr(out_path, '/') + 1; /* the kernel's answer is absolute */
    const size_t room = PATH_MAX - (size_t)(name - out_path);
    const int written = snprintf(name, room, "slipringd");
    return written > 0 && (size_t)written < room && access(out_path, X_OK) == 0;
}

bool daemon_is_built(void)
{
    char path[PATH_MAX];
    return find(path);
}

bool daemon_start(struct daemon *daemon, const char *store, uint32_t cpu, bool is_pinned)
{
    char path[PATH_MAX];
    if (!find(path)) {
        return false;
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) {
        fprintf(stderr, "slipring-bench: fork: %s\n", strerror(errno));
        return false;
    }
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) {
            _exit(126);
        }
        (void)execl(path, "slipringd", "--store", store, "--listen", "127.0.0.1:0", "--log-level", "warning",
                    (char *)NULL);
        _exit(127);
    }
    daemon->pid = pid;
    if (is_pinned && !machine_pin(pid, cpu)) {
        perror("slipring-bench: slipringd could not be pinned");
        (void)daemon_stop(daemon);
        return false;
    }
    return true;
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
