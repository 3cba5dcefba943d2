/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the exposition, for its files. What is said stands in exposition.c, exposition_windows.c, exposition_objectives.c,
 * exposition_spend.c and exposition_usage.c, which know no format; how it is written here, in exposition_text.c (both texts) and in
 * exposition_protobuf.c.
 *
 * Nearly all of a scrape's time is spent here: room is made once a line, its parts are copied in blocks of a fixed size,
 * which takes no call, and its number is written where it belongs. */
#ifndef AGENT_EXPOSITION_PARTS_H
#define AGENT_EXPOSITION_PARTS_H

#include <math.h>
#include <string.h>

#include "exposition.h"
#include "pure/exemplar.h"
#include "pure/money.h"
#include "pure/number.h"

/* Append a label to the part, in the coding in hand. A value that does not fit is no value of ours: then memory counts as run out. */
void exposition_part_add(struct exposition *exposition, struct exposition_part *part, const char *name,
                         const char *value);

/* Append a label to those of every line of the primitive in hand. */
void exposition_labels_add(struct exposition *exposition, const char *name, const char *value);

/* Percentiles, counts and rates of all windows. */
void exposition_windows(struct exposition *exposition, const struct slipring_stats *stats,
                        const struct slipring_stats_detail *detail);

/* Each objective's families. */
void exposition_objectives(struct exposition *exposition, const struct slipring_stats_detail *detail,
                           const struct slipring_slo_stats *slo);

/* One that is a money budget, whose labels are made. slo: its windows and alerts; NULL: none are published. */
void exposition_spend(struct exposition *exposition, const struct slipring_objective_stats *objective,
                      const struct slipring_slo_objective *slo);

/* For both: the label of the window in place `place` of the seven; of the pair in place `place` of the four. */
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

/* name<suffix>{labels<rest>} where the number is to follow. NULL: no memory. */
static inline char *exposition_begin_line(struct exposition *exposition, enum family_id id,
                                          const struct exposition_part *rest)
{
    static const uint8_t name_bytes[FAMILY_COUNT] = {
#define SR_FAMILY(name, type, unit, labels, help) [FAMILY_##name] = sizeof #name - 1,
#include "pure/family.def"
#undef SR_FAMILY
    };
    _Static_assert(SR_MONEY_TEXT_BYTES <= SR_NUMBER_TEXT_BYTES, "room for any number");
    const struct buffer *labels = &exposition->labels;
    char *at = exposition->failed ? NULL
                                  : buffer_room(&exposition->families[id],
                                                FAMILY_NAME_BYTES + labels->used + rest->bytes +
                                                    EXPOSITION_BLOCK_BYTES + SR_NUMBER_TEXT_BYTES + 1);
    if (at == NULL) {
        exposition->failed = true;
        return NULL;
    }
    at = exposition_copy(at, families_get(id)->name, name_bytes[id]);
    at = exposition_copy(at, labels->text, labels->used);
    at = exposition_copy(at, rest->text, rest->bytes);
    *at++ = '}';
    *at++ = ' ';
    return at;
}

/* The number before `at` was the last of the line. */
static inline void exposition_end_line(struct exposition *exposition, enum family_id id, char *at)
{
    struct buffer *buffer = &exposition->families[id];
    *at++ = '\n';
    buffer->used = (size_t)(at - buffer->text);
}

/* Fill exposition->created; 0: nobody knows when. */
void exposition_make_created(struct exposition *exposition, uint64_t created_wall_ns);
void exposition_make_created_protobuf(struct exposition *exposition, uint64_t created_wall_ns);

/* Out of line: OpenMetrics' line of when a counter began, and a whole Metric of protobuf. exemplar may be NULL. */
void exposition_created(struct exposition *exposition, enum family_id id, const struct exposition_part *rest);
void exposition_metric(struct exposition *exposition, enum family_id id, const struct exposition_part *rest,
                       double value, const struct slipring_exemplar *exemplar);

static inline bool exposition_has_created(const struct exposition *exposition, enum family_id id)
{
    return families_is_counter(id) && exposition->format == EXPOSITION_OPENMETRICS &&
           exposition->created.bytes > 0;
}

