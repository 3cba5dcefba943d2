/* SPDX-License-Identifier: Apache-2.0 */
/* Names and hashes. See credentials.h. */
#include "credentials.h"

#include <crypt.h>
#include <string.h>

const char *credentials_name_fault(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@";
    const size_t length = strlen(name);
    return length == 0                       ? "empty"
           : length > CREDENTIALS_NAME_MAX   ? "longer than 64 bytes"
           : strspn(name, letters) != length ? "not made of A-Z, a-z, 0-9, '.', '_', '-' and '@' only"
                                             : NULL;
}

/* A setting without the hash behind it fits nobody's password. */
static bool is_whole(const char *hash, size_t tail_bytes)
{
    return strlen(strrchr(hash, '$') + 1) == tail_bytes;
}

static const char *password_fault(const char *hash)
{
    static const struct {
        const char *head;
        size_t tail_bytes;
    } kinds[] = {{"$y$", 43},  {"$gy$", 43}, {"$7$", 43}, {"$2b$", 53},
                 {"$2y$", 53}, {"$2a$", 53}, {"$6$", 86}};
    if (strlen(hash) > CREDENTIALS_HASH_MAX) {
        return "longer than 159 bytes";
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(hash, kinds[i].head, strlen(kinds[i].head)) == 0) {
            return crypt_checksalt(hash) == CRYPT_SALT_OK && is_whole(hash, kinds[i].tail_bytes)
                       ? NULL
                       : "the hash of a password, cut or damaged: slipring password makes one";
        }
    }
    return "no hash of a password that is taken (yescrypt, scrypt, bcrypt, sha512crypt), and a "
           "password itself does not "
           "belong into a file: slipring password makes its hash";
}

const char *credentials_hash_fault(const char *hash, bool is_token)
{
    const size_t head = strlen(CREDENTIALS_TOKEN_HEAD);
    if (!is_token) {
        return password_fault(hash);
    }
    if (strncmp(hash, CREDENTIALS_TOKEN_HEAD, head) == 0 && strlen(hash + head) == 64 &&
        strspn(hash + head, "0123456789abcdefABCDEF") == 64) {
        return NULL;
    }
    return "no hash of a token, sha256: and 64 hex digits, and a token itself does not belong into a file: "
           "slipring token makes both";
}
