/* SPDX-License-Identifier: Apache-2.0 */
/* The programs' door to the SIGBUS guard: agent and tools call sr_guard_install() first thing in main(); the doors of
 * peer/ register what they map. */
#ifndef SR_PEER_GUARD_H
#define SR_PEER_GUARD_H

#include "system/guard.h"

#endif
