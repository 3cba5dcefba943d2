/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of the configuration as text: windows, percentiles, bounds, price cards, who may give orders. See values.h. */
#include <string.h>

#include "pure/duration.h"
#include "pure/quantile.h"
#include "pure/window.h"
#include "values.h"
#include "values_parts.h"

/* The minute takes its place in an ascending list, unless it is there. False: there is no room. */
static bool add_minute(struct agent_options *agent)
{
    uint32_t at = 0;
    while (at < agent->window_count && agent->window_ns[at] < SR_WINDOW_MINUTE_NS) {
        at++;
    }
    if (at < agent->window_count && agent->window_ns[at] == SR_WINDOW_MINUTE_NS) {
        return true;
    }
    if (agent->window_count == SLIPRING_WINDOW_COUNT) {
        return false;
    }
    memmove(&agent->window_ns[at + 1], &agent->window_ns[at],
            (agent->window_count - at) * sizeof agent->window_ns[0]);
    agent->window_ns[at] = SR_WINDOW_MINUTE_NS;
    agent->window_count++;
    return true;
}

/* One more, or why not. */
static const char *add_window(struct agent_options *agent, const char *text)
{
    uint64_t ns = 0;
    const enum sr_parse result = strlen(text) < SR_DURATION_LABEL_BYTES
                                     ? sr_duration_parse(text, OPTIONS_WINDOW_MAX_NS, &ns)
                                     : SR_PARSE_TOO_LARGE;
    if (result != SR_PARSE_OK) {
        return sr_parse_text(result);
    }
    if (ns < OPTIONS_WINDOW_MIN_NS) {
        return "too short";
    }
    if (agent->window_count > 0 && ns <= agent->window_ns[agent->window_count - 1]) {
        return sr_parse_text(SR_PARSE_NOT_ASCENDING);
    }
    if (agent->window_count == SLIPRING_WINDOW_COUNT) {
        return sr_parse_text(SR_PARSE_TOO_MANY);
    }
    agent->window_ns[agent->window_count++] = ns;
    return NULL;
}

/* Percentiles that are shown in any case. */
static bool is_common(uint32_t ppm)
{
    return ppm == 500000 || ppm == 900000 || ppm == 950000 || ppm == 990000 || ppm == 999000;
}

/* One more, or why not. */
static const char *add_percentile(struct options *options, const char *text)
{
    struct agent_options *agent = &options->agent;
    uint64_t ppm = 0;
    const enum sr_parse result =
        sr_decimal_parse(text, strlen(text), SR_QUANTILE_ONE_PPM / 100, SR_QUANTILE_ONE_PPM - 1, &ppm);
    if (result != SR_PARSE_OK) {
        return result == SR_PARSE_TOO_FINE ? "finer than four decimals" : sr_parse_text(result);
    }
    if (ppm <= options->last_ppm) {
        return sr_parse_text(ppm == 0 ? SR_PARSE_ZERO : SR_PARSE_NOT_ASCENDING);
    }
    options->last_ppm = (uint32_t)ppm;
    if (is_common((uint32_t)ppm)) {
        return NULL;
    }
    if (agent->extra_count == SLIPRING_EXTRA_COUNT) {
        return sr_parse_text(SR_PARSE_TOO_MANY);
    }
    agent->extra_ppm[agent->extra_count++] = (uint32_t)ppm;
    return NULL;
}

static const char *add_bound(struct sr_bound_list *list, const char *text)
{
    uint64_t ns = 0;
    const enum sr_parse result = sr_bound_parse(text, &ns);
    if (result != SR_PARSE_OK) {
        return sr_parse_text(result);
    }
    if (list->count > 0 && ns <= list->ns[list->count - 1]) {
        return sr_parse_text(SR_PARSE_NOT_ASCENDING);
    }
    if (list->count == SR_BOUND_LIST_MAX) {
        return sr_parse_text(SR_PARSE_TOO_MANY);
    }
    list->ns[list->count++] = ns;
    return NULL;
}

static const char *add_price_card(struct options *options, const char *text)
{
    if (options->price_card_count == OPTIONS_PRICE_CARD_MAX) {
        return sr_parse_text(SR_PARSE_TOO_MANY);
    }
    options->price_cards[options->price_card_count++] = text;
    return NULL;
}

static const char *add_order_giver(struct options *options, const char *name)
{
    const char *wrong = credentials_name_fault(name);
    if (wrong == NULL && options->http_order_count == 2 * CREDENTIALS_MAX) {
        wrong = sr_parse_text(SR_PARSE_TOO_MANY);
    }
    if (wrong == NULL) {
        options->http_orders[options->http_order_count++] = name;
    }
    return wrong;
}

void values_begin(enum value_key key, struct options *options)
{
    if (key == KEY_windows) {
        options->agent.window_count = 0;
    } else if (key == KEY_percentiles) {
        options->agent.extra_count = 0;
        options->last_ppm = 0;
    } else if (key == KEY_le) {
        options->agent.le.count = 0;
    } else if (key == KEY_prices) {
        options->price_card_count = 0;
    } else if (key == KEY_http_orders) {
        options->http_order_count = 0;
    }
}

bool values_add(enum value_key key, const char *text, struct options *options, struct buffer *what)
{
    switch (key) {
    case KEY_windows:
        return values_refuse(text, add_window(&options->agent, text), what);
    case KEY_percentiles:
        return values_refuse(text, add_percentile(options, text), what);
    case KEY_le:
        return values_add_bound(&options->agent.le, text, what);
    case KEY_prices:
        return values_refuse(text, add_price_card(options, text), what);
    case KEY_http_orders:
        return values_refuse(text, add_order_giver(options, text), what);
    default:
        return false;
    }
}

bool values_add_bound(struct sr_bound_list *list, const char *text, struct buffer *what)
{
    return values_refuse(text, add_bound(list, text), what);
}

bool values_end(enum value_key key, struct options *options, struct buffer *what)
{
    if (key == KEY_windows) {
        if (options->agent.window_count == 0) {
            buffer_add_text(what, "empty");
            return false;
        }
        if (!add_minute(&options->agent)) {
            buffer_add_text(what, "one too many with 1m, which is always among them");
            return false;
        }
    } else if (key == KEY_le && options->agent.le.count == 0) {
        buffer_add_text(what, "empty");
        return false;
    }
    return true;
}
