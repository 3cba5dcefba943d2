/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring show NAME --by process`: which worker is slow? */
#ifndef TOOLS_BY_PROCESS_H
#define TOOLS_BY_PROCESS_H

#include "command.h"

/* words[0] is the primitive's name, OPTION_by says what by. Returns the exit status. */
int by_process_run(const struct invocation *invocation);

#endif
