/* SPDX-License-Identifier: Apache-2.0 */
/* Results of a run, as a table for people and as one JSON object a line for programs.
 *
 * A benchmark keeps a row in a struct of its own and says once, in a struct report_table, which members are printed: under
 * which heading, of which kind, and what they mean, for its page of help. What has no value (NaN, a NULL text) is
 * `-` in the table and null in JSON, never a number that looks like one. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "options.h"

#define REPORT_RECORD_BYTES 8 /* of a sample without a cost in a ring */

enum report_kind {
    REPORT_TEXT,   /* const char * */
    REPORT_NUMBER, /* double: in the table two digits behind the point, none from 1000 on */
    REPORT_RATIO,  /* double: 1.23x */
    REPORT_SHARE,  /* double, 0 to 1: 12.3% */
    REPORT_COUNT,  /* uint64_t */
    REPORT_BOOL,   /* bool: yes, no */
};

#define REPORT_TYPE_TEXT   const char *
#define REPORT_TYPE_NUMBER double
#define REPORT_TYPE_RATIO  double
#define REPORT_TYPE_SHARE  double
#define REPORT_TYPE_COUNT  uint64_t
#define REPORT_TYPE_BOOL   bool

struct report_field {
    const char *key;
    const char *heading; /* NULL: not in the table, only in JSON */
    const char *help;
    enum report_kind kind;
    uint32_t width; /* of the column */
    uint32_t offset;
    bool is_optional; /* without a value (a count of 0, too) it is left out of JSON, instead of null */
};

/* A field from the member of its name; the compiler refuses a kind of another type. */
#define REPORT_OPTIONAL(row, member, kind, heading, width, help)                                             \
    {                                                                                                        \
#member, (heading), (help), REPORT_##kind, (width), REPORT_OFFSET(row, member, kind), true           \
    }
#define REPORT_FIELD(row, member, kind, heading, width, help)                                                \
    {                                                                                                        \
#member, (heading), (help), REPORT_##kind, (width), REPORT_OFFSET(row, member, kind), false          \
    }
#define REPORT_OFFSET(row, member, kind)                                                                     \
    (offsetof(row, member) + 0 * sizeof(&((row *)0)->member == (REPORT_TYPE_##kind *)0))

struct report_table {
    const char *title; /* of a second table of a benchmark; NULL */
    const char *name_heading;
    const struct report_field *fields;
    uint32_t field_count;
};

/* What every row has beside the fields. */
struct report_line {
    const char *name;
    const char *title;   /* at the end of the table's row; NULL: nothing */
    const char *checked; /* where everything was found again: "private", "segment", "books" */
    bool conserved;
};

/* Their help, and that of what is added to every line: key and help alone. */
extern const struct report_field report_common_fields[];
extern const uint32_t report_common_field_count;

/* What ran how, in one sentence, above everything. Nothing in JSON. */
void report_begin(const struct options *options, const struct machine *machine, const char *sentence);

/* The headings of a table. Nothing in JSON. */
void report_head(const struct options *options, const struct report_table *table);

/* A row. `values` is the struct that the table's fields are members of. */
void report_row(const struct options *options, const struct machine *machine,
                const struct report_table *table, const struct report_line *line, const void *values);

#endif
