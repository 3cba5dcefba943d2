/* SPDX-License-Identifier: Apache-2.0 */
/* The main loop with its parts played by this file: who is called, how often, and what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/loop.h"
#include "peer/clock.h"

#define MS UINT64_C(1000000)

static unsigned drained, calibrated, reaped, retired, published, moved, swept, fed, swept_too, served,
    hung_up;
static int orders = -1;               /* an eventfd: an order is there */
static unsigned hang_up_at, order_at; /* when it is published so often; 0: never */
static uint64_t drain_wait_ns, stop_ns, move_wait_ns = 100 * MS;

uint64_t drain_tick(struct drain *drain, uint64_t now_ns)
{
    (void)drain;
    (void)now_ns;
    drained++;
    return drain_wait_ns;
}

uint64_t calibration_tick(struct calibration *calibration, uint64_t now_ns)
{
    (void)calibration, (void)now_ns;
    calibrated++;
    return UINT64_MAX; /* never again */
}

uint64_t reaper_tick(struct reaper *reaper, uint64_t now_ns)
{
    (void)reaper, (void)now_ns;
    reaped++;
    return 1000 * MS;
}

uint64_t retirer_tick(struct retirer *retirer, uint64_t now_ns)
{
    (void)retirer, (void)now_ns;
    retired++;
    return 1000 * MS;
}

void publisher_tell_time(struct publisher *publisher, uint64_t wall_ns)
{
    (void)publisher;
    assert_true(wall_ns != 0);
}

uint64_t publisher_tick(struct publisher *publisher, uint64_t now_ns)
{
    (void)publisher;
    published++;
    if (published == hang_up_at) {
        (void)raise(SIGHUP);
    }
    if (published == order_at) {
        const uint64_t one = 1;
        assert_int_equal(write(orders, &one, sizeof one), sizeof one);
    }
    if (now_ns >= stop_ns) {
        (void)raise(SIGTERM); /* blocked: waits in the descriptor */
    }
    return 100 * MS;
}

uint64_t mover_tick(struct mover *mover, uint64_t now_ns)
{
    (void)mover, (void)now_ns;
    moved++;
    return move_wait_ns;
}

void doors_sweep(struct doors *doors, uint64_t now_ns)
{
    (void)doors, (void)now_ns;
    swept++;
}

void local_sweep(struct local *local, uint64_t now_ns)
{
    (void)local, (void)now_ns;
    swept_too++;
}

int control_fd(const struct control *control)
{
    (void)control;
    return orders;
}

void control_serve(struct control *control,
                   unsigned (*execute)(void *context, const struct control_order *order,
                                       struct buffer *answer),
                   void *context)
{
    uint64_t count = 0;
    (void)control;
    assert_true(execute == NULL && context == &orders);
    assert_int_equal(read(orders, &count, sizeof count), sizeof count);
    served++;
}

static void hang_up(void *context)
{
    assert_true(context == &orders);
    hung_up++;
}

void notify_send(const struct notify *notify, const char *state)
{
    (void)notify;
    fed += strcmp(state, "WATCHDOG=1") == 0;
}

static int run(uint64_t wait_ns, uint64_t watchdog_ns, uint64_t for_ns)
{
    sigset_t ending;
    (void)sigemptyset(&ending);
    (void)sigaddset(&ending, SIGTERM);
    (void)sigaddset(&ending, SIGHUP);
    assert_int_equal(sigprocmask(SIG_BLOCK, &ending, NULL), 0);
    const struct notify notify = {.watchdog_ns = watchdog_ns};
    orders = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(orders >= 0);
    const struct loop loop = {.notify = &notify,
                              .hang_up = hang_up,
                              .context = &orders,
                              .signals = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK)};
    assert_true(loop.signals >= 0);
    drained = calibrated = reaped = retired = published = swept = fed = swept_too = served = hung_up = 0;
    drain_wait_ns = wait_ns;
    stop_ns = sr_clock_ns() + for_ns;
    int result = loop_run(&loop);
    close(loop.signals);
    close(orders);
    return result;
}

static void a_signal_ends_it_and_is_told(void **state)
{
    (void)state;
    assert_int_equal(run(50 * MS, 0, 0), SIGTERM);
    assert_int_equal(drained, 1);
    assert_int_equal(calibrated, 1);
    assert_int_equal(reaped, 1);
    assert_int_equal(retired, 1);
    assert_int_equal(published, 1);
    assert_int_equal(swept, 1); /* of both listeners, once */
    assert_int_equal(swept_too, 1);
    assert_int_equal(fed, 0);
}

static void the_drain_is_called_as_soon_as_it_asks(void **state)
{
    (void)state;
    assert_int_equal(run(MS, 0, 200 * MS), SIGTERM);
    assert_in_range(drained, 20, 201); /* 200 on an idle machine */
}

static void it_sleeps_when_nobody_wants_anything(void **state)
{
    (void)state;
    assert_int_equal(run(50 * MS, 0, 300 * MS), SIGTERM);
    assert_in_range(drained, 2, 8);
    assert_int_equal(swept, 1); /* of both listeners, once */
}

static void the_watchdog_is_fed_though_the_drain_would_sleep_longer(void **state)
{
    (void)state;
    assert_int_equal(run(500 * MS, 20 * MS, 300 * MS), SIGTERM);
    assert_in_range(fed, 5, 16);
}

static void whoever_else_wakes_the_loop_does_not_wake_the_drain(void **state)
{
    (void)state;
    assert_int_equal(run(5000 * MS, 20 * MS, 300 * MS), SIGTERM);
    assert_int_equal(drained, 1);
    assert_in_range(published, 4, 20);
}

static void a_drain_that_cannot_go_on_ends_it(void **state)
{
    (void)state;
    assert_int_equal(run(DRAIN_OVER, 0, 1000 * MS), 0);
    assert_int_equal(drained, 1);
    assert_int_equal(published, 0);
}

static void a_hang_up_and_an_order_are_heeded_and_end_nothing(void **state)
{
    (void)state;
    hang_up_at = 2;
    order_at = 3;
    assert_int_equal(run(20 * MS, 0, 300 * MS), SIGTERM);
    assert_int_equal(hung_up, 1);
    assert_int_equal(served, 1);
    assert_true(published > 3);
    hang_up_at = order_at = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_ends_it_and_is_told),
        cmocka_unit_test(the_drain_is_called_as_soon_as_it_asks),
        cmocka_unit_test(it_sleeps_when_nobody_wants_anything),
        cmocka_unit_test(the_watchdog_is_fed_though_the_drain_would_sleep_longer),
        cmocka_unit_test(whoever_else_wakes_the_loop_does_not_wake_the_drain),
        cmocka_unit_test(a_drain_that_cannot_go_on_ends_it),
        cmocka_unit_test(a_hang_up_and_an_order_are_heeded_and_end_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
