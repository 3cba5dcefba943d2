/* SPDX-License-Identifier: Apache-2.0 */
/* Writing, syncing and renaming: see checkpoint_writer.h. */
#include "checkpoint_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint_read.h"
#include "peer/clock.h"

struct portion {
    enum checkpoint_kind kind;
    bool is_first;
    bool is_last;
    struct buffer text;
};

struct checkpoint_writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock: */
    struct portion portion;
    bool has_portion;
    bool is_ending;
    bool has_ended;
    struct checkpoint_written written;
    uint64_t refused;
    /* The writer's own: */
    struct checkpoint_folder folder;
    uint64_t books_wall_ns;
    uint64_t restored_wall_ns;
    bool is_checked; /* G2 */
    int fd;          /* of NAME.tmp; -1: there is none, or it failed */
    enum checkpoint_kind kind;
    uint64_t bytes;
    uint64_t begun_ns;
};

/* --- the files ------------------------------------------------------------------------------------------------------------ */

/* G2: nothing in the folder that would be written over is somebody else's. */
static bool check_kind(struct checkpoint_writer *writer, enum checkpoint_kind kind)
{
    struct checkpoint_identity identity;
    const char *why = NULL;
    const enum checkpoint_look look = checkpoint_look_at(&writer->folder, kind, &identity, &why);
    if (look == CHECKPOINT_ABSENT ||
        (look == CHECKPOINT_SOUND &&
         (identity.books_wall_ns == writer->books_wall_ns ||
          (writer->restored_wall_ns != 0 && identity.wall_ns <= writer->restored_wall_ns)))) {
        return true;
    }
    why = look == CHECKPOINT_SOUND ? "it is of other books than these" : why;
    (void)pthread_mutex_lock(&writer->lock);
    writer->refused++;
    (void)pthread_mutex_unlock(&writer->lock);
    return checkpoint_folder_refuse(&writer->folder, kind, sr_clock_wall_ns(), why);
}

static int fail(const char **out_why, const char *why)
{
    *out_why = why;
    return errno != 0 ? errno : EIO;
}

/* 0 or errno; ESTALE: a recent file, whose full one went with the folder. */
static int prepare(struct checkpoint_writer *writer, enum checkpoint_kind kind, const char **out_why)
{
    if (!checkpoint_folder_stands(&writer->folder)) {
        const int error = checkpoint_folder_open(&writer->folder, out_why);
        if (error != 0) {
            return error;
        }
        writer->is_checked = false;
        if (kind == CHECKPOINT_RECENT) {
            *out_why = "its folder was removed";
            return ESTALE;
        }
    }
    if (!writer->is_checked) {
        writer->is_checked = check_kind(writer, CHECKPOINT_FULL) && check_kind(writer, CHECKPOINT_RECENT);
    }
    errno = EEXIST;
    return writer->is_checked ? 0 : fail(out_why, "a file of other books is in the way");
}

/* However it went, no descriptor is left, and after a failure no file. */
static void drop(struct checkpoint_writer *writer, bool is_failed)
{
    char name[CHECKPOINT_NAME_BYTES];
    if (writer->fd >= 0) {
        (void)close(writer->fd);
        if (is_failed) {
            checkpoint_folder_name(&writer->folder, writer->kind, ".tmp", name);
            (void)unlinkat(writer->folder.fd, name, 0);
        }
    }
    writer->fd = -1;
}

static int begin(struct checkpoint_writer *writer, enum checkpoint_kind kind, const char **out_why)
{
    char name[CHECKPOINT_NAME_BYTES];
    drop(writer, true); /* a file that its caller gave up */
    writer->begun_ns = sr_clock_ns();
    writer->kind = kind;
    writer->bytes = 0;
    const int error = prepare(writer, kind, out_why);
    if (error != 0) {
        return error;
    }
    checkpoint_folder_name(&writer->folder, kind, ".tmp", name);
    if (unlinkat(writer->folder.fd, name, 0) != 0 && errno != ENOENT) {
        return fail(out_why, "an old temporary file cannot be removed");
    }
    writer->fd = openat(writer->folder.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        S_IRUSR | S_IWUSR);
    return writer->fd >= 0 ? 0 : fail(out_why, "a file cannot be made");
}

