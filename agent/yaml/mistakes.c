/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes in a file, with the line that each is in. See mistakes.h. */
#include "mistakes.h"

#include "pure/utf8.h"

enum { SHOWN_BEFORE = 60, SHOWN_BEHIND = 40, INDENT = 4 }; /* characters of a line around the fault */

/* One character at `text`, of which `left` > 0 bytes remain, as it may be shown: what is none, or would be an order to a terminal, is a
 * replacement or a blank. Returns how many bytes it was. */
static size_t show_character(struct buffer *out, const char *text, size_t left)
{
    uint32_t code_point;
    const size_t length = sr_utf8_decode(text, left, &code_point);
    if (length == 0) {
        buffer_add_text(out, SR_UTF8_REPLACEMENT);
        return 1;
    }
    if (code_point == '\t') {
        buffer_add(out, " ", 1);
    } else if (sr_utf8_is_control(code_point)) {
        buffer_add_text(out, SR_UTF8_REPLACEMENT);
    } else {
        buffer_add(out, text, length);
    }
    return length;
}

static void show_text(struct buffer *out, const char *text, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        at += show_character(out, text + at, bytes - at);
    }
}

/* The place's line in the source. False: there is none. */
static bool find_line(const struct mistakes *mistakes, uint32_t number, const char **out_line,
                      size_t *out_bytes)
{
    const char *at = mistakes->source;
    size_t left = mistakes->source_bytes;
    if (at == NULL || number == 0) {
        return false;
    }
    for (uint32_t line = 1; line < number; line++) {
        const char *end = memchr(at, '\n', left);
        if (end == NULL) {
            return false;
        }
        left -= (size_t)(end + 1 - at);
        at = end + 1;
    }
    const char *end = memchr(at, '\n', left);
    size_t bytes = end == NULL ? left : (size_t)(end - at);
    bytes -= bytes > 0 && at[bytes - 1] == '\r';
    *out_line = at;
    *out_bytes = bytes;
    return true;
}

static void pad(struct buffer *out, const char *what, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buffer_add_text(out, what);
    }
}

/* The line around the place, and a caret below it. */
static void show_line(struct mistakes *mistakes, struct mistakes_place place)
{
    const char *line;
    size_t bytes;
    if (!find_line(mistakes, place.line, &line, &bytes)) {
        return;
    }
    const uint32_t first = place.column > SHOWN_BEFORE ? place.column - SHOWN_BEFORE : 1;
    const uint32_t last = place.column + SHOWN_BEHIND;
    struct buffer *out = &mistakes->told;
    uint32_t column = 1;
    pad(out, " ", INDENT);
    buffer_add_text(out, first > 1 ? "…" : "");
    for (size_t at = 0; at < bytes; column++) {
        struct buffer skipped = {0};
        if (column > last) {
            buffer_add_text(out, "…");
            break;
        }
        at += show_character(column < first ? &skipped : out, line + at, bytes - at);
        buffer_free(&skipped);
    }
    const uint32_t room = column > place.column ? column - place.column : 1;
    const uint32_t width = place.width > room ? room : place.width;
    buffer_add_text(out, "\n");
    pad(out, " ", INDENT + (first > 1 ? 1u : 0u) + place.column - first);
    buffer_add_text(out, "^");
    pad(out, "~", width > 1 ? width - 1 : 0);
    buffer_add_text(out, "\n");
}

void mistakes_add_of(struct mistakes *mistakes, struct mistakes_place place, const char *path,
                     const struct buffer *what, const char *expected)
{
    if (mistakes->count++ >= MISTAKES_MAX) {
        return;
    }
    struct buffer *out = &mistakes->told;
    show_text(out, mistakes->file, strlen(mistakes->file));
    if (place.line > 0) {
        buffer_format(out, ":%u:%u", place.line, place.column);
    }
    buffer_add_text(out, ": ");
    if (path[0] != '\0') {
        show_text(out, path, strlen(path));
        buffer_add_text(out, ": ");
    }
    show_text(out, what->text, what->used);
    buffer_add_text(out, "\n");
    if (!mistakes->is_secret) {
        show_line(mistakes, place);
    }
    if (expected != NULL) {
        pad(out, " ", INDENT);
        buffer_format(out, "expected %s\n", expected);
    }
}

void mistakes_add(struct mistakes *mistakes, struct mistakes_place place, const char *what,
                  const char *expected)
{
    struct buffer text = {0};
    buffer_add_text(&text, what);
    mistakes_add_of(mistakes, place, "", &text, expected);
    buffer_free(&text);
}

void mistakes_end(struct mistakes *mistakes)
{
    if (mistakes->count > MISTAKES_MAX) {
        buffer_format(&mistakes->told, "%s: %u more mistakes\n", mistakes->file,
                      mistakes->count - MISTAKES_MAX);
    }
}
