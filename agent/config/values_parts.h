/* SPDX-License-Identifier: Apache-2.0 */
/* Between the sources behind values.h. */
#ifndef AGENT_VALUES_PARTS_H
#define AGENT_VALUES_PARTS_H

#include <stdbool.h>

#include "agent/buffer.h"

/* wrong: NULL, or what is wrong with the text, for *what. True: nothing is. */
__attribute__((warn_unused_result)) bool values_refuse(const char *text, const char *wrong,
                                                       struct buffer *what);

#endif
