/* SPDX-License-Identifier: Apache-2.0 */
/* A library that takes thread-local storage, for unit/plugin_test.c: built once as one of those that take it from the little that dlopen() can
 * give of the static kind, and once as one that asks for much of the other kind. */
#include <stddef.h>

char *tls_heavy(void);

static __thread char block[TLS_BYTES] __attribute__((tls_model(TLS_MODEL)));

__attribute__((visibility("default"))) char *tls_heavy(void)
{
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = 1;
    }
    return block;
}
