/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives from the registry to the book: see objectives.h. */
#include "objectives.h"

#include <string.h>

#include "binding.h"
#include "history.h"
#include "log.h"
#include "slo.h"

static uint32_t word_of(uint32_t index, uint32_t i, uint32_t field)
{
    return SR_WORD(book, index, SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS + field);
}

static uint64_t get(const struct books *books, uint32_t word)
{
    return sr_batch_get(&books->durable->batch, word);
}

static void set(struct books *books, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, word, value);
}

/* The place of the name, or where it would stand; SLIPRING_OBJECTIVE_COUNT: there is no room. */
static uint32_t find(const struct books *books, uint32_t index, const char *name, bool *out_is_new)
{
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        char there[32];
        binding_read_text(books, word_of(index, i, SR_OBJECTIVE_NAME), there, sizeof there);
        *out_is_new = there[0] == '\0';
        if (*out_is_new || strcmp(there, name) == 0) {
            return i;
        }
    }
    return SLIPRING_OBJECTIVE_COUNT;
}

static void write(struct books *books, uint32_t index, uint32_t i,
                  const struct sr_catalog_objective *objective)
{
    binding_write_text(books, word_of(index, i, SR_OBJECTIVE_NAME), objective->name, sizeof objective->name);
    set(books, word_of(index, i, SR_OBJECTIVE_KIND), objective->kind);
    set(books, word_of(index, i, SR_OBJECTIVE_TARGET_PPB), objective->target_ppb);
    set(books, word_of(index, i, SR_OBJECTIVE_THRESHOLD_NS), objective->threshold_ns);
    set(books, word_of(index, i, SR_OBJECTIVE_PERIOD_S), objective->period_s);
    books->book[index].is_changed = true;
    books->book[index].judged_ns = 0; /* its alerts are others now, though nothing comes */
}

static bool is_lowest(const struct books *books, uint32_t id, uint32_t index)
{
    for (uint32_t other = 0; other < id; other++) {
        if (get(books, SR_WORD(book, other, SR_BOOK_OF_ID)) == (uint64_t)index + 1) {
            return false;
        }
    }
    return true;
}

static bool differs(const struct books *books, uint32_t index, uint32_t i, uint32_t field, uint64_t value)
{
    return get(books, word_of(index, i, field)) != value;
}

/* True: it begins anew. */
static bool change(struct books *books, uint32_t index, uint32_t i,
                   const struct sr_catalog_objective *objective, uint64_t now_ns)
{
    /* another kind has another threshold, too: that of availability is 0 */
    bool begins = differs(books, index, i, SR_OBJECTIVE_THRESHOLD_NS, objective->threshold_ns);
    if (!begins && differs(books, index, i, SR_OBJECTIVE_PERIOD_S, objective->period_s)) {
        begins = !history_change_period(books, index, i, objective->period_s, now_ns);
    }
    write(books, index, i, objective);
    char name[136];
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_NAME), name, sizeof name);
    log_event(LOG_INFO, log_what("objective changed"), log_text("primitive", name),
              log_text("objective", objective->name), log_number("target_ppb", objective->target_ppb),
              log_number("threshold_ns", objective->threshold_ns),
              log_number("period_s", objective->period_s), log_text("past", begins ? "begins anew" : "kept"));
    return begins;
}

uint32_t objectives_take_over(struct books *books, uint32_t id, uint32_t index,
                              const struct sr_catalog_lists *lists, uint64_t now_ns)
{
    uint32_t begun = 0;
    for (uint32_t from = 0; from < SLIPRING_OBJECTIVE_COUNT && lists->objectives[from].name[0]; from++) {
        const struct sr_catalog_objective *objective = &lists->objectives[from];
        bool is_new = false;
        const uint32_t i = find(books, index, objective->name, &is_new);
        if (i == SLIPRING_OBJECTIVE_COUNT) {
            continue;
        }
        if (is_new) {
            write(books, index, i, objective);
            begun |= 1u << i;
        } else if ((differs(books, index, i, SR_OBJECTIVE_KIND, objective->kind) ||
                    differs(books, index, i, SR_OBJECTIVE_TARGET_PPB, objective->target_ppb) ||
                    differs(books, index, i, SR_OBJECTIVE_THRESHOLD_NS, objective->threshold_ns) ||
                    differs(books, index, i, SR_OBJECTIVE_PERIOD_S, objective->period_s)) &&
                   is_lowest(books, id, index) && change(books, index, i, objective, now_ns)) {
            begun |= 1u << i;
        }
    }
    return begun;
}

void objectives_begin(struct books *books, uint32_t index, uint32_t begun, uint64_t now_ns)
{
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        if (begun >> i & 1) {
            history_begin(books, index, i, now_ns);
            slo_begin(books, index, i);
        }
    }
}
