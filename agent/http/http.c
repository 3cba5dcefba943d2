/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP side over libmicrohttpd. See http.h. */
#include "http_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "listener.h"
#include "peer/clock.h"
#include "tls.h"

enum {
    HEAD_BYTES = 32 * 1024,
    SILENCE_S = 10,
    PER_ADDRESS_MAX = 56,
};

struct connection *http_watched(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void note_completed(void *cls, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    (void)code;
    struct http *http = cls;
    *request = NULL;
    connections_waiting(&http->connections, http_watched(connection), sr_clock_ns());
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

__attribute__((format(printf, 2, 0))) static void log_library(void *cls, const char *format,
                                                              va_list arguments)
{
    (void)cls;
    char text[512];
    (void)vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    log_event(LOG_DEBUG, log_what("libmicrohttpd"), log_text("says", text));
}

static struct MHD_Daemon *start(struct http *http, int fd)
{
    /* poll(), which tells the same thing until it is heard: with epoll libmicrohttpd 0.9.75 misses an end that comes together
     * with data, and keeps the connection until its time is over. For 64 connections it costs nothing. */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    /* A function's address, which the list has as one of data. */
    void *retrieve = (void *)(uintptr_t)tls_retrieve;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, retrieve},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_PRIORITIES},
                                   {MHD_OPTION_END, 0, NULL}};
    if (http->address.socket.ss_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    if (http->settings.kind == HTTP_TCP && http->settings.is_tls) {
        flags |= MHD_USE_TLS;
    } else {
        tls[0].option = MHD_OPTION_END;
    }
    /* clang-format off */
    return MHD_start_daemon(flags, 0, NULL, NULL, http_handle, http,
                            MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL, /* first: it hears of the others */
                            MHD_OPTION_ARRAY, tls,
                            MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PER_ADDRESS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES,
                            MHD_OPTION_UNESCAPE_CALLBACK, http_unescape, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, note_completed, http,
                            MHD_OPTION_NOTIFY_CONNECTION, note_connection, http,
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
                            MHD_OPTION_END);
    /* clang-format on */
}

/* When it has no thread, libmicrohttpd has closed the descriptor, but not when it did not get that far: closed is what is the same socket still. */
static void close_if_left(int fd, const struct stat *before)
{
    struct stat now;
    if (fstat(fd, &now) == 0 && now.st_dev == before->st_dev && now.st_ino == before->st_ino) {
        (void)close(fd);
    }
}

bool http_open(const struct http_settings *settings, struct http **out_http)
{
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        log_event(LOG_ERROR, log_what("cannot serve HTTP"), log_text("error", strerror(ENOMEM)));
        if (settings->kind != HTTP_TCP) {
            close(settings->listening);
        }
        return false;
    }
    http->settings = *settings;
    const int fd = settings->kind == HTTP_TCP ? listener_tcp(&settings->listen) : settings->listening;
    if (fd < 0) {
        free(http);
        return false;
    }
    http->answerer =
        (struct answerer){.stats = settings->stats, .store = settings->store, .exposed = &http->exposed};
    http->address.length = sizeof http->address.socket; /* of a unix socket no more than its family */
    (void)getsockname(fd, (struct sockaddr *)&http->address.socket, &http->address.length);
    connections_open(&http->connections);
    struct stat before = {0};
    (void)fstat(fd, &before);
    http->daemon = start(http, fd);
    if (http->daemon == NULL) {
        log_event(LOG_ERROR, log_what("cannot serve HTTP"), log_text("error", strerror(errno)));
        close_if_left(fd, &before);
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

/* Once. It is not made again at once, unlike the local socket, without which nobody could give orders; who scrapes notices. */
static void complain_of_name(struct http *http)
{
    if (http->settings.kind == HTTP_UNIX && !http->has_complained && http->quiesced == 0 &&
        !unix_name_is_ours(&http->settings.name)) {
        log_event(LOG_WARNING, log_what("http.unix was removed: nobody can connect there until a reload"),
                  log_text("path", http->settings.name.path));
        http->has_complained = true;
    }
}

void http_sweep(struct http *http, uint64_t now_ns)
{
    if (http == NULL) {
        return;
    }
    const unsigned count = connections_sweep(&http->connections, now_ns);
    http_flush_refusals(http, now_ns);
    complain_of_name(http);
    if (count > 0) {
        log_event(LOG_INFO, log_what("overdue connections cut"), log_number("count", count));
    }
}

void http_stop(struct http *http)
{
    if (http == NULL) {
        return;
    }
    /* Not closed before the thread is gone, which may be waiting for it. */
    http->quiesced = MHD_quiesce_daemon(http->daemon);
    if (http->quiesced > 0) {
        (void)shutdown(http->quiesced, SHUT_RDWR);
    }
    if (http->settings.kind == HTTP_UNIX) {
        unix_name_remove(&http->settings.name);
    }
    connections_stop(&http->connections);
}

unsigned http_answers(struct http *http)
{
    return http == NULL ? 0 : connections_answers(&http->connections);
}

void http_close(struct http *http)
{
    if (http == NULL) {
        return;
    }
    if (http->settings.kind == HTTP_UNIX) {
        unix_name_remove(&http->settings.name);
    }
    if (http->daemon != NULL) {
        MHD_stop_daemon(http->daemon); /* closes the listening socket as well, unless: */
    }
    http_flush_refusals(http, UINT64_MAX); /* nobody adds to them any more */
    if (http->quiesced > 0) {
        (void)close(http->quiesced);
    }
    connections_close(&http->connections);
    answerer_free(&http->answerer);
    free(http);
}
