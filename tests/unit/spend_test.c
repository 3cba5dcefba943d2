/* SPDX-License-Identifier: Apache-2.0 */
/* Money budgets: what is spent in each window, to the nano-dollar, what fires and when, and what they keep out of. In a time that the test
 * makes, from 2026-01-01 00:00 UTC on. */
#include "agent/books/slo.h"

#include <string.h>

#include <slipring/slipring.h>

#include "api/process.h"
#include "pure/alert.h"
#include "support/budget.h"
#include "support/place.h"
#include "support/rig.h"

#define MS     UINT64_C(1000000)
#define HOUR   UINT64_C(3600)
#define DAY    UINT64_C(86400)
#define DOLLAR UINT64_C(1000000000)

static struct slipring_primitive *work;

/* What was spent, by the tick that booked it. */
static struct {
    uint64_t at_ns;
    uint64_t amount;
} spent[65536];
static uint32_t spent_count;

static uint32_t book_of_work(void)
{
    return rig.books->primitive[sr_handle_id(work)].book;
}

static void set(uint64_t amount, uint64_t period_s)
{
    budget_set(&rig, book_of_work(), "budget", amount, period_s);
}

static void begin(uint64_t amount, uint64_t period_s)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    rig_tick(&rig, RIG_SECOND);
    set(amount, period_s);
    rig_tick(&rig, RIG_SECOND);
}

/* Money alone; what it bought is no execution of its own. */
static void spend(uint64_t amount)
{
    const struct slipring_cost cost = {.cost_nanodollars = amount, .savings_nanodollars = 5};
    slipring_record_cost(work, &cost);
}

/* So much, and then a tick. */
static void spend_and_tick(uint64_t amount, uint64_t later_ns)
{
    if (amount != 0) {
        spend(amount);
        spent[spent_count].amount = amount;
        spent[spent_count].at_ns = rig.now_ns + later_ns;
        spent_count++;
        CHECK(spent_count < SR_ARRAY_COUNT(spent));
    }
    rig_tick(&rig, later_ns);
}

static uint64_t spent_within(uint64_t span_ns)
{
    uint64_t sum = 0;
    for (uint32_t i = spent_count; i-- > 0 && spent[i].at_ns > rig.now_ns - span_ns;) {
        sum += spent[i].amount;
    }
    return sum;
}

static struct slipring_objective_stats it(void)
{
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    for (uint32_t i = 0; i < detail.objective_count; i++) {
        if (detail.objectives[i].kind == SLIPRING_SPEND) {
            return detail.objectives[i];
        }
    }
    CHECK(false);
    return detail.objectives[0];
}

/* As published, of the money budget. */
static struct slipring_slo_objective slo(void)
{
    struct slipring_slo_stats out;
    CHECK_OK(slipring_slo_read(work, &out));
    for (uint32_t i = 0; i < out.objective_count; i++) {
        if (out.objectives[i].present & SLIPRING_SLO_IS_SPEND) {
            return out.objectives[i];
        }
    }
    CHECK(false);
    return out.objectives[0];
}

static enum slipring_alert_state state(uint32_t pair)
{
    return (enum slipring_alert_state)slo().alerts[pair].state;
}

static struct slipring_incident incident_of(uint32_t number, uint32_t expected_count)
{
    static struct slipring_incident all[SLIPRING_INCIDENT_COUNT];
    struct sr_stats *stats =
        sr_stats_of_mapping(agent_store_stats_base(rig.store), agent_store_stats_path(rig.store));
    CHECK(stats != NULL);
    const uint32_t count = sr_stats_incidents(stats, all);
    sr_stats_close(stats);
    CHECK_EQUAL(count, expected_count);
    return all[number];
}

/* --- what is spent ---------------------------------------------------------------------------------------------------------- */

