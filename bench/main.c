/* SPDX-License-Identifier: Apache-2.0 */
/* slipring-bench: runs the benchmark that the command line names. */
#include <stdio.h>

#include <slipring/version.h>

#include "bench.h"
#include "help.h"
#include "peer/guard.h"

/* What was printed has to have arrived. */
static int finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("slipring-bench: stdout");
        return BENCH_BAD;
    }
    return status;
}

static void print_list(void)
{
    for (uint32_t id = 0; id < BENCH_COUNT; id++) {
        puts(benchmarks[id]->name);
    }
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
        if (options.benchmark) {
            help_print_benchmark(stdout, options.benchmark);
        } else {
            help_print(stdout);
        }
        return finish(BENCH_OK);
    case OPTIONS_VERSION:
        puts("slipring-bench " SLIPRING_VERSION);
        return finish(BENCH_OK);
    case OPTIONS_LIST:
        print_list();
        return finish(BENCH_OK);
    case OPTIONS_RUN:
        return finish(options.benchmark->run(&options));
    case OPTIONS_BAD:
    default:
        return BENCH_BAD;
    }
}
