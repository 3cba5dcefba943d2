/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file is whole, and what it says it is: see checkpoint_read.h. */
#include "checkpoint_read.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint_source.h"

static bool fails(const char **out_why, const char *why)
{
    *out_why = why;
    return false;
}

static bool take_head(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                      const Checkpoint__Head *head, struct checkpoint_identity *out, const char **out_why)
{
    *out = (struct checkpoint_identity){.sequence = head->sequence,
                                        .full_wall_ns = head->full_wall_ns,
                                        .wall_ns = head->wall_ns,
                                        .now_ns = head->now_ns,
                                        .seen_ns = head->seen_ns,
                                        .books_wall_ns = head->books_wall_ns};
    if (strcmp(head->store, folder->store) != 0) {
        return fails(out_why, "it is of another store");
    }
    return head->kind == kind || fails(out_why, "it is of the other kind");
}

/* The first record, which has to be a Head. */
static bool read_head(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                      struct checkpoint_file *file, struct checkpoint_identity *out, const char **out_why)
{
    if (!checkpoint_file_next(file) || file->kind != CHECKPOINT_HEAD) {
        return fails(out_why, file->why != NULL ? file->why : "it has no head");
    }
    Checkpoint__Head *head = checkpoint__head__unpack(NULL, file->bytes, file->payload);
    if (head == NULL) {
        return fails(out_why, "its head is impossible");
    }
    const bool is_good = take_head(folder, kind, head, out, out_why);
    checkpoint__head__free_unpacked(head, NULL);
    return is_good;
}

/* -1: there is none (*out_look says so) or it cannot be used. */
static int open_file(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                     enum checkpoint_look *out_look, const char **out_why)
{
    const int fd = checkpoint_folder_read(folder, kind, out_why);
    *out_look = fd < 0 && errno == ENOENT ? CHECKPOINT_ABSENT : CHECKPOINT_UNSOUND;
    return fd;
}

enum checkpoint_look checkpoint_look_at(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                                        struct checkpoint_identity *out_identity, const char **out_why)
{
    struct checkpoint_file file;
    enum checkpoint_look look;
    const int fd = open_file(folder, kind, &look, out_why);
    if (fd < 0) {
        return look;
    }
    if (!checkpoint_file_open(&file, fd)) {
        *out_why = file.why;
    } else if (read_head(folder, kind, &file, out_identity, out_why)) {
        look = CHECKPOINT_SOUND;
    }
    checkpoint_file_close(&file);
    (void)close(fd);
    return look;
}

/* --- whole ---------------------------------------------------------------------------------------------------------------- */

static bool check_tail(struct checkpoint_file *file, uint64_t books, const char **out_why)
{
    Checkpoint__Tail *tail = checkpoint__tail__unpack(NULL, file->bytes, file->payload);
    const bool is_all = tail != NULL && tail->books == books;
    if (tail != NULL) {
        checkpoint__tail__free_unpacked(tail, NULL);
    }
    if (!is_all) {
        return fails(out_why, "books are missing");
    }
    return (!checkpoint_file_next(file) && file->why == NULL && !file->is_short) ||
           fails(out_why, "something stands behind its end");
}

/* One record that is neither head nor tail. */
static bool check_record(struct checkpoint_source *source, uint64_t *books, const char **out_why)
{
    struct checkpoint_file *file = &source->file;
    switch (file->kind) {
    case CHECKPOINT_BOOK:
        ++*books;
        return checkpoint_unpack_book(&source->book, file->payload, file->bytes, out_why) &&
               checkpoint_source_note(source, source->book.totals.name, source->book.totals.type, "",
                                      out_why);
    case CHECKPOINT_USAGE:
        return checkpoint_unpack_usage(&source->usage, file->payload, file->bytes, out_why) &&
               checkpoint_source_note(source, source->usage.name, source->usage.type,
                                      source->usage.usage.resource, out_why);
    case CHECKPOINT_INCIDENTS:
        source->has_incidents = true;
        return checkpoint_unpack_incidents(source->incidents, file->payload, file->bytes, out_why);
    case CHECKPOINT_HEAD:
        return fails(out_why, "it has two heads");
    default:
        return true; /* of a later version, which can be left out */
    }
}

static bool check_whole(struct checkpoint_source *source, const struct checkpoint_folder *folder,
                        const char **out_why)
{
    struct checkpoint_file *file = &source->file;
    uint64_t books = 0;
    if (!checkpoint_file_open(file, source->fd)) {
        return fails(out_why, file->why);
    }
    if (!read_head(folder, source->kind, file, &source->identity, out_why)) {
        return false;
    }
    while (checkpoint_file_next(file)) {
        if (file->kind == CHECKPOINT_TAIL) {
            return check_tail(file, books, out_why);
        }
        if (!check_record(source, &books, out_why)) {
            return false;
        }
    }
    return fails(out_why, file->why != NULL ? file->why : "it is cut off");
}

void checkpoint_source_open(struct checkpoint_source *source, const struct checkpoint_folder *folder,
                            enum checkpoint_kind kind)
{
    source->kind = kind;
    source->fd = open_file(folder, kind, &source->look, &source->why);
    if (source->fd >= 0 && check_whole(source, folder, &source->why)) {
        source->look = CHECKPOINT_SOUND;
        checkpoint_source_sort(source);
    }
}
