/* SPDX-License-Identifier: Apache-2.0 */
/* Slices and windows: see window.h. */
#include "pure/window.h"

#define SECOND_NS UINT64_C(1000000000)

/* The end of the last place that [off, off + need) overlaps; 0: it overlaps none. */
static uint32_t blocked_until(const struct sr_window_place *places, uint32_t n, uint32_t off, uint32_t need)
{
    uint32_t until = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t end = places[i].off + places[i].words;
        if (places[i].words != 0 && off < end && places[i].off < off + need && end > until) {
            until = end;
        }
    }
    return until;
}

bool sr_window_find_gap(const struct sr_window_place *places, uint32_t n, uint32_t room, uint32_t need,
                        uint32_t *out_off)
{
    uint32_t off = 0;
    while (need <= room && off <= room - need) {
        const uint32_t until = blocked_until(places, n, off, need);
        if (until == 0) {
            *out_off = off;
            return true;
        }
        off = until;
    }
    return false;
}

uint32_t sr_window_leaving(const uint64_t *start_ns, uint32_t n, uint64_t now_ns, uint64_t window_ns)
{
    const uint64_t earliest = now_ns > window_ns ? now_ns - window_ns : 0;
    uint32_t leaving = 0;
    while (leaving < n && start_ns[leaving] < earliest) {
        leaving++;
    }
    return leaving;
}

uint32_t sr_window_differ(const uint64_t *cells, const uint64_t *base, uint32_t from, uint32_t to,
                          uint64_t *out_entries)
{
    uint32_t count = 0;
    for (uint32_t i = from; i < to; i++) {
        const uint64_t grown = cells[i] - base[i];
        if (grown != 0) {
            out_entries[count++] =
                sr_window_pack(i, grown < SR_WINDOW_COUNT_MAX ? grown : SR_WINDOW_COUNT_MAX);
        }
    }
    return count;
}

void sr_window_add(uint64_t *cells, uint32_t n_cells, const uint64_t *entries, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t cell = sr_window_cell(entries[i]);
        if (cell < n_cells) {
            cells[cell] += sr_window_count(entries[i]);
        }
    }
}

double sr_window_rate(uint64_t n, uint64_t span_ns)
{
    const uint64_t span = span_ns > SECOND_NS ? span_ns : SECOND_NS;
    return (double)n / ((double)span / (double)SECOND_NS);
}
