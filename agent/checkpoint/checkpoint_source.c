/* SPDX-License-Identifier: Apache-2.0 */
/* Records by name: see checkpoint_source.h. */
#include "checkpoint_source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FNV-1a, with the zero at the end of each text. */
static uint64_t add_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    } while (*text++ != '\0');
    return hash;
}

uint64_t checkpoint_hash(const char *name, const char *type, const char *resource)
{
    return add_text(add_text(add_text(UINT64_C(0xcbf29ce484222325), name), type), resource);
}

bool checkpoint_source_note(struct checkpoint_source *source, const char *name, const char *type,
                            const char *resource, const char **out_why)
{
    if (source->count == source->room) {
        const size_t room = source->room == 0 ? 256 : 2 * source->room;
        struct checkpoint_entry *more = realloc(source->entries, room * sizeof *more);
        if (more == NULL) {
            *out_why = "there is no memory for it";
            return false;
        }
        source->entries = more;
        source->room = room;
    }
    source->entries[source->count++] =
        (struct checkpoint_entry){.hash = checkpoint_hash(name, type, resource), .at = source->file.record};
    return true;
}

static int compare(const void *one, const void *other)
{
    const struct checkpoint_entry *a = one, *b = other;
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return a->at < b->at ? -1 : a->at > b->at;
}

void checkpoint_source_sort(struct checkpoint_source *source)
{
    if (source->count > 0) {
        qsort(source->entries, source->count, sizeof source->entries[0], compare);
    }
}

void checkpoint_source_close(struct checkpoint_source *source)
{
    checkpoint_unpacked_free(&source->book);
    checkpoint_file_close(&source->file);
    free(source->entries);
    source->entries = NULL;
    if (source->fd >= 0) {
        (void)close(source->fd);
    }
    source->fd = -1;
}

/* --- reading again -------------------------------------------------------------------------------------------------------- */

bool checkpoint_source_rewind(struct checkpoint_source *source)
{
    checkpoint_file_close(&source->file);
    const bool is_open =
        checkpoint_file_open(&source->file, source->fd) && checkpoint_file_next(&source->file);
    source->has_failed |= !is_open;
    return is_open;
}

static bool unpack(struct checkpoint_source *source)
{
    const char *why;
    const struct checkpoint_file *file = &source->file;
    return file->kind == CHECKPOINT_BOOK
               ? checkpoint_unpack_book(&source->book, file->payload, file->bytes, &why)
               : file->kind == CHECKPOINT_USAGE &&
                     checkpoint_unpack_usage(&source->usage, file->payload, file->bytes, &why);
}

/* Records of other kinds are passed over. */
static bool is_unpacked(uint32_t kind)
{
    return kind == CHECKPOINT_BOOK || kind == CHECKPOINT_USAGE;
}

enum checkpoint_record checkpoint_source_next(struct checkpoint_source *source)
{
    while (checkpoint_file_next(&source->file)) {
        if (source->file.kind == CHECKPOINT_TAIL) {
            return CHECKPOINT_TAIL;
        }
        if (unpack(source)) {
            return (enum checkpoint_record)source->file.kind;
        }
        source->has_failed |= is_unpacked(source->file.kind);
    }
    source->has_failed = true;
    return CHECKPOINT_TAIL;
}

/* The first entry with this hash, or where it would stand. */
static size_t lower_bound(const struct checkpoint_source *source, uint64_t hash)
{
    size_t low = 0, high = source->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (source->entries[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Is what was read of these names? */
static bool is_of(const struct checkpoint_source *source, const char *name, const char *type,
                  const char *resource)
{
    if (resource[0] == '\0') {
        return source->file.kind == CHECKPOINT_BOOK && strcmp(source->book.totals.name, name) == 0 &&
               strcmp(source->book.totals.type, type) == 0;
    }
    return source->file.kind == CHECKPOINT_USAGE && strcmp(source->usage.name, name) == 0 &&
           strcmp(source->usage.type, type) == 0 && strcmp(source->usage.usage.resource, resource) == 0;
}

bool checkpoint_source_find(struct checkpoint_source *source, const char *name, const char *type,
                            const char *resource)
{
    const uint64_t hash = checkpoint_hash(name, type, resource);
    for (size_t i = lower_bound(source, hash); i < source->count && source->entries[i].hash == hash; i++) {
        source->file.at = source->entries[i].at;
        const bool is_read = checkpoint_file_next(&source->file) && unpack(source);
        source->has_failed |= !is_read;
        if (is_read && is_of(source, name, type, resource)) {
            source->entries[i].is_used = true;
            return true;
        }
    }
    return false;
}

bool checkpoint_source_was_used(const struct checkpoint_source *source)
{
    const bool is_book = source->file.kind == CHECKPOINT_BOOK;
    const uint64_t hash = checkpoint_hash(is_book ? source->book.totals.name : source->usage.name,
                                          is_book ? source->book.totals.type : source->usage.type,
                                          is_book ? "" : source->usage.usage.resource);
    for (size_t i = lower_bound(source, hash); i < source->count && source->entries[i].hash == hash; i++) {
        if (source->entries[i].at == source->file.record) {
            return source->entries[i].is_used;
        }
    }
    return false;
}
