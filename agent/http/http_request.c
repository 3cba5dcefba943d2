/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a page: what is refused, what is an order, what is rendered, and what was rendered for another. See http.h. */
#include "http_parts.h"

#include <string.h>
#include <strings.h>

#include "agent/log.h"
#include "peer/clock.h"

/* libmicrohttpd goes by the first Content-Length: a second one would hide a request in what others take for a body. */
static enum MHD_Result note_body(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    bool *has_body = cls;
    const bool is_length = strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    *has_body |= (is_length && (value == NULL || strcmp(value, "0") != 0)) ||
                 strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

static bool has_body(struct MHD_Connection *connection)
{
    bool has_body = false;
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, note_body, &has_body);
    return has_body;
}

/* True when the page takes the method; else it is refused. */
static bool check_method(const char *path, const char *method, struct answer *out_answer)
{
    enum control_what what;
    const bool is_order = orders_find(path, &what);
    if (is_order ? strcmp(method, MHD_HTTP_METHOD_POST) == 0
                 : strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) {
        return true;
    }
    answer_error(path, 405, "this method is not served",
                 is_order ? "Only POST is." : "Only GET and HEAD are.", out_answer);
    out_answer->allow = is_order ? "POST" : "GET, HEAD";
    return false;
}

/* What is refused before anything is looked at. */
static bool refuse(struct http *http, struct MHD_Connection *connection, const char *path, const char *method,
                   struct answer *out_answer)
{
    enum control_what what;
    struct http_visitor visitor;
    if (!http_admit(http, connection, path, &visitor, out_answer) ||
        !check_method(path, method, out_answer) ||
        (orders_find(path, &what) && !http_may_order(http, connection, path, &visitor, out_answer))) {
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

/* Who asks was let through a moment ago, and is asked once more: the configuration may be another one. */
static void execute(struct http *http, struct MHD_Connection *connection, const char *path,
                    enum control_what what, struct answer *out)
{
    struct http_visitor visitor;
    if (!http_admit(http, connection, path, &visitor, out) ||
        !http_may_order(http, connection, path, &visitor, out)) {
        return;
    }
    const struct orders_query query = {.name = argument(connection, "name"),
                                       .type = argument(connection, "type"),
                                       .all = argument(connection, "all"),
                                       .user = visitor.name,
                                       .uid = visitor.uid,
                                       .pid = visitor.pid};
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
