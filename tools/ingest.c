/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring ingest`: samples out of logs and tables. What its parts are is said in ingest.h.
 *
 * Each record is recorded as soon as it is read, so a pipe that goes on for ever works, and what was recorded before a kill is
 * counted. A signal that would end it ends the reading, then the summary is printed and the process ends by that signal; a line that was cut
 * off by it is not believed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <slipring/store.h>

#include "command.h"
#include "ingest.h"
#include "message.h"
#include "pure/decimal.h"
#include "pure/name.h"

enum { NAMES_DEFAULT = 256, NAMES_MAX = 1024, DRY_SHOWN = 10, LOOK_EACH = 1024 };

struct ingest {
    const struct invocation *invocation;
    struct ingest_format format;
    struct ingest_map map;
    uint64_t max_errors; /* UINT64_MAX: any number */
    uint32_t max_names;
    struct slipring_store *store;
    struct ingest_sink *sink;
    struct ingest_tally tally;
    char *buffer;
    uint64_t dry_shown;
};

static volatile sig_atomic_t ended_by; /* a signal's number */

static void note_signal(int number)
{
    ended_by = number;
}

/* Without SA_RESTART: a read that waits returns. What was ignored stays ignored. */
static void take_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_signal;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction former;
        if (sigaction(numbers[i], NULL, &former) == 0 && former.sa_handler != SIG_IGN) {
            (void)sigaction(numbers[i], &action, NULL);
        }
    }
}

/* --- options --------------------------------------------------------------------------------------------------------------- */

static bool take_number(const char *option, const char *text, uint64_t least, uint64_t most,
                        uint64_t *out_number)
{
    struct render_text quoted;
    uint64_t number = 0;
    if (!text) {
        return true;
    }
    if (sr_decimal_parse(text, strlen(text), 1, most, &number) != SR_PARSE_OK || number < least) {
        message_print("--%s %s is no whole number from %" PRIu64 " to %" PRIu64, option,
                      render_quote(text, &quoted), least, most);
        return false;
    }
    *out_number = number;
    return true;
}

static bool take_options(struct ingest *ingest)
{
    const char *const *values = ingest->invocation->values;
    uint64_t names = NAMES_DEFAULT;
    ingest->max_errors = values[OPTION_strict] ? 0 : UINT64_MAX;
    if (values[OPTION_strict] && values[OPTION_max_errors]) {
        message_print("--strict is --max-errors 0: give one of them");
        return false;
    }
    const char *type = values[OPTION_type];
    enum sr_name verdict = type ? sr_name_check(type, SLIPRING_PRIMITIVE_TYPE_MAX) : SR_NAME_OK;
    if (verdict != SR_NAME_OK) {
        struct render_text quoted;
        message_print("the type %s is %s", render_quote(type, &quoted), sr_name_text(verdict));
        return false;
    }
    if (!ingest_format_open(&ingest->format, ingest->invocation) ||
        !take_number("max-names", values[OPTION_max_names], 1, NAMES_MAX, &names) ||
        !take_number("max-errors", values[OPTION_max_errors], 0, UINT64_MAX / 2, &ingest->max_errors) ||
        !ingest_map_open(&ingest->map, ingest->invocation, &ingest->format.defaults)) {
        return false;
    }
    ingest->max_names = (uint32_t)names;
    return ingest_format_bind(&ingest->format, &ingest->map.fields);
}

/* --- records --------------------------------------------------------------------------------------------------------------- */

/* A header is the first line of a file, not a bad record: without it nothing can be read. */
static bool take_head(struct ingest *ingest, const char *file, struct ingest_record *record)
{
    struct ingest_fault fault;
    if (!ingest_csv_head(&ingest->format.csv, record, &fault)) {
        struct render_text quoted;
        message_print("the header of %s: %s; without a header, name the columns with --columns",
                      render_quote(file, &quoted), fault.why);
        return false;
    }
    ingest->tally.heads++;
    return true;
}

static void take_record(struct ingest *ingest, struct ingest_reader *reader, struct ingest_record *record,
                        const char *file)
{
    struct ingest_fault fault;
    struct ingest_row row;
    struct ingest_sample sample;
    sample.resource[0] = '\0';
    if (ingest_format_take(&ingest->format, reader, record, &row, &fault) &&
        ingest_map_take(&ingest->map, &row, &sample, &fault) &&
        ingest_sink_take(ingest->sink, &sample, &fault)) {
        if (!ingest->store && ingest->dry_shown < DRY_SHOWN && !ingest->invocation->values[OPTION_json]) {
            ingest->dry_shown++;
            ingest_tell_sample(&ingest->tally, record->line, &sample);
        }
        return;
    }
    ingest_tell_bad(&ingest->tally, file, record->line, &fault);
}

/* Why no more is read. NULL: go on. */
static const char *stop(const struct ingest *ingest)
{
    return ended_by != 0                            ? "by a signal"
           : ingest->tally.bad > ingest->max_errors ? "more bad lines than --max-errors allows"
                                                    : NULL;
}

static void skip_mark(struct ingest_record *record)
{
    if (record->length >= 3 && memcmp(record->text, "\xef\xbb\xbf", 3) == 0) {
        record->text += 3;
        record->length -= 3;
    }
}

/* False: nothing of this file, and of what follows, can be read. */
static bool read_records(struct ingest *ingest, struct ingest_reader *reader, const char *file)
{
    static const struct ingest_fault too_long = {.why = "the line is longer than a megabyte"};
    struct ingest_record record;
    enum ingest_got got;
    uint64_t *lost_line = &ingest->format.csv.lost_line;
    bool has_head = ingest->format.kind == INGEST_CSV && !ingest->format.columns;
    *lost_line = 0;
    while (!(ingest->tally.stopped = stop(ingest)) &&
           (got = ingest_reader_next(reader, &record)) != INGEST_END) {
        if (ended_by != 0 &&
            reader
                ->is_end) { /* the end of the input and the signal came together: its last line may be cut off */
            ingest->tally.stopped = stop(ingest);
            break;
        }
        if (reader->lines % LOOK_EACH == 0) {
            ingest_tell_progress(&ingest->tally, reader->lines, reader->bytes);
        }
        if (got == INGEST_TOO_LONG) {
            ingest_tell_bad(&ingest->tally, file, record.line, &too_long);
            *lost_line = *lost_line == 0 ? record.line : *lost_line; /* what quotes are in it is not known */
            continue;
        }
        if (record.line == 1) {
            skip_mark(&record);
        }
        if (record.length == 0) {
            ingest->tally.empty++;
        } else if (has_head) {
            has_head = false;
            if (!take_head(ingest, file, &record)) {
                return false;
            }
        } else {
            take_record(ingest, reader, &record, file);
        }
    }
    return true;
}

static bool read_file(struct ingest *ingest, const char *file)
{
    struct render_text quoted;
    struct ingest_reader reader;
    const bool is_input = strcmp(file, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        message_print("cannot read %s: %s", render_quote(file, &quoted), strerror(errno));
        ingest->tally.unread++;
        return true;
    }
    ingest_reader_open(&reader, fd, ingest->buffer);
    bool is_fine = read_records(ingest, &reader, file);
    ingest_tell_progress_end(&ingest->tally);
    if (reader.error != 0 && reader.error != EINTR) {
        message_print("cannot read on in %s after line %" PRIu64 ": %s",
                      is_input ? "standard input" : render_quote(file, &quoted), reader.lines,
                      strerror(reader.error));
        ingest->tally.unread++;
    }
    ingest->tally.lines += reader.lines;
    ingest->tally.bytes += reader.bytes;
    if (!is_input) {
        (void)close(fd);
    }
    return is_fine;
}

/* --- all of it --------------------------------------------------------------------------------------------------------------- */

static int finish(struct ingest *ingest, bool is_fine)
{
    struct ingest_tally *tally = &ingest->tally;
    bool is_taken = true;
    if (tally->stopped == NULL) {
        tally->stopped = stop(ingest);
    }
    if (ingest->store) {
        is_taken = slipring_store_dropped(ingest->store) == 0;
        if (!is_taken) {
            message_print("%" PRIu64 " samples were not recorded: %s", slipring_store_dropped(ingest->store),
                          slipring_status_text(slipring_store_status(ingest->store)));
        }
        enum slipring_status status = slipring_close(ingest->store);
        if (status != SLIPRING_OK && is_taken) {
            message_print("recorded, but store '%s' did not close: %s", ingest->invocation->store,
                          slipring_status_text(status));
        }
    }
    tally->ended_ns = ingest_now_ns();
    if (ingest->invocation->values[OPTION_json]) {
        ingest_tell_json(tally, ingest->sink);
    } else if (is_fine) {
        ingest_tell_summary(tally, ingest->sink);
    }
    if (!is_fine || !is_taken) {
        return STATUS_BAD;
    }
    return tally->bad > 0 || tally->unread > 0 || tally->stopped ? STATUS_NO : STATUS_OK;
}

static int run_files(struct ingest *ingest)
{
    const struct invocation *invocation = ingest->invocation;
    bool is_fine = true;
    take_signals();
    ingest->tally.started_ns = ingest_now_ns();
    if (invocation->word_count == 0) {
        is_fine = read_file(ingest, "-");
    }
    for (int i = 0; i < invocation->word_count && is_fine && !stop(ingest); i++) {
        is_fine = read_file(ingest, invocation->words[i]);
    }
    int status = finish(ingest, is_fine);
    if (ended_by != 0) {
        (void)fflush(NULL);
        (void)signal(ended_by, SIG_DFL);
        (void)raise(ended_by);
    }
    return status;
}

/* Can a line be drawn there and drawn over? */
static bool is_screen(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

static int run_ingest(const struct invocation *invocation)
{
    static struct ingest ingest;
    ingest = (struct ingest){.invocation = invocation,
                             .tally = {.invocation = invocation, .is_terminal = is_screen(STDERR_FILENO)}};
    if (!take_options(&ingest)) {
        return STATUS_BAD;
    }
    ingest.buffer = malloc(ingest_reader_room);
    if (!ingest.buffer) {
        message_out_of_memory();
    }
    if (!invocation->values[OPTION_dry_run]) {
        enum slipring_status status = slipring_open(invocation->store, &ingest.store);
        if (status != SLIPRING_OK) {
            free(ingest.buffer);
            return message_store("record into", invocation->store, status);
        }
    }
    if (!ingest_sink_open(ingest.store, invocation->values[OPTION_type], ingest.max_names, &ingest.sink)) {
        message_out_of_memory();
    }
    int status = run_files(&ingest);
    ingest_sink_close(ingest.sink);
    free(ingest.buffer);
    return status;
}

const struct command command_ingest = {
    .name = "ingest",
    .synopsis = "[OPTION]... --format HOW|--log-format STRING [FILE]...",
    .summary = "record what logs and tables say: JSON lines, CSV, access logs",
    .description =
        "Reads FILEs, or standard input (also as -), and records an execution for each line: JSON lines "
        "(jsonl), CSV with a header line "
        "(csv), or an access log: nginx's combined or common format with $request_time behind it (combined, "
        "common), Apache's combined "
        "with %D behind it (apache), or whatever --log-format says, as nginx's log_format or Apache's "
        "LogFormat does. Lines are recorded as of now, "
        "whenever they were written: a store has no past to put them into. A pipe that goes on, as of tail "
        "-F, is recorded as it comes.\n"
        "A mapping says what in a line is what. A field is a key in JSON (a.b is the key b in the object a), "
        "a column in CSV, in a log "
        "a variable of its format without the $, and method, target, path and protocol, the parts of "
        "request. Without options the "
        "name is {name} and the duration the field duration, with its unit, as 12ms; in logs the name is "
        "{method} {path}, the duration "
        "$request_time or %D, and status>=500 a failure.\n"
        "--name, --category and --resource are templates: text, with fields in braces, as '{method} {path}'. "
        "Amounts are read exactly, also "
        "1.5e-3, and never through a floating-point number: what is finer than a nanosecond or a nano-dollar "
        "is refused, unless --round says "
        "otherwise. An absent, empty or null cost, category, unit or trace is none; in logs - is nothing.\n"
        "--traceparent names a field as http_traceparent: of the slowest and the newest failing executions "
        "the "
        "trace is shown, if it is sampled. What is there and no traceparent makes no line bad, for clients "
        "write "
        "it: it is recorded without a trace, and the summary says how many.\n"
        "A line that does not say what is asked for, or in a way that is not understood, is bad: it is "
        "counted, the first ten are shown with "
        "line number and reason, and nothing of it is recorded. Nothing is guessed. Empty lines are passed "
        "over. A line may be a megabyte long, "
        "a quoted CSV record 64 kilobytes; after a quote in CSV that is not closed, all lines to the end of "
        "the "
        "file are bad.\n"
        "Names are for what is executed, not for ids: a store has room for about a thousand and never "
        "forgets one. Beyond --max-names, samples are "
        "recorded under __overflow__, so that sums stay right, and the summary says how many.\n"
        "With --dry-run nothing is recorded: the first ten samples are shown, then the summary. On a "
        "terminal, progress is shown on stderr.",
    .exits =
        "0\tevery line was recorded\n"
        "1\tsome lines were bad, a file could not be read, or --max-errors ended it; the rest was recorded\n"
        "2\tbad options, a CSV header without the columns asked for, or the store cannot be recorded into\n",
    .examples =
        "slipring ingest --format combined /var/log/nginx/access.log --dry-run\twhat would be recorded\n"
        "tail -n 0 -F access.log | slipring ingest --format apache --name '{method} {path}' --failure "
        "'status>=500 or status=429'\n"
        "slipring ingest --log-format '$remote_addr \"$request\" $status $request_time' --name web "
        "access.log\n"
        "slipring ingest --log-format '$remote_addr \"$request\" $status $http_traceparent $request_time' "
        "--traceparent http_traceparent access.log\n"
        "slipring ingest --format csv --name '{job}' --duration wall:s --failure 'exit!=0' --cost price "
        "jobs.csv\n"
        "slipring ingest --format jsonl --duration elapsed_ms:ms --failure ok=false < calls.jsonl\n"
        "slipring ingest --format jsonl --name llm --duration ms:ms --resource '{provider}/{model}' --units "
        "input=usage.in,output=usage.out calls.jsonl\tpriced by the agent's price card\n",
    COMMAND_OPTIONS(OPTION_input_format, OPTION_log_format, OPTION_columns, OPTION_delimiter, OPTION_name,
                    OPTION_type, OPTION_duration_from, OPTION_failure_when, OPTION_cost_from,
                    OPTION_savings_from, OPTION_category_from, OPTION_resource, OPTION_units,
                    OPTION_traceparent_from, OPTION_round, OPTION_max_names, OPTION_max_errors, OPTION_strict,
                    OPTION_dry_run, OPTION_json),
    .max_words = -1,
    .run = run_ingest,
};
