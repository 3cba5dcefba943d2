/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and the hash of names. See name.h. */
#include "pure/name.h"

#include <string.h>

#include <slipring/store.h>

#include "pure/utf8.h"

const char *sr_name_text(enum sr_name result)
{
    static const char *const texts[SR_NAME_COUNT] = {
#define SR_NAME_ROW(name, text) [SR_NAME_##name] = (text),
#include "pure/name.def"
#undef SR_NAME_ROW
    };
    return (unsigned)result < SR_NAME_COUNT ? texts[result] : "refused";
}

enum sr_name sr_name_check_bytes(const char *name, size_t length, size_t max_bytes)
{
    if (length == 0) {
        return SR_NAME_EMPTY;
    }
    if (length > max_bytes) {
        return SR_NAME_TOO_LONG;
    }
    for (size_t at = 0; at < length;) {
        uint32_t code_point;
        size_t used = sr_utf8_decode(name + at, length - at, &code_point);
        if (used == 0) {
            return SR_NAME_BAD_UTF8;
        }
        if (sr_utf8_is_control(code_point)) {
            return SR_NAME_CONTROL;
        }
        at += used;
    }
    return SR_NAME_OK;
}

enum sr_name sr_name_check(const char *name, size_t max_bytes)
{
    if (name == NULL) {
        return SR_NAME_EMPTY;
    }
    size_t length = 0;
    while (length <= max_bytes && name[length] != '\0') {
        length++;
    }
    return sr_name_check_bytes(name, length, max_bytes);
}

/* Behind the bracket expression that begins at `at` with its '['. NULL: it is not closed. */
static const char *pass_bracket(const char *at)
{
    at++;
    at += *at == '!' || *at == '^';
    for (const char *first = at; *at != '\0'; at++) {
        const char kind = at[0] == '[' ? at[1] : '\0'; /* [:alpha:], [.-.], [=a=] */
        const char end[] = {kind, ']', '\0'};
        const char *inner = kind == ':' || kind == '.' || kind == '=' ? strstr(at + 2, end) : NULL;
        if (*at == ']' && at != first) {
            return at + 1;
        }
        if (inner != NULL) {
            at = inner + 1;
        } else if (at[0] == '\\' && at[1] != '\0') {
            at++;
        }
    }
    return NULL;
}

enum sr_name sr_name_check_glob(const char *glob, size_t max_bytes)
{
    const enum sr_name result = sr_name_check(glob, max_bytes);
    for (const char *at = glob; result == SR_NAME_OK && *at != '\0';) {
        if (*at == '[') {
            at = pass_bracket(at);
            if (at == NULL) {
                return SR_NAME_OPEN_BRACKET;
            }
        } else {
            at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
        }
    }
    return result;
}

enum sr_name sr_name_check_store(const char *name)
{
    if (name == NULL || name[0] == '\0') {
        return SR_NAME_EMPTY;
    }
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = 0;
    while (length <= SLIPRING_STORE_NAME_MAX && name[length] != '\0') {
        length++;
    }
    if (length > SLIPRING_STORE_NAME_MAX) {
        return SR_NAME_TOO_LONG;
    }
    if (strspn(name, allowed) != length) {
        return SR_NAME_BAD_CHARACTER;
    }
    return name[0] == '.' || name[0] == '-' ? SR_NAME_BAD_START : SR_NAME_OK;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    /* The zero at the end is hashed too: ("ab", "c") and ("a", "bc") differ. */
    for (;; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
        if (*text == '\0') {
            return hash;
        }
    }
}

uint64_t sr_name_hash(const char *name, const char *type)
{
    uint64_t hash = hash_text(hash_text(UINT64_C(0xcbf29ce484222325), name), type);
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    hash ^= hash >> 33;
    return hash == 0 ? 1 : hash;
}
