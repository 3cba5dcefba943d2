/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds that counts are kept at exactly: the `le` bounds of the classic histogram and the thresholds of
 * latency objectives. In text they are decimal seconds, as in a `le` label; everywhere else integer nanoseconds.
 *
 * How a count at a bound is exact though the bucket it falls into is not: beside the cells, the books keep one
 * counter for each bound, the bound's slot. A sample v is counted in at most one slot: that of the smallest bound
 * at or above v, if that bound lies in v's own bucket. Then
 *     count(samples <= b) = cells below b's bucket + slots of the bounds <= b in b's bucket.
 * Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_BOUND_H
#define SR_PURE_BOUND_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "pure/decimal.h"

#define SR_BOUND_LIST_MAX      16 /* bounds in a configured list */
#define SR_BOUND_DEFAULT_COUNT 10
#define SR_BOUND_TEXT_BYTES    SR_DECIMAL_TEXT_BYTES
#define SR_BOUND_LABEL_BYTES   32

/* 0.001 0.01 0.1 0.5 1 2 5 10 30 60 seconds, in nanoseconds. */
extern const uint64_t sr_bound_defaults[SR_BOUND_DEFAULT_COUNT] __attribute__((visibility("hidden")));

/* Strictly ascending, each 1 to SR_DURATION_MAX_NS. */
struct sr_bound_list {
    uint64_t ns[SR_BOUND_LIST_MAX];
    uint32_t count;
};

/* Decimal seconds to nanoseconds, exactly, 1 to SR_DURATION_MAX_NS. An exponent ("1e-3") is NOT_A_NUMBER;
 * also EMPTY, NEGATIVE, ZERO, TOO_FINE (below a nanosecond), TOO_LARGE. */
SR_MUST_CHECK enum sr_parse sr_bound_parse(const char *text, uint64_t *out_ns);

/* Nanoseconds as the shortest decimal seconds: "0.001", "1", "30". Returns the length. */
size_t sr_bound_format(uint64_t bound_ns, char out_text[SR_BOUND_TEXT_BYTES]);

/* The same as the value of a `le` or `quantile` label: "1.0", "0.001", "5e-05", "1.5e+06". That is the one form of the number that
 * OpenMetrics asks for and Prometheus makes of a double (Go's shortest %g, with .0 behind an integer); an identity for whoever compares series. */
size_t sr_bound_label(uint64_t bound_ns, char out_text[SR_BOUND_LABEL_BYTES]);

/* A list: 1 to 16 bounds, strictly ascending, separated by one comma, by blanks, or both. What
 * sr_bound_parse() says, and NOT_ASCENDING, TOO_MANY; EMPTY also for nothing between two commas. On failure
 * *out_bad_off, unless NULL, is the offset in text of the bound at fault, and *out_list is untouched. */
SR_MUST_CHECK enum sr_parse sr_bound_parse_list(const char *text, struct sr_bound_list *out_list,
                                                size_t *out_bad_off);

/* The slot that a sample of duration_ns (0 to SR_DURATION_MAX_NS) is counted in, -1 for none.
 * sorted_bounds_ns ascends strictly, each at most SR_DURATION_MAX_NS; n may be 0. */
int sr_bound_slot(const uint64_t *sorted_bounds_ns, uint32_t n, uint64_t duration_ns);

/* How many samples are at most sorted_bounds_ns[i]. cells has SR_BUCKET_COUNT entries, slot_counts one a bound. */
uint64_t sr_bound_cumulative(const uint64_t *cells, const uint64_t *sorted_bounds_ns,
                             const uint64_t *slot_counts, uint32_t i);

/* The same for all n bounds, reading the cells once. */
void sr_bound_cumulatives(const uint64_t *cells, const uint64_t *sorted_bounds_ns,
                          const uint64_t *slot_counts, uint32_t n, uint64_t *out_counts);

#endif
