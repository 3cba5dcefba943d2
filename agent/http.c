/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP side over libmicrohttpd. See http.h. */
#include "http.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "answer.h"
#include "connections.h"
#include "log.h"
#include "peer/clock.h"

enum {
    HEAD_BYTES = 32 * 1024,
    SILENCE_S = 10,
    PER_ADDRESS_MAX = 56,
};
#define HELD_BYTES (256u << 20)

struct http {
    struct MHD_Daemon *daemon;
    struct address address;
    struct http_settings settings;
    struct answerer answerer;       /* of the HTTP thread */
    size_t held;                    /* of the HTTP thread: bytes of answers under way */
    struct connections connections; /* of both */
};

/* An answer's body while it goes out. */
struct body {
    struct http *http;
    size_t bytes;
    char *text;
};

static void free_body(void *cls)
{
    struct body *body = cls;
    body->http->held -= body->bytes;
    free(body->text);
    free(body);
}

/* The body's memory passes to the response, or is freed. NULL: no memory. */
static struct MHD_Response *make_response(struct http *http, struct answer *answer)
{
    struct body *body = malloc(sizeof *body);
    if (body == NULL) {
        buffer_free(&answer->body);
        return NULL;
    }
    *body = (struct body){.http = http, .bytes = answer->body.used, .text = answer->body.text};
    answer->body = (struct buffer){0};
    http->held += body->bytes;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        body->bytes, body->text == NULL ? "" : body->text, free_body, body);
    if (response == NULL) {
        free_body(body);
    }
    return response;
}

static enum MHD_Result add_headers(struct MHD_Response *response, const struct answer *answer)
{
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type) == MHD_NO ||
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_NO ||
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_NO) {
        return MHD_NO;
    }
    if (answer->allow != NULL &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow) == MHD_NO) {
        return MHD_NO;
    }
    if (answer->status == 503 &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1") == MHD_NO) {
        return MHD_NO;
    }
    return MHD_YES;
}

/* MHD_NO, which cuts the connection, when there is no memory even to say so. */
static enum MHD_Result send_answer(struct http *http, struct MHD_Connection *connection,
                                   struct answer *answer)
{
    struct MHD_Response *response = make_response(http, answer);
    if (response == NULL) {
        return MHD_NO;
    }
    enum MHD_Result result = add_headers(response, answer);
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, answer->status, response);
    }
    MHD_destroy_response(response);
    return result;
}

static struct connection *watched(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length != NULL && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING) !=
               NULL;
}

/* Who is at the other end of a connection of the local socket. False: nobody knows. */
static bool ask_peer(struct MHD_Connection *connection, struct ucred *out_peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    socklen_t bytes = sizeof *out_peer;
    return info != NULL && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, out_peer, &bytes) == 0 &&
           bytes == sizeof *out_peer;
}

/* The local socket is for the agent's own user and for root. */
static bool refuse_stranger(struct MHD_Connection *connection, const char *path, struct answer *out_answer)
{
    struct ucred peer = {.uid = (uid_t)-1};
    if (ask_peer(connection, &peer) && (peer.uid == geteuid() || peer.uid == 0)) {
        return false;
    }
    log_event(LOG_WARNING, log_what("a stranger on the local socket"), log_number("uid", peer.uid),
              log_number("pid", (uint64_t)peer.pid), log_text("path", path));
    answer_error(path, 403, "this socket is for the user who runs the agent, and for root",
                 "Figures are served over TCP to everybody who reaches that.", out_answer);
    return true;
}

/* True when the page takes the method; else it is refused. */
static bool check_method(const struct http *http, const char *path, const char *method,
                         struct answer *out_answer)
{
    enum control_what what;
    const bool is_post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    const bool is_order = orders_find(path, &what);
    if (is_order && is_post) {
        if (!http->settings.is_local) {
            orders_refuse(path, http->settings.socket, out_answer);
        }
        return http->settings.is_local;
    }
    if (!is_order &&
        (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)) {
        return true;
    }
    answer_error(path, 405, "this method is not served",
                 is_order ? "Only POST is." : "Only GET and HEAD are.", out_answer);
    out_answer->allow = is_order ? "POST" : "GET, HEAD";
    return false;
}

