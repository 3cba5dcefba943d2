/* SPDX-License-Identifier: Apache-2.0 */
/* Usage as providers of language models return it in JSON, as units to record. In a library of its own, libslipring-usage (pkg-config
 * slipring-usage, CMake slipring::slipring-usage), which needs no other; not part of <slipring/slipring.h>.
 *
 *     struct slipring_usage usage;
 *     char resource[SLIPRING_MODEL_NAME_MAX + 1];
 *     char why[SLIPRING_USAGE_WHY_BYTES];
 *     if (slipring_usage_from_json(body, length, NULL, NULL, resource, &usage, why) == SLIPRING_OK) {
 *         slipring_record_usage(primitive, duration_ns, SLIPRING_SUCCESS, resource, &usage);
 *     } else { fprintf(stderr, "usage not recorded: %s\n", why); }
 *
 * What is read, and what becomes of it. Kinds come out disjoint, as <slipring/usage.h> wants them: parts are taken out of their totals.
 *
 *   openai     Chat completions and embeddings: usage.prompt_tokens less cached and audio tokens is INPUT,
 *              prompt_tokens_details.cached_tokens CACHED_INPUT, .audio_tokens AUDIO_INPUT; completion_tokens less the details'
 *              reasoning_tokens and audio_tokens is OUTPUT, those are REASONING and AUDIO_OUTPUT. Responses, images and
 *              transcriptions priced by token: the same with input_tokens and output_tokens. Transcriptions priced by time:
 *              MILLISECOND. Images without usage: IMAGE, as many as `data` holds.
 *   anthropic  usage.input_tokens is INPUT, cache_read_input_tokens CACHED_INPUT, cache_creation_input_tokens CACHE_WRITE,
 *              output_tokens OUTPUT. What server tools cost by the piece is not read.
 *   google     usageMetadata.promptTokenCount less cached and audio tokens, and toolUsePromptTokenCount, is INPUT,
 *              cachedContentTokenCount CACHED_INPUT, audio AUDIO_INPUT; candidatesTokenCount less audio is OUTPUT, audio
 *              AUDIO_OUTPUT; thoughtsTokenCount, which candidates do not contain, REASONING.
 *   mistral    usage.prompt_tokens and completion_tokens, as openai.
 *
 * The text is one response, or its usage object alone with a model given; or of a stream the event that tells the usage: OpenAI's last
 * chunk with stream_options.include_usage, its response.completed, Anthropic's message_delta when it repeats input_tokens,
 * Google's last chunk, or the whole array that Google streams, of which the last element counts. "data: " before it is passed over.
 *
 * Never guessed. Refused is what is no JSON, holds a key twice or nests deeper than 64; numbers that are negative, no integers or beyond
 * SLIPRING_UNITS_MAX; parts greater than their total, and totals that are not their parts' sum; what two providers count in ways
 * that cannot be told apart, unless the model's name or the caller does. */
#ifndef SLIPRING_USAGE_JSON_H
#define SLIPRING_USAGE_JSON_H

#include <stddef.h>

#include <slipring/usage.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIPRING_USAGE_WHY_BYTES 256 /* room for a sentence */

/* Read `bytes` of json, which need no end mark.
 *
 * provider: "openai", "anthropic", "google", "mistral" say how it counts; any other name (1 to 62 bytes without '/') that it
 * counts as one of these does, and is put before the model; NULL: to be told from the text. model: instead of the one that the
 * response names; NULL: that one.
 *
 * OK: out_resource is "provider/model", zero-terminated, and *out_usage what was used; kinds that were not are 0. BAD_ARGUMENT: refused;
 * BAD_NAME: provider/model is empty, longer than SLIPRING_MODEL_NAME_MAX, or no clean UTF-8. Then both are untouched, and out_why,
 * unless NULL, holds a sentence that says why, zero-terminated UTF-8; nothing of the text is in it.
 *
 * Thread safe, in a forked child too, in a signal handler; allocates nothing, makes no system call, reads no locale; time grows with
 * `bytes` alone. */
SLIPRING_MUST_CHECK enum slipring_status
slipring_usage_from_json(const char *json, size_t bytes, const char *provider, const char *model,
                         char out_resource[SLIPRING_MODEL_NAME_MAX + 1], struct slipring_usage *out_usage,
                         char out_why[SLIPRING_USAGE_WHY_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
