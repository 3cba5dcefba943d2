/* SPDX-License-Identifier: Apache-2.0 */
/* Slices and windows: see window.h. */
#include "pure/window.h"

#include "pure/wide.h"

#define SECOND_NS UINT64_C(1000000000)

double sr_window_rate(uint64_t n, uint64_t span_ns)
{
    const uint64_t span = span_ns > SECOND_NS ? span_ns : SECOND_NS;
    return (double)n / ((double)span / (double)SECOND_NS);
}

uint64_t sr_window_rate_thousandths(uint64_t n, uint64_t span_ns)
{
    const sr_wide span = span_ns > SECOND_NS ? span_ns : SECOND_NS;
    const sr_wide rate = (sr_wide)n * 1000u * SECOND_NS / span;
    return rate < UINT64_MAX ? (uint64_t)rate : UINT64_MAX;
}
