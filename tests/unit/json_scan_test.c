/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside: what is read, what is refused, and that nothing outside of the text is touched. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pure/json_scan.h"

#define SLOTS 4

static const char *const paths[SLOTS] = {"a", "b.c", "b.d", "b"};

/* The text lies at the end of an allocation, so that a sanitizer sees a byte too many. */
static enum sr_json scan_bytes(const char *text, size_t length, struct sr_json_value *values, char **out_copy)
{
    struct sr_json_plan plan = {.count = 0};
    size_t at = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        CHECK(sr_json_plan_add(&plan, paths[i], i));
    }
    *out_copy = malloc(length > 0 ? length : 1);
    memcpy(*out_copy, text, length);
    enum sr_json result = sr_json_scan(&plan, *out_copy, length, values, SLOTS, &at);
    CHECK(at <= length);
    return result;
}

static void expect(const char *text, enum sr_json want)
{
    struct sr_json_value values[SLOTS];
    char *copy = NULL;
    enum sr_json got = scan_bytes(text, strlen(text), values, &copy);
    if (got != want) {
        check_fail(__FILE__, __LINE__, "%s: %s, and should be %s", text, sr_json_text(got),
                   sr_json_text(want));
    }
    free(copy);
}

static void expect_slice(const struct sr_json_value *value, enum sr_json_kind kind, const char *text)
{
    CHECK_EQUAL(value->kind, kind);
    CHECK_EQUAL(value->length, strlen(text));
    CHECK(memcmp(value->text, text, value->length) == 0);
}

static void values_are_found_by_their_paths_as_they_were_written(void **state)
{
    (void)state;
    struct sr_json_value values[SLOTS];
    char *copy = NULL;
    const char *text =
        " {\"x\": [1, {\"a\": 2}], \"a\" : -1.50e+3 , \"b\":{\"c\":\"q\\\"\",\"e\":null,\"d\":true}} ";
    CHECK_EQUAL(scan_bytes(text, strlen(text), values, &copy), SR_JSON_OK);
    expect_slice(&values[0], SR_JSON_NUMBER, "-1.50e+3");
    expect_slice(&values[1], SR_JSON_STRING, "q\\\"");
    CHECK(values[1].is_escaped);
    expect_slice(&values[2], SR_JSON_TRUE, "true");
    CHECK_EQUAL(values[3].kind, SR_JSON_OBJECT);
    free(copy);
    text = "{\"b\": [{\"c\": 1}], \"\\u0061\": 7}"; /* an escaped key is the same key */
    CHECK_EQUAL(scan_bytes(text, strlen(text), values, &copy), SR_JSON_OK);
    expect_slice(&values[0], SR_JSON_NUMBER, "7");
    CHECK_EQUAL(values[1].kind, SR_JSON_ABSENT);
    CHECK_EQUAL(values[3].kind, SR_JSON_ARRAY);
    free(copy);
}

