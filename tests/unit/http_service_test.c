/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP side as who comes to it finds it: real sockets and the library's own thread, in this process. Who may look and who may order (http.h, G5,
 * G8), what is refused before anything is looked at (G2), when one is cut (G3) and how it ends (G10); and the local socket's name (local.h). The uid at
 * the other end of a unix socket is what the test pretends: the agent's code finds this program's getsockopt() before the C library's. */
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/control/control.h"
#include "agent/http/http_parts.h"
#include "agent/http/local.h"
#include "agent/log.h"
#include "peer/clock.h"
#include "support/place.h"
#include "support/rig.h"

/* Of "alice:secret" and "bob:secret" */
#define ALICE "Authorization: Basic YWxpY2U6c2VjcmV0\r\n"
#define BOB   "Authorization: Basic Ym9iOnNlY3JldA==\r\n"

static int64_t pretended_uid = -1; /* -1: as it is */

__attribute__((visibility("default"))) int getsockopt(int fd, int level, int name, void *restrict value,
                                                      socklen_t *restrict length)
{
    const int result = (int)syscall(SYS_getsockopt, fd, level, name, value, length);
    if (result == 0 && level == SOL_SOCKET && name == SO_PEERCRED && pretended_uid >= 0) {
        ((struct ucred *)value)->uid = (uid_t)pretended_uid;
    }
    return result;
}

/* --- the stage --------------------------------------------------------------------------------------------------------------- */

static struct gate *gate;
static struct exposure_board board;
static struct control *control;
static struct orders orders;
static struct http *http;
static struct local *local;
static struct sr_stats *stats;
static _Atomic unsigned reloads;
static char ordered_by[CONTROL_TEXT_BYTES];

static unsigned note_reload(void *context, const struct control_order *by, struct buffer *answer)
{
    (void)context;
    (void)snprintf(ordered_by, sizeof ordered_by, "%s %d", by->user ? by->user : "-", (int)by->uid);
    reloads++;
    buffer_add_text(answer, "reloaded");
    return 200;
}

static void note_scrape(void *context, uint64_t took_ns)
{
    (void)context, (void)took_ns;
}

static void add_user(struct credentials *credentials, const char *name, bool may_order)
{
    struct crypt_data data = {.initialized = 0};
    struct credential *one = &credentials->one[credentials->count++];
    *one = (struct credential){.may_order = may_order};
    (void)snprintf(one->name, sizeof one->name, "%s", name);
    (void)snprintf(one->hash, sizeof one->hash, "%s", crypt_r("secret", "$6$rounds=1000$salt$", &data));
    credentials->has_users = true;
}

/* Alice may order, Bob may look. */
static void publish(bool has_users)
{
    struct exposure *exposure = calloc(1, sizeof *exposure);
    CHECK(exposure != NULL);
    if (has_users) {
        add_user(&exposure->credentials, "alice", true);
        add_user(&exposure->credentials, "bob", false);
    }
    exposure_put(&board, exposure);
}

static struct http_settings settings_of(enum http_kind kind)
{
    struct http_settings settings = {.kind = kind,
                                     .orders = &orders,
                                     .gate = gate,
                                     .local = local,
                                     .stats = stats,
                                     .store = rig.options.store,
                                     .exposure = &board,
                                     .note_scrape = note_scrape};
    CHECK(address_parse("127.0.0.1:0", &settings.listen) == NULL);
    return settings;
}

static void open_stage(bool has_users)
{
    log_set_level(LOG_ERROR);
    stats = sr_stats_of_mapping(agent_store_stats_base(rig.store), agent_store_stats_path(rig.store));
    CHECK(gate_open(&gate));
    CHECK(control_open(&control));
    orders = (struct orders){.control = control, .reload = note_reload};
    publish(has_users);
}

static void open_tcp(bool has_users)
{
    open_stage(has_users);
    const struct http_settings settings = settings_of(HTTP_TCP);
    CHECK(http_open(&settings, &http));
}

