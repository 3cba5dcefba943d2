/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring password`: the hash of a password, for http.users of the agent's configuration. */
#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "command.h"
#include "message.h"

enum { PASSWORD_BYTES = 256 };

/* A line of stdin without its end, not shown on a terminal. False: there is none, or it is too long. */
static bool read_line(const char *prompt, char out_line[PASSWORD_BYTES])
{
    struct termios former;
    const bool is_terminal = tcgetattr(STDIN_FILENO, &former) == 0;
    if (is_terminal) {
        struct termios silent = former;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        (void)fputs(prompt, stderr);
    }
    const bool is_read = fgets(out_line, PASSWORD_BYTES, stdin) != NULL;
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &former);
        (void)fputs("\n", stderr);
    }
    if (!is_read) {
        return false;
    }
    const size_t length = strcspn(out_line, "\n");
    const bool is_whole = out_line[length] == '\n' || feof(stdin);
    out_line[length] = '\0';
    return is_whole;
}

/* On a terminal it is asked for twice. */
static bool read_password(char out_password[PASSWORD_BYTES])
{
    char again[PASSWORD_BYTES];
    if (!read_line("Password: ", out_password) || out_password[0] == '\0') {
        message_print("there is no password of 1 to 254 bytes on stdin");
        return false;
    }
    if (isatty(STDIN_FILENO)) {
        const bool is_same = read_line("The same again: ", again) && strcmp(again, out_password) == 0;
        explicit_bzero(again, sizeof again);
        if (!is_same) {
            message_print("the two differ: try again");
            return false;
        }
    }
    return true;
}

static int run_password(const struct invocation *invocation)
{
    (void)invocation;
    static const char *const kinds[] = {"$y$", "$6$"}; /* yescrypt; SHA-512 where there is none */
    char password[PASSWORD_BYTES];
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data data = {.initialized = 0};
    const char *hash = NULL;
    if (!read_password(password)) {
        return STATUS_BAD;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && hash == NULL; i++) {
        if (crypt_gensalt_rn(kinds[i], 0, NULL, 0, setting, (int)sizeof setting) != NULL) {
            hash = crypt_rn(password, setting, &data, (int)sizeof data);
        }
    }
    explicit_bzero(password, sizeof password);
    if (hash == NULL) {
        message_print("cannot make a hash: %s", strerror(errno));
        return STATUS_BAD;
    }
    (void)printf("%s\n", hash);
    explicit_bzero(&data, sizeof data);
    return STATUS_OK;
}

const struct command command_password = {
    .name = "password",
    .synopsis = "",
    .summary = "make the hash of a password for the agent's HTTP",
    .description = "Reads a password, from a terminal twice and without showing it, else the first line of "
                   "stdin, and prints its hash as "
                   "crypt(3) makes it (yescrypt). It belongs into the agent's configuration, under "
                   "http.users; the password does not.",
    .exits = "0\tprinted\n"
             "2\tno password, or two that differ\n",
    .examples = "slipring password\n"
                "slipring password < password.txt\tof its first line\n",
    .no_store = "a password is of no store",
    .is_bare = true,
    .max_words = 0,
    .run = run_password,
};
