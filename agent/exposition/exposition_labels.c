/* SPDX-License-Identifier: Apache-2.0 */
/* How a label is written in each coding. See exposition_labels.h. */
#include "exposition_labels.h"

#include <string.h>

#include "pure/utf8.h"

/* How many bytes from here on are ASCII that stands for itself: of most names, all. */
static size_t plain_length(const char *text)
{
    size_t length = 0;
    while (text[length] >= ' ' && (unsigned char)text[length] < 0x80 && text[length] != '"' &&
           text[length] != '\\') {
        length++;
    }
    return length;
}

/* The character that begins at text, which is no plain one. Returns behind what was written. */
static char *escape_one(char *at, const char *text, size_t left, size_t *out_used)
{
    uint32_t code_point;
    *out_used = sr_utf8_decode(text, left, &code_point);
    if (*out_used == 0) {
        *out_used = 1;
        memcpy(at, SR_UTF8_REPLACEMENT, strlen(SR_UTF8_REPLACEMENT));
        return at + strlen(SR_UTF8_REPLACEMENT);
    }
    if (code_point == '\n' || code_point == '"' || code_point == '\\') {
        *at++ = '\\';
        *at++ = code_point == '\n' ? 'n' : (char)code_point;
        return at;
    }
    memcpy(at, text, *out_used);
    return at + *out_used;
}

/* A label's value, between its quotes. */
static char *escape(char *at, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t used = plain_length(text);
        if (used > 0) {
            memcpy(at, text, used);
            at += used;
        } else {
            at = escape_one(at, text, left, &used);
        }
        text += used;
        left -= used;
    }
    return at;
}

static char *put_text(char *at, const char *name, size_t name_bytes, const char *value)
{
    *at++ = ',';
    memcpy(at, name, name_bytes);
    at += name_bytes;
    *at++ = '=';
    *at++ = '"';
    at = escape(at, value);
    *at++ = '"';
    return at;
}

/* A text as field `tag` (its number, and wire type 2). Returns behind it. */
static char *put_field(char *at, char tag, const char *text, size_t bytes)
{
    *at++ = tag;
    at += exposition_put_varint(at, bytes);
    memcpy(at, text, bytes);
    return at + bytes;
}

static size_t field_bytes(size_t bytes)
{
    char length[EXPOSITION_VARINT_BYTES];
    return 1 + exposition_put_varint(length, bytes) + bytes;
}

/* Field 1 of a Metric, or of an Exemplar: a LabelPair of name 1 and value 2. */
static char *put_packed(char *at, const char *name, size_t name_bytes, const char *value)
{
    char clean[3 * EXPOSITION_VALUE_BYTES + 1];
    const size_t value_bytes = sr_utf8_clean(value, clean, sizeof clean);
    *at++ = 0x0a;
    at += exposition_put_varint(at, field_bytes(name_bytes) + field_bytes(value_bytes));
    at = put_field(at, 0x0a, name, name_bytes);
    return put_field(at, 0x12, clean, value_bytes);
}

void exposition_add_label(enum exposition_coding coding, struct buffer *buffer, const char *name,
                          size_t name_bytes, const char *value)
{
    char *at = buffer_room(buffer, name_bytes + 3 * strlen(value) + EXPOSITION_LABEL_BYTES);
    if (at != NULL) {
        char *end = coding == EXPOSITION_PACKED ? put_packed(at, name, name_bytes, value)
                                                : put_text(at, name, name_bytes, value);
        buffer->used += (size_t)(end - at);
    }
}
