/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to an invocation: options before, after and between the words, `--name VALUE`, `--name=VALUE`, `-nVALUE`,
 * `--` ends them. */
#ifndef TOOLS_ARGUMENTS_H
#define TOOLS_ARGUMENTS_H

#include <stdbool.h>

#include "command.h"

struct option_spec {
    const char *name;
    const char *value; /* what it takes, NULL: a switch */
    const char *help;
    char letter; /* 0: none */
};

extern const struct option_spec option_specs[OPTION_COUNT];

/* Take argv[1..] apart. False: said on stderr what is wrong. On success *out_invocation holds all but the style;
 * .command is NULL when none was named. argv is reordered: the words come to stand at words[0..]. */
__attribute__((warn_unused_result)) bool arguments_parse(int argc, char **argv,
                                                         struct invocation *out_invocation);

#endif
