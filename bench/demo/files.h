/* SPDX-License-Identifier: Apache-2.0 */
/* The list of the files to archive, made once before the workers are forked. */
#ifndef DEMO_FILES_H
#define DEMO_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct files {
    size_t count;
    size_t room; /* of `at` */
    size_t *at;  /* where in `text` each path begins */
    char *text;
    size_t text_used, text_room;
};

/* All regular files below the directory (or the one file that it is), on its own file system: those behind symbolic
 * links too, when the link leads to a file. Links that lead nowhere and folders that can't be listed stand in the list
 * as well: archiving them fails, as it should. false: said on stderr. */
bool files_list(const char *directory, struct files *out_files);

const char *files_path(const struct files *files, size_t index);

void files_free(struct files *files);

#endif
