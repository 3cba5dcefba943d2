/* SPDX-License-Identifier: Apache-2.0 */
/* Accept-Encoding. See encodings.h. */
#include "encodings.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* The end of [text, end) without the blanks there. */
static const char *trim(const char *text, const char *end)
{
    while (end > text && strchr(BLANKS, end[-1]) != NULL) {
        end--;
    }
    return end;
}

static bool is_word(const char *text, const char *end, const char *word)
{
    return strlen(word) == (size_t)(end - text) && strncasecmp(text, word, (size_t)(end - text)) == 0;
}

/* 0, 0.5, 1.000: is it a weight above 0? */
static bool is_weight(const char *text, const char *end)
{
    const bool is_one = text < end && *text == '1';
    bool is_positive = is_one;
    if (text == end || (*text != '0' && !is_one) || end - text > 5 || (end - text > 1 && text[1] != '.')) {
        return false;
    }
    for (const char *at = text + 2; at < end; at++) {
        if (*at < '0' || *at > '9' || (is_one && *at != '0')) {
            return false;
        }
        is_positive |= *at != '0';
    }
    return is_positive;
}

/* The parameters behind a coding, ";q=0.5": do they leave it welcome? */
static bool is_welcome(const char *text, const char *end)
{
    while (text < end) {
        text += 1 + strspn(text + 1, BLANKS);
        const char *next = memchr(text, ';', text < end ? (size_t)(end - text) : 0);
        next = next == NULL ? end : next;
        if (next - text >= 2 && (*text == 'q' || *text == 'Q') && text[1] == '=') {
            return is_weight(text + 2, trim(text + 2, next));
        }
        text = next;
    }
    return true;
}

bool encodings_take_gzip(const char *header)
{
    bool is_named = false, takes_named = false, takes_any = false;
    for (const char *at = header; at != NULL && *at != '\0';) {
        at += strspn(at, BLANKS ",");
        const char *end = at + strcspn(at, ",");
        const char *parameters = memchr(at, ';', (size_t)(end - at));
        const char *name_end = trim(at, parameters == NULL ? end : parameters);
        const bool is_taken = parameters == NULL || is_welcome(parameters, end);
        if (is_word(at, name_end, "gzip") || is_word(at, name_end, "x-gzip")) {
            is_named = true;
            takes_named |= is_taken;
        } else if (is_word(at, name_end, "*")) {
            takes_any = is_taken;
        }
        at = end;
    }
    return is_named ? takes_named : takes_any;
}
