/* SPDX-License-Identifier: Apache-2.0 */
/* The programs' door to the rule of whose files are used. */
#ifndef SR_PEER_TRUST_H
#define SR_PEER_TRUST_H

#include "system/trust.h"

#endif
