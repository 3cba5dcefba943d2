/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a page: what is refused, what is an order, what is rendered, and what was rendered for another. See http.h. */
#include "http_parts.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "peer/clock.h"

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
        if (http->settings.kind != HTTP_LOCAL) {
            orders_refuse(path, http->settings.socket, out_answer);
        }
        return http->settings.kind == HTTP_LOCAL;
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
    if (http->settings.kind == HTTP_LOCAL && refuse_stranger(connection, path, out_answer)) {
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

/* Rendered, or what is rendered already for somebody else. NULL: no memory. */
static struct page *find_or_render(struct http *http, const struct answer_query *query, uint64_t begun_ns)
{
    struct sr_stats_agent agent;
    struct answer answer = {0};
    sr_stats_agent(http->settings.stats, &agent);
    const struct pages_what what = {
        .query = query, .published_ns = agent.published_ns, .generation = http->exposed.generation};
    struct page *page = pages_find(&http->pages, &what, begun_ns);
    if (page != NULL) {
        return page;
    }
    if (http->pages.held > HTTP_HELD_BYTES) {
        answer_error(query->path, 503, "too many answers are waiting to be read", "Try again in a moment.",
                     &answer);
        return pages_add(&http->pages, NULL, &answer, begun_ns);
    }
    answer_get(&http->answerer, query, begun_ns, &answer);
    page = pages_add(&http->pages, &what, &answer, begun_ns);
    if (page != NULL) {
        page_note_took(page, sr_clock_ns() - begun_ns);
    }
    return page;
}

static struct page *get_page(struct http *http, struct MHD_Connection *connection, const char *path)
{
    const struct answer_query query = {
        .path = path,
        .type = argument(connection, "type"),
        .accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT)};
    struct page *page = find_or_render(http, &query, sr_clock_ns());
    if (page != NULL && page_answer(page)->is_scrape && page_answer(page)->status == 200) {
        http->settings.note_scrape(http->settings.context, page_took(page));
    }
    return page;
}

enum MHD_Result http_handle(void *cls, struct MHD_Connection *connection, const char *path,
                            const char *method, const char *version, const char *upload, size_t *upload_bytes,
                            void **request)
{
    (void)version, (void)upload;
    struct http *http = cls;
    struct answer answer = {0};
    const bool first = *request == NULL;
    enum control_what what;
    *request = http;
    if (*upload_bytes > 0) {
        return MHD_NO; /* a body that its head did not announce */
    }
    exposure_read(http->settings.exposure, &http->exposed);
    if (first && !refuse(http, connection, path, method, &answer)) {
        return MHD_YES;
    }
    connections_answering(&http->connections, http_watched(connection), sr_clock_ns());
    struct page *page = NULL;
    if (first) {
        page = pages_add(&http->pages, NULL, &answer, sr_clock_ns());
    } else if (orders_find(path, &what)) { /* by POST, or it would have been refused */
        execute(http, connection, path, what, &answer);
        page = pages_add(&http->pages, NULL, &answer, sr_clock_ns());
    } else {
        page = get_page(http, connection, path);
    }
    if (page == NULL) {
        return MHD_NO;
    }
    log_event(LOG_DEBUG, log_what("request"), log_text("method", method), log_text("path", path),
              log_number("status", page_answer(page)->status), log_number("bytes", page_bytes(page)));
    return http_send(http, connection, method, page);
}

static int digit_of(char hex)
{
    return hex >= '0' && hex <= '9'   ? hex - '0'
           : hex >= 'a' && hex <= 'f' ? hex - 'a' + 10
           : hex >= 'A' && hex <= 'F' ? hex - 'A' + 10
                                      : -1;
}

/* %HH becomes its byte, but %00 stays as it is: a zero would cut the text, and "a%00b" would be taken for "a". */
size_t http_unescape(void *cls, struct MHD_Connection *connection, char *text)
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
