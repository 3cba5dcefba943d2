/* SPDX-License-Identifier: Apache-2.0 */
/* e2e-recorder: an application that records what it is told on stdin, a command a line, words parted by blanks; %HH in a
 * word is a byte. It knows the public headers alone. I is the place of a primitive, 0 to 511, that `get` fills.
 *
 *   open [STORE]                        slipring_open(), or slipring_default()
 *   get I NAME [TYPE]                   slipring_primitive_get()
 *   category I NAME                     answers the status and the category's number
 *   slo I TARGET AVAILABILITY THRESHOLD parts per billion, parts per billion, nanoseconds
 *   record I NS S|F [COST SAVINGS CATEGORY]   nano-dollars; answers nothing, for there are many
 *   amount I COST SAVINGS CATEGORY      the same for slipring_record_cost()
 *   begin I N · end I N S|F · cancel I N      spans, at most 64 of a primitive at a time
 *   ledger FILE                         where the load keeps its sums (load.h)
 *   load FIRST LAST THREADS [BURST PAUSE_US]  · unload
 *   read I                              status, count, failures, aborted, active
 *   status · dropped · close · sync
 *
 * Every other command answers one line that begins with a status name. A command that it does not understand ends it with
 * status 2, so that a test with a slip in it fails. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define PLACES     512u
#define SPANS      64u
#define WORDS      8u
#define LINE_BYTES 4096

struct place {
    struct slipring_primitive *primitive;
    struct slipring_span spans[SPANS];
    unsigned span_count;
};

static struct place places[PLACES];
static struct slipring_store *store;

__attribute__((noreturn)) static void give_up(const char *why, const char *what)
{
    fprintf(stderr, "e2e-recorder: %s: %s\n", why, what);
    exit(2);
}

static void answer(enum slipring_status status)
{
    printf("%s\n", slipring_status_name(status));
}

static uint64_t number(const char *word)
{
    char *end;
    uint64_t value = word ? strtoull(word, &end, 10) : 0;
    if (!word || *word == '\0' || *end != '\0') {
        give_up("no number", word ? word : "(missing)");
    }
    return value;
}

static struct place *place(const char *word)
{
    uint64_t at = number(word);
    if (at >= PLACES) {
        give_up("no such place", word);
    }
    return &places[at];
}

static enum slipring_outcome outcome(const char *word)
{
    if (!word || (strcmp(word, "S") != 0 && strcmp(word, "F") != 0)) {
        give_up("no outcome", word ? word : "(missing)");
    }
    return word[0] == 'S' ? SLIPRING_SUCCESS : SLIPRING_FAILURE;
}

/* COST SAVINGS CATEGORY */
static struct slipring_cost amounts(char **words)
{
    return (struct slipring_cost){.cost_nanodollars = number(words[0]),
                                  .savings_nanodollars = number(words[1]),
                                  .category = (uint32_t)number(words[2])};
}

static void do_open(char **words)
{
    enum slipring_status status;
    if (words[0]) {
        status = slipring_open(words[0], &store);
    } else {
        store = slipring_default();
        status = slipring_store_status(store);
    }
    answer(status);
}

static void do_get(char **words)
{
    struct place *at = place(words[0]);
    answer(slipring_primitive_get(store, words[1] ? words[1] : "", words[2], &at->primitive));
}

static void do_category(char **words)
{
    uint32_t category = 0;
    enum slipring_status status =
        slipring_category_get(place(words[0])->primitive, words[1] ? words[1] : "", &category);
    printf("%s %" PRIu32 "\n", slipring_status_name(status), category);
}

static void do_slo(char **words)
{
    const struct slipring_slo slo = {.target_ppb = (uint32_t)number(words[1]),
                                     .availability_ppb = (uint32_t)number(words[2]),
                                     .latency_threshold_ns = number(words[3])};
    answer(slipring_slo_configure(place(words[0])->primitive, &slo));
}

static void do_record(char **words)
{
    struct slipring_primitive *primitive = place(words[0])->primitive;
    uint64_t duration_ns = number(words[1]);
    enum slipring_outcome how = outcome(words[2]);
    if (!words[3]) {
        slipring_record(primitive, duration_ns, how, NULL);
        return;
    }
    const struct slipring_cost cost = amounts(&words[3]);
    slipring_record(primitive, duration_ns, how, &cost);
}

static void do_amount(char **words)
{
    const struct slipring_cost cost = amounts(&words[1]);
    slipring_record_cost(place(words[0])->primitive, &cost);
}

