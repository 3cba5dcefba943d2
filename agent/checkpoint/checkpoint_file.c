/* SPDX-License-Identifier: Apache-2.0 */
/* Framing records and taking frames apart: see checkpoint_file.h. */
#include "checkpoint_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define MAGIC          "slprckpt"
#define PREAMBLE_BYTES 16u
#define FRAME_BYTES    12u
#define RECORD_MOST    (16u << 20) /* far beyond the largest book */

static void put(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint32_t take(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t checksum(const uint8_t *head, const uint8_t *payload, size_t bytes)
{
    const uLong crc = crc32_z(0, head, 8);
    return (uint32_t)(bytes == 0 ? crc : crc32_z(crc, payload, bytes));
}

/* --- writing -------------------------------------------------------------------------------------------------------------- */

void checkpoint_file_add_preamble(struct buffer *text)
{
    uint8_t preamble[PREAMBLE_BYTES];
    memcpy(preamble, MAGIC, 8);
    put(preamble + 8, CHECKPOINT_VERSION);
    put(preamble + 12, (uint32_t)crc32_z(0, preamble, 12));
    buffer_add(text, (const char *)preamble, sizeof preamble);
}

void checkpoint_file_add(struct buffer *text, enum checkpoint_record kind, const ProtobufCMessage *message)
{
    const size_t bytes = protobuf_c_message_get_packed_size(message);
    uint8_t *frame = (uint8_t *)buffer_room(text, FRAME_BYTES + bytes);
    if (frame == NULL) {
        return;
    }
    (void)protobuf_c_message_pack(message, frame + FRAME_BYTES);
    put(frame, kind);
    put(frame + 4, (uint32_t)bytes);
    put(frame + 8, checksum(frame, frame + FRAME_BYTES, bytes));
    text->used += FRAME_BYTES + bytes;
}

/* --- reading -------------------------------------------------------------------------------------------------------------- */

/* How many bytes were read; -1: the file cannot be read. */
static ssize_t read_at(int fd, uint8_t *out, size_t bytes, uint64_t at)
{
    size_t done = 0;
    while (done < bytes) {
        const ssize_t got = pread(fd, out + done, bytes - done, (off_t)(at + done));
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

static bool fails(struct checkpoint_file *file, const char *why)
{
    file->why = why;
    return false;
}

/* All of them, or why not. */
static bool read_whole(struct checkpoint_file *file, uint8_t *out, size_t bytes)
{
    const ssize_t got = read_at(file->fd, out, bytes, file->at);
    if (got < 0) {
        return fails(file, "it cannot be read");
    }
    file->at += (uint64_t)got;
    return (size_t)got == bytes || fails(file, "it is cut off");
}

bool checkpoint_file_open(struct checkpoint_file *file, int fd)
{
    uint8_t preamble[PREAMBLE_BYTES] = {0};
    *file = (struct checkpoint_file){.fd = fd};
    if (!read_whole(file, preamble, sizeof preamble)) {
        return false;
    }
    if (memcmp(preamble, MAGIC, 8) != 0) {
        return fails(file, "it is no checkpoint");
    }
    if (take(preamble + 12) != (uint32_t)crc32_z(0, preamble, 12)) {
        return fails(file, "its beginning is damaged");
    }
    if (take(preamble + 8) > CHECKPOINT_VERSION) {
        return fails(file, "a newer version wrote it");
    }
    return take(preamble + 8) == CHECKPOINT_VERSION || fails(file, "it is of a version that is not known");
}

static bool make_room(struct checkpoint_file *file)
{
    if (file->bytes <= file->room) {
        return true;
    }
    uint8_t *more = realloc(file->payload, file->bytes);
    if (more == NULL) {
        file->is_short = true;
        return false;
    }
    file->payload = more;
    file->room = file->bytes;
    return true;
}

bool checkpoint_file_next(struct checkpoint_file *file)
{
    uint8_t frame[FRAME_BYTES];
    file->record = file->at;
    if (read_at(file->fd, frame, 1, file->at) == 0) {
        return false;
    }
    if (!read_whole(file, frame, sizeof frame)) {
        return false;
    }
    file->kind = take(frame);
    file->bytes = take(frame + 4);
    if (file->bytes > RECORD_MOST) {
        return fails(file, "a record is damaged");
    }
    if (!make_room(file) || !read_whole(file, file->payload, file->bytes)) {
        return false;
    }
    return take(frame + 8) == checksum(frame, file->payload, file->bytes) ||
           fails(file, "a record is damaged");
}

void checkpoint_file_close(struct checkpoint_file *file)
{
    free(file->payload);
    file->payload = NULL;
    file->room = 0;
}
