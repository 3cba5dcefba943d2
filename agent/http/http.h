/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP side: one thread of libmicrohttpd for each place where the agent listens, that carries the answers of answer.h: TCP (`listen`), a unix
 * socket for scrapes (`http.unix`), and the local socket (local.h), which has the orders of orders.h, too. Each is a struct http with limits of its own.
 *
 *      head arrives ──refused──────────────────────────────────┐
 *           │                                                   ▼
 *           └──let in──► order, executed by the drain thread ► page ──► as much as the client takes, until it is out ──► next head
 *                    └─► rendered, or found: pages.h ───────────┘
 *
 *   G1  Looking costs the looked-at nothing: the thread reads published figures only, and being one thread it takes one
 *       core at most, whatever is asked.
 *   G2  GET and HEAD, POST for orders, no bodies: 405 and 413 at once. A head of more than 32 KB is 431 (414 for its first line).
 *   G3  A request has 10 s to arrive and its answer 30 s to be read, however slowly bytes drip; then the connection is
 *       cut. At most 64 connections, 56 from one address; from the 40th on a new one cuts the one that has been waiting
 *       longest without a request; from the 60th on, when none waits, the one that has been answered longest. So
 *       neither idle ones nor such as ask and never read can keep a scrape out.
 *   G4  While answers under way hold more than 256 MB nothing is rendered (so they hold that and the one that went beyond it), a body that several clients
 *       read counted once: 503 with Retry-After.
 *   G5  Orders are taken on the local socket, whose peers are the agent's own user and root; anybody else who got through to it is
 *       answered 403, whatever is asked. Elsewhere they are taken from those whom http.orders names, after G8, and never from a browser, which another
 *       site's page may have sent.
 *   G6  Scrapes of one format that come together are rendered once (pages.h, G1). What is sent lies in the body, which clients
 *       share, or, as gzip, in a block of 64 KB of each; a call takes what the socket has room for, so that a slow, stuck or dead client holds up
 *       neither another nor the drain, which this thread never waits for but for an order.
 *   G7  Who takes gzip gets it (http.gzip), made while it is read; `Vary` says so to caches. HEAD has the head that GET has, but for
 *       the length of gzip, which is not known before the end.
 *
 *   G8  With http.users or http.tokens, TCP and http.unix show nothing to who is not among them (gate.h): 401 before anything is looked at, or 429, but for
 *       /-/healthy and /-/ready. What was shown is never logged; that it was refused is, once a second, all
 *       of them, in the end by http_sweep() or http_close().
 *
 *   G9  With http.tls_certificate TCP is TLS 1.2 or 1.3 (tls.h). A handshake is part of the 10 s of G3, and waits for nobody but its own client.
 *       A reload may bring another certificate (doors.h, G3).
 *
 *   G10 http_stop() ends listening, removes the name, and cuts at once who waits for a request or between two; answers under way go out.
 *       The agent gives them HTTP_STOP_NS, and drains meanwhile.
 *
 * A name of http.unix that somebody removes, or takes for another socket, is made again by a reload (doors.h, G4), not at once (that of the local socket
 * is): the log says so, once.
 *
 * http_open() and http_close() in one thread; http_sweep() in any, between them. */
#ifndef AGENT_HTTP_H
#define AGENT_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config/address.h"
#include "agent/config/exposure.h"
#include "agent/config/unix_name.h"
#include "gate.h"
#include "orders.h"
#include "peer/stats.h"

/* What answers under way are given when the agent stops. */
#define HTTP_STOP_NS UINT64_C(5000000000)

struct http;
struct local;

enum http_kind {
    HTTP_TCP,   /* at `listen` */
    HTTP_UNIX,  /* at `name`, for who looks */
    HTTP_LOCAL, /* the local socket, for who gives orders */
};

struct http_settings {
    enum http_kind kind;
    struct address listen;
    bool is_tls;           /* of HTTP_TCP: with the pair of tls_put() */
    struct unix_name name; /* of HTTP_UNIX; its path outlives the struct http */
    int listening;         /* of HTTP_UNIX and HTTP_LOCAL: the descriptor, http_open()'s to close */
    const struct orders *orders;
    struct gate *gate;            /* not asked on the local socket; outlives it */
    const struct local *local;    /* told of to who gives orders elsewhere; outlives it. NULL: none */
    const struct sr_stats *stats; /* until http_close() */
    const char *store;            /* its name */
    const struct exposure_board *exposure; /* outlives it */
    /* In the HTTP thread, after each scrape of /metrics: how long its rendering took. */
    void (*note_scrape)(void *context, uint64_t took_ns);
    void *context;
};

/* Listen and serve. False: the log says why. */
__attribute__((warn_unused_result)) bool http_open(const struct http_settings *settings,
                                                   struct http **out_http);

/* Where it listens: with the port that was found when 0 was asked for. */
void http_address(const struct http *http, char out_text[ADDRESS_TEXT_BYTES]);

/* Cuts what is overdue (G3), and tells of refusals (G8) and of a name that is gone. About once a second. NULL is ignored. */
void http_sweep(struct http *http, uint64_t now_ns);

/* Takes no connection and no request any more, but lets answers under way go out (G10). Then how many there are. NULL is ignored, and has none. */
void http_stop(struct http *http);
unsigned http_answers(struct http *http);

/* Cuts every connection, ends the thread and removes the name. NULL is ignored. */
void http_close(struct http *http);

#endif
