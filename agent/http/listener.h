/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket of TCP for http.h, said in the log when it cannot be had. */
#ifndef AGENT_LISTENER_H
#define AGENT_LISTENER_H

#include "agent/config/address.h"

/* A descriptor, non-blocking, the caller's to close; -1 after the log said why not. */
int listener_tcp(const struct address *address);

#endif
