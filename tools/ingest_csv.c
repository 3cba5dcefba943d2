/* SPDX-License-Identifier: Apache-2.0 */
/* CSV as RFC 4180 has it: cells between delimiters, or between quotes when they hold delimiters, line ends or quotes, which are
 * doubled then. See ingest.h.
 *
 * A quote within a cell that does not begin with one, or anything between a closing quote and the delimiter, is a fault, for programs read
 * it in several ways. A quote that is never closed would swallow all that follows: a record spans at most RECORD_BYTES, and after a faulty one
 * the next record begins at its second line. */
#include <stdio.h>
#include <string.h>

#include "ingest.h"

enum { RECORD_BYTES = 64 * 1024 };

void ingest_csv_open(struct ingest_csv *csv, const struct ingest_fields *fields, char delimiter)
{
    *csv = (struct ingest_csv){.fields = fields, .delimiter = delimiter};
}

static bool say(struct ingest_fault *fault, const char *why)
{
    (void)snprintf(fault->why, sizeof fault->why, "%s", why);
    return false;
}

/* The quote that closes the cell that begins at `at`; more lines are read until it is there. 0: there is none. */
static size_t find_close(struct ingest_reader *reader, struct ingest_record *record, size_t at)
{
    for (size_t from = at + 1;;) {
        const char *quote =
            from < record->length ? memchr(record->text + from, '"', record->length - from) : NULL;
        if (quote) {
            from = (size_t)(quote - record->text);
            if (from + 1 < record->length && record->text[from + 1] == '"') {
                from += 2;
                continue;
            }
            return from;
        }
        from = record->length > from ? record->length : from;
        if (!reader || record->length > RECORD_BYTES || !ingest_reader_extend(reader, record)) {
            return 0;
        }
    }
}

/* Where each cell begins and ends, quotes with them. -1: a fault; else how many there are. */
static int split(struct ingest_csv *csv, struct ingest_reader *reader, struct ingest_record *record,
                 struct ingest_fault *fault)
{
    int count = 0;
    size_t at = 0;
    for (;;) {
        size_t end = at;
        if (count == INGEST_COLUMN_MAX) {
            (void)say(fault, "it has more than 256 cells");
            return -1;
        }
        if (at < record->length && record->text[at] == '"') {
            end = find_close(reader, record, at);
            if (end == 0) {
                (void)say(fault, "a quote is not closed");
                return -1;
            }
            end++;
            if (end < record->length && record->text[end] != csv->delimiter) {
                (void)say(fault, "there is something between a closing quote and the next cell");
                return -1;
            }
        } else {
            while (end < record->length && record->text[end] != csv->delimiter && record->text[end] != '"') {
                end++;
            }
            if (end < record->length && record->text[end] == '"') {
                (void)say(fault, "there is a quote within a cell that does not begin with one");
                return -1;
            }
        }
        csv->cells[count++] = (struct ingest_cell){.at = at, .length = end - at};
        if (end >= record->length) {
            return count;
        }
        at = end + 1;
    }
}

/* What is in a cell. Doubled quotes are made one in place: once a cell. */
static struct ingest_text open_cell(struct ingest_record *record, const struct ingest_cell *cell)
{
    char *text = record->text + cell->at;
    size_t length = cell->length;
    if (length >= 2 && *text == '"') {
        size_t to = 0;
        text++;
        for (size_t from = 0; from < length - 2; from++, to++) {
            text[to] = text[from];
            from += text[from] == '"'; /* the second of two */
        }
        length = to;
    }
    return (struct ingest_text){.text = text, .length = length};
}

bool ingest_csv_head(struct ingest_csv *csv, struct ingest_record *record, struct ingest_fault *fault)
{
    int found[INGEST_FIELD_MAX] = {0};
    int count = split(csv, NULL, record, fault);
    for (int column = 0; column < count; column++) {
        struct ingest_text cell = open_cell(record, &csv->cells[column]);
        for (uint32_t i = 0; i < csv->fields->count; i++) {
            const char *name = csv->fields->names[i];
            if (cell.length == strlen(name) && memcmp(cell.text, name, cell.length) == 0) {
                csv->places[i] = (uint32_t)column;
                found[i]++;
            }
        }
    }
    for (uint32_t i = 0; i < csv->fields->count && count >= 0; i++) {
        const char *name = csv->fields->names[i];
        if (found[i] != 1) {
            return ingest_refuse(fault,
                                 found[i] == 0 ? "no column is called %s" : "several columns are called %s",
                                 (struct ingest_text){.text = name, .length = strlen(name)});
        }
    }
    csv->columns = count < 0 ? 0 : (uint32_t)count;
    return count >= 0;
}

bool ingest_csv_take(struct ingest_csv *csv, struct ingest_reader *reader, struct ingest_record *record,
                     struct ingest_row *row, struct ingest_fault *fault)
{
    const size_t first_length = record->length;
    int count = split(csv, reader, record, fault);
    if (count >= 0 && (uint32_t)count != csv->columns) {
        (void)snprintf(fault->why, sizeof fault->why, "it has %d cells, and there are %u columns", count,
                       csv->columns);
        count = -1;
    }
    if (count < 0) {
        if (reader && record->length > first_length) {
            ingest_reader_give_back(reader, record, first_length);
        }
        return false;
    }
    for (uint32_t i = 0; i < csv->fields->count; i++) {
        struct ingest_text cell = open_cell(record, &csv->cells[csv->places[i]]);
        row->at[i] = cell.length > 0 ? cell : (struct ingest_text){.text = NULL};
    }
    return true;
}
