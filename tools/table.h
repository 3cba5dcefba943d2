/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of text: a row of titles, rows of cells, as wide as they need and no wider than the terminal. */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "render.h"

struct table_column {
    const char *title;
    bool is_right;   /* flush right: numbers */
    bool is_elastic; /* cut first when the terminal is narrow, but not below its title and 8 columns */
    int may_go;      /* 0: no; else left out when that was not enough, those with the greatest number first */
};

struct table {
    const struct table_column *columns;
    int column_count;
    char **cells; /* row after row */
    size_t cell_count, cell_room;
    int *widths; /* after table_fit(); HIDDEN: left out */
};

void table_open(struct table *table, const struct table_column *columns, int column_count);
void table_close(struct table *table);

/* The next cell, from left to right, row after row; a copy is kept. Harmless text only. */
void table_add(struct table *table, const char *text);

size_t table_rows(const struct table *table); /* whole ones */

/* Settle the widths for what was added. */
void table_fit(struct table *table, const struct render_style *style);

/* One line without its end, blanks at the end cut off; row -1: the titles. free() it. */
char *table_line(const struct table *table, const struct render_style *style, long row);

/* Print it whole as a table of (GitHub's) Markdown; what Markdown would take for an order is escaped. */
void table_print_markdown(const struct table *table, FILE *stream);

/* Fit, and print it whole, titles in bold. */
void table_print(struct table *table, const struct render_style *style, FILE *stream);

#endif
