/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring slo explain` of a money budget: the same in dollars, each of them exact. See explain_parts.h. */
#include <inttypes.h>

#include "explain_parts.h"
#include "pure/alert.h"
#include "pure/money.h"
#include "pure/objective.h"

struct dollars {
    char text[SR_MONEY_TEXT_BYTES + 1];
};

/* "12.5", digit for digit. */
static const char *dollars(uint64_t nanodollars, struct dollars *room)
{
    (void)sr_money_format(nanodollars, room->text);
    return room->text;
}

/* a - b, which may be below 0. */
static const char *difference(uint64_t a, uint64_t b, struct dollars *room)
{
    room->text[0] = '-';
    (void)sr_money_format(a < b ? b - a : a - b, room->text + (a < b));
    return room->text;
}

static void explain_budget(struct explanation *explanation)
{
    const struct objective *objective = explanation->objective;
    const struct slipring_objective_stats *stats = objective->stats;
    struct render_text text;
    struct dollars spent, amount;
    struct step *step = explain_step(explanation, "spent", "cost within the period, all categories");
    PUT(step->result, "%s", dollars(stats->total, &spent));
    PUT(step->note, "dollars; the budget is %s", dollars(stats->amount_nanodollars, &amount));
    if (stats->total == UINT64_MAX) {
        PUT(step->note, "dollars, or more: a sum stands still there; the budget is %s", amount.text);
    }
    struct dollars left;
    step = explain_step(explanation, "left", "budget - spent");
    PUT(step->numbers, "%s - %s", amount.text, spent.text);
    PUT(step->result, "%s", difference(stats->amount_nanodollars, stats->total, &left));

    step = explain_step(explanation, "budget left", "1 - spent / budget");
    PUT(step->numbers, "1 - %s / %s", spent.text, amount.text);
    PUT(step->result, "%s", explain_digits(objective->remaining, &text));
    render_ratio(objective->remaining, &text);
    PUT(step->note, "%.40s%s", text.text, objective->remaining < 0.0 ? ": overspent, shown as 0%" : "");
}

static void explain_window(struct explanation *explanation, const struct slipring_slo_window *window)
{
    const struct objective *objective = explanation->objective;
    struct render_text text, covers;
    struct dollars spent, amount;
    char label[SR_DURATION_LABEL_BYTES];
    char figure[64];
    double burn;
    if (window->window_s == 0 || !objective_burn(objective, window, &burn)) {
        return;
    }
    explain_label(window->window_s, label);
    PUT(figure, "burn %.20s", label);
    struct step *step = explain_step(explanation, figure, "spent / window / (budget / period)");
    PUT(step->numbers, "%s / %" PRIu64 " / (%s / %" PRIu64 ")", dollars(window->total, &spent),
        window->window_s, dollars(objective->stats->amount_nanodollars, &amount), explanation->length_s);
    PUT(step->result, "%s", explain_digits(burn, &text));
    render_duration(explanation->style, window->span_ns, &covers);
    render_ratio((double)window->total / (double)objective->stats->amount_nanodollars, &text);
    PUT(step->note, "covers %.40s; %.40s of the budget", covers.text, text.text);
}

/* "1h spent 0.61 > 0.6" */
static void compare_spent(const struct explanation *explanation, const struct slipring_slo_alert *alert,
                          uint64_t window_s, char *out, size_t bytes)
{
    const struct objective *objective = explanation->objective;
    const struct slipring_slo_window *window = objective_window(objective, window_s);
    const struct sr_alert_pair pair = {.long_s = (uint32_t)alert->long_s,
                                       .share_percent = alert->share_ppm / 10000};
    const uint64_t amount = objective->stats->amount_nanodollars;
    struct render_text limit;
    struct dollars spent;
    char label[SR_DURATION_LABEL_BYTES];
    explain_label(window_s, label);
    if (!window || alert->long_s == 0) {
        explain_put(out, bytes, "%s is not kept", label);
        return;
    }
    explain_digits((double)amount / 1e9 * alert->share_ppm / 1e6 * (double)window_s / (double)alert->long_s,
                   &limit);
    explain_put(out, bytes, "%s spent %s %s %.40s", label, dollars(window->total, &spent),
                sr_alert_exceeds_spend(&pair, amount, window_s, window->total) ? ">" : "<=", limit.text);
}

static void explain_alert(struct explanation *explanation, const struct slipring_slo_alert *alert)
{
    struct render_text text;
    char figure[64];
    char share[SR_DECIMAL_TEXT_BYTES];
    char longer[96];
    char shorter[96];
    if (alert->long_s == 0 && alert->state == SLIPRING_ALERT_NONE) {
        return;
    }
    objective_pair(alert, &text);
    PUT(figure, "alert %.20s", text.text);
    struct step *step = explain_step(explanation, figure, "share * budget * window / long window");
    if (alert->state == SLIPRING_ALERT_NONE) {
        PUT(step->result, "none");
        PUT(step->note, "the period is shorter than the long window");
        return;
    }
    struct dollars amount;
    (void)sr_decimal_format((uint64_t)alert->share_ppm * 1000, share);
    PUT(step->numbers, "%s * %s * %" PRIu64 " / %" PRIu64, share,
        dollars(explanation->objective->stats->amount_nanodollars, &amount), alert->long_s, alert->long_s);
    PUT(step->result, "%s",
        explain_digits(
            (double)explanation->objective->stats->amount_nanodollars / 1e9 * alert->share_ppm / 1e6, &text));
    compare_spent(explanation, alert, alert->long_s, longer, sizeof longer);
    compare_spent(explanation, alert, alert->short_s, shorter, sizeof shorter);
    if (alert->state == SLIPRING_ALERT_FIRING) {
        PUT(step->note, "FIRING: %.90s, %.90s", longer, shorter);
    } else {
        PUT(step->note, "quiet: %.90s, %.90s; both have to exceed", longer, shorter);
    }
    explain_since(explanation, alert, step);
}

static void explain_exhaustion(struct explanation *explanation)
{
    const struct slipring_objective_stats *stats = explanation->objective->stats;
    const struct slipring_slo_window *hour = objective_window(explanation->objective, 3600);
    struct render_text text;
    struct dollars left, spent;
    struct step *step = explain_step(explanation, "spent in", "left / spent 1h * 3600");
    if (stats->total >= stats->amount_nanodollars) {
        PUT(step->result, "0");
        PUT(step->note, "it is spent");
        return;
    }
    if (!hour || hour->total == 0) {
        PUT(step->result, "none");
        PUT(step->note, "nothing was spent within the last hour");
        return;
    }
    const uint64_t rest = stats->amount_nanodollars - stats->total;
    const double seconds = (double)rest / (double)hour->total * 3600;
    PUT(step->numbers, "%s / %s * 3600", dollars(rest, &left), dollars(hour->total, &spent));
    PUT(step->result, "%s", explain_digits(seconds, &text));
    PUT(step->note, "seconds: %s, if it goes on as in the last hour",
        render_nanoseconds(explanation->style, seconds * 1e9, &text));
}

void explain_spend(struct explanation *explanation)
{
    const struct objective *objective = explanation->objective;
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
