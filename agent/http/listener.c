/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket of TCP. See listener.h. */
#include "listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/log.h"

int listener_tcp(const struct address *address)
{
    char text[ADDRESS_TEXT_BYTES];
    address_format(address, text);
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const char *failed = "socket";
    if (fd >= 0) {
        int one = 1;
        /* Else the port of an agent that has just stopped could not be taken again for a minute. */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        failed = bind(fd, (const struct sockaddr *)&address->socket, address->length) != 0 ? "bind"
                 : listen(fd, 128) != 0                                                    ? "listen"
                                                                                           : NULL;
    }
    if (failed == NULL) {
        return fd;
    }
    int error = errno;
    const char *hint = error == EADDRINUSE
                           ? "another program listens there: choose another with --listen, or port 0"
                       : error == EACCES ? "ports below 1024 are for root: choose another with --listen"
                       : error == EADDRNOTAVAIL ? "this host has no such address: see ip address"
                                                : "";
    log_event(LOG_ERROR, log_what("cannot listen"), log_text("address", text), log_text("call", failed),
              log_text("error", strerror(error)), log_text("hint", hint));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}
