/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows. Running out of memory is remembered and makes every later call a no-op, so that a writer asks
 * once, at the end. A zeroed struct is an empty one. Not thread safe. */
#ifndef AGENT_BUFFER_H
#define AGENT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
    char *text; /* `used` bytes, not terminated; NULL while there was none */
    size_t used;
    size_t room;
    bool failed; /* no memory: the text is not whole */
};

/* Make room for `count` bytes more. False: there is none, and failed is set. */
__attribute__((warn_unused_result)) bool buffer_grow(struct buffer *buffer, size_t count);

/* Where `count` bytes may be written: the caller then raises `used` by what it wrote. NULL: no memory. */
static inline char *buffer_room(struct buffer *buffer, size_t count)
{
    return count <= buffer->room - buffer->used || buffer_grow(buffer, count) ? buffer->text + buffer->used
                                                                              : NULL;
}

static inline void buffer_add(struct buffer *buffer, const char *bytes, size_t count)
{
    if (count <= buffer->room - buffer->used || buffer_grow(buffer, count)) {
        if (count > 0 && buffer->text != NULL) { /* there is a text where there is room */
            memcpy(buffer->text + buffer->used, bytes, count);
        }
        buffer->used += count;
    }
}

static inline void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_add_integer(struct buffer *buffer, uint64_t value);

__attribute__((format(printf, 2, 3))) void buffer_format(struct buffer *buffer, const char *format, ...);

/* Empty again, the memory is kept. */
void buffer_clear(struct buffer *buffer);

/* The memory is given back; the struct is as new. */
void buffer_free(struct buffer *buffer);

#endif
