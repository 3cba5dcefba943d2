/* SPDX-License-Identifier: Apache-2.0 */
/* From a usage object to disjoint units. Each provider's arithmetic is a function of its own; what the figures contain of each other is
 * said in <slipring/usage_json.h>. */
#include "reading.h"

#include <string.h>

enum field {
#define USAGE_FIELD(id, path) FIELD_##id,
#include "usage_fields.def"
#undef USAGE_FIELD
    FIELD_COUNT,
    /* Lists of Google's, one entry a modality. */
    SLOT_prompt_details = FIELD_COUNT,
    SLOT_cache_details,
    SLOT_candidates_details,
    SLOT_COUNT,
};

static const char *const paths[SLOT_COUNT] = {
#define USAGE_FIELD(id, path) [FIELD_##id] = (path),
#include "usage_fields.def"
#undef USAGE_FIELD
    [SLOT_prompt_details] = "promptTokensDetails",
    [SLOT_cache_details] = "cacheTokensDetails",
    [SLOT_candidates_details] = "candidatesTokensDetails",
};

struct counts {
    uint64_t n[FIELD_COUNT]; /* 0 where there is none */
    bool has[FIELD_COUNT];
    struct sr_json_value values[SLOT_COUNT];
    char *why;
};

/* --- numbers ------------------------------------------------------------------------------------------------------ */

/* False: no integer from 0 to the maximum. */
static bool parse_count(const struct sr_json_value *value, uint64_t *out_count)
{
    uint64_t count = 0;
    if (value->kind != SR_JSON_NUMBER) {
        return false;
    }
    for (size_t i = 0; i < value->length; i++) {
        if (value->text[i] < '0' || value->text[i] > '9') {
            return false;
        }
        count = count * 10 + (uint64_t)(value->text[i] - '0');
        if (count > SLIPRING_UNITS_MAX) {
            return false;
        }
    }
    *out_count = count;
    return true;
}

static bool refuse_count(char *why, const char *name)
{
    return refuse(why, "%s is no whole number from 0 to %llu", name, (unsigned long long)SLIPRING_UNITS_MAX);
}

static bool read_fields(struct counts *counts, const struct sr_json_value *usage)
{
    struct sr_json_plan plan = {.count = 0};
    size_t at = 0;
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        if (!sr_json_plan_add(&plan, paths[i], i)) {
            return refuse(counts->why, "the plan is too small"); /* tests would have seen it */
        }
    }
    enum sr_json result = sr_json_scan(&plan, usage->text, usage->length, counts->values, SLOT_COUNT, &at);
    if (result != SR_JSON_OK) {
        return refuse(counts->why, "the usage is %s", sr_json_text(result));
    }
    for (uint32_t i = 0; i < FIELD_COUNT; i++) {
        const struct sr_json_value *value = &counts->values[i];
        counts->has[i] = value->kind != SR_JSON_ABSENT && value->kind != SR_JSON_NULL;
        if (counts->has[i] && !parse_count(value, &counts->n[i])) {
            return refuse_count(counts->why, paths[i]);
        }
    }
    return true;
}

static bool need(const struct counts *counts, enum field field)
{
    return counts->has[field] || refuse(counts->why, "%s is missing", paths[field]);
}

/* What is left of a total without two of its parts. Each is at most 2^53, so no sum of a few is too large. */
static bool take_out(const struct counts *counts, enum field total, enum field one, enum field other,
                     uint64_t *out_rest)
{
    uint64_t parts = counts->n[one] + counts->n[other];
    if (parts > counts->n[total]) {
        return refuse(counts->why, "%s%s%s are more than %s, which should contain them", paths[one],
                      counts->n[other] > 0 ? " and " : "", counts->n[other] > 0 ? paths[other] : "",
                      paths[total]);
    }
    *out_rest = counts->n[total] - parts;
    return true;
}

/* --- the ways ----------------------------------------------------------------------------------------------------- */

/* OpenAI: a total for what was read, one for what was written, with parts; and the sum of both, which tells when somebody
 * counts otherwise in the same words. */
