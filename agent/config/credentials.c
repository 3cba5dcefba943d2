/* SPDX-License-Identifier: Apache-2.0 */
/* Names and hashes. See credentials.h. */
#include "credentials.h"

#include <crypt.h>
#include <stdlib.h>
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

/* --- what a hash costs ---------------------------------------------------------------------------------------------------- */

/* A number as crypt(3) writes one, the lowest digit first. 0xffffffff: there is none. */
static uint32_t read_digits(const char *text, size_t count)
{
    static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) {
        const char *digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
        if (digit == NULL) {
            return UINT32_MAX;
        }
        value |= (uint32_t)(digit - digits) << (6 * i);
    }
    return value;
}

/* $y$jNR$: flavour, logarithm of blocks, their size, and nothing beyond. Each is a digit up to what crypt_gensalt(3) takes when it is not told. */
static bool is_yescrypt_cheap(const char *setting)
{
    return setting[0] == 'j' && read_digits(setting + 1, 1) <= read_digits("9", 1) &&
           read_digits(setting + 2, 1) <= read_digits("T", 1) && setting[3] == '$';
}

/* $7$NRRRRRPPPPP: the same, and how often. */
static bool is_scrypt_cheap(const char *setting)
{
    return read_digits(setting, 1) <= read_digits("C", 1) && read_digits(setting + 1, 5) <= 32 &&
           read_digits(setting + 6, 5) <= 1;
}

static bool is_bcrypt_cheap(const char *setting)
{
    return strtoul(setting, NULL, 10) <= CREDENTIALS_BCRYPT_COST_MAX;
}

static bool is_sha512crypt_cheap(const char *setting)
{
    static const char rounds[] = "rounds=";
    return strncmp(setting, rounds, strlen(rounds)) != 0 ||
           strtoul(setting + strlen(rounds), NULL, 10) <= CREDENTIALS_SHA512_ROUNDS_MAX;
}

static const char *password_fault(const char *hash)
{
    static const struct {
        const char *head;
        size_t tail_bytes;
        bool (*is_cheap)(const char *setting);
    } kinds[] = {{"$y$", 43, is_yescrypt_cheap},   {"$gy$", 43, is_yescrypt_cheap},
                 {"$7$", 43, is_scrypt_cheap},     {"$2b$", 53, is_bcrypt_cheap},
                 {"$2y$", 53, is_bcrypt_cheap},    {"$2a$", 53, is_bcrypt_cheap},
                 {"$6$", 86, is_sha512crypt_cheap}};
    if (strlen(hash) > CREDENTIALS_HASH_MAX) {
        return "longer than 159 bytes";
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const size_t head = strlen(kinds[i].head);
        if (strncmp(hash, kinds[i].head, head) != 0) {
            continue;
        }
        if (crypt_checksalt(hash) != CRYPT_SALT_OK || !is_whole(hash, kinds[i].tail_bytes)) {
            return "the hash of a password, cut or damaged: slipring password makes one";
        }
        return kinds[i].is_cheap(hash + head)
                   ? NULL
                   : "the hash of a password, but nobody is answered while it is computed, and that takes "
                     "too "
                     "long (at most bcrypt 11, sha512crypt with 500000 rounds, yescrypt and scrypt as they "
                     "come): slipring password makes one";
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
