/* SPDX-License-Identifier: Apache-2.0 */
/* A card: labelled lines of short pieces that wrap between pieces, never within one.
 *
 *     requests     20.6/s   active 3   succeeded 1,222
 *                  failed 12 */
#ifndef TOOLS_CARD_H
#define TOOLS_CARD_H

#include <stdio.h>

#include "render.h"

struct card {
    FILE *stream;
    const struct render_style *style;
    int width;  /* where lines wrap */
    int column; /* where the next piece would begin; 0: no line begun */
    int pieces; /* on this line */
};

/* Wraps at the output's width, at 100 if it has none, and never below 40. */
void card_open(struct card *card, const struct render_style *style, FILE *stream);
void card_close(struct card *card); /* ends the last line */

/* Begin a labelled line; "" goes on under the last label. */
void card_label(struct card *card, const char *label);

/* A piece of harmless text; `emphasis` is a render_bold() and so on, or "". */
__attribute__((format(printf, 3, 4))) void card_piece(struct card *card, const char *emphasis,
                                                      const char *format, ...);

#endif
