/* SPDX-License-Identifier: Apache-2.0 */
/* Usage by resource as JSON: see json.h. */
#include "peer/json.h"
#include "peer/json_put.h"
#include "pure/unit.h"

static void put_units(struct sr_json_making *making, struct json_object *object, const char *key,
                      const uint64_t *units)
{
    struct json_object *list = sr_json_put_object(making, object, key);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_COUNT; unit++) {
        if (units[unit] != 0) {
            sr_json_put_count(making, list, sr_unit_name(unit), units[unit]);
        }
    }
}

struct json_object *sr_json_usage(const struct slipring_usage_stats *usages, uint32_t count)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *list = json_object_new_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct slipring_usage_stats *usage = &usages[i];
        struct json_object *object = json_object_new_object();
        sr_json_put_text(&making, object, "resource", usage->resource);
        sr_json_put_count(&making, object, "usages", usage->usages);
        sr_json_put_count(&making, object, "unpriced", usage->unpriced);
        put_units(&making, object, "units", usage->units);
        put_units(&making, object, "unpriced_units", usage->unpriced_units);
        sr_json_put_billionths(&making, object, "cost", usage->cost_nanodollars);
        sr_json_put_billionths(&making, object, "savings", usage->savings_nanodollars);
        sr_json_put_billionths(&making, object, "lifetime_cost", usage->lifetime_cost_nanodollars);
        sr_json_put_billionths(&making, object, "lifetime_savings", usage->lifetime_savings_nanodollars);
        sr_json_append(&making, list, object);
    }
    return sr_json_finish(&making, list);
}
