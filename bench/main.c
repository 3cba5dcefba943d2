/* SPDX-License-Identifier: Apache-2.0 */
/* slipring-bench: finds the benchmark in the table and runs it. */
#include <stdio.h>
#include <string.h>

#include <slipring/version.h>

#include "bench.h"
#include "peer/guard.h"

static const struct benchmark {
    const char *name;
    int (*run)(const struct options *options);
} benchmarks[] = {
#define BENCHMARK(name, summary) {#name, bench_##name},
#include "benchmarks.def"
#undef BENCHMARK
};

static int run(const struct options *options)
{
    for (size_t i = 0; i < sizeof benchmarks / sizeof benchmarks[0]; i++) {
        if (strcmp(benchmarks[i].name, options->benchmark) == 0) {
            return benchmarks[i].run(options);
        }
    }
    fprintf(stderr, "slipring-bench: there is no benchmark %s: see slipring-bench --list\n",
            options->benchmark);
    return BENCH_BAD;
}

/* What was printed has to have arrived. */
static int finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("slipring-bench: stdout");
        return BENCH_BAD;
    }
    return status;
}

int main(int count, char **arguments)
{
    struct options options;
    if (sr_guard_install() != SLIPRING_OK) {
        perror("slipring-bench: sigaction");
        return BENCH_BAD;
    }
    switch (options_parse(count, arguments, &options)) {
    case OPTIONS_HELP:
        options_help(stdout);
        return finish(BENCH_OK);
    case OPTIONS_VERSION:
        puts("slipring-bench " SLIPRING_VERSION);
        return finish(BENCH_OK);
    case OPTIONS_LIST:
        for (size_t i = 0; i < sizeof benchmarks / sizeof benchmarks[0]; i++) {
            puts(benchmarks[i].name);
        }
        return finish(BENCH_OK);
    case OPTIONS_RUN:
        return finish(run(&options));
    case OPTIONS_BAD:
    default:
        return BENCH_BAD;
    }
}
