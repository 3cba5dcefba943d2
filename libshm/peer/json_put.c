/* SPDX-License-Identifier: Apache-2.0 */
/* Filling JSON objects: see json_put.h. */
#include "peer/json_put.h"

#include <stdlib.h>

#include "pure/decimal.h"
#include "pure/number.h"
#include "pure/utf8.h"

#define TEXT_BYTES 136u /* the longest name, with its end */

void sr_json_put(struct sr_json_making *making, struct json_object *object, const char *key,
                 struct json_object *value)
{
    if (object == NULL || value == NULL || json_object_object_add(object, key, value) != 0) {
        making->failed = true;
        json_object_put(value);
    }
}

void sr_json_append(struct sr_json_making *making, struct json_object *array, struct json_object *value)
{
    if (array == NULL || value == NULL || json_object_array_add(array, value) != 0) {
        making->failed = true;
        json_object_put(value);
    }
}

struct json_object *sr_json_put_object(struct sr_json_making *making, struct json_object *object,
                                       const char *key)
{
    struct json_object *inner = json_object_new_object();
    sr_json_put(making, object, key, inner);
    return making->failed ? NULL : inner;
}

struct json_object *sr_json_put_array(struct sr_json_making *making, struct json_object *object,
                                      const char *key)
{
    struct json_object *inner = json_object_new_array();
    sr_json_put(making, object, key, inner);
    return making->failed ? NULL : inner;
}

void sr_json_put_count(struct sr_json_making *making, struct json_object *object, const char *key,
                       uint64_t count)
{
    sr_json_put(making, object, key, json_object_new_uint64(count));
}

void sr_json_put_flag(struct sr_json_making *making, struct json_object *object, const char *key, bool flag)
{
    sr_json_put(making, object, key, json_object_new_boolean(flag));
}

void sr_json_put_text(struct sr_json_making *making, struct json_object *object, const char *key,
                      const char *text)
{
    char clean[3 * TEXT_BYTES + 1];
    (void)sr_utf8_clean(text, clean, sizeof clean);
    sr_json_put(making, object, key, json_object_new_string(clean));
}

void sr_json_put_digits(struct sr_json_making *making, struct json_object *object, const char *key,
                        const char *digits)
{
    sr_json_put(making, object, key, json_object_new_double_s(strtod(digits, NULL), digits));
}

void sr_json_put_number(struct sr_json_making *making, struct json_object *object, const char *key,
                        double value)
{
    char digits[SR_NUMBER_TEXT_BYTES];
    if (sr_number_format(value, digits) > 0) {
        sr_json_put_digits(making, object, key, digits);
    }
}

void sr_json_put_billionths(struct sr_json_making *making, struct json_object *object, const char *key,
                            uint64_t billionths)
{
    char digits[SR_DECIMAL_TEXT_BYTES];
    (void)sr_decimal_format(billionths, digits);
    sr_json_put_digits(making, object, key, digits);
}

struct json_object *sr_json_finish(const struct sr_json_making *making, struct json_object *root)
{
    if (making->failed) {
        json_object_put(root);
        return NULL;
    }
    return root;
}
