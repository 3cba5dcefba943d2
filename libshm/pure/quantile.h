/* SPDX-License-Identifier: Apache-2.0 */
/* Quantiles by nearest rank over a dense array of cells: the cell that holds the sample of rank ceil(q * n),
 * at least 1, when all n samples stand in ascending order. No interpolation, no clamping, integers only.
 *
 * A quantile is in parts per million: 500000 is the median, 990000 is p99, 0 the minimum, 1000000 the
 * maximum. Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_QUANTILE_H
#define SR_PURE_QUANTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define SR_QUANTILE_ONE_PPM 1000000u

/* ceil(quantile * total), at least 1: the rank of the sample that is the quantile. total >= 1,
 * quantile_ppm <= SR_QUANTILE_ONE_PPM. Exact for every total. */
uint64_t sr_quantile_rank(uint64_t total, uint32_t quantile_ppm);

/* The cell that holds the quantile. total is the sum of the cells. False, and *out_index untouched, when there is
 * no answer: total is 0, or more than the cells hold, or quantile_ppm is above SR_QUANTILE_ONE_PPM. */
SR_MUST_CHECK bool sr_quantile_cell(const uint64_t *cells, uint32_t n_cells, uint64_t total,
                                    uint32_t quantile_ppm, uint32_t *out_index);

/* Several quantiles in one pass; quantiles_ppm ascends (equals are allowed). False as above, and also when
 * the list is not ascending; out_indices may then be written in part. True for an empty list if total is not
 * 0. */
SR_MUST_CHECK bool sr_quantile_cells(const uint64_t *cells, uint32_t n_cells, uint64_t total,
                                     const uint32_t *quantiles_ppm, uint32_t n_quantiles,
                                     uint32_t *out_indices);

#endif
