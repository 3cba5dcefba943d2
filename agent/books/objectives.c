/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives from the registry to the book: see objectives.h. */
#include "objectives.h"

#include <fnmatch.h>
#include <string.h>

#include "agent/log.h"
#include "binding.h"
#include "history.h"
#include "history_parts.h"
#include "pure/name.h"
#include "slo.h"

static uint64_t get(const struct books *books, uint32_t word)
{
    return sr_batch_get(&books->durable->batch, word);
}

static void set(struct books *books, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, word, value);
}

/* Where the name stands, or would stand; SLIPRING_OBJECTIVE_COUNT: there is no room. */
static uint32_t find(const struct books *books, uint32_t index, const char *name, bool *out_is_new)
{
    uint32_t room = SLIPRING_OBJECTIVE_COUNT;
    *out_is_new = false;
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        char there[32];
        binding_read_text(books, objective_word(index, i, SR_OBJECTIVE_NAME), there, sizeof there);
        if (strcmp(there, name) == 0) {
            return i;
        }
        room = there[0] == '\0' && room == SLIPRING_OBJECTIVE_COUNT ? i : room;
    }
    *out_is_new = room != SLIPRING_OBJECTIVE_COUNT;
    return room;
}

/* What an objective is to be. */
struct definition {
    char name[32]; /* zero-padded */
    uint32_t kind;
    uint32_t target_ppb;
    uint64_t threshold_ns;
    uint64_t period_s;
    uint64_t amount;
    enum slipring_objective_source source;
};

static struct definition of_program(const struct sr_catalog_objective *objective)
{
    struct definition it = {.kind = objective->kind,
                            .target_ppb = objective->target_ppb,
                            .threshold_ns = objective->threshold_ns,
                            .period_s = objective->period_s,
                            .source = SLIPRING_SOURCE_API};
    memcpy(it.name, objective->name, sizeof it.name);
    return it;
}

static struct definition of_rule(const struct agent_objective_rule *rule)
{
    struct definition it = {.kind = rule->kind,
                            .target_ppb = rule->target_ppb,
                            .threshold_ns = rule->threshold_ns,
                            .period_s = rule->period_s,
                            .amount = rule->amount,
                            .source = SLIPRING_SOURCE_FILE};
    memcpy(it.name, rule->name, strnlen(rule->name, SLIPRING_OBJECTIVE_NAME_MAX));
    return it;
}

static void note_change(struct books *books, uint32_t index)
{
    books_note_change(books, index);
    books->book[index].judged_ns = 0; /* its alerts are others now, though nothing comes */
}

static void write(struct books *books, uint32_t index, uint32_t i, const struct definition *it)
{
    binding_write_text(books, objective_word(index, i, SR_OBJECTIVE_NAME), it->name, sizeof it->name);
    set(books, objective_word(index, i, SR_OBJECTIVE_KIND), it->kind);
    set(books, objective_word(index, i, SR_OBJECTIVE_TARGET_PPB), it->target_ppb);
    set(books, objective_word(index, i, SR_OBJECTIVE_THRESHOLD_NS), it->threshold_ns);
    set(books, objective_word(index, i, SR_OBJECTIVE_PERIOD_S), it->period_s);
    set(books, objective_word(index, i, SR_OBJECTIVE_AMOUNT), it->amount);
    set(books, objective_word(index, i, SR_OBJECTIVE_SOURCE), it->source);
    note_change(books, index);
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
    return get(books, objective_word(index, i, field)) != value;
}

static bool is_other(const struct books *books, uint32_t index, uint32_t i, const struct definition *it)
{
    return differs(books, index, i, SR_OBJECTIVE_KIND, it->kind) ||
           differs(books, index, i, SR_OBJECTIVE_TARGET_PPB, it->target_ppb) ||
           differs(books, index, i, SR_OBJECTIVE_THRESHOLD_NS, it->threshold_ns) ||
           differs(books, index, i, SR_OBJECTIVE_PERIOD_S, it->period_s) ||
           differs(books, index, i, SR_OBJECTIVE_AMOUNT, it->amount);
}

