/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP by hand, and adding an exposition up: see scraper.h. */
#include "scraper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "machine.h"
#include "pure/decimal.h"

#define FIRST_ROOM ((size_t)1 << 20)
#define REQUEST    "GET /metrics HTTP/1.1\r\nHost: slipring\r\n\r\n"

static bool fail(const char *what)
{
    fprintf(stderr, "slipring-bench: scrape: %s: %s\n", what, strerror(errno));
    return false;
}

bool scraper_connect(struct scraper *scraper, const char *address)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *colon = strrchr(address, ':');
    peer.sin_port = htons(colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0);
    *scraper = (struct scraper){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (scraper->fd < 0 || connect(scraper->fd, (const struct sockaddr *)&peer, sizeof peer) != 0) {
        return fail(address);
    }
    const int one = 1;
    (void)setsockopt(scraper->fd, IPPROTO_TCP, TCP_NODELAY, &one,
                     sizeof one); /* one packet: hardly matters */
    scraper->room = FIRST_ROOM;
    scraper->text = malloc(scraper->room);
    return scraper->text || fail("memory");
}

void scraper_close(struct scraper *scraper)
{
    if (scraper->fd >= 0) {
        (void)close(scraper->fd); /* nothing to lose */
    }
    free(scraper->text);
    *scraper = (struct scraper){.fd = -1};
}

/* Room for `bytes` and a terminating zero. */
static bool make_room(struct scraper *scraper, size_t bytes)
{
    if (bytes < scraper->room) {
        return true;
    }
    char *text = realloc(scraper->text, bytes + 1);
    if (!text) {
        return false;
    }
    scraper->text = text;
    scraper->room = bytes + 1;
    return true;
}

/* The head, which says how much is to come. False: it is none of a good answer. */
static bool take_head(struct scraper *scraper, const char *head_end)
{
    const char *length = strstr(scraper->text, "Content-Length:");
    if (strncmp(scraper->text, "HTTP/1.1 200", 12) != 0 || !length || length > head_end) {
        fprintf(stderr, "slipring-bench: scrape: the answer is no good one: %.80s\n", scraper->text);
        return false;
    }
    scraper->head_bytes = (size_t)(head_end - scraper->text) + 4;
    scraper->body_bytes = strtoul(length + strlen("Content-Length:"), NULL, 10);
    return make_room(scraper, scraper->head_bytes + scraper->body_bytes) || fail("memory");
}

static bool receive(struct scraper *scraper)
{
    size_t used = 0;
    scraper->head_bytes = 0;
    scraper->body_bytes = 0;
    while (scraper->head_bytes == 0 || used < scraper->head_bytes + scraper->body_bytes) {
        const ssize_t got = recv(scraper->fd, scraper->text + used, scraper->room - 1 - used, 0);
        if (got <= 0 && !(got < 0 && errno == EINTR && !machine_is_interrupted())) {
            return fail(got == 0 ? "the agent hung up" : "recv");
        }
        used += got > 0 ? (size_t)got : 0;
        scraper->text[used] = '\0';
        const char *head_end = scraper->head_bytes == 0 ? strstr(scraper->text, "\r\n\r\n") : NULL;
        if (head_end && !take_head(scraper, head_end)) {
            return false;
        }
    }
    return true;
}

uint64_t scraper_scrape(struct scraper *scraper)
{
    const uint64_t begun_ns = machine_clock_ns();
    if (send(scraper->fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL) != (ssize_t)strlen(REQUEST)) {
        (void)fail("send");
        return 0;
    }
    return receive(scraper) ? machine_clock_ns() - begun_ns : 0;
}

/* --- what it adds up to ------------------------------------------------------------------------------------------------- */

static bool has_prefix(const char *line, const char *prefix)
{
    return strncmp(line, prefix, strlen(prefix)) == 0;
}

/* The text up to `end`, which may be followed by more. */
static bool has_label(const char *line, const char *end, const char *label)
{
    const char *at = strstr(line, label);
    return at && at < end;
}

static bool add_series(struct exposed *exposed, const char *line, const char *end)
{
    const char *number = end;
    uint64_t value = 0;
    while (number > line && number[-1] != ' ') {
        number--;
    }
    const size_t length = (size_t)(end - number);
    struct tally *tally = &exposed->tally;
    uint64_t *to = NULL;
    uint64_t scale = 1;
    if (has_prefix(line, "primitive_duration_seconds_count{")) {
        exposed->primitives++;
        to = &tally->count;
    } else if (has_prefix(line, "primitive_duration_seconds_sum{")) {
        to = &tally->sum_ns;
        scale = UINT64_C(1000000000);
    } else if (has_prefix(line, "primitive_cost_total{")) {
        to = &tally->cost;
        scale = UINT64_C(1000000000);
    } else if (has_prefix(line, "primitive_cost_savings_total{")) {
        to = &tally->savings;
        scale = UINT64_C(1000000000);
    } else if (has_prefix(line, "primitive_requests_total{")) {
        to = has_label(line, end, "status=\"failure\"")   ? &tally->failures
             : has_label(line, end, "status=\"aborted\"") ? &exposed->aborted
                                                          : NULL;
    }
    exposed->series++;
    if (to && sr_decimal_parse(number, length, scale, UINT64_MAX, &value) != SR_PARSE_OK) {
        return false;
    }
    *(to ? to : &value) += value;
    return number > line;
}

void scraper_add_up(const struct scraper *scraper, struct exposed *out_exposed)
{
    const char *at = scraper->text + scraper->head_bytes;
    *out_exposed = (struct exposed){.is_sound = scraper->head_bytes != 0};
    while (*at && out_exposed->is_sound) {
        const char *end = strchr(at, '\n');
        out_exposed->is_sound = end && (*at == '#' || add_series(out_exposed, at, end));
        at = end ? end + 1 : at;
    }
}