/* What is refused before anything is looked at. */
static bool refuse(const struct http *http, struct MHD_Connection *connection, const char *path,
                   const char *method, struct answer *out_answer)
{
    if (http->settings.is_local && refuse_stranger(connection, path, out_answer)) {
        return true;
    }
    if (!check_method(http, path, method, out_answer)) {
        return true;
    }
    if (has_body(connection)) {
        answer_error(path, 413, "a request with a body is not served", "Send the head alone.", out_answer);
        return true;
    }
    return false;
}

static const char *argument(struct MHD_Connection *connection, const char *key)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, key);
}

static void execute(const struct http *http, struct MHD_Connection *connection, const char *path,
                    enum control_what what, struct answer *out)
{
    struct ucred peer = {.uid = (uid_t)-1};
    (void)ask_peer(connection, &peer); /* it was let through */
    const struct orders_query query = {.name = argument(connection, "name"),
                                       .type = argument(connection, "type"),
                                       .all = argument(connection, "all"),
                                       .uid = peer.uid,
                                       .pid = (uint32_t)peer.pid};
    orders_answer(http->settings.orders, path, what, &query, out);
}

static void make_answer(struct http *http, struct MHD_Connection *connection, const char *path,
                        struct answer *out)
{
    uint64_t begun_ns = sr_clock_ns();
    if (http->held > HELD_BYTES) {
        answer_error(path, 503, "too many answers are waiting to be read", "Try again in a moment.", out);
        return;
    }
    enum control_what what;
    if (orders_find(path, &what)) { /* by POST, or it would have been refused */
        execute(http, connection, path, what, out);
        return;
    }
    const struct answer_query query = {
        .path = path,
        .type = argument(connection, "type"),
        .accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT)};
    answer_get(&http->answerer, &query, begun_ns, out);
    if (out->is_scrape && out->status == 200) {
        http->settings.note_scrape(http->settings.context, sr_clock_ns() - begun_ns);
    }
}

/* Called for a request first with its head, then once more: *request tells the two apart. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **request)
{
    (void)version, (void)upload;
    struct http *http = cls;
    struct answer answer = {0};
    bool first = *request == NULL;
    *request = http;
    if (*upload_bytes > 0) {
        return MHD_NO; /* a body that its head did not announce */
    }
    if (first && !refuse(http, connection, path, method, &answer)) {
        return MHD_YES;
    }
    connections_answering(&http->connections, watched(connection), sr_clock_ns());
    if (!first) {
        make_answer(http, connection, path, &answer);
    }
    log_event(LOG_DEBUG, log_what("request"), log_text("method", method), log_text("path", path),
              log_number("status", answer.status), log_number("bytes", answer.body.used));
    return send_answer(http, connection, &answer);
}

static void note_completed(void *cls, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    (void)code;
    struct http *http = cls;
    *request = NULL;
    connections_waiting(&http->connections, watched(connection), sr_clock_ns());
}

