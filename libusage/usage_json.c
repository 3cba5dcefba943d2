/* SPDX-License-Identifier: Apache-2.0 */
/* slipring_usage_from_json(): see <slipring/usage_json.h>. */
#include <slipring/usage_json.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pure/name.h"
#include "reading.h"

bool refuse(char *why, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, SLIPRING_USAGE_WHY_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static enum slipring_status name_resource(const struct document *document, char *out_resource, char *why)
{
    const size_t provider = strlen(document->provider);
    const size_t model = strlen(document->model);
    char resource[SLIPRING_MODEL_NAME_MAX + 1];
    if (provider == 0 || strchr(document->provider, '/')) {
        (void)refuse(why, "the provider's name is empty or has a '/' in it");
        return SLIPRING_BAD_NAME;
    }
    if (provider + 1 + model > SLIPRING_MODEL_NAME_MAX) {
        (void)refuse(why, "provider and model are longer than %d bytes: give a shorter name of the model",
                     SLIPRING_MODEL_NAME_MAX);
        return SLIPRING_BAD_NAME;
    }
    memcpy(resource, document->provider, provider);
    resource[provider] = '/';
    memcpy(resource + provider + 1, document->model, model + 1);
    enum sr_name verdict = sr_name_check(resource, SLIPRING_MODEL_NAME_MAX);
    if (verdict != SR_NAME_OK) {
        (void)refuse(why, "the name of provider or model is %s", sr_name_text(verdict));
        return SLIPRING_BAD_NAME;
    }
    memcpy(out_resource, resource, sizeof resource);
    return SLIPRING_OK;
}

SR_PUBLIC enum slipring_status slipring_usage_from_json(const char *json, size_t bytes, const char *provider,
                                                        const char *model,
                                                        char out_resource[SLIPRING_MODEL_NAME_MAX + 1],
                                                        struct slipring_usage *out_usage,
                                                        char out_why[SLIPRING_USAGE_WHY_BYTES])
{
    char room[SLIPRING_USAGE_WHY_BYTES];
    char *why = out_why ? out_why : room;
    struct document document;
    struct slipring_usage usage;
    if (!json || !out_resource || !out_usage) {
        (void)refuse(why, "an argument is NULL");
        return SLIPRING_BAD_ARGUMENT;
    }
    if (!document_read(json, bytes, provider, model, &document, why) ||
        !counts_read(&document, &usage, why)) {
        return SLIPRING_BAD_ARGUMENT;
    }
    enum slipring_status status = name_resource(&document, out_resource, why);
    if (status == SLIPRING_OK) {
        *out_usage = usage;
    }
    return status;
}
