/* SPDX-License-Identifier: Apache-2.0 */
/* The one bucket scheme, from ring to Prometheus: base-2 exponential, schema 5, in seconds.
 *
 * Key k covers (2^((k-1)/32), 2^(k/32)] seconds, upper-inclusive and exact: a duration of v nanoseconds has
 * key k if and only if 2^(k-1) * 10^(9*32) < v^32 <= 2^k * 10^(9*32). That is the Prometheus native-histogram
 * layout.
 *
 * Beside the keys, which are signed and sparse, there is a dense index for arrays of cells: 0 is the zero
 * bucket (duration 0), 1 the bucket of one nanosecond (SR_BUCKET_KEY_MIN), SR_BUCKET_COUNT - 1 that of
 * SR_DURATION_MAX_NS. Below 46 ns, where a bucket is narrower than 1 ns, many
 * contain no integer number of nanoseconds: they stay empty.
 *
 * How the index is found, without floating point: E = 63 - clz(v), M = v << (63 - E), so that M lies in
 * [2^63, 2^64). In one octave of M there are 32 boundaries B[0..31], and at most one of them in each
 * sixty-fourth of the octave. The top 6 bits below the leading one choose an entry of slipring_inline_steps, which
 * holds the low 57 bits of that boundary (all ones if there is none) above 7 bits of count: 1 + how many
 * boundaries lie below the whole sixty-fourth. The low 57 bits of M, shifted up by 7, are greater than the
 * entry exactly when M is greater than the boundary, whatever the count says (the 7 bits compared with it are
 * zero). So: one load, one compare, index = count + (M above boundary) + 32 * E.
 *
 * Error: the estimate 2ab/(a+b) of a bucket (a, b] is as far from a as from b in proportion,
 * (b - est)/b = (est - a)/a = (b - a)/(b + a) = (g - 1)/(g + 1) with g = 2^(1/32), which is 0.01083000126...
 *
 * All functions are pure: no state, safe in any thread, process or signal handler. */
#ifndef SR_PURE_BUCKET_H
#define SR_PURE_BUCKET_H

#include <stdint.h>

#include "base/crashpoint.h"

#include <slipring/inline.h>

/* The longest duration, in nanoseconds: 52 days. SLIPRING_DURATION_MAX_NS is the same number. */
#define SR_DURATION_MAX_NS ((UINT64_C(1) << 52) - 1)

#define SR_BUCKET_SCHEMA     5
#define SR_BUCKET_PER_OCTAVE (1 << SR_BUCKET_SCHEMA)
#define SR_BUCKET_KEY_MIN    (-956) /* of 1 ns */
#define SR_BUCKET_KEY_MAX    708    /* of SR_DURATION_MAX_NS */
#define SR_BUCKET_COUNT      1666   /* dense indices: the zero bucket and one for each key */
#define SR_BUCKET_ZERO       0      /* dense index of the zero bucket */

/* The proven relative error of sr_bucket_estimate_ns(), (g - 1)/(g + 1) rounded up in the seventh digit. */
#define SR_BUCKET_ERROR_BOUND 0.0108301

/* Dense index of the bucket that holds a duration of 0 to SR_DURATION_MAX_NS nanoseconds. Clamp and count a
 * longer one before: its index may lie beyond SR_BUCKET_COUNT. */
static inline uint32_t sr_bucket_index(uint64_t duration_ns)
{
    if (duration_ns == 0) {
        return SR_BUCKET_ZERO;
    }
    return slipring_inline_bucket(duration_ns);
}

/* The key of a dense index of 1 to SR_BUCKET_COUNT - 1. The zero bucket has none: don't ask. */
static inline int32_t sr_bucket_key(uint32_t index)
{
    return SR_BUCKET_KEY_MIN + (int32_t)index - 1;
}

/* The dense index of a key; SR_BUCKET_COUNT, which is no index, for a key below SR_BUCKET_KEY_MIN or above
 * SR_BUCKET_KEY_MAX. */
static inline uint32_t sr_bucket_of_key(int32_t key)
{
    if (key < SR_BUCKET_KEY_MIN || key > SR_BUCKET_KEY_MAX) {
        return SR_BUCKET_COUNT;
    }
    return (uint32_t)(key - SR_BUCKET_KEY_MIN) + 1;
}

/* The key that holds `key` in the schema coarser by `steps` (schema SR_BUCKET_SCHEMA - steps): exact, since
 * each bucket there is a union of 2^steps here. Relies on >> of a negative number being arithmetic, as it is
 * in gcc and clang. */
static inline int32_t sr_bucket_downscale(int32_t key, uint32_t steps)
{
    return ((key - 1) >> steps) + 1;
}

/* The largest integer number of nanoseconds in the bucket, and the smallest. index < SR_BUCKET_COUNT. For a
 * bucket that contains no integer lower = upper + 1; lower of a bucket = upper of the one before + 1 always.
 * The last bucket's upper is beyond SR_DURATION_MAX_NS. The zero bucket is [0, 0]. */
uint64_t sr_bucket_upper_ns(uint32_t index);
uint64_t sr_bucket_lower_ns(uint32_t index);

/* The bucket's figure when one stands for all its samples: 2ab/(a+b) of its real bounds (a, b], in nanoseconds. It
 * differs from a sample of the bucket by at most SR_BUCKET_ERROR_BOUND times the sample. 0 for the zero bucket.
 * index < SR_BUCKET_COUNT. */
double sr_bucket_estimate_ns(uint32_t index);

#endif
