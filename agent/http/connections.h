/* SPDX-License-Identifier: Apache-2.0 */
/* The connections that are open, and since when each waits for what: libmicrohttpd only knows how long a connection was
 * silent, and a byte now and then keeps it for ever.
 *
 *      waiting ◄──► answering      overdue, crowded out or stopping: cut, then left
 *
 * Cutting is shutdown() of the socket, under the lock that also guards leaving the table: a descriptor is cut only
 * while its connection is in the table, so never one that was closed and used anew. Thread safe. */
#ifndef AGENT_CONNECTIONS_H
#define AGENT_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define CONNECTIONS_MAX       64
#define CONNECTIONS_CROWDED   40 /* from then on a new one costs one that waits its place */
#define CONNECTIONS_FULL      60 /* and here, when none waits, one that is being answered */
#define CONNECTIONS_WAIT_NS   UINT64_C(10000000000) /* for a request to arrive whole */
#define CONNECTIONS_ANSWER_NS UINT64_C(30000000000) /* for an answer to be read */

struct connection {
    int fd; /* -1: an unused place */
    bool is_answering;
    bool is_cut;
    uint64_t since_ns; /* store time, when it began to wait for a request, or to answer one */
};

struct connections {
    pthread_mutex_t lock;
    unsigned count;
    bool is_stopping;
    struct connection table[CONNECTIONS_MAX];
};

void connections_open(struct connections *connections);
void connections_close(struct connections *connections);

/* A new one, waiting. In a crowd it costs the one its place that has been waiting longest; when all are being answered, and the table is nearly full,
 * the one that has been answered longest. NULL: the table is full, and the connection is not watched. */
struct connection *connections_enter(struct connections *connections, int fd, uint64_t now_ns);

/* It is about to be closed. NULL is ignored, here and below. */
void connections_leave(struct connections *connections, struct connection *connection);

/* A request arrived whole, and its answer goes out; or the answer is out, and the next request may come. */
void connections_answering(struct connections *connections, struct connection *connection, uint64_t now_ns);
void connections_waiting(struct connections *connections, struct connection *connection, uint64_t now_ns);

/* Cuts every overdue one. Returns how many. */
unsigned connections_sweep(struct connections *connections, uint64_t now_ns);

/* From now on only answers go out: who waits is cut, and so is everybody else when the answer is out, and who comes. */
void connections_stop(struct connections *connections);

/* How many answers are going out. */
unsigned connections_answers(struct connections *connections);

#endif
