/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's notification protocol. See notify.h. */
#include "notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* The interval to keep, or 0. */
static uint64_t watchdog_interval_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid())) {
        return 0;
    }
    unsigned long long wait_us = strtoull(usec, NULL, 10);
    return wait_us < UINT64_MAX / 1000 ? wait_us * 1000 / 2 : 0;
}

void notify_open(struct notify *notify)
{
    *notify = (struct notify){.address.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    if (path == NULL || path[0] == '\0') {
        return;
    }
    size_t length = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || length >= sizeof notify->address.sun_path) {
        log_event(LOG_WARNING, log_what("NOTIFY_SOCKET is no address that can be told anything"),
                  log_text("value", path));
        return;
    }
    memcpy(notify->address.sun_path, path, length);
    if (path[0] == '@') {
        notify->address.sun_path[0] = '\0';
    }
    notify->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    notify->watchdog_ns = watchdog_interval_ns();
}

void notify_send(const struct notify *notify, const char *state)
{
    if (notify->length == 0) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&notify->address,
                          notify->length);
    (void)sent; /* see notify.h */
    close(fd);
}
