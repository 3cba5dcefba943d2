/* SPDX-License-Identifier: Apache-2.0 */
/* The programs' door to the versions of segments. */
#ifndef SR_PEER_VERSION_H
#define SR_PEER_VERSION_H

#include "protocol/version.h"

#endif
