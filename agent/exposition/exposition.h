/* SPDX-License-Identifier: Apache-2.0 */
/* Renders published figures for Prometheus, in the format that it asked for (negotiate.h): the text 0.0.4, OpenMetrics 1.0.0, or the protobuf
 * messages of io.prometheus.client (metrics.proto). All three are made by the same pass over the same figures, and differ in how a line is written
 * (exposition_parts.h) and in what only the later ones can carry.
 *
 *   G1  One pass over the primitives: each family grows in a text of its own, so that its lines stand together and
 *       all lines of a primitive tell of the same moment.
 *   G2  Counts are the integers that were published, money and sums of durations exact decimals; ratios and rates the
 *       shortest decimal of their double. A figure that is absent has no line, and no line says NaN. A double of protobuf is the one nearest to
 *       that decimal, which is what a reader of the text makes of it.
 *   G3  Label values are escaped, and what is no UTF-8 in them is replaced by U+FFFD, so that any bytes give a text
 *       that parses.
 *   G4  Every line carries the labels that the configuration adds, behind its primitive's and before its own.
 *   G5  A family without a line has no HELP and TYPE either.
 *   G6  The same series in each format: names, label values and numbers are equal as Prometheus stores them. OpenMetrics has _created beside them;
 *       of a native histogram Prometheus leaves the classic series out.
 *   G7  An exemplar stands at the bucket that its duration lies in, whatever is published.
 *
 * Pure: no clock, no system call but for memory. A zeroed struct is ready; not thread safe. */
#ifndef AGENT_EXPOSITION_H
#define AGENT_EXPOSITION_H

#include <slipring/slo.h>
#include <slipring/stats.h>
#include <slipring/trace.h>

#include "agent/buffer.h"
#include "exposition_labels.h"
#include "families.h"
#include "peer/stats.h"
#include "pure/bound.h"
#include "pure/bucket.h"
#include "pure/native.h"

enum exposition_format {
    EXPOSITION_TEXT,
    EXPOSITION_OPENMETRICS,
    EXPOSITION_PROTOBUF,
    EXPOSITION_FORMAT_COUNT,
};

/* A part of a line that many lines have. It is copied in blocks, which may read behind `bytes`. */
#define EXPOSITION_BLOCK_BYTES 32u
struct exposition_part {
    char text[160];
    size_t bytes;
};

#define EXPOSITION_QUANTILE_COUNT (SLIPRING_PERCENTILE_COUNT + SLIPRING_EXTRA_COUNT)

/* The labels of a window's lines. */
struct exposition_window {
    bool is_made;
    uint64_t window_ns;                                          /* 0: the lifetime */
    uint32_t extra_ppm[SLIPRING_EXTRA_COUNT];                    /* that `quantiles` were made of */
    struct exposition_part part;                                 /* window="1m" */
    struct exposition_part quantiles[EXPOSITION_QUANTILE_COUNT]; /* quantile="0.5",window="1m" */
};

/* Percentiles are the middles of buckets, a few hundred different numbers in a whole scrape: each is made text once. */
struct exposition_seconds {
    uint64_t bits; /* of the double, in nanoseconds */
    uint8_t bytes; /* 0: nothing yet */
    char text[EXPOSITION_BLOCK_BYTES - 1];
};

/* Label parts in the coding in hand. Those of bounds, windows and pairs of alerts are by place, where the last primitive nearly always had the
 * same one. */
struct exposition_cache {
    bool is_made;
    enum exposition_coding coding;
    struct exposition_part none, success, failure, aborted, infinity, period;
    struct exposition_part units[SLIPRING_UNIT_COUNT];
    struct {
        uint64_t bound_ns;
        struct exposition_part part; /* le="0.001" */
    } bounds[SLIPRING_BOUND_COUNT];
    struct exposition_window windows[SLIPRING_WINDOW_COUNT + 1]; /* the last one: the lifetime */
    struct {
        uint64_t window_s;
        struct exposition_part part; /* window="5m" */
    } slo_windows[SLIPRING_SLO_WINDOW_COUNT];
    struct {
        uint64_t long_s, short_s;
        struct exposition_part part; /* long="1h",short="5m" */
    } alerts[SLIPRING_ALERT_COUNT];
};

