/* SPDX-License-Identifier: Apache-2.0 */
/* Packing and unpacking sparse cells: see sparse.h. */
#include "pure/sparse.h"

static size_t put(uint8_t *at, uint64_t value)
{
    size_t count = 0;
    while (value >= 0x80) {
        at[count++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[count++] = (uint8_t)value;
    return count;
}

/* The number at `at`; false: it is cut, or has more than 64 bits. */
static bool take(const uint8_t **at, const uint8_t *end, uint64_t *out_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        const uint8_t byte = *(*at)++;
        if (shift == 63 && byte > 1) {
            return false;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out_value = value;
            return true;
        }
    }
    return false;
}

size_t sr_sparse_pack(const uint64_t *cells, uint32_t low, uint32_t high, uint8_t *out_bytes)
{
    size_t bytes = 0;
    uint32_t next = 0; /* after the last entry */
    for (uint32_t i = low; i < high; i++) {
        if (cells[i] != 0) {
            bytes += put(out_bytes + bytes, i - next);
            bytes += put(out_bytes + bytes, cells[i]);
            next = i + 1;
        }
    }
    return bytes;
}

bool sr_sparse_add(uint64_t *cells, uint32_t n_cells, const uint8_t *bytes, size_t count)
{
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + count;
    uint64_t next = 0;
    while (at < end) {
        uint64_t gap = 0;
        uint64_t value = 0;
        if (!take(&at, end, &gap) || !take(&at, end, &value) || gap >= n_cells || next + gap >= n_cells) {
            return false;
        }
        cells[next + gap] += value;
        next += gap + 1;
    }
    return true;
}
