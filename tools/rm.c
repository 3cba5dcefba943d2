/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring rm`: removes a store that nobody uses. */
#include <inttypes.h>

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

static int run_rm(const struct invocation *invocation)
{
    enum sr_stores_user user;
    uint32_t pid;
    const char *store = invocation->store;
    if (invocation->word_count == 1 && invocation->values[OPTION_store]) {
        message_print("two stores are named: give the name or --store, not both");
        return STATUS_BAD;
    }
    if (invocation->word_count == 1) {
        store = invocation->words[0];
    } else if (!invocation->values[OPTION_store]) {
        message_print("which store? Name it: slipring rm NAME; slipring ls lists them");
        return STATUS_BAD;
    }
    enum slipring_status status = sr_stores_remove(store, &user, &pid);
    if (status == SLIPRING_IN_USE) {
        return say_in_use(store, user, pid);
    }
    if (status == SLIPRING_BAD_NAME) {
        struct render_text quoted;
        message_print("%s is no name of a store: slipring ls lists those that there are",
                      render_quote(store, &quoted));
        return STATUS_BAD;
    }
    return status == SLIPRING_OK ? STATUS_OK : message_store("remove", store, status);
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
                   "none can come up between the look and the removal.",
    .exits = "0\tremoved\n"
             "1\tthe store is in use; nothing was removed\n"
             "2\tbad input, no such store, or not permitted\n",
    .examples = "slipring rm scratch\n",
    .max_words = 1,
    .run = run_rm,
};
