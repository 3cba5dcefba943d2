/* SPDX-License-Identifier: Apache-2.0 */
/* The manual pages of `slipring`, made from the tables of commands and options. */
#ifndef TOOLS_HELP_H
#define TOOLS_HELP_H

#include <stdio.h>

#include "command.h"

/* All commands. */
void help_overview(const struct render_style *style, FILE *stream);

void help_command(const struct command *command, const struct render_style *style, FILE *stream);

#endif
