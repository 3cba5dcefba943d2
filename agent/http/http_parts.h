/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a struct http, for its files: http.c (its life), http_request.c (from a request to a page), http_send.c (from a page to the
 * client). */
#ifndef AGENT_HTTP_PARTS_H
#define AGENT_HTTP_PARTS_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "answer.h"
#include "connections.h"
#include "gate.h"
#include "http.h"
#include "pages.h"

#define HTTP_HELD_BYTES (256u << 20)

struct http {
    struct MHD_Daemon *daemon;
    int quiesced; /* the descriptor of a listening socket that is none any more; 0: it is one */
    struct address address;
    struct http_settings settings;
    struct connections connections; /* of the HTTP thread and of who sweeps */
    /* Of the HTTP thread: */
    struct answerer answerer;
    struct pages pages;
    struct exposure exposed; /* of the request in hand */
    bool has_complained;     /* who sweeps, that the name is gone */
    /* Of the HTTP thread and of who sweeps: */
    _Atomic uint64_t refusal_logged_ns;
    _Atomic uint64_t refusals; /* since then, and not told */
};

/* Who asks. */
struct http_visitor {
    const char *name; /* of a user or token, in http->exposed; NULL: known by its uid, or not at all */
    uint32_t uid;     /* of the local socket's; else UINT32_MAX */
    uint32_t pid;
    bool may_order;
};

/* False: refused, and the answer says so. It looks at http->exposed. */
__attribute__((warn_unused_result)) bool http_admit(struct http *http, struct MHD_Connection *connection,
                                                    const char *path, struct http_visitor *out_visitor,
                                                    struct answer *out_answer);
/* Those that nobody was told of yet, to the log, once their second is over. */
void http_flush_refusals(struct http *http, uint64_t now_ns);
__attribute__((warn_unused_result)) bool http_may_order(const struct http *http,
                                                        struct MHD_Connection *connection, const char *path,
                                                        const struct http_visitor *visitor,
                                                        struct answer *out_answer);

/* What libmicrohttpd calls: for a request first with its head, then once more; *request tells the two apart. */
enum MHD_Result http_handle(void *http, struct MHD_Connection *connection, const char *path,
                            const char *method, const char *version, const char *upload, size_t *upload_bytes,
                            void **request);

/* The same for the escapes in a path and in its arguments. */
size_t http_unescape(void *cls, struct MHD_Connection *connection, char *text);

/* Send it; the page is released when it is out, or nobody reads it any more. MHD_NO, which cuts the connection, when there is no memory even to say so. */
enum MHD_Result http_send(struct http *http, struct MHD_Connection *connection, const char *method,
                          struct page *page);

/* A connection's place in the table. NULL: it is not watched. */
struct connection *http_watched(struct MHD_Connection *connection);

#endif