struct exposition {
    enum exposition_format format;
    struct buffer families[FAMILY_COUNT];
    struct buffer between;           /* headings, and behind the last family what is said once */
    struct buffer agent;             /* the agent's own figures, ready made */
    struct buffer labels;            /* of the primitive in hand, with a block to spare */
    struct buffer scratch;           /* of a label, or a message, in the making */
    struct exposition_part category; /* the one in hand */
    struct exposition_part
        created; /* when the counters of the primitive in hand began, as the format has it; empty: unknown */
    bool failed; /* memory ran out */
    const char *
        common; /* the caller's: labels of every line as exposition_add_label() writes them in the format's coding; common_bytes of it */
    size_t common_bytes;
    bool
        exposes_few; /* the caller's: windows 1m, 1h and the lifetime alone, and of an objective's windows the burn rates */
    double relative_error;   /* the greatest of all windows */
    double registry_fill;    /* NAN: nobody told */
    uint32_t minimum_events; /* of the alerts; 0: no primitive has any */
    struct exposition_cache cache;
    struct exposition_seconds seconds[SR_BUCKET_COUNT]; /* by the bucket that it lies in */
    struct sr_native native;                            /* of the primitive in hand */
};

/* All that was said: `span_count` spans, one behind the other. They lie where they were made, so that a large one is not copied to be sent. */
#define EXPOSITION_SPANS_MOST (2 * FAMILY_COUNT + 1)
struct exposition_span {
    const char *text;
    size_t bytes;
};
struct exposition_rendering {
    struct exposition *exposition; /* which gets the memory back */
    size_t bytes;                  /* of all spans */
    size_t room;                   /* memory that it takes, beside its own */
    uint32_t span_count;
    struct exposition_span spans[EXPOSITION_SPANS_MOST];
    struct buffer families[FAMILY_COUNT], between; /* what the spans are of */
};

/* What is known of a primitive. */
struct exposition_figures {
    const struct slipring_stats *stats;
    const struct slipring_stats_detail *detail;
    const struct slipring_slo_stats *slo;  /* its objectives' windows and alerts; NULL: none are published */
    const struct sr_native_packed *native; /* NULL: none; asked for by EXPOSITION_PROTOBUF alone */
    const struct slipring_exemplars *exemplars; /* NULL: none; EXPOSITION_TEXT cannot carry any */
};

/* The format's coding of labels: that of `common`. */
static inline enum exposition_coding exposition_coding(enum exposition_format format)
{
    return format == EXPOSITION_PROTOBUF ? EXPOSITION_PACKED : EXPOSITION_QUOTED;
}

/* Begin anew; the memory of the last time is kept. Then any number of primitives and at most once the agent. */
void exposition_begin(struct exposition *exposition, enum exposition_format format);

void exposition_primitive(struct exposition *exposition, const struct exposition_figures *figures);

/* What the primitive that was handed in last used of a resource. */
void exposition_usage(struct exposition *exposition, const struct slipring_usage_stats *usage);

void exposition_agent(struct exposition *exposition, const struct sr_agent_figures *figures);

/* The whole, for exposition_give_back(), which is due before exposition_free(); others may be rendered meanwhile. NULL when memory ran out on the way. */
__attribute__((warn_unused_result)) struct exposition_rendering *
exposition_finish(struct exposition *exposition);

/* Nobody reads it any more. Its memory is kept for the next one, unless something larger is. */
void exposition_give_back(struct exposition_rendering *rendering);

/* Append all of it to *out_text, which says whether there was memory. */
void exposition_join(const struct exposition_rendering *rendering, struct buffer *out_text);

void exposition_free(struct exposition *exposition);

#endif
