/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows. See buffer.h. */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "pure/number.h"

enum { FIRST_ROOM = 4096 };

bool buffer_grow(struct buffer *buffer, size_t count)
{
    if (buffer->failed || count > SIZE_MAX / 4 - buffer->used) {
        buffer->failed = true;
        return false;
    }
    size_t room = buffer->room < FIRST_ROOM ? FIRST_ROOM : buffer->room;
    while (room - buffer->used < count) {
        room += room / 2;
    }
    char *text = realloc(buffer->text, room);
    if (text == NULL) {
        buffer->failed = true;
        buffer->room = buffer->used; /* so that every later add comes here */
        return false;
    }
    buffer->text = text;
    buffer->room = room;
    return true;
}

void buffer_add_integer(struct buffer *buffer, uint64_t value)
{
    char digits[SR_NUMBER_TEXT_BYTES];
    buffer_add(buffer, digits, sr_number_format_integer(value, digits));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buffer->failed = true;
        return;
    }
    buffer_add(buffer, text, (size_t)length);
    free(text);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->used = 0;
    buffer->failed = false;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->text);
    *buffer = (struct buffer){0};
}
