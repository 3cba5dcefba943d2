/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipring-bench, from the table in options.def. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum options_task {
    OPTIONS_RUN,
    OPTIONS_LIST, /* print and exit 0, as the next two */
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_BAD, /* stderr says why; exit 2 */
};

#define OPTIONS_CPU_ANY UINT32_MAX

struct options {
    const char *benchmark;
    const char *only; /* NULL: all cases */
    uint32_t rounds;
    uint32_t batch;
    uint32_t bursts;
    uint32_t cpu;
    bool is_json;
};

/* arguments[0] is the program's name. The texts in *out_options are those of the arguments. */
enum options_task options_parse(int count, char *const *arguments, struct options *out_options);

void options_help(FILE *out);

/* Is the case among those asked for? */
bool options_wants(const struct options *options, const char *name);

#endif
