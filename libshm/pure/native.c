/* SPDX-License-Identifier: Apache-2.0 */
/* Native histograms from the books' cells. See native.h. */
#include "pure/native.h"

#include <string.h>

#include "pure/sparse.h"

/* Lowest key of a schema, `steps` coarser than the books'. */
static int32_t first_key(uint32_t steps)
{
    return sr_bucket_downscale(SR_BUCKET_KEY_MIN, steps);
}

static uint32_t bucket_count(uint32_t steps)
{
    return (uint32_t)(sr_bucket_downscale(SR_BUCKET_KEY_MAX, steps) - first_key(steps)) + 1;
}

static uint32_t coarse_index(uint32_t cell, uint32_t steps)
{
    return (uint32_t)(sr_bucket_downscale(sr_bucket_key(cell), steps) - first_key(steps));
}

/* How many bytes; 0 when they do not fit, or there is nothing. */
static uint32_t pack(const uint64_t *cells, uint32_t low, uint32_t high, uint32_t steps, uint8_t *bytes,
                     bool *out_fits)
{
    uint64_t coarse[SR_BUCKET_COUNT];
    uint8_t all[SR_BUCKET_COUNT * SR_SPARSE_ENTRY_MAX];
    *out_fits = true;
    if (low >= high) {
        return 0;
    }
    const uint32_t first = coarse_index(low, steps);
    const uint32_t last = coarse_index(high - 1, steps);
    memset(coarse + first, 0, (last - first + 1) * sizeof coarse[0]);
    for (uint32_t cell = low; cell < high; cell++) {
        coarse[coarse_index(cell, steps)] += cells[cell];
    }
    const size_t count = sr_sparse_pack(coarse, first, last + 1, all);
    *out_fits = count <= SR_NATIVE_BYTES;
    if (*out_fits) {
        memcpy(bytes, all, count);
    }
    return *out_fits ? (uint32_t)count : 0;
}

void sr_native_pack(const uint64_t *cells, uint32_t low, uint32_t high, int32_t schema,
                    struct sr_native_packed *out_packed)
{
    bool fits = false;
    out_packed->zero_count = low == SR_BUCKET_ZERO && high > low ? cells[SR_BUCKET_ZERO] : 0;
    low = low == SR_BUCKET_ZERO ? SR_BUCKET_ZERO + 1 : low;
    for (int32_t finest = schema; !fits; finest--) {
        out_packed->schema = finest;
        out_packed->bytes =
            pack(cells, low, high, (uint32_t)(SR_BUCKET_SCHEMA - finest), out_packed->packed, &fits);
    }
}

bool sr_native_unpack(const struct sr_native_packed *packed, struct sr_native *out_native)
{
    if (packed->schema < SR_NATIVE_SCHEMA_MIN || packed->schema > SR_NATIVE_SCHEMA_MAX ||
        packed->bytes > SR_NATIVE_BYTES) {
        return false;
    }
    const uint32_t steps = (uint32_t)(SR_BUCKET_SCHEMA - packed->schema);
    out_native->schema = packed->schema;
    out_native->first_key = first_key(steps);
    out_native->n = bucket_count(steps);
    out_native->zero_count = packed->zero_count;
    memset(out_native->counts, 0, out_native->n * sizeof out_native->counts[0]);
    if (!sr_sparse_add(out_native->counts, out_native->n, packed->packed, packed->bytes)) {
        return false;
    }
    out_native->total = packed->zero_count;
    for (uint32_t i = 0; i < out_native->n; i++) {
        out_native->total += out_native->counts[i];
    }
    return true;
}
