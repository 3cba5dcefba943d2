/* SPDX-License-Identifier: Apache-2.0 */
/* What many rounds come to. */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include <stdint.h>

/* The median; sorts the values: the least comes first, the greatest last. count is at least 1. */
double rounds_median(double *values, uint32_t count);

/* The median of over[i] / under[i], round by round: a slow second hits both. NaN: no memory, or a list is NULL. */
double rounds_ratio(const double *over, const double *under, uint32_t count);

#endif
