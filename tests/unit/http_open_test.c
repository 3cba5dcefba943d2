/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP side that cannot start: without a thread of its own. The library finds this program's pthread_create() and close() before the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/http/http.h"

static int watched = -1;
static int closed;

__attribute__((visibility("default"))) int pthread_create(pthread_t *restrict thread,
                                                          const pthread_attr_t *restrict attributes,
                                                          void *(*run)(void *), void *restrict context)
{
    (void)thread, (void)attributes, (void)run, (void)context;
    return EAGAIN;
}

__attribute__((visibility("default"))) int close(int fd)
{
    closed += fd == watched;
    return (int)syscall(SYS_close, fd);
}

static void without_a_thread_the_descriptor_is_closed_once(void **state)
{
    (void)state;
    struct http_settings settings = {.kind = HTTP_LOCAL};
    struct http *http = NULL;
    watched = settings.listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(watched >= 0);
    assert_false(http_open(&settings, &http));
    assert_int_equal(closed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_thread_the_descriptor_is_closed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
