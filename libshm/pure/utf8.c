/* SPDX-License-Identifier: Apache-2.0 */
/* The strict decoder. See utf8.h. */
#include "pure/utf8.h"

#include <string.h>

size_t sr_utf8_decode(const char *text, size_t left, uint32_t *out_code_point)
{
    /* The least code point that needs this many bytes: a smaller one is overlong. */
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
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

size_t sr_utf8_clean(const char *text, char *out_text, size_t out_bytes)
{
    size_t used = 0;
    for (size_t left = strlen(text); left > 0;) {
        uint32_t code_point;
        size_t length = sr_utf8_decode(text, left, &code_point);
        size_t taken = length == 0 ? 1 : length;
        const char *from = length == 0 ? SR_UTF8_REPLACEMENT : text;
        size_t count = length == 0 ? sizeof SR_UTF8_REPLACEMENT - 1 : length;
        if (count >= out_bytes - used) {
            break;
        }
        memcpy(out_text + used, from, count);
        used += count;
        text += taken;
        left -= taken;
    }
    out_text[used] = '\0';
    return used;
}