static void open_local(void)
{
    open_stage(true); /* whom the local socket does not ask */
    const struct http_settings settings = settings_of(HTTP_LOCAL);
    CHECK(local_open(&settings, control, &local));
}

static void close_stage(void)
{
    local_close(local);
    http_close(http);
    gate_close(gate);
    control_close(control);
    exposure_close(&board);
    sr_stats_close(stats);
}

/* --- somebody who comes --------------------------------------------------------------------------------------------------- */

static int connect_tcp(void)
{
    char text[ADDRESS_TEXT_BYTES];
    struct address address;
    http_address(http, text);
    CHECK(address_parse(text, &address) == NULL);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address.socket, address.length) == 0);
    return fd;
}

/* -1: nobody listens there. */
static int connect_local(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void send_text(int fd, const char *text)
{
    const size_t bytes = strlen(text);
    for (size_t sent = 0; sent < bytes;) {
        const ssize_t now = send(fd, text + sent, bytes - sent, MSG_NOSIGNAL);
        if (now < 0) {
            return; /* it was refused before its end */
        }
        sent += (size_t)now;
    }
}

static char answered[1 << 16];

/* All until the other side ends it; the status, 0: there was no answer. */
static int read_all(int fd)
{
    size_t used = 0;
    for (ssize_t got; used < sizeof answered - 1 &&
                      (got = recv(fd, answered + used, sizeof answered - 1 - used, 0)) > 0;) {
        used += (size_t)got;
    }
    answered[used] = '\0';
    (void)close(fd);
    return used > 12 ? (int)strtol(answered + 9, NULL, 10) : 0;
}

static int ask_at(int fd, const char *line, const char *headers)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", line, headers);
    send_text(fd, text);
    return read_all(fd);
}

static int ask(const char *line, const char *headers)
{
    return ask_at(connect_tcp(), line, headers);
}

/* --- who may look ------------------------------------------------------------------------------------------------------------ */

static void without_users_everybody_looks_and_nobody_orders_G5(void)
{
    open_tcp(false);
    CHECK_EQUAL(ask("GET /metrics", ""), 200);
    CHECK_EQUAL(ask("GET /metrics", BOB), 200);
    CHECK_EQUAL(ask("POST /-/reload", ""), 403);
    CHECK_EQUAL(ask("POST /-/reset?all=1", ALICE), 403); /* nobody was asked who that is */
    CHECK_EQUAL(reloads, 0);
    close_stage();
}

static void with_users_nothing_is_shown_to_who_is_none_G8(void)
{
    open_tcp(true);
    static const char *const pages[] = {"GET /metrics", "GET /", "GET /nothing", "HEAD /metrics",
                                        "PUT /metrics"};
    for (size_t i = 0; i < SR_ARRAY_COUNT(pages); i++) {
        CHECK_EQUAL(ask(pages[i], ""), 401);
    }
    CHECK(strstr(answered, "WWW-Authenticate: Basic") != NULL);
    CHECK_EQUAL(ask("GET /-/healthy", ""), 200);
    CHECK(ask("GET /-/ready", "") != 401);
    CHECK_EQUAL(ask("GET /metrics", ALICE), 200);
    CHECK_EQUAL(ask("GET /metrics", BOB), 200);
    CHECK_EQUAL(ask("GET /metrics", "Authorization: Bearer secret\r\n"), 401);
    close_stage();
}

static void too_many_guesses_are_told_so_and_shown_nothing_G8(void)
{
    open_tcp(true);
    int status = 401;
    for (int i = 0; i < 100 && status == 401; i++) {
        char header[64];
        (void)snprintf(header, sizeof header, "Authorization: Basic YWxpY2U6%c%cJj\r\n", 'A' + i / 26,
                       'a' + i % 26);
        status = ask("GET /metrics", header);
    }
    CHECK_EQUAL(status, 429);
    CHECK(strstr(answered, "Retry-After") != NULL && strstr(answered, "primitive_") == NULL);
    close_stage();
}

