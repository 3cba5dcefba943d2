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

#define FIRST_ROOM      ((size_t)1 << 20)
#define REQUEST(accept) "GET /metrics HTTP/1.1\r\nHost: slipring\r\nAccept: " accept "\r\n\r\n"

static const char *const requests[] = {
    [SCRAPER_TEXT] = REQUEST("text/plain;version=0.0.4"),
    [SCRAPER_OPENMETRICS] = REQUEST("application/openmetrics-text;version=1.0.0"),
    [SCRAPER_PROTOBUF] = REQUEST("application/vnd.google.protobuf;"
                                 "proto=io.prometheus.client.MetricFamily;encoding=delimited"),
};

static bool fail(const char *what)
{
    fprintf(stderr, "slipring-bench: scrape: %s: %s\n", what, strerror(errno));
    return false;
}

bool scraper_connect(struct scraper *scraper, const char *address, enum scraper_format format)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *colon = strrchr(address, ':');
    peer.sin_port = htons(colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0);
    *scraper = (struct scraper){.format = format, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
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
    const char *request = requests[scraper->format];
    if (send(scraper->fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request)) {
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

static void add_up_text(const struct scraper *scraper, struct exposed *out_exposed)
{
    const char *at = scraper->text + scraper->head_bytes;
    *out_exposed = (struct exposed){.is_sound = scraper->head_bytes != 0};
    while (*at && out_exposed->is_sound) {
        const char *end = strchr(at, '\n');
        const bool is_created = end && memmem(at, strcspn(at, "{ "), "_created", 8) != NULL;
        out_exposed->is_sound = end && (*at == '#' || is_created || add_series(out_exposed, at, end));
        at = end ? end + 1 : at;
    }
}

/* --- the same of protobuf ------------------------------------------------------------------------------------------------- */

/* What is left of a message. */
struct message {
    const uint8_t *at, *end;
    bool is_sound;
};

/* A field of it: a number, of whatever wire type, or a message within. */
struct field {
    uint32_t number;
    uint64_t value;
    struct message inner;
};

static uint64_t take_varint(struct message *message)
{
    uint64_t value = 0;
    for (unsigned shift = 0; message->at < message->end && shift < 64; shift += 7) {
        value |= (uint64_t)(*message->at & 0x7f) << shift;
        if (*message->at++ < 0x80) {
            return value;
        }
    }
    message->is_sound = false;
    return 0;
}

/* False: it ends here, or is not sound. */
static bool take_field(struct message *message, struct field *out_field)
{
    if (message->at == message->end || !message->is_sound) {
        return false;
    }
    const uint64_t tag = take_varint(message);
    *out_field = (struct field){.number = (uint32_t)(tag >> 3)};
    uint64_t bytes = (tag & 7) == 1 ? 8 : 0;
    if ((tag & 7) != 1) {
        bytes = out_field->value = take_varint(message);
    }
    if ((tag & 7) == 0) {
        return message->is_sound;
    }
    message->is_sound &= bytes <= (uint64_t)(message->end - message->at) && (tag & 7) <= 2;
    if (!message->is_sound) {
        return false;
    }
    if ((tag & 7) == 1) {
        memcpy(&out_field->value, message->at, 8);
    }
    out_field->inner = (struct message){message->at, message->at + bytes, true};
    message->at += bytes;
    return true;
}

static bool holds(const struct message *message, const char *text)
{
    return memmem(message->at, (size_t)(message->end - message->at), text, strlen(text)) != NULL;
}

static double as_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Of seconds or dollars: exact as long as a double is, which a benchmark's sums stay below. */
static uint64_t as_billionths(uint64_t bits)
{
    return (uint64_t)(as_double(bits) * 1e9 + 0.5);
}

static bool add_histogram(struct exposed *exposed, struct message histogram)
{
    struct field field;
    exposed->primitives++;
    exposed->series += 2; /* sum and count */
    while (take_field(&histogram, &field)) {
        exposed->tally.count += field.number == 1 ? field.value : 0;
        exposed->tally.sum_ns += field.number == 2 ? as_billionths(field.value) : 0;
        exposed->series += field.number == 3;
    }
    return histogram.is_sound;
}

/* A metric of the family `name`. */
static bool add_metric(struct exposed *exposed, const char *name, struct message metric)
{
    const bool is_failure = holds(&metric, "\x07"
                                           "failure"),
               is_aborted = holds(&metric, "\x07"
                                           "aborted");
    struct field field, value;
    bool is_sound = true;
    while (take_field(&metric, &field)) {
        if (field.number == 7) {
            is_sound &= add_histogram(exposed, field.inner);
        } else if (field.number == 2 || field.number == 3) {
            exposed->series++;
            is_sound &= take_field(&field.inner, &value) && value.number == 1;
            if (strcmp(name, "primitive_cost_total") == 0) {
                exposed->tally.cost += as_billionths(value.value);
            } else if (strcmp(name, "primitive_cost_savings_total") == 0) {
                exposed->tally.savings += as_billionths(value.value);
            } else if (strcmp(name, "primitive_requests_total") == 0) {
                exposed->tally.failures += is_failure ? (uint64_t)as_double(value.value) : 0;
                exposed->aborted += is_aborted ? (uint64_t)as_double(value.value) : 0;
            }
        }
    }
    return is_sound && metric.is_sound;
}

static void add_up_protobuf(const struct scraper *scraper, struct exposed *out_exposed)
{
    const uint8_t *body = (const uint8_t *)scraper->text + scraper->head_bytes;
    struct message all = {body, body + scraper->body_bytes, true};
    *out_exposed = (struct exposed){.is_sound = scraper->head_bytes != 0};
    while (all.at < all.end && all.is_sound && out_exposed->is_sound) {
        const uint64_t bytes = take_varint(&all);
        if (bytes > (uint64_t)(all.end - all.at)) {
            out_exposed->is_sound = false;
            break;
        }
        struct message family = {all.at, all.at + bytes, true};
        struct field field;
        char name[128] = "";
        all.at += bytes;
        while (take_field(&family, &field)) {
            const size_t length = (size_t)(field.inner.end - field.inner.at);
            if (field.number == 1 && length < sizeof name) {
                memcpy(name, field.inner.at, length);
                name[length] = '\0';
            } else if (field.number == 4) {
                out_exposed->is_sound &= add_metric(out_exposed, name, field.inner);
            }
        }
        out_exposed->is_sound &= family.is_sound;
    }
    out_exposed->is_sound &= all.is_sound;
}

void scraper_add_up(const struct scraper *scraper, struct exposed *out_exposed)
{
    if (scraper->format == SCRAPER_PROTOBUF) {
        add_up_protobuf(scraper, out_exposed);
    } else {
        add_up_text(scraper, out_exposed);
    }
}
