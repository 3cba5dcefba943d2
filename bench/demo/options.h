/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipring-demo. */
#ifndef DEMO_OPTIONS_H
#define DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_PROCESSES_MAX 64

struct options {
    const char *directory;
    const char *store;    /* NULL: $SLIPRING_STORE or "default" */
    const char *manifest; /* NULL: none */
    uint32_t processes;
    uint32_t passes;
    bool is_recording;
    bool is_verbose;
    bool is_json; /* one line for programs instead of the tables */
};

/* -1: go on with *out_options. Otherwise the exit status: --help was printed, or what is wrong was said. */
int options_parse(int argc, char **argv, struct options *out_options);

#endif
