/* SPDX-License-Identifier: Apache-2.0 */
/* Taking argv apart: see arguments.h. */
#include "arguments.h"

#include <stdio.h>
#include <string.h>

#include "message.h"
#include "pure/suggest.h"

const struct option_spec option_specs[OPTION_COUNT] = {
#define OPTION(id, long_name, short_name, value_name, text)                                                  \
    [OPTION_##id] = {.name = (long_name), .value = (value_name), .help = (text), .letter = (short_name)},
#include "options.def"
#undef OPTION
};

struct parsing {
    struct invocation *invocation;
    char **argv;
    int argc;
    int at; /* the argument being looked at */
};

static bool is_common(enum option_id id)
{
    return id == OPTION_store || id == OPTION_color || id == OPTION_help || id == OPTION_version;
}

static bool takes(const struct command *command, enum option_id id)
{
    if (is_common(id)) {
        return true;
    }
    for (int i = 0; command && i < command->option_count; i++) {
        if (command->options[i] == id) {
            return true;
        }
    }
    return false;
}

static void say_unknown(const struct command *command, const char *word)
{
    struct render_text quoted;
    struct sr_suggest suggest;
    const char *name = word + strspn(word, "-");
    sr_suggest_begin(&suggest, name);
    for (int id = 0; id < OPTION_COUNT; id++) {
        bool is_refused = id == OPTION_store && command && command->no_store;
        if (takes(command, (enum option_id)id) && !is_refused) {
            sr_suggest_offer(&suggest, option_specs[id].name);
        }
    }
    render_quote(word, &quoted);
    const char *help = command ? command->name : "help";
    if (suggest.best) {
        message_print("there is no option %s (did you mean --%s?): see slipring %s%s", quoted.text,
                      suggest.best, help, command ? " --help" : "");
    } else {
        message_print("there is no option %s: see slipring %s%s", quoted.text, help,
                      command ? " --help" : "");
    }
}

static bool set_option(struct parsing *parsing, enum option_id id, const char *value)
{
    const struct option_spec *option = &option_specs[id];
    if (!option->value) {
        parsing->invocation->values[id] = "";
        return true;
    }
    if (!value) {
        if (parsing->at + 1 >= parsing->argc) {
            message_print("--%s needs a value: --%s %s, %s", option->name, option->name, option->value,
                          option->help);
            return false;
        }
        value = parsing->argv[++parsing->at];
    }
    parsing->invocation->values[id] = value;
    return true;
}

static bool take_long(struct parsing *parsing, const char *word)
{
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_spec *option = &option_specs[id];
        if (strlen(option->name) != length || strncmp(option->name, name, length) != 0 ||
            !takes(parsing->invocation->command, (enum option_id)id)) {
            continue;
        }
        if (value && !option->value) {
            message_print("--%s is a switch and takes no value", option->name);
            return false;
        }
        return set_option(parsing, (enum option_id)id, value);
    }
    say_unknown(parsing->invocation->command, word);
    return false;
}

/* "-jt TYPE", "-tTYPE". */
static bool take_letters(struct parsing *parsing, const char *word)
{
    for (const char *letter = word + 1; *letter; letter++) {
        int id = 0;
        while (id < OPTION_COUNT && (option_specs[id].letter != *letter ||
                                     !takes(parsing->invocation->command, (enum option_id)id))) {
            id++;
        }
        if (id == OPTION_COUNT) {
            say_unknown(parsing->invocation->command, word);
            return false;
        }
        bool has_value = option_specs[id].value != NULL;
        if (!set_option(parsing, (enum option_id)id, has_value && letter[1] ? letter + 1 : NULL)) {
            return false;
        }
        if (has_value) {
            return true;
        }
    }
    return true;
}

static bool take_command(struct parsing *parsing, const char *word)
{
    struct render_text quoted;
    struct sr_suggest suggest;
    parsing->invocation->command = command_find(word);
    if (parsing->invocation->command) {
        message_command(word);
        return true;
    }
    sr_suggest_begin(&suggest, word);
    for (const struct command *const *command = command_list; *command; command++) {
        sr_suggest_offer(&suggest, (*command)->name);
    }
    sr_suggest_offer(&suggest, "help");
    render_quote(word, &quoted);
    if (suggest.best) {
        message_print("there is no command %s (did you mean '%s'?): see slipring help", quoted.text,
                      suggest.best);
    } else {
        message_print("there is no command %s: see slipring help", quoted.text);
    }
    return false;
}

/* "slo explain" is a command of its own: the word behind the name of one may make it another. */
static bool take_second_word(struct parsing *parsing, const char *word)
{
    char both[64];
    struct invocation *invocation = parsing->invocation;
    (void)snprintf(both, sizeof both, "%s %s", invocation->command->name, word);
    const struct command *command = command_find(both);
    if (command) {
        invocation->command = command;
        message_command(command->name);
    }
    return command != NULL;
}

/* The words of another program's command line begin: nothing of them is ours. */
static void take_rest(struct parsing *parsing, int from)
{
    for (int i = from; i < parsing->argc; i++) {
        parsing->invocation->words[parsing->invocation->word_count++] = parsing->argv[i];
    }
    parsing->at = parsing->argc;
}

bool arguments_parse(int argc, char **argv, struct invocation *out_invocation)
{
    *out_invocation = (struct invocation){.words = argv}; /* words are written where they have been read */
    struct parsing parsing = {.invocation = out_invocation, .argv = argv, .argc = argc, .at = 1};
    bool is_named = false; /* the command is */
    bool is_whole = false; /* of its name there is no more to come */
    for (; parsing.at < argc; parsing.at++) {
        const char *word = argv[parsing.at];
        bool is_option = word[0] == '-' && word[1] != '\0';
        bool fine = true;
        if (strcmp(word, "--") == 0) {
            take_rest(&parsing, parsing.at + 1);
        } else if (is_option) {
            fine = word[1] == '-' ? take_long(&parsing, word) : take_letters(&parsing, word);
        } else if (!is_named && strcmp(word, "help") == 0) {
            out_invocation->values[OPTION_help] = "";
            out_invocation->is_help_word = true;
        } else if (!is_named) {
            is_named = true;
            fine = take_command(&parsing, word);
        } else if (!is_whole && take_second_word(&parsing, word)) {
            is_whole = true;
        } else if (out_invocation->command->takes_a_command && out_invocation->word_count >= 1) {
            take_rest(&parsing, parsing.at);
        } else {
            out_invocation->words[out_invocation->word_count++] = argv[parsing.at];
            is_whole = true;
        }
        if (!fine) {
            return false;
        }
    }
    out_invocation->words[out_invocation->word_count] = NULL;
    return true;
}
