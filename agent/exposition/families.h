/* SPDX-License-Identifier: Apache-2.0 */
/* The metric families as a table: pure/family.def, and the agent's own figures under their family names. */
#ifndef AGENT_FAMILIES_H
#define AGENT_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/buffer.h"

enum family_id {
#define SR_FAMILY(name, type, unit, labels, help) FAMILY_##name,
#include "pure/family.def"
#undef SR_FAMILY
    FAMILY_COUNT,
};

#define FAMILY_NAME_BYTES 80

/* Its type is counter; for a constant id the compiler knows. */
static inline bool families_is_counter(enum family_id id)
{
    enum { counter = 1, gauge = 0, histogram = 0, summary = 0 };
    static const bool is_counter[FAMILY_COUNT] = {
#define SR_FAMILY(name, type, unit, labels, help) [FAMILY_##name] = (type),
#include "pure/family.def"
#undef SR_FAMILY
    };
    return is_counter[id];
}

struct family {
    char name[FAMILY_NAME_BYTES]; /* as in its TYPE line, with _total and the unit */
    const char *type;
    const char *unit;
    const char *labels; /* beyond primitive_name and primitive_type; "" for none */
    const char *help;
};

/* Of the fixed table. id < FAMILY_COUNT. */
const struct family *families_get(enum family_id id);

/* Of the agent's figure `index` (enum SR_FIGURE_…): slipring_<name>, where a unit of ns becomes _seconds and a counter
 * gets _total. index < SR_AGENT_FIGURE_COUNT. */
void families_of_figure(unsigned index, struct family *out_family);

/* The unit, if the name says it as OpenMetrics wants, at its end (before _total): "seconds"; else "". */
const char *families_named_unit(const struct family *family);

/* The length of the name without _total, by which OpenMetrics knows a counter. */
size_t families_base_bytes(const struct family *family);

/* The whole reference as a Markdown table, the text of `slipringd --list-families`. */
void families_list(struct buffer *buffer);

#endif
