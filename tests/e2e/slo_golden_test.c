/* SPDX-License-Identifier: Apache-2.0 */
/* What slo, slo explain, slo check and report print, against golden/: objectives published by hand, among them the examples of
 * "Alerting on SLOs" in the Google SRE workbook, whose arithmetic has to be readable in what is printed. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <slipring/slipring.h>

#include "peer/books.h"
#include "pure/alert.h"
#include "pure/objective.h"
#include "support/golden.h"
#include "support/place.h"
#include "system/clock.h"
#include "system/guard.h"

#define SECOND UINT64_C(1000000000)
#define DAY_S  UINT64_C(86400)

static const char store[] = "golden";
static const uint64_t windows_s[SLIPRING_SLO_WINDOW_COUNT] = {300, 1800, 3600, 7200, 21600, 86400, 259200};

/* --- a store with known objectives ------------------------------------------------------------------------------ */

struct primitive {
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    struct slipring_slo_stats slo;
};

static struct primitive *new_primitive(const char *name, const char *type)
{
    static struct primitive primitive;
    memset(&primitive, 0, sizeof primitive);
    memcpy(primitive.detail.name, name, strlen(name));
    memcpy(primitive.detail.type, type, strlen(type));
    primitive.stats.published_ns = primitive.slo.published_ns = sr_clock_ns();
    primitive.slo.minimum_events = 10;
    return &primitive;
}

static struct slipring_objective_stats *add_objective(struct primitive *primitive, const char *name,
                                                      uint32_t target_ppb, uint64_t threshold_ns,
                                                      uint64_t period_s, uint64_t good, uint64_t total)
{
    struct slipring_objective_stats *stats =
        &primitive->detail.objectives[primitive->detail.objective_count++];
    primitive->slo.objective_count++;
    *stats = (struct slipring_objective_stats){
        .kind = threshold_ns ? SLIPRING_LATENCY : SLIPRING_AVAILABILITY,
        .target_ppb = target_ppb,
        .threshold_ns = threshold_ns,
        .period_s = period_s,
        .span_ns = period_s == SLIPRING_PERIOD_MONTH ? 6 * DAY_S * SECOND : period_s * SECOND,
        .good = good,
        .total = total};
    memcpy(stats->name, name, strlen(name));
    if (total > 0) {
        CHECK(sr_objective_allowed_bad(target_ppb, total, &stats->allowed_bad));
        CHECK(sr_objective_compliance(good, total, &stats->compliance));
        CHECK(sr_objective_remaining(target_ppb, good, total, &stats->budget_remaining));
        CHECK(sr_objective_burn_rate(target_ppb, good, total, &stats->burn_rate));
    }
    return stats;
}

/* The windows of the objective added last: bad and total of each, then its pairs and the time to exhaustion as the agent has them. */
static struct slipring_slo_objective *evaluate(struct primitive *primitive,
                                               const uint64_t counts[SLIPRING_SLO_WINDOW_COUNT][2])
{
    const struct slipring_objective_stats *stats =
        &primitive->detail.objectives[primitive->detail.objective_count - 1];
    struct slipring_slo_objective *slo = &primitive->slo.objectives[primitive->slo.objective_count - 1];
    const uint64_t length_s = stats->period_s == SLIPRING_PERIOD_MONTH ? 30 * DAY_S : stats->period_s;
    struct sr_alert_window sums[SLIPRING_SLO_WINDOW_COUNT] = {{0}};
    for (int i = 0; i < SLIPRING_SLO_WINDOW_COUNT && windows_s[i] <= length_s; i++) {
        struct slipring_slo_window *window = &slo->windows[i];
        *window = (struct slipring_slo_window){.window_s = windows_s[i],
                                               .span_ns = windows_s[i] * SECOND,
                                               .good = counts[i][1] - counts[i][0],
                                               .total = counts[i][1]};
        sums[i] = (struct sr_alert_window){window->good, window->total};
        (void)!sr_objective_burn_rate(stats->target_ppb, window->good, window->total, &window->burn_rate);
    }
    for (int i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        if (slo->windows[i].total > 0 && !(primitive->slo.worst_burn_rate[i] > slo->windows[i].burn_rate)) {
            primitive->slo.worst_burn_rate[i] = slo->windows[i].burn_rate;
            primitive->slo.burn_present |= UINT64_C(1) << i;
        }
    }
    static const int longs[] = {2, 4, 5, 6};
    static const int shorts[] = {0, 1, 3, 4};
    for (int i = 0; i < SLIPRING_ALERT_COUNT; i++) {
        const struct sr_alert_pair *pair = &sr_alert_pairs[i];
        const enum slipring_alert_state state =
            sr_alert_judge(pair, stats->target_ppb, length_s, primitive->slo.minimum_events, &sums[longs[i]],
                           &sums[shorts[i]]);
        slo->alerts[i] = (struct slipring_slo_alert){
            .long_s = pair->long_s,
            .short_s = pair->short_s,
            .share_ppm = pair->share_percent * 10000,
            .state = (uint32_t)state,
            .factor = sr_alert_factor(pair, length_s),
            .since_wall_ns = state == SLIPRING_ALERT_FIRING ? UINT64_C(1700000000) * SECOND : 0};
    }
    if (sr_alert_exhaustion(stats->budget_remaining, slo->windows[2].burn_rate, length_s,
                            &slo->exhaustion_s)) {
        slo->present |= SLIPRING_SLO_HAS_EXHAUSTION;
    }
    slo->present |= slo->windows[2].total == 0 ? (uint64_t)SLIPRING_SLO_NO_DATA : 0;
    return slo;
}

