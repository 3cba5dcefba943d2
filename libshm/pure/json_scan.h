/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside, read in one pass, for a few values in it: a plan says which, by their paths.
 *
 * Strict as RFC 8259 is, over the whole text, also where nobody asked: what is refused is refused whole. What is found are slices of the
 * text itself, so a number is what was written, to its last digit, and no double. A key that the plan asks for and that is there twice is
 * refused, for which one is meant cannot be told; keys that nobody asks for are not compared. Whether strings are UTF-8 is not
 * looked at: whoever uses one as a name checks it (name.h).
 *
 *   G1  Reads nothing outside of the text, which needs no end mark; time grows with its length alone.
 *   G2  Needs no memory but its own stack frames, at most 64 of them, whatever the text.
 *
 * Not json-c, which makes a tree of each text, takes the last of two equal keys and cuts integers off at 64 bits.
 * Pure: safe in any thread, process or signal handler; no allocation, no locale. */
#ifndef SR_PURE_JSON_SCAN_H
#define SR_PURE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum sr_json {
#define SR_JSON_ROW(name, text) SR_JSON_##name,
#include "pure/json_scan.def"
#undef SR_JSON_ROW
    SR_JSON_COUNT,
};

/* What is wrong, to be put after "the line is ". Never NULL. */
const char *sr_json_text(enum sr_json result);

enum sr_json_kind {
    SR_JSON_ABSENT = 0,
    SR_JSON_NULL,
    SR_JSON_FALSE,
    SR_JSON_TRUE,
    SR_JSON_NUMBER,
    SR_JSON_STRING,
    SR_JSON_OBJECT,
    SR_JSON_ARRAY,
};

/* A part of the text: a string without its quotes and with its escapes, all else as it stands. */
struct sr_json_value {
    const char *text;
    size_t length;
    enum sr_json_kind kind;
    bool is_escaped; /* a string with a backslash in it */
};

#define SR_JSON_DEPTH_MAX 64
#define SR_JSON_NODE_MAX  96

/* A tree of the keys on the paths. All zero is the plan that asks for nothing. */
struct sr_json_plan {
    struct sr_json_node {
        const char *key;
        uint16_t key_length;
        uint16_t child;   /* 0: none; node 0 is the root */
        uint16_t sibling; /* 0: none */
        uint16_t slot;    /* 0: none, else slot - 1 */
    } nodes[SR_JSON_NODE_MAX];
    uint32_t count;
};

/* Ask for the value at a path of keys, "usage.prompt_tokens", to go to out_values[slot]. The path is kept, not copied. "" is the whole
 * text. False: no room, or the path is asked for already. */
SR_MUST_CHECK bool sr_json_plan_add(struct sr_json_plan *plan, const char *path, uint32_t slot);

/* Read the text. out_values[0..slots) are all set: ABSENT where there is nothing of that path. On failure they are worth nothing, and
 * *out_at is the offset of the first byte that cannot be. */
SR_MUST_CHECK enum sr_json sr_json_scan(const struct sr_json_plan *plan, const char *text, size_t length,
                                        struct sr_json_value *out_values, uint32_t slots, size_t *out_at);

/* The elements of an array that a scan has found. *at is 0 at first. False: there are no more. */
SR_MUST_CHECK bool sr_json_next(const struct sr_json_value *array, size_t *at,
                                struct sr_json_value *out_element);

/* A string's characters, at most room bytes, no end mark. out_text may be where the string stands: it never grows. False: longer than
 * the room, or half of a surrogate pair. */
SR_MUST_CHECK bool sr_json_unescape(const struct sr_json_value *string, char *out_text, size_t room,
                                    size_t *out_length);

/* It is the string `text`, written without escapes. */
bool sr_json_is(const struct sr_json_value *value, const char *text);

#endif
