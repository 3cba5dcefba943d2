/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `slipring ingest`, from the text to the store:
 *
 *     reader ──► format (json, csv, log) ──► mapping ──► sink
 *     records    fields of a record          a sample    the store, or only sums with --dry-run
 *
 * The mapping asks for fields by name; a format finds them in a record and hands them over as slices of it, in the order in which
 * they were asked for. What a record does not say, or says in a way that is not understood, makes it a bad one: it is counted,
 * told and left out, and nothing of it is recorded. Each function that can refuse a record says why in a struct ingest_fault. */
#ifndef TOOLS_INGEST_H
#define TOOLS_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <slipring/trace.h>
#include <slipring/usage.h>

#include "command.h"
#include "pure/decimal.h"
#include "pure/json_scan.h"

#define INGEST_FIELD_MAX    32
#define INGEST_RECORD_BYTES ((size_t)1 << 20) /* the longest line */

struct ingest_text {
    const char *text; /* NULL: absent */
    size_t length;
};

struct ingest_fault {
    char why[200]; /* harmless text */
};

/* "'12 parsecs' ..." and false. `text` is quoted where the format has %s, and cut. */
bool ingest_refuse(struct ingest_fault *fault, const char *format, struct ingest_text text);

/* --- fields (ingest_fields.c): those that the mapping asks for --------------------------------------------------------------- */

struct ingest_fields {
    char names[INGEST_FIELD_MAX][64];
    uint32_t count;
};

/* The index of a field, which is asked for from now on; said on stderr and INGEST_FIELD_MAX when the name is no good. */
uint32_t ingest_fields_add(struct ingest_fields *fields, const char *name, size_t length);

/* A record's, in the same order. */
struct ingest_row {
    struct ingest_text at[INGEST_FIELD_MAX];
};

/* --- reader (ingest_reader.c) ------------------------------------------------------------------------------------------------- */

struct ingest_reader {
    int fd;
    int error;       /* errno of what ended it; 0: the end of the input */
    bool is_end;     /* there is no more to be read */
    char *buffer;    /* INGEST_READER_ROOM bytes */
    size_t from, to; /* what has been read and not been taken */
    uint64_t lines;  /* taken */
    uint64_t bytes;  /* read */
};

struct ingest_record {
    char *text; /* without its line end; may be written into */
    size_t length;
    uint64_t line; /* of its first line, from 1 */
};

enum ingest_got { INGEST_RECORD, INGEST_TOO_LONG, INGEST_END };

void ingest_reader_open(struct ingest_reader *reader, int fd, char *buffer);

/* The next line. TOO_LONG: it was, and is passed over; only .line is set. END also after an error. */
enum ingest_got ingest_reader_next(struct ingest_reader *reader, struct ingest_record *out_record);

/* Make the record one line longer; the line end between is in it. False: there is no more, or it gets too long; the record is as
 * it was. */
bool ingest_reader_extend(struct ingest_reader *reader, struct ingest_record *record);

/* Give back all lines of a record but the first: they are read again. */
void ingest_reader_give_back(struct ingest_reader *reader, struct ingest_record *record, size_t first_length);

extern const size_t ingest_reader_room;

/* --- formats ---------------------------------------------------------------------------------------------------------------- */

struct ingest_json {
    struct sr_json_plan plan;
    uint32_t count;
};
bool ingest_json_open(struct ingest_json *json, const struct ingest_fields *fields);
bool ingest_json_take(const struct ingest_json *json, const struct ingest_record *record,
                      struct ingest_row *row, struct ingest_fault *fault);

#define INGEST_COLUMN_MAX 256
struct ingest_csv {
    const struct ingest_fields *fields;
    char delimiter;
    uint32_t columns; /* of the header; 0: not known yet */
    uint64_t
        lost_line; /* of this file: where the record that begins here ends nobody can tell, and so what follows is bad; 0: none */
    uint32_t places[INGEST_FIELD_MAX]; /* the column of each field */
    struct ingest_cell {
        size_t at, length; /* in the record, with its quotes */
    } cells[INGEST_COLUMN_MAX];
};
void ingest_csv_open(struct ingest_csv *csv, const struct ingest_fields *fields, char delimiter);
/* Take the names of the columns from a record. False: a field is no column, or one of two. */
bool ingest_csv_head(struct ingest_csv *csv, struct ingest_record *record, struct ingest_fault *fault);
/* Take one apart, with as many more lines of the reader (NULL: none) as its quotes span. */
bool ingest_csv_take(struct ingest_csv *csv, struct ingest_reader *reader, struct ingest_record *record,
                     struct ingest_row *row, struct ingest_fault *fault);