static void fill_windows(struct primitive *primitive, uint64_t n, uint64_t failures)
{
    static const uint64_t lengths_s[] = {60, 3600, 604800};
    struct slipring_stats_detail *detail = &primitive->detail;
    detail->window_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        struct slipring_window_stats *window = &detail->windows[i];
        *window = (struct slipring_window_stats){.window_ns = lengths_s[i] * SECOND,
                                                 .span_ns = (i == 2 ? 2 * DAY_S : lengths_s[i]) * SECOND,
                                                 .n = n * i,
                                                 .failures = failures * i,
                                                 .spilled = i,
                                                 .relative_error = 0.0108301,
                                                 .per_second = (double)(n * i) / (double)lengths_s[i],
                                                 .peak_per_second = 3.25 * i,
                                                 .cost_nanodollars = 3 * SECOND * i,
                                                 .savings_nanodollars = SECOND * i};
        for (int k = 0; k < SLIPRING_PERCENTILE_COUNT; k++) {
            window->percentile_ns[k] = 12e6 * (k + 1);
        }
    }
    primitive->stats.minute = detail->windows[0];
    primitive->stats.lifetime = detail->windows[2];
    primitive->stats.lifetime.window_ns = 0;
    primitive->stats.count = n * 2;
    primitive->stats.failures = failures * 2;
}

static void publish(struct sr_books *books, uint32_t id, const struct primitive *primitive)
{
    sr_books_publish(books, id, &primitive->stats, &primitive->detail, NULL);
    if (primitive->detail.objective_count > 0) {
        CHECK_OK(sr_books_reserve(books, SR_OPTIONAL_SLO, id));
        sr_books_publish_slo(books, id, &primitive->slo);
    }
}

/* The workbook: 3,663,253 requests in four weeks at 97 % allow 109,897 bad ones; at 99.9 % a burn of 36 spends 5 % of 30 days in an
 * hour; one failure in ten requests an hour is a burn of 100 and 13.9 % of the month's budget. */
static void publish_workbook(struct sr_books *books, uint32_t id)
{
    struct primitive *primitive = new_primitive("workbook", "example");
    fill_windows(primitive, 1000, 36);
    add_objective(primitive, "four_weeks", 970000000, 0, 28 * DAY_S, 3663253 - 100000, 3663253);
    evaluate(primitive,
             (const uint64_t[][2]){
                 {0, 100}, {1, 1000}, {3, 2000}, {6, 4000}, {9, 30000}, {4000, 130000}, {12000, 390000}});
    add_objective(primitive, "burn_of_36", 999000000, 0, 30 * DAY_S, 720000 - 360, 720000);
    evaluate(primitive,
             (const uint64_t[][2]){
                 {3, 83}, {18, 500}, {36, 1000}, {36, 2000}, {36, 6000}, {36, 24000}, {36, 72000}});
    add_objective(primitive, "ten_an_hour", 999000000, 0, 30 * DAY_S, 7199, 7200);
    evaluate(primitive, (const uint64_t[][2]){{1, 1}, {1, 5}, {1, 10}, {1, 20}, {1, 60}, {1, 240}, {1, 720}});
    publish(books, id, primitive);
}

