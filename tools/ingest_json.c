/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines: an object a line, fields by their paths, "usage.prompt_tokens". See ingest.h. */
#include <stdio.h>

#include "ingest.h"
#include "message.h"

bool ingest_json_open(struct ingest_json *json, const struct ingest_fields *fields)
{
    *json = (struct ingest_json){.count = fields->count};
    for (uint32_t i = 0; i < fields->count; i++) {
        if (!sr_json_plan_add(&json->plan, fields->names[i], i)) {
            message_print("the fields have too many parts: at most %d in all", SR_JSON_NODE_MAX - 1);
            return false;
        }
    }
    return true;
}

/* A value as text; null is as good as absent. False: a list or an object, which is no figure. */
static bool take_value(struct sr_json_value *value, struct ingest_text *out_text)
{
    *out_text = (struct ingest_text){.text = NULL};
    if (value->kind == SR_JSON_ABSENT || value->kind == SR_JSON_NULL) {
        return true;
    }
    if (value->kind == SR_JSON_OBJECT || value->kind == SR_JSON_ARRAY) {
        return false;
    }
    if (value->kind == SR_JSON_STRING && value->is_escaped) {
        /* in place: the record is ours, and the text does not grow */
        if (!sr_json_unescape(value, (char *)(uintptr_t)value->text, value->length, &value->length)) {
            return false;
        }
    }
    *out_text = (struct ingest_text){.text = value->text, .length = value->length};
    return true;
}

bool ingest_json_take(const struct ingest_json *json, const struct ingest_record *record,
                      struct ingest_row *row, struct ingest_fault *fault)
{
    struct sr_json_value values[INGEST_FIELD_MAX];
    size_t at = 0;
    enum sr_json result = sr_json_scan(&json->plan, record->text, record->length, values, json->count, &at);
    if (result != SR_JSON_OK) {
        (void)snprintf(fault->why, sizeof fault->why, "the line is %s (byte %zu)", sr_json_text(result),
                       at + 1);
        return false;
    }
    for (uint32_t i = 0; i < json->count; i++) {
        if (!take_value(&values[i], &row->at[i])) {
            return ingest_refuse(fault,
                                 "a field that is asked for is a list, an object or half a character: %s",
                                 (struct ingest_text){.text = values[i].text, .length = values[i].length});
        }
    }
    return true;
}
