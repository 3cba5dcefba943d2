/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of what a primitive used of one resource. See exposition_parts.h. */
#include "exposition_parts.h"

static void add_units(struct exposition *exposition, enum family_id id, const uint64_t *units)
{
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
        if (units[unit] != 0) {
            exposition_count(exposition, id, &exposition->cache.units[unit], units[unit]);
        }
    }
}

void exposition_usage(struct exposition *exposition, const struct slipring_usage_stats *usage)
{
    const struct exposition_part *none = &exposition->cache.none;
    struct buffer *labels = &exposition->labels;
    const size_t before = labels->used; /* those of the primitive */
    exposition_labels_add(exposition, "resource", usage->resource);
    add_units(exposition, FAMILY_primitive_usage_units_total, usage->units);
    exposition_billionths(exposition, FAMILY_primitive_usage_cost_total, none, usage->cost_nanodollars);
    exposition_billionths(exposition, FAMILY_primitive_usage_savings_total, none, usage->savings_nanodollars);
    exposition_count(exposition, FAMILY_primitive_unpriced_total, none, usage->unpriced);
    add_units(exposition, FAMILY_primitive_unpriced_units, usage->unpriced_units);
    labels->used = before;
}
