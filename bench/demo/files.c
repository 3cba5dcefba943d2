/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a directory. See files.h. */
#include "files.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *files_path(const struct files *files, size_t index)
{
    return files->text + files->at[index];
}

void files_free(struct files *files)
{
    free(files->at);
    free(files->text);
    *files = (struct files){.count = 0};
}

static bool add(struct files *files, const char *path)
{
    size_t bytes = strlen(path) + 1;
    if (files->count == files->room) {
        size_t room = files->room * 2 + 1024;
        size_t *at = realloc(files->at, room * sizeof *at);
        if (!at) {
            return false;
        }
        files->at = at;
        files->room = room;
    }
    if (files->text_room - files->text_used < bytes) {
        size_t room = files->text_room * 2 + bytes + 65536;
        char *text = realloc(files->text, room);
        if (!text) {
            return false;
        }
        files->text = text;
        files->text_room = room;
    }
    memcpy(files->text + files->text_used, path, bytes);
    files->at[files->count++] = files->text_used;
    files->text_used += bytes;
    return true;
}

/* Does the link lead to a file, or nowhere? */
static bool is_link_to_list(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

static bool is_to_list(const FTSENT *entry)
{
    switch (entry->fts_info) {
    case FTS_F:
    case FTS_DNR: /* a folder that can't be listed */
    case FTS_NS:  /* vanished, or not to be looked at */
    case FTS_ERR:
        return true;
    case FTS_SL:
    case FTS_SLNONE:
        return is_link_to_list(entry->fts_accpath);
    default:
        return false;
    }
}

bool files_list(const char *directory, struct files *out_files)
{
    char *roots[] = {strdup(directory), NULL};
    struct stat status;
    struct files files = {.count = 0};
    FTS *walk = NULL;
    if (stat(directory, &status) != 0) {
        fprintf(stderr, "slipring-demo: cannot look at %s: %s\n", directory, strerror(errno));
        goto fail;
    }
    walk = roots[0] ? fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_XDEV, NULL) : NULL;
    if (!walk) {
        fprintf(stderr, "slipring-demo: cannot list %s: %s\n", directory, strerror(errno));
        goto fail;
    }
    const FTSENT *entry;
    while (errno = 0, (entry = fts_read(walk)) != NULL) {
        if (is_to_list(entry) && !add(&files, entry->fts_path)) {
            errno = ENOMEM;
            break;
        }
    }
    if (errno != 0) {
        fprintf(stderr, "slipring-demo: cannot list %s: %s\n", directory, strerror(errno));
        goto fail;
    }
    if (files.count == 0) {
        fprintf(stderr, "slipring-demo: there are no files under %s: name another directory\n", directory);
        goto fail;
    }
    (void)fts_close(walk);
    free(roots[0]);
    *out_files = files;
    return true;

fail:
    if (walk) {
        (void)fts_close(walk);
    }
    free(roots[0]);
    files_free(&files);
    return false;
}
