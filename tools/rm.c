/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring rm`: removes a store that nobody uses. */
#include <inttypes.h>
#include <string.h>

#include "command.h"
#include "message.h"
#include "peer/stores.h"

static int say_in_use(const char *store, enum sr_stores_user user, uint32_t pid)
{
    static const char *const who[] = {
        [SR_STORES_NOBODY] = "somebody",
        [SR_STORES_AGENT] = "its agent",
        [SR_STORES_PRODUCER] = "a recording process",
        [SR_STORES_MAKER] = "a process that is making it",
    };
    if (pid != 0) {
        message_print("store '%s' is in use by %s, pid %" PRIu32 ": end it first; nothing was removed", store,
                      who[user], pid);
    } else {
        message_print("store '%s' is in use by %s: end it first; nothing was removed", store, who[user]);
    }
    return STATUS_NO;
}

static int say_waiting(const char *store, uint64_t samples)
{
    message_print(
        "store '%s' holds %" PRIu64 " sample%s that no agent has booked: start slipringd, which books "
        "%s, or lose %s with --force; nothing was removed",
        store, samples, samples == 1 ? "" : "s", samples == 1 ? "it" : "them", samples == 1 ? "it" : "them");
    return STATUS_NO;
}

/* It is removed all the same: said, since what waited in it is lost. */
static void say_uncounted(const char *store, enum slipring_status status)
{
    const char *why = status == SLIPRING_CONFLICT ? "its accounts disagree" : slipring_status_text(status);
    message_print("store '%s' was removed; whether samples waited in it cannot be told: %.*s", store,
                  (int)strcspn(why, ":;"), why); /* without the advice */
}

static enum slipring_status remove_store(const struct invocation *invocation, const char *store,
                                         int *out_exit)
{
    enum sr_stores_user user;
    uint32_t pid;
    struct sr_stores_waiting waiting = {.status = SLIPRING_OK};
    enum slipring_status status = invocation->values[OPTION_force]
                                      ? sr_stores_remove(store, &user, &pid)
                                      : sr_stores_remove_booked(store, &user, &pid, &waiting);
    if (status == SLIPRING_IN_USE) {
        *out_exit = waiting.samples > 0 ? say_waiting(store, waiting.samples) : say_in_use(store, user, pid);
    } else if (status == SLIPRING_OK && waiting.status != SLIPRING_OK) {
        say_uncounted(store, waiting.status);
    }
    return status;
}

static int run_rm(const struct invocation *invocation)
{
    int result = STATUS_OK;
    const char *store = invocation->words[0];
    if (!store) {
        message_print("which store? Name it: slipring rm NAME; slipring ls lists them");
        return STATUS_BAD;
    }
    enum slipring_status status = remove_store(invocation, store, &result);
    if (status == SLIPRING_BAD_NAME) {
        struct render_text quoted;
        message_print("%s is no name of a store: slipring ls lists those that there are",
                      render_quote(store, &quoted));
        return STATUS_BAD;
    }
    if (status == SLIPRING_ABSENT) {
        return message_no_store("remove", store);
    }
    return status == SLIPRING_OK || status == SLIPRING_IN_USE ? result
                                                              : message_store("remove", store, status);
}

const struct command command_rm = {
    .name = "rm",
    .synopsis = "[OPTION]... NAME",
    .summary = "remove a store that nobody uses",
    .description = "Removes the store's files from the shared-memory folder, with all that was recorded and "
                   "booked in them; also "
                   "files that are damaged, foreign or of another version. The store has to be named: there "
                   "is no default.\n"
                   "Refuses while the agent or any attached process lives, and says which. It holds their "
                   "locks meanwhile, so that "
                   "none can come up between the look and the removal.\n"
                   "Refuses while samples wait that no agent has booked, and says how many: start slipringd, "
                   "which books them, or give --force. Where they cannot be counted, since a file is damaged "
                   "or foreign, it says so and removes the store.",
    .exits = "0\tremoved\n"
             "1\tthe store is in use, or samples wait in it; nothing was removed\n"
             "2\tbad input, no such store, or not permitted\n",
    .examples = "slipring rm scratch\n",
    .no_store = "name the store, slipring rm NAME",
    COMMAND_OPTIONS(OPTION_force),
    .max_words = 1,
    .run = run_rm,
};
