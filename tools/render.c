/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text made harmless, and its width: see render.h. Figures are in render_figures.c. */
#include "render.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "pure/utf8.h"

/* --- style ---------------------------------------------------------------------------------------------------- */

/* Any character set but a declared other one is taken as UTF-8: "C" says nothing about the terminal. */
static bool take_locale(void)
{
    bool utf8 = true;
    if (setlocale(LC_CTYPE, "")) {
        const char *codeset = nl_langinfo(CODESET);
        utf8 = strcmp(codeset, "UTF-8") == 0 || strcmp(codeset, "ANSI_X3.4-1968") == 0;
    }
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* for wcwidth(); without it all that is not ASCII is escaped */
    return utf8 && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int columns_of(FILE *stream)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (isatty(fileno(stream)) && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    long wish = columns ? strtol(columns, NULL, 10) : 0;
    return wish > 0 && wish < 10000 ? (int)wish : 0;
}

static bool is_colourful(FILE *stream, enum render_colour colour)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if (colour != RENDER_WHEN_TERMINAL) {
        return colour == RENDER_ALWAYS;
    }
    return isatty(fileno(stream)) && !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
}

struct render_style render_style_of(FILE *stream, enum render_colour colour)
{
    return (struct render_style){
        .columns = columns_of(stream),
        .utf8 = take_locale(),
        .colour = is_colourful(stream, colour),
    };
}

static const char *when_colourful(const struct render_style *style, const char *sequence)
{
    return style->colour ? sequence : "";
}

const char *render_bold(const struct render_style *style)
{
    return when_colourful(style, "\033[1m");
}

const char *render_good(const struct render_style *style)
{
    return when_colourful(style, "\033[32m");
}

const char *render_bad(const struct render_style *style)
{
    return when_colourful(style, "\033[31m");
}

const char *render_faint(const struct render_style *style)
{
    return when_colourful(style, "\033[2m");
}

const char *render_plain(const struct render_style *style)
{
    return when_colourful(style, "\033[0m");
}

/* --- foreign text --------------------------------------------------------------------------------------------- */

/* Columns of a character, or -1: it is not to be shown as it is. */
static int width_of(uint32_t code_point)
{
    bool turns_direction = (code_point >= 0x200e && code_point <= 0x200f) ||
                           (code_point >= 0x202a && code_point <= 0x202e) ||
                           (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0x061c;
    bool is_invisible = (code_point >= 0x200b && code_point <= 0x200d) || code_point == 0x2028 ||
                        code_point == 0x2029 || (code_point >= 0x2060 && code_point <= 0x2064) ||
                        code_point == 0xfeff || code_point == 0xad ||
                        (code_point >= 0xe0000 && code_point <= 0xe0fff);
    if (sr_utf8_is_control(code_point) || turns_direction || is_invisible) {
        return -1;
    }
    return code_point < 0x80 ? 1 : wcwidth((wchar_t)code_point);
}

struct writer {
    char *at;
    char *end; /* one byte before the end of the room: the terminator's */
};

/* All of the piece or nothing. */
static bool put(struct writer *writer, const char *piece, size_t length)
{
    if ((size_t)(writer->end - writer->at) < length) {
        return false;
    }
    memcpy(writer->at, piece, length);
    writer->at += length;
    return true;
}

static bool put_escaped(struct writer *writer, const char *text, size_t length, uint32_t code_point)
{
    char escape[16];
    int escaped = length == 0 || code_point < 0x80
                      ? snprintf(escape, sizeof escape, "\\x%02x", (unsigned)(unsigned char)text[0])
                      : snprintf(escape, sizeof escape, "\\u{%x}", (unsigned)code_point);
    return put(writer, escape, (size_t)escaped);
}

static void put_safe(struct writer *writer, bool utf8, const char *text, size_t max_bytes,
                     const char *also_escaped)
{
    size_t left = strnlen(text, max_bytes);
    bool is_first = true;
    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = sr_utf8_decode(text, left, &code_point);
        int width = length > 0 ? width_of(code_point) : -1;
        bool is_plain =
            width > 0 || (width == 0 && !is_first); /* a mark with nothing to sit on would sit on ours */
        is_plain =
            is_plain && (utf8 || code_point < 0x80) && !(code_point < 0x80 && strchr(also_escaped, text[0]));
        bool fits = is_plain ? put(writer, text, length) : put_escaped(writer, text, length, code_point);
        if (!fits) {
            return;
        }
        is_first = false;
        text += length > 0 ? length : 1;
        left -= length > 0 ? length : 1;
    }
}

const char *render_safe(const struct render_style *style, const char *text, size_t max_bytes,
                        struct render_text *room)
{
    struct writer writer = {.at = room->text, .end = room->text + sizeof room->text - 1};
    put_safe(&writer, style->utf8, text, max_bytes, "");
    *writer.at = '\0';
    return room->text;
}

const char *render_quote(const char *text, struct render_text *room)
{
    struct writer writer = {.at = room->text, .end = room->text + sizeof room->text - 2};
    *writer.at++ = '\'';
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    put_safe(&writer, utf8, text, sizeof room->text, "'\\");
    *writer.at++ = '\'';
    *writer.at = '\0';
    return room->text;
}

/* The first bytes of text that take at most `columns`; all of it: its length. */
static size_t bytes_within(const char *text, int columns, int *out_width)
{
    size_t taken = 0;
    size_t left = strlen(text);
    int width = 0;
    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = sr_utf8_decode(text + taken, left, &code_point);
        int wide = length > 0 ? width_of(code_point) : 1;
        wide = wide < 0 ? 1 : wide;
        if (wide > columns - width) {
            break;
        }
        width += wide;
        taken += length > 0 ? length : 1;
        left -= length > 0 ? length : 1;
    }
    *out_width = width;
    return taken;
}

int render_width(const char *text)
{
    int width = 0;
    (void)bytes_within(text, 1 << 30, &width);
    return width;
}

const char *render_fit(const struct render_style *style, const char *text, int columns,
                       struct render_text *room)
{
    int width = 0;
    if (render_width(text) <= columns) {
        (void)snprintf(room->text, sizeof room->text, "%s", text);
        return room->text;
    }
    const char *sign = style->utf8 ? "…" : "~";
    size_t bytes = bytes_within(text, columns - 1, &width);
    if (bytes > sizeof room->text - sizeof "…") {
        bytes = sizeof room->text - sizeof "…";
        while (bytes > 0 &&
               ((unsigned char)text[bytes] & 0xc0) == 0x80) { /* not in the middle of a character */
            bytes--;
        }
    }
    memcpy(room->text, text, bytes);
    memcpy(room->text + bytes, sign, strlen(sign) + 1);
    return room->text;
}

const char *render_absent(const struct render_style *style)
{
    return style->utf8 ? "–" : "-";
}
