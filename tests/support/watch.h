/* SPDX-License-Identifier: Apache-2.0 */
/* A stepped child (stepper.h) whose every change of a store's segments is seen: after which instruction, and what it left.
 *
 * What SIGKILL leaves of a process is the shared memory that it wrote to, the files, and the locks that are dropped; its registers and its private
 * memory are gone. So the instructions at which it can be killed fall into runs, within which a kill leaves the same: a run ends with
 * an instruction that changes a byte of a segment, or with a system call that may change what the kernel keeps of the store. To try one kill in each run is to
 * try them all.
 *
 * The segments are write-protected in the child: an instruction that stores to one of them faults, is let through alone by
 * PTRACE_SINGLESTEP, and the page is compared before and after. Between two such stops nothing can change: there the child either runs (quick) or is
 * stepped, too (every instruction is then counted). Instructions that store many times (rep movs) are stopped at after each.
 *
 * x86-64 alone, not under ThreadSanitizer, and where the system lets us trace: watch_is_possible(). One child at a time, of one thread. */
#ifndef SUPPORT_WATCH_H
#define SUPPORT_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

bool watch_is_possible(void);

/* Tracer and traced take turns: keep this process, and its children to come, on one processor, which is quicker. */
void watch_stay_here(void);

enum watch_manner {
    WATCH_QUICKLY, /* run from store to store */
    WATCH_STEPPING /* step everything */
};

struct watch_counts {
    uint64_t steps;   /* instructions that were stepped */
    uint64_t stores;  /* of these, stores to a segment */
    uint64_t changes; /* of these, those that changed a byte */
    uint64_t calls;   /* system calls that may have changed something */
};
extern struct watch_counts watch_counts;

/* The child stands at a gate; protect what it has mapped of the store, and what it is going to map. */
void watch_begin(pid_t child, const char *store, enum watch_manner manner);

/* Go on to the end of the run. false: it has come to its next gate instead, or has ended. */
bool watch_next(void);

/* One instruction, or the store in it. false: as above. */
bool watch_step(void);

/* Has the instruction that was just executed ended a run? */
bool watch_has_changed(void);

/* It has come to its end instead of a gate. */
bool watch_has_ended(void);

/* It has changed pairs of a journal that is not committed, and nothing else: what nobody believes yet (protocol/journal.h). */
bool watch_is_building(void);

/* It was made while the journal was committed. */
bool watch_is_applying(void);

#endif
