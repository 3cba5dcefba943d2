/* SPDX-License-Identifier: Apache-2.0 */
/* Listening addresses as text. See address.h. */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool parse_port(const char *text, uint16_t *out_port)
{
    unsigned long port = 0;
    size_t length = strlen(text);
    if (length == 0 || length > 5 || strspn(text, "0123456789") != length) {
        return false;
    }
    for (; *text != '\0'; text++) {
        port = port * 10 + (unsigned long)(*text - '0');
    }
    *out_port = (uint16_t)port;
    return port <= UINT16_MAX;
}

static void set_ipv4(struct address *address, struct in_addr ip, uint16_t port)
{
    struct sockaddr_in *socket = (struct sockaddr_in *)&address->socket;
    *address = (struct address){.length = sizeof *socket};
    socket->sin_family = AF_INET;
    socket->sin_addr = ip;
    socket->sin_port = htons(port);
}

static void set_ipv6(struct address *address, struct in6_addr ip, uint16_t port)
{
    struct sockaddr_in6 *socket = (struct sockaddr_in6 *)&address->socket;
    *address = (struct address){.length = sizeof *socket};
    socket->sin6_family = AF_INET6;
    socket->sin6_addr = ip;
    socket->sin6_port = htons(port);
}

const char *address_parse(const char *text, struct address *out_address)
{
    const char *colon = strrchr(text, ':');
    char host[ADDRESS_TEXT_BYTES];
    uint16_t port;
    if (colon == NULL || (text[0] != '[' && strchr(text, ':') != colon)) {
        return colon == NULL ? "has no port: say HOST:PORT, as in 127.0.0.1:9464"
                             : "has several colons: an IPv6 address goes in brackets, as in [::1]:9464";
    }
    size_t length = (size_t)(colon - text);
    if (!parse_port(colon + 1, &port)) {
        return "has no port from 0 to 65535 after its colon";
    }
    if (length >= sizeof host) {
        return "is too long for an IP address";
    }
    bool brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    (void)snprintf(host, sizeof host, "%.*s", (int)(brackets ? length - 2 : length),
                   brackets ? text + 1 : text);
    struct in_addr ipv4 = {.s_addr = htonl(INADDR_LOOPBACK)};
    struct in6_addr ipv6;
    if (brackets && inet_pton(AF_INET6, host, &ipv6) == 1) {
        set_ipv6(out_address, ipv6, port);
        return NULL;
    }
    if (!brackets && (strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, &ipv4) == 1)) {
        set_ipv4(out_address, ipv4, port);
        return NULL;
    }
    return "has no IP address before its port: 127.0.0.1 for this host only, 0.0.0.0 for every interface";
}

void address_format(const struct address *address, char out_text[ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->socket.ss_family == AF_INET) {
        const struct sockaddr_in *socket = (const struct sockaddr_in *)&address->socket;
        (void)inet_ntop(AF_INET, &socket->sin_addr, host, sizeof host);
        (void)snprintf(out_text, ADDRESS_TEXT_BYTES, "%s:%u", host, (unsigned)ntohs(socket->sin_port));
    } else if (address->socket.ss_family == AF_INET6) {
        const struct sockaddr_in6 *socket = (const struct sockaddr_in6 *)&address->socket;
        (void)inet_ntop(AF_INET6, &socket->sin6_addr, host, sizeof host);
        (void)snprintf(out_text, ADDRESS_TEXT_BYTES, "[%s]:%u", host, (unsigned)ntohs(socket->sin6_port));
    } else {
        (void)snprintf(out_text, ADDRESS_TEXT_BYTES, "?");
    }
}

bool address_is_loopback(const struct address *address)
{
    if (address->socket.ss_family == AF_INET) {
        const struct sockaddr_in *socket = (const struct sockaddr_in *)&address->socket;
        return ntohl(socket->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *socket = (const struct sockaddr_in6 *)&address->socket;
    return address->socket.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&socket->sin6_addr);
}