static void what_is_json_is_taken_and_what_is_not_is_not(void **state)
{
    (void)state;
    static const char *const good[] = {"{}",
                                       "[]",
                                       "0",
                                       "-0",
                                       "1e5",
                                       "1E-05",
                                       "0.0",
                                       "\"\"",
                                       "null",
                                       "[[],{}]",
                                       "{\"\":1}",
                                       "\t\r\n 1 \n",
                                       "\"\\ud83d\\ude00\"",
                                       "\"\x7f\xff\""};
    static const struct {
        const char *text;
        enum sr_json result;
    } bad[] = {
        {"", SR_JSON_EMPTY},
        {" \n", SR_JSON_EMPTY},
        {"{", SR_JSON_CUT},
        {"{\"a\"", SR_JSON_CUT},
        {"{\"a\":", SR_JSON_CUT},
        {"{\"a\":1", SR_JSON_CUT},
        {"{\"a\":1,", SR_JSON_CUT},
        {"{\"a\":1,}", SR_JSON_SYNTAX},
        {"[1,]", SR_JSON_SYNTAX},
        {"[1 2]", SR_JSON_SYNTAX},
        {"{a:1}", SR_JSON_SYNTAX},
        {"{'a':1}", SR_JSON_SYNTAX},
        {"01", SR_JSON_SYNTAX},
        {"-", SR_JSON_CUT},
        {"+1", SR_JSON_SYNTAX},
        {".5", SR_JSON_SYNTAX},
        {"1.", SR_JSON_CUT},
        {"1.e3", SR_JSON_SYNTAX},
        {"1e", SR_JSON_CUT},
        {"NaN", SR_JSON_SYNTAX},
        {"Infinity", SR_JSON_SYNTAX},
        {"nul", SR_JSON_CUT},
        {"nulL", SR_JSON_SYNTAX},
        {"truely", SR_JSON_MORE},
        {"{} {}", SR_JSON_MORE},
        {"1 2", SR_JSON_MORE},
        {"\"a", SR_JSON_CUT},
        {"\"a\\", SR_JSON_CUT},
        {"\"\\x41\"", SR_JSON_BAD_STRING},
        {"\"\\u12g4\"", SR_JSON_BAD_STRING},
        {"\"\\u12", SR_JSON_CUT},
        {"\"a\nb\"", SR_JSON_BAD_STRING},
        {"\"a\tb\"", SR_JSON_BAD_STRING},
        {"{\"a\":1,\"a\":1}", SR_JSON_TWICE},
        {"{\"b\":{\"c\":1,\"c\":2}}", SR_JSON_TWICE},
        {"{\"b\":{},\"b\":1}", SR_JSON_TWICE},
        {"// c\n1", SR_JSON_SYNTAX},
        {"\xef\xbb\xbf{}", SR_JSON_SYNTAX},
    };
    for (size_t i = 0; i < SR_ARRAY_COUNT(good); i++) {
        expect(good[i], SR_JSON_OK);
    }
    for (size_t i = 0; i < SR_ARRAY_COUNT(bad); i++) {
        expect(bad[i].text, bad[i].result);
    }
    expect("{\"z\":1,\"z\":2}", SR_JSON_OK); /* nobody asks for it */
    struct sr_json_value values[SLOTS];
    char *copy = NULL;
    CHECK_EQUAL(scan_bytes("{\"a\":\"x\0y\"}", 11, values, &copy), SR_JSON_BAD_STRING);
    free(copy);
    CHECK_EQUAL(scan_bytes("\0", 1, values, &copy), SR_JSON_SYNTAX);
    free(copy);
}

static void deep_nesting_is_refused_before_the_stack_is_gone(void **state)
{
    (void)state;
    struct sr_json_value values[SLOTS];
    char *copy = NULL;
    const size_t length = 1 << 20;
    char *deep = malloc(length);
    memset(deep, '[', length);
    CHECK_EQUAL(scan_bytes(deep, length, values, &copy), SR_JSON_DEEP);
    free(copy);
    for (size_t i = 0; i + 5 <= length; i += 5) {
        memcpy(deep + i, "{\"b\":", 5);
    }
    CHECK_EQUAL(scan_bytes(deep, length - 1, values, &copy), SR_JSON_DEEP);
    free(copy);
    memset(deep, '[', 64);
    memset(deep + 64, ']', 64);
    CHECK_EQUAL(scan_bytes(deep, 128, values, &copy), SR_JSON_OK);
    free(copy);
    free(deep);
}

