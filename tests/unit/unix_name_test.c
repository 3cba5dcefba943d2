/* SPDX-License-Identifier: Apache-2.0 */
/* Names of unix sockets: who gets one when several want it at once, and other modes in place. agent/config/unix_name.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/config/unix_name.h"

enum { RIVALS = 6, ROUNDS = 150, LISTENS = 10, REFUSED = 20, TAKEN_AWAY = 30, ODD = 40 };

static char folder[64];
static char path[96];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/slipring-unix-name-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static struct unix_name name_of(mode_t mode)
{
    return (struct unix_name){.path = path, .mode = mode, .group = (gid_t)-1};
}

/* A socket on which nobody listens, as a dead process leaves it. */
static void leave_a_dead_one(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(close(fd), 0);
}

/* Waits for the start, tries, tells, and ends when everybody has told. The exit status says what it has seen. */
static void compete(int start, int told, int over)
{
    struct unix_name name = name_of(0600);
    struct unix_name_fault fault = {.why = ""};
    char byte = 0;
    (void)!read(start, &byte, 1);
    const int fd = unix_name_listen(&name, 10000, &fault);
    (void)!write(told, "x", 1);
    (void)!read(over, &byte, 1);
    if (fd >= 0) {
        _exit(unix_name_is_ours(&name) ? LISTENS : TAKEN_AWAY);
    }
    _exit(strstr(fault.why, "listens there already") != NULL ? REFUSED : ODD);
}

struct race {
    int start[2];
    int told[2];
    int over[2];
    pid_t rival[RIVALS];
};

static void begin_race(struct race *race)
{
    assert_int_equal(pipe2(race->start, O_CLOEXEC), 0);
    assert_int_equal(pipe2(race->told, O_CLOEXEC), 0);
    assert_int_equal(pipe2(race->over, O_CLOEXEC), 0);
    for (int i = 0; i < RIVALS; i++) {
        race->rival[i] = fork();
        assert_true(race->rival[i] >= 0);
        if (race->rival[i] == 0) {
            (void)close(race->start[1]);
            (void)close(race->over[1]);
            compete(race->start[0], race->told[1], race->over[0]);
        }
    }
    (void)close(race->start[1]); /* off they go, all at once */
}

/* How many ended with each status. */
static void end_race(struct race *race, int out_counts[ODD + 1])
{
    char byte = 0;
    for (int i = 0; i < RIVALS; i++) {
        assert_int_equal(read(race->told[0], &byte, 1), 1);
    }
    (void)close(race->over[1]);
    for (int i = 0; i < RIVALS; i++) {
        int status = 0;
        assert_int_equal(waitpid(race->rival[i], &status, 0), race->rival[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= ODD);
        out_counts[WEXITSTATUS(status)]++;
    }
    (void)close(race->start[0]);
    (void)close(race->told[0]);
    (void)close(race->told[1]);
    (void)close(race->over[0]);
}

static void of_several_that_want_a_name_at_once_one_gets_it_and_keeps_it(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct race race;
        int counts[ODD + 1] = {0};
        (void)unlink(path);
        if (round % 3 != 0) {
            leave_a_dead_one();
        }
        begin_race(&race);
        end_race(&race, counts);
        if (counts[LISTENS] != 1 || counts[REFUSED] != RIVALS - 1) {
            fail_msg("round %d: %d listen, %d were refused, of %d it was taken away, %d odd", round,
                     counts[LISTENS], counts[REFUSED], counts[TAKEN_AWAY], counts[ODD]);
        }
    }
}

static void who_keeps_the_folder_locked_keeps_nobody_from_a_name(void **state)
{
    (void)state;
    struct unix_name name = name_of(0600);
    struct unix_name_fault fault;
    const int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    for (unsigned patience_ms = 0; patience_ms < 40; patience_ms += 20) {
        const int fd = unix_name_listen(&name, patience_ms, &fault);
        assert_true(fd >= 0);
        unix_name_remove(&name);
        (void)close(fd);
    }
    (void)close(lock);
}

static mode_t mode_there(void)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 0777u;
}

static void a_mode_is_changed_in_place_and_one_that_cannot_be_had_changes_nothing(void **state)
{
    (void)state;
    struct unix_name name = name_of(0640);
    struct unix_name_fault fault;
    const int fd = unix_name_listen(&name, 0, &fault);
    assert_true(fd >= 0);
    const struct unix_name before = name;
    assert_true(unix_name_change(&name, 0666, (gid_t)-1, &fault));
    assert_int_equal(mode_there(), 0666);
    assert_true(unix_name_change(&name, 0600, getegid(), &fault));
    assert_int_equal(mode_there(), 0600);
    assert_true(unix_name_is_ours(&before));
    if (geteuid() != 0) {
        assert_false(unix_name_change(&name, 0660, 0, &fault));
        assert_non_null(strstr(fault.why, "group"));
        assert_int_equal(mode_there(), 0600);
        assert_int_equal(name.mode, 0600);
    }
    unix_name_remove(&name);
    assert_false(unix_name_change(&name, 0660, (gid_t)-1, &fault)); /* it is gone */
    assert_int_equal(name.mode, 0600);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_several_that_want_a_name_at_once_one_gets_it_and_keeps_it),
        cmocka_unit_test(who_keeps_the_folder_locked_keeps_nobody_from_a_name),
        cmocka_unit_test(a_mode_is_changed_in_place_and_one_that_cannot_be_had_changes_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
