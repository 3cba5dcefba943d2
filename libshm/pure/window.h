/* SPDX-License-Identifier: Apache-2.0 */
/* Windows as differences of one cumulative histogram: a slice is what the cells grew by between two moments, kept sparse; a
 * window is the sum of the slices that lie wholly within it and of the open part, which no slice holds yet.
 *
 *      |--- slice ---|--- slice ---|  ...  |--- slice ---|- open -|
 *   cover                                                        now
 *
 * A slice that began before the window did is left out whole, and the window then covers the less: what a window
 * really spans is always told, never stretched. Slices are about a twentieth of their window, so at most that is lost.
 *
 * Where slices lie (an arena of words) and how they are packed is arithmetic too, and here; whose memory it is, is
 * not. Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_WINDOW_H
#define SR_PURE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define SR_WINDOW_MINUTE_NS UINT64_C(60000000000)
#define SR_WINDOW_SLICE_NS  UINT64_C(3000000000) /* a slice of the minute */

/* Where a slice lies in its arena. */
struct sr_window_place {
    uint32_t off;
    uint32_t words;
};

/* The lowest gap of `need` words between the n places (in any order, not overlapping) of an arena of `room` words.
 * False: there is none. */
__attribute__((warn_unused_result)) bool sr_window_find_gap(const struct sr_window_place *places, uint32_t n,
                                                            uint32_t room, uint32_t need, uint32_t *out_off);

/* How many of the n slices, oldest first, began before the window did and are to leave. */
uint32_t sr_window_leaving(const uint64_t *start_ns, uint32_t n, uint64_t now_ns, uint64_t window_ns);

/* When the window that ends now begins, given that it is complete from cover_ns on: not before now - window_ns. */
static inline uint64_t sr_window_begin(uint64_t cover_ns, uint64_t now_ns, uint64_t window_ns)
{
    const uint64_t earliest = now_ns > window_ns ? now_ns - window_ns : 0;
    const uint64_t begin = cover_ns > earliest ? cover_ns : earliest;
    return begin < now_ns ? begin : now_ns;
}

/* An entry of a slice: which cell, and by how much it grew. count < 2^48, cell < 2^16. */
#define SR_WINDOW_COUNT_MAX ((UINT64_C(1) << 48) - 1)

static inline uint64_t sr_window_pack(uint32_t cell, uint64_t count)
{
    return (uint64_t)cell << 48 | count;
}

static inline uint32_t sr_window_cell(uint64_t entry)
{
    return (uint32_t)(entry >> 48);
}

static inline uint64_t sr_window_count(uint64_t entry)
{
    return entry & SR_WINDOW_COUNT_MAX;
}

/* The entries of a slice: cells - base within [from, to). out_entries has room for to - from. Returns how many. A cell
 * that grew by more than SR_WINDOW_COUNT_MAX is cut to that. */
uint32_t sr_window_differ(const uint64_t *cells, const uint64_t *base, uint32_t from, uint32_t to,
                          uint64_t *out_entries);

/* Add a slice's entries to dense cells; entries of cells beyond n_cells are left out. */
void sr_window_add(uint64_t *cells, uint32_t n_cells, const uint64_t *entries, uint32_t n);

/* n events in span_ns as a rate a second. A span shorter than a second counts as one: a burst just seen for the first time
 * is no rate of a million a second. 0 when n is 0. */
double sr_window_rate(uint64_t n, uint64_t span_ns);

#endif
