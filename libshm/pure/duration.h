/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as people write and read them: "12ms", "1.5s", "250us", "1h30m". Integer nanoseconds inside.
 * Pure: safe in any thread, process or signal handler; no allocation, no locale. */
#ifndef SR_PURE_DURATION_H
#define SR_PURE_DURATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "pure/decimal.h"

#define SR_DURATION_TEXT_BYTES 24

/* One or more numbers, each with a unit, in falling units and without blanks: d, h, m, s, ms, us (or µs, with
 * either of Unicode's two mu), ns. To nanoseconds, exactly, 0 to max_ns: pass SR_DURATION_MAX_NS for a sample's
 * duration, UINT64_MAX for no limit but the type's.
 *   EMPTY          nothing
 *   NOT_A_NUMBER   "nan", "inf", "fast", "12 ms", "1,5s", "1m2h" (units must fall)
 *   NEGATIVE       "-5ms"
 *   NO_UNIT        "12", "1h30", also "0"
 *   UNKNOWN_UNIT   "12parsecs", "1e3ms"
 *   TOO_FINE       "0.5ns"
 *   TOO_LARGE      beyond max_ns */
SR_MUST_CHECK enum sr_parse sr_duration_parse(const char *text, uint64_t max_ns, uint64_t *out_ns);

/* For people, in three significant digits, rounded half up: "0s", "999ns", "4.56µs", "12.3ms", "1.20s",
 * "59.9s"; from a minute on in two units: "2m05s", "2h05m", "3d04h". Returns the length in bytes. */
size_t sr_duration_format(uint64_t duration_ns, char out_text[SR_DURATION_TEXT_BYTES]);

#define SR_DURATION_LABEL_BYTES 48

/* Exactly, as sr_duration_parse() reads it, in as few units as it takes: "10s", "1m", "1h30m", "7d", "0s". The window labels of
 * /metrics. Returns the length. */
size_t sr_duration_label(uint64_t duration_ns, char out_text[SR_DURATION_LABEL_BYTES]);

#endif
