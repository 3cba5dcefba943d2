/* SPDX-License-Identifier: Apache-2.0 */
/* The help pages of slipring-bench, from the tables. */
#ifndef BENCH_HELP_H
#define BENCH_HELP_H

#include <stdio.h>

struct benchmark;

/* Of the whole program. */
void help_print(FILE *out);

/* Of one benchmark: what it measures, its options, the fields of its rows, an example. */
void help_print_benchmark(FILE *out, const struct benchmark *benchmark);

#endif
