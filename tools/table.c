/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of text: see table.h. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"

enum { GAP = 2, ELASTIC_LEAST = 8, HIDDEN = -1 };

void table_open(struct table *table, const struct table_column *columns, int column_count)
{
    *table = (struct table){.columns = columns, .column_count = column_count};
    table->widths = calloc((size_t)column_count, sizeof *table->widths);
    if (!table->widths) {
        message_out_of_memory();
    }
}

void table_close(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    free(table->widths);
    *table = (struct table){0};
}

void table_add(struct table *table, const char *text)
{
    if (table->cell_count == table->cell_room) {
        table->cell_room = table->cell_room ? 2 * table->cell_room : 64;
        char **grown = reallocarray(table->cells, table->cell_room, sizeof *grown);
        if (!grown) {
            message_out_of_memory();
        }
        table->cells = grown;
    }
    char *copy = strdup(text);
    if (!copy) {
        message_out_of_memory();
    }
    table->cells[table->cell_count++] = copy;
}

size_t table_rows(const struct table *table)
{
    return table->cell_count / (size_t)table->column_count;
}

static const char *cell_at(const struct table *table, long row, int column)
{
    return row < 0 ? table->columns[column].title
                   : table->cells[(size_t)row * (size_t)table->column_count + (size_t)column];
}

/* How narrow a column may become. */
static int least_width(const struct table *table, int column)
{
    int least = render_width(table->columns[column].title);
    least = least > ELASTIC_LEAST ? least : ELASTIC_LEAST;
    return table->columns[column].is_elastic && table->widths[column] > least ? least : table->widths[column];
}

/* What all columns that are shown take up. */
static int total_width(const struct table *table, bool narrowest)
{
    int total = -GAP;
    for (int i = 0; i < table->column_count; i++) {
        if (table->widths[i] != HIDDEN) {
            total += GAP + (narrowest ? least_width(table, i) : table->widths[i]);
        }
    }
    return total;
}

/* Leave columns out until the others fit at their narrowest. */
static void leave_out(struct table *table, int columns)
{
    while (total_width(table, true) > columns) {
        int first = -1;
        for (int i = 0; i < table->column_count; i++) {
            int rank = table->widths[i] == HIDDEN ? 0 : table->columns[i].may_go;
            if (rank > 0 && (first < 0 || rank > table->columns[first].may_go)) {
                first = i;
            }
        }
        if (first < 0) {
            return;
        }
        table->widths[first] = HIDDEN;
    }
}

/* Take a column at a time from the widest elastic one. */
static void narrow(struct table *table, int columns)
{
    for (int excess = total_width(table, false) - columns; excess > 0; excess--) {
        int widest = -1;
        for (int i = 0; i < table->column_count; i++) {
            if (table->widths[i] > least_width(table, i) &&
                (widest < 0 || table->widths[i] > table->widths[widest])) {
                widest = i;
            }
        }
        if (widest < 0) {
            return;
        }
        table->widths[widest]--;
    }
}

void table_fit(struct table *table, const struct render_style *style)
{
    for (int i = 0; i < table->column_count; i++) {
        table->widths[i] = 0;
        for (long row = -1; row < (long)table_rows(table); row++) {
            int width = render_width(cell_at(table, row, i));
            table->widths[i] = width > table->widths[i] ? width : table->widths[i];
        }
    }
    if (style->columns > 0) {
        leave_out(table, style->columns);
        narrow(table, style->columns);
    }
}

static char *put_cell(char *at, const struct table_column *column, const char *text, int width)
{
    int blanks = width - render_width(text);
    blanks = blanks > 0 ? blanks : 0;
    size_t length = strlen(text);
    if (column->is_right) {
        memset(at, ' ', (size_t)blanks);
        at += blanks;
    }
    memcpy(at, text, length);
    at += length;
    if (!column->is_right) {
        memset(at, ' ', (size_t)blanks);
        at += blanks;
    }
    return at;
}

/* Without the blanks at the end; and no longer than the terminal, which would wrap it. */
static char *finish_line(const struct render_style *style, char *line, char *end)
{
    while (end > line && end[-1] == ' ') {
        end--;
    }
    *end = '\0';
    if (style->columns > 0 && render_width(line) > style->columns) {
        struct render_text room;
        size_t bytes = strlen(render_fit(style, line, style->columns, &room));
        memcpy(line, room.text, bytes + 1); /* table_line() left room for the sign */
    }
    return line;
}

char *table_line(const struct table *table, const struct render_style *style, long row)
{
    size_t bytes = 1;
    for (int i = 0; i < table->column_count; i++) {
        bytes += strlen(cell_at(table, row, i)) + (size_t)(table->widths[i] + GAP + 1) + sizeof "…";
    }
    char *line = malloc(bytes);
    if (!line) {
        message_out_of_memory();
    }
    char *at = line;
    for (int i = 0; i < table->column_count; i++) {
        struct render_text room;
        if (table->widths[i] == HIDDEN) {
            continue;
        }
        if (at > line) {
            memset(at, ' ', GAP);
            at += GAP;
        }
        at = put_cell(at, &table->columns[i],
                      render_fit(style, cell_at(table, row, i), table->widths[i], &room), table->widths[i]);
    }
    return finish_line(style, line, at);
}

static void print_markdown_cell(const char *text, FILE *stream)
{
    for (const char *at = text; *at; at++) {
        if (strchr("\\`*_[]<>|~#", *at)) {
            fputc('\\', stream);
        }
        fputc(*at, stream);
    }
}

void table_print_markdown(const struct table *table, FILE *stream)
{
    for (long row = -1; row < (long)table_rows(table); row++) {
        for (int i = 0; i < table->column_count; i++) {
            fputs(i == 0 ? "| " : " | ", stream);
            print_markdown_cell(cell_at(table, row, i), stream);
        }
        fputs(" |\n", stream);
        for (int i = 0; row < 0 && i < table->column_count; i++) {
            fputs(i == 0 ? "|" : "", stream);
            fputs(table->columns[i].is_right ? " ---: |" : " --- |", stream);
        }
        fputs(row < 0 ? "\n" : "", stream);
    }
}

void table_print(struct table *table, const struct render_style *style, FILE *stream)
{
    table_fit(table, style);
    for (long row = -1; row < (long)table_rows(table); row++) {
        char *line = table_line(table, style, row);
        fprintf(stream, "%s%s%s\n", row < 0 ? render_bold(style) : "", line,
                row < 0 ? render_plain(style) : "");
        free(line);
    }
}
