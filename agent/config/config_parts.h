/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a struct config, for its files: config.c, config_read.c (the file by the table), config_objectives.c (its objectives),
 * config_print.c. */
#ifndef AGENT_CONFIG_PARTS_H
#define AGENT_CONFIG_PARTS_H

#include "agent/books/prices.h"
#include "agent/yaml/yaml.h"
#include "config.h"
#include "values.h"

enum config_from { FROM_DEFAULT, FROM_FILE, FROM_OPTION };

/* Where a value comes from. */
struct config_origin {
    enum config_from from;
    uint32_t line; /* in the file */
    uint32_t column;
};

struct config {
    struct options options;
    char *file; /* NULL: none */
    struct yaml *yaml;
    char *paths[OPTIONS_PRICE_CARD_MAX]; /* of price cards that the file names relative to its folder */
    struct prices *prices;
    struct agent_objective_rule rules[AGENT_RULE_MAX];
    uint32_t rule_lines[AGENT_RULE_MAX];
    struct config_origin origins[KEY_COUNT];
    struct config_origin le_of_origins[AGENT_LE_OF_MAX];
    struct config_origin user_origins[CREDENTIALS_MAX];
    struct config_origin token_origins[CREDENTIALS_MAX];
    struct config_origin label_origins[OPTIONS_LABEL_MAX];
};

/* Where a field of an objective may stand (CONFIG_FIELD, config_keys.def). */
enum { IN_RULE = 1, IN_LATENCY = 2, IN_AVAILABILITY = 4, IN_SPEND = 8 };

/* The file's values over the defaults. What is wrong is added to the mistakes. */
void config_read(struct config *config, struct mistakes *mistakes, const struct yaml_node *root);

/* Its objectives. */
void config_read_rules(struct config *config, struct mistakes *mistakes, const struct yaml_node *list);

/* A key that nobody knows, among those that would be known there: `names` ends with NULL. `path`: of the mapping it stands in, "" for the file's own. */
void config_unknown(struct mistakes *mistakes, const struct yaml_node *child, const char *path,
                    const char *const *names);

/* Not of this kind: false, and it was said. `expected` is of the whole value. */
__attribute__((warn_unused_result)) bool config_is(struct mistakes *mistakes, const struct yaml_node *node,
                                                   enum yaml_kind kind, const char *path,
                                                   const char *expected);

#endif
