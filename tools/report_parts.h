/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `slipring report` have in common: report.c, report_money.c. */
#ifndef TOOLS_REPORT_PARTS_H
#define TOOLS_REPORT_PARTS_H

#include "peer/json_put.h"
#include "review.h"
#include "table.h"

enum report_format { REPORT_TEXT, REPORT_MARKDOWN, REPORT_JSON };

struct printing {
    const struct review *review;
    const struct render_style *style;
    enum report_format format;
};

void report_heading(const struct printing *printing, const char *title);
void report_table(const struct printing *printing, struct table *table); /* closes it */
void report_name(struct table *table, const struct render_style *style, const char *name, size_t bytes);

/* Money budgets, and cost and savings by category; each with its heading, if there is any. */
void report_budgets(const struct printing *printing);
void report_categories(const struct printing *printing);
void report_put_categories(struct sr_json_making *making, struct json_object *object,
                           const struct slipring_stats_detail *detail);

/* "3.5%", or the absent sign when neither was recorded. */
const char *report_savings_rate(const struct render_style *style, uint64_t cost, uint64_t savings,
                                struct render_text *room);

#endif
