/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's door to the lock that says that it lives. */
#ifndef SR_PEER_KEEPER_H
#define SR_PEER_KEEPER_H

#include "system/keeper.h"

#endif
