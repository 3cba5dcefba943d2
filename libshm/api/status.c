/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses as names and sentences, from the one table. */
#include <slipring/status.h>

#include "base/compiler.h"

SR_PUBLIC const char *slipring_status_text(enum slipring_status status)
{
    switch (status) {
#define SLIPRING_STATUS(name, value, text)                                                                   \
    case SLIPRING_##name:                                                                                    \
        return text;
#include <slipring/status.def>
#undef SLIPRING_STATUS
    }
    return "not a status of this version of Slipring";
}

SR_PUBLIC const char *slipring_status_name(enum slipring_status status)
{
    switch (status) {
#define SLIPRING_STATUS(name, value, text)                                                                   \
    case SLIPRING_##name:                                                                                    \
        return #name;
#include <slipring/status.def>
#undef SLIPRING_STATUS
    }
    return "UNKNOWN";
}
