/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent over a text, with a tree of wishes beside it. See json_scan.h. */
#include "pure/json_scan.h"

#include <string.h>

#define NOBODY UINT32_MAX /* no node: nobody asks for what is in here */

struct scan {
    const struct sr_json_plan *plan;
    const char *at, *end;
    struct sr_json_value *values;
    uint64_t seen[(SR_JSON_NODE_MAX + 63) / 64];
};

const char *sr_json_text(enum sr_json result)
{
    static const char *const texts[SR_JSON_COUNT] = {
#define SR_JSON_ROW(name, text) [SR_JSON_##name] = (text),
#include "pure/json_scan.def"
#undef SR_JSON_ROW
    };
    return (unsigned)result < SR_JSON_COUNT ? texts[result] : "refused";
}

/* --- plans ------------------------------------------------------------------------------------------------------- */

/* The child of a node with this key, added when it is not there. 0: no room. */
static uint32_t child_of(struct sr_json_plan *plan, uint32_t node, const char *key, size_t length)
{
    uint16_t *link = &plan->nodes[node].child;
    for (; *link != 0; link = &plan->nodes[*link].sibling) {
        const struct sr_json_node *child = &plan->nodes[*link];
        if (child->key_length == length && memcmp(child->key, key, length) == 0) {
            return *link;
        }
    }
    if (plan->count >= SR_JSON_NODE_MAX || length > UINT16_MAX) {
        return 0;
    }
    *link = (uint16_t)plan->count;
    plan->nodes[plan->count] = (struct sr_json_node){.key = key, .key_length = (uint16_t)length};
    return plan->count++;
}

bool sr_json_plan_add(struct sr_json_plan *plan, const char *path, uint32_t slot)
{
    uint32_t node = 0;
    plan->count = plan->count == 0 ? 1 : plan->count;
    while (*path) {
        size_t length = strcspn(path, ".");
        node = child_of(plan, node, path, length);
        if (node == 0) {
            return false;
        }
        path += length + (path[length] == '.');
    }
    if (plan->nodes[node].slot != 0 || slot >= UINT16_MAX) {
        return false;
    }
    plan->nodes[node].slot = (uint16_t)(slot + 1);
    return true;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r')) {
        scan->at++;
    }
}

static enum sr_json read_word(struct scan *scan, const char *word, enum sr_json_kind kind,
                              struct sr_json_value *out_value)
{
    const char *from = scan->at;
    for (; *word; word++, scan->at++) {
        if (scan->at == scan->end) {
            return SR_JSON_CUT;
        }
        if (*scan->at != *word) {
            return SR_JSON_SYNTAX;
        }
    }
    *out_value = (struct sr_json_value){.text = from, .length = (size_t)(scan->at - from), .kind = kind};
    return SR_JSON_OK;
}

/* One digit at least. */
static enum sr_json read_digits(struct scan *scan)
{
    const char *from = scan->at;
    while (scan->at < scan->end && is_digit(*scan->at)) {
        scan->at++;
    }
    return scan->at > from ? SR_JSON_OK : scan->at == scan->end ? SR_JSON_CUT : SR_JSON_SYNTAX;
}

static enum sr_json read_number(struct scan *scan, struct sr_json_value *out_value)
{
    const char *from = scan->at;
    scan->at += *scan->at == '-';
    const char *digits = scan->at;
    enum sr_json result = read_digits(scan);
    if (result == SR_JSON_OK && *digits == '0' && scan->at > digits + 1) {
        scan->at = digits + 1;
        return SR_JSON_SYNTAX; /* 012 */
    }
    if (result == SR_JSON_OK && scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        result = read_digits(scan);
    }
    if (result == SR_JSON_OK && scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        scan->at += scan->at < scan->end && (*scan->at == '+' || *scan->at == '-');
        result = read_digits(scan);
    }
    *out_value =
        (struct sr_json_value){.text = from, .length = (size_t)(scan->at - from), .kind = SR_JSON_NUMBER};
    return result;
}

