/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring token`: a token for the agent's HTTP, and its hash. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <nettle/sha2.h>

#include "command.h"
#include "message.h"

enum { TOKEN_BYTES = 32 }; /* 256 random bits */

static void print_hex(const uint8_t *bytes, size_t count, char *out_text)
{
    for (size_t i = 0; i < count; i++) {
        (void)sprintf(out_text + 2 * i, "%02x", bytes[i]);
    }
}

static int run_token(const struct invocation *invocation)
{
    (void)invocation;
    uint8_t random[TOKEN_BYTES];
    uint8_t digest[SHA256_DIGEST_SIZE];
    char token[2 * sizeof random + 1];
    char hash[2 * sizeof digest + 1];
    struct sha256_ctx context;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        message_print("there are no random bytes: %s", strerror(errno));
        return STATUS_BAD;
    }
    print_hex(random, sizeof random, token);
    sha256_init(&context);
    sha256_update(&context, strlen(token), (const uint8_t *)token);
    sha256_digest(&context, sizeof digest, digest);
    print_hex(digest, sizeof digest, hash);
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
    .max_words = 0,
    .run = run_token,
};
