/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse cells packed into bytes: what a window's slice holds of a histogram. Neighbouring buckets and small counts take two bytes an entry.
 *
 * For each cell that is not 0, in ascending order: how many cells lie between it and the one before (the first: its own index), then
 * its count, both as base-128 numbers, low groups first, the top bit of a byte saying that another one follows (LEB128, as in the
 * DWARF standard, section 7.6). The end is where the bytes end.
 *
 * Reading believes nothing: cells beyond the array, numbers of more than 64 bits and a cut last entry are left out.
 * Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_SPARSE_H
#define SR_PURE_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* An entry takes at most so many bytes, for arrays of at most 16,384 cells. */
#define SR_SPARSE_ENTRY_MAX 12u

/* Pack the cells of [low, high) into out_bytes, which has room for (high - low) * SR_SPARSE_ENTRY_MAX. Returns how many bytes. */
size_t sr_sparse_pack(const uint64_t *cells, uint32_t low, uint32_t high, uint8_t *out_bytes);

/* Add what was packed to the first n_cells of an array. False: the bytes are none of sr_sparse_pack(); what came before the fault was added. */
bool sr_sparse_add(uint64_t *cells, uint32_t n_cells, const uint8_t *bytes, size_t count);

#endif
