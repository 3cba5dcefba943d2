/* SPDX-License-Identifier: Apache-2.0 */
/* What a benchmark is: a name, and a function that measures, reports and says whether the books balanced. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "options.h"

/* The program's exit statuses, and what a benchmark returns. */
enum {
    BENCH_OK = 0,
    BENCH_UNBALANCED = 1, /* something recorded was not found again: no figure of the run is worth anything */
    BENCH_BAD = 2,        /* could not run: bad options, no shared memory */
};

#define BENCHMARK(name, summary) int bench_##name(const struct options *options);
#include "benchmarks.def"
#undef BENCHMARK

#endif
