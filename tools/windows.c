/* SPDX-License-Identifier: Apache-2.0 */
/* Windows as rows: see windows.h. */
#include "windows.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "pure/decimal.h"
#include "pure/money.h"
#include "pure/objective.h"
#include "pure/window.h"
#include "table.h"

enum { INDENT = 2 };

/* The columns: X(id, title, may_go). Those that the agent was asked for besides stand behind the usual percentiles. */
#define WINDOW_COLUMNS(X)                                                                                    \
    X(window, "WINDOW", 0)                                                                                   \
    X(covers, "COVERS", 3)                                                                                   \
    X(n, "N", 0)                                                                                             \
    X(p50, "P50", 0)                                                                                         \
    X(p90, "P90", 6)                                                                                         \
    X(p95, "P95", 8)                                                                                         \
    X(p99, "P99", 0)                                                                                         \
    X(p999, "P99.9", 5)                                                                                      \
    X(extra, "", 7)                                                                                          \
    X(error, "ERROR", 5)                                                                                     \
    X(rate, "REQ/S", 1)                                                                                      \
    X(peak, "PEAK/S", 4)                                                                                     \
    X(failed, "FAILED", 2)                                                                                   \
    X(spilled, "SPILLED", 9)                                                                                 \
    X(cost, "COST", 10)                                                                                      \
    X(per_request, "A REQUEST", 12)                                                                          \
    X(per_hour, "AN HOUR", 13)                                                                               \
    X(savings, "SAVED", 11)

enum window_column {
#define X(id, text, going) COLUMN_##id,
    WINDOW_COLUMNS(X)
#undef X
        COLUMN_COUNT,
};

static const struct table_column usual_columns[COLUMN_COUNT] = {
#define X(id, text, going) {.title = (text), .is_right = COLUMN_##id != COLUMN_window, .may_go = (going)},
    WINDOW_COLUMNS(X)
#undef X
};

enum { COLUMNS_MAX = COLUMN_COUNT + SLIPRING_EXTRA_COUNT };

struct layout {
    struct table_column columns[COLUMNS_MAX];
    enum window_column ids[COLUMNS_MAX]; /* an extra one: which of them stands in extra[] */
    uint32_t extra[COLUMNS_MAX];
    char titles[SLIPRING_EXTRA_COUNT][SR_DECIMAL_TEXT_BYTES + 1];
    int count;
};

int windows_list(const struct figure *figure, const struct slipring_window_stats *out_windows[WINDOWS_MAX])
{
    const struct slipring_stats_detail *detail = &figure->detail;
    int count = 0;
    for (uint32_t i = 0; i < detail->window_count && i < SLIPRING_WINDOW_COUNT; i++) {
        out_windows[count++] = &detail->windows[i];
    }
    if (count == 0) {
        out_windows[count++] = &figure->stats.minute;
    }
    out_windows[count++] = &figure->stats.lifetime;
    return count;
}

const struct slipring_window_stats *windows_of(const struct figure *figure, uint64_t window_ns)
{
    const struct slipring_stats_detail *detail = &figure->detail;
    for (uint32_t i = 0; i < detail->window_count && i < SLIPRING_WINDOW_COUNT; i++) {
        if (detail->windows[i].window_ns == window_ns) {
            return &detail->windows[i];
        }
    }
    return NULL;
}

bool windows_are_kept(const struct figures *figures, uint64_t window_ns)
{
    for (size_t i = 0; i < figures->count; i++) {
        if (windows_of(&figures->list[i], window_ns)) {
            return true;
        }
    }
    return false;
}

uint64_t windows_next(const struct figures *figures, uint64_t beyond_ns)
{
    uint64_t next = 0;
    for (size_t i = 0; i < figures->count; i++) {
        const struct slipring_stats_detail *detail = &figures->list[i].detail;
        for (uint32_t k = 0; k < detail->window_count && k < SLIPRING_WINDOW_COUNT; k++) {
            const uint64_t window_ns = detail->windows[k].window_ns;
            next = window_ns > beyond_ns && (next == 0 || window_ns < next) ? window_ns : next;
        }
    }
    return next;
}

