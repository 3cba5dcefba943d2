/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a response the usage stands, which model it is of, and who counted it. */
#include "reading.h"

#include <string.h>

#include "pure/name.h"

enum slot {
    SLOT_usage,
    SLOT_response,
    SLOT_usage_metadata,
    SLOT_model,
    SLOT_model_version,
    SLOT_type,
    SLOT_object,
    SLOT_data,
    SLOT_prompt,
    SLOT_input,
    SLOT_google_prompt,
    SLOT_total,
    SLOT_input_details,
    SLOT_heard_details,
    SLOT_cache_write,
    SLOT_cache_read,
    SLOT_COUNT,
};

static const char *const paths[SLOT_COUNT] = {
    [SLOT_usage] = "usage",
    [SLOT_response] = "response", /* OpenAI's event response.completed */
    [SLOT_usage_metadata] = "usageMetadata",
    [SLOT_model] = "model",
    [SLOT_model_version] = "modelVersion",
    [SLOT_type] = "type",
    [SLOT_object] = "object",
    [SLOT_data] = "data",
    [SLOT_prompt] = "prompt_tokens",
    [SLOT_input] = "input_tokens",
    [SLOT_google_prompt] = "promptTokenCount",
    [SLOT_total] = "total_tokens",
    [SLOT_input_details] = "input_tokens_details",
    [SLOT_heard_details] = "input_token_details",
    [SLOT_cache_write] = "cache_creation_input_tokens",
    [SLOT_cache_read] = "cache_read_input_tokens",
};

/* --- scanning ------------------------------------------------------------------------------------------------------ */

static bool scan(const struct sr_json_value *text, struct sr_json_value values[SLOT_COUNT], char *why)
{
    struct sr_json_plan plan = {.count = 0};
    size_t at = 0;
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        if (!sr_json_plan_add(&plan, paths[i], i)) {
            return refuse(why, "the plan is too small"); /* tests would have seen it */
        }
    }
    enum sr_json result = sr_json_scan(&plan, text->text, text->length, values, SLOT_COUNT, &at);
    if (result != SR_JSON_OK) {
        return refuse(why, "the response is %s (byte %zu)", sr_json_text(result), at);
    }
    return true;
}

/* Without blanks before it, a byte-order mark, and the "data:" of a server-sent event. */
static struct sr_json_value begin_of(const char *json, size_t bytes)
{
    struct sr_json_value text = {.text = json, .length = bytes};
    static const char *const passed_over[] = {"\xef\xbb\xbf", "data:"};
    for (size_t i = 0; i < SR_ARRAY_COUNT(passed_over); i++) {
        while (text.length > 0 && memchr(" \t\r\n", *text.text, 4)) {
            text.text++;
            text.length--;
        }
        size_t length = strlen(passed_over[i]);
        if (text.length >= length && memcmp(text.text, passed_over[i], length) == 0) {
            text.text += length;
            text.length -= length;
        }
    }
    return text;
}

/* Google's stream is an array of responses, each with the figures so far: of an array the last element counts. */
static bool last_of(struct sr_json_value *text, char *why)
{
    struct sr_json_plan plan = {.count = 0};
    struct sr_json_value whole;
    size_t at = 0;
    if (!sr_json_plan_add(&plan, "", 0)) {
        return false;
    }
    enum sr_json result = sr_json_scan(&plan, text->text, text->length, &whole, 1, &at);
    if (result != SR_JSON_OK) {
        return refuse(why, "the response is %s (byte %zu)", sr_json_text(result), at);
    }
    if (whole.kind == SR_JSON_ARRAY) {
        struct sr_json_value element = {.kind = SR_JSON_ABSENT};
        at = 0;
        while (sr_json_next(&whole, &at, &element)) {
        }
        whole = element;
    }
    *text = whole;
    return whole.kind == SR_JSON_OBJECT || refuse(why, "the response is no object");
}

/* --- whose is it --------------------------------------------------------------------------------------------------- */

