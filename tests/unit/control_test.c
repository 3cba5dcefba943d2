/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox between threads that ask and the one that executes. Ten seconds are shortened: the agent's code finds this program's clock_gettime() before the
 * C library's. */
#include "agent/control/control.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/log.h"
#include "base/compiler.h"
#include "support/check.h"

static struct control *control;
static _Atomic long
    behind_s; /* an asker's clock is so much behind, and so much sooner its ten seconds are over */

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *time)
{
    const int result = (int)syscall(SYS_clock_gettime, clock, time);
    time->tv_sec -= clock == CLOCK_MONOTONIC ? behind_s : 0;
    return result;
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    return control_open(&control) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    control_close(control);
    return 0;
}

/* --- somebody who asks ---------------------------------------------------------------------------------------------------- */

struct asker {
    pthread_t thread;
    struct control_order order;
    unsigned status;
    char answer[128];
};

static void *ask(void *context)
{
    struct asker *asker = context;
    struct buffer answer = {0};
    asker->status = control_ask(control, &asker->order, &answer);
    buffer_add(&answer, "", 1);
    (void)snprintf(asker->answer, sizeof asker->answer, "%s", answer.text);
    buffer_free(&answer);
    return NULL;
}

static void begin(struct asker *asker, struct control_order order)
{
    *asker = (struct asker){.order = order};
    CHECK_EQUAL(pthread_create(&asker->thread, NULL, ask, asker), 0);
}

static void end(struct asker *asker)
{
    CHECK_EQUAL(pthread_join(asker->thread, NULL), 0);
}

static void end_before(struct asker *asker, time_t patience_s)
{
    struct timespec until;
    CHECK_EQUAL(clock_gettime(CLOCK_REALTIME, &until), 0);
    until.tv_sec += patience_s;
    CHECK_EQUAL(pthread_timedjoin_np(asker->thread, NULL, &until), 0);
}

static bool is_order_there(int wait_ms)
{
    struct pollfd fd = {.fd = control_fd(control), .events = POLLIN};
    return poll(&fd, 1, wait_ms) == 1;
}

/* --- who executes --------------------------------------------------------------------------------------------------------- */

static unsigned executed;
static char seen[256];

static unsigned note(void *context, const struct control_order *order, struct buffer *answer)
{
    CHECK(context == &executed);
    executed++;
    (void)snprintf(seen, sizeof seen, "%d %s %s %u %u", (int)order->what, order->name ? order->name : "-",
                   order->type ? order->type : "-", order->uid, order->pid);
    buffer_format(answer, "done %u", executed);
    return 200 + executed;
}

static void serve(void)
{
    CHECK(is_order_there(10000));
    control_serve(control, note, &executed);
}

static void an_order_is_executed_once_and_its_answer_comes_back(void **state)
{
    (void)state;
    struct asker asker;
    executed = 0;
    CHECK(!is_order_there(0));
    control_serve(control, note, &executed); /* nothing is asked */
    begin(&asker,
          (struct control_order){.what = CONTROL_RESET, .name = "work", .type = "step", .uid = 7, .pid = 11});
    serve();
    end(&asker);
    CHECK_EQUAL(asker.status, 201);
    CHECK_EQUAL(strcmp(asker.answer, "done 1"), 0);
    CHECK_EQUAL(strcmp(seen, "1 work step 7 11"), 0);
    CHECK(!is_order_there(0));
    control_serve(control, note, &executed);
    CHECK_EQUAL(executed, 1);
}

static void what_is_taken_belongs_to_whoever_executes_it(void **state)
{
    (void)state;
    struct asker asker;
    struct reload_draft *draft = (struct reload_draft *)&executed; /* nobody looks into it */
    executed = 0;
    begin(&asker, (struct control_order){.what = CONTROL_RELOAD, .draft = draft});
    serve();
    end(&asker);
    CHECK(asker.order.draft == NULL);
    control_refuse(control, true);
    begin(&asker, (struct control_order){.what = CONTROL_RELOAD, .draft = draft});
    end(&asker);
    CHECK_EQUAL(asker.status, 503);
    CHECK(asker.order.draft == draft);
    control_refuse(control, false);
}