static void publish_others(struct sr_books *books)
{
    struct primitive *primitive = new_primitive("archive_file", "workflow");
    fill_windows(primitive, 20000, 2);
    primitive->detail.windows[1].relative_error = 0.0013539;
    struct slipring_objective_stats *stats =
        add_objective(primitive, "latency", 999000000, 100 * SECOND / 1000, 30 * DAY_S, 1230123, 1234569);
    stats->span_ns = 3 * DAY_S * SECOND;
    stats->since_ns = primitive->stats.published_ns - SECOND;
    stats->exact_since_ns = stats->since_ns;
    evaluate(primitive,
             (const uint64_t[][2]){
                 {0, 100}, {0, 600}, {2, 1200}, {5, 2400}, {50, 7200}, {300, 28800}, {4446, 1234569}});
    add_objective(primitive, "loose", 900000000, 0, SLIPRING_PERIOD_MONTH, 1234000, 1234569);
    evaluate(primitive, (const uint64_t[][2]){{0, 0}, {0, 4}, {0, 8}, {0, 20}, {0, 70}, {0, 280}, {0, 900}});
    publish(books, 1, primitive);

    primitive = new_primitive("idle|_step", "step");
    fill_windows(primitive, 0, 0);
    add_objective(primitive, "an_hour", 990000000, 0, 3600, 0, 0);
    evaluate(primitive, (const uint64_t[7][2]){{0, 0}});
    publish(books, 2, primitive);

    primitive = new_primitive("unmeasured", "step");
    fill_windows(primitive, 10, 0);
    publish(books, 3, primitive);
}

static struct slipring_incident incident(uint64_t now_ns, uint64_t began_ago_s, uint64_t ended_ago_s,
                                         uint32_t pair)
{
    struct slipring_incident incident = {.began_wall_ns = now_ns - began_ago_s * SECOND,
                                         .ended_wall_ns = ended_ago_s ? now_ns - ended_ago_s * SECOND : 0,
                                         .bad = 36,
                                         .peak_burn_rate = 36.04,
                                         .pair = pair,
                                         .kind = SLIPRING_AVAILABILITY,
                                         .objective = "burn_of_36",
                                         .primitive = "workbook",
                                         .type = "example"};
    return incident;
}

static uint32_t published; /* places */

static void publish_again(void *books)
{
    sr_books_finish_publishing(books, sr_clock_ns(), published);
}

static void close_store(struct sr_books *books)
{
    golden_before_each(NULL, NULL);
    sr_books_close(books);
}

static void open_store(struct sr_books *out_books)
{
    uint64_t holder;
    uint32_t replayed;
    CHECK_OK(sr_guard_install());
    CHECK_OK(sr_books_open(out_books, store, 0600, (gid_t)-1, &holder, &replayed));
    sr_books_set_agent(out_books, 4242, UINT64_C(1700000000) * SECOND, 1);
    CHECK_OK(sr_books_reserve_figures(out_books, 5));
    publish_workbook(out_books, 4);
    publish_others(out_books);
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t now_ns = (uint64_t)now.tv_sec * SECOND;
    const struct slipring_incident incidents[] = {
        incident(now_ns, 9 * DAY_S, 8 * DAY_S, 2), /* before the week */
        incident(now_ns, 3 * DAY_S, 3 * DAY_S - 5400, 1), incident(now_ns, 7200, 3600, 0),
        incident(now_ns, 20 * DAY_S, 0, 77), /* goes on; of a pair that is none */
    };
    sr_books_publish_incidents(out_books, incidents, 4);
    published = 5;
    sr_books_finish_publishing(out_books, sr_clock_ns(), published);
    golden_before_each(publish_again, out_books);
}

