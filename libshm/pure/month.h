/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar months in UTC, for error budgets that begin anew on the first of each.
 *
 * Days to dates and back after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days and
 * days_from_civil (howardhinnant.github.io/date_algorithms.html), for days from 1970 on: the Gregorian calendar in eras of 400 years, each
 * 146,097 days, whose years begin in March, so that the leap day is a year's last. Seconds are those of CLOCK_REALTIME, a day is 86,400 of
 * them: leap seconds do not exist.
 * Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_MONTH_H
#define SR_PURE_MONTH_H

#include <stdint.h>

struct sr_month {
    uint64_t start_s;  /* since 1970, its first second */
    uint64_t length_s; /* 28 to 31 days */
};

/* The month in which second wall_s since 1970 lies. */
struct sr_month sr_month_of(uint64_t wall_s);

#endif
