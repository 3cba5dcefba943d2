/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents in durable words: see incidents.h. */
#include "incidents.h"

#include <stdio.h>
#include <string.h>

#include "agent/log.h"
#include "binding.h"
#include "history.h"
#include "history_parts.h"
#include "pure/alert.h"

#define FIELD(member) (offsetof(struct slipring_incident, member) / 8u)

_Static_assert(sizeof(struct slipring_incident) == SR_INCIDENT_WORDS * 8u, "words");

static uint32_t incident_word(uint64_t number)
{
    return SR_WORD(incident, 0,
                   SR_INCIDENTS + (uint32_t)(number % SLIPRING_INCIDENT_COUNT) * SR_INCIDENT_WORDS);
}

static uint64_t get(const struct books *books, uint32_t word)
{
    return sr_batch_get(&books->durable->batch, word);
}

static void set(struct books *books, uint32_t word, uint64_t value)
{
    sr_batch_set(&books->durable->batch, word, value);
}

static uint64_t next_number(const struct books *books)
{
    return get(books, SR_WORD(incident, 0, SR_INCIDENT_NEXT));
}

static uint64_t bad_now(const struct books *books, uint32_t index, uint32_t i)
{
    uint64_t good = 0;
    uint64_t total = 0;
    history_now(books, index, i, &good, &total);
    return total - good;
}

static uint64_t word_of(double number)
{
    uint64_t word;
    memcpy(&word, &number, sizeof word);
    return word;
}

static double number_of(uint64_t word)
{
    double number;
    memcpy(&number, &word, sizeof number);
    return number;
}

/* Where the pair's incident stands. False: it has none, or it was written over. */
static bool find(const struct books *books, uint32_t index, uint32_t i, uint32_t pair, uint32_t *out_word)
{
    const uint64_t known = get(books, objective_word(index, i, SR_OBJECTIVE_INCIDENT + pair));
    const uint64_t next = next_number(books);
    if (known == 0 || known > next || next - known >= SLIPRING_INCIDENT_COUNT) {
        return false;
    }
    *out_word = incident_word(known - 1);
    return true;
}

/* A burn rate may be 0.08, or of a small money budget beyond any integer: four digits of it. What was bad meanwhile is known at
 * the end alone. */
static void tell(const struct slipring_incident *incident, enum log_level level, bool burns)
{
    const struct sr_alert_pair *pair = &sr_alert_pairs[incident->pair];
    const bool is_spend = incident->kind == SLIPRING_SPEND;
    const char *const errors = burns ? "error budget burns" : "error budget burns no longer";
    const char *const money = burns ? "money budget burns" : "money budget burns no longer";
    char rate[32];
    (void)snprintf(rate, sizeof rate, "%.4g", incident->peak_burn_rate);
    const struct log_field bad = log_number(is_spend ? "nanodollars" : "bad", incident->bad);
    log_event(level, log_what(is_spend ? money : errors), log_text("primitive", incident->primitive),
              log_text("type", incident->type), log_text("objective", incident->objective),
              log_number("long_window_seconds", pair->long_s),
              log_text(burns ? "burn_rate" : "peak_burn_rate", rate),
              burns ? (struct log_field){.key = NULL} : bad);
}

static void read_incident(const struct books *books, uint32_t word, struct slipring_incident *out_incident)
{
    uint64_t words[SR_INCIDENT_WORDS];
    for (uint32_t i = 0; i < SR_INCIDENT_WORDS; i++) {
        words[i] = get(books, word + i);
    }
    memcpy(out_incident, words, sizeof words);
}