/* A money budget of 30 dollars in 30 days: what was spent in each window, and in all. */
static void add_budget(struct primitive *primitive, const char *name, uint64_t amount, uint64_t total,
                       const uint64_t spent[SLIPRING_SLO_WINDOW_COUNT])
{
    static const int longs[] = {2, 4, 5, 6};
    static const int shorts[] = {0, 1, 3, 4};
    const uint64_t period_s = 30 * DAY_S;
    struct slipring_objective_stats *stats =
        &primitive->detail.objectives[primitive->detail.objective_count++];
    struct slipring_slo_objective *slo = &primitive->slo.objectives[primitive->slo.objective_count++];
    *stats = (struct slipring_objective_stats){.kind = SLIPRING_SPEND,
                                               .period_s = period_s,
                                               .span_ns = period_s * SECOND,
                                               .total = total,
                                               .amount_nanodollars = amount,
                                               .source = SLIPRING_SOURCE_FILE};
    memcpy(stats->name, name, strlen(name));
    slo->present = SLIPRING_SLO_IS_SPEND;
    (void)!sr_objective_spend_remaining(amount, total, &stats->budget_remaining);
    (void)!sr_objective_spend_burn_rate(amount, 1, total, 1, &stats->burn_rate);
    for (int i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        slo->windows[i] = (struct slipring_slo_window){
            .window_s = windows_s[i], .span_ns = windows_s[i] * SECOND, .total = spent[i]};
        (void)!sr_objective_spend_burn_rate(amount, period_s, spent[i], windows_s[i],
                                            &slo->windows[i].burn_rate);
    }
    for (int i = 0; i < SLIPRING_ALERT_COUNT; i++) {
        const struct sr_alert_pair *pair = &sr_alert_pairs[i];
        slo->alerts[i] =
            (struct slipring_slo_alert){.long_s = pair->long_s,
                                        .short_s = pair->short_s,
                                        .share_ppm = pair->share_percent * 10000,
                                        .state = (uint32_t)sr_alert_judge_spend(
                                            pair, amount, period_s, spent[longs[i]], spent[shorts[i]]),
                                        .factor = sr_alert_factor(pair, period_s)};
    }
    if (sr_alert_exhaustion(stats->budget_remaining, slo->windows[2].burn_rate, period_s,
                            &slo->exhaustion_s)) {
        slo->present |= SLIPRING_SLO_HAS_EXHAUSTION;
    }
}

static void publish_money(struct sr_books *books)
{
    struct primitive *primitive = new_primitive("translate", "llm");
    struct slipring_category_stats *categories = primitive->detail.categories;
    fill_windows(primitive, 1000, 36);
    primitive->detail.category_count = 3;
    memcpy(categories[0].name, "default", sizeof "default");
    categories[1] = (struct slipring_category_stats){.name = "tokens",
                                                     .lifetime_cost_nanodollars = 5 * SECOND,
                                                     .lifetime_savings_nanodollars = 2 * SECOND};
    categories[2] =
        (struct slipring_category_stats){.name = "images", .lifetime_cost_nanodollars = UINT64_MAX};
    add_budget(
        primitive, "monthly", 30 * SECOND, 22 * SECOND + 500000001,
        (const uint64_t[]){50000001, 200000000, 600000001, 700000000, 1499999999, 2000000000, 3000000000});
    add_budget(primitive, "overspent", 4 * SECOND, 5 * SECOND, (const uint64_t[7]){0});
    CHECK_OK(sr_books_reserve_figures(books, 6));
    publish(books, 5, primitive);
    struct slipring_incident spent = incident(UINT64_C(1700000000) * SECOND, 0, 0, 0);
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    spent.began_wall_ns = ((uint64_t)now.tv_sec - 7200) * SECOND;
    spent.ended_wall_ns = ((uint64_t)now.tv_sec - 3600) * SECOND;
    spent.kind = SLIPRING_SPEND;
    spent.bad = 1234567890;
    memcpy(spent.objective, "monthly", sizeof "monthly");
    memcpy(spent.primitive, "translate", sizeof "translate");
    sr_books_publish_incidents(books, &spent, 1);
    published = 6;
    publish_again(books);
}

/* --- the tests -------------------------------------------------------------------------------------------------- */

static void objectives_are_listed_what_hurts_most_first(void **state)
{
    (void)state;
    struct sr_books books;
    open_store(&books);
    golden_expect(WORDS("slo", "-s", store), "", 0, "slo.txt");
    golden_expect(WORDS("slo", "-s", store, "--color=always"), "100", 0, "slo_colour.txt");
    golden_expect(WORDS("slo", "-s", store, "work*", "--json"), "", 0, "slo.json");
    golden_expect(WORDS("slo", "-s", store, "unmeasured"), "", 0, "slo_none.txt");
    golden_expect(WORDS("top", "-s", store, "--once", "--sort", "burn"), "", 0, "slo_top.txt");
    golden_expect(WORDS("show", "-s", store, "archive_file"), "120", 0,
                  "slo_show.txt"); /* whose windows differ in their error */
    golden_expect(WORDS("slo", "-s", store, "wrokbook"), "", 1, "slo_no_match.txt");
    close_store(&books);
}

