/* SPDX-License-Identifier: Apache-2.0 */
/* What a command of `slipring` is, and what it is given to run with. */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <stdbool.h>

#include "render.h"

/* What every command's exit status means; a command's own are in its help. */
enum {
    STATUS_OK = 0,  /* done */
    STATUS_NO = 1,  /* the answer is no: verify disagrees, nothing of that name is shown, the store is kept */
    STATUS_BAD = 2, /* could not: bad input, no such store, an error of the system */
};

enum option_id {
#define OPTION(id, name, letter, value, help) OPTION_##id,
#include "options.def"
#undef OPTION
    OPTION_COUNT,
};

struct command;

struct invocation {
    const struct command *command;
    const char *values[OPTION_COUNT]; /* NULL: not given; "" for a switch that was */
    const char *store;                /* a valid name; NULL for a command without --store */
    struct render_style style;        /* of stdout */
    int word_count;
    char **words;      /* what is left beside the options; ends with NULL */
    bool is_help_word; /* `slipring help ...`, not --help */
};

struct command {
    const char *name; /* "show"; "slo explain": two words */
    const char *synopsis;
    const char *summary;     /* one line, without a full stop */
    const char *description; /* paragraphs, one a line */
    const char *exits;       /* exit statuses, "STATUS\tmeaning" a line */
    const char *examples;    /* "command\twhat it does" a line */
    const char *no_store;    /* NULL: it takes --store; else why it does not */
    bool
        is_bare; /* looks at no store, and prints without colours or a width: nothing of the environment matters */
    const enum option_id *options;
    int option_count;
    int min_words, max_words;
    bool takes_a_command; /* options end at the second word: what follows is another program's */
    int (*run)(const struct invocation *invocation);
};

#define COMMAND_OPTIONS(...)                                                                                 \
    .options = (const enum option_id[]){__VA_ARGS__},                                                        \
    .option_count = sizeof((enum option_id[]){__VA_ARGS__}) / sizeof(enum option_id)

#define COMMAND(name) extern const struct command command_##name;
#include "commands.def"
#undef COMMAND

/* All of them; ends with NULL. */
extern const struct command *const command_list[];

/* NULL: there is none. */
const struct command *command_find(const char *name);

#endif
