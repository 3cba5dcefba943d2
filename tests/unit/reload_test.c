/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration read again and put in force, whole or not at all: agent/control/reload.h. The test is the drain thread; who asks is another one. */
#include "agent/control/reload.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/control/executor.h"
#include "peer/clock.h"
#include "support/check.h"
#include "support/place.h"
#include "support/rig.h"

static char program[] = "slipringd";
static char windows[] = "--windows=7m";
static char *arguments[] = {program, windows, NULL};

static struct exposure_board board;
static struct executor executor;
static struct reload *reload;
static struct control *control;

static struct config *config_of(int count)
{
    struct config *config = NULL;
    struct buffer message = {0};
    CHECK_EQUAL(config_open(count, arguments, &config, &message), OPTIONS_RUN);
    buffer_free(&message);
    return config;
}

static struct doors_draft *doors_draft; /* of the next configuration */

static unsigned apply(struct config *config)
{
    struct reload_draft *draft = malloc(sizeof *draft);
    const struct control_order order = {.what = CONTROL_RELOAD, .draft = draft};
    struct buffer answer = {0};
    *draft = (struct reload_draft){.config = config, .doors = doors_draft};
    const unsigned status = reload_apply(reload, &order, &answer);
    CHECK(answer.used > 0);
    buffer_free(&answer);
    return status;
}

static struct reload_doors doors; /* zeroed: none */

/* At a reload the first `count` words of the command line are read. */
static void open_reload(struct config *first, int count)
{
    const struct reload_settings settings = {.count = count,
                                             .arguments = arguments,
                                             .config = first,
                                             .store = rig.store,
                                             .books = rig.books,
                                             .executor = &executor,
                                             .control = control,
                                             .exposure = &board,
                                             .doors = doors};
    CHECK(reload_open(&settings, &reload));
    executor = (struct executor){
        .books = rig.books, .drain = rig.drain, .publisher = rig.publisher, .reload = reload};
}

static struct exposure exposed(void)
{
    struct exposure seen;
    exposure_read(&board, &seen);
    return seen;
}

static void without_memory_for_answers_nothing_is_changed_and_the_failure_is_told(void)
{
    static char endless[EXPOSURE_LABELS_BYTES + 1];
    struct config *first = config_of(1);
    open_reload(first, 1);
    CHECK_EQUAL(apply(config_of(1)), 200);
    CHECK_EQUAL(exposed().generation, 1);
    const uint32_t count = agent_store_options(rig.store)->window_count;

    /* There is always memory, but never for this. */
    struct config *config = config_of(2);
    struct options *options = (struct options *)(uintptr_t)config_options(config);
    memset(endless, 'x', EXPOSURE_LABELS_BYTES);
    options->labels[0] = (struct options_label){.name = "a", .name_bytes = 1, .value = endless};
    options->label_count = 1;
    CHECK_EQUAL(apply(config), 500);
    CHECK_EQUAL(exposed().generation, 1);
    CHECK_EQUAL(agent_store_options(rig.store)->window_count, count);
    executor_publish(&executor);
    CHECK_EQUAL(rig_figures(&rig).config_reload_ok, 0);
    CHECK_EQUAL(rig_figures(&rig).config_reload_failures, 1);

    CHECK_EQUAL(apply(config_of(2)), 200);
    CHECK_EQUAL(exposed().generation, 2);
    CHECK(agent_store_options(rig.store)->window_count != count);
    CHECK_EQUAL(rig_figures(&rig).config_reload_ok, 1);
    reload_close(reload);
    exposure_close(&board);
    config_close(first);
    rig.now_ns = sr_clock_ns(); /* a reload goes by the real clock */
}

static bool doors_are_had;
static uint32_t taken, dropped;

static bool take(void *context, struct doors_draft *draft)
{
    (void)context;
    CHECK(draft == doors_draft);
    taken++;
    return doors_are_had;
}

static void drop(void *context, struct doors_draft *draft)
{
    (void)context, (void)draft;
    dropped++;
}

static void what_listens_is_taken_with_the_rest_or_nothing_is(void)
{
    static char endless[EXPOSURE_LABELS_BYTES + 1];
    struct config *first = config_of(1);
    doors = (struct reload_doors){.take = take, .drop = drop};
    open_reload(first, 1);
    const uint32_t count = agent_store_options(rig.store)->window_count;
    doors_draft = (struct doors_draft *)&endless; /* nobody looks into it */
    arguments[1] = windows;
    CHECK_EQUAL(apply(config_of(2)), 500); /* it cannot be had */
    CHECK_EQUAL(taken, 1);
    CHECK_EQUAL(exposed().generation, 0);
    CHECK_EQUAL(agent_store_options(rig.store)->window_count, count);
    executor_publish(&executor);
    CHECK_EQUAL(rig_figures(&rig).config_reload_ok, 0);
    CHECK_EQUAL(dropped, 0); /* who took it has it, whatever came of it */

    struct config *config = config_of(2); /* for which there is no memory */
    struct options *options = (struct options *)(uintptr_t)config_options(config);
    memset(endless, 'x', EXPOSURE_LABELS_BYTES);
    options->labels[0] = (struct options_label){.name = "a", .name_bytes = 1, .value = endless};
    options->label_count = 1;
    CHECK_EQUAL(apply(config), 500);
    CHECK_EQUAL(taken, 1);
    CHECK_EQUAL(dropped, 1);

    doors_are_had = true;
    CHECK_EQUAL(apply(config_of(2)), 200);
    CHECK_EQUAL(taken, 2);
    CHECK_EQUAL(exposed().generation, 1);
    doors_draft = NULL;
    CHECK_EQUAL(apply(config_of(2)), 200);
    CHECK_EQUAL(taken, 2);
    reload_close(reload);
    exposure_close(&board);
    config_close(first);
    doors = (struct reload_doors){.take = NULL};
    rig.now_ns = sr_clock_ns();
}