static void what_is_spent_counts_without_an_execution(void)
{
    begin(30 * DOLLAR, 30 * DAY);
    spend_and_tick(6 * DOLLAR + 1, RIG_SECOND);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 0);
    CHECK_EQUAL(it().total, 6 * DOLLAR + 1);
    CHECK_EQUAL(it().good, 0);
    CHECK_EQUAL(it().amount_nanodollars, 30 * DOLLAR);
    CHECK(it().budget_remaining == 1.0 - (6e9 + 1) / 30e9);
    CHECK(it().burn_rate == (6e9 + 1) / 30e9);
    for (uint32_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        CHECK_EQUAL(slo().windows[i].total, 6 * DOLLAR + 1);
        CHECK_EQUAL(slo().windows[i].good, 0);
        /* by the nominal window, though there were three seconds of it */
        const double burn_rate = (6e9 + 1) * (30.0 * DAY) / (30e9 * (double)slo().windows[i].window_s);
        CHECK(slo().windows[i].burn_rate / burn_rate > 1 - 1e-15 &&
              slo().windows[i].burn_rate / burn_rate < 1 + 1e-15);
    }
    spend_and_tick(30 * DOLLAR, RIG_SECOND);
    CHECK(it().budget_remaining < -0.2 && it().budget_remaining > -0.2000001);
    CHECK(slo().present & SLIPRING_SLO_HAS_EXHAUSTION);
    CHECK(slo().exhaustion_s == 0.0);
}

static void executions_that_cost_nothing_spend_nothing(void)
{
    begin(DOLLAR, HOUR);
    for (int i = 0; i < 100; i++) {
        slipring_record(work, MS, i % 2 ? SLIPRING_SUCCESS : SLIPRING_FAILURE, NULL);
        rig_tick(&rig, RIG_SECOND);
    }
    CHECK_EQUAL(it().total, 0);
    CHECK(it().budget_remaining == 1.0);
    CHECK_EQUAL(slo().present, SLIPRING_SLO_IS_SPEND); /* no lack of data, and nothing that ends */
    CHECK_EQUAL(state(0), SLIPRING_ALERT_QUIET);
    CHECK_EQUAL(state(1), SLIPRING_ALERT_NONE); /* the period is an hour */
}

/* Executions go on for hours and cost nothing; then something does. Marks of executions say nothing of when. */
static void a_window_that_begins_in_free_executions_holds_what_came_after(void)
{
    begin(1000 * DOLLAR, 30 * DAY);
    spend_and_tick(7, RIG_SECOND);
    for (int i = 0; i < 600; i++) {
        slipring_record(work, MS, SLIPRING_SUCCESS, NULL);
        rig_tick(&rig, 30 * RIG_SECOND);
    }
    spend_and_tick(100, RIG_SECOND);
    rig_tick(&rig, RIG_SECOND);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQUAL(slo().windows[i].total, 100);
        CHECK_EQUAL(slo().windows[i].span_ns, slo().windows[i].window_s * RIG_SECOND);
    }
    CHECK_EQUAL(slo().windows[4].total, 107);
}

/* Savings, other categories, a saturated sum. */
static void all_categories_count_and_no_savings(void)
{
    begin(10 * DOLLAR, HOUR);
    uint32_t category = 0;
    CHECK_OK(slipring_category_get(work, "tokens", &category));
    const struct slipring_cost cost = {
        .cost_nanodollars = 3, .savings_nanodollars = 1000, .category = category};
    slipring_record(work, MS, SLIPRING_SUCCESS, &cost);
    spend(4);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(it().total, 7);
}

static void a_sum_that_stands_still_spends_no_more(void)
{
    begin(UINT64_MAX, HOUR);
    rig_tick(&rig, 400 * RIG_SECOND);
    sr_batch_set(&rig.books->durable->batch, SR_WORD(book, book_of_work(), SR_BOOK_COST), UINT64_MAX - 9);
    books_commit(rig.books);
    spend_and_tick(1000, RIG_SECOND);
    CHECK_EQUAL(it().total, UINT64_MAX);
    CHECK(it().budget_remaining == 0.0);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING);
    spend_and_tick(1000, 400 * RIG_SECOND);
    CHECK_EQUAL(it().total, UINT64_MAX);
    CHECK_EQUAL(slo().windows[0].total, 0);
    CHECK_EQUAL(rig_figures(&rig).money_saturated, 1);
}

