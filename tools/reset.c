/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring reset`: primitives begin anew, by order to the agent. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "figures.h"
#include "message.h"
#include "order.h"
#include "peer/json_put.h"

/* Somebody who sits there says yes. */
static bool is_meant(const struct invocation *invocation, const char *name)
{
    struct render_text quoted;
    char line[16] = "";
    if (invocation->values[OPTION_yes] || !isatty(STDIN_FILENO)) {
        return true;
    }
    fprintf(stderr, "%s of store '%s' forget%s all that was counted. Go on? [y/N] ",
            name ? render_quote(name, &quoted) : "all primitives", invocation->store, name ? "s" : "");
    return fgets(line, sizeof line, stdin) && (strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0);
}

/* "2 primitives began anew; 812 executions had been counted" */
static int tell(const struct invocation *invocation, const char *text)
{
    struct render_text safe;
    const char *second = strchr(text, ';');
    if (!invocation->values[OPTION_json]) {
        printf("%s\n", render_safe(&invocation->style, text, sizeof safe.text, &safe));
        return STATUS_OK;
    }
    struct sr_json_making making = {.failed = false};
    struct json_object *root = json_object_new_object();
    sr_json_put_text(&making, root, "store", invocation->store);
    sr_json_put_count(&making, root, "reset", strtoull(text, NULL, 10));
    sr_json_put_count(&making, root, "executions", second ? strtoull(second + 1, NULL, 10) : 0);
    return figures_print_json(sr_json_finish(&making, root));
}

static int run_reset(const struct invocation *invocation)
{
    const char *name = invocation->words[0];
    const bool is_all = invocation->values[OPTION_every] != NULL;
    const char *type = invocation->values[OPTION_type];
    struct order_answer answer;
    if (is_all == (name != NULL) || (is_all && type)) {
        message_print("which primitives? Name one, slipring reset NAME [--type TYPE], or say --all");
        return STATUS_BAD;
    }
    if (!is_meant(invocation, name)) {
        message_print("nothing was done");
        return STATUS_NO;
    }
    const struct order_argument arguments[] = {{"name", name}, {"type", type}, {"all", is_all ? "1" : NULL}};
    int status = order_post(invocation->store, "reset", arguments, 3, &answer);
    if (status != STATUS_OK) {
        return status;
    }
    if (answer.status == 404) {
        status = figures_refuse(invocation->store, name, type);
    } else if (answer.status == 200) {
        status = tell(invocation, answer.text);
    } else {
        struct render_text quoted;
        message_print("the agent answered %s", render_quote(answer.text, &quoted));
        status = STATUS_BAD;
    }
    free(answer.text);
    return status;
}

const struct command command_reset = {
    .name = "reset",
    .synopsis = "[OPTION]... NAME | --all",
    .summary = "let a primitive's figures begin anew",
    .description = "Orders the agent to forget what it counted of NAME, of every type or of one: executions, "
                   "percentiles, "
                   "windows, the histories of objectives, throughput, money, usage, and the lifetime. "
                   "Objectives stay, and what is in flight; "
                   "so do the programs that record, which notice nothing.\n"
                   "What is recorded meanwhile is not lost: it counts either before, and is in the number of "
                   "executions that is "
                   "printed, or after. Prometheus sees a counter that begins at 0 with a new created time, "
                   "which increase() and rate() "
                   "take for a restart.\n"
                   "Asks first when somebody sits at the terminal. The agent has to run, and takes orders "
                   "from the user who runs it, "
                   "and from root alone; it logs who gave them.",
    .exits = "0\tdone\n"
             "1\tnothing was done: no primitive has this name, or you said no\n"
             "2\tbad input, no such store, no agent, or not permitted\n",
    .examples = "slipring reset resize_image\tafter a load test\n"
                "slipring reset --all --yes\tthe whole store, without a question\n"
                "slipring reset resize_image --json | jq .executions\thow many it had counted\n",
    COMMAND_OPTIONS(OPTION_type, OPTION_every, OPTION_yes, OPTION_json),
    .max_words = 1,
    .run = run_reset,
};
