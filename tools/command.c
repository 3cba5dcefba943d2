/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: see command.h. */
#include "command.h"

#include <string.h>

const struct command *const command_list[] = {
#define COMMAND(name) &command_##name,
#include "commands.def"
#undef COMMAND
    NULL,
};

const struct command *command_find(const char *name)
{
    for (const struct command *const *command = command_list; *command; command++) {
        if (strcmp((*command)->name, name) == 0) {
            return *command;
        }
    }
    return NULL;
}
