/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and the hash of names. See name.h. */
#include "pure/name.h"

#include <stdbool.h>
#include <string.h>

#include <slipring/store.h>

const char *sr_name_text(enum sr_name result)
{
    static const char *const texts[SR_NAME_COUNT] = {
#define SR_NAME_ROW(name, text) [SR_NAME_##name] = (text),
#include "pure/name.def"
#undef SR_NAME_ROW
    };
    return (unsigned)result < SR_NAME_COUNT ? texts[result] : "refused";
}

/* The code point at `bytes`, of which `left` > 0 remain. Returns its length, 0 if that is no valid UTF-8. */
static size_t decode_code_point(const unsigned char *bytes, size_t left, uint32_t *out_code_point)
{
    /* The least code point that needs this many bytes: a smaller one is overlong. */
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = bytes[0];
    if (lead < 0x80) {
        *out_code_point = lead;
        return 1;
    }
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc0 || lead > 0xf7 || length > left) {
        return 0;
    }
    uint32_t code_point = lead & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        code_point = code_point << 6 | (bytes[i] & 0x3fU);
    }
    bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    if (code_point < least[length] || surrogate || code_point > 0x10ffff) {
        return 0;
    }
    *out_code_point = code_point;
    return length;
}

enum sr_name sr_name_check_bytes(const char *name, size_t length, size_t max_bytes)
{
    if (length == 0) {
        return SR_NAME_EMPTY;
    }
    if (length > max_bytes) {
        return SR_NAME_TOO_LONG;
    }
    const unsigned char *bytes = (const unsigned char *)name;
    for (size_t at = 0; at < length;) {
        uint32_t code_point;
        size_t used = decode_code_point(bytes + at, length - at, &code_point);
        if (used == 0) {
            return SR_NAME_BAD_UTF8;
        }
        if (code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f)) {
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
