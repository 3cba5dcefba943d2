/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the units that usage is counted in: labels of /metrics, keys of JSON. Pure: safe anywhere. */
#ifndef SR_PURE_UNIT_H
#define SR_PURE_UNIT_H

#include <stdint.h>

#include <slipring/usage.h>

/* "input", "output", ... NULL: there is no such unit. */
const char *sr_unit_name(uint32_t unit);

/* The unit of that name, or SLIPRING_UNIT_COUNT. */
uint32_t sr_unit_of(const char *name);

#endif
