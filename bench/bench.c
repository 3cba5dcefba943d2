/* SPDX-License-Identifier: Apache-2.0 */
/* The table of benchmarks: see bench.h. */
#include "bench.h"

#include <stddef.h>
#include <string.h>

const struct benchmark *const benchmarks[BENCH_COUNT] = {
#define BENCHMARK(name) [BENCH_##name] = &bench_##name,
#include "benchmarks.def"
#undef BENCHMARK
};

const struct benchmark *bench_find(const char *name)
{
    for (uint32_t id = 0; id < BENCH_COUNT; id++) {
        if (strcmp(benchmarks[id]->name, name) == 0) {
            return benchmarks[id];
        }
    }
    return NULL;
}
