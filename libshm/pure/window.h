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
 * Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_WINDOW_H
#define SR_PURE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define SR_WINDOW_MINUTE_NS UINT64_C(60000000000)
#define SR_WINDOW_SLICES    20u /* to a window */

/* What begins before this is not of the window that ends now. */
static inline uint64_t sr_window_earliest(uint64_t now_ns, uint64_t window_ns)
{
    return now_ns > window_ns ? now_ns - window_ns : 0;
}

/* When the window that ends now begins, given that it is complete from cover_ns on: not before now - window_ns. */
static inline uint64_t sr_window_begin(uint64_t cover_ns, uint64_t now_ns, uint64_t window_ns)
{
    const uint64_t earliest = sr_window_earliest(now_ns, window_ns);
    const uint64_t begin = cover_ns > earliest ? cover_ns : earliest;
    return begin < now_ns ? begin : now_ns;
}

/* n events in span_ns as a rate a second. A span shorter than a second counts as one: a burst just seen for the first time
 * is no rate of a million a second. 0 when n is 0. */
double sr_window_rate(uint64_t n, uint64_t span_ns);

/* The same in thousandths of an event a second, rounded down; UINT64_MAX when it is more than that. */
uint64_t sr_window_rate_thousandths(uint64_t n, uint64_t span_ns);

#endif
