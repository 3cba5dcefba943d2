/* SPDX-License-Identifier: Apache-2.0 */
/* Error budgets and burn rates, read from what the agent published: the few words that are asked for, under the latch, no copy. */
#include <slipring/slo.h>

#include <string.h>

#include "api/readback.h"
#include "system/clock.h"

#define IN_STATS(member)     offsetof(struct sr_figure_copy_shm, stats.member)
#define IN_DETAIL(member)    offsetof(struct sr_figure_copy_shm, detail.member)
#define IN_OBJECTIVE(member) offsetof(struct slipring_objective_stats, member)
#define IN_SLO(member)       offsetof(struct slipring_slo_stats, member)
#define IN_WINDOW(member)    offsetof(struct slipring_slo_window, member)

#define NAME_WORDS (sizeof((struct slipring_objective_stats *)0)->name / 8)

_Static_assert(IN_DETAIL(objective_count) % 8 == 0, "the low half of a word");
_Static_assert(IN_SLO(objective_count) % 8 == 0, "the low half of a word");

static const uint64_t windows_s[SLIPRING_SLO_WINDOW_COUNT] = {300, 1800, 3600, 7200, 21600, 86400, 259200};

SR_PUBLIC enum slipring_status slipring_slo_read(struct slipring_primitive *primitive,
                                                 struct slipring_slo_stats *out_slo)
{
    struct sr_readback place;
    enum slipring_status status = sr_readback_find(primitive, &place);
    if (status != SLIPRING_OK) {
        return status;
    }
    if (!sr_readback_has_slo(&place)) {
        return SLIPRING_NO_DATA;
    }
    struct slipring_slo_stats slo;
    status = sr_publish_read(&place.slo->latch, place.slo->copies, sizeof place.slo->copies[0], 0, &slo,
                             sizeof slo);
    if (status != SLIPRING_OK || slo.objective_count == 0) { /* or what stood there has gone */
        return SLIPRING_NO_DATA;
    }
    slo.objective_count =
        slo.objective_count < SLIPRING_OBJECTIVE_COUNT ? slo.objective_count : SLIPRING_OBJECTIVE_COUNT;
    slo.published_ns = sr_clock_monotonic_ns(slo.published_ns);
    *out_slo = slo;
    return SLIPRING_OK;
}

static double number_of(uint64_t word)
{
    double number;
    memcpy(&number, &word, sizeof number);
    return number;
}

/* --- which objective ----------------------------------------------------------------------------------------------------- */

/* A name as it stands in the figures: 32 bytes, those behind its end zero. */
struct name {
    uint64_t word[NAME_WORDS];
};

/* False: no objective can have it. */
static bool read_name(const char *text, struct name *out_name)
{
    const size_t bytes = strnlen(text, sizeof *out_name);
    if (bytes == 0 || bytes > SLIPRING_OBJECTIVE_NAME_MAX) {
        return false;
    }
    memset(out_name, 0, sizeof *out_name);
    memcpy(out_name, text, bytes);
    return true;
}

static uint64_t objective_off(uint32_t i)
{
    return IN_DETAIL(objectives) + i * sizeof(struct slipring_objective_stats);
}

/* Which of the published objectives has the name. SLIPRING_OBJECTIVE_COUNT: none. */
static uint32_t find_objective(const struct sr_publish_view *view, const struct name *name)
{
    const uint32_t count = (uint32_t)sr_publish_word(view, IN_DETAIL(objective_count));
    for (uint32_t i = 0; i < count && i < SLIPRING_OBJECTIVE_COUNT; i++) {
        const uint64_t off = objective_off(i) + IN_OBJECTIVE(name);
        uint32_t same = 0;
        while (same < NAME_WORDS && sr_publish_word(view, off + 8 * same) == name->word[same]) {
            same++;
        }
        if (same == NAME_WORDS) {
            return i;
        }
    }
    return SLIPRING_OBJECTIVE_COUNT;
}

/* --- the budget ----------------------------------------------------------------------------------------------------------- */

struct answer {
    bool exists;
    uint64_t word;
};

static struct answer worst_remaining(const struct sr_publish_view *view)
{
    return (struct answer){.exists = sr_publish_word(view, IN_STATS(present)) & SLIPRING_HAS_SLO,
                           .word = sr_publish_word(view, IN_STATS(budget_remaining))};
}

static struct answer named_remaining(const struct sr_publish_view *view, const struct name *name)
{
    const uint32_t i = find_objective(view, name);
    if (i == SLIPRING_OBJECTIVE_COUNT) {
        return (struct answer){.exists = false};
    }
    /* a money budget has an amount, and an answer though nothing was spent */
    return (struct answer){
        .exists = sr_publish_word(view, objective_off(i) + IN_OBJECTIVE(total)) != 0 ||
                  sr_publish_word(view, objective_off(i) + IN_OBJECTIVE(amount_nanodollars)) != 0,
        .word = sr_publish_word(view, objective_off(i) + IN_OBJECTIVE(budget_remaining))};
}

