/* SPDX-License-Identifier: Apache-2.0 */
/* What a listener that others reach should have, said to the log: at the start, and at each reload, which may take the last user away. */
#ifndef AGENT_NETWORK_H
#define AGENT_NETWORK_H

#include "options.h"

/* `started` has what only a start can change, the listener and its certificate; `running` who may come in. address: where that is; NULL: as it is
 * configured. */
void network_warn(const struct options *started, const struct options *running, const char *address);

#endif