static bool begins_with_one_of(const char *text, const char *const *list)
{
    for (; *list; list++) {
        if (strncmp(text, *list, strlen(*list)) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL: the name does not tell. */
static const char *provider_of_model(const char *model)
{
    static const char *const openai[] = {"gpt-",
                                         "chatgpt-",
                                         "o1-",
                                         "o3-",
                                         "o4-",
                                         "ft:gpt-",
                                         "text-embedding-",
                                         "codex-",
                                         "dall-e-",
                                         "whisper-",
                                         "omni-moderation-",
                                         NULL};
    static const char *const mistral[] = {
        "mistral-",   "open-mistral-", "open-mixtral-", "ministral-", "codestral-",
        "magistral-", "devstral-",     "pixtral-",      "voxtral-",   NULL};
    static const char *const anthropic[] = {"claude-", NULL};
    static const char *const google[] = {"gemini-", NULL};
    bool is_short = strcmp(model, "o1") == 0 || strcmp(model, "o3") == 0;
    return is_short || begins_with_one_of(model, openai) ? "openai"
           : begins_with_one_of(model, mistral)          ? "mistral"
           : begins_with_one_of(model, anthropic)        ? "anthropic"
           : begins_with_one_of(model, google)           ? "google"
                                                         : NULL;
}

/* Which way do the keys of the usage object count? `top`: the values of the response around it. */
static enum way way_of(const struct sr_json_value *top, const struct sr_json_value *usage,
                       const char *provider)
{
    if (usage[SLOT_google_prompt].kind != SR_JSON_ABSENT) {
        return WAY_GOOGLE;
    }
    if (usage[SLOT_prompt].kind != SR_JSON_ABSENT) {
        return WAY_PROMPT;
    }
    if (usage[SLOT_input].kind == SR_JSON_ABSENT) {
        return sr_json_is(&usage[SLOT_type], "duration") ? WAY_SECONDS : WAY_UNKNOWN;
    }
    bool is_anthropic =
        usage[SLOT_cache_write].kind != SR_JSON_ABSENT || usage[SLOT_cache_read].kind != SR_JSON_ABSENT ||
        sr_json_is(&top[SLOT_type], "message") || sr_json_is(&top[SLOT_type], "message_delta");
    bool is_openai =
        usage[SLOT_total].kind != SR_JSON_ABSENT || usage[SLOT_input_details].kind != SR_JSON_ABSENT ||
        usage[SLOT_heard_details].kind != SR_JSON_ABSENT || sr_json_is(&top[SLOT_object], "response");
    if (is_anthropic != is_openai) {
        return is_anthropic ? WAY_ANTHROPIC : WAY_OPENAI;
    }
    return is_anthropic || !provider            ? WAY_UNKNOWN
           : strcmp(provider, "anthropic") == 0 ? WAY_ANTHROPIC
           : strcmp(provider, "openai") == 0    ? WAY_OPENAI
                                                : WAY_UNKNOWN;
}

static bool counts_so(const char *provider, enum way way)
{
    static const struct {
        const char *provider;
        enum way ways[5]; /* 0 ends them */
    } known[] = {
        {"openai", {WAY_PROMPT, WAY_OPENAI, WAY_SECONDS, WAY_IMAGES}},
        {"anthropic", {WAY_ANTHROPIC}},
        {"google", {WAY_GOOGLE}},
        {"mistral", {WAY_PROMPT}},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(known); i++) {
        if (strcmp(known[i].provider, provider) == 0) {
            const enum way *one = known[i].ways;
            while (*one != WAY_UNKNOWN && *one != way) {
                one++;
            }
            return *one == way;
        }
    }
    return true; /* another's name: it counts as one of these does */
}

/* Settle way and provider: what the caller says, else what the keys say, else what the model's name says. */
static bool settle(struct document *document, const struct sr_json_value *top,
                   const struct sr_json_value *usage, const char *provider, char *why)
{
    const char *by_model = provider_of_model(document->model);
    if (document->way != WAY_IMAGES) {
        document->way = way_of(top, usage, provider ? provider : by_model);
    }
    if (document->way == WAY_UNKNOWN) {
        return refuse(
            why,
            "it holds no usage that is known here, or one that OpenAI and Anthropic would read differently: "
            "name the provider");
    }
    if (provider) {
        document->provider = provider;
    } else if (document->way == WAY_GOOGLE || document->way == WAY_ANTHROPIC) {
        document->provider = document->way == WAY_GOOGLE ? "google" : "anthropic";
    } else if (by_model) {
        document->provider = by_model;
    } else if (document->way == WAY_PROMPT) {
        return refuse(
            why,
            "OpenAI, Mistral and others count prompt_tokens, and the model's name does not tell which it "
            "is: name the provider");
    } else {
        document->provider = "openai";
    }
    if (!counts_so(document->provider, document->way)) {
        return refuse(why, "this is not how %s counts: name the provider that it is of", document->provider);
    }
    return true;
}

/* --- the model ----------------------------------------------------------------------------------------------------- */

static bool take_model(struct document *document, const struct sr_json_value *top, const char *model,
                       char *why)
{
    size_t length = 0;
    if (model) {
        length = strlen(model);
        if (length == 0 || length > SLIPRING_MODEL_NAME_MAX) {
            return refuse(why, "the model's name is empty or too long");
        }
        memcpy(document->model, model, length + 1);
        return true;
    }
    bool is_google = top[SLOT_model_version].kind != SR_JSON_ABSENT;
    const struct sr_json_value *named = &top[is_google ? SLOT_model_version : SLOT_model];
    if (named->kind == SR_JSON_ABSENT || named->kind == SR_JSON_NULL) {
        return refuse(why, "the response does not name its model: give one");
    }
    if (named->kind != SR_JSON_STRING ||
        !sr_json_unescape(named, document->model, SLIPRING_MODEL_NAME_MAX, &length) || length == 0 ||
        memchr(document->model, '\0', length)) {
        return refuse(why, "the model's name is no text of 1 to %d bytes", SLIPRING_MODEL_NAME_MAX);
    }
    document->model[length] = '\0';
    return true;
}

/* --- all of it ------------------------------------------------------------------------------------------------------ */

/* The usage object, as an object of its own or as the response. */
static bool find_usage(struct document *document, const struct sr_json_value *whole,
                       const struct sr_json_value *top, char *why)
{
    const struct sr_json_value *usage = &top[SLOT_usage];
    bool is_bare = top[SLOT_prompt].kind != SR_JSON_ABSENT || top[SLOT_input].kind != SR_JSON_ABSENT ||
                   top[SLOT_google_prompt].kind != SR_JSON_ABSENT;
    bool has_google = top[SLOT_usage_metadata].kind == SR_JSON_OBJECT;
    if ((usage->kind == SR_JSON_OBJECT) + is_bare + has_google > 1) {
        return refuse(why, "it holds more than one usage");
    }
    if (usage->kind == SR_JSON_OBJECT || has_google || is_bare) {
        document->usage = is_bare ? *whole : has_google ? top[SLOT_usage_metadata] : *usage;
        return true;
    }
    bool has_none = usage->kind == SR_JSON_ABSENT && top[SLOT_usage_metadata].kind == SR_JSON_ABSENT;
    if (has_none && top[SLOT_data].kind == SR_JSON_ARRAY && top[SLOT_object].kind == SR_JSON_ABSENT) {
        document->way = WAY_IMAGES;
        document->images = top[SLOT_data];
        return true;
    }
    return refuse(why, "it holds no usage: neither usage, usageMetadata, nor their figures");
}

bool document_read(const char *json, size_t bytes, const char *provider, const char *model,
                   struct document *out_document, char *why)
{
    struct sr_json_value whole = begin_of(json, bytes);
    struct sr_json_value top[SLOT_COUNT];
    struct sr_json_value usage[SLOT_COUNT];
    memset(out_document, 0, sizeof *out_document);
    memset(top, 0, sizeof top);
    memset(usage, 0, sizeof usage);
    if (!last_of(&whole, why) || !scan(&whole, top, why)) {
        return false;
    }
    if (sr_json_is(&top[SLOT_type], "message_start")) {
        return refuse(why, "message_start tells what was read, not what was written: give the message, or "
                           "its last message_delta");
    }
    if (top[SLOT_response].kind == SR_JSON_OBJECT && top[SLOT_usage].kind == SR_JSON_ABSENT) {
        whole = top[SLOT_response];
        if (!scan(&whole, top, why)) {
            return false;
        }
    }
    return find_usage(out_document, &whole, top, why) && take_model(out_document, top, model, why) &&
           (out_document->way == WAY_IMAGES || scan(&out_document->usage, usage, why)) &&
           settle(out_document, top, usage, provider, why);
}
