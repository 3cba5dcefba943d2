/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on stderr: see message.h. */
#include "message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/stores.h"
#include "pure/suggest.h"

static const char *command_name;

void message_command(const char *name)
{
    command_name = name;
}

void message_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    flockfile(stderr); /* one line is one line, also of several programs' */
    fprintf(stderr, command_name ? "slipring %s: " : "slipring: ", command_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    funlockfile(stderr);
    va_end(arguments);
}

/* " (did you mean 'x'?)" or "". */
static void suggest_store(const char *store, char *out, size_t bytes)
{
    struct sr_store_info *list;
    size_t count;
    struct sr_suggest suggest;
    out[0] = '\0';
    if (sr_stores_list(&list, &count) != SLIPRING_OK) {
        return;
    }
    sr_suggest_begin(&suggest, store);
    for (size_t i = 0; i < count; i++) {
        sr_suggest_offer(&suggest, list[i].name);
    }
    if (suggest.best &&
        suggest.best_distance > 0) { /* a store's name is harmless: letters, digits, '.', '_', '-' */
        (void)snprintf(out, bytes, " (did you mean '%s'?)", suggest.best);
    }
    free(list);
}

const char *message_state(const char *store, enum slipring_status status, struct render_text *room)
{
    struct sr_version found;
    if (status != SLIPRING_OTHER_VERSION || !sr_stores_other_version(store, &found)) {
        return slipring_status_text(status);
    }
    const struct sr_version here = sr_version_here();
    (void)snprintf(room->text, sizeof room->text,
                   "%s (the segment is of %" PRIu32 ".%" PRIu32 ", this is %" PRIu32 ".%" PRIu32 ")",
                   slipring_status_text(status), found.major, found.minor, here.major, here.minor);
    return room->text;
}

static bool is_unpublished(const char *store, enum slipring_status status)
{
    struct sr_store_info info;
    return status == SLIPRING_ABSENT && sr_stores_look(store, &info) == SLIPRING_OK && info.has_ring;
}

int message_store(const char *what, const char *store, enum slipring_status status)
{
    char more[160] = "";
    struct render_text state;
    if (is_unpublished(store, status)) {
        status = SLIPRING_NO_DATA; /* the store is there, its agent's part is not */
    } else if (status == SLIPRING_ABSENT) {
        suggest_store(store, more, sizeof more);
    }
    message_print("cannot %s store '%s': %s%s", what, store, message_state(store, status, &state), more);
    return STATUS_BAD;
}

int message_figures(const char *what, const char *store, enum slipring_status status)
{
    (void)message_store(what, store, status);
    return is_unpublished(store, status) ? STATUS_NO : STATUS_BAD;
}

int message_no_store(const char *what, const char *store)
{
    char more[160];
    suggest_store(store, more, sizeof more);
    message_print("cannot %s store '%s': no such store%s; slipring ls lists them", what, store, more);
    return STATUS_BAD;
}

void message_out_of_memory(void)
{
    message_print(
        "out of memory: nothing more can be shown; end other programs or raise the limit (ulimit -v)");
    exit(STATUS_BAD);
}

int message_finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    if (errno == EPIPE) { /* the reader has had enough: where SIGPIPE is ignored this is how we learn it */
        return status;
    }
    message_print("cannot write the output: %s", strerror(errno));
    return STATUS_BAD;
}