static void several_who_ask_are_served_one_after_the_other(void **state)
{
    (void)state;
    struct asker askers[8];
    unsigned statuses = 0;
    executed = 0;
    for (size_t i = 0; i < SR_ARRAY_COUNT(askers); i++) {
        begin(&askers[i], (struct control_order){.what = CONTROL_RESET});
    }
    while (executed < SR_ARRAY_COUNT(askers)) {
        serve();
    }
    for (size_t i = 0; i < SR_ARRAY_COUNT(askers); i++) {
        end(&askers[i]);
        statuses |= 1u << (askers[i].status - 201);
    }
    CHECK_EQUAL(statuses, 0xff); /* each its own answer */
}

static void who_waits_is_let_go_at_once_when_the_agent_stops(void **state)
{
    (void)state;
    struct asker asker;
    executed = 0;
    behind_s = -1000; /* who is not let go waits for much longer than this test */
    begin(&asker, (struct control_order){.what = CONTROL_RESET});
    CHECK(is_order_there(10000));
    behind_s = 0;
    control_refuse(control, true);
    end_before(&asker, 20);
    CHECK_EQUAL(asker.status, 503);
    CHECK(strstr(asker.answer, "stopping") && strstr(asker.answer, "nothing was done"));
    control_serve(control, note, &executed);
    CHECK_EQUAL(executed, 0); /* it was told so */
    control_refuse(control, false);
    begin(&asker, (struct control_order){.what = CONTROL_RESET});
    serve();
    end(&asker);
    CHECK_EQUAL(asker.status, 201);
}

static void a_name_that_nobody_can_have_is_nobodys(void **state)
{
    (void)state;
    char name[CONTROL_TEXT_BYTES + 1];
    struct asker asker;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    begin(&asker, (struct control_order){.what = CONTROL_RESET, .name = name});
    end(&asker);
    CHECK_EQUAL(asker.status, 404);
    CHECK(!is_order_there(0));
}

static void who_waits_for_ten_seconds_withdraws_the_order_G3(void **state)
{
    (void)state;
    struct asker asker;
    struct reload_draft *draft = (struct reload_draft *)&executed;
    executed = 0;
    behind_s = 10;
    begin(&asker, (struct control_order){.what = CONTROL_RELOAD, .draft = draft});
    end(&asker);
    behind_s = 0;
    CHECK_EQUAL(asker.status, 503);
    CHECK(strstr(asker.answer, "ten seconds") && strstr(asker.answer, "nothing was done"));
    CHECK(asker.order.draft == draft);
    control_serve(control, note, &executed);
    CHECK_EQUAL(executed, 0);
}

/* Goes on for longer than the asker waits. */
static unsigned outlast(void *context, const struct control_order *order, struct buffer *answer)
{
    (void)order;
    end(context);
    buffer_add_text(answer, "late");
    return 200;
}

static void an_order_under_way_after_ten_seconds_is_left_to_its_end_G3(void **state)
{
    (void)state;
    struct asker asker;
    executed = 0;
    behind_s = 9;
    begin(&asker, (struct control_order){.what = CONTROL_RELOAD, .draft = (struct reload_draft *)&executed});
    CHECK(is_order_there(10000));
    control_serve(control, outlast, &asker);
    behind_s = 0;
    CHECK_EQUAL(asker.status, 504);
    CHECK(strstr(asker.answer, "still under way"));
    CHECK(asker.order.draft == NULL); /* whose it is now */
    begin(&asker, (struct control_order){.what = CONTROL_RESET});
    serve();
    end(&asker);
    CHECK_EQUAL(asker.status, 201);
    CHECK_EQUAL(strcmp(asker.answer, "done 1"), 0); /* and nothing of what nobody took */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_order_is_executed_once_and_its_answer_comes_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_taken_belongs_to_whoever_executes_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_who_ask_are_served_one_after_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_is_let_go_at_once_when_the_agent_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_that_nobody_can_have_is_nobodys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_for_ten_seconds_withdraws_the_order_G3, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_order_under_way_after_ten_seconds_is_left_to_its_end_G3, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
