/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring`: a table of commands. Each is in a file of its name; see commands.def, options.def and command.h. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slipring/version.h>

#include "arguments.h"
#include "command.h"
#include "help.h"
#include "message.h"
#include "peer/guard.h"
#include "peer/stores.h"
#include "pure/name.h"

/* "ls, show, ...": those of one word. */
static const char *list_commands(struct render_text *room)
{
    size_t length = 0;
    room->text[0] = '\0';
    for (const struct command *const *command = command_list; *command; command++) {
        if (!strchr((*command)->name, ' ') && length < sizeof room->text) {
            length += (size_t)snprintf(room->text + length, sizeof room->text - length, "%s%s",
                                       length > 0 ? " " : "", (*command)->name);
        }
    }
    return room->text;
}

static bool take_color(const char *when, enum render_colour *out_colour)
{
    struct render_text quoted;
    if (!when || strcmp(when, "auto") == 0) {
        *out_colour = RENDER_WHEN_TERMINAL;
    } else if (strcmp(when, "always") == 0) {
        *out_colour = RENDER_ALWAYS;
    } else if (strcmp(when, "never") == 0) {
        *out_colour = RENDER_NEVER;
    } else {
        message_print("--color %s is none of auto, always, never", render_quote(when, &quoted));
        return false;
    }
    return true;
}

static bool take_store(struct invocation *invocation)
{
    struct render_text quoted;
    const char *wish = invocation->values[OPTION_store];
    invocation->store = wish ? wish : sr_stores_default_name();
    enum sr_name verdict = sr_name_check_store(invocation->store);
    if (verdict != SR_NAME_OK) {
        message_print("the store's name %s is %s: give %s 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'",
                      render_quote(invocation->store, &quoted), sr_name_text(verdict),
                      wish ? "--store" : "$SLIPRING_STORE");
        return false;
    }
    return true;
}

static bool check_store_is_taken(const struct invocation *invocation)
{
    const struct command *command = invocation->command;
    if (command->no_store && invocation->values[OPTION_store]) {
        message_print("--store is no option of %s: %s", command->name, command->no_store);
        return false;
    }
    return true;
}

static bool check_help_words(const struct invocation *invocation)
{
    struct render_text quoted;
    if (invocation->is_help_word && invocation->word_count > 0) {
        message_command("help");
        message_print("%s is one argument too many: slipring help [COMMAND]",
                      render_quote(invocation->words[0], &quoted));
        return false;
    }
    return true;
}

static bool check_words(const struct invocation *invocation)
{
    const struct command *command = invocation->command;
    struct render_text quoted;
    if (invocation->word_count < command->min_words) {
        message_print("something is missing: slipring %s %s", command->name, command->synopsis);
        return false;
    }
    if (command->max_words >= 0 && invocation->word_count > command->max_words) {
        message_print("%s is one argument too many: slipring %s %s",
                      render_quote(invocation->words[command->max_words], &quoted), command->name,
                      command->synopsis);
        return false;
    }
    return true;
}

static int run(struct invocation *invocation)
{
    enum render_colour colour;
    if (!take_color(invocation->values[OPTION_color], &colour)) {
        return STATUS_BAD;
    }
    invocation->style = render_style_of(stdout, colour);
    if (!check_help_words(invocation)) {
        return STATUS_BAD;
    }
    if (invocation->values[OPTION_version]) {
        printf("slipring %s\n", SLIPRING_VERSION);
        return STATUS_OK;
    }
    if (invocation->values[OPTION_help] && invocation->command) {
        help_command(invocation->command, &invocation->style, stdout);
        return STATUS_OK;
    }
    if (invocation->values[OPTION_help]) {
        help_overview(&invocation->style, stdout);
        return STATUS_OK;
    }
    if (!invocation->command) {
        struct render_text listed;
        message_print("which command? One of %s: see slipring help", list_commands(&listed));
        return STATUS_BAD;
    }
    if (!check_store_is_taken(invocation) || !check_words(invocation) ||
        (!invocation->command->no_store && !take_store(invocation))) {
        return STATUS_BAD;
    }
    if (sr_guard_install() != SLIPRING_OK) {
        message_print("cannot guard against truncated segments: sigaction was refused");
        return STATUS_BAD;
    }
    return invocation->command->run(invocation);
}

int main(int argc, char **argv)
{
    struct invocation invocation;
    (void)setlocale(LC_CTYPE,
                    "C.UTF-8"); /* for the width of what messages quote; render_style_of() looks closer */
    if (!arguments_parse(argc, argv, &invocation)) {
        return STATUS_BAD;
    }
    return message_finish(run(&invocation));
}