/* What was shown may be somebody's password, also the part before the colon. */
static void what_was_shown_is_never_logged_G8(void)
{
    char text[4096];
    open_tcp(true);
    log_set_level(LOG_DEBUG);
    const int file = memfd_create("log", MFD_CLOEXEC);
    const int before = dup(STDERR_FILENO);
    CHECK(file >= 0 && before >= 0 && dup2(file, STDERR_FILENO) >= 0);
    /* "hunter2:hunter3" */
    CHECK_EQUAL(ask("GET /metrics", "Authorization: Basic aHVudGVyMjpodW50ZXIz\r\n"), 401);
    CHECK_EQUAL(ask("GET /metrics", "Authorization: Bearer hunter4\r\n"), 401);
    http_close(http);
    http = NULL;
    CHECK(dup2(before, STDERR_FILENO) >= 0);
    const ssize_t bytes = pread(file, text, sizeof text - 1, 0);
    CHECK(bytes > 0);
    text[bytes] = '\0';
    CHECK(strstr(text, "credentials refused") != NULL);
    CHECK(strstr(text, "hunter") == NULL && strstr(text, "aHVudGVy") == NULL);
    (void)close(before);
    (void)close(file);
    log_set_level(LOG_ERROR);
    close_stage();
}

/* --- who may order ------------------------------------------------------------------------------------------------------------ */

static void orders_are_taken_from_those_who_may_and_never_from_browsers_G5(void)
{
    open_tcp(true);
    CHECK_EQUAL(ask("POST /-/reload", ""), 401);
    CHECK_EQUAL(ask("POST /-/reload", BOB), 403);
    CHECK_EQUAL(ask("POST /-/reload", ALICE "Origin: https://elsewhere\r\n"), 403);
    CHECK_EQUAL(ask("POST /-/reload", ALICE "Sec-Fetch-Site: cross-site\r\n"), 403);
    CHECK_EQUAL(ask("GET /-/reload", ALICE), 405);
    CHECK_EQUAL(reloads, 0);
    CHECK_EQUAL(ask("POST /-/reload", ALICE), 200);
    CHECK_EQUAL(reloads, 1);
    CHECK_EQUAL(strcmp(ordered_by, "alice -1"), 0);
    close_stage();
}

static const char *socket_path(void)
{
    static char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", local_path(local) ? local_path(local) : "");
    return path;
}

static int order_locally(const char *line)
{
    const int fd = connect_local(socket_path());
    CHECK(fd >= 0);
    return ask_at(fd, line, "");
}

static void the_local_socket_takes_orders_of_its_own_user_and_of_root_G2(void)
{
    open_local();
    CHECK_EQUAL(order_locally("GET /metrics"), 200); /* without a password */
    CHECK_EQUAL(order_locally("POST /-/reload"), 200);
    pretended_uid = (int64_t)geteuid() + 1;
    CHECK_EQUAL(order_locally("POST /-/reload"), 403);
    CHECK_EQUAL(order_locally("GET /metrics"), 403);
    pretended_uid = 0;
    CHECK_EQUAL(order_locally("POST /-/reload"), 200);
    pretended_uid = -1;
    CHECK_EQUAL(reloads, 2);
    CHECK_EQUAL(strcmp(ordered_by, "- 0"), 0);
    close_stage();
}

/* --- what is refused ------------------------------------------------------------------------------------------------------- */

static void a_request_with_a_body_is_refused_however_it_is_announced_G2(void)
{
    open_tcp(true);
    CHECK_EQUAL(ask("POST /-/reload", ALICE "Content-Length: 5\r\n"), 413);
    CHECK_EQUAL(ask("GET /metrics", ALICE "Content-Length: 5\r\n"), 413);
    CHECK_EQUAL(ask("GET /metrics", ALICE "Content-Length: 0\r\nContent-Length: 5\r\n"), 413);
    CHECK_EQUAL(ask("GET /metrics", ALICE "Transfer-Encoding: chunked\r\n"), 413);
    CHECK_EQUAL(ask("POST /-/reload", ALICE "Content-Length: 0\r\n"), 200);
    CHECK_EQUAL(reloads, 1);
    close_stage();
}

