/* SPDX-License-Identifier: Apache-2.0 */
/* What a benchmark is: what its page says of it, the options it takes, the rows it prints, and a function that measures,
 * reports and says whether the books balanced. bench_NAME in NAME.c; listed in benchmarks.def. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdint.h>

#include "options.h"
#include "report.h"

/* The program's exit statuses, and what a benchmark returns. */
enum {
    BENCH_OK = 0,
    BENCH_UNBALANCED = 1, /* something recorded was not found again: no figure of the run is worth anything */
    BENCH_BAD = 2,        /* could not run: bad options, no shared memory */
};

struct benchmark {
    const char *name;
    const char *summary; /* a line of --help */
    const char *about;   /* what is measured and how: paragraphs, each ended by \n */
    const char *example; /* a command line */
    const struct option_use *options;
    uint32_t option_count;
    const struct report_table *const *tables;
    uint32_t table_count;
    int (*run)(const struct options *options);
};

enum benchmark_id {
#define BENCHMARK(name) BENCH_##name,
#include "benchmarks.def"
#undef BENCHMARK
    BENCH_COUNT,
};

#define BENCHMARK(name) extern const struct benchmark bench_##name;
#include "benchmarks.def"
#undef BENCHMARK

/* In the order of the table. */
extern const struct benchmark *const benchmarks[BENCH_COUNT];

/* NULL: there is none of that name. */
const struct benchmark *bench_find(const char *name);

#endif
