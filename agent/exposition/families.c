/* SPDX-License-Identifier: Apache-2.0 */
/* The table of metric families, and its listing. See families.h. */
#include "families.h"

#include <stdio.h>
#include <string.h>

#include "peer/stats.h"

const struct family *families_get(enum family_id id)
{
    static const struct family table[FAMILY_COUNT] = {
#define SR_FAMILY(name, type, unit, labels, help) [FAMILY_##name] = {#name, #type, #unit, (labels), (help)},
#include "pure/family.def"
#undef SR_FAMILY
    };
    return &table[id];
}

void families_of_figure(unsigned index, struct family *out_family)
{
    static const struct {
        const char *name, *type, *unit, *help;
    } figures[SR_AGENT_FIGURE_COUNT] = {
#define SR_AGENT_FIGURE(name, kind, unit, help) [SR_FIGURE_##name] = {#name, #kind, #unit, (help)},
#include "peer/figures.def"
#undef SR_AGENT_FIGURE
    };
    const char *name = figures[index].name;
    size_t length = strlen(name);
    bool is_time = strcmp(figures[index].unit, "ns") == 0;
    if (is_time && length > 3 && strcmp(name + length - 3, "_ns") == 0) {
        length -= 3;
    }
    (void)snprintf(out_family->name, sizeof out_family->name, "slipring_%.*s%s%s", (int)length, name,
                   is_time ? "_seconds" : "", strcmp(figures[index].type, "counter") == 0 ? "_total" : "");
    out_family->type = figures[index].type;
    out_family->unit = is_time ? "seconds" : figures[index].unit;
    out_family->labels = "";
    out_family->help = figures[index].help;
}

size_t families_base_bytes(const struct family *family)
{
    const size_t length = strlen(family->name), total = strlen("_total");
    const bool is_counter = strcmp(family->type, "counter") == 0;
    return is_counter && length > total && strcmp(family->name + length - total, "_total") == 0
               ? length - total
               : length;
}

const char *families_named_unit(const struct family *family)
{
    const size_t base = families_base_bytes(family), unit = strlen(family->unit);
    const bool is_named = base > unit && family->name[base - unit - 1] == '_' &&
                          memcmp(family->name + base - unit, family->unit, unit) == 0;
    return is_named ? family->unit : "";
}

static void list_one(struct buffer *buffer, const struct family *family, bool of_primitive)
{
    buffer_format(buffer, "| `%s` | %s | %s | ", family->name, family->type,
                  strcmp(family->unit, "none") == 0 ? "" : family->unit);
    const char *separator = "";
    if (of_primitive) {
        buffer_add_text(buffer, "`primitive_name` `primitive_type`");
        separator = " ";
    }
    for (const char *label = family->labels; *label != '\0'; label += strspn(label, " ")) {
        const size_t length = strcspn(label, " ");
        buffer_format(buffer, "%s`%.*s`", separator, (int)length, label);
        label += length;
        separator = " ";
    }
    buffer_format(buffer, " | %s |\n", family->help);
}

void families_list(struct buffer *buffer)
{
    buffer_add_text(buffer, "| family | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n");
    for (unsigned id = 0; id < FAMILY_COUNT; id++) {
        const struct family *family = families_get((enum family_id)id);
        list_one(buffer, family, strncmp(family->name, "primitive_", strlen("primitive_")) == 0);
    }
    for (unsigned index = 0; index < SR_AGENT_FIGURE_COUNT; index++) {
        struct family family;
        families_of_figure(index, &family);
        list_one(buffer, &family, false);
    }
}
