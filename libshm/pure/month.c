/* SPDX-License-Identifier: Apache-2.0 */
/* Months of the Gregorian calendar: see month.h for where the formulas come from. */
#include "pure/month.h"

#define DAY_S      UINT64_C(86400)
#define ERA_DAYS   UINT64_C(146097) /* 400 years */
#define EPOCH_DAYS UINT64_C(719468) /* from 0000-03-01 to 1970-01-01 */

/* A month counted from March on, of a year that begins in March. */
struct place {
    uint64_t year;
    uint64_t month; /* 0: March, 11: February */
};

static struct place place_of(uint64_t days)
{
    const uint64_t shifted = days + EPOCH_DAYS;
    const uint64_t era = shifted / ERA_DAYS;
    const uint64_t of_era = shifted % ERA_DAYS;
    const uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365; /* 0 to 399 */
    const uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    return (struct place){.year = era * 400 + year, .month = (5 * of_year + 2) / 153};
}

/* Days from 1970-01-01 to the first of the month; .month may be 12: the next year's March. */
static uint64_t first_day_of(struct place place)
{
    const uint64_t year = place.year + place.month / 12;
    const uint64_t of_era = year % 400;
    const uint64_t of_year = (153 * (place.month % 12) + 2) / 5;
    return year / 400 * ERA_DAYS + 365 * of_era + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

struct sr_month sr_month_of(uint64_t wall_s)
{
    struct place place = place_of(wall_s / DAY_S);
    const uint64_t start_s = first_day_of(place) * DAY_S;
    place.month++;
    return (struct sr_month){.start_s = start_s, .length_s = first_day_of(place) * DAY_S - start_s};
}
