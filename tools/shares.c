/* SPDX-License-Identifier: Apache-2.0 */
/* Shares and burn rates as text: see shares.h. */
#include "shares.h"

#include <string.h>

#include "pure/duration.h"

#define ONE_PPB   UINT64_C(1000000000)
#define SECOND_NS UINT64_C(1000000000)

enum sr_parse shares_parse(const char *text, uint32_t *out_ppb)
{
    size_t length = strlen(text);
    uint64_t scale = ONE_PPB;
    if (length > 0 && text[length - 1] == '%') {
        scale = ONE_PPB / 100;
        length--;
        length -= length > 0 && text[length - 1] == ' ';
        if (length == 0) {
            return SR_PARSE_NOT_A_NUMBER;
        }
    }
    uint64_t ppb;
    const enum sr_parse verdict = sr_decimal_parse(text, length, scale, ONE_PPB, &ppb);
    if (verdict == SR_PARSE_OK) {
        *out_ppb = (uint32_t)ppb;
    }
    return verdict;
}

/* 0: no window of the engine's is so long. */
static uint64_t window_of(const char *text, size_t length)
{
    static const uint64_t windows_s[SLIPRING_SLO_WINDOW_COUNT] = {300,   1800,  3600,  7200,
                                                                  21600, 86400, 259200};
    char copy[32];
    uint64_t ns = 0;
    if (length >= sizeof copy) {
        return 0;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (sr_duration_parse(copy, UINT64_MAX, &ns) != SR_PARSE_OK) {
        return 0;
    }
    for (size_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        if (windows_s[i] * SECOND_NS == ns) {
            return windows_s[i];
        }
    }
    return 0;
}

static bool is_given(const struct burn_limit *limits, size_t count, uint64_t window_s)
{
    for (size_t i = 0; i < count; i++) {
        if (limits[i].window_s == window_s) {
            return true;
        }
    }
    return false;
}

/* What is wrong with one, "1h=2" of that length; NULL: it is good. */
static const char *parse_limit(const char *text, size_t length, struct burn_limit *out_limit)
{
    const char *equals = memchr(text, '=', length);
    if (!equals) {
        return "without a '='";
    }
    const size_t window_length = (size_t)(equals - text);
    const uint64_t window_s = window_of(text, window_length);
    if (window_s == 0) {
        return "of a window that is none of 5m, 30m, 1h, 2h, 6h, 1d, 3d";
    }
    uint64_t rate;
    const enum sr_parse verdict =
        sr_decimal_parse(equals + 1, length - window_length - 1, ONE_PPB, UINT64_MAX, &rate);
    if (verdict != SR_PARSE_OK) {
        return sr_parse_text(verdict);
    }
    *out_limit = (struct burn_limit){.window_s = window_s, .rate_billionths = rate};
    return NULL;
}

bool shares_parse_limits(const char *text, struct burn_limit out_limits[SLIPRING_SLO_WINDOW_COUNT],
                         size_t *out_count, const char **out_bad, const char **out_why)
{
    size_t count = 0;
    for (;;) {
        struct burn_limit limit = {.window_s = 0};
        const size_t length = strcspn(text, ",");
        const char *why = parse_limit(text, length, &limit);
        if (!why && is_given(out_limits, count, limit.window_s)) {
            why = "of a window that was given before";
        }
        if (why) { /* with each window once there are never too many */
            *out_bad = text;
            *out_why = why;
            return false;
        }
        out_limits[count++] = limit;
        if (text[length] == '\0') {
            break;
        }
        text += length + 1;
    }
    *out_count = count;
    return true;
}