static inline void exposition_count(struct exposition *exposition, enum family_id id,
                                    const struct exposition_part *rest, uint64_t count)
{
    if (exposition->format == EXPOSITION_PROTOBUF) {
        exposition_metric(exposition, id, rest, (double)count, NULL);
        return;
    }
    char *at = exposition_begin_line(exposition, id, rest);
    if (at != NULL) {
        exposition_end_line(exposition, id, at + sr_number_format_integer(count, at));
        if (exposition_has_created(exposition, id)) {
            exposition_created(exposition, id, rest);
        }
    }
}

/* No line when it is not finite. */
static inline void exposition_number(struct exposition *exposition, enum family_id id,
                                     const struct exposition_part *rest, double number)
{
    if (exposition->format == EXPOSITION_PROTOBUF) {
        if (isfinite(number)) {
            exposition_metric(exposition, id, rest, number + 0.0, NULL); /* -0 is shown as 0 */
        }
        return;
    }
    char *at = exposition_begin_line(exposition, id, rest);
    const size_t length = at == NULL ? 0 : sr_number_format(number, at);
    if (length > 0) {
        exposition_end_line(exposition, id, at + length);
    }
}

/* Billionths, exactly: nanoseconds as seconds, parts per billion, nano-dollars as dollars. */
static inline void exposition_billionths(struct exposition *exposition, enum family_id id,
                                         const struct exposition_part *rest, uint64_t billionths)
{
    if (exposition->format == EXPOSITION_PROTOBUF) {
        exposition_metric(exposition, id, rest, sr_number_of_billionths(billionths, 0), NULL);
        return;
    }
    char *at = exposition_begin_line(exposition, id, rest);
    if (at != NULL) {
        exposition_end_line(exposition, id, at + sr_number_format_sum(billionths, 0, at));
        if (exposition_has_created(exposition, id)) {
            exposition_created(exposition, id, rest);
        }
    }
}

/* A percentile in nanoseconds, as seconds. */
void exposition_percentile(struct exposition *exposition, enum family_id id,
                           const struct exposition_part *rest, double ns);

/* Failed executions, with the newest of them that was traced; NULL: none was. */
void exposition_failures(struct exposition *exposition, uint64_t failures,
                         const struct slipring_exemplar *exemplar);

/* --- the histogram ------------------------------------------------------------------------------------------------------- */

/* A bucket with its `le` label. */
struct exposition_bucket {
    uint64_t bound_ns; /* UINT64_MAX: +Inf */
    uint64_t count;    /* cumulative */
    const struct exposition_part *part;
    const struct slipring_exemplar *exemplar; /* NULL: none */
};

struct exposition_histogram {
    uint32_t bucket_count; /* with +Inf, the last one, whose count is that of all */
    struct exposition_bucket buckets[SLIPRING_BOUND_COUNT + 1];
    uint64_t sum_ns[2];
    uint64_t created_wall_ns;
    const struct sr_native_packed *native; /* NULL: none */
};

void exposition_histogram_text(struct exposition *exposition, const struct exposition_histogram *histogram);
void exposition_histogram_protobuf(struct exposition *exposition,
                                   const struct exposition_histogram *histogram);

/* --- whole families ------------------------------------------------------------------------------------------------------ */

/* What goes before the family's lines, which take lines_bytes. */
void exposition_heading_text(struct exposition *exposition, struct buffer *out, const struct family *family);
void exposition_heading_protobuf(struct exposition *exposition, struct buffer *out,
                                 const struct family *family, size_t lines_bytes);

/* A family with one line, which is of the store as a whole. */
enum exposition_kind { EXPOSITION_COUNT, EXPOSITION_BILLIONTHS, EXPOSITION_NUMBER };

struct exposition_single {
    const struct family *family;
    const char *name, *value; /* its own label; NULL: none */
    enum exposition_kind kind;
    uint64_t count;           /* or billionths */
    double number;            /* instead of them; finite */
    uint64_t created_wall_ns; /* since when it counts; 0: unknown, or it is no counter */
};
void exposition_single_text(struct exposition *exposition, struct buffer *out,
                            const struct exposition_single *single);
void exposition_single_protobuf(struct exposition *exposition, struct buffer *out,
                                const struct exposition_single *single);

#endif
