/* SPDX-License-Identifier: Apache-2.0 */
/* Nearest-rank quantiles over cells. See quantile.h. */
#include "pure/quantile.h"

uint64_t sr_quantile_rank(uint64_t total, uint32_t quantile_ppm)
{
    /* total = whole * 10^6 + rest, so that no product leaves 64 bits: whole * ppm <= total, rest * ppm < 10^12. */
    uint64_t whole = total / SR_QUANTILE_ONE_PPM;
    uint64_t rest = total % SR_QUANTILE_ONE_PPM;
    uint64_t rank =
        whole * quantile_ppm + (rest * quantile_ppm + SR_QUANTILE_ONE_PPM - 1) / SR_QUANTILE_ONE_PPM;
    return rank == 0 ? 1 : rank;
}

bool sr_quantile_cells(const uint64_t *cells, uint32_t n_cells, uint64_t total, const uint32_t *quantiles_ppm,
                       uint32_t n_quantiles, uint32_t *out_indices)
{
    if (total == 0) {
        return false;
    }
    uint32_t cell = 0;
    uint64_t below = 0; /* samples in the cells before `cell`; stays less than the rank looked for */
    for (uint32_t i = 0; i < n_quantiles; i++) {
        if (quantiles_ppm[i] > SR_QUANTILE_ONE_PPM || (i > 0 && quantiles_ppm[i] < quantiles_ppm[i - 1])) {
            return false;
        }
        uint64_t rank = sr_quantile_rank(total, quantiles_ppm[i]);
        while (cell < n_cells && cells[cell] < rank - below) {
            below += cells[cell];
            cell++;
        }
        if (cell == n_cells) {
            return false;
        }
        out_indices[i] = cell;
    }
    return true;
}

bool sr_quantile_cell(const uint64_t *cells, uint32_t n_cells, uint64_t total, uint32_t quantile_ppm,
                      uint32_t *out_index)
{
    return sr_quantile_cells(cells, n_cells, total, &quantile_ppm, 1, out_index);
}