#define INGEST_PIECE_MAX 48
struct ingest_log {
    struct ingest_piece {
        char name[64];   /* a variable; "": what goes before the first one */
        char behind[64]; /* the text behind it; "" : the end of the line */
        size_t behind_length;
        bool is_quoted; /* a backslash hides what follows it */
    } pieces[INGEST_PIECE_MAX];
    uint32_t count;
    uint32_t request; /* the piece that holds METHOD TARGET PROTOCOL; INGEST_PIECE_MAX: none */
    struct ingest_source {
        uint32_t piece;
        enum ingest_part { INGEST_ALL, INGEST_METHOD, INGEST_TARGET, INGEST_PATH, INGEST_PROTOCOL } part;
    } sources[INGEST_FIELD_MAX];
    uint32_t field_count;
};
/* `format`: nginx's log_format ($request_time) or Apache's LogFormat (%D). False: said on stderr what is wrong. */
bool ingest_log_open(struct ingest_log *log, const char *format);
/* The fields that are wanted of it. False: said on stderr which is not in it. */
bool ingest_log_bind(struct ingest_log *log, const struct ingest_fields *fields);
bool ingest_log_take(const struct ingest_log *log, const struct ingest_record *record, struct ingest_row *row,
                     struct ingest_fault *fault);
/* It has this variable, or a part of it. */
bool ingest_log_has(const struct ingest_log *log, const char *name);

/* What a format takes for granted of the mapping where the options say nothing. */
struct ingest_defaults {
    const char *name, *duration, *failure;
};

/* One of them, as the options say (ingest_format.c). */
struct ingest_format {
    enum ingest_kind { INGEST_JSON, INGEST_CSV, INGEST_LOG } kind;
    struct ingest_defaults defaults;
    const char *columns; /* --columns; NULL: each file of CSV has a header */
    char delimiter;
    struct ingest_json json;
    struct ingest_csv csv;
    struct ingest_log log;
};
bool ingest_format_open(struct ingest_format *format, const struct invocation *invocation);
bool ingest_format_bind(struct ingest_format *format, const struct ingest_fields *fields);
bool ingest_format_take(struct ingest_format *format, struct ingest_reader *reader,
                        struct ingest_record *record, struct ingest_row *row, struct ingest_fault *fault);

/* --- amounts (ingest_amount.c) ----------------------------------------------------------------------------------------------- */

/* number * 10^power, exactly, as sr_decimal_parse() and with an exponent ("1.5e-3"). is_rounded: what is finer than 1 is rounded, half
 * up, instead of refused. */
enum sr_parse ingest_amount(struct ingest_text number, uint32_t power, uint64_t max, bool is_rounded,
                            uint64_t *out_amount);

/* --- mapping (ingest_map.c) --------------------------------------------------------------------------------------------------- */

#define INGEST_TEMPLATE_MAX 8
struct ingest_template {
    struct {
        const char *text; /* fixed text, or NULL: a field */
        size_t length;
        uint32_t field;
    } parts[INGEST_TEMPLATE_MAX];
    uint32_t count;
};

struct ingest_condition {
    uint32_t field;
    enum ingest_compare {
        INGEST_IS,
        INGEST_IS_NOT,
        INGEST_LESS,
        INGEST_AT_MOST,
        INGEST_MORE,
        INGEST_AT_LEAST
    } how;
    const char *values; /* "a,b,c" for IS and IS_NOT */
    size_t length;
    uint64_t number; /* times 10^9, for the others */
};

struct ingest_measure {
    uint32_t field; /* INGEST_FIELD_MAX: none */
    uint32_t power; /* of ten: its unit in nanoseconds or nano-dollars */
    bool has_unit;  /* the unit is in the text, as "12ms" */
};

