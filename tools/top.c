/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring top`: all primitives in a table, live on a terminal, once for scripts. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "booking.h"
#include "command.h"
#include "figures.h"
#include "message.h"
#include "pure/duration.h"
#include "pure/objective.h"
#include "pure/suggest.h"
#include "pure/window.h"
#include "screen.h"
#include "table.h"
#include "windows.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND      UINT64_C(1000000000)
#define HOUR        (3600 * SECOND)

/* The columns: X(key of --sort, title, elastic, may_go, figure to sort by). Those without a figure go by name. */
#define TOP_COLUMNS(X)                                                                                       \
    X(name, "PRIMITIVE", true, 0, 0.0)                                                                       \
    X(type, "TYPE", true, 5, 0.0)                                                                            \
    X(rps, "REQ/S", false, 0, figure->stats.requests_per_second)                                             \
    X(active, "ACTIVE", false, 3, (double)figure->stats.active)                                              \
    X(count, "COUNT", false, 2, (double)figure->stats.count)                                                 \
    X(failed, "FAILED", false, 4, (double)figure->stats.failures)                                            \
    X(p50, "P50", false, 0, percentile_of(figure, SLIPRING_P50))                                             \
    X(p99, "P99", false, 0, percentile_of(figure, SLIPRING_P99))                                             \
    X(spilled, "SPILLED", false, 6, spilled_of(figure))                                                      \
    X(slo, "SLO", false, 0, has_slo(figure) ? 1.0 - figure->stats.slo_compliance : -1.0)                     \
    X(budget, "BUDGET", false, 0, has_slo(figure) ? 1.0 - figure->stats.budget_remaining : -1e300)           \
    X(burn, "BURN 1H", false, 7, burn_of(figure))                                                            \
    X(cost, "COST", false, 1, (double)figure->stats.lifetime.cost_nanodollars)

enum top_column {
#define X(key, text, elastic, going, value) COLUMN_##key,
    TOP_COLUMNS(X)
#undef X
        COLUMN_COUNT,
};

static const char *const column_keys[COLUMN_COUNT] = {
#define X(key, text, elastic, going, value) #key,
    TOP_COLUMNS(X)
#undef X
};

static const struct table_column columns[COLUMN_COUNT] = {
#define X(key, text, elastic, going, value)                                                                  \
    {.title = (text), .is_right = !(elastic), .is_elastic = (elastic), .may_go = (going)},
    TOP_COLUMNS(X)
#undef X
};

struct top {
    const char *store;
    struct render_style style;
    enum top_column sort;
    uint64_t window_ns;
    char window[SR_DURATION_LABEL_BYTES]; /* its name */
    long offset;                          /* first row on the screen */
};

static bool has_slo(const struct figure *figure)
{
    return figure->stats.present & SLIPRING_HAS_SLO;
}

static double percentile_of(const struct figure *figure, enum slipring_percentile which)
{
    return figure->stats.minute.n > 0 ? figure->stats.minute.percentile_ns[which] : -1.0;
}

/* The share of the last minute's executions; -1: there are none. */
static double spilled_of(const struct figure *figure)
{
    double ratio = -1.0;
    return sr_objective_compliance(figure->stats.minute.spilled, figure->stats.minute.n, &ratio) ? ratio
                                                                                                 : -1.0;
}

/* Of the last hour, the highest over the objectives; -1: there is none. */
static double burn_of(const struct figure *figure)
{
    enum { HOUR_WINDOW = 2 }; /* of 5m 30m 1h ... */
    const struct slipring_slo_stats *slo = &figure->slo;
    const bool exists = figure->has_slo && (slo->burn_present >> HOUR_WINDOW & 1) != 0;
    return exists && slo->worst_burn_rate[HOUR_WINDOW] >= 0.0 ? slo->worst_burn_rate[HOUR_WINDOW] : -1.0;
}

static bool is_bad(const struct figure *figure)
{
    for (uint32_t i = 0; figure->has_slo && i < figure->slo.objective_count; i++) {
        for (uint32_t k = 0; k < SLIPRING_ALERT_COUNT; k++) {
            if (figure->slo.objectives[i].alerts[k].state == SLIPRING_ALERT_FIRING) {
                return true;
            }
        }
    }
    return has_slo(figure) && figure->stats.budget_remaining < 0.0;
}

static double sort_value(const struct figure *figure, enum top_column column)
{
    switch (column) {
#define X(key, text, elastic, going, value)                                                                  \
    case COLUMN_##key:                                                                                       \
        return value;
        TOP_COLUMNS(X)
#undef X
    case COLUMN_COUNT:
        break;
    }
    return 0.0;
}

/* The greatest first; equals stay in the order of their names. */
static int compare_values(const void *left, const void *right, void *column)
{
    const struct figure *const *a = left;
    const struct figure *const *b = right;
    double x = sort_value(*a, *(const enum top_column *)column);
    double y = sort_value(*b, *(const enum top_column *)column);
    if (x != y) {
        return x > y ? -1 : 1;
    }
    return *a < *b ? -1 : *a > *b; /* one list, by name already */
}

/* --- the table ------------------------------------------------------------------------------------------------ */

static void add_number(struct table *table, uint64_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, number);
    table_add(table, digits);
}

static void add_row(struct table *table, const struct figure *figure, const struct render_style *style)
{
    const struct slipring_stats *stats = &figure->stats;
    const char *absent = render_absent(style);
    struct render_text text;
    table_add(table, render_safe(style, figure->detail.name, sizeof figure->detail.name, &text));
    table_add(table, render_safe(style, figure->detail.type, sizeof figure->detail.type, &text));
    render_rate(stats->requests_per_second, &text);
    text.text[strcspn(text.text, "/")] = '\0'; /* the title has the unit */
    table_add(table, text.text);
    add_number(table, stats->active > 0 ? (uint64_t)stats->active : 0);
    add_number(table, stats->count);
    add_number(table, stats->failures);
    bool is_busy = stats->minute.n > 0;
    table_add(table,
              is_busy ? render_nanoseconds(style, stats->minute.percentile_ns[SLIPRING_P50], &text) : absent);
    table_add(table,
              is_busy ? render_nanoseconds(style, stats->minute.percentile_ns[SLIPRING_P99], &text) : absent);
    const double spilled = spilled_of(figure);
    table_add(table, spilled >= 0.0 ? render_ratio(spilled, &text) : absent);
    table_add(table, has_slo(figure) ? render_ratio(stats->slo_compliance, &text) : absent);
    table_add(table, has_slo(figure) ? render_ratio(stats->budget_remaining, &text) : absent);
    const double burn = burn_of(figure);
    table_add(table, burn >= 0.0 ? render_burn(burn, &text) : absent);
    table_add(table, stats->lifetime.cost_nanodollars > 0
                         ? render_money(stats->lifetime.cost_nanodollars, &text)
                         : absent);
}

/* The figures in the order of the rows; free() it. */
static const struct figure **sort_figures(const struct figures *figures, enum top_column column)
{
    const struct figure **order = calloc(figures->count + 1, sizeof *order);
    if (!order) {
        message_out_of_memory();
    }
    for (size_t i = 0; i < figures->count; i++) {
        order[i] = &figures->list[i];
    }
    if (figures->count > 0) {
        qsort_r(order, figures->count, sizeof *order, compare_values, &column);
    }
    return order;
}

static void fill_table(struct table *table, const struct figure *const *order, size_t count,
                       const struct render_style *style)
{
    table_open(table, columns, COLUMN_COUNT);
    for (size_t i = 0; i < count; i++) {
        add_row(table, order[i], style);
    }
}

/* "store default   agent 12 at 127.0.0.1:9464   3 primitives   20.6/s   1 active" */
static const char *head_line(const struct figures *figures, const struct render_style *style,
                             struct render_text *room)
{
    struct render_text agent;
    struct render_text rate;
    double per_second = 0.0;
    uint64_t active = 0;
    for (size_t i = 0; i < figures->count; i++) {
        per_second += figures->list[i].stats.requests_per_second;
        active += figures->list[i].stats.active > 0 ? (uint64_t)figures->list[i].stats.active : 0;
    }
    figures_agent(figures, style, &agent);
    render_rate(per_second, &rate);
    (void)snprintf(room->text, sizeof room->text,
                   "store %s   %.320s   %zu primitive%s   %.40s   %" PRIu64 " active", figures->store,
                   agent.text, figures->count, figures->count == 1 ? "" : "s", rate.text, active);
    return room->text;
}

/* What is shown of the minute is to be of the window asked for; of none where that is not kept. */
static void choose_window(struct figures *figures, uint64_t window_ns)
{
    for (size_t i = 0; window_ns != SR_WINDOW_MINUTE_NS && i < figures->count; i++) {
        struct figure *figure = &figures->list[i];
        const struct slipring_window_stats *window = windows_of(figure, window_ns);
        figure->stats.minute = window ? *window : (struct slipring_window_stats){.window_ns = window_ns};
        figure->stats.requests_per_second = figure->stats.minute.per_second;
    }
}

static void print_once(const struct top *top, const struct figures *figures)
{
    const struct figure **order = sort_figures(figures, top->sort);
    struct table table;
    struct render_text head;
    bool is_live = figures_are_live(figures);
    head_line(figures, &top->style, &head);
    printf("%s%s%s\n", is_live ? "" : render_bad(&top->style), head.text,
           is_live ? "" : render_plain(&top->style));
    fill_table(&table, order, figures->count, &top->style);
    table_print(&table, &top->style, stdout);
    table_close(&table);
    free(order);
}

/* --- live ----------------------------------------------------------------------------------------------------- */

static void put_fitted(const struct top *top, int row, enum screen_look look, const char *text)
{
    struct render_text fitted;
    screen_put(row, look, render_fit(&top->style, text, top->style.columns, &fitted));
}

static void draw_rows(struct top *top, const struct figures *figures)
{
    const struct figure **order = sort_figures(figures, top->sort);
    struct table table;
    long visible = screen_rows() - 3;
    long last = (long)figures->count - visible;
    top->offset = top->offset > last ? last : top->offset;
    top->offset = top->offset < 0 ? 0 : top->offset;
    fill_table(&table, order, figures->count, &top->style);
    table_fit(&table, &top->style);
    char *titles = table_line(&table, &top->style, -1);
    screen_put(1, SCREEN_TITLE, titles);
    free(titles);
    for (long i = 0; i < visible && top->offset + i < (long)figures->count; i++) {
        const struct figure *figure = order[top->offset + i];
        char *line = table_line(&table, &top->style, top->offset + i);
        screen_put((int)i + 2, is_bad(figure) ? SCREEN_BAD : SCREEN_PLAIN, line);
        free(line);
    }
    table_close(&table);
    free(order);
}

static void draw(struct top *top)
{
    struct figures figures;
    struct render_text line;
    screen_clear();
    top->style.columns = screen_columns();
    enum slipring_status status = figures_take(top->store, NULL, NULL, &figures);
    if (status == SLIPRING_OK) {
        choose_window(&figures, top->window_ns);
        head_line(&figures, &top->style, &line);
        put_fitted(top, 0, figures_are_live(&figures) ? SCREEN_BOLD : SCREEN_BAD, line.text);
        draw_rows(top, &figures);
        figures_drop(&figures);
    } else {
        (void)snprintf(line.text, sizeof line.text, "store %s   %s", top->store,
                       slipring_status_text(status));
        put_fitted(top, 0, SCREEN_BAD, line.text);
    }
    (void)snprintf(line.text, sizeof line.text,
                   "q quit   s sort: %s   %s scroll   rates and percentiles of the last %s",
                   column_keys[top->sort], top->style.utf8 ? "↑↓" : "arrows", top->window);
    put_fitted(top, screen_rows() - 1, SCREEN_FAINT, line.text);
    screen_show();
}

/* false: the user wants to go. */
static bool obey(struct top *top, int key)
{
    long page = screen_rows() > 4 ? screen_rows() - 4 : 1;
    switch (key) {
    case 'q':
    case 'Q':
    case 27: /* escape */
    case SCREEN_GONE:
        return false;
    case 's':
        top->sort = (enum top_column)((top->sort + 1) % COLUMN_COUNT);
        break;
    case 'S':
        top->sort = (enum top_column)((top->sort + COLUMN_COUNT - 1) % COLUMN_COUNT);
        break;
    case 'k':
    case SCREEN_UP:
        top->offset--;
        break;
    case 'j':
    case SCREEN_DOWN:
        top->offset++;
        break;
    case SCREEN_PAGE_UP:
        top->offset -= page;
        break;
    case ' ':
    case SCREEN_PAGE_DOWN:
        top->offset += page;
        break;
    case 'g':
    case SCREEN_HOME:
        top->offset = 0;
        break;
    case 'G':
    case SCREEN_END:
        top->offset = INT32_MAX; /* drawing brings it back to the last page */
        break;
    default:
        break;
    }
    return true;
}

static int run_live(struct top *top, uint64_t interval_ns)
{
    if (!screen_open(top->style.colour)) {
        message_print("the terminal's type is not known: set TERM, or ask for --once");
        return STATUS_BAD;
    }
    int key;
    do {
        draw(top);
        key = screen_wait((int)(interval_ns / MILLISECOND));
    } while (obey(top, key));
    screen_close();
    return STATUS_OK;
}

#define X(key, text, elastic, going, value) " " #key
static const char listed[] = TOP_COLUMNS(X);
#undef X

static bool take_sort(const char *wish, enum top_column *out_column)
{
    struct render_text quoted;
    struct sr_suggest suggest;
    if (!wish) {
        *out_column = COLUMN_name;
        return true;
    }
    sr_suggest_begin(&suggest, wish);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (strcmp(column_keys[i], wish) == 0) {
            *out_column = (enum top_column)i;
            return true;
        }
        sr_suggest_offer(&suggest, column_keys[i]);
    }
    message_print("there is no column %s%s%s%s: --sort takes one of%s", render_quote(wish, &quoted),
                  suggest.best ? " (did you mean '" : "", suggest.best ? suggest.best : "",
                  suggest.best ? "'?)" : "", listed);
    return false;
}

static int run_top(const struct invocation *invocation)
{
    struct top top = {
        .store = invocation->store, .style = invocation->style, .window_ns = SR_WINDOW_MINUTE_NS};
    uint64_t interval_ns = SECOND;
    const char *interval = invocation->values[OPTION_interval];
    if (!take_sort(invocation->values[OPTION_sort], &top.sort) ||
        (interval && !booking_duration("interval", interval, 100 * MILLISECOND, HOUR, &interval_ns))) {
        return STATUS_BAD;
    }
    struct figures figures;
    enum slipring_status status = figures_take(top.store, NULL, NULL, &figures);
    if (status != SLIPRING_OK) {
        return message_store("show", top.store, status);
    }
    const char *window = invocation->values[OPTION_window];
    if (window && !windows_parse(&figures, "window", window, &top.window_ns)) {
        figures_drop(&figures);
        return STATUS_BAD;
    }
    (void)sr_duration_label(top.window_ns, top.window);
    int result = STATUS_OK;
    bool is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (invocation->values[OPTION_json]) {
        figures_print_json(figures_json(&figures));
    } else if (invocation->values[OPTION_once] || !is_terminal) {
        choose_window(&figures, top.window_ns);
        print_once(&top, &figures);
    } else {
        result = run_live(&top, interval_ns);
    }
    figures_drop(&figures);
    return result;
}

const struct command command_top = {
    .name = "top",
    .synopsis = "[OPTION]...",
    .summary = "a live table of all primitives",
    .description =
        "Shows all primitives of a store, a line each, and looks again every second (--interval). "
        "On a terminal it takes "
        "the whole screen: q quits, s and S change the column it is sorted by, arrows, page keys, "
        "g and G scroll. "
        "With --once, or when input or output is no terminal, it prints the table once: plain "
        "lines for scripts.\n"
        "REQ/S, P50, P99 and SPILLED are of the last minute, or of the --window; SLO and BUDGET over the "
        "periods of the objectives; all "
        "else since the store was made. A dash "
        "means that there is no "
        "such figure: nothing ran in that time, no objective was set, nothing was paid. "
        "SPILLED is the share of executions that were counted without a time stamp of their own: the window "
        "has them when they were counted. "
        "BUDGET is what is left of "
        "the error budget of the worst objective, BURN 1H the highest burn rate of the last hour; lines "
        "whose budget is "
        "overspent, or whose alert fires, are red.\n"
        "Costs the recording programs nothing. Works without an agent and then says from when the "
        "figures are.",
    .exits = "0\tshown\n"
             "2\tbad input, no such store, or an unknown terminal\n",
    .examples = "slipring top\n"
                "slipring top --sort p99 --interval 5s\tthe slowest first, every five seconds\n"
                "slipring top --window 1h --sort p99\tof the last hour\n"
                "slipring top --once --sort rps | head -n 12\tthe ten busiest\n",
    COMMAND_OPTIONS(OPTION_once, OPTION_interval, OPTION_sort, OPTION_window, OPTION_json),
    .max_words = 0,
    .run = run_top,
};
