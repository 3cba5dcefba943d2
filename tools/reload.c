/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring reload`: the agent reads its configuration again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "figures.h"
#include "message.h"
#include "order.h"
#include "peer/json_put.h"
#include "pure/utf8.h"

/* The text's lines, each made harmless. */
static void print_lines(const struct render_style *style, FILE *stream, const char *text)
{
    while (*text) {
        struct render_text safe;
        char line[sizeof safe.text];
        const size_t length = strcspn(text, "\n");
        (void)snprintf(line, sizeof line, "%.*s", (int)length, text);
        fprintf(stream, "%s\n", render_safe(style, line, sizeof line, &safe));
        text += length;
        text += *text == '\n';
    }
}

/* "reloaded", and perhaps "needs a start to change: listen, schema" on a line of its own. */
static struct json_object *to_json(const struct invocation *invocation, const struct order_answer *answer)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *root = json_object_new_object();
    const bool is_good = answer->status == 200;
    sr_json_put_text(&making, root, "store", invocation->store);
    sr_json_put_flag(&making, root, "reloaded", is_good);
    const char *names = strstr(answer->text, ": ");
    if (!is_good) {
        const size_t bytes = 3 * strlen(answer->text) + 1;
        char *clean = malloc(bytes);
        (void)(clean && sr_utf8_clean(answer->text, clean, bytes));
        sr_json_put(&making, root, "error", clean ? json_object_new_string(clean) : NULL);
        free(clean);
    } else {
        struct json_object *list = sr_json_put_array(&making, root, "needs_start");
        for (const char *at = names ? names + 2 : ""; *at;) {
            const size_t length = strcspn(at, ",");
            sr_json_append(&making, list, json_object_new_string_len(at, (int)length));
            at += length;
            at += strspn(at, ", ");
        }
    }
    return sr_json_finish(&making, root);
}

static int run_reload(const struct invocation *invocation)
{
    struct order_answer answer;
    const int status = order_post(invocation->store, "reload", NULL, 0, &answer);
    if (status != STATUS_OK) {
        return status;
    }
    const bool is_good = answer.status == 200;
    if (invocation->values[OPTION_json]) {
        (void)figures_print_json(to_json(invocation, &answer));
    } else if (is_good) {
        print_lines(&invocation->style, stdout, answer.text);
    } else {
        print_lines(&invocation->style, stderr, answer.text);
    }
    free(answer.text);
    return is_good ? STATUS_OK : STATUS_NO;
}

const struct command command_reload = {
    .name = "reload",
    .synopsis = "[OPTION]...",
    .summary = "let the agent read its configuration again",
    .description =
        "Orders the agent to read its configuration file again (slipringd --config), and waits "
        "until it is in force. No count is "
        "lost: windows and bounds that stay keep what they hold. What only a start of the agent "
        "can change is named, and is as it was.\n"
        "A file with errors changes nothing: they are printed, with file, line and column, and "
        "the agent's log and its gauge "
        "slipring_config_reload_ok say so, too. So does a certificate or a unix socket that cannot be "
        "had: both are read, or looked at, again.\n"
        "SIGHUP to slipringd does the same, and does not wait. The agent takes orders from the "
        "user who runs it, and from root "
        "alone.",
    .exits = "0\tin force\n"
             "1\tthe file has errors; what was in force still is\n"
             "2\tbad input, no such store, no agent, or not permitted\n",
    .examples = "slipringd --check-config --config /etc/slipring.yaml && slipring reload\n"
                "slipring reload --json | jq -r '.needs_start[]'\twhat waits for a start\n",
    COMMAND_OPTIONS(OPTION_json),
    .max_words = 0,
    .run = run_reload,
};
