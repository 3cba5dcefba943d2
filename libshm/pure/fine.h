/* SPDX-License-Identifier: Apache-2.0 */
/* Other resolutions than the bucket scheme's own: schemas 3 to 8, chosen for a store by its agent.
 *
 *     schema   growth    relative error of a percentile, (g - 1)/(g + 1) with g = 2^(1/2^schema)
 *     3        9.05 %    4.3295 %
 *     4        4.43 %    2.1658 %
 *     5        2.19 %    1.0831 %     what rings, spills and producers know (bucket.h)
 *     6        1.09 %    0.5416 %
 *     7        0.54 %    0.2708 %
 *     8        0.27 %    0.1354 %
 *
 * Coarser: each bucket of schema 3 or 4 is a union of two or four of schema 5. The samples of such a group are counted in its last bucket
 * (sr_fine_group()), so that the same cells hold fewer numbers.
 *
 * Finer: a sample that came through a ring has its duration to the nanosecond, and is counted in one of the 2, 4 or 8 parts of its bucket
 * (sr_fine_part()) as well as in the bucket. One that spilled is known to its bucket only. A percentile is worked out from the buckets first, exactly; when
 * all of the samples in the bucket that holds it are known to their parts, from those: else it is the bucket's own, and so is its error,
 * which is told (sr_fine_quantiles()).
 *
 * Parts are numbered 0 to 2^(schema - 5) - 1 within their bucket, cell part + bucket * 2^(schema - 5) of an array of sr_fine_count(). Bounds are
 * exact, from the generated table of schema 8, whose every eighth is one of schema 5.
 * Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_FINE_H
#define SR_PURE_FINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "pure/bucket.h"

#define SR_FINE_SCHEMA_MIN 3u
#define SR_FINE_SCHEMA_MAX 8u
#define SR_FINE_COUNT_MAX  (SR_BUCKET_COUNT * 8u)

/* Parts of a bucket; 1 for schemas up to 5. */
static inline uint32_t sr_fine_parts(uint32_t schema)
{
    return schema > SR_BUCKET_SCHEMA && schema <= SR_FINE_SCHEMA_MAX ? 1u << (schema - SR_BUCKET_SCHEMA) : 1u;
}

static inline uint32_t sr_fine_count(uint32_t schema)
{
    return SR_BUCKET_COUNT * sr_fine_parts(schema);
}

/* The part of its bucket in which the duration lies; `bucket` is its own. schema 6 to 8. */
uint32_t sr_fine_part(uint64_t duration_ns, uint32_t bucket, uint32_t schema);

/* The last bucket of the group that this one belongs to in a schema of 3 or 4; itself for others. */
uint32_t sr_fine_group(uint32_t bucket, uint32_t schema);

/* Each count of cells in [low, high) to its group's last bucket, as far as that lies below `high`; else to the last one there. */
void sr_fine_coarsen(uint64_t *cells, uint32_t low, uint32_t high, uint32_t schema);

/* Proven relative error of a schema, rounded up in the seventh digit. */
double sr_fine_error(uint32_t schema);

/* Cells to work out percentiles from. */
struct sr_fine_view {
    const uint64_t *cells; /* SR_BUCKET_COUNT; those outside [low, high) are zero */
    uint32_t low, high;
    const uint64_t *fine; /* sr_fine_count(schema) of them, or NULL: nothing is known of parts */
    uint32_t schema;
};

/* Several quantiles by nearest rank, ascending, in parts per million, of cells whose sum is `total`: the harmonic middle of the narrowest bucket or
 * part that is known to hold each, in nanoseconds. *out_error: the relative error that none of them exceeds. False as
 * sr_quantile_cells(). */
SR_MUST_CHECK bool sr_fine_quantiles(const struct sr_fine_view *view, uint64_t total,
                                     const uint32_t *quantiles_ppm, uint32_t n_quantiles, double *out_ns,
                                     double *out_error);

#endif
