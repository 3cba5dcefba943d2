/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and parts of buckets: see fine.h. */
#include "pure/fine.h"

#include "pure/bucket_tables.h"
#include "pure/quantile.h"

#define EIGHTHS 256u /* buckets of schema 8 to an octave */

static const uint64_t eighths[EIGHTHS] = SR_BUCKET_TABLES_EIGHTHS;

/* 2^(1/2^schema), by schema - 3. */
static const double growths[] = {
    (double)SR_BUCKET_TABLES_GROWTH_3 / 0x1p63, (double)SR_BUCKET_TABLES_GROWTH_4 / 0x1p63,
    (double)SR_BUCKET_TABLES_GROWTH / 0x1p63,   (double)SR_BUCKET_TABLES_GROWTH_6 / 0x1p63,
    (double)SR_BUCKET_TABLES_GROWTH_7 / 0x1p63, (double)SR_BUCKET_TABLES_GROWTH_8 / 0x1p63};

double sr_fine_error(uint32_t schema)
{
    static const double errors[] = {0.0432947, 0.0216575, SR_BUCKET_ERROR_BOUND,
                                    0.0054152, 0.0027076, 0.0013539};
    return errors[schema - SR_FINE_SCHEMA_MIN];
}

/* Where a bucket's upper bound stands among those of schema 8, counted from the first one at or above a nanosecond's octave. */
static uint32_t eighth_of(uint32_t bucket)
{
    return (bucket - 1) / SR_BUCKET_PER_OCTAVE * EIGHTHS + (bucket - 1) % SR_BUCKET_PER_OCTAVE * 8u +
           SR_BUCKET_TABLES_EIGHTHS_FIRST;
}

static uint64_t upper_of_eighth(uint32_t eighth)
{
    return eighths[eighth % EIGHTHS] >> (63 - eighth / EIGHTHS);
}

/* How many buckets of schema 8 a part is. schema 6 to 8. */
static uint32_t step_of(uint32_t schema)
{
    return 8u >> (schema - SR_BUCKET_SCHEMA);
}

uint32_t sr_fine_part(uint64_t duration_ns, uint32_t bucket, uint32_t schema)
{
    const uint32_t parts = sr_fine_parts(schema);
    const uint32_t step = step_of(schema);
    if (bucket == SR_BUCKET_ZERO) {
        return 0;
    }
    const uint32_t last = eighth_of(bucket);
    uint32_t part = parts - 1;
    while (part > 0 && last >= (parts - part) * step && /* below the first octave there are no integers */
           duration_ns <= upper_of_eighth(last - (parts - part) * step)) {
        part--;
    }
    return part;
}

/* --- groups ----------------------------------------------------------------------------------------------------------------- */

/* The key of schema 5 that ends the group: it may lie beyond SR_BUCKET_KEY_MAX. */
static int32_t last_key(uint32_t bucket, uint32_t schema)
{
    const uint32_t steps = SR_BUCKET_SCHEMA - schema;
    return sr_bucket_downscale(sr_bucket_key(bucket), steps) * (1 << steps);
}

uint32_t sr_fine_group(uint32_t bucket, uint32_t schema)
{
    if (schema >= SR_BUCKET_SCHEMA || bucket == SR_BUCKET_ZERO) {
        return bucket;
    }
    const uint32_t last = sr_bucket_of_key(last_key(bucket, schema));
    return last < SR_BUCKET_COUNT ? last : SR_BUCKET_COUNT - 1;
}

void sr_fine_coarsen(uint64_t *cells, uint32_t low, uint32_t high, uint32_t schema)
{
    for (uint32_t i = low; i < high && schema < SR_BUCKET_SCHEMA; i++) {
        const uint32_t group = sr_fine_group(i, schema);
        const uint32_t to = group < high ? group : high - 1;
        if (to != i) {
            cells[to] += cells[i];
            cells[i] = 0;
        }
    }
}

/* --- quantiles -------------------------------------------------------------------------------------------------------------- */

/* Of the bucket (a, b], or the group or the part: b * 2/(1 + growth), as a = b / growth. */
static double estimate(uint32_t eighth, uint32_t schema)
{
    const double octave = (double)(UINT64_C(1) << (63 - eighth / EIGHTHS));
    const double bound = (double)eighths[eighth % EIGHTHS] / octave; /* by a power of two: exact */
    return bound * (2.0 / (1.0 + growths[schema - SR_FINE_SCHEMA_MIN]));
}

/* The part that holds the sample of this rank in the bucket; false: not all of its samples are known to their parts. */
static bool find_part(const struct sr_fine_view *view, uint32_t bucket, uint64_t rank, uint32_t *out_part)
{
    const uint32_t parts = sr_fine_parts(view->schema);
    if (!view->fine || parts == 1) {
        return false;
    }
    const uint64_t *fine = view->fine + (uint64_t)bucket * parts;
    uint64_t sum = 0;
    bool is_found = false;
    for (uint32_t part = 0; part < parts; part++) {
        if (!is_found && rank <= sum + fine[part]) {
            *out_part = part;
            is_found = true;
        }
        sum += fine[part];
    }
    return is_found && sum == view->cells[bucket];
}

/* One figure, of the sample of this rank within its bucket. */
static double figure(const struct sr_fine_view *view, uint32_t bucket, uint64_t rank, double *error)
{
    uint32_t schema = view->schema < SR_BUCKET_SCHEMA ? view->schema : SR_BUCKET_SCHEMA;
    uint32_t part = 0;
    if (bucket == SR_BUCKET_ZERO) {
        return 0.0;
    }
    uint32_t eighth = eighth_of(bucket);
    if (schema < SR_BUCKET_SCHEMA) { /* beyond the last bucket, perhaps: the arithmetic goes on there */
        eighth += (uint32_t)(last_key(bucket, schema) - sr_bucket_key(bucket)) * 8u;
    } else if (find_part(view, bucket, rank, &part)) {
        schema = view->schema;
        eighth -= (sr_fine_parts(schema) - 1 - part) * step_of(schema);
    }
    *error = sr_fine_error(schema) > *error ? sr_fine_error(schema) : *error;
    return estimate(eighth, schema);
}

bool sr_fine_quantiles(const struct sr_fine_view *view, uint64_t total, const uint32_t *quantiles_ppm,
                       uint32_t n_quantiles, double *out_ns, double *out_error)
{
    if (total == 0) {
        return false;
    }
    uint32_t cell = view->low;
    uint64_t below = 0; /* samples in the cells before `cell`; stays less than the rank looked for */
    double error = 0.0;
    for (uint32_t i = 0; i < n_quantiles; i++) {
        if (quantiles_ppm[i] > SR_QUANTILE_ONE_PPM || (i > 0 && quantiles_ppm[i] < quantiles_ppm[i - 1])) {
            return false;
        }
        const uint64_t rank = sr_quantile_rank(total, quantiles_ppm[i]);
        while (cell < view->high && view->cells[cell] < rank - below) {
            below += view->cells[cell];
            cell++;
        }
        if (cell == view->high) {
            return false;
        }
        out_ns[i] = figure(view, cell, rank - below, &error);
    }
    *out_error = error;
    return true;
}