static void say_kept(const struct figures *figures, const char *wish)
{
    char kept[256] = "";
    size_t length = 0;
    struct render_text quoted;
    uint64_t window_ns = 0;
    while ((window_ns = windows_next(figures, window_ns)) != 0 &&
           length + SR_DURATION_LABEL_BYTES + 2 < sizeof kept) {
        char label[SR_DURATION_LABEL_BYTES];
        (void)sr_duration_label(window_ns, label);
        length +=
            (size_t)snprintf(kept + length, sizeof kept - length, "%s%s", length > 0 ? ", " : "", label);
    }
    message_print("no window of %s is kept: the agent keeps %s; slipringd --windows says which",
                  render_quote(wish, &quoted), length > 0 ? kept : "none yet");
}

bool windows_parse(const struct figures *figures, const char *option, const char *wish,
                   uint64_t *out_window_ns)
{
    struct render_text quoted;
    uint64_t window_ns = 0;
    const enum sr_parse verdict = sr_duration_parse(wish, UINT64_MAX, &window_ns);
    if (verdict != SR_PARSE_OK) {
        message_print("the time %s of --%s is %s: give a window that the agent keeps, as 1h",
                      render_quote(wish, &quoted), option, sr_parse_text(verdict));
        return false;
    }
    if (!windows_are_kept(figures, window_ns)) {
        say_kept(figures, wish);
        return false;
    }
    *out_window_ns = window_ns;
    return true;
}

const char *windows_name(const struct slipring_window_stats *window, char out_name[SR_DURATION_LABEL_BYTES])
{
    memcpy(out_name, "lifetime", sizeof "lifetime");
    if (window->window_ns != 0) {
        (void)sr_duration_label(window->window_ns, out_name);
    }
    return out_name;
}

static void add_column(struct layout *layout, enum window_column id, uint32_t extra, const char *title)
{
    struct table_column *column = &layout->columns[layout->count];
    *column = usual_columns[id];
    column->title = title ? title : column->title;
    layout->ids[layout->count] = id;
    layout->extra[layout->count] = extra;
    layout->count++;
}

/* Is the bound of some window's percentiles another than that of others? */
static bool errors_differ(const struct figure *figure)
{
    const struct slipring_window_stats *windows[WINDOWS_MAX];
    const int count = windows_list(figure, windows);
    const struct slipring_window_stats *first = NULL;
    for (int i = 0; i < count; i++) {
        if (windows[i]->n > 0 && first && windows[i]->relative_error != first->relative_error) {
            return true;
        }
        first = windows[i]->n > 0 && !first ? windows[i] : first;
    }
    return false;
}

double windows_error(const struct figure *figure)
{
    const struct slipring_window_stats *windows[WINDOWS_MAX];
    const int count = windows_list(figure, windows);
    double greatest = -1.0;
    for (int i = 0; i < count; i++) {
        const double error = windows[i]->relative_error;
        greatest = windows[i]->n > 0 && error > greatest ? error : greatest;
    }
    return greatest;
}

/* Money is shown where there is any, a bound for each where they are not all the same. */
static bool is_shown(const struct figure *figure, int id, bool has_errors)
{
    switch (id) {
    case COLUMN_error:
        return has_errors;
    case COLUMN_cost:
    case COLUMN_per_request:
    case COLUMN_per_hour:
        return figure->stats.lifetime.cost_nanodollars > 0;
    case COLUMN_savings:
        return figure->stats.lifetime.savings_nanodollars > 0;
    default:
        return true;
    }
}

static void lay_out(const struct figure *figure, struct layout *out_layout)
{
    const bool has_errors = errors_differ(figure);
    out_layout->count = 0;
    for (int id = 0; id < COLUMN_COUNT; id++) {
        if (id == COLUMN_extra) {
            for (uint32_t i = 0; i < figure->detail.extra_count && i < SLIPRING_EXTRA_COUNT; i++) {
                char *title = out_layout->titles[i];
                title[0] = 'P';
                (void)sr_decimal_format((uint64_t)figure->detail.extra_ppm[i] * 100000, title + 1);
                add_column(out_layout, COLUMN_extra, i, title);
            }
        } else if (is_shown(figure, id, has_errors)) {
            add_column(out_layout, (enum window_column)id, 0, NULL);
        }
    }
}

static const char *percentile(const struct render_style *style, const struct slipring_window_stats *window,
                              double ns, struct render_text *room)
{
    return window->n > 0 ? render_nanoseconds(style, ns, room) : render_absent(style);
}

static const char *rate(double per_second, struct render_text *room)
{
    render_rate(per_second, room);
    room->text[strcspn(room->text, "/")] = '\0'; /* the title has the unit */
    return room->text;
}