static int hex_digit(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Behind a backslash. */
static enum sr_json read_escape(struct scan *scan)
{
    if (scan->at == scan->end) {
        return SR_JSON_CUT;
    }
    if (*scan->at != 'u') {
        bool is_known = *scan->at != '\0' && strchr("\"\\/bfnrt", *scan->at) != NULL;
        scan->at += is_known;
        return is_known ? SR_JSON_OK : SR_JSON_BAD_STRING;
    }
    scan->at++;
    for (int i = 0; i < 4; i++, scan->at++) {
        if (scan->at == scan->end) {
            return SR_JSON_CUT;
        }
        if (hex_digit(*scan->at) < 0) {
            return SR_JSON_BAD_STRING;
        }
    }
    return SR_JSON_OK;
}

static enum sr_json read_string(struct scan *scan, struct sr_json_value *out_value)
{
    const char *from = ++scan->at;
    bool is_escaped = false;
    while (scan->at < scan->end && *scan->at != '"') {
        unsigned char c = (unsigned char)*scan->at;
        if (c < 0x20) {
            return SR_JSON_BAD_STRING;
        }
        scan->at++;
        if (c == '\\') {
            is_escaped = true;
            enum sr_json result = read_escape(scan);
            if (result != SR_JSON_OK) {
                return result;
            }
        }
    }
    if (scan->at == scan->end) {
        return SR_JSON_CUT;
    }
    *out_value = (struct sr_json_value){
        .text = from, .length = (size_t)(scan->at - from), .kind = SR_JSON_STRING, .is_escaped = is_escaped};
    scan->at++;
    return SR_JSON_OK;
}

static enum sr_json read_value(struct scan *scan, uint32_t node, uint32_t depth,
                               struct sr_json_value *out_value);

/* Who asks for this key of what `node` asks for? */
static uint32_t find_node(const struct scan *scan, uint32_t node, const struct sr_json_value *key)
{
    if (node == NOBODY) {
        return NOBODY;
    }
    char plain[128];
    const char *text = key->text;
    size_t length = key->length;
    if (key->is_escaped) { /* a longer one is nobody's */
        if (!sr_json_unescape(key, plain, sizeof plain, &length)) {
            return NOBODY;
        }
        text = plain;
    }
    for (uint32_t child = scan->plan->nodes[node].child; child != 0;
         child = scan->plan->nodes[child].sibling) {
        const struct sr_json_node *wish = &scan->plan->nodes[child];
        if (wish->key_length == length && memcmp(wish->key, text, length) == 0) {
            return child;
        }
    }
    return NOBODY;
}

/* What stands between two values: a comma, or the closing bracket, which ends it. */
static enum sr_json read_comma(struct scan *scan, char closing, bool *out_is_end)
{
    skip_blanks(scan);
    if (scan->at == scan->end) {
        return SR_JSON_CUT;
    }
    *out_is_end = *scan->at == closing;
    if (!*out_is_end && *scan->at != ',') {
        return SR_JSON_SYNTAX;
    }
    scan->at++;
    return SR_JSON_OK;
}

static enum sr_json read_member(struct scan *scan, uint32_t node, uint32_t depth)
{
    struct sr_json_value key;
    struct sr_json_value value;
    skip_blanks(scan);
    if (scan->at == scan->end) {
        return SR_JSON_CUT;
    }
    if (*scan->at != '"') {
        return SR_JSON_SYNTAX;
    }
    enum sr_json result = read_string(scan, &key);
    if (result != SR_JSON_OK) {
        return result;
    }
    uint32_t wish = find_node(scan, node, &key);
    if (wish != NOBODY) {
        const uint64_t bit = UINT64_C(1) << wish % 64;
        if (scan->seen[wish / 64] & bit) {
            scan->at = key.text;
            return SR_JSON_TWICE;
        }
        scan->seen[wish / 64] |= bit;
    }
    skip_blanks(scan);
    if (scan->at == scan->end) {
        return SR_JSON_CUT;
    }
    if (*scan->at != ':') {
        return SR_JSON_SYNTAX;
    }
    scan->at++;
    result = read_value(scan, wish, depth, &value);
    if (result == SR_JSON_OK && wish != NOBODY && scan->plan->nodes[wish].slot != 0) {
        scan->values[scan->plan->nodes[wish].slot - 1] = value;
    }
    return result;
}

/* An object or an array. */
static enum sr_json read_many(struct scan *scan, uint32_t node, uint32_t depth,
                              struct sr_json_value *out_value)
{
    const char *from = scan->at++;
    const bool is_object = *from == '{';
    const char closing = is_object ? '}' : ']';
    bool is_end = false;
    if (depth >= SR_JSON_DEPTH_MAX) {
        return SR_JSON_DEEP;
    }
    skip_blanks(scan);
    if (scan->at < scan->end && *scan->at == closing) {
        scan->at++;
        is_end = true;
    }
    while (!is_end) {
        struct sr_json_value element;
        enum sr_json result =
            is_object ? read_member(scan, node, depth + 1) : read_value(scan, NOBODY, depth + 1, &element);
        if (result == SR_JSON_OK) {
            result = read_comma(scan, closing, &is_end);
        }
        if (result != SR_JSON_OK) {
            return result;
        }
    }
    *out_value = (struct sr_json_value){.text = from,
                                        .length = (size_t)(scan->at - from),
                                        .kind = is_object ? SR_JSON_OBJECT : SR_JSON_ARRAY};
    return SR_JSON_OK;
}

static enum sr_json read_value(struct scan *scan, uint32_t node, uint32_t depth,
                               struct sr_json_value *out_value)
{
    skip_blanks(scan);
    if (scan->at == scan->end) {
        return SR_JSON_CUT;
    }
    switch (*scan->at) {
    case '{':
    case '[':
        return read_many(scan, node, depth, out_value);
    case '"':
        return read_string(scan, out_value);
    case 't':
        return read_word(scan, "true", SR_JSON_TRUE, out_value);
    case 'f':
        return read_word(scan, "false", SR_JSON_FALSE, out_value);
    case 'n':
        return read_word(scan, "null", SR_JSON_NULL, out_value);
    default:
        return *scan->at == '-' || is_digit(*scan->at) ? read_number(scan, out_value) : SR_JSON_SYNTAX;
    }
}

enum sr_json sr_json_scan(const struct sr_json_plan *plan, const char *text, size_t length,
                          struct sr_json_value *out_values, uint32_t slots, size_t *out_at)
{
    struct scan scan = {.plan = plan, .at = text, .end = text + length, .values = out_values};
    struct sr_json_value whole;
    memset(out_values, 0, slots * sizeof *out_values);
    skip_blanks(&scan);
    if (scan.at == scan.end) {
        *out_at = 0;
        return SR_JSON_EMPTY;
    }
    enum sr_json result = read_value(&scan, plan->count > 0 ? 0 : NOBODY, 0, &whole);
    if (result == SR_JSON_OK) {
        skip_blanks(&scan);
        result = scan.at == scan.end ? SR_JSON_OK : SR_JSON_MORE;
    }
    if (result == SR_JSON_OK && plan->nodes[0].slot != 0) {
        out_values[plan->nodes[0].slot - 1] = whole;
    }
    *out_at = (size_t)(scan.at - text);
    return result;
}

bool sr_json_next(const struct sr_json_value *array, size_t *at, struct sr_json_value *out_element)
{
    static const struct sr_json_plan nothing;
    if (array->kind != SR_JSON_ARRAY || *at >= array->length) {
        return false;
    }
    struct scan scan = {.plan = &nothing, .at = array->text + *at, .end = array->text + array->length};
    scan.at += *at == 0 || *scan.at == ','; /* the bracket, or the comma */
    skip_blanks(&scan);
    if (scan.at == scan.end || *scan.at == ']' || read_value(&scan, NOBODY, 1, out_element) != SR_JSON_OK) {
        return false;
    }
    skip_blanks(&scan);
    *at = (size_t)(scan.at - array->text);
    return true;
}

/* --- strings ------------------------------------------------------------------------------------------------------ */

static uint32_t hex_of(const char *digits)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        value = value << 4 | (uint32_t)hex_digit(digits[i]);
    }
    return value;
}

