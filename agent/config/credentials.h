/* SPDX-License-Identifier: Apache-2.0 */
/* The names that may come in by HTTP and the hashes of their secrets, as the configuration has them (http.users, http.tokens, http.orders) and as
 * answers need them (exposure.h). Pure but for libcrypt's opinion of a hash. */
#ifndef AGENT_CREDENTIALS_H
#define AGENT_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/buffer.h"

#define CREDENTIALS_MAX        16 /* of each kind */
#define CREDENTIALS_NAME_MAX   64
#define CREDENTIALS_HASH_MAX   159
#define CREDENTIALS_TOKEN_HEAD "sha256:"

/* What a password's hash may cost at most: some 0.2 s of a core. yescrypt and scrypt as crypt_gensalt(3) has them when it is not told. */
#define CREDENTIALS_BCRYPT_COST_MAX   11
#define CREDENTIALS_SHA512_ROUNDS_MAX 500000

struct credential {
    bool is_token;
    bool may_order;
    char name[CREDENTIALS_NAME_MAX + 1];
    char hash[CREDENTIALS_HASH_MAX + 1]; /* of a token 64 hex digits, small, without their head */
};

/* All zero: everybody may look. */
struct credentials {
    uint32_t count;
    bool has_users;
    bool has_tokens;
    struct credential one[2 * CREDENTIALS_MAX];
};

/* Letters, digits, '.', '_', '-', '@': NULL, or what else the name is. */
const char *credentials_name_fault(const char *name);

/* NULL, or what is wrong with it, without a word of it: it may be the secret itself. */
const char *credentials_hash_fault(const char *hash, bool is_token);

#endif
