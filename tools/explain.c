/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring slo explain`: the arithmetic of an objective, step by step, from the published counts. Every step is a formula, the
 * same with the numbers put in, and what comes out: enough for a pocket calculator. */
#include <inttypes.h>
#include <stdarg.h>

#include <string.h>

#include "card.h"
#include "command.h"
#include "explain_parts.h"
#include "message.h"
#include "peer/json.h"
#include "peer/json_put.h"
#include "pure/alert.h"
#include "pure/objective.h"
#include "pure/wide.h"

#define SECOND_NS UINT64_C(1000000000)

__attribute__((format(printf, 2, 3))) static void add_note(struct explanation *explanation,
                                                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (explanation->note_count < NOTE_MAX) {
        char *note = explanation->notes[explanation->note_count++];
        (void)vsnprintf(note, sizeof explanation->notes[0], format, arguments);
    }
    va_end(arguments);
}

void explain_put(char *out, size_t bytes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(out, bytes, format, arguments);
    va_end(arguments);
}

struct step *explain_step(struct explanation *explanation, const char *figure, const char *formula)
{
    static struct step spare; /* never shown: there are no more steps than places */
    struct step *step =
        explanation->step_count < STEP_MAX ? &explanation->steps[explanation->step_count++] : &spare;
    *step = (struct step){.result = ""};
    PUT(step->figure, "%s", figure);
    PUT(step->formula, "%s", formula);
    return step;
}

const char *explain_digits(double value, struct render_text *room)
{
    const bool is_large = value >= 1e6 || value <= -1e6;
    (void)snprintf(room->text, sizeof room->text, is_large ? "%.0f" : "%.6g", value);
    return room->text;
}

/* (1 - target) * total, exactly. */
static void format_allowed(uint32_t target_ppb, uint64_t total, char *out_text, size_t bytes)
{
    char fraction[SR_DECIMAL_TEXT_BYTES];
    const sr_wide product = (sr_wide)(SR_OBJECTIVE_ONE_PPB - target_ppb) * total;
    (void)sr_decimal_format((uint64_t)(product % SR_OBJECTIVE_ONE_PPB), fraction); /* "0.569" or "0" */
    (void)snprintf(out_text, bytes, "%" PRIu64 "%s", (uint64_t)(product / SR_OBJECTIVE_ONE_PPB),
                   fraction + 1);
}

/* --- the period ----------------------------------------------------------------------------------------------- */

static void explain_budget(struct explanation *explanation)
{
    const struct objective *objective = explanation->objective;
    const struct slipring_objective_stats *stats = objective->stats;
    struct render_text text;
    char allowed[48];
    struct step *step = explain_step(explanation, "bad", "total - good");
    PUT(step->numbers, "%" PRIu64 " - %" PRIu64, stats->total, stats->good);
    PUT(step->result, "%" PRIu64, objective->bad);
    PUT(step->note, "%s",
        stats->kind == SLIPRING_LATENCY
            ? "took longer than the threshold, or were in flight when their process died"
            : "failed, or were in flight when their process died");

    step = explain_step(explanation, "kept", "good / total");
    PUT(step->numbers, "%" PRIu64 " / %" PRIu64, stats->good, stats->total);
    PUT(step->result, "%s", explain_digits(objective->compliance, &text));
    char target[SR_OBJECTIVE_TEXT_BYTES];
    (void)sr_objective_format_target(stats->target_ppb, target);
    PUT(step->note, "%s; the target is %s", render_ratio(objective->compliance, &text), target);

    format_allowed(stats->target_ppb, stats->total, allowed, sizeof allowed);
    step = explain_step(explanation, "allowed", "(1 - target) * total");
    PUT(step->numbers, "%s * %" PRIu64, explanation->share, stats->total);
    PUT(step->result, "%s", allowed);
    PUT(step->note, "%.*s whole executions may be bad", (int)strcspn(allowed, "."), allowed);

    step = explain_step(explanation, "budget left", "1 - bad / allowed");
    PUT(step->numbers, "1 - %" PRIu64 " / %s", objective->bad, allowed);
    PUT(step->result, "%s", explain_digits(objective->remaining, &text));
    if (objective->remaining < 0.0) {
        PUT(step->note, "%s: overspent, shown as 0%%", render_ratio(objective->remaining, &text));
    } else {
        PUT(step->note, "%s", render_ratio(objective->remaining, &text));
    }

    step = explain_step(explanation, "burn rate", "bad / total / (1 - target)");
    PUT(step->numbers, "%" PRIu64 " / %" PRIu64 " / %s", objective->bad, stats->total, explanation->share);
    PUT(step->result, "%s", explain_digits(objective->burn_rate, &text));
    PUT(step->note, "over the period; at 1 the budget lasts exactly the period");
}

/* --- the windows ---------------------------------------------------------------------------------------------- */

void explain_label(uint64_t seconds, char out_label[SR_DURATION_LABEL_BYTES])
{
    (void)sr_duration_label(seconds <= UINT64_MAX / SECOND_NS ? seconds * SECOND_NS : UINT64_MAX, out_label);
}

static void explain_window(struct explanation *explanation, const struct slipring_slo_window *window)
{
    const struct objective *objective = explanation->objective;
    struct render_text text;
    struct render_text covers;
    struct render_text spends;
    char label[SR_DURATION_LABEL_BYTES];
    char figure[64];
    double burn;
    if (window->window_s == 0) {
        return;
    }
    explain_label(window->window_s, label);
    PUT(figure, "burn %.20s", label);
    struct step *step = explain_step(explanation, figure, "bad / total / (1 - target)");
    render_duration(explanation->style, window->span_ns, &covers);
    if (!objective_burn(objective, window, &burn)) {
        PUT(step->result, "none");
        PUT(step->note, "no execution in the %.40s that it covers", covers.text);
        return;
    }
    PUT(step->numbers, "%" PRIu64 " / %" PRIu64 " / %s", window->total - window->good, window->total,
        explanation->share);
    PUT(step->result, "%s", explain_digits(burn, &text));
    const double share = burn * (double)window->window_s / (double)explanation->length_s;
    const bool is_whole = window->span_ns / SECOND_NS >= window->window_s - window->window_s / 50;
    PUT(step->note, "covers %.40s%s %s * %" PRIu64 " / %" PRIu64 " = %s of the budget in %s", covers.text,
        is_whole ? ";" : " alone; a whole window like it:", explain_digits(burn, &text), window->window_s,
        explanation->length_s, render_ratio(share, &spends), label);
}

/* --- the alerts ----------------------------------------------------------------------------------------------- */

/* "1h burns 36 > 14.4" */
static void compare_burn(const struct explanation *explanation, uint64_t window_s, double factor, char *out,
                         size_t bytes)
{
    const struct objective *objective = explanation->objective;
    const struct slipring_slo_window *window = objective_window(objective, window_s);
    struct render_text burn_text;
    struct render_text factor_text;
    char label[SR_DURATION_LABEL_BYTES];
    double burn;
    explain_label(window_s, label);
    if (!objective_burn(objective, window, &burn)) {
        explain_put(out, bytes, "%s has no executions", label);
        return;
    }
    explain_put(out, bytes, "%s burns %s %s %s", label, explain_digits(burn, &burn_text),
                burn > factor ? ">" : "<=", explain_digits(factor, &factor_text));
}

static void explain_state(struct explanation *explanation, const struct slipring_slo_alert *alert,
                          struct step *step)
{
    const struct objective *objective = explanation->objective;
    const struct slipring_slo_window *window = objective_window(objective, alert->long_s);
    struct render_text text;
    char longer[96];
    char shorter[96];
    compare_burn(explanation, alert->long_s, alert->factor, longer, sizeof longer);
    compare_burn(explanation, alert->short_s, alert->factor, shorter, sizeof shorter);
    switch ((enum slipring_alert_state)alert->state) {
    case SLIPRING_ALERT_NO_DATA:
        PUT(step->note, "no data: no execution in the long window");
        break;
    case SLIPRING_ALERT_CANNOT_FIRE:
        PUT(step->note,
            "cannot fire: factor * (1 - target) = %s * %s >= 1, more than bad executions alone burn",
            explain_digits(alert->factor, &text), explanation->share);
        break;
    case SLIPRING_ALERT_GATED:
        PUT(step->note,
            "gated: %" PRIu64 " executions in the long window, and it takes %" PRIu32 " to judge by",
            window ? window->total : 0, objective->figure->slo.minimum_events);
        break;
    case SLIPRING_ALERT_QUIET:
        PUT(step->note, "quiet: %.90s, %.90s; both have to exceed", longer, shorter);
        break;
    case SLIPRING_ALERT_FIRING:
        PUT(step->note, "FIRING: %.90s, %.90s", longer, shorter);
        break;
    case SLIPRING_ALERT_NONE:
    default:
        PUT(step->note, "in a state that is none");
        break;
    }
}

void explain_since(const struct explanation *explanation, const struct slipring_slo_alert *alert,
                   struct step *step)
{
    if (alert->since_wall_ns != 0) {
        struct render_text when;
        render_wall(alert->since_wall_ns, explanation->figures->now_wall_ns, &when);
        const size_t length = strlen(step->note);
        explain_put(step->note + length, sizeof step->note - length, "; %s %.40s",
                    alert->state == SLIPRING_ALERT_FIRING ? "since" : "fired until", when.text);
    }
}

static void explain_alert(struct explanation *explanation, const struct slipring_slo_alert *alert)
{
    struct render_text text;
    char figure[64];
    char share[SR_DECIMAL_TEXT_BYTES];
    objective_pair(alert, &text);
    PUT(figure, "alert %.20s", text.text);
    if (alert->state == SLIPRING_ALERT_NONE) {
        if (alert->long_s != 0) {
            struct step *step = explain_step(explanation, figure, "share * period / long window");
            PUT(step->result, "none");
            PUT(step->note, "the period is shorter than the long window");
        }
        return;
    }
    struct step *step = explain_step(explanation, figure, "share * period / long window");
    (void)sr_decimal_format((uint64_t)alert->share_ppm * 1000, share);
    PUT(step->numbers, "%s * %" PRIu64 " / %" PRIu64, share, explanation->length_s, alert->long_s);
    PUT(step->result, "%s", explain_digits(alert->factor, &text));
    explain_state(explanation, alert, step);
    explain_since(explanation, alert, step);
}

static void explain_exhaustion(struct explanation *explanation)
{
    const struct objective *objective = explanation->objective;
    const struct slipring_slo_window *hour = objective_window(objective, 3600);
    struct render_text left;
    struct render_text burn_text;
    struct render_text text;
    double burn;
    struct step *step = explain_step(explanation, "spent in", "budget left * period / burn 1h");
    if (!objective_burn(objective, hour, &burn) || burn <= 0.0) {
        PUT(step->result, "none");
        PUT(step->note, burn <= 0.0 && hour && hour->total > 0 ? "nothing was bad within the last hour"
                                                               : "nothing ran within the last hour");
        return;
    }
    if (objective->remaining <= 0.0) {
        PUT(step->result, "0");
        PUT(step->note, "it is spent");
        return;
    }
    const double seconds = objective->remaining * (double)explanation->length_s / burn;
    PUT(step->numbers, "%s * %" PRIu64 " / %s", explain_digits(objective->remaining, &left),
        explanation->length_s, explain_digits(burn, &burn_text));
    PUT(step->result, "%s", explain_digits(seconds, &text));
    PUT(step->note, "seconds: %s, if it goes on as in the last hour",
        render_nanoseconds(explanation->style, seconds * 1e9, &text));
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

static void explain_history(struct explanation *explanation)
{
    const struct slipring_objective_stats *stats = explanation->objective->stats;
    const uint64_t published_ns = explanation->objective->figure->stats.published_ns;
    struct render_text when;
    if (stats->span_ns / SECOND_NS + 1 < explanation->length_s) {
        struct render_text covers;
        render_duration(explanation->style, stats->span_ns, &covers);
        add_note(explanation, "of the period %.40s are covered; what was before is not known", covers.text);
    }
    if (stats->since_ns != 0 && stats->since_ns <= published_ns &&
        (published_ns - stats->since_ns) / SECOND_NS < explanation->length_s) {
        add_note(explanation, "nothing before %.40s counts: the objective was new%s",
                 figures_wall(explanation->figures, stats->since_ns, &when),
                 explanation->objective->is_spend ? "" : ", or its threshold changed");
    }
    if (stats->exact_since_ns != 0 && stats->exact_since_ns <= published_ns) {
        add_note(explanation,
                 "exact since %.40s; what spilled before, in the threshold's own bucket, counts as bad",
                 figures_wall(explanation->figures, stats->exact_since_ns, &when));
    }
    if (explanation->objective->slo && explanation->objective->slo->present & SLIPRING_SLO_NO_DATA) {
        add_note(explanation, "nothing ran within the last hour: is the program alive?");
    }
}

static void explain(struct explanation *explanation)
{
    const struct objective *objective = explanation->objective;
    const uint32_t target_ppb = objective->stats->target_ppb;
    explanation->length_s = objective->length_s;
    (void)sr_decimal_format(sr_objective_target_valid(target_ppb) ? SR_OBJECTIVE_ONE_PPB - target_ppb : 0,
                            explanation->share);
    explain_history(explanation);
    if (!objective->has_events) {
        add_note(explanation, objective->is_spend ? "a budget of nothing: there is nothing to reckon with"
                              : objective->stats->total == 0
                                  ? "no execution within the period: there is nothing to reckon with"
                                  : "the published counts contradict each other: see slipring verify");
        return;
    }
    if (objective->is_spend) {
        explain_spend(explanation);
        return;
    }
    explain_budget(explanation);
    for (uint32_t i = 0; objective->slo && i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        explain_window(explanation, &objective->slo->windows[i]);
    }
    for (uint32_t i = 0; objective->slo && i < SLIPRING_ALERT_COUNT; i++) {
        explain_alert(explanation, &objective->slo->alerts[i]);
    }
    if (objective->slo) {
        explain_exhaustion(explanation);
    }
}

/* The formula of several in a row is said once. */
static void print_step(struct card *card, const struct step *step, const struct step *before)
{
    card_label(card, step->figure);
    if (!before || strcmp(before->formula, step->formula) != 0) {
        card_piece(card, "", "%s", step->formula);
    }
    if (step->numbers[0]) {
        card_piece(card, "", "= %s", step->numbers);
    }
    card_piece(card, render_bold(card->style), "= %s", step->result);
    if (step->note[0]) {
        const bool is_firing = strncmp(step->note, "FIRING", 6) == 0;
        card_piece(card, is_firing ? render_bad(card->style) : render_faint(card->style), "%s", step->note);
    }
}

static void print_text(const struct explanation *explanation)
{
    const struct objective *objective = explanation->objective;
    const struct render_style *style = explanation->style;
    const struct slipring_stats_detail *detail = &objective->figure->detail;
    struct render_text name;
    struct render_text type;
    struct render_text text;
    struct card card;
    render_safe(style, detail->name, sizeof detail->name, &name);
    render_safe(style, detail->type, sizeof detail->type, &type);
    printf("\n%s%s%s  %s\n", render_bold(style), name.text, render_plain(style), type.text);
    card_open(&card, style, stdout);
    card_label(&card, "objective");
    render_safe(style, objective->stats->name, sizeof objective->stats->name, &text);
    card_piece(&card, render_bold(style), "%s", text.text);
    card_piece(&card, "", "%s", objective_promise(style, objective->stats, &text));
    objective_period(objective->stats->period_s, &text);
    card_piece(&card, "", "period %.60s (%" PRIu64 "s)", text.text, explanation->length_s);
    card_piece(&card, "", "set by %s", sr_json_objective_source(objective->stats->source));
    for (int i = 0; i < explanation->note_count; i++) {
        card_label(&card, "note");
        card_piece(&card, "", "%s", explanation->notes[i]);
    }
    for (int i = 0; i < explanation->step_count; i++) {
        print_step(&card, &explanation->steps[i], i > 0 ? &explanation->steps[i - 1] : NULL);
    }
    card_close(&card);
}

static void put_json(struct sr_json_making *making, struct json_object *list,
                     const struct explanation *explanation)
{
    const struct objective *objective = explanation->objective;
    const struct figure *figure = objective->figure;
    struct json_object *one = sr_json_objective(objective->stats, figure->stats.published_ns,
                                                figure->has_slo ? &figure->slo : NULL, objective->index);
    sr_json_put_text(making, one, "primitive", figure->detail.name);
    sr_json_put_text(making, one, "type", figure->detail.type);
    sr_json_put_count(making, one, "length_seconds", explanation->length_s);
    if (figure->has_slo && !objective->is_spend) {
        sr_json_put_count(making, one, "minimum_events", figure->slo.minimum_events);
    }
    struct json_object *notes = sr_json_put_array(making, one, "notes");
    for (int i = 0; i < explanation->note_count; i++) {
        sr_json_append(making, notes, json_object_new_string(explanation->notes[i]));
    }
    struct json_object *steps = sr_json_put_array(making, one, "steps");
    for (int i = 0; i < explanation->step_count; i++) {
        const struct step *step = &explanation->steps[i];
        struct json_object *object = json_object_new_object();
        sr_json_put_text(making, object, "figure", step->figure);
        sr_json_put_text(making, object, "formula", step->formula);
        if (step->numbers[0]) {
            sr_json_put_text(making, object, "numbers", step->numbers);
        }
        sr_json_put_text(making, object, "result", step->result);
        sr_json_put_text(making, object, "note", step->note);
        sr_json_append(making, steps, object);
    }
    sr_json_append(making, list, one);
}

static void show(const struct invocation *invocation, const struct figures *figures,
                 const struct objectives *objectives)
{
    struct sr_json_making making = {.failed = false};
    const bool is_json = invocation->values[OPTION_json] != NULL;
    struct json_object *root = is_json ? figures_json_head(figures) : NULL;
    struct json_object *list = is_json ? sr_json_put_array(&making, root, "objectives") : NULL;
    if (!is_json) {
        struct render_text agent;
        figures_agent(figures, &invocation->style, &agent);
        const bool is_live = figures_are_live(figures);
        printf("store %s   %s%s%s\n", figures->store, is_live ? "" : render_bad(&invocation->style),
               agent.text, is_live ? "" : render_plain(&invocation->style));
    }
    for (size_t i = 0; i < objectives->count; i++) {
        struct explanation explanation = {
            .figures = figures, .objective = &objectives->list[i], .style = &invocation->style};
        explain(&explanation);
        if (is_json) {
            put_json(&making, list, &explanation);
        } else {
            print_text(&explanation);
        }
    }
    if (is_json) {
        figures_print_json(sr_json_finish(&making, root));
    }
}

static int run_explain(const struct invocation *invocation)
{
    struct figures figures;
    struct objectives objectives;
    int result = objectives_of(invocation, &figures, &objectives);
    if (result == STATUS_OK) {
        show(invocation, &figures, &objectives);
        objectives_drop(&objectives);
        figures_drop(&figures);
    }
    return result;
}

const struct command command_slo_explain = {
    .name = "slo explain",
    .synopsis = "[OPTION]... NAME [OBJECTIVE]",
    .summary = "the arithmetic of an objective, for a pocket calculator",
    .description =
        "Shows how each figure of the objectives of the primitive NAME, or of the one called OBJECTIVE, "
        "comes about: "
        "a formula, the same with the numbers put in, the result. All numbers are counts of executions and "
        "lengths in "
        "seconds; ratios are shown in six digits.\n"
        "budget left: of the executions that the target allows to be bad, the share that was not. burn: how "
        "fast it is "
        "being spent; 1 spends it in exactly the period. spent in: when, at the burn rate of the last hour.\n"
        "alert: a pair of windows fires while the burn rates of both exceed its factor, which is the rate "
        "that spends "
        "the pair's share of the budget (2% within 1h, 5% within 6h, 10% within 1d, 10% within 3d) within "
        "the long window. The short window "
        "makes it end soon after the cause did. The agent evaluates pairs once a second, the counts are "
        "published ten times a "
        "second: the two may be apart for that long.\n"
        "Of a money budget all numbers are dollars: a pair fires when more than its share of the budget was "
        "spent within the long window, "
        "and in proportion within the short one.\n"
        "Notes say what is not counted: what was before the first agent, before a change of the threshold.",
    .exits = "0\tshown\n"
             "1\tno primitive is called NAME, none of its objectives OBJECTIVE, it has none, or no agent has "
             "published "
             "anything yet\n"
             "2\tbad input, or no such store\n",
    .examples = "slipring slo explain archive_file\n"
                "slipring slo explain archive_file availability\tone of its objectives\n"
                "slipring slo explain archive_file --json | jq -r '.objectives[].steps[] | "
                "[.figure, .numbers, .result] | @tsv'\tfor a spreadsheet\n",
    COMMAND_OPTIONS(OPTION_type, OPTION_json),
    .min_words = 1,
    .max_words = 2,
    .run = run_explain,
};
