/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes for a configuration file: it is taken, or refused with a place and a text that a terminal can show; nothing else. The bytes are those
 * of the example with some changed, cut out, doubled or strewn in. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "pure/utf8.h"

enum { ROUNDS = 1500, ROOM = 16384, CHANGES_MAX = 6 };

static char original[ROOM], spoiled[ROOM];
static size_t original_bytes, spoiled_bytes;
static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
static int memory;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static const char *const pieces[] = {
    "[",       "]",     "{",     "}",    ":",        ": ",           "- ",   "\n", "\n  ", "\t",
    "&a ",     "*a",    "!!x ",  "|\n",  ">\n",      "\"",           "'",    "#",  "? ",   ", ",
    "%YAML ",  "---\n", "...\n", "\x80", "\xc3\xbc", "\xef\xbb\xbf", "null", "~",  "1e99", "-1",
    "999999d", "<<: "};

static void replace(size_t at, size_t gone, const char *bytes, size_t count)
{
    if (spoiled_bytes - gone + count > ROOM) {
        return;
    }
    memmove(spoiled + at + count, spoiled + at + gone, spoiled_bytes - at - gone);
    memcpy(spoiled + at, bytes, count);
    spoiled_bytes += count - gone;
}

static void change_something(void)
{
    const size_t at = draw(spoiled_bytes + 1);
    const size_t left = spoiled_bytes - at;
    const size_t some = draw(40) < left ? draw(40) % (left + 1) : left;
    char copy[64];
    switch (draw(5)) {
    case 0:
        replace(at, left > 0, (const char[]){(char)draw(256)}, 1);
        break;
    case 1:
        replace(at, some, "", 0);
        break;
    case 2:
        memcpy(copy, spoiled + at, some);
        replace(draw(spoiled_bytes + 1), 0, copy, some);
        break;
    case 3:
        spoiled_bytes = draw(20) == 0 ? at : spoiled_bytes;
        break;
    default: {
        const char *piece = pieces[draw(sizeof pieces / sizeof pieces[0])];
        replace(at, 0, piece, strlen(piece));
    }
    }
}

static void check_showable(const struct buffer *message)
{
    CHECK(!message->failed && message->used > 0);
    for (size_t at = 0; at < message->used;) {
        uint32_t code_point;
        const size_t length = sr_utf8_decode(message->text + at, message->used - at, &code_point);
        CHECK(length > 0 && (code_point == '\n' || !sr_utf8_is_control(code_point)));
        at += length;
    }
}

static enum options_task read_spoiled(char *path)
{
    char program[] = "slipringd";
    char option[] = "--config";
    char *const arguments[] = {program, option, path};
    struct config *config = NULL;
    struct buffer message = {0};
    CHECK_EQUAL(ftruncate(memory, 0), 0);
    CHECK_EQUAL(pwrite(memory, spoiled, spoiled_bytes, 0), spoiled_bytes);
    const enum options_task task = config_open(3, arguments, &config, &message);
    if (task == OPTIONS_RUN) {
        struct buffer text = {0};
        config_print(config, &text);
        CHECK(!text.failed);
        buffer_free(&text);
    } else {
        CHECK_EQUAL(task, OPTIONS_BAD_FILE);
        check_showable(&message);
    }
    config_close(config);
    buffer_free(&message);
    return task;
}

static void whatever_is_in_the_file_it_is_taken_or_refused(void **state)
{
    (void)state;
    char path[64];
    unsigned taken = 0;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(spoiled, original, original_bytes);
        spoiled_bytes = original_bytes;
        for (uint64_t i = draw(CHANGES_MAX) + (round > 0); i > 0; i--) {
            change_something();
        }
        taken += read_spoiled(path) == OPTIONS_RUN;
    }
    assert_in_range(taken, 1, ROUNDS - 1); /* some of both */
}

static int open_original(void **state)
{
    (void)state;
    char path[4096];
    const char *source = getenv("SLIPRING_SOURCE_DIR");
    (void)setenv("SLIPRING_PRICES", "", 1); /* no shipped card */
    (void)snprintf(path, sizeof path, "%s/docs/examples/slipring.yaml", source == NULL ? "." : source);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return -1;
    }
    original_bytes = fread(original, 1, sizeof original, file);
    (void)fclose(file);
    /* No card beside a file in memory: the line goes. */
    char *prices = strstr(original, "prices:");
    if (prices == NULL) {
        return -1;
    }
    memset(prices, '#', strcspn(prices, "\n"));
    memory = memfd_create("slipring.yaml", MFD_CLOEXEC);
    return memory < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_is_in_the_file_it_is_taken_or_refused)};
    return cmocka_run_group_tests(tests, open_original, NULL);
}
