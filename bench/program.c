/* SPDX-License-Identifier: Apache-2.0 */
/* Forking, reading, waiting: see program.h. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool program_beside(const char *name, size_t room, char *out_path)
{
    char path[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) {
        return false;
    }
    path[length] = '\0';
    *strrchr(path, '/') = '\0'; /* the kernel's answer is absolute */
    const int written = snprintf(out_path, room, "%s/%s", path, name);
    return written > 0 && (size_t)written < room && access(out_path, X_OK) == 0;
}

static void become(const char *const *arguments, int out)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(out, STDERR_FILENO) >= 0) {
        (void)execvp(arguments[0], (char *const *)(uintptr_t)arguments); /* which does not write to them */
    }
    _exit(127);
}

/* To its end, which comes when the program and its children have ended. */
static void read_all(int in, char *text, size_t room)
{
    char rest[4096];
    size_t used = 0;
    ssize_t got = 0;
    do {
        const bool is_full = used + 1 >= room;
        got = is_full ? read(in, rest, sizeof rest) : read(in, text + used, room - 1 - used);
        used += got > 0 && !is_full ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    text[used] = '\0';
}

int program_run(const char *const *arguments, char *text, size_t room)
{
    int output[2];
    int status = -1;
    text[0] = '\0';
    if (pipe2(output, O_CLOEXEC) != 0) {
        return -1;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        become(arguments, output[1]);
    }
    (void)close(output[1]); /* nothing to lose, here and below */
    if (pid > 0) {
        read_all(output[0], text, room);
    }
    (void)close(output[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}
