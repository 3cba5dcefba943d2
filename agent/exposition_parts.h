/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the exposition, for its files: exposition.c, exposition_windows.c, exposition_objectives.c, exposition_spend.c,
 * exposition_usage.c.
 *
 * Nearly all of a scrape's time is spent here: room is made once a line, its parts are copied in blocks of a fixed size,
 * which takes no call, and its number is written where it belongs. */
#ifndef AGENT_EXPOSITION_PARTS_H
#define AGENT_EXPOSITION_PARTS_H

#include <string.h>

#include "exposition.h"
#include "pure/money.h"
#include "pure/number.h"

extern const struct exposition_part exposition_nothing;  /* "" */
extern const struct exposition_part exposition_no_label; /* "} " */

/* A label's value, between its quotes. */
void exposition_escape(struct buffer *buffer, const char *text);

/* Percentiles, counts and rates of all windows. */
void exposition_windows(struct exposition *exposition, const struct slipring_stats *stats,
                        const struct slipring_stats_detail *detail);

/* Each objective's families. */
void exposition_objectives(struct exposition *exposition, const struct slipring_stats_detail *detail,
                           const struct slipring_slo_stats *slo);

/* One that is a money budget, whose labels are made. slo: its windows and alerts; NULL: none are published. */
void exposition_spend(struct exposition *exposition, const struct slipring_objective_stats *objective,
                      const struct slipring_slo_objective *slo);

/* For both: the label of the period; of the window in place `place` of the seven; of the pair in place `place` of the four. */
extern const struct exposition_part exposition_period;
const struct exposition_part *exposition_slo_window(struct exposition *exposition, uint32_t place,
                                                    uint64_t window_s);
const struct exposition_part *exposition_pair(struct exposition *exposition, uint32_t place,
                                              const struct slipring_slo_alert *alert);
/* What of the window is covered, to the millionth: as a double, that of a young store would take a thousandth of a millisecond to be made text. */
void exposition_coverage(struct exposition *exposition, enum family_id id,
                         const struct exposition_part *labels, uint64_t span_ns, uint64_t window_s);

/* --- lines --------------------------------------------------------------------------------------------------------------- */

/* Both sides have a block more than `count`. */
static inline char *exposition_copy(char *at, const char *bytes, size_t count)
{
    for (size_t done = 0; done < count; done += EXPOSITION_BLOCK_BYTES) {
        memcpy(at + done, bytes + done, EXPOSITION_BLOCK_BYTES);
    }
    return at + count;
}

/* name<suffix>{labels<rest>, where the number is to follow: `rest` closes the brace. NULL: no memory. */
static inline char *exposition_begin_line(struct exposition *exposition, enum family_id id,
                                          const struct exposition_part *suffix,
                                          const struct exposition_part *rest)
{
    static const uint8_t name_bytes[FAMILY_COUNT] = {
#define SR_FAMILY(name, type, unit, labels, help) [FAMILY_##name] = sizeof #name - 1,
#include "pure/family.def"
#undef SR_FAMILY
    };
    _Static_assert(SR_MONEY_TEXT_BYTES <= SR_NUMBER_TEXT_BYTES, "room for any number");
    const struct buffer *labels = &exposition->labels;
    char *at = exposition->failed
                   ? NULL
                   : buffer_room(&exposition->families[id], FAMILY_NAME_BYTES + labels->used + suffix->bytes +
                                                                rest->bytes + EXPOSITION_BLOCK_BYTES +
                                                                SR_NUMBER_TEXT_BYTES + 1);
    if (at == NULL) {
        exposition->failed = true;
        return NULL;
    }
    at = exposition_copy(at, families_get(id)->name, name_bytes[id]);
    at = exposition_copy(at, suffix->text, suffix->bytes);
    at = exposition_copy(at, labels->text, labels->used);
    return exposition_copy(at, rest->text, rest->bytes);
}

/* The number before `at` was the last of the line. */
static inline void exposition_end_line(struct exposition *exposition, enum family_id id, char *at)
{
    struct buffer *buffer = &exposition->families[id];
    *at++ = '\n';
    buffer->used = (size_t)(at - buffer->text);
}

static inline void exposition_count(struct exposition *exposition, enum family_id id,
                                    const struct exposition_part *suffix, const struct exposition_part *rest,
                                    uint64_t count)
{
    char *at = exposition_begin_line(exposition, id, suffix, rest);
    if (at != NULL) {
        exposition_end_line(exposition, id, at + sr_number_format_integer(count, at));
    }
}

/* No line when it is not finite. */
static inline void exposition_number(struct exposition *exposition, enum family_id id,
                                     const struct exposition_part *rest, double number)
{
    char *at = exposition_begin_line(exposition, id, &exposition_nothing, rest);
    const size_t length = at == NULL ? 0 : sr_number_format(number, at);
    if (length > 0) {
        exposition_end_line(exposition, id, at + length);
    }
}

/* duration_ns as seconds, exactly. */
static inline void exposition_duration(struct exposition *exposition, enum family_id id,
                                       const struct exposition_part *rest, uint64_t duration_ns)
{
    char *at = exposition_begin_line(exposition, id, &exposition_nothing, rest);
    if (at != NULL) {
        exposition_end_line(exposition, id, at + sr_number_format_sum(duration_ns, 0, at));
    }
}

/* Dollars, exactly. */
static inline void exposition_dollars(struct exposition *exposition, enum family_id id,
                                      const struct exposition_part *rest, uint64_t nanodollars)
{
    char *at = exposition_begin_line(exposition, id, &exposition_nothing, rest);
    if (at != NULL) {
        exposition_end_line(exposition, id, at + sr_money_format(nanodollars, at));
    }
}

#endif
