/* SPDX-License-Identifier: Apache-2.0 */
/* POST over a unix socket, by hand: a library that speaks HTTP would make every start of `slipring`, a record from a shell script too, take several
 * times as long. See order.h. */
#include "order.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"
#include "peer/stores.h"

enum { PATIENCE_S = 15, ANSWER_MAX = 1 << 20 };

/* Nobody listens at the socket, or not to us. */
static int say_unheard(const char *store, const char *what, const char *path, int error)
{
    struct sr_store_info info;
    struct render_text quoted;
    if (sr_stores_look(store, &info) == SLIPRING_ABSENT) {
        return message_no_store(what, store);
    }
    if (error == EACCES || error == EPERM) {
        message_print(
            "cannot %s store '%s': its agent takes orders from the user who runs it, and from root alone",
            what, store);
    } else if (error == ENOENT || error == ECONNREFUSED) {
        message_print("cannot %s store '%s': no agent listens at %s: start slipringd, or see its log", what,
                      store, render_quote(path, &quoted));
    } else {
        message_print("cannot %s store '%s': %s: %s", what, store, render_quote(path, &quoted),
                      strerror(error));
    }
    return STATUS_BAD;
}

static void write_escaped(FILE *stream, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        fprintf(stream, strchr(plain, *text) ? "%c" : "%%%02X", (unsigned char)*text);
    }
}

/* HTTP 1.0: the answer ends where the connection does. */
static char *make_request(const char *page, const struct order_argument *arguments, int count)
{
    char *request = NULL;
    size_t bytes = 0;
    const char *separator = "?";
    FILE *stream = open_memstream(&request, &bytes);
    if (!stream) {
        message_out_of_memory();
    }
    fprintf(stream, "POST /-/%s", page);
    for (int i = 0; i < count; i++) {
        if (arguments[i].value) {
            fprintf(stream, "%s%s=", separator, arguments[i].key);
            write_escaped(stream, arguments[i].value);
            separator = "&";
        }
    }
    fputs(" HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", stream);
    if (fclose(stream) != 0) {
        message_out_of_memory();
    }
    return request;
}

/* -1, and errno: nobody there, or not for us. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
                    connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)) {
        const int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* All of what comes, zero-terminated. NULL, and errno: it did not end. */
static char *receive(int fd)
{
    size_t used = 0;
    char *text = malloc(ANSWER_MAX + 1);
    if (!text) {
        message_out_of_memory();
    }
    for (;;) {
        const ssize_t got = recv(fd, text + used, ANSWER_MAX - used, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0 || used == ANSWER_MAX) {
            errno = got == 0 ? 0 : got < 0 ? errno : EMSGSIZE;
            break;
        }
        used += (size_t)got;
    }
    const int error = errno;
    text[used] = '\0';
    if (error != 0) {
        free(text);
        errno = error;
        return NULL;
    }
    return text;
}

/* The status and the body of "HTTP/1.x 200 OK", heads, an empty line and the body. False: it is none. */
static bool take_apart(char *text, struct order_answer *answer)
{
    char *body = strstr(text, "\r\n\r\n");
    if (strncmp(text, "HTTP/1.", 7) != 0 || !body) {
        return false;
    }
    answer->status = strtol(text + strcspn(text, " "), NULL, 10);
    body += 4;
    memmove(text, body, strlen(body) + 1);
    for (size_t used = strlen(text); used > 0 && text[used - 1] == '\n';) {
        text[--used] = '\0';
    }
    answer->text = text;
    return true;
}

/* NULL, and errno. */
static char *exchange(int fd, const char *request)
{
    const size_t bytes = strlen(request);
    const ssize_t sent = send(fd, request, bytes, MSG_NOSIGNAL);
    if (sent != (ssize_t)bytes) {
        errno = sent < 0 ? errno : EAGAIN;
        return NULL;
    }
    return receive(fd);
}

static int judge(const char *store, const char *what, char *text, struct order_answer *out_answer)
{
    struct render_text quoted;
    struct order_answer answer = {0};
    if (take_apart(text, &answer) && (answer.status == 200 || answer.status == 400 || answer.status == 404)) {
        *out_answer = answer;
        return STATUS_OK;
    }
    message_print("cannot %s store '%s': its agent answered %s", what, store, render_quote(text, &quoted));
    free(text);
    return STATUS_BAD;
}

int order_post(const char *store, const char *what, const struct order_argument *arguments, int count,
               struct order_answer *out_answer)
{
    char path[PATH_MAX];
    struct render_text quoted;
    if (!sr_stores_socket(store, path)) {
        message_print(
            "cannot %s store '%s': the path of its agent's socket, %s, has more than %u bytes: send "
            "SIGHUP to reload, or take a shorter folder",
            what, store, render_quote(path, &quoted), SR_STORES_SOCKET_MAX);
        return STATUS_BAD;
    }
    const int fd = connect_to(path);
    if (fd < 0) {
        return say_unheard(store, what, path, errno);
    }
    char *request = make_request(what, arguments, count);
    char *text = exchange(fd, request);
    const int error = errno;
    (void)close(fd);
    free(request);
    if (!text) {
        message_print("cannot %s store '%s': its agent does not answer at %s: %s", what, store,
                      render_quote(path, &quoted), strerror(error));
        return STATUS_BAD;
    }
    return judge(store, what, text, out_answer);
}
