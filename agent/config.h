/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration in force: defaults, then slipring.yaml, then the command line, each over the one before; and for each
 * value where it came from. A reload reads the same command line with the file as it is then.
 *
 * A struct config owns every text that its options point to, is not changed once made, and is published to other threads by RCU
 * (exposure.h). */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "options.h"

struct config;

/* Read the command line and the file that it names (or none). OPTIONS_BAD: *message says what is wrong and where, FILE:LINE:COLUMN with the
 * line and a caret for each of at most ten errors, and what was expected. */
enum options_task config_open(int count, char *const *arguments, struct config **out_config,
                              struct buffer *message);
void config_close(struct config *config);

const struct options *config_options(const struct config *config);

/* The effective configuration as YAML that --config takes, each value with a comment that says where it came from. */
void config_print(const struct config *config, struct buffer *text);

/* Values that only a start can change (store, folder, group, listeners, schema, ...) and that differ between the two, for the log: "listen, schema". Empty: none. */
void config_needs_start(const struct config *running, const struct config *read, struct buffer *names);

#endif
