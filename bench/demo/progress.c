/* SPDX-License-Identifier: Apache-2.0 */
/* See progress.h. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_EVERY_S 5.0 /* where lines pile up, as in a log */

void progress_begin(struct progress *out_progress, uint64_t total)
{
    *out_progress =
        (struct progress){.total = total, .interval_ms = 200, .is_terminal = isatty(STDERR_FILENO) == 1};
}

void progress_show(struct progress *progress, const struct tally *sum, double seconds, bool is_last)
{
    if (!progress->is_terminal && !is_last && seconds - progress->said_at < LINE_EVERY_S) {
        return;
    }
    progress->said_at = seconds;
    const struct step_sums *files = &sum->steps[STEP_ARCHIVE];
    const double megabytes = (double)steps_get(&sum->bytes_read) / 1e6;
    fprintf(stderr, "%s%" PRIu64 " of %" PRIu64 " files, %.1f MB, %" PRIu64 " failed, %.1f MB/s%s",
            progress->is_terminal ? "\r" : "", steps_get(&files->executions), progress->total, megabytes,
            steps_get(&files->failures), seconds > 0 ? megabytes / seconds : 0,
            progress->is_terminal ? "\033[K" : "");
    if (is_last || !progress->is_terminal) {
        fputc('\n', stderr);
    }
}
