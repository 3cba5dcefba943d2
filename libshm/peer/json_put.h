/* SPDX-License-Identifier: Apache-2.0 */
/* Filling JSON objects with what this project has: counts, exact seconds and dollars, names that may be anything.
 *
 * Whether memory lasted is noted in the `struct sr_json_making` and asked once, at the end (sr_json_finish()): every function takes the
 * NULL that one before it returned. Keys are literals, or copied. No locale is asked. Thread safe on different objects. */
#ifndef SR_PEER_JSON_PUT_H
#define SR_PEER_JSON_PUT_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"

struct sr_json_making {
    bool failed; /* memory ran out */
};

/* Under a key of an object; at the end of a list. Take over `value`. */
void sr_json_put(struct sr_json_making *making, struct json_object *object, const char *key,
                 struct json_object *value);
void sr_json_append(struct sr_json_making *making, struct json_object *array, struct json_object *value);

/* A fresh object, list under the key; NULL after a failure. It belongs to `object`. */
struct json_object *sr_json_put_object(struct sr_json_making *making, struct json_object *object,
                                       const char *key);
struct json_object *sr_json_put_array(struct sr_json_making *making, struct json_object *object,
                                      const char *key);

void sr_json_put_count(struct sr_json_making *making, struct json_object *object, const char *key,
                       uint64_t count);
void sr_json_put_flag(struct sr_json_making *making, struct json_object *object, const char *key, bool flag);
/* Bytes that are no UTF-8 become U+FFFD. At most 136 bytes of `text` with its end. */
void sr_json_put_text(struct sr_json_making *making, struct json_object *object, const char *key,
                      const char *text);
/* A number by its text, digit for digit. */
void sr_json_put_digits(struct sr_json_making *making, struct json_object *object, const char *key,
                        const char *digits);
/* The shortest decimal; no key when it is not finite. */
void sr_json_put_number(struct sr_json_making *making, struct json_object *object, const char *key,
                        double value);
/* Billionths as an exact decimal: nanoseconds as seconds, parts per billion, nano-dollars. */
void sr_json_put_billionths(struct sr_json_making *making, struct json_object *object, const char *key,
                            uint64_t billionths);

/* The object, or NULL (and it is dropped) when memory ran out. */
SR_MUST_CHECK struct json_object *sr_json_finish(const struct sr_json_making *making,
                                                 struct json_object *root);

#endif
