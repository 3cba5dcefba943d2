/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds: their texts, and exact counts at them. See bound.h. */
#include "pure/bound.h"

#include <stdbool.h>
#include <string.h>

#include "pure/bucket.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND      UINT64_C(1000000000)

const uint64_t sr_bound_defaults[SR_BOUND_DEFAULT_COUNT] = {
    1 * MILLISECOND, 10 * MILLISECOND, 100 * MILLISECOND, 500 * MILLISECOND, 1 * SECOND,
    2 * SECOND,      5 * SECOND,       10 * SECOND,       30 * SECOND,       60 * SECOND,
};

static enum sr_parse parse_seconds(const char *text, size_t length, uint64_t *out_ns)
{
    uint64_t ns;
    enum sr_parse result = sr_decimal_parse(text, length, SECOND, SR_DURATION_MAX_NS, &ns);
    if (result != SR_PARSE_OK) {
        return result;
    }
    if (ns == 0) {
        return SR_PARSE_ZERO;
    }
    *out_ns = ns;
    return SR_PARSE_OK;
}

enum sr_parse sr_bound_parse(const char *text, uint64_t *out_ns)
{
    return parse_seconds(text, strlen(text), out_ns);
}

size_t sr_bound_format(uint64_t bound_ns, char out_text[SR_BOUND_TEXT_BYTES])
{
    return sr_decimal_format(bound_ns, out_text);
}

/* A bound has at most 52 bits, so that its decimal is the shortest one of its double. */
size_t sr_bound_label(uint64_t bound_ns, char out_text[SR_BOUND_LABEL_BYTES])
{
    char digits[20];
    const size_t count = sr_decimal_digits(bound_ns, 1, digits);
    const int exponent = (int)count - 10; /* of the first digit */
    if (bound_ns != 0 && (exponent < -4 || exponent > 5)) {
        return sr_decimal_scientific(digits, count, exponent, out_text);
    }
    size_t length = sr_decimal_format(bound_ns, out_text);
    if (bound_ns % SECOND == 0) {
        memcpy(out_text + length, ".0", sizeof ".0");
        length += 2;
    }
    return length;
}

static const char *const blanks = " \t\r\n";

static enum sr_parse append_bound(struct sr_bound_list *list, const char *text, size_t length)
{
    uint64_t ns;
    enum sr_parse result = parse_seconds(text, length, &ns);
    if (result != SR_PARSE_OK) {
        return result;
    }
    if (list->count == SR_BOUND_LIST_MAX) {
        return SR_PARSE_TOO_MANY;
    }
    if (list->count > 0 && ns <= list->ns[list->count - 1]) {
        return SR_PARSE_NOT_ASCENDING;
    }
    list->ns[list->count++] = ns;
    return SR_PARSE_OK;
}

enum sr_parse sr_bound_parse_list(const char *text, struct sr_bound_list *out_list, size_t *out_bad_off)
{
    struct sr_bound_list list = {0};
    const char *at = text + strspn(text, blanks);
    bool more = true;
    while (more) {
        size_t length = strcspn(at, ", \t\r\n");
        enum sr_parse result = append_bound(&list, at, length);
        if (result != SR_PARSE_OK) {
            if (out_bad_off != NULL) {
                *out_bad_off = (size_t)(at - text);
            }
            return result;
        }
        at += length;
        at += strspn(at, blanks);
        more = *at != '\0';
        if (*at == ',') {
            at++;
            at += strspn(at, blanks);
        }
    }
    *out_list = list;
    return SR_PARSE_OK;
}

int sr_bound_slot(const uint64_t *sorted_bounds_ns, uint32_t n, uint64_t duration_ns)
{
    uint32_t i = 0;
    while (i < n && sorted_bounds_ns[i] < duration_ns) {
        i++;
    }
    if (i == n || sr_bucket_index(sorted_bounds_ns[i]) != sr_bucket_index(duration_ns)) {
        return -1;
    }
    return (int)i;
}

uint64_t sr_bound_cumulative(const uint64_t *cells, const uint64_t *sorted_bounds_ns,
                             const uint64_t *slot_counts, uint32_t i)
{
    uint32_t bucket = sr_bucket_index(sorted_bounds_ns[i]);
    uint64_t count = 0;
    for (uint32_t cell = 0; cell < bucket; cell++) {
        count += cells[cell];
    }
    for (uint32_t slot = i + 1; slot-- > 0 && sr_bucket_index(sorted_bounds_ns[slot]) == bucket;) {
        count += slot_counts[slot];
    }
    return count;
}

void sr_bound_cumulatives(const uint64_t *cells, const uint64_t *sorted_bounds_ns,
                          const uint64_t *slot_counts, uint32_t n, uint64_t *out_counts)
{
    uint64_t below = 0;     /* in the cells before `cell` */
    uint64_t in_bucket = 0; /* in the slots so far of the bucket `cell` */
    uint32_t cell = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bucket = sr_bucket_index(sorted_bounds_ns[i]);
        if (cell < bucket) {
            in_bucket = 0;
        }
        for (; cell < bucket; cell++) {
            below += cells[cell];
        }
        in_bucket += slot_counts[i];
        out_counts[i] = below + in_bucket;
    }
}