static void each_figure_is_explained_with_the_numbers_put_in(void **state)
{
    (void)state;
    struct sr_books books;
    open_store(&books);
    golden_expect(WORDS("slo", "explain", "-s", store, "workbook"), "140", 0, "explain_workbook.txt");
    golden_expect(WORDS("slo", "explain", "-s", store, "archive_file", "latency"), "100", 0,
                  "explain_latency.txt");
    golden_expect(WORDS("slo", "explain", "-s", store, "idle|_step"), "100", 0, "explain_idle.txt");
    golden_expect(WORDS("slo", "explain", "-s", store, "workbook", "ten_an_hour", "--json"), "", 0,
                  "explain.json");
    golden_expect(WORDS("slo", "explain", "-s", store, "workbook", "ten_an_huor"), "", 1,
                  "explain_no_objective.txt");
    golden_expect(WORDS("slo", "explain", "-s", store, "unmeasured"), "", 1, "explain_none.txt");
    golden_expect(WORDS("slo", "explain", "-s", store), "", 2, "explain_what.txt");
    close_store(&books);
}

static void money_is_told_in_dollars(void **state)
{
    (void)state;
    struct sr_books books;
    const char *const s = store;
    open_store(&books);
    publish_money(&books);
    golden_expect(WORDS("slo", "-s", s, "translate"), "", 0, "money_slo.txt");
    golden_expect(WORDS("slo", "explain", "-s", s, "translate"), "140", 0, "money_explain.txt");
    golden_expect(WORDS("slo", "explain", "-s", s, "translate", "monthly", "--json"), "", 0,
                  "money_explain.json");
    golden_expect(
        WORDS("slo", "check", "-s", s, "translate", "monthly", "--min-budget", "10%", "--max-burn", "1h=20"),
        "", 0, "money_check.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "translate", "--min-budget", "10%", "--max-burn", "1h=10"),
                  "", 1, "money_check_fails.txt");
    golden_expect(WORDS("show", "-s", s, "translate"), "140", 0, "money_show.txt");
    golden_expect(WORDS("report", "-s", s, "translate"), "", 0, "money_report.txt");
    golden_expect(WORDS("report", "-s", s, "translate", "--json"), "", 0, "money_report.json");
    close_store(&books);
}

static void a_gate_says_what_is_wrong_and_by_how_much(void **state)
{
    (void)state;
    struct sr_books books;
    open_store(&books);
    const char *const s = store;
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "burn_of_36", "--min-budget", "10%"), "", 0,
                  "check_passes.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "burn_of_36", "--min-budget=0.6", "--max-burn",
                        "1h=2,3d=1"),
                  "", 1, "check_fails.txt");
    golden_expect(
        WORDS("slo", "check", "-s", s, "workbook", "burn_of_36", "--min-budget=0.5", "--max-burn", "1h=36"),
        "", 0, "check_equal_passes.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "four_weeks", "--min-budget", "9.0061938%",
                        "--max-burn", "3d=2"),
                  "", 0, "check_close_passes.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "burn_of_36", "--min-budget", "50.0000001%",
                        "--max-burn", "5m=36.144578313,1h=35.999999999"),
                  "", 1, "check_close_fails.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "archive_file"), "", 1, "check_all.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "idle|_step"), "", 1, "check_no_data.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "idle|_step", "--no-data", "ok"), "", 0,
                  "check_no_data_ok.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "idle|_step", "--no-data", "ok", "--max-burn=3d=1"), "", 1,
                  "check_no_window.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "burn_of_36", "--json"), "", 0, "check.json");
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "--min-budget", "10"), "", 2,
                  "check_bad_share.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "--max-burn", "1h=2,4h=3"), "", 2,
                  "check_bad_burn.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "--no-data", "yes"), "", 2,
                  "check_bad_no_data.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "--max-age", "0s"), "", 2, "check_bad_age.txt");
    golden_expect(WORDS("slo", "check", "-s", s, "wrokbook"), "", 1, "check_no_primitive.txt");
    golden_expect(WORDS("slo", "check", "-s", "goldne", "workbook"), "", 2, "check_no_store.txt");
    close_store(&books);
    golden_expect(WORDS("slo", "check", "-s", s, "workbook", "burn_of_36"), "", 1, "check_without_agent.txt");
}