/* The share; the lifetime loses nothing by it. */
static const char *spilled(const struct render_style *style, const struct slipring_window_stats *window,
                           struct render_text *room)
{
    double ratio;
    return window->window_ns != 0 && sr_objective_compliance(window->spilled, window->n, &ratio)
               ? render_ratio(ratio, room)
               : render_absent(style);
}

/* Of the lifetime no hour is like another. */
static const char *per_hour(const struct render_style *style, const struct slipring_window_stats *window,
                            struct render_text *room)
{
    return window->window_ns != 0
               ? render_dollars(sr_money_per_hour(window->cost_nanodollars, window->span_ns), room)
               : render_absent(style);
}

static const char *per_request(const struct render_style *style, const struct slipring_window_stats *window,
                               struct render_text *room)
{
    double dollars;
    return sr_money_per_request(window->cost_nanodollars, window->n, &dollars) ? render_dollars(dollars, room)
                                                                               : render_absent(style);
}

static const char *cell(const struct layout *layout, int at, const struct slipring_window_stats *window,
                        const struct render_style *style, struct render_text *room)
{
    switch (layout->ids[at]) {
    case COLUMN_window:
        return NULL;
    case COLUMN_covers:
        return render_duration(style, window->span_ns, room);
    case COLUMN_n:
        return render_count(window->n, room);
    case COLUMN_p50:
        return percentile(style, window, window->percentile_ns[SLIPRING_P50], room);
    case COLUMN_p90:
        return percentile(style, window, window->percentile_ns[SLIPRING_P90], room);
    case COLUMN_p95:
        return percentile(style, window, window->percentile_ns[SLIPRING_P95], room);
    case COLUMN_p99:
        return percentile(style, window, window->percentile_ns[SLIPRING_P99], room);
    case COLUMN_p999:
        return percentile(style, window, window->percentile_ns[SLIPRING_P999], room);
    case COLUMN_extra:
        return percentile(style, window, window->extra_ns[layout->extra[at]], room);
    case COLUMN_error:
        return window->n > 0 ? render_ratio(window->relative_error, room) : render_absent(style);
    case COLUMN_rate:
        return rate(window->per_second, room);
    case COLUMN_peak:
        return window->peak_per_second > 0.0 || window->n == 0 ? rate(window->peak_per_second, room)
                                                               : render_absent(style);
    case COLUMN_failed:
        return render_count(window->failures, room);
    case COLUMN_spilled:
        return spilled(style, window, room);
    case COLUMN_cost:
        return render_money(window->cost_nanodollars, room);
    case COLUMN_per_request:
        return per_request(style, window, room);
    case COLUMN_per_hour:
        return per_hour(style, window, room);
    case COLUMN_savings:
        return render_money(window->savings_nanodollars, room);
    case COLUMN_COUNT:
        break;
    }
    return "";
}

static void add_window(struct table *table, const struct layout *layout, const char *name,
                       const struct slipring_window_stats *window, const struct render_style *style)
{
    for (int i = 0; i < layout->count; i++) {
        struct render_text room;
        const char *text = cell(layout, i, window, style, &room);
        table_add(table, text ? text : name);
    }
}

void windows_print(const struct figure *figure, const struct render_style *style, FILE *stream)
{
    const struct slipring_window_stats *windows[WINDOWS_MAX];
    struct render_style inner = *style;
    struct layout layout;
    struct table table;
    const int count = windows_list(figure, windows);
    inner.columns = style->columns > INDENT ? style->columns - INDENT : style->columns;
    lay_out(figure, &layout);
    table_open(&table, layout.columns, layout.count);
    for (int i = 0; i < count; i++) {
        char name[SR_DURATION_LABEL_BYTES];
        struct slipring_window_stats window = *windows[i];
        if (windows[i] == &figure->stats.minute) {
            window.window_ns = SR_WINDOW_MINUTE_NS;
        } else if (windows[i] == &figure->stats.lifetime) {
            window.window_ns = 0;
        }
        add_window(&table, &layout, windows_name(&window, name), &window, &inner);
    }
    table_fit(&table, &inner);
    for (long row = -1; row < count; row++) {
        char *line = table_line(&table, &inner, row);
        fprintf(stream, "%*s%s%s%s\n", INDENT, "", row < 0 ? render_faint(style) : "", line,
                row < 0 ? render_plain(style) : "");
        free(line);
    }
    table_close(&table);
}