/* --- alerts ----------------------------------------------------------------------------------------------------------------- */

/* 2 % of 30 dollars are 60 cents an hour, 5 cents in five minutes of it. */
static void a_pair_fires_from_the_first_nano_dollar_beyond_its_share_on(void)
{
    begin(30 * DOLLAR, 30 * DAY);
    rig_tick(&rig, 10 * RIG_SECOND);
    spend_and_tick(600 * MS - 1, RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_QUIET);
    spend_and_tick(1, RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_QUIET); /* exactly the share */
    CHECK(slo().windows[2].burn_rate == slo().alerts[0].factor);
    spend_and_tick(1, RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING);
    const uint64_t began_ns = rig.wall_ns;
    CHECK_EQUAL(slo().alerts[0].since_wall_ns, began_ns);
    CHECK_EQUAL(incident_of(0, 1).began_wall_ns, began_ns);
    CHECK_EQUAL(incident_of(0, 1).kind, SLIPRING_SPEND);
    spend_and_tick(123, RIG_SECOND);
    spend_and_tick(456, RIG_SECOND);
    CHECK_EQUAL(incident_of(0, 1).bad, 579); /* nano-dollars, since it fires */
    rig_drop(&rig);
    rig_open(&rig); /* whatever happens to the agent */
    CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING);
    /* the hour is full of it, the five minutes are over */
    for (int i = 0; i < 300; i++) {
        rig_tick(&rig, RIG_SECOND);
    }
    CHECK_EQUAL(state(0), SLIPRING_ALERT_QUIET);
    CHECK_EQUAL(slo().windows[2].total, 600 * MS + 580);
    CHECK(incident_of(0, 1).ended_wall_ns != 0 &&
          incident_of(0, 1).ended_wall_ns <= began_ns + 305 * RIG_SECOND);
    CHECK_EQUAL(incident_of(0, 1).bad, 579);
}

/* The gate is of executions: one that costs more than the share is what one wants to hear of. */
static void a_single_dear_execution_fires(void)
{
    begin(DOLLAR, 30 * DAY);
    const struct slipring_cost cost = {.cost_nanodollars = 200 * MS};
    slipring_record(work, MS, SLIPRING_SUCCESS, &cost);
    rig_tick(&rig, RIG_SECOND);
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        CHECK_EQUAL(state(pair), SLIPRING_ALERT_FIRING);
    }
}

#define LONGEST_STEP (7 * 32 * RIG_SECOND)

/* All of the window that there has been, but for a hundredth of it, and a tick. */
static void expect_covered(const struct slipring_slo_window *window, uint64_t age_ns)
{
    const uint64_t window_ns = window->window_s * RIG_SECOND;
    CHECK(window->span_ns <= window_ns);
    CHECK(window->span_ns + window_ns / 100 + LONGEST_STEP >= (window_ns < age_ns ? window_ns : age_ns));
}

/* Of every pair and every moment: it is in the state that its windows' nano-dollars say, and those are what was spent in the span. */
static uint32_t expect_judged(uint64_t amount, uint64_t length_s, uint64_t age_ns)
{
    static const uint32_t windows[SLIPRING_ALERT_COUNT][2] = {{2, 0}, {4, 1}, {5, 3}, {6, 4}};
    struct slipring_slo_stats now;
    uint32_t firing = 0;
    books_commit(rig.books);
    slo_read(rig.books, book_of_work(), rig.now_ns, &now);
    const struct slipring_slo_objective shown = now.objectives[0];
    for (uint32_t i = 0; i < SLIPRING_SLO_WINDOW_COUNT; i++) {
        const struct slipring_slo_window *window = &shown.windows[i];
        CHECK_EQUAL(window->total, spent_within(window->span_ns));
        CHECK_EQUAL(window->total, slo().windows[i].total); /* as published */
        expect_covered(window, age_ns);
    }
    for (uint32_t pair = 0; pair < SLIPRING_ALERT_COUNT; pair++) {
        CHECK_EQUAL(shown.alerts[pair].state, sr_alert_judge_spend(&sr_alert_pairs[pair], amount, length_s,
                                                                   shown.windows[windows[pair][0]].total,
                                                                   shown.windows[windows[pair][1]].total));
        firing += shown.alerts[pair].state == SLIPRING_ALERT_FIRING;
    }
    return firing;
}