static bool count_openai(const struct counts *counts, const enum field in[3], const enum field out[3],
                         uint64_t *units)
{
    if (!need(counts, in[0]) || !take_out(counts, in[0], in[1], in[2], &units[SLIPRING_UNIT_INPUT]) ||
        !take_out(counts, out[0], out[1], out[2], &units[SLIPRING_UNIT_OUTPUT])) {
        return false;
    }
    if (counts->n[in[1]] > 0 && counts->n[in[2]] > 0) {
        return refuse(counts->why, "%s and %s: how much of the audio was cached is not told", paths[in[1]],
                      paths[in[2]]);
    }
    if (counts->has[FIELD_total] && counts->n[FIELD_total] != counts->n[in[0]] + counts->n[out[0]]) {
        return refuse(counts->why, "total_tokens is not %s and %s together", paths[in[0]], paths[out[0]]);
    }
    units[SLIPRING_UNIT_CACHED_INPUT] = counts->n[in[1]];
    units[SLIPRING_UNIT_AUDIO_INPUT] = counts->n[in[2]];
    units[SLIPRING_UNIT_REASONING] = counts->n[out[1]];
    units[SLIPRING_UNIT_AUDIO_OUTPUT] = counts->n[out[2]];
    return true;
}

static bool count_prompt(const struct counts *counts, uint64_t *units)
{
    static const enum field in[] = {FIELD_prompt, FIELD_prompt_cached, FIELD_prompt_audio};
    static const enum field out[] = {FIELD_completion, FIELD_completion_reasoning, FIELD_completion_audio};
    return count_openai(counts, in, out, units);
}

static bool count_input(const struct counts *counts, uint64_t *units)
{
    /* transcriptions call the details by another name */
    const enum field audio = counts->has[FIELD_heard_audio] ? FIELD_heard_audio : FIELD_input_audio;
    const enum field in[] = {FIELD_input, FIELD_input_cached, audio};
    static const enum field out[] = {FIELD_output, FIELD_output_reasoning, FIELD_output_audio};
    return count_openai(counts, in, out, units);
}

static bool count_anthropic(const struct counts *counts, uint64_t *units)
{
    if (!need(counts, FIELD_input) || !need(counts, FIELD_output)) {
        return false;
    }
    units[SLIPRING_UNIT_INPUT] = counts->n[FIELD_input];
    units[SLIPRING_UNIT_CACHED_INPUT] = counts->n[FIELD_cache_read];
    units[SLIPRING_UNIT_CACHE_WRITE] = counts->n[FIELD_cache_write];
    units[SLIPRING_UNIT_OUTPUT] = counts->n[FIELD_output];
    return true;
}

/* The tokens of audio in one of Google's lists of modalities. */
static bool sum_audio(const struct counts *counts, uint32_t slot, uint64_t *out_audio)
{
    static const char *const entry_paths[] = {"modality", "tokenCount"};
    struct sr_json_plan plan = {.count = 0};
    struct sr_json_value entry;
    const struct sr_json_value *list = &counts->values[slot];
    uint64_t audio = 0;
    size_t at = 0;
    if (list->kind != SR_JSON_ARRAY && list->kind != SR_JSON_ABSENT && list->kind != SR_JSON_NULL) {
        return refuse(counts->why, "%s is no list", paths[slot]);
    }
    if (!sr_json_plan_add(&plan, entry_paths[0], 0) || !sr_json_plan_add(&plan, entry_paths[1], 1)) {
        return refuse(counts->why, "the plan is too small");
    }
    while (sr_json_next(list, &at, &entry)) {
        struct sr_json_value values[2];
        uint64_t count = 0;
        size_t ignored = 0;
        if (entry.kind != SR_JSON_OBJECT ||
            sr_json_scan(&plan, entry.text, entry.length, values, 2, &ignored) != SR_JSON_OK) {
            return refuse(counts->why, "an entry of %s is no object, or holds a key twice", paths[slot]);
        }
        if (values[1].kind != SR_JSON_ABSENT && !parse_count(&values[1], &count)) {
            return refuse_count(counts->why, "tokenCount");
        }
        if (sr_json_is(&values[0], "AUDIO")) {
            audio += count;
            if (audio > SLIPRING_UNITS_MAX) {
                return refuse_count(counts->why, paths[slot]);
            }
        }
    }
    *out_audio = audio;
    return true;
}