static void a_head_of_more_than_32_KB_is_refused_G2(void)
{
    static char text[40000];
    open_tcp(false);
    for (size_t bytes = 20000; bytes <= 39000; bytes += 19000) {
        const int fd = connect_tcp();
        int used =
            snprintf(text, sizeof text, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ");
        memset(text + used, 'x', bytes - (size_t)used);
        (void)snprintf(text + bytes, sizeof text - bytes, "\r\n\r\n");
        send_text(fd, text);
        CHECK_EQUAL(read_all(fd), bytes < 32768 ? 200 : 431);
    }
    close_stage();
}

/* A zero would cut the name, and "a%00b" begin "a" anew. */
static void a_zero_in_an_argument_cuts_no_name(void)
{
    char text[] = "a%00b%2Fc%zz%4";
    (void)http_unescape(NULL, NULL, text);
    CHECK_EQUAL(strcmp(text, "a%00b/c%zz%4"), 0);
}

/* --- when one is cut ---------------------------------------------------------------------------------------------------------- */

/* Has the other side ended it? Waits a little for that, or not at all. */
static bool is_cut(int fd, int wait_ms)
{
    const struct timeval limit = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    char byte;
    CHECK_EQUAL(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    const ssize_t got = recv(fd, &byte, 1, wait_ms > 0 ? 0 : MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* Until the thread has met all who came before: it takes connections in their order. */
static void await_thread(void)
{
    CHECK_EQUAL(ask("GET /-/healthy", ""), 200);
}

static void a_request_has_ten_seconds_to_arrive_however_it_drips_G3(void)
{
    open_tcp(false);
    const int fd = connect_tcp();
    send_text(fd, "GET /metr");
    await_thread();
    http_sweep(http, sr_clock_ns() + 5 * RIG_SECOND);
    CHECK(!is_cut(fd, 0));
    send_text(fd, "ics HTT");
    http_sweep(http, sr_clock_ns() + 11 * RIG_SECOND);
    CHECK(is_cut(fd, 9000));
    (void)close(fd);
    close_stage();
}

/* --- how it ends -------------------------------------------------------------------------------------------------------------- */

static void a_stop_cuts_who_waits_at_once_and_takes_nobody_G10(void)
{
    open_tcp(false);
    char text[ADDRESS_TEXT_BYTES];
    struct address address;
    const int fd = connect_tcp();
    await_thread();
    http_address(http, text);
    CHECK(address_parse(text, &address) == NULL);
    http_stop(http);
    CHECK(is_cut(fd, 9000));
    const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(other, (struct sockaddr *)&address.socket, address.length) != 0);
    CHECK_EQUAL(http_answers(http), 0);
    (void)close(fd);
    (void)close(other);
    close_stage();
}

/* --- the local socket's name -------------------------------------------------------------------------------------------- */

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void the_local_socket_is_its_owners_whatever_the_umask_and_goes_with_the_agent_G1_G4(void)
{
    struct stat st;
    char path[PATH_MAX];
    const mode_t before = umask(0);
    open_local();
    (void)umask(before);
    (void)snprintf(path, sizeof path, "%s", socket_path());
    CHECK_EQUAL(stat(path, &st), 0);
    CHECK(S_ISSOCK(st.st_mode));
    CHECK_EQUAL(st.st_mode & 07777, 0600);
    local_close(local);
    local = NULL;
    CHECK(!is_there(path));
    close_stage();
}

static void a_name_that_was_removed_is_made_again_and_orders_taken_again_G4(void)
{
    char path[PATH_MAX];
    open_local();
    (void)snprintf(path, sizeof path, "%s", socket_path());
    local_sweep(local, sr_clock_ns());
    CHECK_EQUAL(unlink(path), 0);
    local_sweep(local, sr_clock_ns());
    CHECK_EQUAL(strcmp(socket_path(), path), 0);
    CHECK_EQUAL(order_locally("POST /-/reload"), 200);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(file < 0); /* a socket */
    CHECK_EQUAL(unlink(path), 0);
    const int mine = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(mine >= 0);
    local_sweep(local, sr_clock_ns()); /* what is no socket stays: no local socket now */
    CHECK(local_path(local) == NULL);
    local_close(local);
    local = NULL;
    CHECK(is_there(path)); /* nor is it removed at the end */
    CHECK_EQUAL(unlink(path), 0);
    (void)close(mine);
    close_stage();
}

static void *order_reset(void *context)
{
    *(int *)context = order_locally("POST /-/reset?all=1");
    return NULL;
}

static unsigned note_reset(void *context, const struct control_order *order, struct buffer *answer)
{
    (void)answer;
    *(bool *)context = order->what == CONTROL_RESET && order->name == NULL && order->uid == geteuid();
    return 200;
}

/* Orders are refused while the old socket's thread ends, which may be waiting for one. */
static void a_reset_is_taken_at_a_socket_that_was_made_again_G4(void)
{
    pthread_t thread;
    int status = 0;
    bool is_taken = false;
    open_local();
    CHECK_EQUAL(unlink(socket_path()), 0);
    local_sweep(local, sr_clock_ns());
    CHECK_EQUAL(pthread_create(&thread, NULL, order_reset, &status), 0);
    struct pollfd fd = {.fd = control_fd(control), .events = POLLIN};
    (void)poll(&fd, 1, 5000); /* or it is refused, and nothing comes */
    control_serve(control, note_reset, &is_taken);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    CHECK_EQUAL(status, 200);
    CHECK(is_taken);
    close_stage();
}

/* A socket that nobody listens on, under the name that the store's has. */
static void leave_dead_socket(const char *path, bool listens, int *out_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    CHECK_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CHECK(!listens || listen(fd, 1) == 0);
    *out_fd = fd;
}

static void what_a_dead_agent_left_is_replaced_and_a_living_one_left_alone_G3(void)
{
    char path[PATH_MAX];
    int fd = -1;
    open_local();
    (void)snprintf(path, sizeof path, "%s", socket_path());
    local_close(local);
    local = NULL;
    const struct http_settings settings = settings_of(HTTP_LOCAL);
    control_refuse(control, false);
    for (int is_alive = 0; is_alive <= 1; is_alive++) {
        leave_dead_socket(path, is_alive, &fd);
        if (!is_alive) {
            (void)close(fd);
        }
        CHECK(local_open(&settings, control, &local));
        CHECK_EQUAL(local_path(local) == NULL, is_alive);
        local_close(local);
        local = NULL;
        CHECK_EQUAL(is_there(path), is_alive);
        control_refuse(control, false);
    }
    (void)close(fd);
    CHECK_EQUAL(unlink(path), 0);
    close_stage();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(without_users_everybody_looks_and_nobody_orders_G5),
        RIG_TEST(with_users_nothing_is_shown_to_who_is_none_G8),
        RIG_TEST(too_many_guesses_are_told_so_and_shown_nothing_G8),
        RIG_TEST(what_was_shown_is_never_logged_G8),
        RIG_TEST(orders_are_taken_from_those_who_may_and_never_from_browsers_G5),
        RIG_TEST(the_local_socket_takes_orders_of_its_own_user_and_of_root_G2),
        RIG_TEST(a_request_with_a_body_is_refused_however_it_is_announced_G2),
        RIG_TEST(a_head_of_more_than_32_KB_is_refused_G2),
        RIG_TEST(a_zero_in_an_argument_cuts_no_name),
        RIG_TEST(a_request_has_ten_seconds_to_arrive_however_it_drips_G3),
        RIG_TEST(a_stop_cuts_who_waits_at_once_and_takes_nobody_G10),
        RIG_TEST(the_local_socket_is_its_owners_whatever_the_umask_and_goes_with_the_agent_G1_G4),
        RIG_TEST(a_name_that_was_removed_is_made_again_and_orders_taken_again_G4),
        RIG_TEST(a_reset_is_taken_at_a_socket_that_was_made_again_G4),
        RIG_TEST(what_a_dead_agent_left_is_replaced_and_a_living_one_left_alone_G3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
