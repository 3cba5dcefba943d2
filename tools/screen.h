/* SPDX-License-Identifier: Apache-2.0 */
/* A full-screen terminal, line by line (ncursesw). The terminal is given back also when a signal ends the program. */
#ifndef TOOLS_SCREEN_H
#define TOOLS_SCREEN_H

#include <stdbool.h>

enum screen_look { SCREEN_PLAIN, SCREEN_BOLD, SCREEN_TITLE, SCREEN_BAD, SCREEN_FAINT };

/* What the user wants; other keys are themselves. */
enum screen_key {
    SCREEN_NOTHING = 0, /* the time is up */
    SCREEN_UP = 256,
    SCREEN_DOWN,
    SCREEN_PAGE_UP,
    SCREEN_PAGE_DOWN,
    SCREEN_HOME,
    SCREEN_END,
    SCREEN_RESIZED,
    SCREEN_GONE, /* the terminal was hung up */
};

/* False: the terminal's type is not known. */
__attribute__((warn_unused_result)) bool screen_open(bool colour);
void screen_close(void);

int screen_rows(void);
int screen_columns(void);

void screen_clear(void);
/* A harmless text, already cut to the width, over the whole row. */
void screen_put(int row, enum screen_look look, const char *text);
void screen_show(void);

/* Wait for a key, at most so long. */
int screen_wait(int milliseconds);

#endif