static void do_begin(char **words)
{
    struct place *at = place(words[0]);
    uint64_t count = number(words[1]);
    if (count > SPANS - at->span_count) {
        give_up("too many spans", words[1]);
    }
    for (; count > 0; count--) {
        at->spans[at->span_count++] = slipring_begin(at->primitive);
    }
    answer(SLIPRING_OK);
}

static struct slipring_span *last_span(struct place *at)
{
    if (at->span_count == 0) {
        give_up("no span", "to end");
    }
    return &at->spans[--at->span_count];
}

static void do_end(char **words)
{
    struct place *at = place(words[0]);
    enum slipring_outcome how = outcome(words[2]);
    for (uint64_t count = number(words[1]); count > 0; count--) {
        slipring_end(last_span(at), how, NULL);
    }
    answer(SLIPRING_OK);
}

static void do_cancel(char **words)
{
    struct place *at = place(words[0]);
    for (uint64_t count = number(words[1]); count > 0; count--) {
        slipring_cancel(last_span(at));
    }
    answer(SLIPRING_OK);
}

static void do_ledger(char **words)
{
    if (!words[0] || !load_open_ledger(words[0])) {
        give_up("no ledger", words[0] ? words[0] : "(missing)");
    }
    answer(SLIPRING_OK);
}

static void do_load(char **words)
{
    uint64_t first = number(words[0]);
    uint64_t last = number(words[1]);
    struct load_plan plan = {.thread_count = (unsigned)number(words[2])};
    if (words[3]) {
        plan.burst = (unsigned)number(words[3]);
        plan.pause_us = (unsigned)number(words[4]);
    }
    for (; first <= last && plan.primitive_count < LOAD_PRIMITIVES; first++) {
        plan.primitives[plan.primitive_count++] = places[first % PLACES].primitive;
    }
    if (!load_start(&plan)) {
        give_up("the load did not start", words[0]);
    }
    answer(SLIPRING_OK);
}

static void do_unload(char **words)
{
    (void)words;
    if (!load_stop()) {
        give_up("the load did not stop", "a thread was not joined");
    }
    answer(SLIPRING_OK);
}

static void do_read(char **words)
{
    struct slipring_stats stats;
    enum slipring_status status = slipring_stats_read(place(words[0])->primitive, &stats);
    if (status != SLIPRING_OK) {
        answer(status);
        return;
    }
    printf("OK %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 "\n", stats.count, stats.failures, stats.aborted,
           stats.active);
}

static void do_status(char **words)
{
    (void)words;
    enum slipring_status status = slipring_store_status(store);
    printf("%s %s\n", slipring_status_name(status), slipring_status_text(status));
}

static void do_dropped(char **words)
{
    (void)words;
    printf("OK %" PRIu64 "\n", slipring_store_dropped(store));
}

static void do_close(char **words)
{
    (void)words;
    answer(slipring_close(store));
}

static void do_sync(char **words)
{
    (void)words;
    answer(SLIPRING_OK);
}

static const struct {
    const char *name;
    void (*run)(char **words);
} commands[] = {
    {"record", do_record}, {"amount", do_amount}, {"open", do_open},       {"get", do_get},
    {"slo", do_slo},       {"begin", do_begin},   {"end", do_end},         {"cancel", do_cancel},
    {"ledger", do_ledger}, {"load", do_load},     {"unload", do_unload},   {"category", do_category},
    {"read", do_read},     {"status", do_status}, {"dropped", do_dropped}, {"close", do_close},
    {"sync", do_sync},
};

/* %HH becomes its byte, in place. */
static void unescape(char *word)
{
    char *to = word;
    for (const char *from = word; *from; from++) {
        char digits[3] = {0};
        if (*from == '%' && from[1] && from[2]) {
            memcpy(digits, from + 1, 2);
            *to++ = (char)strtoul(digits, NULL, 16);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static void run_line(char *line)
{
    char *words[WORDS + 2] = {NULL};
    char *rest;
    unsigned count = 0;
    for (char *word = strtok_r(line, " \n", &rest); word && count <= WORDS;
         word = strtok_r(NULL, " \n", &rest)) {
        unescape(word);
        words[count++] = word;
    }
    for (size_t i = 0; count > 0 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, words[0]) == 0) {
            commands[i].run(&words[1]);
            return;
        }
    }
    give_up("no such command", count > 0 ? words[0] : "(empty line)");
}

int main(void)
{
    static char line[LINE_BYTES];
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        run_line(line);
    }
    return load_stop() ? 0 : 2;
}