static size_t encode(uint32_t code_point, char out_bytes[4])
{
    if (code_point < 0x80) {
        out_bytes[0] = (char)code_point;
        return 1;
    }
    size_t length = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; code_point >>= 6) {
        out_bytes[i] = (char)(0x80 | (code_point & 0x3f));
    }
    out_bytes[0] = (char)((0xf00U >> length & 0xf0) | code_point);
    return length;
}

/* The code point of a "\uXXXX", or of two that are a pair, at *at, of which `left` bytes remain. *at moves behind it. */
static bool take_code_point(const char **at, size_t left, uint32_t *out_code_point)
{
    uint32_t high = hex_of(*at + 2);
    *at += 6;
    if (high < 0xd800 || high > 0xdfff) {
        *out_code_point = high;
        return true;
    }
    if (high > 0xdbff || left < 12 || (*at)[0] != '\\' || (*at)[1] != 'u') {
        return false;
    }
    uint32_t low = hex_of(*at + 2);
    *at += 6;
    *out_code_point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return low >= 0xdc00 && low <= 0xdfff;
}

bool sr_json_unescape(const struct sr_json_value *string, char *out_text, size_t room, size_t *out_length)
{
    static const char letters[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    const char *at = string->text;
    const char *end = at + string->length;
    size_t length = 0;
    while (at < end) {
        char bytes[4] = {*at};
        size_t count = 1;
        if (*at != '\\') {
            at++;
        } else if (at[1] == 'u') {
            uint32_t code_point = 0;
            if (!take_code_point(&at, (size_t)(end - at), &code_point)) {
                return false;
            }
            count = encode(code_point, bytes);
        } else {
            const char *letter = strchr(letters, at[1]);
            bytes[0] = letter ? meant[letter - letters] : at[1];
            at += 2;
        }
        if (count > room - length) {
            return false;
        }
        memcpy(out_text + length, bytes, count);
        length += count;
    }
    *out_length = length;
    return true;
}

bool sr_json_is(const struct sr_json_value *value, const char *text)
{
    return value->kind == SR_JSON_STRING && value->length == strlen(text) &&
           memcmp(value->text, text, value->length) == 0;
}