/* What the log says while the configuration of so many arguments is put in force. */
static const char *log_of(int count)
{
    static char text[4096];
    const int file = memfd_create("log", MFD_CLOEXEC);
    const int before = dup(STDERR_FILENO);
    CHECK(file >= 0 && before >= 0 && dup2(file, STDERR_FILENO) >= 0);
    CHECK_EQUAL(apply(config_of(count)), 200);
    CHECK(dup2(before, STDERR_FILENO) >= 0);
    const ssize_t bytes = pread(file, text, sizeof text - 1, 0);
    CHECK(bytes >= 0);
    text[bytes] = '\0';
    (void)close(before);
    (void)close(file);
    return text;
}

static void a_listener_of_the_network_without_users_is_warned_of_at_each_reload(void)
{
    static char listen[] = "--listen=0.0.0.0:9464";
    for (int is_network = 0; is_network < 2; is_network++) {
        arguments[1] = is_network ? listen : windows;
        struct config *first = config_of(2);
        open_reload(first, 1);
        CHECK_EQUAL(strstr(log_of(1), "without a password") != NULL, is_network); /* of where it listens */
        reload_close(reload);
        exposure_close(&board);
        config_close(first);
    }
    rig.now_ns = sr_clock_ns();
}

/* --- read by who asks ---------------------------------------------------------------------------------------------------- */

struct asker {
    pthread_t thread;
    unsigned status;
    struct buffer answer;
};

static void *ask(void *context)
{
    struct asker *asker = context;
    const struct control_order by = {.user = "alice", .uid = 7, .pid = 11};
    asker->status = reload_ask(reload, &by, &asker->answer);
    buffer_add(&asker->answer, "", 1);
    return NULL;
}

static bool is_order_there(int wait_ms)
{
    struct pollfd fd = {.fd = control_fd(control), .events = POLLIN};
    return poll(&fd, 1, wait_ms) == 1;
}

static unsigned orders_seen;

static unsigned execute(void *context, const struct control_order *order, struct buffer *answer)
{
    orders_seen++;
    return executor_run(context, order, answer);
}

static void serve(void)
{
    CHECK(is_order_there(10000));
    control_serve(control, execute, &executor);
}

/* The command line `second` is what the next reading finds. */
static struct asker ask_for(char *second, const char *says)
{
    struct asker asker = {.status = 0};
    arguments[1] = second;
    CHECK_EQUAL(pthread_create(&asker.thread, NULL, ask, &asker), 0);
    serve();
    CHECK_EQUAL(pthread_join(asker.thread, NULL), 0);
    CHECK(strstr(asker.answer.text, says) != NULL);
    buffer_free(&asker.answer);
    return asker;
}

static struct config *open_asked(void)
{
    static char plain[] = "--windows=9m";
    arguments[1] = plain;
    struct config *first = config_of(2);
    CHECK(control_open(&control));
    open_reload(first, 2);
    return first;
}

static void close_asked(struct config *first)
{
    control_refuse(control, true);
    reload_close(reload);
    control_close(control);
    control = NULL;
    exposure_close(&board);
    config_close(first);
    arguments[1] = windows;
    rig.now_ns = sr_clock_ns();
}

static void one_that_cannot_be_read_changes_nothing_and_is_told_G2(void)
{
    static char nonsense[] = "--windows=1m,2m,sometimes";
    struct config *first = open_asked();
    CHECK_EQUAL(ask_for(windows, "reloaded").status, 200);
    CHECK_EQUAL(exposed().generation, 1);
    const uint32_t count = agent_store_options(rig.store)->window_count;
    CHECK_EQUAL(ask_for(nonsense, "the one before is in force").status, 400);
    CHECK_EQUAL(exposed().generation, 1);
    CHECK_EQUAL(agent_store_options(rig.store)->window_count, count);
    executor_publish(&executor);
    CHECK_EQUAL(rig_figures(&rig).config_reload_ok, 0);
    CHECK_EQUAL(rig_figures(&rig).config_reload_failures, 1);
    close_asked(first);
}

static void what_only_a_start_changes_stays_and_is_named_each_time_G3(void)
{
    static char limit[] = "--listen=127.0.0.1:1";
    struct config *first = open_asked();
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(ask_for(limit, "needs a start to change: ").status, 200);
    }
    CHECK_EQUAL(ask_for(windows, "reloaded").status, 200);
    close_asked(first);
}

/* Five that come while one is heeded are one. */
static void signals_that_come_together_are_heeded_once_more_G6(void)
{
    struct config *first = open_asked();
    orders_seen = 0;
    reload_hang_up(reload);
    CHECK(is_order_there(10000)); /* it is read, and waits */
    for (int i = 0; i < 5; i++) {
        reload_hang_up(reload);
    }
    serve();
    serve();
    CHECK(!is_order_there(300));
    CHECK_EQUAL(orders_seen, 2);
    close_asked(first);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(without_memory_for_answers_nothing_is_changed_and_the_failure_is_told),
        RIG_TEST(one_that_cannot_be_read_changes_nothing_and_is_told_G2),
        RIG_TEST(what_only_a_start_changes_stays_and_is_named_each_time_G3),
        RIG_TEST(signals_that_come_together_are_heeded_once_more_G6),
        RIG_TEST(what_listens_is_taken_with_the_rest_or_nothing_is),
        RIG_TEST(a_listener_of_the_network_without_users_is_warned_of_at_each_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
