/* SPDX-License-Identifier: Apache-2.0 */
/* Figures and foreign text as a terminal can show them.
 *
 * Names come from programs that may mean harm: what could move the cursor, change the direction of writing or
 * be invisible is escaped (\x1b, \u{202e}), and so is what is no UTF-8. Widths are columns, not bytes: wide characters
 * take two, combining marks none. A terminal whose character set is declared and not UTF-8 gets ASCII alone.
 *
 * Each function writes into a `struct render_text` of the caller's and returns its text. */
#ifndef TOOLS_RENDER_H
#define TOOLS_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct render_style {
    int columns; /* of the output; 0: it has no width, nothing is cut */
    bool utf8;
    bool colour;
};

struct render_text {
    char text[640]; /* the longest name, each of its bytes escaped, fits */
};

enum render_colour { RENDER_WHEN_TERMINAL, RENDER_ALWAYS, RENDER_NEVER };

/* How to write to this stream. Sets LC_CTYPE for the process. Columns: the terminal's, else $COLUMNS, else 0. */
struct render_style render_style_of(FILE *stream, enum render_colour colour);

/* A text from outside, harmless. At most `max_bytes` of it are read; a terminator ends it before. */
const char *render_safe(const struct render_style *style, const char *text, size_t max_bytes,
                        struct render_text *room);

/* The same between quotes, for messages; `'` and `\` are escaped as well. */
const char *render_quote(const char *text, struct render_text *room);

/* Columns that a harmless text takes up. */
int render_width(const char *text);

/* The text, cut to at most `columns` (>= 1) with a sign that it was. */
const char *render_fit(const struct render_style *style, const char *text, int columns,
                       struct render_text *room);

/* Absent figures: "–". */
const char *render_absent(const struct render_style *style);

/* "12.3ms"; µ becomes u in ASCII. render_nanoseconds() takes a figure that is no integer; it rounds. Here and below, what is no number
 * is "?". */
const char *render_duration(const struct render_style *style, uint64_t ns, struct render_text *room);
const char *render_nanoseconds(const struct render_style *style, double ns, struct render_text *room);

const char *render_count(uint64_t count, struct render_text *room);   /* "1,234,567" */
const char *render_rate(double per_second, struct render_text *room); /* "20.6/s" */
const char *render_ratio(double ratio, struct render_text *room);     /* "99.95%", cut and never rounded up */
const char *render_burn(double burn_rate,
                        struct render_text *room); /* "14.4": three digits, or a whole number */
/* How full, 0 to 1 (what is beyond is cut off), in `cells` (at most 40) columns: "███▌      ", "###.......". */
const char *render_bar(const struct render_style *style, double ratio, int cells, struct render_text *room);
/* "$12.34", exact; ">=$18,446,744,073.709551615" for a sum that outgrew its word and stands still. */
const char *render_money(uint64_t nanodollars, struct render_text *room);
const char *render_dollars(double dollars,
                           struct render_text *room); /* "$7.20", "$0.00975": three digits, or cents */
const char *render_bytes(uint64_t bytes, struct render_text *room); /* "1.5 MiB" */
const char *render_age(uint64_t ns, struct render_text *room);      /* "2m05s", whole seconds */

/* The local time of day and its distance from UTC, with the date when it is not today's: "14:03:59+02:00",
 * "2024-05-01 14:03:59+02:00". */
const char *render_wall(uint64_t wall_ns, uint64_t now_wall_ns, struct render_text *room);

/* The same with its date always. */
const char *render_date(uint64_t wall_ns, struct render_text *room);

/* Emphasis: begins with one of these and ends with render_plain(). Empty without colour. */
const char *render_bold(const struct render_style *style);
const char *render_good(const struct render_style *style);
const char *render_bad(const struct render_style *style);
const char *render_faint(const struct render_style *style);
const char *render_plain(const struct render_style *style);

#endif