SR_PUBLIC enum slipring_status slipring_budget_remaining(struct slipring_primitive *primitive,
                                                         const char *objective, double *out_remaining)
{
    struct sr_readback place;
    struct sr_publish_view view;
    struct name name;
    enum slipring_status status = sr_readback_find(primitive, &place);
    if (status != SLIPRING_OK) {
        return status;
    }
    if (objective && !read_name(objective, &name)) {
        return SLIPRING_NO_DATA;
    }
    const struct sr_figure_shm *figure = place.figure;
    for (int tries = 0; tries < SR_PUBLISH_TRIES; tries++) {
        if (!sr_publish_look(&view, &figure->latch, figure->copies, sizeof figure->copies[0])) {
            return SLIPRING_NO_DATA;
        }
        const struct answer answer = objective ? named_remaining(&view, &name) : worst_remaining(&view);
        if (sr_publish_is_whole(&view)) {
            if (!answer.exists) {
                return SLIPRING_NO_DATA;
            }
            *out_remaining = number_of(answer.word);
            return SLIPRING_OK;
        }
    }
    return SLIPRING_NO_DATA;
}

/* --- the burn rate -------------------------------------------------------------------------------------------------------- */

/* Objectives keep their places, so that one that is found under the figures' latch is the same under the other. */
static uint32_t place_of(const struct sr_readback *place, const struct name *name)
{
    struct sr_publish_view view;
    const struct sr_figure_shm *figure = place->figure;
    for (int tries = 0; tries < SR_PUBLISH_TRIES; tries++) {
        if (!sr_publish_look(&view, &figure->latch, figure->copies, sizeof figure->copies[0])) {
            break;
        }
        const uint32_t i = find_objective(&view, name);
        if (sr_publish_is_whole(&view)) {
            return i;
        }
    }
    return SLIPRING_OBJECTIVE_COUNT;
}

static struct answer worst_burn(const struct sr_publish_view *view, uint32_t window)
{
    return (struct answer){.exists = sr_publish_word(view, IN_SLO(burn_present)) >> window & 1,
                           .word = sr_publish_word(view, IN_SLO(worst_burn_rate) + 8 * window)};
}

static struct answer burn_of(const struct sr_publish_view *view, uint32_t i, uint32_t window)
{
    const uint64_t objective = IN_SLO(objectives) + i * sizeof(struct slipring_slo_objective);
    const uint64_t off = objective + offsetof(struct slipring_slo_objective, windows) +
                         window * sizeof(struct slipring_slo_window);
    const uint64_t present =
        sr_publish_word(view, objective + offsetof(struct slipring_slo_objective, present));
    return (struct answer){.exists = i < (uint32_t)sr_publish_word(view, IN_SLO(objective_count)) &&
                                     sr_publish_word(view, off + IN_WINDOW(window_s)) != 0 &&
                                     (sr_publish_word(view, off + IN_WINDOW(total)) != 0 ||
                                      (present & SLIPRING_SLO_IS_SPEND) != 0),
                           .word = sr_publish_word(view, off + IN_WINDOW(burn_rate))};
}

/* i: one of the objectives, or SLIPRING_OBJECTIVE_COUNT for the worst of them. */
static enum slipring_status read_burn(const struct sr_readback *place, uint32_t i, uint32_t window,
                                      double *out_burn_rate)
{
    struct sr_publish_view view;
    const struct sr_slo_figure_shm *slo = place->slo;
    for (int tries = 0; tries < SR_PUBLISH_TRIES; tries++) {
        if (!sr_publish_look(&view, &slo->latch, slo->copies, sizeof slo->copies[0])) {
            return SLIPRING_NO_DATA;
        }
        const struct answer answer =
            i < SLIPRING_OBJECTIVE_COUNT ? burn_of(&view, i, window) : worst_burn(&view, window);
        if (sr_publish_is_whole(&view)) {
            if (!answer.exists) {
                return SLIPRING_NO_DATA;
            }
            *out_burn_rate = number_of(answer.word);
            return SLIPRING_OK;
        }
    }
    return SLIPRING_NO_DATA;
}

SR_PUBLIC enum slipring_status slipring_burn_rate(struct slipring_primitive *primitive, const char *objective,
                                                  uint64_t window_s, double *out_burn_rate)
{
    struct sr_readback place;
    struct name name;
    uint32_t window = 0;
    while (window < SLIPRING_SLO_WINDOW_COUNT && windows_s[window] != window_s) {
        window++;
    }
    if (window == SLIPRING_SLO_WINDOW_COUNT) {
        return SLIPRING_BAD_ARGUMENT;
    }
    const enum slipring_status status = sr_readback_find(primitive, &place);
    if (status != SLIPRING_OK) {
        return status;
    }
    uint32_t i = SLIPRING_OBJECTIVE_COUNT;
    if (objective) {
        i = read_name(objective, &name) ? place_of(&place, &name) : SLIPRING_OBJECTIVE_COUNT;
        if (i == SLIPRING_OBJECTIVE_COUNT) {
            return SLIPRING_NO_DATA;
        }
    }
    return sr_readback_has_slo(&place) ? read_burn(&place, i, window, out_burn_rate) : SLIPRING_NO_DATA;
}