static void old_figures_do_not_pass_a_gate(void **state)
{
    (void)state;
    struct sr_books books;
    open_store(&books);
    golden_before_each(NULL, NULL);
    sr_books_finish_publishing(&books, sr_clock_ns() - 120 * SECOND, 5);
    golden_expect(WORDS("slo", "check", "-s", store, "workbook", "burn_of_36"), "", 1, "check_old.txt");
    golden_expect(WORDS("slo", "check", "-s", store, "workbook", "burn_of_36", "--max-age", "5m"), "", 0,
                  "check_old_enough.txt");
    sr_books_finish_publishing(&books, sr_clock_ns() + 3600 * SECOND, 5); /* of another boot's clock */
    golden_expect(WORDS("slo", "check", "-s", store, "workbook", "burn_of_36"), "", 1,
                  "check_other_clock.txt");
    close_store(&books);
}

static void a_review_says_what_it_covers_and_what_not(void **state)
{
    (void)state;
    struct sr_books books;
    open_store(&books);
    golden_expect(WORDS("report", "-s", store), "", 0, "report.txt");
    golden_expect(WORDS("report", "-s", store, "--format", "markdown"), "100", 0, "report.md");
    golden_expect(WORDS("report", "-s", store, "--json", "work*", "unm*"), "", 0, "report.json");
    golden_expect(WORDS("report", "-s", store, "--since", "1h", "unmeasured"), "80", 0, "report_hour.txt");
    golden_expect(WORDS("report", "-s", store, "--since", "3d"), "", 2, "report_no_window.txt");
    golden_expect(WORDS("report", "-s", store, "--since", "3"), "", 2, "report_bad_window.txt");
    golden_expect(WORDS("report", "-s", store, "--json", "--format", "text"), "", 2,
                  "report_two_formats.txt");
    golden_expect(WORDS("report", "-s", store, "--format", "html"), "", 2, "report_bad_format.txt");
    close_store(&books);
}

/* Published counts that contradict each other are no figures, and no crash. */
static void what_cannot_be_is_not_reckoned_with(void **state)
{
    (void)state;
    struct sr_books books;
    open_store(&books);
    struct primitive *primitive = new_primitive("wild", "step");
    memset(&primitive->detail.windows, 0xff, sizeof primitive->detail.windows);
    memset(&primitive->detail.objectives, 0xff, sizeof primitive->detail.objectives);
    memset(&primitive->slo, 0xff, sizeof primitive->slo);
    primitive->detail.objective_count = primitive->detail.window_count = UINT32_MAX;
    publish(&books, 3, primitive);
    const char *const words[][6] = {
        {"show"},          {"slo"}, {"slo", "--json"}, {"slo", "explain"}, {"slo", "explain", "--json"},
        {"show", "--json"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *argv[8] = {NULL};
        size_t count = 0;
        for (; words[i][count]; count++) {
            argv[count] = words[i][count];
        }
        argv[count++] = "wild";
        argv[count++] = "-s";
        argv[count] = store;
        struct golden_output output = golden_run(argv, "100");
        if (output.status != 0) {
            print_error("%s: %d\n%s\n", words[i][0], output.status, output.text);
        }
        assert_int_equal(output.status, 0);
        assert_null(strstr(output.text, "nan"));
        free(output.text);
    }
    struct golden_output check = golden_run(WORDS("slo", "check", "wild", "-s", store), "100");
    assert_int_equal(check.status, 1);
    free(check.text);
    struct golden_output report = golden_run(WORDS("report", "-s", store), "100");
    assert_int_equal(report.status, 0);
    free(report.text);
    close_store(&books);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objectives_are_listed_what_hurts_most_first),
        cmocka_unit_test(each_figure_is_explained_with_the_numbers_put_in),
        cmocka_unit_test(money_is_told_in_dollars),
        cmocka_unit_test(a_gate_says_what_is_wrong_and_by_how_much),
        cmocka_unit_test(old_figures_do_not_pass_a_gate),
        cmocka_unit_test(a_review_says_what_it_covers_and_what_not),
        cmocka_unit_test(what_cannot_be_is_not_reckoned_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
