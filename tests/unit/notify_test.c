/* SPDX-License-Identifier: Apache-2.0 */
/* The notification protocol against a socket of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/notify.h"

static struct notify notify;
static char heard[256];

/* A manager's socket at `path`; '@' for an abstract one. */
static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, length), 0);
    return fd;
}

static const char *hear(int fd)
{
    ssize_t got = recv(fd, heard, sizeof heard - 1, 0);
    assert_true(got >= 0);
    heard[got] = '\0';
    return heard;
}

static int clear_environment(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    return unsetenv("NOTIFY_SOCKET") | unsetenv("WATCHDOG_USEC") | unsetenv("WATCHDOG_PID");
}

static void without_a_manager_nobody_is_told(void **state)
{
    (void)state;
    (void)setenv("WATCHDOG_USEC", "1000000", 1);
    notify_open(&notify);
    assert_int_equal(notify.length, 0);
    assert_int_equal(notify.watchdog_ns, 0);
    notify_send(&notify, "READY=1");
}

static void a_manager_at_a_path_hears_each_state_as_one_datagram(void **state)
{
    (void)state;
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/slipring-notify-%d", (int)getpid());
    int fd = listen_at(path);
    (void)setenv("NOTIFY_SOCKET", path, 1);
    notify_open(&notify);
    notify_send(&notify, "READY=1\nSTATUS=Serving store default on 127.0.0.1:9464");
    assert_string_equal(hear(fd), "READY=1\nSTATUS=Serving store default on 127.0.0.1:9464");
    notify_send(&notify, "STOPPING=1");
    assert_string_equal(hear(fd), "STOPPING=1");
    close(fd);
    assert_int_equal(unlink(path), 0);
    notify_send(&notify, "WATCHDOG=1"); /* the manager is gone: dropped */
}

static void a_manager_in_the_abstract_namespace_hears_too(void **state)
{
    (void)state;
    char path[64];
    (void)snprintf(path, sizeof path, "@slipring-notify-%d", (int)getpid());
    int fd = listen_at(path);
    (void)setenv("NOTIFY_SOCKET", path, 1);
    notify_open(&notify);
    notify_send(&notify, "READY=1");
    assert_string_equal(hear(fd), "READY=1");
    close(fd);
}

static void the_watchdog_is_fed_twice_as_often_as_asked(void **state)
{
    (void)state;
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    (void)setenv("NOTIFY_SOCKET", "@x", 1);
    (void)setenv("WATCHDOG_USEC", "3000000", 1);
    notify_open(&notify);
    assert_int_equal(notify.watchdog_ns, 1500000000);
    (void)setenv("WATCHDOG_PID", pid, 1);
    notify_open(&notify);
    assert_int_equal(notify.watchdog_ns, 1500000000);
    (void)setenv("WATCHDOG_PID", "1", 1); /* meant for another process */
    notify_open(&notify);
    assert_int_equal(notify.watchdog_ns, getpid() == 1 ? 1500000000 : 0);
}

static void an_address_that_is_none_is_refused(void **state)
{
    (void)state;
    char path[200];
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    const char *const bad[] = {"", "relative", path};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)setenv("NOTIFY_SOCKET", bad[i], 1);
        notify_open(&notify);
        assert_int_equal(notify.length, 0);
    }
}

#define CASE(name) cmocka_unit_test_setup(name, clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_a_manager_nobody_is_told),
        CASE(a_manager_at_a_path_hears_each_state_as_one_datagram),
        CASE(a_manager_in_the_abstract_namespace_hears_too),
        CASE(the_watchdog_is_fed_twice_as_often_as_asked),
        CASE(an_address_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
