/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring slo check`: a deploy gate by exit status. It fails closed: what cannot be known is a no.
 *
 * Limits are said exactly, as they were typed; a figure in few digits, but in as many as it takes for what is said to be true: a
 * budget of 92.04999% is not "92.05% < 92.05%". */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "booking.h"
#include "command.h"
#include "message.h"
#include "objectives.h"
#include "peer/json_put.h"
#include "pure/decimal.h"
#include "pure/duration.h"
#include "pure/objective.h"
#include "shares.h"

#define SECOND_NS UINT64_C(1000000000)
#define DAY_NS    (86400 * SECOND_NS)

struct gate {
    uint32_t min_budget_ppb;
    struct burn_limit limits[SLIPRING_SLO_WINDOW_COUNT];
    size_t limit_count;
    uint64_t max_age_ns;
    bool no_data_is_ok;
};

/* What is said of all that was looked at, on one line: reasons of a no before what was found good. */
struct verdict {
    bool is_no;
    char reasons[1024];
    char figures[1024];
};

static void append_to(char *list, size_t bytes, const char *format, va_list arguments)
{
    const size_t length = strlen(list);
    const int more = snprintf(list + length, bytes - length, "%s", length > 0 ? "; " : "");
    if (more >= 0 && length + (size_t)more < bytes) {
        (void)vsnprintf(list + length + (size_t)more, bytes - length - (size_t)more, format, arguments);
    }
}

__attribute__((format(printf, 2, 3))) static void refuse(struct verdict *verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    append_to(verdict->reasons, sizeof verdict->reasons, format, arguments);
    va_end(arguments);
    verdict->is_no = true;
}

__attribute__((format(printf, 2, 3))) static void pass(struct verdict *verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    append_to(verdict->figures, sizeof verdict->figures, format, arguments);
    va_end(arguments);
}

/* --- looking -------------------------------------------------------------------------------------------------- */

static void check_age(const struct figures *figures, const struct gate *gate,
                      const struct render_style *style, struct verdict *verdict)
{
    struct render_text age;
    struct render_text limit;
    const uint64_t age_ns = figures_age_ns(figures);
    if (!figures->agent.alive) {
        struct render_text agent;
        refuse(verdict, "the %.300s", figures_agent(figures, style, &agent));
    } else if (figures->agent.published_ns == 0) {
        refuse(verdict, "nothing is published yet");
    } else if (figures->agent.published_ns > figures->now_ns) {
        refuse(verdict, "figures are from before the last boot");
    } else if (age_ns > gate->max_age_ns) {
        refuse(verdict, "figures are %.40s old, more than %.40s", render_duration(style, age_ns, &age),
               render_duration(style, gate->max_age_ns, &limit));
    }
}

static void have_no_data(const struct gate *gate, const char *name, const char *where,
                         struct verdict *verdict)
{
    if (gate->no_data_is_ok) {
        pass(verdict, "%s: no execution %s, let pass", name, where);
    } else {
        refuse(verdict, "%s: no execution %s to judge by", name, where);
    }
}

/* A share as a percentage, on the right side of the limit, which is one in percent. */
static void tell_share(double share, long double limit, bool is_below, struct render_text *room)
{
    (void)render_ratio(share, room);
    for (int digits = 5; digits <= 17 && (strtold(room->text, NULL) < limit) != is_below; digits++) {
        /* long: two neighbours times 100 may be the same double */
        (void)snprintf(room->text, sizeof room->text, "%.*Lf%%", digits, 100 * (long double)share);
    }
}

/* A burn rate, on the right side of the limit. */
static void tell_burn(double burn, double limit, bool is_above, struct render_text *room)
{
    (void)render_burn(burn, room);
    for (int digits = 4; digits <= 17 && (strtod(room->text, NULL) > limit) != is_above; digits++) {
        (void)snprintf(room->text, sizeof room->text, "%.*g", digits, burn);
    }
}

/* What is missing, where render_ratio() would say 0%, in three digits. */
static const char *tell_lack(double lack, struct render_text *room)
{
    if (lack * 100 >= 0.0001) {
        return render_ratio(lack, room);
    }
    (void)snprintf(room->text, sizeof room->text, "%.3g%%", lack * 100);
    return room->text;
}

static void check_budget(const struct objective *objective, const struct gate *gate, const char *name,
                         struct verdict *verdict)
{
    struct render_text left;
    struct render_text lacks;
    char least[SR_DECIMAL_TEXT_BYTES]; /* in percent */
    if (!objective->has_events) {
        have_no_data(gate, name, "within the period", verdict);
        return;
    }
    const double wanted = (double)gate->min_budget_ppb / (double)SR_OBJECTIVE_ONE_PPB;
    const bool is_short = objective->remaining < wanted; /* both correctly rounded: equals are equal */
    (void)sr_decimal_format(UINT64_C(100) * gate->min_budget_ppb, least);
    tell_share(objective->remaining, strtold(least, NULL), is_short, &left);
    if (objective->is_spend) {
        (void)snprintf(left.text + strlen(left.text), sizeof left.text - strlen(left.text), " (%.100s spent)",
                       objective_spent(objective, &lacks));
    }
    if (!is_short) {
        pass(verdict, "%s: budget left %.200s >= %s%%", name, left.text, least);
    } else {
        refuse(verdict, "%s: budget left %.200s < %s%%, short of it by %.40s", name, left.text, least,
               tell_lack(wanted - objective->remaining, &lacks));
    }
}

static void check_burn(const struct objective *objective, const struct burn_limit *limit,
                       const struct gate *gate, const char *name, struct verdict *verdict)
{
    struct render_text burn_text;
    struct render_text beyond;
    char most_text[SR_DECIMAL_TEXT_BYTES];
    char label[SR_DURATION_LABEL_BYTES];
    char where[SR_DURATION_LABEL_BYTES + 32];
    double burn;
    (void)sr_duration_label(limit->window_s * SECOND_NS, label);
    const struct slipring_slo_window *window = objective_window(objective, limit->window_s);
    if (!window) {
        refuse(verdict, "%s: has no window %s, its period is shorter", name, label);
        return;
    }
    if (!objective_burn(objective, window, &burn)) {
        (void)snprintf(where, sizeof where, "within the last %s", label);
        have_no_data(gate, name, where, verdict);
        return;
    }
    const double most = (double)limit->rate_billionths / 1e9;
    (void)sr_decimal_format(limit->rate_billionths, most_text);
    tell_burn(burn, most, burn > most, &burn_text);
    if (burn <= most) {
        pass(verdict, "%s: burn %s %.40s <= %s", name, label, burn_text.text, most_text);
    } else {
        refuse(verdict, "%s: burn %s %.40s > %s, beyond it by %.40s", name, label, burn_text.text, most_text,
               render_burn(burn - most, &beyond));
    }
}

static void look(const struct figures *figures, const struct objectives *objectives, const struct gate *gate,
                 const struct render_style *style, struct verdict *verdict)
{
    check_age(figures, gate, style, verdict);
    for (size_t i = 0; i < objectives->count; i++) {
        const struct objective *objective = &objectives->list[i];
        struct render_text name;
        render_safe(style, objective->stats->name, sizeof objective->stats->name, &name);
        name.text[120] = '\0';
        check_budget(objective, gate, name.text, verdict);
        for (size_t k = 0; k < gate->limit_count; k++) {
            check_burn(objective, &gate->limits[k], gate, name.text, verdict);
        }
    }
}

/* --- what was asked ------------------------------------------------------------------------------------------- */

static bool take_budget(const char *wish, struct gate *gate)
{
    struct render_text quoted;
    const enum sr_parse verdict = wish ? shares_parse(wish, &gate->min_budget_ppb) : SR_PARSE_OK;
    if (verdict != SR_PARSE_OK) {
        message_print("the share %s of --min-budget is %s: give 0%% to 100%%, as 10%% or 0.1",
                      render_quote(wish, &quoted), sr_parse_text(verdict));
    }
    return verdict == SR_PARSE_OK;
}

static bool take_limits(const char *wish, struct gate *gate)
{
    struct render_text quoted;
    const char *bad;
    const char *why;
    if (!wish || shares_parse_limits(wish, gate->limits, &gate->limit_count, &bad, &why)) {
        return true;
    }
    message_print("the limit %s of --max-burn is %s: give WINDOW=RATE, as 1h=2 or 5m=14.4,1h=14.4",
                  render_quote(bad, &quoted), why);
    return false;
}

static bool take_no_data(const char *wish, struct gate *gate)
{
    struct render_text quoted;
    gate->no_data_is_ok = wish && strcmp(wish, "ok") == 0;
    if (wish && !gate->no_data_is_ok && strcmp(wish, "fail") != 0) {
        message_print("--no-data %s is none of ok, fail", render_quote(wish, &quoted));
        return false;
    }
    return true;
}

static bool take_gate(const struct invocation *invocation, struct gate *out_gate)
{
    const char *const *values = invocation->values;
    const char *age = values[OPTION_max_age];
    *out_gate = (struct gate){.max_age_ns = 60 * SECOND_NS};
    return take_budget(values[OPTION_min_budget], out_gate) &&
           take_limits(values[OPTION_max_burn], out_gate) && take_no_data(values[OPTION_no_data], out_gate) &&
           (!age || booking_duration("age", age, SECOND_NS, DAY_NS, &out_gate->max_age_ns));
}

/* --- the answer ----------------------------------------------------------------------------------------------- */

static void print_line(const struct invocation *invocation, const struct verdict *verdict)
{
    const struct render_style *style = &invocation->style;
    struct render_text name;
    render_safe(style, invocation->words[0], SLIPRING_PRIMITIVE_NAME_MAX, &name);
    printf("%s%s%s %s: %s%s%s\n", verdict->is_no ? render_bad(style) : render_good(style),
           verdict->is_no ? "FAIL" : "PASS", render_plain(style), name.text, verdict->reasons,
           verdict->reasons[0] && verdict->figures[0] ? "; " : "", verdict->figures);
}

static void print_json(const struct invocation *invocation, const struct figures *figures,
                       const struct verdict *verdict)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *root = figures_json_head(figures);
    sr_json_put_text(&making, root, "primitive", invocation->words[0]);
    sr_json_put_flag(&making, root, "passes", !verdict->is_no);
    sr_json_put(&making, root, "reasons", json_object_new_string(verdict->reasons));
    sr_json_put(&making, root, "figures", json_object_new_string(verdict->figures));
    figures_print_json(sr_json_finish(&making, root));
}

static int run_check(const struct invocation *invocation)
{
    struct gate gate;
    struct figures figures;
    struct objectives objectives;
    if (!take_gate(invocation, &gate)) {
        return STATUS_BAD;
    }
    const int result = objectives_of(invocation, &figures, &objectives);
    if (result != STATUS_OK) {
        return result;
    }
    struct verdict verdict = {.is_no = false};
    look(&figures, &objectives, &gate, &invocation->style, &verdict);
    if (invocation->values[OPTION_json]) {
        print_json(invocation, &figures, &verdict);
    } else {
        print_line(invocation, &verdict);
    }
    objectives_drop(&objectives);
    figures_drop(&figures);
    return verdict.is_no ? STATUS_NO : STATUS_OK;
}

const struct command command_slo_check = {
    .name = "slo check",
    .synopsis = "[OPTION]... NAME [OBJECTIVE]",
    .summary = "a gate for deployments: is there budget left?",
    .description = "Says by its exit status whether every objective of the primitive NAME, or the one called "
                   "OBJECTIVE, has at "
                   "least --min-budget of its error budget, or of its money, left and burns no faster than "
                   "--max-burn. Prints "
                   "one line: PASS or FAIL, "
                   "first what is wrong and by how much, then what was found good.\n"
                   "What cannot be known is a FAIL: the agent does not run, its figures are older than "
                   "--max-age, nothing ran that an "
                   "objective could be judged by (--no-data ok lets that pass), a window longer than the "
                   "objective's period, no such primitive.",
    .exits = "0\tpasses\n"
             "1\tfails; also when no primitive is called NAME, it has no such objective, or no agent has "
             "published "
             "anything yet\n"
             "2\tbad input, or no such store\n",
    .examples =
        "slipring slo check archive_file --min-budget 10% && ./deploy.sh\n"
        "slipring slo check archive_file availability --max-burn 1h=2,5m=14.4\tnot in the middle of an "
        "incident\n"
        "slipring slo check nightly --no-data ok\tof what need not have run\n",
    COMMAND_OPTIONS(OPTION_min_budget, OPTION_max_burn, OPTION_max_age, OPTION_no_data, OPTION_type,
                    OPTION_json),
    .min_words = 1,
    .max_words = 2,
    .run = run_check,
};
