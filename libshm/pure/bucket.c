/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds and figures of buckets, from the generated tables. See bucket.h. */
#include "pure/bucket.h"

#include "pure/bucket_tables.h"

_Static_assert(SR_BUCKET_TABLES_SCHEMA == SR_BUCKET_SCHEMA, "the tables are of this schema");
_Static_assert(SR_BUCKET_TABLES_MAX_NS == SR_DURATION_MAX_NS, "the tables are for this range");
_Static_assert(SR_BUCKET_TABLES_KEY_MIN == SR_BUCKET_KEY_MIN, "the key of 1 ns");
_Static_assert(SR_BUCKET_TABLES_KEY_MAX == SR_BUCKET_KEY_MAX, "the key of the longest duration");
_Static_assert(SLIPRING_INLINE_BUCKET_COUNT == SR_BUCKET_COUNT, "one scheme, two layers");
_Static_assert(SR_BUCKET_TABLES_COUNT == SR_BUCKET_COUNT, "cells for every key and for zero");

/* 2^(1/32) */
#define GROWTH ((double)SR_BUCKET_TABLES_GROWTH / 0x1p63)

/* Read by slipring_inline_bucket(), in this library and in programs. */
const uint64_t slipring_inline_steps[2 * SR_BUCKET_PER_OCTAVE] = SR_BUCKET_TABLES_STEPS;

static const uint64_t boundaries[SR_BUCKET_PER_OCTAVE] = SR_BUCKET_TABLES_BOUNDARIES;

uint64_t sr_bucket_upper_ns(uint32_t index)
{
    if (index == SR_BUCKET_ZERO) {
        return 0;
    }
    uint32_t position = index - 1;
    return boundaries[position % SR_BUCKET_PER_OCTAVE] >> (63 - position / SR_BUCKET_PER_OCTAVE);
}

uint64_t sr_bucket_lower_ns(uint32_t index)
{
    return index == SR_BUCKET_ZERO ? 0 : sr_bucket_upper_ns(index - 1) + 1;
}

double sr_bucket_estimate_ns(uint32_t index)
{
    if (index == SR_BUCKET_ZERO) {
        return 0.0;
    }
    uint32_t position = index - 1;
    double octave = (double)(UINT64_C(1) << (63 - position / SR_BUCKET_PER_OCTAVE));
    double bound =
        (double)boundaries[position % SR_BUCKET_PER_OCTAVE] / octave; /* by a power of two: exact */
    /* a = b / growth, so 2ab/(a+b) = b * 2/(1 + growth). */
    return bound * (2.0 / (1.0 + GROWTH));
}
