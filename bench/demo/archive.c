/* SPDX-License-Identifier: Apache-2.0 */
/* One file through its three steps. See archive.h. */
#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE_BYTES  (16u << 20)
#define PACKED_BYTES (64u << 10)

struct archive {
    const struct steps *steps;
    const atomic_bool *stop;
    int manifest;
    bool verbose;
    z_stream deflater;
    struct sha256_ctx hash;
    unsigned char *piece;
    unsigned char *packed;
    char *line; /* of the manifest */
    size_t line_room;
};

/* The file under way. */
struct file {
    const char *path;
    int descriptor;
    size_t count;  /* bytes of the piece */
    bool is_first; /* the piece is */
    bool is_last;
    uint64_t bytes_in, bytes_out;
};

enum piece_state { PIECE_READ, PIECE_NONE, PIECE_FAILED };

struct archive *archive_open(const struct steps *steps, const atomic_bool *stop, int manifest, bool verbose)
{
    struct archive *archive = calloc(1, sizeof *archive);
    if (!archive) {
        return NULL;
    }
    *archive = (struct archive){.steps = steps, .stop = stop, .manifest = manifest, .verbose = verbose};
    archive->piece = malloc(PIECE_BYTES); /* its pages come as they are first needed */
    archive->packed = malloc(PACKED_BYTES);
    if (!archive->piece || !archive->packed ||
        deflateInit(&archive->deflater, Z_DEFAULT_COMPRESSION) != Z_OK) {
        free(archive->packed);
        free(archive->piece);
        free(archive);
        return NULL;
    }
    return archive;
}

void archive_close(struct archive *archive)
{
    (void)deflateEnd(
        &archive->deflater); /* Z_DATA_ERROR for a file that was given up: nothing to do about it */
    free(archive->line);
    free(archive->packed);
    free(archive->piece);
    free(archive);
}

/* -1 with errno. O_NONBLOCK: what was a file when it was listed may be a pipe by now, whose open would wait. */
static int open_regular(const char *path)
{
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0) {
        return -1;
    }
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
        return descriptor;
    }
    close(descriptor);
    errno = ENOTSUP;
    return -1;
}

/* Fill the piece up to the end of the file. false with errno. */
static bool fill(struct archive *archive, struct file *file)
{
    file->count = 0;
    while (file->count < PIECE_BYTES) {
        ssize_t got = read(file->descriptor, archive->piece + file->count, PIECE_BYTES - file->count);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return false;
        }
        if (got == 0) {
            break;
        }
        file->count += (size_t)got;
    }
    file->is_last = file->count < PIECE_BYTES;
    return true;
}

/* The step read_file: open it when it is not open yet, and read a piece. A file that ends exactly with the piece
 * before has nothing more to read: that execution never happened. */
static enum piece_state read_piece(struct archive *archive, struct file *file)
{
    struct slipring_span span = steps_begin(archive->steps, STEP_READ);
    if (file->is_first) {
        file->descriptor = open_regular(file->path);
    }
    if (file->descriptor < 0 || !fill(archive, file)) {
        int error = errno;
        steps_end(archive->steps, STEP_READ, &span, SLIPRING_FAILURE);
        errno = error;
        return PIECE_FAILED;
    }
    if (file->count == 0 && !file->is_first) {
        steps_cancel(&span);
        return PIECE_NONE;
    }
    steps_end(archive->steps, STEP_READ, &span, SLIPRING_SUCCESS);
    steps_add(&archive->steps->tally->bytes_read, file->count);
    return PIECE_READ;
}

/* The step compress. deflate() cannot fail here: its stream is sound and there is always room for output. */
static void compress_piece(struct archive *archive, struct file *file)
{
    struct slipring_span span = steps_begin(archive->steps, STEP_COMPRESS);
    z_stream *deflater = &archive->deflater;
    uint64_t packed = 0;
    deflater->next_in = archive->piece;
    deflater->avail_in = (uInt)file->count;
    do {
        deflater->next_out = archive->packed;
        deflater->avail_out = PACKED_BYTES;
        (void)deflate(deflater, file->is_last ? Z_FINISH : Z_NO_FLUSH);
        packed += PACKED_BYTES - deflater->avail_out;
    } while (deflater->avail_out == 0);
    steps_end_compress(archive->steps, &span, file->count);
    steps_add(&archive->steps->tally->bytes_packed, packed);
    file->bytes_in += file->count;
    file->bytes_out += packed;
}