static void a_pair_is_in_the_state_that_its_nano_dollars_say_at_every_tick(void)
{
    begin(100 * DOLLAR, 30 * DAY);
    const uint64_t began_ns = rig.now_ns;
    uint64_t seed = 7;
    uint32_t fired = 0;
    for (uint32_t round = 0; round < 60; round++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const uint64_t amount = (seed >> 20) % (DOLLAR / 20);
        const uint64_t steps = (seed >> 53) % 100;
        const uint64_t step_ns = (1 + (seed >> 59)) * RIG_SECOND;
        const bool is_free = (seed >> 50) % 3 == 0; /* executions that cost nothing */
        for (uint64_t step = 0; step < steps; step++) {
            if (is_free) {
                slipring_record(work, MS, SLIPRING_SUCCESS, NULL);
            }
            spend_and_tick(is_free || (seed >> (step % 32) & 1) ? 0 : amount, (is_free ? 7 : 1) * step_ns);
            fired += expect_judged(100 * DOLLAR, 30 * DAY, rig.now_ns - began_ns);
        }
    }
    CHECK(fired > 100);
}

/* --- periods ---------------------------------------------------------------------------------------------------------------- */

static void a_calendar_month_has_its_own_days_and_begins_anew(void)
{
    begin(28 * DOLLAR, SLIPRING_PERIOD_MONTH);
    rig_tick(&rig, 30 * DAY * RIG_SECOND); /* the 31st of January */
    spend_and_tick(7 * DOLLAR, RIG_SECOND);
    CHECK_EQUAL(it().total, 7 * DOLLAR);
    CHECK(it().budget_remaining == 0.75);
    CHECK(slo().alerts[0].factor == 2.0 * 31 * 24 / 100);
    const double hour = slo().windows[2].burn_rate;
    CHECK(hour == 7.0 * 31 * 24 / 28);
    rig_tick(&rig, DAY * RIG_SECOND); /* February */
    CHECK_EQUAL(it().total, 0);
    CHECK(it().budget_remaining == 1.0);
    spend_and_tick(14 * DOLLAR, RIG_SECOND);
    CHECK_EQUAL(it().total, 14 * DOLLAR);
    CHECK(slo().windows[2].burn_rate == 14.0 * 24); /* 28 days */
    CHECK(slo().alerts[0].factor == 2.0 * 28 * 24 / 100);
    CHECK_EQUAL(slo().windows[6].total, 21 * DOLLAR); /* rolling windows take no notice */
    CHECK(slo().present & SLIPRING_SLO_HAS_EXHAUSTION);
    CHECK(slo().exhaustion_s == 3600.0); /* as much again in the next hour */
}

static void another_amount_applies_to_all_that_was_spent(void)
{
    begin(10 * DOLLAR, 30 * DAY);
    spend_and_tick(DOLLAR / 10, RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_QUIET);
    set(DOLLAR, 30 * DAY);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(it().total, DOLLAR / 10);
    CHECK(it().budget_remaining == 0.9);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_FIRING); /* though nothing came */
    set(10 * DOLLAR, 30 * DAY);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(state(0), SLIPRING_ALERT_QUIET);
}

