/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, read strictly: for whoever checks a name, and for whoever shows a text that nobody checked. Pure: safe in
 * any thread, process or signal handler; no allocation, no locale. */
#ifndef SR_PURE_UTF8_H
#define SR_PURE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* U+FFFD, shown in place of each byte that belongs to no character. */
#define SR_UTF8_REPLACEMENT "\xef\xbf\xbd"

/* The code point that begins at `text`, of which `left` > 0 bytes remain. Returns its length, 1 to 4; 0, and nothing
 * written, if that is no valid UTF-8 (also an overlong form, a surrogate, or a code point above U+10FFFF). */
size_t sr_utf8_decode(const char *text, size_t left, uint32_t *out_code_point);

/* U+0000 to U+001F and U+007F to U+009F: what a terminal may take as an order. */
static inline bool sr_utf8_is_control(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f);
}

/* The zero-terminated text with each byte that is no UTF-8 replaced, as much of it as fits out_bytes (>= 1) with its
 * zero, in whole characters. 3 * strlen(text) + 1 bytes always suffice. Returns the length. */
size_t sr_utf8_clean(const char *text, char *out_text, size_t out_bytes);

#endif
