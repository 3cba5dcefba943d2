/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of slipring_usage_from_json() hand each other: document.c finds the usage object and the model in a response, and
 * tells whose it is; counts.c makes units of the object. */
#ifndef LIBUSAGE_READING_H
#define LIBUSAGE_READING_H

#include <stdbool.h>

#include <slipring/usage_json.h>

#include "pure/json_scan.h"

/* How it is counted. */
enum way {
    WAY_UNKNOWN,
    WAY_PROMPT, /* prompt_tokens: OpenAI's chat completions, Mistral, and many that copy them */
    WAY_OPENAI, /* input_tokens that contain the cached ones */
    WAY_ANTHROPIC,
    WAY_GOOGLE,
    WAY_SECONDS, /* OpenAI's transcriptions by time */
    WAY_IMAGES,  /* OpenAI's images without usage */
};

struct document {
    struct sr_json_value usage;  /* an object; ABSENT for WAY_IMAGES */
    struct sr_json_value images; /* an array */
    const char *provider;        /* static, or the caller's */
    enum way way;
    char model[SLIPRING_MODEL_NAME_MAX + 1];
};

/* Says why, and is false. */
__attribute__((format(printf, 2, 3))) bool refuse(char *why, const char *format, ...);

/* Find the usage in a text, and whose it is. False: refused. */
bool document_read(const char *json, size_t bytes, const char *provider, const char *model,
                   struct document *out_document, char *why);

/* What it comes to. False: refused. */
bool counts_read(const struct document *document, struct slipring_usage *out_usage, char *why);

#endif
