/* SPDX-License-Identifier: Apache-2.0 */
/* What an Accept-Encoding header takes (RFC 9110, 12.5.3). Pure. */
#ifndef AGENT_ENCODINGS_H
#define AGENT_ENCODINGS_H

#include <stdbool.h>

/* Is gzip welcome? NULL: there is no header, and it is not. `gzip` and `x-gzip` go before `*`; q=0 is a no, and so is a weight that is none. */
bool encodings_take_gzip(const char *header);

#endif