static void another_period_takes_what_is_known(void)
{
    begin(10 * DOLLAR, DAY);
    for (int i = 0; i < 48; i++) {
        spend_and_tick(100, HOUR * RIG_SECOND);
    }
    CHECK(it().total >= 2300 && it().total <= 2400);
    set(10 * DOLLAR, 2 * HOUR);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(it().total, spent_within(it().span_ns));
    CHECK(it().total <= 200);
    set(10 * DOLLAR, SLIPRING_PERIOD_MONTH);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(it().total, spent_within(it().span_ns));
}

/* --- what it keeps out of --------------------------------------------------------------------------------------------------- */

static void the_worst_of_the_objectives_is_without_money(void)
{
    double figure = 0.0;
    begin(DOLLAR, 30 * DAY);
    CHECK_OK(slipring_budget_remaining(work, "budget", &figure));
    CHECK(figure == 1.0);
    CHECK_OK(slipring_burn_rate(work, "budget", 300, &figure));
    CHECK(figure == 0.0);
    spend_and_tick(2 * DOLLAR, RIG_SECOND);
    CHECK_OK(slipring_budget_remaining(work, "budget", &figure));
    CHECK(figure == -1.0);
    CHECK_OK(slipring_burn_rate(work, "budget", 3600, &figure));
    CHECK(figure == 1440.0);
    CHECK_STATUS(slipring_budget_remaining(work, NULL, &figure), SLIPRING_NO_DATA);
    CHECK_STATUS(slipring_burn_rate(work, NULL, 3600, &figure), SLIPRING_NO_DATA);
    CHECK_EQUAL(rig_stats(&rig, "work").present & SLIPRING_HAS_SLO, 0);
    const struct slipring_slo errors = {.availability_ppb = SLIPRING_TARGET(0.5)};
    CHECK_OK(slipring_slo_configure(work, &errors));
    for (int i = 0; i < 4; i++) {
        slipring_record(work, MS, i == 0 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, NULL);
    }
    rig_tick(&rig, RIG_SECOND);
    CHECK_OK(slipring_budget_remaining(work, NULL, &figure));
    CHECK(figure == 0.5);
    CHECK_OK(slipring_burn_rate(work, NULL, 3600, &figure));
    CHECK(figure == 0.5);
    CHECK(rig_stats(&rig, "work").slo_compliance == 0.75);
    CHECK(rig_stats(&rig, "work").budget_remaining == 0.5);
}

/* Programs have no say in what things may cost. */
static void the_public_functions_refuse_money(void)
{
    CHECK_OK(slipring_primitive_get(rig_producer, "work", NULL, &work));
    struct slipring_objective objective = {.name = "budget", .kind = SLIPRING_SPEND};
    CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_ARGUMENT);
    objective.target_ppb = SLIPRING_TARGET(0.9);
    CHECK_STATUS(slipring_objective_add(work, &objective), SLIPRING_BAD_ARGUMENT);
    CHECK_STATUS(slipring_objective_change(work, &objective), SLIPRING_BAD_ARGUMENT);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(rig_detail(&rig, "work").objective_count, 0);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_is_spent_counts_without_an_execution),
        RIG_TEST(executions_that_cost_nothing_spend_nothing),
        RIG_TEST(a_window_that_begins_in_free_executions_holds_what_came_after),
        RIG_TEST(all_categories_count_and_no_savings),
        RIG_TEST(a_sum_that_stands_still_spends_no_more),
        RIG_TEST(a_pair_fires_from_the_first_nano_dollar_beyond_its_share_on),
        RIG_TEST(a_single_dear_execution_fires),
        RIG_TEST(a_pair_is_in_the_state_that_its_nano_dollars_say_at_every_tick),
        RIG_TEST(a_calendar_month_has_its_own_days_and_begins_anew),
        RIG_TEST(another_amount_applies_to_all_that_was_spent),
        RIG_TEST(another_period_takes_what_is_known),
        RIG_TEST(the_worst_of_the_objectives_is_without_money),
        RIG_TEST(the_public_functions_refuse_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
