/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration says by name, as text: bounds of a primitive, labels. See values.h. */
#include <string.h>

#include "agent/exposition/families.h"
#include "pure/name.h"
#include "pure/utf8.h"
#include "values.h"

/* The place of a name's bounds: what was said of it before, or the next one. NULL: there is none left. */
static struct agent_le_of *find_le_of(struct agent_options *agent, const char *name, size_t bytes)
{
    for (uint32_t i = 0; i < agent->le_of_count; i++) {
        if (agent->le_of[i].name_bytes == bytes && memcmp(agent->le_of[i].name, name, bytes) == 0) {
            return &agent->le_of[i];
        }
    }
    return agent->le_of_count < AGENT_LE_OF_MAX ? &agent->le_of[agent->le_of_count++] : NULL;
}

bool values_le_of_name(const char *name, size_t bytes, struct buffer *what)
{
    const enum sr_name result = sr_name_check_bytes(name, bytes, SLIPRING_PRIMITIVE_NAME_MAX);
    if (result != SR_NAME_OK) {
        buffer_format(what, "the name '%.*s' is %s", (int)bytes, name, sr_name_text(result));
    }
    return result == SR_NAME_OK;
}

struct agent_le_of *values_le_of(const char *name, size_t bytes, struct options *options, struct buffer *what)
{
    struct agent_le_of *le_of = find_le_of(&options->agent, name, bytes);
    if (le_of == NULL) {
        buffer_format(what, "'%.*s' is one name too many (at most %d)", (int)bytes, name, AGENT_LE_OF_MAX);
        return NULL;
    }
    *le_of = (struct agent_le_of){.name = name, .name_bytes = (uint32_t)bytes};
    return le_of;
}

static bool is_word_of(const char *words, const char *word, size_t length)
{
    for (const char *at = words; *at != '\0'; at += strspn(at, " ")) {
        const size_t bytes = strcspn(at, " ");
        if (bytes == length && memcmp(at, word, length) == 0) {
            return true;
        }
        at += bytes;
    }
    return false;
}

static bool is_our_label(const char *name)
{
    const size_t length = strlen(name);
    if (is_word_of("primitive_name primitive_type", name, length)) {
        return true;
    }
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        if (is_word_of(families_get((enum family_id)id)->labels, name, length)) {
            return true;
        }
    }
    return false;
}

bool values_label_name(const char *name, struct buffer *what)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    const size_t length = strlen(name);
    const char *wrong = length == 0                        ? "empty"
                        : length > OPTIONS_LABEL_NAME_MAX  ? "longer than 64 bytes"
                        : strspn(name, letters) != length  ? "not made of A-Z, a-z, 0-9 and '_' only"
                        : name[0] >= '0' && name[0] <= '9' ? "begun with a digit"
                        : name[0] == '_' && name[1] == '_'
                            ? "begun with '__', which Prometheus keeps for itself"
                        : is_our_label(name) ? "one that the families of slipringd have themselves"
                                             : NULL;
    if (wrong != NULL) {
        buffer_format(what, "the label name '%s' is %s", name, wrong);
    }
    return wrong == NULL;
}

static bool is_label(const struct options_label *label, const char *name, size_t bytes)
{
    return label->name_bytes == bytes && memcmp(label->name, name, bytes) == 0;
}

static const char *label_text_fault(const char *text)
{
    const size_t bytes = strlen(text);
    if (bytes == 0) {
        return "empty, which Prometheus takes for no label";
    }
    if (bytes > OPTIONS_LABEL_TEXT_MAX) {
        return "longer than 256 bytes";
    }
    uint32_t code_point;
    for (size_t at = 0; at < bytes;) {
        const size_t length = sr_utf8_decode(text + at, bytes - at, &code_point);
        if (length == 0) {
            return "not valid UTF-8";
        }
        at += length;
    }
    return NULL;
}

bool values_label(const char *name, size_t bytes, const char *text, struct options *options,
                  struct buffer *what)
{
    const char *wrong = label_text_fault(text);
    if (wrong != NULL) {
        buffer_format(what, "the text of the label '%.*s' is %s", (int)bytes, name, wrong);
        return false;
    }
    uint32_t at = 0;
    while (at < options->label_count && !is_label(&options->labels[at], name, bytes)) {
        at++;
    }
    if (at == OPTIONS_LABEL_MAX) {
        buffer_format(what, "'%.*s' is one label too many (at most %d)", (int)bytes, name, OPTIONS_LABEL_MAX);
        return false;
    }
    options->labels[at] = (struct options_label){.name = name, .name_bytes = (uint32_t)bytes, .value = text};
    options->label_count += at == options->label_count;
    return true;
}
