/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a checkpoint's files: what one says of itself, whether it is whole, and books made of it. */
#ifndef AGENT_CHECKPOINT_READ_H
#define AGENT_CHECKPOINT_READ_H

#include "checkpoint_book.h"
#include "checkpoint_folder.h"

/* From the Head. */
struct checkpoint_identity {
    uint64_t sequence;
    uint64_t full_wall_ns;
    uint64_t wall_ns; /* CLOCK_REALTIME and */
    uint64_t now_ns;  /* store time of the copying's beginning */
    uint64_t seen_ns;
    uint64_t books_wall_ns;
};

enum checkpoint_look {
    CHECKPOINT_ABSENT,
    CHECKPOINT_SOUND,
    CHECKPOINT_UNSOUND, /* *out_why */
};

/* What the file says it is; no more of it is looked at than its beginning. */
enum checkpoint_look checkpoint_look_at(const struct checkpoint_folder *folder, enum checkpoint_kind kind,
                                        struct checkpoint_identity *out_identity, const char **out_why);

struct checkpoint_restored {
    uint64_t sequence; /* the greatest number that a file in the folder had */
    uint64_t wall_ns;  /* of what was restored; 0: nothing was */
    uint64_t books;
    uint64_t refused; /* files that were kept aside */
    bool is_short;    /* of memory: nothing was looked at */
};

/* Restore new books from what is in the folder; files that cannot be used are kept aside. Logs. Without books that may be restored, it only tells the
 * sequence. wall_ns, now_ns: CLOCK_REALTIME and store time of now. */
void checkpoint_restore(const struct checkpoint_folder *folder, struct books *books, uint64_t now_ns,
                        uint64_t wall_ns, struct checkpoint_restored *out_restored);

#endif