static void note_connection(void *cls, struct MHD_Connection *connection, void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct http *http = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        connections_leave(&http->connections, *context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = info == NULL ? NULL : connections_enter(&http->connections, info->connect_fd, sr_clock_ns());
}

static int digit_of(char hex)
{
    return hex >= '0' && hex <= '9'   ? hex - '0'
           : hex >= 'a' && hex <= 'f' ? hex - 'a' + 10
           : hex >= 'A' && hex <= 'F' ? hex - 'A' + 10
                                      : -1;
}

/* %HH becomes its byte, but %00 stays as it is: a zero would cut the text, and "a%00b" would be taken for "a". */
static size_t unescape(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls, (void)connection;
    size_t used = 0;
    for (const char *from = text; *from != '\0'; from++) {
        int high = from[0] == '%' ? digit_of(from[1]) : -1;
        int low = high >= 0 ? digit_of(from[2]) : -1;
        if (low >= 0 && (high | low) != 0) {
            text[used++] = (char)(high << 4 | low);
            from += 2;
        } else {
            text[used++] = *from;
        }
    }
    text[used] = '\0';
    return used;
}

__attribute__((format(printf, 2, 0))) static void log_library(void *cls, const char *format,
                                                              va_list arguments)
{
    (void)cls;
    char text[512];
    (void)vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    log_event(LOG_DEBUG, log_what("libmicrohttpd"), log_text("says", text));
}

/* A listening socket, -1 after the log said why not. */
static int listen_at(const struct address *address)
{
    char text[ADDRESS_TEXT_BYTES];
    address_format(address, text);
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const char *failed = "socket";
    if (fd >= 0) {
        int one = 1;
        /* Else the port of an agent that has just stopped could not be taken again for a minute. */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        failed = bind(fd, (const struct sockaddr *)&address->socket, address->length) != 0 ? "bind"
                 : listen(fd, 128) != 0                                                    ? "listen"
                                                                                           : NULL;
    }
    if (failed == NULL) {
        return fd;
    }
    int error = errno;
    const char *hint = error == EADDRINUSE
                           ? "another program listens there: choose another with --listen, or port 0"
                       : error == EACCES ? "ports below 1024 are for root: choose another with --listen"
                       : error == EADDRNOTAVAIL ? "this host has no such address: see ip address"
                                                : "";
    log_event(LOG_ERROR, log_what("cannot listen"), log_text("address", text), log_text("call", failed),
              log_text("error", strerror(error)), log_text("hint", hint));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static struct MHD_Daemon *start(struct http *http, int fd)
{
    /* poll(), which tells the same thing until it is heard: with epoll libmicrohttpd 0.9.75 misses an end that comes together
     * with data, and keeps the connection until its time is over. For 64 connections it costs nothing. */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG;
    if (http->address.socket.ss_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    /* clang-format off */
    return MHD_start_daemon(flags, 0, NULL, NULL, handle, http,
                            MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, /* first: it hears of the others */
                            MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PER_ADDRESS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES,
                            MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, note_completed, http,
                            MHD_OPTION_NOTIFY_CONNECTION, note_connection, http,
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
                            MHD_OPTION_END);
    /* clang-format on */
}

bool http_open(const struct http_settings *settings, struct http **out_http)
{
    int fd = settings->is_local ? settings->listening : listen_at(&settings->listen);
    if (fd < 0) {
        return false;
    }
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        log_event(LOG_ERROR, log_what("cannot serve HTTP"), log_text("error", strerror(ENOMEM)));
        close(fd);
        return false;
    }
    http->settings = *settings;
    http->answerer =
        (struct answerer){.stats = settings->stats, .store = settings->store, .exposure = settings->exposure};
    http->address.length = sizeof http->address.socket; /* of the local one no more than its family */
    (void)getsockname(fd, (struct sockaddr *)&http->address.socket, &http->address.length);
    connections_open(&http->connections);
    http->daemon = start(http, fd);
    if (http->daemon == NULL) {
        log_event(LOG_ERROR, log_what("cannot serve HTTP"), log_text("error", strerror(errno)));
        close(fd);
        http_close(http);
        return false;
    }
    *out_http = http;
    return true;
}

void http_address(const struct http *http, char out_text[ADDRESS_TEXT_BYTES])
{
    address_format(&http->address, out_text);
}

void http_sweep(struct http *http, uint64_t now_ns)
{
    unsigned count = connections_sweep(&http->connections, now_ns);
    if (count > 0) {
        log_event(LOG_INFO, log_what("overdue connections cut"), log_number("count", count));
    }
}

void http_close(struct http *http)
{
    if (http == NULL) {
        return;
    }
    if (http->daemon != NULL) {
        MHD_stop_daemon(http->daemon); /* closes the listening socket as well */
    }
    connections_close(&http->connections);
    answerer_free(&http->answerer);
    free(http);
}
