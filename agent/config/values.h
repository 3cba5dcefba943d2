/* SPDX-License-Identifier: Apache-2.0 */
/* The values of the configuration as text: what the command line (options.c) and the configuration file (config_read.c) say goes through
 * the same functions, and comes out of one again as it would stand in a file (values_print.c).
 *
 * A text that is taken is kept by pointer where the options need a text: it has to outlive them. A text that is refused changes
 * nothing but a list that was begun; *what gets a sentence about it, without the key and without what was expected: "'60' is without a unit: say ns, ...".
 * Looks up groups, else pure. Not thread safe for one struct options. */
#ifndef AGENT_VALUES_H
#define AGENT_VALUES_H

#include "agent/buffer.h"
#include "options.h"

enum value_key {
#define CONFIG_KEY(id, path, shape, option, when, standard, type, help) KEY_##id,
#include "config_keys.def"
#undef CONFIG_KEY
    KEY_COUNT,
};

enum value_shape { SHAPE_VALUE, SHAPE_LIST, SHAPE_BY_NAME, SHAPE_RULES };

struct value_key_row {
    const char *path;
    const char *option; /* NULL: none */
    const char *standard;
    const char *type;
    const char *help;
    enum value_shape shape;
    bool needs_start;
};

/* key < KEY_COUNT */
const struct value_key_row *values_row(enum value_key key);

/* The key that an option of the command line sets; KEY_COUNT: none. */
enum value_key values_of_option(const char *option);

/* Everything as without a command line and a file. */
void values_default(struct options *out_options);

/* Of shape VALUE. */
__attribute__((warn_unused_result)) bool values_set(enum value_key key, const char *text,
                                                    struct options *options, struct buffer *what);

/* Of shape LIST: begin an empty one, add each item, end it. Of a list as a whole *what is what it is: "empty". */
void values_begin(enum value_key key, struct options *options);
__attribute__((warn_unused_result)) bool values_add(enum value_key key, const char *text,
                                                    struct options *options, struct buffer *what);
__attribute__((warn_unused_result)) bool values_end(enum value_key key, struct options *options,
                                                    struct buffer *what);

/* Of le_of: is it a primitive's name? Then its bounds, none yet, for values_add_bound(); NULL: *what says that there is no room. */
__attribute__((warn_unused_result)) bool values_le_of_name(const char *name, size_t bytes,
                                                           struct buffer *what);
struct agent_le_of *values_le_of(const char *name, size_t bytes, struct options *options,
                                 struct buffer *what);
__attribute__((warn_unused_result)) bool values_add_bound(struct sr_bound_list *list, const char *text,
                                                          struct buffer *what);

/* Of labels: is it a label's name, and none of ours (terminated)? Then its text, which replaces what was said of that name before. */
__attribute__((warn_unused_result)) bool values_label_name(const char *name, struct buffer *what);
__attribute__((warn_unused_result)) bool values_label(const char *name, size_t bytes, const char *text,
                                                      struct options *options, struct buffer *what);

/* Of http.users and http.tokens. A text that is refused may be a secret: *what does not say it. */
__attribute__((warn_unused_result)) bool values_credential_name(const char *name, struct buffer *what);
__attribute__((warn_unused_result)) bool values_credential(enum value_key key, const char *name,
                                                           const char *hash, struct options *options,
                                                           struct buffer *what);

/* The parts of an objective; the rest of its checks are where they meet. */
__attribute__((warn_unused_result)) bool values_target(const char *text, uint32_t *out_ppb,
                                                       struct buffer *what);
__attribute__((warn_unused_result)) bool values_threshold(const char *text, uint64_t *out_ns,
                                                          struct buffer *what);
__attribute__((warn_unused_result)) bool values_amount(const char *text, uint64_t *out_nanodollars,
                                                       struct buffer *what);
__attribute__((warn_unused_result)) bool values_period(const char *text, uint64_t *out_s,
                                                       struct buffer *what);

/* As it would stand in a file, in one line: of a VALUE and a LIST. What the options leave to the default is the default. */
void values_print(enum value_key key, const struct options *options, struct buffer *text);

/* The bounds of a name, the text of a label; objectives have no short form. */
void values_print_bounds(const struct sr_bound_list *list, struct buffer *text);

/* A scalar, quoted where YAML would take it for something else. */
void values_print_text(const char *value, size_t bytes, struct buffer *text);

#endif
