/* SPDX-License-Identifier: Apache-2.0 */
/* CSV as RFC 4180 has it: cells between delimiters, or between quotes when they hold delimiters, line ends or quotes, which are
 * doubled then. See ingest.h.
 *
 * A quote within a cell that does not begin with one, or anything between a closing quote and the delimiter, is a fault, for programs read
 * it in several ways. What follows a faulty record is read only from where it certainly begins:
 *
 *   G1  A quote within a cell without quotes opens nothing: the record ends where it would without it.
 *   G2  After something behind a closing quote it may have been that quote that was not meant, so that the cell goes on. The record ends at the end of
 *       this line if both agree on that: a quote before a delimiter or the end closes the cell again, and the line has an even number of quotes, so that
 *       neither a record that begins with it leaves one open.
 *   G3  Otherwise, and when a quote is not closed within RECORD_BYTES or the input, nobody can tell what is within a cell and what a record of its own:
 *       all lines from the second of the record to the end of the file are bad ones. */
#include <inttypes.h>
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

/* Behind the quote that closes at `at` a cell that goes on behind it, by G2. 0: nobody can tell. */
static size_t find_certain_end(const struct ingest_csv *csv, const struct ingest_record *record, size_t at)
{
    size_t end = 0;
    size_t quotes = 0;
    for (size_t i = record->length; i > 0 && record->text[i - 1] != '\n'; i--) {
        quotes += record->text[i - 1] == '"';
    }
    for (size_t i = at + 1; i < record->length && end == 0; i++) {
        if (record->text[i] == '"' && (i + 1 == record->length || record->text[i + 1] == csv->delimiter)) {
            end = i + 1;
        } else if (record->text[i] == '"' && record->text[i + 1] == '"') {
            i++; /* of two, neither closes */
        }
    }
    return quotes % 2 == 0 ? end : 0;
}

/* The end of the cell that begins at `at`. False: nobody can tell where the record ends. A fault that leaves that certain is only said. */
static bool find_cell(struct ingest_csv *csv, struct ingest_reader *reader, struct ingest_record *record,
                      size_t at, size_t *out_end, struct ingest_fault *fault)
{
    size_t end = at;
    if (at == record->length || record->text[at] != '"') {
        while (end < record->length && record->text[end] != csv->delimiter) {
            if (record->text[end++] == '"') {
                (void)say(fault, "there is a quote within a cell that does not begin with one");
            }
        }
        *out_end = end;
        return true;
    }
    end = find_close(reader, record, at);
    if (end == 0) {
        return say(fault, "a quote is not closed");
    }
    *out_end = end + 1;
    if (*out_end < record->length && record->text[*out_end] != csv->delimiter) {
        (void)say(fault, "there is something between a closing quote and the next cell");
        *out_end = find_certain_end(csv, record, end);
    }
    return *out_end != 0;
}

/* Where each cell begins and ends, quotes with them. -1: a fault; else how many there are. *out_is_lost: it has no certain end. */
static int split(struct ingest_csv *csv, struct ingest_reader *reader, struct ingest_record *record,
                 struct ingest_fault *fault, bool *out_is_lost)
{
    int count = 0;
    size_t end = 0;
    fault->why[0] = '\0';
    *out_is_lost = false;
    for (size_t at = 0;; at = end + 1) {
        if (!find_cell(csv, reader, record, at, &end, fault)) {
            *out_is_lost = true;
            return -1;
        }
        if (count < INGEST_COLUMN_MAX) {
            csv->cells[count] = (struct ingest_cell){.at = at, .length = end - at};
        }
        count += count <= INGEST_COLUMN_MAX;
        if (end >= record->length) {
            break;
        }
    }
    if (count > INGEST_COLUMN_MAX && fault->why[0] == '\0') {
        (void)say(fault, "it has more than 256 cells");
    }
    return fault->why[0] == '\0' ? count : -1;
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
    bool is_lost;
    int count = split(csv, NULL, record, fault, &is_lost);
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
    bool is_lost;
    if (csv->lost_line != 0) {
        (void)snprintf(fault->why, sizeof fault->why,
                       "it may be within a cell, for where the record of line %" PRIu64
                       " ends is not certain",
                       csv->lost_line);
        return false;
    }
    int count = split(csv, reader, record, fault, &is_lost);
    if (is_lost) {
        csv->lost_line = record->line;
        if (reader && record->length > first_length) {
            ingest_reader_give_back(reader, record, first_length); /* each line is told and counted */
        }
        return false;
    }
    if (count >= 0 && (uint32_t)count != csv->columns) {
        (void)snprintf(fault->why, sizeof fault->why, "it has %d cells, and there are %u columns", count,
                       csv->columns);
        count = -1;
    }
    if (count < 0) {
        return false;
    }
    for (uint32_t i = 0; i < csv->fields->count; i++) {
        struct ingest_text cell = open_cell(record, &csv->cells[csv->places[i]]);
        row->at[i] = cell.length > 0 ? cell : (struct ingest_text){.text = NULL};
    }
    return true;
}
