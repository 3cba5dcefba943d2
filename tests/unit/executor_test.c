/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of an order to reset, in the drain thread: agent/control/executor.h. The test is that thread. */
#include "agent/control/executor.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/log.h"
#include "peer/clock.h"
#include "support/check.h"
#include "support/place.h"
#include "support/rig.h"

#define MS UINT64_C(1000000)

static char told[512];
static char logged[4096];

static void record(const char *name, const char *type, uint32_t count)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, type, &primitive));
    for (uint32_t i = 0; i < count; i++) {
        slipring_record(primitive, MS, SLIPRING_SUCCESS, NULL);
    }
}

/* What it answered is in told[], what it logged in logged[]. */
static unsigned reset_by(const struct control_order *order)
{
    struct executor executor = {.books = rig.books, .drain = rig.drain, .publisher = rig.publisher};
    struct buffer answer = {0};
    const int file = memfd_create("log", MFD_CLOEXEC);
    const int before = dup(STDERR_FILENO);
    CHECK(file >= 0 && before >= 0 && dup2(file, STDERR_FILENO) >= 0);
    log_set_level(LOG_WARNING);
    const unsigned status = executor_run(&executor, order, &answer);
    log_set_level(LOG_ERROR);
    CHECK(dup2(before, STDERR_FILENO) >= 0);
    const ssize_t bytes = pread(file, logged, sizeof logged - 1, 0);
    CHECK(bytes > 0);
    logged[bytes] = '\0';
    (void)snprintf(told, sizeof told, "%.*s", (int)answer.used, answer.text);
    buffer_free(&answer);
    (void)close(before);
    (void)close(file);
    rig.now_ns = sr_clock_ns(); /* an order goes by the real clock */
    return status;
}

static unsigned reset(const char *name, const char *type)
{
    return reset_by(
        &(struct control_order){.what = CONTROL_RESET, .name = name, .type = type, .uid = 7, .pid = 11});
}

/* Nobody drained it, nobody publishes it afterwards: both is the order's. */
static void what_was_recorded_before_the_order_stands_before_it_and_who_asked_sees_it(void)
{
    record("work", "primitive", 2);
    rig_settle(&rig);
    record("work", "primitive", 3);
    CHECK_EQUAL(reset("work", NULL), 200);
    CHECK_EQUAL(strcmp(told, "1 primitive began anew; 5 executions had been counted"), 0);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 0);
    record("work", "primitive", 4);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 4);
}

static void only_who_is_named_begins_anew(void)
{
    record("work", "primitive", 1);
    record("work", "step", 10);
    record("other", "primitive", 100);
    CHECK_EQUAL(reset("nobody", NULL), 404);
    CHECK_EQUAL(reset("work", "nothing"), 404);
    CHECK_EQUAL(reset("work", "step"), 200);
    CHECK_EQUAL(strcmp(told, "1 primitive began anew; 10 executions had been counted"), 0);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "other").count, 100);
    CHECK_EQUAL(reset(NULL, NULL), 200);
    CHECK(strstr(told, "; 101 executions had been counted") != NULL);
    CHECK_EQUAL(rig_stats(&rig, "other").count, 0);
}

static void who_asked_for_what_is_logged(void)
{
    record("work", "primitive", 1);
    CHECK_EQUAL(reset("work", NULL), 200);
    CHECK(strstr(logged, "reset by hand") && strstr(logged, "uid=7") && strstr(logged, "pid=11"));
    CHECK(strstr(logged, "primitive=work") && strstr(logged, "executions=1"));
    CHECK_EQUAL(reset_by(&(struct control_order){.what = CONTROL_RESET, .user = "alice"}), 200);
    CHECK(strstr(logged, "user=alice") && !strstr(logged, "uid="));
    CHECK_EQUAL(reset("nobody", NULL), 404);
    CHECK(strstr(logged, "primitive=nobody") && strstr(logged, "primitives=0"));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_was_recorded_before_the_order_stands_before_it_and_who_asked_sees_it),
        RIG_TEST(only_who_is_named_begins_anew),
        RIG_TEST(who_asked_for_what_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