static void tell_of_change(const struct books *books, uint32_t index, const struct definition *it,
                           bool begins)
{
    char name[136];
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_NAME), name, sizeof name);
    log_event(LOG_INFO, log_what("objective changed"), log_text("primitive", name),
              log_text("objective", it->name),
              log_text("source", it->source == SLIPRING_SOURCE_FILE ? "file" : "api"),
              log_number("target_ppb", it->target_ppb), log_number("threshold_ns", it->threshold_ns),
              log_number("amount_nanodollars", it->amount), log_number("period_s", it->period_s),
              log_text("past", begins ? "begins anew" : "kept"));
}

/* Objective i becomes this one. True: it begins anew. */
static bool change(struct books *books, uint32_t index, uint32_t i, const struct definition *it,
                   uint64_t now_ns)
{
    if (!is_other(books, index, i, it)) {
        if (differs(books, index, i, SR_OBJECTIVE_SOURCE, it->source)) {
            set(books, objective_word(index, i, SR_OBJECTIVE_SOURCE), it->source);
            note_change(books, index);
        }
        return false;
    }
    bool begins = differs(books, index, i, SR_OBJECTIVE_KIND, it->kind) ||
                  differs(books, index, i, SR_OBJECTIVE_THRESHOLD_NS, it->threshold_ns);
    if (!begins && differs(books, index, i, SR_OBJECTIVE_PERIOD_S, it->period_s)) {
        begins = !history_change_period(books, index, i, it->period_s, now_ns);
    }
    write(books, index, i, it);
    tell_of_change(books, index, it, begins);
    return begins;
}

/* --- the file's ----------------------------------------------------------------------------------------------------------- */

struct names {
    char name[136];
    char type[64];
};

static bool matches(const struct agent_objective_rule *rule, const struct names *names)
{
    if (rule->type && strcmp(rule->type, names->type) != 0) {
        return false;
    }
    return strcmp(rule->pattern, names->name) == 0 ||
           (strcmp(names->name, "__overflow__") != 0 && fnmatch(rule->pattern, names->name, 0) == 0);
}

/* The rule that sets this objective of the book, as far as the first `count` rules go. NULL: none does. */
static const struct agent_objective_rule *rule_of(const struct agent_options *options, uint32_t count,
                                                  const struct names *names, const char *objective)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct agent_objective_rule *rule = &options->rules[i];
        if (strcmp(rule->name, objective) == 0 && matches(rule, names)) {
            return rule;
        }
    }
    return NULL;
}

/* Said once a name: two names in 64 are taken for one. */
static void refuse(struct books *books, uint32_t index, const struct definition *it,
                   const struct names *names)
{
    const uint64_t bit = UINT64_C(1) << sr_name_hash(it->name, "") % 64;
    if (!(books->book[index].told_full & bit)) {
        books->book[index].told_full |= bit;
        log_event(LOG_WARNING, log_what("no room for an objective: a primitive has eight at most"),
                  log_text("primitive", names->name), log_text("objective", it->name),
                  log_text("source", it->source == SLIPRING_SOURCE_FILE ? "file" : "api"));
    }
}

/* All rules that match. Returns a bit for each that begins. */
static uint32_t take_rules(struct books *books, uint32_t index, const struct names *names, uint64_t now_ns)
{
    const struct agent_options *options = books->options;
    uint32_t begun = 0;
    for (uint32_t r = 0; r < options->rule_count; r++) {
        const struct agent_objective_rule *rule = &options->rules[r];
        if (!matches(rule, names) || rule_of(options, r, names, rule->name)) {
            continue;
        }
        const struct definition it = of_rule(rule);
        bool is_new = false;
        const uint32_t i = find(books, index, it.name, &is_new);
        if (i == SLIPRING_OBJECTIVE_COUNT) {
            refuse(books, index, &it, names);
        } else if (is_new) {
            write(books, index, i, &it);
            begun |= 1u << i;
        } else if (change(books, index, i, &it, now_ns)) {
            begun |= 1u << i;
        }
    }
    return begun;
}

/* --- what the file lets go ------------------------------------------------------------------------------------------------- */

static bool is_of_id(const struct books *books, uint32_t id, uint32_t index)
{
    uint32_t slot = 0;
    return get(books, SR_WORD(book, id, SR_BOOK_OF_ID)) == (uint64_t)index + 1 &&
           sr_catalog_state(books->rings, id, &slot) == SR_REGISTRY_READY &&
           sr_catalog_is_reserved(books->rings, id);
}

