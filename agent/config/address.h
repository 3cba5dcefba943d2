/* SPDX-License-Identifier: Apache-2.0 */
/* Where to listen: "127.0.0.1:9464", "[::1]:9464", "localhost:0". Numbers only, no name is looked up. Pure. */
#ifndef AGENT_ADDRESS_H
#define AGENT_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_BYTES 64

struct address {
    struct sockaddr_storage socket;
    socklen_t length;
};

/* "HOST:PORT": an IPv4 address, an IPv6 address in brackets, or "localhost" (127.0.0.1); a port of 0 to 65535, 0 for any
 * free one. NULL, or what is wrong, to be put after the text: "'x' has no port". */
__attribute__((warn_unused_result)) const char *address_parse(const char *text, struct address *out_address);

/* As address_parse() takes it; for what is no IP address "?". */
void address_format(const struct address *address, char out_text[ADDRESS_TEXT_BYTES]);

/* Only this host can reach it. */
bool address_is_loopback(const struct address *address);

#endif
