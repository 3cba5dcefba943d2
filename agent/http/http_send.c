/* SPDX-License-Identifier: Apache-2.0 */
/* A page to its client, as gzip in blocks, or as it is. See http.h. */
#include "http_parts.h"

#include <string.h>

#include "encodings.h"

enum {
    BLOCK_BYTES = 64 * 1024, /* of gzip: the memory of a client that reads slowly, and the work of one call */
    GZIP_LEAST_BYTES = 1024, /* less is one packet either way */
};

static ssize_t read_packed(void *cls, uint64_t at, char *to, size_t room)
{
    const ssize_t bytes = page_read_packed(cls, at, to, room);
    return bytes < 0    ? MHD_CONTENT_READER_END_WITH_ERROR
           : bytes == 0 ? MHD_CONTENT_READER_END_OF_STREAM
                        : bytes;
}

static void release(void *cls)
{
    page_release(cls);
}

static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return value == NULL || MHD_add_response_header(response, name, value) != MHD_NO;
}

/* What the answer depends on, for caches. NULL: on the page alone. */
static const char *vary_of(const struct answer *answer, bool may_pack)
{
    const char *packing = may_pack ? MHD_HTTP_HEADER_ACCEPT_ENCODING : NULL;
    return answer->vary != NULL ? answer->vary : packing;
}

/* What a client may show. */
static bool add_challenges(struct MHD_Response *response, const struct credentials *credentials)
{
    return add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                      credentials->has_users ? "Basic realm=\"slipring\", charset=\"UTF-8\"" : NULL) &&
           add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                      credentials->has_tokens ? "Bearer realm=\"slipring\"" : NULL);
}

static bool add_headers(struct MHD_Response *response, const struct answer *answer, bool may_pack,
                        bool is_packed)
{
    return add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type) &&
           add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") &&
           add_header(response, "X-Content-Type-Options", "nosniff") &&
           add_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow) &&
           add_header(response, MHD_HTTP_HEADER_RETRY_AFTER,
                      answer->status == 503 || answer->status == 429 ? "1" : NULL) &&
           add_header(response, MHD_HTTP_HEADER_VARY, vary_of(answer, may_pack)) &&
           add_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, is_packed ? "gzip" : NULL);
}

/* To HEAD, libmicrohttpd 0.9.75 sends the last chunk of a body of unknown length, which the client would take for the next answer: no chunks
 * then, and the connection ends. */
static bool prepare_head(struct MHD_Response *response, const char *method, bool is_packed)
{
    return !is_packed || strcmp(method, MHD_HTTP_METHOD_HEAD) != 0 ||
           MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END) != MHD_NO;
}

/* Sent from where it was rendered. One span goes out together with its head. */
static struct MHD_Response *make_plain(struct page *page)
{
    size_t count;
    const struct exposition_span *spans = page_spans(page, &count);
    if (count <= 1) {
        static char nothing[1];
        return MHD_create_response_from_buffer_with_free_callback_cls(
            page_bytes(page), count == 0 ? nothing : (void *)(uintptr_t)spans[0].text, release, page);
    }
    struct MHD_IoVec parts[EXPOSITION_SPANS_MOST];
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct MHD_IoVec){.iov_base = spans[i].text, .iov_len = spans[i].bytes};
    }
    return MHD_create_response_from_iovec(parts, (unsigned)count, release, page);
}

static struct MHD_Response *make_response(struct page *page, bool is_packed)
{
    return is_packed
               ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_packed, page, release)
               : make_plain(page);
}

enum MHD_Result http_send(struct http *http, struct MHD_Connection *connection, const char *method,
                          struct page *page)
{
    const size_t bytes = page_bytes(page);
    const struct answer *answer = page_answer(page);
    const bool may_pack = answer->status == 200 && bytes >= GZIP_LEAST_BYTES && !http->exposed.sends_plain;
    const bool is_packed = may_pack && encodings_take_gzip(MHD_lookup_connection_value(
                                           connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING));
    struct MHD_Response *response = make_response(page, is_packed);
    if (response == NULL) {
        page_release(page);
        return MHD_NO;
    }
    enum MHD_Result result = MHD_NO;
    if (add_headers(response, answer, may_pack, is_packed) && prepare_head(response, method, is_packed) &&
        (answer->status != 401 || add_challenges(response, &http->exposed.credentials))) {
        result = MHD_queue_response(connection, answer->status, response);
    }
    MHD_destroy_response(response);
    return result;
}
