/* SPDX-License-Identifier: Apache-2.0 */
/* Running the tool and comparing: see golden.h. */
#include "support/golden.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"
#include "support/place.h"

static const char *binary(void)
{
    static char path[PATH_MAX];
    const char *build = getenv("SLIPRING_BUILD_DIR");
    assert_non_null(build);
    (void)snprintf(path, sizeof path, "%s/bin/slipring", build);
    return path;
}

static void read_all(int fd, char **out_text)
{
    size_t bytes = 0;
    size_t room = 1 << 16;
    char *text = malloc(room);
    assert_non_null(text);
    for (ssize_t got; (got = read(fd, text + bytes, room - bytes - 1)) != 0;) {
        assert_true(got > 0 || errno == EINTR);
        bytes += got > 0 ? (size_t)got : 0;
        if (bytes + 1 == room) {
            text = realloc(text, room *= 2);
            assert_non_null(text);
        }
    }
    text[bytes] = '\0';
    *out_text = text;
}

static struct {
    void (*refresh)(void *context);
    void *context;
} before_each;

void golden_before_each(void (*refresh)(void *context), void *context)
{
    before_each.refresh = refresh;
    before_each.context = context;
}

struct golden_output golden_run(const char *const words[], const char *columns)
{
    char columns_variable[32];
    char folder_variable[PATH_MAX];
    char *argv[24] = {(char *)(uintptr_t) "slipring"};
    (void)snprintf(columns_variable, sizeof columns_variable, "COLUMNS=%s", columns);
    (void)snprintf(folder_variable, sizeof folder_variable, "SLIPRING_SHM_DIR=%s", place_folder());
    char *environment[] = {columns_variable, folder_variable, (char *)(uintptr_t) "LC_ALL=C.UTF-8",
                           (char *)(uintptr_t) "TZ=UTC", NULL};
    for (int i = 0; words[i]; i++) {
        argv[i + 1] = (char *)(uintptr_t)words[i];
    }
    if (before_each.refresh) {
        before_each.refresh(before_each.context);
    }
    int ends[2];
    pid_t child;
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    assert_int_equal(posix_spawn(&child, binary(), &actions, NULL, argv, environment), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    struct golden_output output;
    int status;
    read_all(ends[0], &output.text);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    return output;
}

/* Write `with` over every digit run that follows `after`, up to the first other character. */
static void hide_number(char *text, const char *after, const char *kept)
{
    for (char *at = text; (at = strstr(at, after));) {
        at += strlen(after);
        size_t length = strspn(at, kept);
        if (length > 0) {
            memmove(at + 1, at + length, strlen(at + length) + 1);
            *at = '#';
        }
    }
}

/* "2024-05-01 14:03:59", and the time of day alone. A golden date, of 2023, stays. */
static void hide_dates(char *text)
{
    for (char *at = text; *at; at++) {
        static const char date[] = "0000-00-00 00:00:00";
        static const char *const forms[] = {date, date + 11};
        for (size_t i = 0; i < 2; i++) {
            size_t length = 0;
            while (forms[i][length] && (forms[i][length] == '0' ? at[length] >= '0' && at[length] <= '9'
                                                                : at[length] == forms[i][length])) {
                length++;
            }
            if (!forms[i][length] && strncmp(at, "2023-", 5) != 0) {
                memset(at, '#', 8);
                memmove(at + 8, at + length, strlen(at + length) + 1);
            }
            if (!forms[i][length]) {
                at += strncmp(at, "2023-", 5) == 0 ? length - 1 : 7;
                break;
            }
        }
    }
}

static void hide_moments(char *text)
{
    hide_number(text, "figures are from ", "0123456789:");
    hide_number(text, "\"age_seconds\":", "0123456789.");
    hide_number(text, "\"from_unix_seconds\":", "0123456789.");
    hide_number(text, "\"began_unix_seconds\":", "0123456789.");
    hide_number(text, "\"ended_unix_seconds\":", "0123456789.");
    hide_number(text, "\"exact_for_seconds\":", "0123456789.");
    hide_number(text, "\"counted_for_seconds\":", "0123456789.");
    hide_dates(text);
}

void golden_compare(const char *text, const char *name)
{
    char path[PATH_MAX];
    const char *source = getenv("SLIPRING_SOURCE_DIR");
    const char *wish = getenv("SLIPRING_GOLDEN");
    assert_non_null(source);
    (void)snprintf(path, sizeof path, "%s/tests/e2e/golden/%s", source, name);
    if (wish && strcmp(wish, "write") == 0) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
        return;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        print_error("no golden file %s\n", path);
    }
    assert_true(fd >= 0);
    char *wanted;
    read_all(fd, &wanted);
    close(fd);
    if (strcmp(text, wanted) != 0) {
        print_error("--- printed, other than %s:\n%s---\n", path, text);
    }
    assert_true(strcmp(text, wanted) == 0);
    free(wanted);
}

void golden_expect(const char *const words[], const char *columns, int status, const char *golden)
{
    struct golden_output output = golden_run(words, columns);
    if (output.status != status) {
        print_error("%s\n", output.text);
    }
    assert_int_equal(output.status, status);
    hide_moments(output.text);
    golden_compare(output.text, golden);
    free(output.text);
}
