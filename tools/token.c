/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring token`: a token for the agent's HTTP, and its hash. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <nettle/base16.h>
#include <nettle/sha2.h>

#include "command.h"
#include "message.h"

enum { TOKEN_BYTES = 32 }; /* 256 random bits */

static int run_token(const struct invocation *invocation)
{
    (void)invocation;
    uint8_t random[TOKEN_BYTES];
    uint8_t digest[SHA256_DIGEST_SIZE];
    char token[BASE16_ENCODE_LENGTH(sizeof random) + 1] = "";
    char hash[BASE16_ENCODE_LENGTH(sizeof digest) + 1] = "";
    struct sha256_ctx context;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        message_print("there are no random bytes: %s", strerror(errno));
        return STATUS_BAD;
    }
    base16_encode_update(token, sizeof random, random);
    sha256_init(&context);
    sha256_update(&context, strlen(token), (const uint8_t *)token);
    sha256_digest(&context, sizeof digest, digest);
    base16_encode_update(hash, sizeof digest, digest);
    (void)printf("%s\nsha256:%s\n", token, hash);
    return STATUS_OK;
}

const struct command command_token = {
    .name = "token",
    .synopsis = "",
    .summary = "make a token for the agent's HTTP, and its hash",
    .description =
        "Prints two lines: a token of 256 random bits, which whoever scrapes keeps and sends as "
        "Authorization: Bearer TOKEN, and its hash, "
        "sha256: and 64 hex digits, which belongs into the agent's configuration, under http.tokens.",
    .exits = "0\tprinted\n"
             "2\tno random bytes\n",
    .examples = "slipring token\n",
    .no_store = "a token is of no store",
    .is_bare = true,
    .max_words = 0,
    .run = run_token,
};
