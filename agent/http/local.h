/* SPDX-License-Identifier: Apache-2.0 */
/* The local socket: slipring.STORE.socket beside the store's files, over which the store's owner gives orders (orders.h). Everything that the TCP
 * listener shows is there, too.
 *
 *   G1  It is of mode 0600 from the moment it has a name, whatever the umask (unix_name.h, G1). So nobody but its owner, and root, can connect.
 *   G2  Whoever is connected is asked for its uid all the same (SO_PEERCRED), for the file's mode can be changed: only the agent's own and
 *       root's are answered.
 *   G3  What a dead agent left under the name is replaced: a socket on which nobody listens. What answers, or is no socket, stays as it
 *       is, and the agent runs without one; so it does when the path is longer than a socket's address may be. The log says why.
 *   G4  When the name is gone, or somebody else's, while the agent lives (systemd-logind, `rm`), it is made again within a second. At a clean stop
 *       it is removed, if it is still ours.
 *
 * The drain thread calls everything but local_path(); the HTTP thread of the socket is http.h's. */
#ifndef AGENT_LOCAL_H
#define AGENT_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/control/control.h"
#include "http.h"

struct local;

/* Listen there and serve, as `settings` say but for where. True when there is no socket (G3), too: it will be tried again when the name
 * is free. False: no memory. */
__attribute__((warn_unused_result)) bool local_open(const struct http_settings *settings,
                                                    struct control *control, struct local **out_local);

/* The path, for people, in any thread; it lives as long as `local`. NULL: there is no socket now. */
const char *local_path(const struct local *local);

/* About once a second: G4, and http_sweep(). */
void local_sweep(struct local *local, uint64_t now_ns);

/* Orders are refused already: as http_stop() and http_answers(). No local_sweep() afterwards. NULL is ignored, and has no answers. */
void local_stop(struct local *local);
unsigned local_answers(const struct local *local);

/* Cuts every connection, removes the name, and waits for the end of the thread, which is soon: orders are refused from now on, and those that wait are
 * withdrawn. NULL is ignored. */
void local_close(struct local *local);

#endif
