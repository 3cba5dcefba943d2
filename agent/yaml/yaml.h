/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML file as a tree that knows where each part stands, for files that people write: the configuration and price cards.
 *
 * Read are one document of scalars, lists and mappings whose keys are scalars, in UTF-8, at most YAML_FILE_BYTES and YAML_DEPTH_MAX deep. Refused,
 * each with its place: anchors, aliases and tags (so nothing grows while it is read, and nothing stands for something
 * else), a key that stands twice, a zero byte, what is no text. All scalars are texts: what one means is the reader's.
 *
 * Reading blocks on the disk alone: what is no regular file is refused, not waited for. Not thread safe for one struct. */
#ifndef AGENT_YAML_H
#define AGENT_YAML_H

#include <stdbool.h>

#include "mistakes.h"

#define YAML_FILE_BYTES (256u << 10) /* what is quadratic in libfyaml is half a second then */
#define YAML_DEPTH_MAX  16
#define YAML_NODE_MAX   16384 /* keys and values */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    bool is_plain;    /* a scalar without quotes */
    const char *text; /* of a scalar, terminated and without a zero byte in it */
    const char *key;  /* of a mapping's child; else NULL */
    uint64_t key_hash;
    struct mistakes_place key_place;
    struct mistakes_place place;
    struct yaml_node *first; /* child of a list or mapping; NULL: it is empty */
    struct yaml_node *next;  /* behind it in its parent */
};

struct yaml; /* owns the nodes and their texts */

/* Read the file mistakes->file. False: what is wrong was added, *out_yaml is untouched. mistakes->source is the file's text until yaml_close().
 * *out_root is NULL for a file without a document: empty, or comments alone. */
__attribute__((warn_unused_result)) bool yaml_open(struct mistakes *mistakes, struct yaml **out_yaml,
                                                   const struct yaml_node **out_root);
void yaml_close(struct yaml *yaml);

/* The same for the text mistakes->source, which stays the caller's, and is not needed when it has been read. */
__attribute__((warn_unused_result)) bool yaml_parse(struct mistakes *mistakes, struct yaml **out_yaml,
                                                    const struct yaml_node **out_root);

/* A plain `null`, `~` or nothing at all. */
bool yaml_is_null(const struct yaml_node *node);

/* "a list", for sentences */
const char *yaml_kind_text(enum yaml_kind kind);

#endif
