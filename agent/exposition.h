/* SPDX-License-Identifier: Apache-2.0 */
/* Renders published figures in the Prometheus text format, version 0.0.4.
 *
 *   G1  One pass over the primitives: each family grows in a text of its own, so that its lines stand together and
 *       all lines of a primitive tell of the same moment.
 *   G2  Counts are the integers that were published, money and sums of durations exact decimals; ratios and rates the
 *       shortest decimal of their double. A figure that is absent has no line, and no line says NaN.
 *   G3  Label values are escaped, and what is no UTF-8 in them is replaced by U+FFFD, so that any bytes give a text
 *       that parses.
 *   G4  A family without a line has no HELP and TYPE either.
 *
 * Pure: no clock, no system call but for memory. A zeroed struct is ready; not thread safe. */
#ifndef AGENT_EXPOSITION_H
#define AGENT_EXPOSITION_H

#include <slipring/stats.h>

#include "buffer.h"
#include "families.h"
#include "peer/stats.h"
#include "pure/bound.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* A part of a line that many lines have. It is copied in blocks, which may read behind `bytes`. */
#define EXPOSITION_BLOCK_BYTES 32u
struct exposition_part {
    char text[192];
    size_t bytes;
};

struct exposition {
    struct buffer families[FAMILY_COUNT];
    struct buffer agent;             /* the agent's own figures, ready made */
    struct buffer labels;            /* of the primitive in hand, with a block to spare */
    struct buffer escaped;           /* the category in hand */
    struct exposition_part category; /* the same as a part: ,category="..."} */
    bool failed;                     /* memory ran out */
    /* The part ,le="..."} of each place's bound, which is nearly always the last primitive's. */
    struct {
        uint64_t bound_ns;
        struct exposition_part part;
    } bounds[SLIPRING_BOUND_COUNT];
};

/* Begin anew; the memory of the last time is kept. Then any number of primitives and at most once the agent. */
void exposition_begin(struct exposition *exposition);

void exposition_primitive(struct exposition *exposition, const struct slipring_stats *stats,
                          const struct slipring_stats_detail *detail);

void exposition_agent(struct exposition *exposition, const struct sr_agent_figures *figures);

/* The whole text, appended to *out_text. False when memory ran out on the way. */
__attribute__((warn_unused_result)) bool exposition_finish(struct exposition *exposition,
                                                           struct buffer *out_text);

void exposition_free(struct exposition *exposition);

#endif
