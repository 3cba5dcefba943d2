/* SPDX-License-Identifier: Apache-2.0 */
/* Usage objects of providers. unit/usage/NAME.json are responses as the providers document them, and hostile ones; NAME.want says what
 * has to come of each. In NAME, =PROVIDER and @MODEL are what the caller says. */
#include "support/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <slipring/usage_json.h>

#include "pure/unit.h"

static void folder(char path[512])
{
    const char *root = getenv("SLIPRING_SOURCE_DIR");
    (void)snprintf(path, 512, "%s/tests/unit/usage", root ? root : ".");
}

/* The file's bytes at the end of an allocation, so that a sanitizer sees a byte too many. */
static char *load(const char *name, const char *suffix, size_t *out_bytes)
{
    char path[1024];
    char *text = NULL;
    size_t bytes = 0;
    folder(path);
    (void)snprintf(path + strlen(path), sizeof path - strlen(path), "/%s%s", name, suffix);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL);
    for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
        text = realloc(text, bytes + 1);
        text[bytes++] = (char)c;
    }
    (void)fclose(file);
    *out_bytes = bytes;
    return text;
}

/* As in NAME.want. */
static void describe(const char *json, size_t bytes, const char *provider, const char *model,
                     char out_text[512])
{
    char resource[SLIPRING_MODEL_NAME_MAX + 1];
    char why[SLIPRING_USAGE_WHY_BYTES];
    struct slipring_usage usage;
    memset(resource, 'x', sizeof resource);
    memset(&usage, 0xee, sizeof usage);
    memset(why, 0xee, sizeof why);
    enum slipring_status status =
        slipring_usage_from_json(json ? json : "", bytes, provider, model, resource, &usage, why);
    if (status != SLIPRING_OK) {
        CHECK(status == SLIPRING_BAD_ARGUMENT || status == SLIPRING_BAD_NAME);
        CHECK_EQUAL(resource[0], 'x'); /* untouched */
        CHECK_EQUAL(usage.units[0], UINT64_C(0xeeeeeeeeeeeeeeee));
        (void)snprintf(out_text, 512, "refused: %s", why);
        return;
    }
    size_t length = (size_t)snprintf(out_text, 512, "%s", resource);
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        if (usage.units[unit] > 0) {
            length += (size_t)snprintf(out_text + length, 512 - length, " %s=%llu", sr_unit_name(unit),
                                       (unsigned long long)usage.units[unit]);
        }
    }
}

/* NAME, NAME=PROVIDER, NAME@MODEL. */
static void take_name(const char *name, char provider[64], char model[64])
{
    const char *equal = strchr(name, '=');
    const char *at = strchr(name, '@');
    (void)snprintf(provider, 64, "%.*s", equal ? (int)strcspn(equal + 1, "@") : 0, equal ? equal + 1 : "");
    (void)snprintf(model, 64, "%s", at ? at + 1 : "");
}

static int each_fixture(void (*visit)(const char *name, const char *json, size_t bytes))
{
    char path[512];
    int count = 0;
    folder(path);
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        size_t length = strlen(entry->d_name);
        if (length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0) {
            size_t bytes = 0;
            entry->d_name[length - 5] = '\0';
            char *json = load(entry->d_name, ".json", &bytes);
            visit(entry->d_name, json, bytes);
            free(json);
            count++;
        }
    }
    (void)closedir(directory);
    return count;
}

static void expect_want(const char *name, const char *json, size_t bytes)
{
    char provider[64];
    char model[64];
    char got[512];
    size_t length = 0;
    char *want = load(name, ".want", &length);
    take_name(name, provider, model);
    describe(json, bytes, *provider ? provider : NULL, *model ? model : NULL, got);
    if (strlen(got) + 1 != length || memcmp(got, want, length - 1) != 0) {
        check_fail(__FILE__, __LINE__, "%s: %s\nand should be: %.*s", name, got, (int)length, want);
    }
    free(want);
}

static void each_response_comes_to_what_its_fixture_says(void **state)
{
    (void)state;
    CHECK(each_fixture(expect_want) >= 50);
}

/* Cut short, and with bytes changed, by a generator that gives the same ones each time. */
static void mutate(const char *name, const char *json, size_t bytes)
{
    static const char others[] = "{}[]\":,\\-0e \xff";
    (void)name;
    if (bytes > 4096) {
        return; /* "deep" */
    }
    uint64_t random = 88172645463325252u;
    char got[512];
    for (int i = 0; i < 1500; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t length = random % 3 == 0 ? random / 3 % (bytes + 1) : bytes;
        char *mutant = malloc(length > 0 ? length : 1);
        if (length > 0) {
            memcpy(mutant, json, length);
            mutant[random / 7 % length] = others[random / 5 % (sizeof others - 1)];
            mutant[random / 11 % length] = (char)(random >> 40);
        }
        describe(mutant, length, random % 5 == 0 ? "openai" : NULL, random % 2 == 0 ? "m" : NULL, got);
        free(mutant);
    }
}

static void mutated_responses_are_read_or_refused(void **state)
{
    (void)state;
    (void)each_fixture(mutate);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    char resource[SLIPRING_MODEL_NAME_MAX + 1];
    struct slipring_usage usage;
    static const char json[] = "{\"prompt_tokens\":1,\"completion_tokens\":2}";
    CHECK_STATUS(slipring_usage_from_json(NULL, 0, NULL, NULL, resource, &usage, NULL),
                 SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(slipring_usage_from_json(json, sizeof json - 1, "", "gpt-4o", resource, &usage, NULL),
                 SLIPRING_BAD_NAME);
    CHECK_STATUS(slipring_usage_from_json(json, sizeof json - 1, "a/b", "gpt-4o", resource, &usage, NULL),
                 SLIPRING_BAD_NAME);
    CHECK_STATUS(slipring_usage_from_json(json, sizeof json - 1, NULL, "", resource, &usage, NULL),
                 SLIPRING_BAD_ARGUMENT);
    CHECK_OK(slipring_usage_from_json(json, sizeof json - 1, NULL, "gpt-4o", resource, &usage, NULL));
    CHECK_EQUAL(usage.units[SLIPRING_UNIT_OUTPUT], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_response_comes_to_what_its_fixture_says),
        cmocka_unit_test(mutated_responses_are_read_or_refused),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
