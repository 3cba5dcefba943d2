/* SPDX-License-Identifier: Apache-2.0 */
/* The real slipringd as a child of a test, on the store place_store(), and the real `slipring` asked what it thinks. Both are
 * taken from $SLIPRING_BUILD_DIR/bin, or from beside the tests. The daemon dies with its parent. */
#ifndef SUPPORT_DAEMON_H
#define SUPPORT_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

struct daemon {
    pid_t pid;
    char log[256];       /* its stderr, in the place's folder */
    char crashpoint[64]; /* "name:nth", set by who starts it; empty: none */
};

/* Start it; returns when it serves. */
void daemon_start(struct daemon *daemon);

/* Start it with more options (NULL behind the last one; at most eight), and do not wait. Does it serve by now? */
void daemon_launch(struct daemon *daemon, const char *const *more);
bool daemon_serves(const struct daemon *daemon);

/* After its death: what it said, for people; and its log removed. */
void daemon_print_log(const struct daemon *daemon);
void daemon_forget(const struct daemon *daemon);

/* A clean stop: SIGTERM, status 0. */
void daemon_stop(struct daemon *daemon);

/* SIGKILL. */
void daemon_kill(struct daemon *daemon);

/* Stop it for a while (SIGSTOP), and let it go on. */
void daemon_freeze(const struct daemon *daemon);
void daemon_thaw(const struct daemon *daemon);

/* Fails the test unless `slipring verify` says that the store agrees, exactly. */
void daemon_expect_exact(void);

/* The same as a question: no, while the agent gives pages back. */
bool daemon_agrees_exactly(void);

#endif