static int write_all(struct checkpoint_writer *writer, const struct buffer *text, const char **out_why)
{
    size_t done = 0;
    while (done < text->used) {
        const ssize_t wrote = write(writer->fd, text->text + done, text->used - done);
        if (wrote < 0 && errno != EINTR) {
            return fail(out_why, "it cannot be written");
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    writer->bytes += text->used;
    return 0;
}

static int finish(struct checkpoint_writer *writer, enum checkpoint_kind kind, const char **out_why)
{
    char from[CHECKPOINT_NAME_BYTES], to[CHECKPOINT_NAME_BYTES];
    const int folder = writer->folder.fd;
    checkpoint_folder_name(&writer->folder, kind, ".tmp", from);
    checkpoint_folder_name(&writer->folder, kind, "", to);
    if (fdatasync(writer->fd) != 0) {
        return fail(out_why, "it cannot be synced");
    }
    SR_CRASHPOINT(checkpoint_written);
    if (renameat(folder, from, folder, to) != 0) {
        return fail(out_why, "it cannot be renamed");
    }
    SR_CRASHPOINT(checkpoint_renamed);
    if (kind == CHECKPOINT_FULL) {
        checkpoint_folder_name(&writer->folder, CHECKPOINT_RECENT, "", to);
        (void)unlinkat(folder, to, 0); /* void; should it stay, it is known to be */
    }
    return fsync(folder) == 0 ? 0 : fail(out_why, "the folder cannot be synced");
}

/* True: the file ended with it, well or not. */
static bool work(struct checkpoint_writer *writer, struct portion *portion, struct checkpoint_written *out)
{
    const char *why = NULL;
    if (!portion->is_first && writer->fd < 0) {
        return false; /* the rest of one that failed, which was told */
    }
    int error = portion->is_first ? begin(writer, portion->kind, &why) : 0;
    error = error != 0 ? error : write_all(writer, &portion->text, &why);
    if (error == 0 && !portion->is_last) {
        return false;
    }
    error = error != 0 ? error : finish(writer, portion->kind, &why);
    drop(writer, error != 0);
    *out = (struct checkpoint_written){.kind = portion->kind,
                                       .error = error,
                                       .why = why,
                                       .bytes = error == 0 ? writer->bytes : 0,
                                       .took_ns = sr_clock_ns() - writer->begun_ns};
    return true;
}

/* --- the thread ----------------------------------------------------------------------------------------------------------- */

static void *run(void *context)
{
    struct checkpoint_writer *writer = context;
    (void)pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (!writer->has_portion && !writer->is_ending) {
            (void)pthread_cond_wait(&writer->changed, &writer->lock);
        }
        if (!writer->has_portion) {
            break;
        }
        struct checkpoint_written written;
        (void)pthread_mutex_unlock(&writer->lock);
        const bool has_ended = work(writer, &writer->portion, &written); /* nobody touches it meanwhile */
        buffer_clear(&writer->portion.text);
        (void)pthread_mutex_lock(&writer->lock);
        if (has_ended) {
            writer->written = written;
            writer->has_ended = true;
        }
        writer->has_portion = false;
        (void)pthread_cond_broadcast(&writer->changed);
    }
    (void)pthread_mutex_unlock(&writer->lock);
    return NULL;
}

enum slipring_status checkpoint_writer_open(const struct checkpoint_folder *folder, uint64_t books_wall_ns,
                                            uint64_t restored_wall_ns, struct checkpoint_writer **out_writer)
{
    struct checkpoint_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return SLIPRING_NO_MEMORY;
    }
    writer->folder = *folder;
    writer->books_wall_ns = books_wall_ns;
    writer->restored_wall_ns = restored_wall_ns;
    writer->fd = -1;
    (void)pthread_mutex_init(&writer->lock, NULL);
    (void)pthread_cond_init(&writer->changed, NULL);
    if (pthread_create(&writer->thread, NULL, run, writer) != 0) {
        free(writer);
        return SLIPRING_SYSTEM;
    }
    *out_writer = writer;
    return SLIPRING_OK;
}

void checkpoint_writer_close(struct checkpoint_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&writer->lock);
    writer->is_ending = true;
    (void)pthread_cond_broadcast(&writer->changed);
    (void)pthread_mutex_unlock(&writer->lock);
    (void)pthread_join(writer->thread, NULL);
    drop(writer, true);
    checkpoint_folder_close(&writer->folder);
    (void)pthread_cond_destroy(&writer->changed);
    (void)pthread_mutex_destroy(&writer->lock);
    buffer_free(&writer->portion.text);
    free(writer);
}

bool checkpoint_writer_is_free(struct checkpoint_writer *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    const bool is_free = !writer->has_portion;
    (void)pthread_mutex_unlock(&writer->lock);
    return is_free;
}

void checkpoint_writer_give(struct checkpoint_writer *writer, enum checkpoint_kind kind, bool is_first,
                            bool is_last, struct buffer *text)
{
    (void)pthread_mutex_lock(&writer->lock);
    const struct buffer empty = writer->portion.text;
    writer->portion = (struct portion){kind, is_first, is_last, *text};
    writer->has_portion = true;
    *text = empty;
    (void)pthread_cond_broadcast(&writer->changed);
    (void)pthread_mutex_unlock(&writer->lock);
}

bool checkpoint_writer_ended(struct checkpoint_writer *writer, struct checkpoint_written *out_written)
{
    (void)pthread_mutex_lock(&writer->lock);
    const bool has_ended = writer->has_ended;
    *out_written = writer->written;
    writer->has_ended = false;
    (void)pthread_mutex_unlock(&writer->lock);
    return has_ended;
}

void checkpoint_writer_settle(struct checkpoint_writer *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    while (writer->has_portion) {
        (void)pthread_cond_wait(&writer->changed, &writer->lock);
    }
    (void)pthread_mutex_unlock(&writer->lock);
}

uint64_t checkpoint_writer_refused(struct checkpoint_writer *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    const uint64_t refused = writer->refused;
    (void)pthread_mutex_unlock(&writer->lock);
    return refused;
}
