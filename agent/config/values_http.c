/* SPDX-License-Identifier: Apache-2.0 */
/* Users and tokens of the configuration as text. See values.h. */
#include "values.h"

#include <string.h>

bool values_credential_name(const char *name, struct buffer *what)
{
    const char *wrong = credentials_name_fault(name);
    if (wrong != NULL) {
        buffer_format(what, "the name '%s' is %s", name, wrong);
    }
    return wrong == NULL;
}

static bool is_credential(const struct options_credentials *credentials, const char *name)
{
    for (uint32_t i = 0; i < credentials->count; i++) {
        if (strcmp(credentials->one[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool values_credential(enum value_key key, const char *name, const char *hash, struct options *options,
                       struct buffer *what)
{
    struct options_credentials *credentials =
        key == KEY_http_users ? &options->http_users : &options->http_tokens;
    const char *wrong = credentials_hash_fault(hash, key == KEY_http_tokens);
    if (wrong != NULL) {
        buffer_format(what, "this is %s", wrong);
    } else if (is_credential(&options->http_users, name) || is_credential(&options->http_tokens, name)) {
        buffer_format(what, "'%s' is among the users or tokens already", name);
    } else if (credentials->count == CREDENTIALS_MAX) {
        buffer_format(what, "'%s' is one too many (at most %d)", name, CREDENTIALS_MAX);
    } else {
        credentials->one[credentials->count++] = (struct options_credential){.name = name, .hash = hash};
        return true;
    }
    return false;
}
