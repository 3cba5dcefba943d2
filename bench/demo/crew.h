/* SPDX-License-Identifier: Apache-2.0 */
/* The worker processes. They take files from one list by one shared counter: whoever is free takes the next. No more
 * coordination than that; the counter, the wish to stop and everybody's tally lie in one shared anonymous mapping. */
#ifndef DEMO_CREW_H
#define DEMO_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "files.h"
#include "options.h"
#include "steps.h"

struct crew_shared;

struct crew {
    struct crew_shared *shared;
    uint64_t total; /* files times passes */
    uint32_t processes;
    uint32_t alive;
    uint32_t lost; /* ended otherwise than by having done their work */
    int signal;    /* that asked us to stop; 0: none */
    pid_t pids[OPTIONS_PROCESSES_MAX];
    double seconds; /* that the work took */
};

/* From here on SIGINT, SIGTERM and SIGHUP wait until crew_wait() asks for them. Before anything else. */
void crew_hold_signals(void);

/* Fork the workers. `steps` is open, or all NULL when nothing is to be recorded; manifest is a descriptor or -1.
 * false: said on stderr, and those already forked are told to stop: go on with crew_watch(). */
bool crew_start(struct crew *crew, const struct options *options, const struct files *files,
                const struct steps *steps, int manifest);

/* Show progress on stderr until all have ended. The first signal asks them to stop after the file (or piece) at
 * hand, a second one kills them. */
void crew_watch(struct crew *crew);

/* Wait that long for a signal. Returns it, 0 when none came, and remembers it as crew_watch() does. */
int crew_wait(struct crew *crew, unsigned milliseconds);

/* All tallies added up. */
void crew_sum(const struct crew *crew, struct tally *out_sum);

#endif