void incidents_open(struct books *books, uint32_t index, uint32_t i, uint32_t pair, double burn_rate,
                    uint64_t wall_ns)
{
    struct slipring_incident incident = {
        .began_wall_ns = wall_ns,
        .peak_burn_rate = burn_rate,
        .pair = pair,
        .kind = (uint32_t)get(books, objective_word(index, i, SR_OBJECTIVE_KIND)),
    };
    binding_read_text(books, objective_word(index, i, SR_OBJECTIVE_NAME), incident.objective,
                      sizeof incident.objective);
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_NAME), incident.primitive,
                      sizeof incident.primitive);
    binding_read_text(books, SR_WORD(book, index, SR_BOOK_TYPE), incident.type, sizeof incident.type);
    tell(&incident, LOG_WARNING, true);
    const uint64_t number = next_number(books);
    const uint32_t first = incident_word(number);
    set(books, objective_word(index, i, SR_OBJECTIVE_INCIDENT + pair), 0);
    if (!books_reserve(books, SR_WORD(incident, 0, SR_INCIDENT_NEXT), 1) ||
        !books_reserve(books, first, SR_INCIDENT_WORDS)) {
        return;
    }
    uint64_t words[SR_INCIDENT_WORDS];
    memcpy(words, &incident, sizeof words);
    for (uint32_t word = 0; word < SR_INCIDENT_WORDS; word++) {
        set(books, first + word, words[word]);
    }
    set(books, SR_WORD(incident, 0, SR_INCIDENT_NEXT), number + 1);
    set(books, objective_word(index, i, SR_OBJECTIVE_INCIDENT + pair), number + 1);
    set(books, objective_word(index, i, SR_OBJECTIVE_INCIDENT_BAD + pair), bad_now(books, index, i));
    books->incidents_are_out = false;
}

/* Modulo 2^64, as incidents_count_anew() has it. */
static uint64_t bad_since(const struct books *books, uint32_t index, uint32_t i, uint32_t pair)
{
    return bad_now(books, index, i) - get(books, objective_word(index, i, SR_OBJECTIVE_INCIDENT_BAD + pair));
}

static void update(struct books *books, uint32_t word, uint64_t value)
{
    if (get(books, word) != value) {
        set(books, word, value);
        books->incidents_are_out = false;
    }
}

void incidents_go_on(struct books *books, uint32_t index, uint32_t i, uint32_t pair, double burn_rate)
{
    uint32_t word = 0;
    if (find(books, index, i, pair, &word)) {
        update(books, word + FIELD(bad), bad_since(books, index, i, pair));
        if (burn_rate > number_of(get(books, word + FIELD(peak_burn_rate)))) {
            update(books, word + FIELD(peak_burn_rate), word_of(burn_rate));
        }
    }
}

void incidents_close(struct books *books, uint32_t index, uint32_t i, uint32_t pair, uint64_t wall_ns)
{
    uint32_t word = 0;
    if (find(books, index, i, pair, &word)) {
        struct slipring_incident incident;
        update(books, word + FIELD(bad), bad_since(books, index, i, pair));
        update(books, word + FIELD(ended_wall_ns), wall_ns);
        read_incident(books, word, &incident);
        tell(&incident, LOG_INFO, false);
    }
    set(books, objective_word(index, i, SR_OBJECTIVE_INCIDENT + pair), 0);
}

void incidents_count_anew(struct books *books, uint32_t index, uint32_t i, uint32_t pair)
{
    uint32_t word = 0;
    if (find(books, index, i, pair, &word)) {
        set(books, objective_word(index, i, SR_OBJECTIVE_INCIDENT_BAD + pair),
            bad_now(books, index, i) - get(books, word + FIELD(bad)));
    }
}

void incidents_publish(struct books *books)
{
    if (books->incidents_are_out) {
        return;
    }
    struct slipring_incident incidents[SLIPRING_INCIDENT_COUNT];
    const uint64_t next = next_number(books);
    const uint32_t count = next < SLIPRING_INCIDENT_COUNT ? (uint32_t)next : SLIPRING_INCIDENT_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        read_incident(books, incident_word(next - count + i), &incidents[i]);
    }
    sr_books_publish_incidents(books->durable, incidents, count);
    books->incidents_are_out = true;
}