static void arrays_are_walked_element_by_element(void **state)
{
    (void)state;
    struct sr_json_value values[SLOTS];
    struct sr_json_value element;
    char *copy = NULL;
    const char *text = "{\"a\":[ 1 , [2,3],\"x\\\"]\" ,{}]}";
    static const char *const want[] = {"1", "[2,3]", "x\\\"]", "{}"};
    size_t at = 0;
    CHECK_EQUAL(scan_bytes(text, strlen(text), values, &copy), SR_JSON_OK);
    for (size_t i = 0; i < SR_ARRAY_COUNT(want); i++) {
        CHECK(sr_json_next(&values[0], &at, &element));
        CHECK_EQUAL(element.length, strlen(want[i]));
        CHECK(memcmp(element.text, want[i], element.length) == 0);
    }
    CHECK(!sr_json_next(&values[0], &at, &element));
    CHECK(!sr_json_next(&values[0], &at, &element));
    free(copy);
    const struct sr_json_value empty = {.text = "[ ]", .length = 3, .kind = SR_JSON_ARRAY};
    at = 0;
    CHECK(!sr_json_next(&empty, &at, &element));
}

static void expect_plain(const char *escaped, const char *want)
{
    const struct sr_json_value string = {
        .text = escaped, .length = strlen(escaped), .kind = SR_JSON_STRING, .is_escaped = true};
    char plain[64];
    size_t length = 0;
    bool is_whole = sr_json_unescape(&string, plain, sizeof plain, &length);
    CHECK_EQUAL(is_whole, want != NULL);
    if (want) {
        CHECK_EQUAL(length, strlen(want));
        CHECK(memcmp(plain, want, length) == 0);
    }
}

static void escapes_become_characters(void **state)
{
    (void)state;
    expect_plain("a\\\"\\\\\\/\\b\\f\\n\\r\\tz", "a\"\\/\b\f\n\r\tz");
    expect_plain("\\u0041\\u00e9\\u20AC\\ud83d\\ude00", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    expect_plain("\\ud83d", NULL);
    expect_plain("\\ud83dx", NULL);
    expect_plain("\\ud83d\\n1234", NULL);
    expect_plain("\\ude00\\ud83d", NULL);
    expect_plain("\\ud83d\\u0041", NULL);
    const struct sr_json_value long_one = {.text = "12345", .length = 5, .kind = SR_JSON_STRING};
    char plain[4];
    size_t length = 0;
    CHECK(!sr_json_unescape(&long_one, plain, sizeof plain, &length));
}

/* Each text, cut short anywhere and with each byte changed, is read or refused, and no sanitizer complains. */
static void mutated_texts_are_read_or_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":-1.5e3,\"b\":{\"c\":\"x\\u00e9\\n\",\"d\":[true,null,{\"a\":[]}]},\"z\":0}";
    static const char others[] = "{}[]\":,\\u0e-. \0\n\xff";
    const size_t length = sizeof text - 1;
    struct sr_json_value values[SLOTS];
    char mutant[sizeof text];
    char *copy = NULL;
    for (size_t i = 0; i < length; i++) {
        CHECK(scan_bytes(text, i, values, &copy) != SR_JSON_OK);
        free(copy);
        for (size_t j = 0; j < sizeof others; j++) {
            memcpy(mutant, text, sizeof text);
            mutant[i] = others[j];
            (void)scan_bytes(mutant, length, values, &copy);
            free(copy);
        }
    }
}

static void a_plan_refuses_what_it_has_no_room_for(void **state)
{
    (void)state;
    static char keys[SR_JSON_NODE_MAX][8];
    struct sr_json_plan plan = {.count = 0};
    CHECK(sr_json_plan_add(&plan, "a.b", 0));
    CHECK(!sr_json_plan_add(&plan, "a.b", 1));
    for (uint32_t i = 0; i < SR_JSON_NODE_MAX - 3; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%u", i);
        CHECK(sr_json_plan_add(&plan, keys[i], i));
    }
    CHECK(!sr_json_plan_add(&plan, "one.more", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_by_their_paths_as_they_were_written),
        cmocka_unit_test(what_is_json_is_taken_and_what_is_not_is_not),
        cmocka_unit_test(deep_nesting_is_refused_before_the_stack_is_gone),
        cmocka_unit_test(arrays_are_walked_element_by_element),
        cmocka_unit_test(escapes_become_characters),
        cmocka_unit_test(mutated_texts_are_read_or_refused),
        cmocka_unit_test(a_plan_refuses_what_it_has_no_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
