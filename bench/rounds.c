/* SPDX-License-Identifier: Apache-2.0 */
/* Medians: see rounds.h. */
#include "rounds.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double rounds_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof values[0], compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double rounds_ratio(const double *over, const double *under, uint32_t count)
{
    double *ratios = over && under ? calloc(count, sizeof *ratios) : NULL;
    if (!ratios) {
        return NAN;
    }
    for (uint32_t i = 0; i < count; i++) {
        ratios[i] = over[i] / under[i];
    }
    const double ratio = rounds_median(ratios, count);
    free(ratios);
    return ratio;
}
