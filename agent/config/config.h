/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration in force: defaults, then slipring.yaml, then the command line, each over the one before; and for each
 * value where it came from. A reload reads the same command line with the file as it is then.
 *
 *   config_keys.def   the table of keys: what may be said
 *   values.h          what each value is, in the file and on the command line alike
 *   yaml.h            a YAML file as a tree with places; mistakes.h: how a mistake is told
 *   config_read.c     the file by the table; config_objectives.c: its objectives
 *   config_print.c    the whole as a file again
 *
 *   G1  All mistakes of a file are told in one run, ten at most, each with its place and what was expected; a file with a mistake changes nothing.
 *   G2  Nothing in a file is passed over: a key that is not known is a mistake.
 *   G3  What config_print() prints is read as the same configuration.
 *   G4  Reading touches no store and no network, and waits for nothing but a disk.
 *
 * A struct config owns every text that its options point to, but for those of the command line, which have to outlive it. It is not changed once made;
 * what other threads need of it is published by RCU (exposure.h). */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "options.h"

struct config;

/* Read the command line and the file that it or $SLIPRING_CONFIG names (or none). For OPTIONS_RUN, OPTIONS_CHECK_CONFIG and OPTIONS_PRINT_CONFIG
 * *out_config is the configuration; for other tasks it is untouched. OPTIONS_BAD: *message is a sentence about the command line. OPTIONS_BAD_FILE:
 * whole lines about the file, each mistake with FILE:LINE:COLUMN, the line and a caret, and what was expected. Any thread, several at once. */
enum options_task config_open(int count, char *const *arguments, struct config **out_config,
                              struct buffer *message);

/* NULL is ignored. */
void config_close(struct config *config);

const struct options *config_options(const struct config *config);

/* The effective configuration as YAML that --config takes, each value with a comment that says where it came from. */
void config_print(const struct config *config, struct buffer *text);

/* Values that only a start can change (START in config_keys.def; and whether there is TLS) and that differ between the two, for the log: "listen, schema". Empty: none. */
void config_needs_start(const struct config *running, const struct config *read, struct buffer *names);

/* The reference of the keys as Markdown tables, the text of `slipringd --list-keys`. */
void config_list_keys(struct buffer *text);

#endif