static bool count_google(const struct counts *counts, uint64_t *units)
{
    uint64_t audio = 0;
    uint64_t cached_audio = 0;
    uint64_t audio_out = 0;
    const uint64_t *n = counts->n;
    if (!need(counts, FIELD_google_prompt) || !sum_audio(counts, SLOT_prompt_details, &audio) ||
        !sum_audio(counts, SLOT_cache_details, &cached_audio) ||
        !sum_audio(counts, SLOT_candidates_details, &audio_out)) {
        return false;
    }
    if (counts->has[FIELD_google_candidates] && counts->has[FIELD_google_response]) {
        return refuse(counts->why, "candidatesTokenCount and responseTokenCount are both there");
    }
    const uint64_t written = n[FIELD_google_candidates] + n[FIELD_google_response];
    if (cached_audio > audio || cached_audio > n[FIELD_google_cached]) {
        return refuse(counts->why, "cacheTokensDetails are more than what should contain them");
    }
    if (n[FIELD_google_cached] + (audio - cached_audio) > n[FIELD_google_prompt]) {
        return refuse(
            counts->why,
            "cachedContentTokenCount and audio in promptTokensDetails are more than promptTokenCount, "
            "which should contain them");
    }
    if (audio_out > written) {
        return refuse(counts->why, "audio in candidatesTokensDetails is more than candidatesTokenCount");
    }
    if (counts->has[FIELD_google_total] && n[FIELD_google_prompt] + written > n[FIELD_google_total]) {
        return refuse(counts->why, "promptTokenCount and candidatesTokenCount are more than totalTokenCount");
    }
    units[SLIPRING_UNIT_INPUT] =
        n[FIELD_google_prompt] - n[FIELD_google_cached] - (audio - cached_audio) + n[FIELD_google_tools];
    units[SLIPRING_UNIT_CACHED_INPUT] = n[FIELD_google_cached];
    units[SLIPRING_UNIT_AUDIO_INPUT] = audio - cached_audio;
    units[SLIPRING_UNIT_OUTPUT] = written - audio_out;
    units[SLIPRING_UNIT_AUDIO_OUTPUT] = audio_out;
    units[SLIPRING_UNIT_REASONING] = n[FIELD_google_thoughts];
    return true;
}

static bool count_seconds(const struct counts *counts, uint64_t *units)
{
    if (!need(counts, FIELD_seconds)) {
        return false;
    }
    if (counts->n[FIELD_seconds] > SLIPRING_UNITS_MAX / 1000) {
        return refuse(counts->why, "seconds are too many");
    }
    units[SLIPRING_UNIT_MILLISECOND] = counts->n[FIELD_seconds] * 1000;
    return true;
}

/* Each image is an object with its place or its bytes. */
static bool count_images(const struct document *document, uint64_t *units, char *why)
{
    struct sr_json_plan plan = {.count = 0};
    struct sr_json_value image;
    size_t at = 0;
    if (!sr_json_plan_add(&plan, "url", 0) || !sr_json_plan_add(&plan, "b64_json", 1)) {
        return refuse(why, "the plan is too small");
    }
    while (sr_json_next(&document->images, &at, &image)) {
        struct sr_json_value values[2];
        size_t ignored = 0;
        if (image.kind != SR_JSON_OBJECT ||
            sr_json_scan(&plan, image.text, image.length, values, 2, &ignored) != SR_JSON_OK ||
            (values[0].kind != SR_JSON_STRING && values[1].kind != SR_JSON_STRING)) {
            return refuse(why, "it holds no usage, and its data are no images");
        }
        units[SLIPRING_UNIT_IMAGE]++;
    }
    return true;
}

static bool count(const struct document *document, struct counts *counts, uint64_t *units)
{
    if (document->way == WAY_IMAGES) {
        return count_images(document, units, counts->why);
    }
    if (!read_fields(counts, &document->usage)) {
        return false;
    }
    switch (document->way) {
    case WAY_PROMPT:
        return count_prompt(counts, units);
    case WAY_OPENAI:
        return count_input(counts, units);
    case WAY_ANTHROPIC:
        return count_anthropic(counts, units);
    case WAY_GOOGLE:
        return count_google(counts, units);
    case WAY_SECONDS:
        return count_seconds(counts, units);
    case WAY_IMAGES:
    case WAY_UNKNOWN:
    default:
        return refuse(counts->why, "whose usage it is cannot be told");
    }
}

bool counts_read(const struct document *document, struct slipring_usage *out_usage, char *why)
{
    struct counts counts;
    struct slipring_usage usage;
    memset(&counts, 0, sizeof counts);
    memset(&usage, 0, sizeof usage);
    counts.why = why;
    if (!count(document, &counts, usage.units)) {
        return false;
    }
    for (uint32_t i = 0; i < SLIPRING_UNIT_MAX; i++) {
        if (usage.units[i] > SLIPRING_UNITS_MAX) { /* a sum of two */
            return refuse_count(why, "a sum");
        }
    }
    *out_usage = usage;
    return true;
}
