/* SPDX-License-Identifier: Apache-2.0 */
/* A scraper as Prometheus is one: GET /metrics over a connection that is kept, and what the answer adds up to. */
#ifndef BENCH_SCRAPER_H
#define BENCH_SCRAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "samples.h"

enum scraper_format { SCRAPER_TEXT, SCRAPER_OPENMETRICS, SCRAPER_PROTOBUF };

struct scraper {
    enum scraper_format format;
    int fd;     /* -1: not connected */
    char *text; /* head and body of the last answer */
    size_t room;
    size_t head_bytes, body_bytes;
};

/* What an exposition says, over all primitives. */
struct exposed {
    uint64_t series; /* lines with a number */
    uint64_t primitives;
    struct tally tally; /* min and max are not exposed: 0 */
    uint64_t aborted;
    bool is_sound; /* false: a line is none, or a number no number */
};

/* "127.0.0.1:9464", as the agent publishes it. False: a message says why. */
bool scraper_connect(struct scraper *scraper, const char *address, enum scraper_format format);
void scraper_close(struct scraper *scraper);

/* One scrape, from the first byte sent to the last one received. 0: it failed, and a message says why. */
uint64_t scraper_scrape(struct scraper *scraper);

/* Protobuf is added up by a reader of the wire format that knows the fields it needs. */
void scraper_add_up(const struct scraper *scraper, struct exposed *out_exposed);

#endif
