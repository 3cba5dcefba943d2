/* SPDX-License-Identifier: Apache-2.0 */
/* The work on one file: read it, compress it (zlib, level 6), hash it (SHA-256 of its bytes). The compressed bytes
 * are counted and dropped. A file over 16 MiB goes through in pieces of that size, each an execution of its own of
 * every step. One archive to a process. */
#ifndef DEMO_ARCHIVE_H
#define DEMO_ARCHIVE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "steps.h"

struct archive; /* the buffers and states that a worker keeps from file to file */

/* stop: when it becomes true the file under way is given up, without a trace of the workflow.
 * manifest: a descriptor that gets a line "sha256  path" for each file, as sha256sum(1) writes it; -1: none.
 * NULL: no memory. */
struct archive *archive_open(const struct steps *steps, const atomic_bool *stop, int manifest, bool verbose);

/* Archive one file: success, or a failure when it can't be opened, read, or is no regular file any more. */
void archive_file(struct archive *archive, const char *path);

void archive_close(struct archive *archive);

#endif
