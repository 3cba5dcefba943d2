/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate and the key of the TCP listener: read, and looked at by GnuTLS before libmicrohttpd takes them, so that what is wrong is told with the
 * file's name. Blocks on the disk. */
#ifndef AGENT_TLS_H
#define AGENT_TLS_H

#include <stdbool.h>

#include "agent/buffer.h"

/* TLS 1.2 and up, and what GnuTLS thinks fit of their ciphers. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls {
    struct buffer certificate; /* PEM, terminated: its chain, its own first */
    struct buffer key;         /* likewise */
};

/* False: the log says why, with the file. A key that others may read is refused: it is anybody's by now. An expired certificate is served, and the log says
 * so. */
__attribute__((warn_unused_result)) bool tls_read(const char *certificate, const char *key,
                                                  struct tls *out_tls);

/* The key's bytes are wiped. A zeroed one is ignored. */
void tls_free(struct tls *tls);

#endif
