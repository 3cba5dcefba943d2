/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal through ncursesw: see screen.h. */
#include "screen.h"

#include <errno.h>
#include <ncurses.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAIR_BAD = 1 };

static SCREEN *terminal;

bool screen_open(bool colour)
{
    terminal = newterm(NULL, stdout, stdin); /* initscr() would end the program */
    if (!terminal) {
        return false;
    }
    (void)set_term(terminal);
    (void)atexit(screen_close); /* also when the end comes from within a draw */
    (void)cbreak();
    (void)noecho();
    (void)keypad(stdscr, TRUE);
    (void)nodelay(stdscr, TRUE);
    (void)curs_set(0);
    if (colour && has_colors()) {
        (void)start_color();
        (void)use_default_colors();
        (void)init_pair(PAIR_BAD, COLOR_RED, -1);
    }
    return true;
}

void screen_close(void)
{
    if (terminal) {
        (void)endwin();
        delscreen(terminal);
        terminal = NULL;
    }
}

int screen_rows(void)
{
    return getmaxy(stdscr);
}

int screen_columns(void)
{
    return getmaxx(stdscr);
}

void screen_clear(void)
{
    (void)erase();
}

static attr_t attributes_of(enum screen_look look)
{
    switch (look) {
    case SCREEN_BOLD:
        return A_BOLD;
    case SCREEN_TITLE:
        return A_REVERSE;
    case SCREEN_BAD: /* without colours the pair is the plain one: bold has to do */
        return A_BOLD | (attr_t)COLOR_PAIR(PAIR_BAD);
    case SCREEN_FAINT:
        return A_DIM;
    case SCREEN_PLAIN:
        break;
    }
    return A_NORMAL;
}

void screen_put(int row, enum screen_look look, const char *text)
{
    if (row < 0 || row >= screen_rows()) {
        return;
    }
    (void)attrset((int)attributes_of(look));
    (void)mvaddnstr(row, 0, text, -1);
    if (look == SCREEN_TITLE) { /* the bar goes on to the edge */
        for (int column = getcurx(stdscr); getcury(stdscr) == row && column < screen_columns(); column++) {
            (void)addch(' ');
        }
    }
    (void)attrset(A_NORMAL);
}

void screen_show(void)
{
    (void)refresh();
}

static int translate(int key)
{
    switch (key) {
    case KEY_UP:
        return SCREEN_UP;
    case KEY_DOWN:
        return SCREEN_DOWN;
    case KEY_PPAGE:
        return SCREEN_PAGE_UP;
    case KEY_NPAGE:
        return SCREEN_PAGE_DOWN;
    case KEY_HOME:
        return SCREEN_HOME;
    case KEY_END:
        return SCREEN_END;
    case KEY_RESIZE:
        return SCREEN_RESIZED;
    default:
        return key > 0 && key < 256 ? key : SCREEN_NOTHING;
    }
}

int screen_wait(int milliseconds)
{
    struct pollfd keyboard = {.fd = STDIN_FILENO, .events = POLLIN};
    int key = getch();
    if (key == ERR) {
        int ready = poll(&keyboard, 1, milliseconds); /* EINTR: a resize, which getch() then tells */
        if (ready > 0 && !(keyboard.revents & POLLIN)) {
            return SCREEN_GONE;
        }
        key = getch();
        if (key == ERR && ready > 0) {
            return SCREEN_GONE; /* readable and nothing to read: the end */
        }
    }
    return key == ERR ? SCREEN_NOTHING : translate(key);
}
