/* SPDX-License-Identifier: Apache-2.0 */
/* How a label is written: once, and then copied into each line that has it.
 *
 *     text      ,name="value"   the value escaped, as the text formats and OpenMetrics both want it
 *     packed    a LabelPair as field 1 of what it stands in, which is a Metric or an Exemplar
 *
 * Any bytes make a value: what is no UTF-8 in it is replaced by U+FFFD, in both codings alike, so that the series are the same. */
#ifndef AGENT_EXPOSITION_LABELS_H
#define AGENT_EXPOSITION_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "agent/buffer.h"

enum exposition_coding { EXPOSITION_QUOTED, EXPOSITION_PACKED, EXPOSITION_CODING_COUNT };

#define EXPOSITION_VALUE_BYTES  256 /* of a value that is packed, at most: longer ones are cut */
#define EXPOSITION_LABEL_BYTES  16  /* of a label beside its name and its value, at most */
#define EXPOSITION_VARINT_BYTES 10

/* value as protobuf has it. Returns the length. */
static inline size_t exposition_put_varint(char *at, uint64_t value)
{
    size_t length = 0;
    for (; value >= 0x80; value >>= 7) {
        at[length++] = (char)(value | 0x80);
    }
    at[length++] = (char)value;
    return length;
}

void exposition_add_label(enum exposition_coding coding, struct buffer *buffer, const char *name,
                          size_t name_bytes, const char *value);

#endif
