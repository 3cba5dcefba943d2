/* SPDX-License-Identifier: Apache-2.0 */
/* Names of units: see unit.h. */
#include "pure/unit.h"

#include <string.h>

static const char *const names[SLIPRING_UNIT_COUNT] = {
#define SR_UNIT_ROW(id, name, what) [SLIPRING_UNIT_##id] = (name),
#include "pure/unit.def"
#undef SR_UNIT_ROW
};

const char *sr_unit_name(uint32_t unit)
{
    return unit < SLIPRING_UNIT_COUNT ? names[unit] : NULL;
}

uint32_t sr_unit_of(const char *name)
{
    uint32_t unit = 0;
    while (unit < SLIPRING_UNIT_COUNT && strcmp(names[unit], name) != 0) {
        unit++;
    }
    return unit;
}
