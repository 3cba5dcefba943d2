/* SPDX-License-Identifier: Apache-2.0 */
/* The cells of a book as a Prometheus native histogram: any schema up to the books' own, in a few hundred bytes.
 *
 * Bucket k of schema s covers (2^((k-1)/2^s), 2^(k/2^s)] seconds. Each is the union of whole buckets of schema 5 (bucket.h), so that coarser
 * counts are exact sums: sr_bucket_downscale() says which.
 *
 *     schema   growth: what a percentile that Prometheus interpolates in its bucket is off by at most
 *     5        2.19 %    the books' own
 *     4        4.43 %
 *     3        9.05 %    what an agent shows unless told otherwise
 *     2        18.9 %
 *     1        41.4 %
 *     0        100 %
 *    -1 to -4  300 % and more
 *
 * Packed, a histogram has room for SR_NATIVE_BYTES. Where that is too little, because durations are scattered over very many buckets, it is
 * packed at the finest schema at which it fits, and says which: counts only grow, so it never becomes finer again but by a reset.
 * Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_NATIVE_H
#define SR_PURE_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "pure/bucket.h"

#define SR_NATIVE_SCHEMA_MIN     (-4)
#define SR_NATIVE_SCHEMA_MAX     SR_BUCKET_SCHEMA
#define SR_NATIVE_SCHEMA_DEFAULT 3
#define SR_NATIVE_BYTES          2000u

/* A multiple of 8 bytes, without padding: it is published as it is. */
struct sr_native_packed {
    int32_t schema;
    uint32_t
        bytes; /* of `packed`: the buckets from the lowest one of the schema on, as sparse.h packs them */
    uint64_t zero_count; /* durations of 0 */
    uint8_t packed[SR_NATIVE_BYTES];
};

struct sr_native {
    int32_t schema;
    int32_t first_key; /* of counts[0] */
    uint32_t n;        /* buckets of the schema */
    uint64_t zero_count;
    uint64_t total; /* of all counts and zero_count, modulo 2^64 */
    uint64_t counts[SR_BUCKET_COUNT];
};

/* Pack cells[SR_BUCKET_COUNT], of which those outside [low, high) are zero. schema: the finest that is wanted, SR_NATIVE_SCHEMA_MIN to
 * SR_NATIVE_SCHEMA_MAX. Always fits at SR_NATIVE_SCHEMA_MIN. */
void sr_native_pack(const uint64_t *cells, uint32_t low, uint32_t high, int32_t schema,
                    struct sr_native_packed *out_packed);

/* False: these are no bytes of sr_native_pack(). */
SR_MUST_CHECK bool sr_native_unpack(const struct sr_native_packed *packed, struct sr_native *out_native);

#endif
