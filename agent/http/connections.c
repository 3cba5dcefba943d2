/* SPDX-License-Identifier: Apache-2.0 */
/* The table of open connections. See connections.h. */
#include "connections.h"

#include <stddef.h>
#include <sys/socket.h>

void connections_open(struct connections *connections)
{
    connections->count = 0;
    connections->is_stopping = false;
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        connections->table[i] = (struct connection){.fd = -1};
    }
    (void)pthread_mutex_init(&connections->lock, NULL); /* without attributes it cannot fail */
}

void connections_close(struct connections *connections)
{
    (void)pthread_mutex_destroy(&connections->lock);
}

/* The peer sees the end, libmicrohttpd too: it closes the descriptor and calls connections_leave(). */
static void cut(struct connection *connection)
{
    connection->is_cut = true;
    (void)shutdown(connection->fd, SHUT_RDWR); /* fails only when the peer was faster */
}

/* The one that has been waiting, or answered, longest, cut ones apart. NULL: there is none. */
static struct connection *longest(struct connections *connections, bool is_answering)
{
    struct connection *found = NULL;
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *one = &connections->table[i];
        if (one->fd >= 0 && one->is_answering == is_answering && !one->is_cut &&
            (found == NULL || one->since_ns < found->since_ns)) {
            found = one;
        }
    }
    return found;
}

struct connection *connections_enter(struct connections *connections, int fd, uint64_t now_ns)
{
    struct connection *place = NULL;
    pthread_mutex_lock(&connections->lock);
    struct connection *victim =
        connections->count >= CONNECTIONS_CROWDED ? longest(connections, false) : NULL;
    if (victim == NULL && connections->count >= CONNECTIONS_FULL) {
        victim = longest(connections, true);
    }
    if (victim != NULL) {
        cut(victim);
    }
    for (unsigned i = 0; i < CONNECTIONS_MAX && place == NULL; i++) {
        if (connections->table[i].fd < 0) {
            place = &connections->table[i];
            *place = (struct connection){.fd = fd, .since_ns = now_ns};
            connections->count++;
        }
    }
    if (place != NULL && connections->is_stopping) {
        cut(place);
    }
    pthread_mutex_unlock(&connections->lock);
    return place;
}

void connections_leave(struct connections *connections, struct connection *connection)
{
    if (connection != NULL) {
        pthread_mutex_lock(&connections->lock);
        connection->fd = -1;
        connections->count--;
        pthread_mutex_unlock(&connections->lock);
    }
}

static void set_answering(struct connections *connections, struct connection *connection, bool is_answering,
                          uint64_t now_ns)
{
    if (connection != NULL) {
        pthread_mutex_lock(&connections->lock);
        connection->is_answering = is_answering;
        connection->since_ns = now_ns;
        if (connections->is_stopping && !is_answering) {
            cut(connection); /* what was sent arrives before the end does */
        }
        pthread_mutex_unlock(&connections->lock);
    }
}

void connections_answering(struct connections *connections, struct connection *connection, uint64_t now_ns)
{
    set_answering(connections, connection, true, now_ns);
}

void connections_waiting(struct connections *connections, struct connection *connection, uint64_t now_ns)
{
    set_answering(connections, connection, false, now_ns);
}

unsigned connections_sweep(struct connections *connections, uint64_t now_ns)
{
    unsigned count = 0;
    pthread_mutex_lock(&connections->lock);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *one = &connections->table[i];
        uint64_t limit_ns = one->is_answering ? CONNECTIONS_ANSWER_NS : CONNECTIONS_WAIT_NS;
        if (one->fd >= 0 && !one->is_cut && now_ns > one->since_ns && now_ns - one->since_ns > limit_ns) {
            cut(one);
            count++;
        }
    }
    pthread_mutex_unlock(&connections->lock);
    return count;
}

void connections_stop(struct connections *connections)
{
    pthread_mutex_lock(&connections->lock);
    connections->is_stopping = true;
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *one = &connections->table[i];
        if (one->fd >= 0 && !one->is_answering && !one->is_cut) {
            cut(one);
        }
    }
    pthread_mutex_unlock(&connections->lock);
}

unsigned connections_answers(struct connections *connections)
{
    unsigned count = 0;
    pthread_mutex_lock(&connections->lock);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        const struct connection *one = &connections->table[i];
        count += one->fd >= 0 && one->is_answering && !one->is_cut;
    }
    pthread_mutex_unlock(&connections->lock);
    return count;
}
