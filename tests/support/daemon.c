/* SPDX-License-Identifier: Apache-2.0 */
/* slipringd and slipring as child processes: see daemon.h. */
#include "support/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

#define PATIENCE 2000 /* times 10 ms */

/* Where a program lies. */
static void path_of(char out_path[PATH_MAX], const char *program)
{
    const char *build = getenv("SLIPRING_BUILD_DIR");
    char self[PATH_MAX - 64] = "";
    if (build) {
        CHECK(snprintf(out_path, PATH_MAX, "%s/bin/%s", build, program) < PATH_MAX);
        return;
    }
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    *strrchr(self, '/') = '\0'; /* tests/ */
    CHECK(snprintf(out_path, PATH_MAX, "%s/../bin/%s", self, program) < PATH_MAX);
}

/* Fork and execute, with stdout and stderr into the file. */
static pid_t start(char *const arguments[], const char *program, const char *log, const char *crashpoint)
{
    char path[PATH_MAX];
    path_of(path, program);
    const pid_t parent = getpid();
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        sigset_t none;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (getppid() != parent || fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) {
            _exit(CHECK_EXIT_STATUS);
        }
        if (crashpoint[0] != '\0' && setenv("SLIPRING_CRASHPOINT", crashpoint, 1) != 0) {
            _exit(CHECK_EXIT_STATUS);
        }
        (void)execv(path, arguments);
        perror(path);
        _exit(CHECK_EXIT_STATUS);
    }
    return child;
}

static bool log_has(const char *log, const char *what)
{
    static char text[65536];
    memset(text, 0, sizeof text);
    const int fd = open(log, O_RDONLY | O_CLOEXEC);
    const ssize_t bytes = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    return bytes > 0 && strstr(text, what) != NULL;
}

static void print_log(const char *log)
{
    char text[4096];
    FILE *file = fopen(log, "r");
    while (file && fgets(text, sizeof text, file)) {
        (void)dprintf(STDOUT_FILENO, "  %s", text);
    }
    if (file) {
        (void)fclose(file);
    }
}

void daemon_launch(struct daemon *daemon, const char *const *more)
{
    static unsigned lives;
    char name[64];
    char words[8][64];
    (void)snprintf(name, sizeof name, "%s", place_store());
    (void)snprintf(daemon->log, sizeof daemon->log, "%s/agent%u.%s.log", place_folder(), ++lives, name);
    char *arguments[6 + 8] = {"slipringd", "--store", name, "--listen", "127.0.0.1:0"};
    for (uint32_t i = 0; i < 8 && more[i]; i++) {
        (void)snprintf(words[i], sizeof words[i], "%s", more[i]);
        arguments[5 + i] = words[i];
    }
    daemon->pid = start(arguments, "slipringd", daemon->log, daemon->crashpoint);
}

bool daemon_serves(const struct daemon *daemon)
{
    return log_has(daemon->log, "listening");
}

void daemon_print_log(const struct daemon *daemon)
{
    print_log(daemon->log);
}

void daemon_forget(const struct daemon *daemon)
{
    (void)unlink(daemon->log);
}

void daemon_start(struct daemon *daemon)
{
    static const char *const nothing_more[] = {NULL};
    const struct timespec pause = {.tv_nsec = 10000000};
    daemon->crashpoint[0] = '\0';
    daemon_launch(daemon, nothing_more);
    for (int i = 0; !daemon_serves(daemon); i++) {
        if (i == PATIENCE || waitpid(daemon->pid, NULL, WNOHANG) != 0) {
            print_log(daemon->log);
            check_fail(__FILE__, __LINE__, "slipringd does not start");
        }
        (void)nanosleep(&pause, NULL);
    }
}

void daemon_stop(struct daemon *daemon)
{
    CHECK_EQUAL(kill(daemon->pid, SIGTERM), 0);
    const int ended = child_wait(daemon->pid);
    if (ended != 0) {
        print_log(daemon->log);
    }
    CHECK_EQUAL(ended, 0);
}

void daemon_kill(struct daemon *daemon)
{
    CHECK_EQUAL(kill(daemon->pid, SIGKILL), 0);
    child_dies_by(daemon->pid, SIGKILL);
}

void daemon_freeze(const struct daemon *daemon)
{
    CHECK_EQUAL(kill(daemon->pid, SIGSTOP), 0);
}

void daemon_thaw(const struct daemon *daemon)
{
    CHECK_EQUAL(kill(daemon->pid, SIGCONT), 0);
}

static bool verify(bool is_last)
{
    char log[PATH_MAX];
    char name[64];
    (void)snprintf(name, sizeof name, "%s", place_store());
    CHECK(snprintf(log, sizeof log, "%s/verify.%s.log", place_folder(), name) < PATH_MAX);
    char *const arguments[] = {"slipring", "verify", "--store", name, NULL};
    (void)unlink(log);
    const int ended = child_wait(start(arguments, "slipring", log, ""));
    const bool agrees = ended == 0 && log_has(log, "agrees: exactly");
    if (!agrees && (is_last || ended != 0)) {
        print_log(log);
        check_fail(__FILE__, __LINE__, "slipring verify ended with %d", ended);
    }
    return agrees;
}

void daemon_expect_exact(void)
{
    (void)verify(true);
}

bool daemon_agrees_exactly(void)
{
    return verify(false);
}
