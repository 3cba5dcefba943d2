/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's notification protocol, by hand: datagrams of KEY=VALUE lines to the socket in $NOTIFY_SOCKET, a path or, after
 * '@', an abstract name. Without the variable every call is a no-op. A datagram that cannot be sent is dropped: the
 * service manager has its own timeouts. */
#ifndef AGENT_NOTIFY_H
#define AGENT_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    struct sockaddr_un address;
    socklen_t length;     /* 0: nobody to tell */
    uint64_t watchdog_ns; /* say "WATCHDOG=1" at least this often; 0: nobody asked */
};

/* Reads $NOTIFY_SOCKET, and $WATCHDOG_USEC when $WATCHDOG_PID is unset or this process. The interval is half of what the
 * manager waits. */
void notify_open(struct notify *notify);

/* One datagram: "READY=1\nSTATUS=…", "STOPPING=1", "WATCHDOG=1". Thread safe; never blocks. */
void notify_send(const struct notify *notify, const char *state);

#endif