/* What programs say of the name: the lowest id that says something. */
static bool find_in_registry(const struct books *books, uint32_t index, const char *name,
                             struct definition *out_definition)
{
    const uint32_t high = sr_catalog_high(books->rings);
    for (uint32_t id = 0; id < high; id++) {
        struct sr_catalog_lists lists;
        if (!is_of_id(books, id, index)) {
            continue;
        }
        sr_catalog_read_lists(books->rings, id, &lists);
        for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT && lists.objectives[i].name[0]; i++) {
            if (strcmp(lists.objectives[i].name, name) == 0) {
                *out_definition = of_program(&lists.objectives[i]);
                return true;
            }
        }
    }
    return false;
}

/* Objective i is no more. */
static void remove_objective(struct books *books, uint32_t index, uint32_t i, const struct names *names)
{
    char name[32];
    binding_read_text(books, objective_word(index, i, SR_OBJECTIVE_NAME), name, sizeof name);
    log_event(LOG_INFO, log_what("objective removed: the configuration has it no longer"),
              log_text("primitive", names->name), log_text("objective", name));
    slo_end(books, index, i);
    history_forget(books, index, i);
    for (uint32_t field = 0; field < SR_OBJECTIVE_WORDS; field++) {
        set(books, objective_word(index, i, field), 0);
    }
    note_change(books, index);
    struct book *book = &books->book[index];
    book->has_objectives = book->has_spend = false;
    for (uint32_t other = 0; other < SLIPRING_OBJECTIVE_COUNT; other++) {
        const uint64_t kind = get(books, objective_word(index, other, SR_OBJECTIVE_KIND));
        book->has_objectives |= kind != 0;
        book->has_spend |= kind == SLIPRING_SPEND;
    }
}

/* Those that the file set and sets no longer. Returns a bit for each that begins. */
static uint32_t let_go(struct books *books, uint32_t index, const struct names *names, uint64_t now_ns)
{
    uint32_t begun = 0;
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        struct definition it;
        if (get(books, objective_word(index, i, SR_OBJECTIVE_KIND)) == 0 ||
            get(books, objective_word(index, i, SR_OBJECTIVE_SOURCE)) != SLIPRING_SOURCE_FILE) {
            continue;
        }
        char name[32];
        binding_read_text(books, objective_word(index, i, SR_OBJECTIVE_NAME), name, sizeof name);
        if (rule_of(books->options, books->options->rule_count, names, name)) {
            continue;
        }
        if (!find_in_registry(books, index, name, &it)) {
            remove_objective(books, index, i, names);
        } else if (change(books, index, i, &it, now_ns)) {
            begun |= 1u << i;
        }
    }
    return begun;
}

/* --- both ----------------------------------------------------------------------------------------------------------------- */

/* What the id's list says of names of which the file says nothing. */
static uint32_t take_list(struct books *books, uint32_t id, uint32_t index, const struct names *names,
                          const struct sr_catalog_lists *lists, uint64_t now_ns)
{
    uint32_t begun = 0;
    for (uint32_t from = 0; from < SLIPRING_OBJECTIVE_COUNT && lists->objectives[from].name[0]; from++) {
        const struct definition it = of_program(&lists->objectives[from]);
        bool is_new = false;
        const uint32_t i = find(books, index, it.name, &is_new);
        if (i == SLIPRING_OBJECTIVE_COUNT) {
            refuse(books, index, &it, names);
        } else if (is_new) {
            write(books, index, i, &it);
            begun |= 1u << i;
        } else if (!differs(books, index, i, SR_OBJECTIVE_SOURCE, SLIPRING_SOURCE_API) &&
                   is_other(books, index, i, &it) && is_lowest(books, id, index) &&
                   change(books, index, i, &it, now_ns)) {
            begun |= 1u << i;
        }
    }
    return begun;
}

uint32_t objectives_take_over(struct books *books, uint32_t id, uint32_t index,
                              const struct sr_catalog_lists *lists, uint64_t now_ns)
{
    struct names names;
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_NAME), names.name, sizeof names.name);
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_TYPE), names.type, sizeof names.type);
    uint32_t begun = let_go(books, index, &names, now_ns); /* first: it makes room */
    begun |= take_rules(books, index, &names, now_ns);
    if (lists) {
        begun |= take_list(books, id, index, &names, lists, now_ns);
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