#define INGEST_CONDITION_MAX 8
struct ingest_map {
    struct ingest_fields fields;
    struct ingest_template name, category, resource; /* count 0: none */
    struct ingest_measure duration, cost, savings;
    uint32_t trace; /* a field that holds a traceparent; INGEST_FIELD_MAX: none */
    struct ingest_condition failures[INGEST_CONDITION_MAX]; /* any of them */
    uint32_t failure_count;
    uint32_t units[SLIPRING_UNIT_COUNT]; /* fields; INGEST_FIELD_MAX: none */
    bool has_units;
    bool is_rounded;
};

struct ingest_sample {
    char name[SLIPRING_PRIMITIVE_NAME_MAX + 1];
    char category[SLIPRING_CATEGORY_NAME_MAX + 1]; /* "": the default one */
    char resource[SLIPRING_MODEL_NAME_MAX + 1];    /* "": no usage */
    size_t name_length;
    uint64_t duration_ns;
    struct slipring_cost cost;
    bool has_cost;
    enum slipring_outcome outcome;
    struct slipring_usage usage;
    struct slipring_trace trace; /* all zero: none */
    bool has_bad_trace;          /* there was a text, which is none */
};

/* What the options say, with what the format takes for granted where they say nothing. False: said on stderr. */
bool ingest_map_open(struct ingest_map *map, const struct invocation *invocation,
                     const struct ingest_defaults *defaults);
bool ingest_map_take(const struct ingest_map *map, const struct ingest_row *row,
                     struct ingest_sample *out_sample, struct ingest_fault *fault);

/* --- sink (ingest_sink.c) ------------------------------------------------------------------------------------------------------ */

struct ingest_sums {
    uint64_t count, failures;
    uint64_t duration_ns; /* saturated */
    uint64_t cost, savings;
};

struct ingest_sink;
struct slipring_store;

/* store NULL: a dry run. False: out of memory. */
bool ingest_sink_open(struct slipring_store *store, const char *type, uint32_t max_names,
                      struct ingest_sink **out_sink);
void ingest_sink_close(struct ingest_sink *sink);
/* Record it. False: it cannot be, and was not. */
bool ingest_sink_take(struct ingest_sink *sink, const struct ingest_sample *sample,
                      struct ingest_fault *fault);

const struct ingest_sums *ingest_sink_total(const struct ingest_sink *sink);
uint64_t ingest_sink_overflowed(const struct ingest_sink *sink); /* samples under __overflow__ */
uint64_t ingest_sink_uncategorised(const struct ingest_sink *sink);
uint64_t ingest_sink_usage_lost(const struct ingest_sink *sink); /* of samples that are recorded */
uint64_t ingest_sink_traced(const struct ingest_sink *sink);     /* samples with a sampled trace */
uint64_t ingest_sink_bad_traces(const struct ingest_sink *sink); /* samples recorded without theirs */
uint32_t ingest_sink_names(const struct ingest_sink *sink);
/* Name i, in the order of the names. */
const char *ingest_sink_name(struct ingest_sink *sink, uint32_t i, const struct ingest_sums **out_sums);

/* --- telling (ingest_tell.c) ---------------------------------------------------------------------------------------------------- */

#define INGEST_SHOWN 10 /* bad records are told, so many of them */
struct ingest_tally {
    const struct invocation *invocation;
    uint64_t lines, bytes; /* of the files that are done */
    uint64_t empty, heads, bad, recorded;
    uint64_t started_ns, ended_ns;
    struct {
        char file[64];
        uint64_t line;
        struct ingest_fault fault;
    } shown[INGEST_SHOWN];
    bool is_terminal; /* stderr */
    bool is_drawn;    /* a line of progress stands there */
    uint64_t drawn_ns;
    const char *stopped; /* why before its end; NULL: it was not */
    uint64_t unread;     /* files that could not be read, or not to their end */
};

uint64_t ingest_now_ns(void);
void ingest_tell_bad(struct ingest_tally *tally, const char *file, uint64_t line,
                     const struct ingest_fault *fault);
/* Called now and then; draws twice a second. */
void ingest_tell_progress(struct ingest_tally *tally, uint64_t lines, uint64_t bytes);
void ingest_tell_progress_end(struct ingest_tally *tally);
void ingest_tell_sample(const struct ingest_tally *tally, uint64_t line, const struct ingest_sample *sample);
void ingest_tell_summary(const struct ingest_tally *tally, struct ingest_sink *sink);
void ingest_tell_json(const struct ingest_tally *tally, struct ingest_sink *sink);

#endif
