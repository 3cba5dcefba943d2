/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file or pipe, out of one buffer: see ingest.h. What has arrived is handed out at once, so that what is written
 * into a pipe line by line is recorded line by line. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ingest.h"

const size_t ingest_reader_room = 2 * INGEST_RECORD_BYTES;

void ingest_reader_open(struct ingest_reader *reader, int fd, char *buffer)
{
    *reader = (struct ingest_reader){.fd = fd, .buffer = buffer};
}

/* Read more behind what is there. False: there is no more. */
static bool fill(struct ingest_reader *reader)
{
    if (reader->is_end) {
        return false;
    }
    if (reader->from > 0) {
        memmove(reader->buffer, reader->buffer + reader->from, reader->to - reader->from);
        reader->to -= reader->from;
        reader->from = 0;
    }
    ssize_t count = read(reader->fd, reader->buffer + reader->to, ingest_reader_room - reader->to);
    if (count <= 0) { /* EINTR, too: a signal ends the work */
        reader->error = count < 0 ? errno : 0;
        reader->is_end = true;
        return false;
    }
    reader->to += (size_t)count;
    reader->bytes += (uint64_t)count;
    return true;
}

/* The end of the line that begins `at` bytes behind reader->from, read up to there. *out_length is without the line end, *out_taken
 * with it. False: there is no more, or it is too long. */
static bool find_end(struct ingest_reader *reader, size_t at, size_t *out_length, size_t *out_taken)
{
    for (size_t looked = at;;) {
        const char *begin = reader->buffer + reader->from;
        const size_t there = reader->to - reader->from;
        const char *end = there > looked ? memchr(begin + looked, '\n', there - looked) : NULL;
        size_t length = end ? (size_t)(end - begin) : there;
        if (length > INGEST_RECORD_BYTES) {
            return false;
        }
        bool is_last = !end && !fill(reader);
        if (is_last && (reader->error != 0 || there == at)) {
            return false; /* of a line that was cut off nothing is believed */
        }
        if (end || is_last) {
            *out_length = length;
            *out_taken = length + (end ? 1 : 0);
            return true;
        }
        looked = there;
    }
}

/* Pass over a line that is longer than the buffer may be. */
static void pass_over(struct ingest_reader *reader)
{
    const char *end;
    do {
        end = memchr(reader->buffer + reader->from, '\n', reader->to - reader->from);
        reader->from = end ? (size_t)(end - reader->buffer) + 1 : reader->to;
    } while (!end && fill(reader));
}

static size_t without_return(const char *text, size_t length)
{
    return length > 0 && text[length - 1] == '\r' ? length - 1 : length;
}

enum ingest_got ingest_reader_next(struct ingest_reader *reader, struct ingest_record *out_record)
{
    size_t length = 0;
    size_t taken = 0;
    bool is_found = find_end(reader, 0, &length, &taken);
    if (!is_found && (reader->from == reader->to || reader->error != 0)) {
        return INGEST_END;
    }
    reader->lines++;
    out_record->line = reader->lines;
    if (!is_found) {
        pass_over(reader);
        return INGEST_TOO_LONG;
    }
    out_record->text = reader->buffer + reader->from;
    out_record->length = without_return(out_record->text, length);
    reader->from += taken;
    return INGEST_RECORD;
}

bool ingest_reader_extend(struct ingest_reader *reader, struct ingest_record *record)
{
    const size_t begin = (size_t)(record->text - reader->buffer);
    const size_t taken = reader->from - begin;
    size_t length = 0;
    size_t more = 0;
    reader->from = begin; /* the record stays, also when the buffer is moved */
    bool is_found = find_end(reader, taken, &length, &more);
    record->text = reader->buffer + reader->from;
    if (!is_found) {
        reader->from += taken;
        return false;
    }
    record->length = without_return(record->text, length);
    reader->from += more;
    reader->lines++;
    return true;
}

void ingest_reader_give_back(struct ingest_reader *reader, struct ingest_record *record, size_t first_length)
{
    const char *end = memchr(record->text + first_length, '\n',
                             reader->to - (size_t)(record->text - reader->buffer) - first_length);
    if (end) {
        reader->from = (size_t)(end - reader->buffer) + 1;
        reader->lines = record->line;
    }
    record->length = first_length;
}
