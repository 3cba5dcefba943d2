/* SPDX-License-Identifier: Apache-2.0 */
/* How far the demo has come, on stderr: one line that is written over on a terminal, elsewhere a line now and then. */
#ifndef DEMO_PROGRESS_H
#define DEMO_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "steps.h"

struct progress {
    uint64_t total;
    unsigned interval_ms; /* how often to look */
    bool is_terminal;
    double said_at;
};

void progress_begin(struct progress *out_progress, uint64_t total);

/* is_last: the line stays, and the next one begins below it. */
void progress_show(struct progress *progress, const struct tally *sum, double seconds, bool is_last);

#endif
