/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint's file while books are made of it: checked from end to end first, with an index by name, then read again record by record. */
#ifndef AGENT_CHECKPOINT_SOURCE_H
#define AGENT_CHECKPOINT_SOURCE_H

#include "checkpoint_book.h"
#include "checkpoint_file.h"
#include "checkpoint_read.h"

/* Where the record of a book (resource empty) or an account begins. */
struct checkpoint_entry {
    uint64_t hash; /* of the names */
    uint64_t at;
    bool is_used;
};

struct checkpoint_source {
    enum checkpoint_kind kind;
    enum checkpoint_look look;
    const char *why;
    int fd;
    struct checkpoint_file file;
    struct checkpoint_identity identity;
    struct checkpoint_unpacked book; /* the last one that was read */
    struct checkpoint_usage usage;
    bool has_incidents;
    bool has_failed; /* what was checked could not be read again */
    uint64_t incidents[SR_WORDS_PER_incident];
    struct checkpoint_entry *entries; /* by hash, once sorted */
    size_t count;
    size_t room;
};

/* Check it all. `source` is zeroed before. look is ABSENT, SOUND, or UNSOUND with `why`. */
void checkpoint_source_open(struct checkpoint_source *source, const struct checkpoint_folder *folder,
                            enum checkpoint_kind kind);
void checkpoint_source_close(struct checkpoint_source *source);

/* For checkpoint_read.c: this record was met; all were. */
__attribute__((warn_unused_result)) bool checkpoint_source_note(struct checkpoint_source *source,
                                                                const char *name, const char *type,
                                                                const char *resource, const char **out_why);
void checkpoint_source_sort(struct checkpoint_source *source);

/* Back to the first record after the head. */
__attribute__((warn_unused_result)) bool checkpoint_source_rewind(struct checkpoint_source *source);
/* The next record, unpacked into book or usage: its kind; CHECKPOINT_TAIL: there is none any more, or, which cannot be in a file that is as it was
 * checked, it cannot be read. */
enum checkpoint_record checkpoint_source_next(struct checkpoint_source *source);

/* The record of these names: unpacked into book or usage, and used from now on. False: there is none. */
bool checkpoint_source_find(struct checkpoint_source *source, const char *name, const char *type,
                            const char *resource);
/* Was the record that was read last used? */
bool checkpoint_source_was_used(const struct checkpoint_source *source);

uint64_t checkpoint_hash(const char *name, const char *type, const char *resource);

#endif
