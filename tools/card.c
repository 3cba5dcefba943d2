/* SPDX-License-Identifier: Apache-2.0 */
/* Labelled lines of pieces: see card.h. */
#include "card.h"

#include <stdarg.h>

enum { INDENT = 2, LABEL = 13, GAP = 3, DEFAULT_WIDTH = 100, LEAST_WIDTH = 40 };

void card_open(struct card *card, const struct render_style *style, FILE *stream)
{
    int width = style->columns > 0 ? style->columns : DEFAULT_WIDTH;
    *card =
        (struct card){.stream = stream, .style = style, .width = width > LEAST_WIDTH ? width : LEAST_WIDTH};
}

void card_close(struct card *card)
{
    if (card->column > 0) {
        fputc('\n', card->stream);
    }
    card->column = 0;
}

void card_label(struct card *card, const char *label)
{
    card_close(card);
    int width = INDENT + render_width(label);
    fprintf(card->stream, "%*s%s%s%s", INDENT, "", render_faint(card->style), label,
            render_plain(card->style));
    fprintf(card->stream, "%*s", width < INDENT + LABEL ? INDENT + LABEL - width : 1, "");
    card->column = width < INDENT + LABEL ? INDENT + LABEL : width + 1;
    card->pieces = 0;
}

void card_piece(struct card *card, const char *emphasis, const char *format, ...)
{
    char piece[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    int width = render_width(piece);
    int gap = card->pieces > 0 ? GAP : 0;
    if (card->pieces > 0 && card->column + gap + width > card->width) {
        fprintf(card->stream, "\n%*s", INDENT + LABEL, "");
        card->column = INDENT + LABEL;
        gap = 0;
    }
    fprintf(card->stream, "%*s%s%s%s", gap, "", emphasis, piece,
            emphasis[0] ? render_plain(card->style) : "");
    card->column += gap + width;
    card->pieces++;
}
