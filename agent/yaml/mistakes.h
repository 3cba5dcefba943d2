/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a file that a person wrote, as that person wants to be told:
 *
 *     slipring.yaml:3:17: windows: '60' is without a unit: say ns, us, ms, s, m, h or d
 *         windows: [10s, 60, 5m]
 *                        ^~
 *         expected 1 to 8 ascending times from 1s to 30d, as in [10s, 1m, 1h]
 *
 * Lines and columns count from 1; a column is a character, not a byte. At most MISTAKES_MAX are told, the rest is counted. Any bytes in
 * the file give a text without control characters but for the newlines here. A zeroed struct with `file` is an empty one. */
#ifndef AGENT_MISTAKES_H
#define AGENT_MISTAKES_H

#include "agent/buffer.h"

#define MISTAKES_MAX 10

/* Where something stands in a file. line 0: nowhere, it is the file as a whole. */
struct mistakes_place {
    uint32_t line;
    uint32_t column;
    uint32_t width; /* characters to underline, 1 at least */
};

struct mistakes {
    const char *file;   /* its name, as people gave it */
    const char *source; /* its text, source_bytes of it; NULL: not read yet */
    size_t source_bytes;
    struct buffer told; /* whole lines */
    unsigned count;
    bool is_secret; /* what is added now: its line is not shown */
};

/* `what` is a sentence without a full stop; `expected` (NULL: nothing) follows the word expected. */
void mistakes_add(struct mistakes *mistakes, struct mistakes_place place, const char *what,
                  const char *expected);

/* The same, with the path of a key before it ("": none): "windows: ". */
void mistakes_add_of(struct mistakes *mistakes, struct mistakes_place place, const char *path,
                     const struct buffer *what, const char *expected);

/* No more will be added: says how many are not told. */
void mistakes_end(struct mistakes *mistakes);

#endif