static void hash_piece(struct archive *archive, const struct file *file)
{
    struct slipring_span span = steps_begin(archive->steps, STEP_DIGEST);
    sha256_update(&archive->hash, file->count, archive->piece);
    steps_end(archive->steps, STEP_DIGEST, &span, SLIPRING_SUCCESS);
}

/* "sha256  path", the name escaped as sha256sum does it. One write() a line: the workers share the file, which is open
 * for appending. false with errno. */
static bool write_manifest(struct archive *archive, const char *path)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&archive->hash, sizeof digest, digest); /* resets the hash, too */
    size_t room = 1 + 2 * sizeof digest + 2 + 2 * strlen(path) + 2;
    if (room > archive->line_room) {
        char *line = realloc(archive->line, room);
        if (!line) {
            return false;
        }
        archive->line = line;
        archive->line_room = room;
    }
    char *at = archive->line;
    if (strpbrk(path, "\\\n\r")) {
        *at++ = '\\';
    }
    for (size_t i = 0; i < sizeof digest; i++) {
        at += snprintf(at, 3, "%02x", digest[i]);
    }
    *at++ = ' ';
    *at++ = ' ';
    for (; *path != '\0'; path++) {
        const char escaped = *path == '\\' ? '\\' : *path == '\n' ? 'n' : *path == '\r' ? 'r' : '\0';
        if (escaped != '\0') {
            *at++ = '\\';
        }
        *at++ = escaped != '\0' ? escaped : *path;
    }
    *at++ = '\n';
    size_t length = (size_t)(at - archive->line);
    ssize_t written = write(archive->manifest, archive->line, length);
    if (written >= 0 && (size_t)written < length) {
        errno = ENOSPC;
    }
    return written == (ssize_t)length;
}

/* All pieces. PIECE_READ: the file is done; PIECE_FAILED with errno; PIECE_NONE: stopped half-way. */
static enum piece_state work_through(struct archive *archive, struct file *file)
{
    do {
        /* relaxed: a wish, nothing is read on the strength of it */
        if (atomic_load_explicit(archive->stop, memory_order_relaxed)) {
            return PIECE_NONE;
        }
        enum piece_state state = read_piece(archive, file);
        if (state == PIECE_FAILED) {
            return PIECE_FAILED;
        }
        compress_piece(archive, file);
        if (state == PIECE_READ) {
            hash_piece(archive, file);
        }
        file->is_first = false;
    } while (!file->is_last);
    if (file->bytes_in > file->bytes_out) {
        steps_save(archive->steps, file->bytes_in - file->bytes_out);
    }
    if (archive->manifest >= 0 && !write_manifest(archive, file->path)) {
        return PIECE_FAILED;
    }
    return PIECE_READ;
}

void archive_file(struct archive *archive, const char *path)
{
    struct file file = {.path = path, .descriptor = -1, .is_first = true};
    struct slipring_span span = steps_begin(archive->steps, STEP_ARCHIVE);
    (void)deflateReset(&archive->deflater); /* fails only for a stream that was never set up */
    sha256_init(&archive->hash);
    enum piece_state state = work_through(archive, &file);
    int error = errno;
    if (file.descriptor >= 0) {
        close(file.descriptor);
    }
    if (state == PIECE_NONE) {
        steps_cancel(&span);
        return;
    }
    steps_end(archive->steps, STEP_ARCHIVE, &span, state == PIECE_READ ? SLIPRING_SUCCESS : SLIPRING_FAILURE);
    if (state == PIECE_FAILED && archive->verbose) {
        fprintf(stderr, "failed: %s: %s\n", path, strerror(error));
    }
}
