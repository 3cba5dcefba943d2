/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the local socket's peers by their uid, others by what they show (gate.h). See http.h, G5 and G8. */
#include "http_parts.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/log.h"
#include "local.h"
#include "peer/clock.h"

#define LOG_EVERY_NS UINT64_C(1000000000)

/* Who is at the other end of a connection of a unix socket. False: nobody knows. */
static bool ask_peer(struct MHD_Connection *connection, struct ucred *out_peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    socklen_t bytes = sizeof *out_peer;
    return info != NULL && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, out_peer, &bytes) == 0 &&
           bytes == sizeof *out_peer;
}

/* The local socket is for the agent's own user and for root. */
static bool admit_local(struct MHD_Connection *connection, const char *path, struct http_visitor *out_visitor,
                        struct answer *out_answer)
{
    struct ucred peer = {.uid = (uid_t)-1};
    if (ask_peer(connection, &peer) && (peer.uid == geteuid() || peer.uid == 0)) {
        out_visitor->may_order = true;
        out_visitor->uid = peer.uid;
        out_visitor->pid = (uint32_t)peer.pid;
        return true;
    }
    log_event(LOG_WARNING, log_what("a stranger on the local socket"), log_number("uid", peer.uid),
              log_number("pid", (uint64_t)peer.pid), log_text("path", path));
    answer_error(path, 403, "this socket is for the user who runs the agent, and for root",
                 "Figures are served where the agent listens for others.", out_answer);
    return false;
}

/* Where somebody comes from, for the log. */
static void tell_peer(const struct http *http, struct MHD_Connection *connection,
                      char out_text[ADDRESS_TEXT_BYTES])
{
    struct ucred peer = {.uid = (uid_t)-1};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (http->settings.kind == HTTP_TCP && info != NULL && info->client_addr != NULL) {
        struct address address = {.length = sizeof address.socket};
        const bool is_six = info->client_addr->sa_family == AF_INET6;
        memcpy(&address.socket, info->client_addr,
               is_six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
        address_format(&address, out_text);
    } else if (ask_peer(connection, &peer)) {
        (void)snprintf(out_text, ADDRESS_TEXT_BYTES, "uid %u, pid %d", peer.uid, (int)peer.pid);
    } else {
        (void)snprintf(out_text, ADDRESS_TEXT_BYTES, "?");
    }
}

/* Is it time for another line? Then it is this one's. relaxed, here and below: numbers for people, that order nothing. */
static bool may_log_refusal(struct http *http, uint64_t now_ns)
{
    const uint64_t logged_ns = atomic_load_explicit(&http->refusal_logged_ns, memory_order_relaxed);
    if (logged_ns != 0 && now_ns < logged_ns + LOG_EVERY_NS) {
        return false;
    }
    atomic_store_explicit(&http->refusal_logged_ns, now_ns, memory_order_relaxed);
    return true;
}

/* Once a second at most, with how many there were since the line before, of whatever peers; never what was shown, not even the name: people type
 * passwords there. */
static void log_refusal(struct http *http, struct MHD_Connection *connection, uint64_t now_ns)
{
    char peer[ADDRESS_TEXT_BYTES];
    if (!may_log_refusal(http, now_ns)) {
        (void)atomic_fetch_add_explicit(&http->refusals, 1, memory_order_relaxed);
        return;
    }
    tell_peer(http, connection, peer);
    log_event(
        LOG_WARNING, log_what("credentials refused"), log_text("peer", peer),
        log_number("others_before", atomic_exchange_explicit(&http->refusals, 0, memory_order_relaxed)));
}

void http_flush_refusals(struct http *http, uint64_t now_ns)
{
    if (atomic_load_explicit(&http->refusals, memory_order_relaxed) > 0 && may_log_refusal(http, now_ns)) {
        log_event(
            LOG_WARNING, log_what("credentials refused"),
            log_number("others_before", atomic_exchange_explicit(&http->refusals, 0, memory_order_relaxed)));
    }
}

/* Says that the process lives or is ready, and nothing else. */
static bool is_open_to_all(const char *path)
{
    return strcmp(path, "/-/healthy") == 0 || strcmp(path, "/-/ready") == 0;
}

bool http_admit(struct http *http, struct MHD_Connection *connection, const char *path,
                struct http_visitor *out_visitor, struct answer *out_answer)
{
    *out_visitor = (struct http_visitor){.uid = UINT32_MAX};
    if (http->settings.kind == HTTP_LOCAL) {
        return admit_local(connection, path, out_visitor, out_answer);
    }
    if (is_open_to_all(path)) {
        return true;
    }
    const uint64_t now_ns = sr_clock_ns();
    const struct gate_pass pass = gate_check(
        http->settings.gate, &http->exposed.credentials,
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION), now_ns);
    if (pass.is_wrong && pass.result != GATE_KNOWN) {
        log_refusal(http, connection, now_ns);
    }
    if (pass.result == GATE_BUSY) {
        answer_error(path, 429, "too many passwords are being tried", "Try again in a second.", out_answer);
        return false;
    }
    if (pass.result == GATE_REFUSED) {
        answer_error(path, 401, "who are you?",
                     "This agent asks for a user or a token: see http.users and http.tokens.", out_answer);
        return false;
    }
    out_visitor->name = pass.credential == NULL ? NULL : pass.credential->name;
    out_visitor->may_order = pass.credential != NULL && pass.credential->may_order;
    return true;
}

/* Sent by a page of another site in the visitor's browser, which adds the password that it remembers. */
static bool is_forged(struct MHD_Connection *connection)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN) != NULL ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Sec-Fetch-Site") != NULL;
}

bool http_may_order(const struct http *http, struct MHD_Connection *connection, const char *path,
                    const struct http_visitor *visitor, struct answer *out_answer)
{
    if (!visitor->may_order) {
        orders_refuse(path, local_path(http->settings.local), out_answer);
    } else if (http->settings.kind != HTTP_LOCAL && is_forged(connection)) {
        answer_error(path, 403, "orders are not taken from browsers",
                     "Send it without Origin and Sec-Fetch-Site.", out_answer);
    } else {
        return true;
    }
    return false;
}
