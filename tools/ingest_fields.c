/* SPDX-License-Identifier: Apache-2.0 */
/* The fields that a mapping asks for, and refusals: see ingest.h. */
#include <stdio.h>
#include <string.h>

#include "ingest.h"
#include "message.h"

uint32_t ingest_fields_add(struct ingest_fields *fields, const char *name, size_t length)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (strlen(fields->names[i]) == length && memcmp(fields->names[i], name, length) == 0) {
            return i;
        }
    }
    if (length == 0 || length >= sizeof fields->names[0]) {
        message_print("a field's name is empty or longer than %zu bytes", sizeof fields->names[0] - 1);
        return INGEST_FIELD_MAX;
    }
    if (fields->count == INGEST_FIELD_MAX) {
        message_print("more than %d fields are asked for", INGEST_FIELD_MAX);
        return INGEST_FIELD_MAX;
    }
    memcpy(fields->names[fields->count], name, length);
    fields->names[fields->count][length] = '\0';
    return fields->count++;
}

bool ingest_refuse(struct ingest_fault *fault, const char *format, struct ingest_text text)
{
    char plain[41];
    struct render_text quoted;
    size_t length = text.length < sizeof plain - 1 ? text.length : sizeof plain - 1;
    bool is_cut = length < text.length;
    while (is_cut && length > 0 && ((unsigned char)text.text[length] & 0xc0) == 0x80) {
        length--; /* not within a character */
    }
    if (length > 0) {
        memcpy(plain, text.text, length);
    }
    for (size_t i = 0; i < length; i++) {
        plain[i] = plain[i] ? plain[i] : ' ';
    }
    plain[length] = '\0';
    char shown[160];
    (void)snprintf(shown, sizeof shown, "%s%s", render_quote(plain, &quoted), is_cut ? "..." : "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(fault->why, sizeof fault->why, format, shown);
#pragma GCC diagnostic pop
    return false;
}
