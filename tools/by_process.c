/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring show NAME --by process`: see by_process.h. Read from the rings themselves, not from what the agent published: the books merge
 * all processes, and a figure for each would take memory for each. */
#include "by_process.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "figures.h"
#include "message.h"
#include "peer/clock.h"
#include "peer/inspect.h"
#include "peer/json_put.h"
#include "peer/samples.h"
#include "table.h"

enum { P50_PPM = 500000, P99_PPM = 990000 };

struct worker {
    struct sr_inspect_slot who; /* slot SR_INSPECT_NONE: nobody knows */
    uint32_t tid;               /* by thread; else 0 */
    bool has_samples;
    double p50_ns, p99_ns;
    struct sr_samples_sum sum;
};

struct workers {
    struct worker **list;
    size_t count, room;
    bool by_thread;
    uint64_t now_ns;
    uint64_t n;      /* samples of all of them */
    uint64_t shared; /* executions in the shared spill: of no known process */
    uint64_t own_namespace;
};

static void *checked(void *memory)
{
    if (!memory) {
        message_out_of_memory();
    }
    return memory;
}

/* --- looking -------------------------------------------------------------------------------------------------- */

static struct worker *worker_of(struct workers *workers, const struct sr_inspect *inspect,
                                const struct sr_inspect_ring *ring)
{
    const uint32_t tid = workers->by_thread ? ring->tid : 0;
    for (size_t i = 0; i < workers->count; i++) {
        if (workers->list[i]->who.slot == ring->slot && workers->list[i]->tid == tid) {
            return workers->list[i];
        }
    }
    if (workers->count == workers->room) {
        workers->room = workers->room ? 2 * workers->room : 16;
        workers->list = checked(reallocarray(workers->list, workers->room, sizeof *workers->list));
    }
    struct worker *worker = checked(calloc(1, sizeof *worker));
    if (sr_inspect_slot(inspect, ring->slot, &worker->who) != SLIPRING_OK) {
        worker->who = (struct sr_inspect_slot){.state = ""};
    }
    worker->who.slot = ring->slot;
    worker->tid = tid;
    workers->list[workers->count++] = worker;
    return worker;
}

static bool is_meant(const struct sr_inspect_primitive *primitive, const char *name, const char *type)
{
    return primitive->is_name_clean && strcmp(primitive->name, name) == 0 &&
           (!type || strcmp(primitive->type, type) == 0);
}

/* The ids that are called so: several types, and duplicates that the agent merges. free() it. */
static bool *find_ids(const struct sr_inspect *inspect, const char *name, const char *type,
                      struct workers *workers, bool *out_found)
{
    bool *is_wanted = checked(calloc(sr_inspect_primitive_count(), sizeof *is_wanted));
    *out_found = false;
    for (uint32_t i = 0; i < sr_inspect_primitive_count(); i++) {
        struct sr_inspect_primitive primitive;
        is_wanted[i] =
            sr_inspect_primitive(inspect, i, &primitive) == SLIPRING_OK && is_meant(&primitive, name, type);
        if (is_wanted[i]) {
            *out_found = true;
            workers->shared += primitive.shared;
        }
    }
    return is_wanted;
}

/* The slowest first; then whoever has more; those without samples last. */
static int compare_workers(const void *left, const void *right)
{
    const struct worker *const *a = left;
    const struct worker *const *b = right;
    if ((*a)->has_samples != (*b)->has_samples) {
        return (*a)->has_samples ? -1 : 1;
    }
    if ((*a)->p99_ns != (*b)->p99_ns) {
        return (*a)->p99_ns > (*b)->p99_ns ? -1 : 1;
    }
    if ((*a)->sum.n != (*b)->sum.n) {
        return (*a)->sum.n > (*b)->sum.n ? -1 : 1;
    }
    if ((*a)->who.slot != (*b)->who.slot) {
        return (*a)->who.slot < (*b)->who.slot ? -1 : 1;
    }
    return (*a)->tid < (*b)->tid ? -1 : (*a)->tid > (*b)->tid;
}

static void judge(struct workers *workers)
{
    for (size_t i = 0; i < workers->count; i++) {
        struct worker *worker = workers->list[i];
        worker->has_samples =
            sr_samples_percentile(worker->sum.cells, worker->sum.n, P50_PPM, &worker->p50_ns) &&
            sr_samples_percentile(worker->sum.cells, worker->sum.n, P99_PPM, &worker->p99_ns);
        workers->n += worker->sum.n;
    }
    if (workers->count > 0) {
        qsort(workers->list, workers->count, sizeof *workers->list, compare_workers);
    }
}

static void look(struct workers *workers, const struct sr_inspect *inspect, const bool *is_wanted)
{
    struct sr_samples *samples = checked(sr_samples_new());
    for (uint32_t i = 0; i < sr_inspect_ring_count(); i++) {
        const uint32_t primitive = sr_inspect_ring_primitive(inspect, i);
        struct sr_inspect_ring ring;
        if (primitive != SR_INSPECT_NONE && is_wanted[primitive] &&
            sr_inspect_ring(inspect, i, &ring) == SLIPRING_OK && ring.is_owned && ring.is_possible &&
            ring.slot != SR_INSPECT_NONE) {
            sr_samples_add(samples, inspect, &ring, workers->now_ns,
                           &worker_of(workers, inspect, &ring)->sum);
        }
    }
    sr_samples_free(samples);
    judge(workers);
}

static void drop(struct workers *workers)
{
    for (size_t i = 0; i < workers->count; i++) {
        free(workers->list[i]);
    }
    free(workers->list);
}

/* --- as text ---------------------------------------------------------------------------------------------------- */

static const char *life_of(const struct sr_inspect_slot *who)
{
    return !who->is_owned ? who->state : !who->liveness_known ? "unknown" : who->is_alive ? "alive" : "dead";
}

static bool is_elsewhere(const struct workers *workers, const struct worker *worker)
{
    return worker->who.namespace_id != 0 && workers->own_namespace != 0 &&
           worker->who.namespace_id != workers->own_namespace;
}

static void add_number(struct table *table, uint64_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, number);
    table_add(table, digits);
}

static void add_worker(struct table *table, const struct workers *workers, const struct worker *worker,
                       const struct render_style *style)
{
    const char *absent = render_absent(style);
    const struct sr_samples_sum *sum = &worker->sum;
    struct render_text text;
    (void)snprintf(text.text, sizeof text.text, "%" PRIu32 "%s", worker->who.pid,
                   is_elsewhere(workers, worker) ? "*" : "");
    table_add(table, text.text);
    table_add(table, render_safe(style, worker->who.comm, sizeof worker->who.comm, &text));
    table_add(table, life_of(&worker->who));
    if (workers->by_thread) {
        add_number(table, worker->tid);
    }
    add_number(table, sum->rings);
    table_add(table, render_count(sum->n, &text));
    table_add(table,
              sum->first_ns != 0 ? render_duration(style, workers->now_ns - sum->first_ns, &text) : absent);
    table_add(table, worker->has_samples ? render_nanoseconds(style, worker->p50_ns, &text) : absent);
    table_add(table, worker->has_samples ? render_nanoseconds(style, worker->p99_ns, &text) : absent);
    table_add(table, worker->has_samples ? render_duration(style, sum->max_ns, &text) : absent);
    table_add(table, render_count(sum->failures, &text));
    table_add(table, workers->n > 0 ? render_ratio((double)sum->n / (double)workers->n, &text) : absent);
    double spilled_ns;
    const bool has_spilled = sr_samples_percentile(sum->spilled_cells, sum->spilled, P99_PPM, &spilled_ns);
    if (sum->rings_shared > 0) {
        table_add(table, sum->spilled_max_ns > 0 ? "some" : absent);
    } else {
        table_add(table, render_count(sum->spilled, &text));
    }
    table_add(table, has_spilled ? render_nanoseconds(style, spilled_ns, &text) : absent);
    table_add(table, sum->spilled_max_ns > 0 ? render_duration(style, sum->spilled_max_ns, &text) : absent);
}

static const struct table_column all_columns[] = {
    {.title = "PID", .is_right = true},
    {.title = "PROCESS", .is_elastic = true},
    {.title = "LIFE", .may_go = 3},
    {.title = "THREAD", .is_right = true}, /* by thread alone */
    {.title = "RINGS", .is_right = true, .may_go = 6},
    {.title = "N", .is_right = true},
    {.title = "GOES BACK", .is_right = true, .may_go = 4},
    {.title = "P50", .is_right = true},
    {.title = "P99", .is_right = true},
    {.title = "MAX", .is_right = true, .may_go = 2},
    {.title = "FAILED", .is_right = true, .may_go = 1},
    {.title = "SHARE", .is_right = true, .may_go = 5},
    {.title = "SPILLED", .is_right = true, .may_go = 7},
    {.title = "SPILLED P99", .is_right = true, .may_go = 9},
    {.title = "SPILLED MAX", .is_right = true, .may_go = 8},
};
enum { COLUMN_COUNT = sizeof all_columns / sizeof *all_columns, COLUMN_THREAD = 3 };

static void print_notes(const struct workers *workers)
{
    struct render_text text;
    uint64_t unread = 0;
    uint32_t rings = 0;
    uint32_t shared = 0;
    bool some_elsewhere = false;
    for (size_t i = 0; i < workers->count; i++) {
        rings += workers->list[i]->sum.rings_unread;
        unread += workers->list[i]->sum.unread_words;
        shared += workers->list[i]->sum.rings_shared;
        some_elsewhere |= is_elsewhere(workers, workers->list[i]);
    }
    printf("\nthe last samples of each ring, looked at in the lines that the processes write; percentiles "
           "within 1.083%%\n");
    if (unread > 0) {
        printf("left out: %s words that may have been written over meanwhile, or begin nobody knows where\n",
               render_count(unread, &text));
    }
    if (rings > 0) {
        printf("left out: %" PRIu32 " ring%s that changed hands meanwhile, or hold what is no sample\n",
               rings, rings == 1 ? "" : "s");
    }
    if (shared > 0) {
        printf("spilled: of %" PRIu32 " ring%s that had other owners before, only the longest is known\n",
               shared, shared == 1 ? "" : "s");
    }
    if (workers->shared > 0) {
        printf(
            "shared spill: %s executions, ever, of threads without a ring: of which process is not known\n",
            render_count(workers->shared, &text));
    }
    if (some_elsewhere) {
        printf("*: a pid of another PID namespace\n");
    }
}

static void print_text(const struct workers *workers, const struct render_style *style)
{
    struct table_column columns[COLUMN_COUNT];
    struct table table;
    int count = 0;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (i != COLUMN_THREAD || workers->by_thread) {
            columns[count++] = all_columns[i];
        }
    }
    table_open(&table, columns, count);
    for (size_t i = 0; i < workers->count; i++) {
        add_worker(&table, workers, workers->list[i], style);
    }
    if (workers->count > 0) {
        table_print(&table, style, stdout);
    } else {
        printf("no thread holds a ring for it now\n");
    }
    table_close(&table);
    print_notes(workers);
}

/* --- as JSON ---------------------------------------------------------------------------------------------------- */

static void put_seconds(struct sr_json_making *making, struct json_object *object, const char *key, double ns)
{
    sr_json_put_number(making, object, key, ns / 1e9);
}

static struct json_object *worker_json(struct sr_json_making *making, const struct workers *workers,
                                       const struct worker *worker)
{
    const struct sr_samples_sum *sum = &worker->sum;
    struct json_object *object = json_object_new_object();
    double spilled_ns;
    sr_json_put_count(making, object, "pid", worker->who.pid);
    sr_json_put_count(making, object, "pid_namespace", worker->who.namespace_id);
    sr_json_put_text(making, object, "process", worker->who.comm);
    sr_json_put_text(making, object, "life", life_of(&worker->who));
    if (workers->by_thread) {
        sr_json_put_count(making, object, "thread", worker->tid);
    }
    sr_json_put_count(making, object, "rings", sum->rings);
    sr_json_put_count(making, object, "rings_unread", sum->rings_unread);
    sr_json_put_count(making, object, "n", sum->n);
    sr_json_put_count(making, object, "failures", sum->failures);
    if (worker->has_samples) {
        sr_json_put_number(making, object, "relative_error", SR_BUCKET_ERROR_BOUND);
        put_seconds(making, object, "p50", worker->p50_ns);
        put_seconds(making, object, "p99", worker->p99_ns);
        sr_json_put_billionths(making, object, "max", sum->max_ns);
        sr_json_put_number(making, object, "share", (double)sum->n / (double)workers->n);
    }
    if (sum->first_ns != 0) {
        sr_json_put_billionths(making, object, "oldest_seconds_ago", workers->now_ns - sum->first_ns);
        sr_json_put_billionths(making, object, "newest_seconds_ago", workers->now_ns - sum->last_ns);
    }
    sr_json_put_count(making, object, "unread_words", sum->unread_words);
    sr_json_put_count(making, object, "rings_with_former_spills", sum->rings_shared);
    sr_json_put_count(making, object, "spilled", sum->spilled);
    if (sr_samples_percentile(sum->spilled_cells, sum->spilled, P99_PPM, &spilled_ns)) {
        put_seconds(making, object, "spilled_p99", spilled_ns);
    }
    if (sum->spilled_max_ns > 0) {
        sr_json_put_billionths(making, object, "spilled_max", sum->spilled_max_ns);
    }
    return object;
}

static struct json_object *workers_json(const struct invocation *invocation, const struct workers *workers)
{
    struct sr_json_making making = {.failed = false};
    struct json_object *root = json_object_new_object();
    sr_json_put_text(&making, root, "store", invocation->store);
    sr_json_put_text(&making, root, "primitive", invocation->words[0]);
    sr_json_put_count(&making, root, "shared_spill", workers->shared);
    struct json_object *list = sr_json_put_array(&making, root, workers->by_thread ? "threads" : "processes");
    for (size_t i = 0; i < workers->count; i++) {
        sr_json_append(&making, list, worker_json(&making, workers, workers->list[i]));
    }
    return sr_json_finish(&making, root);
}

/* --- the command ------------------------------------------------------------------------------------------------ */

static bool take_by(const struct invocation *invocation, bool *out_by_thread)
{
    struct render_text quoted;
    const char *wish = invocation->values[OPTION_by];
    *out_by_thread = strcmp(wish, "thread") == 0;
    if (!*out_by_thread && strcmp(wish, "process") != 0) {
        message_print("--by %s is none of process, thread", render_quote(wish, &quoted));
        return false;
    }
    if (invocation->word_count == 0) {
        message_print("--by %s breaks the figures of one primitive down: give its NAME", wish);
        return false;
    }
    return true;
}

static uint64_t own_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (uint64_t)status.st_ino : 0;
}

int by_process_run(const struct invocation *invocation)
{
    const char *name = invocation->words[0];
    const char *type = invocation->values[OPTION_type];
    struct workers workers = {.now_ns = sr_clock_ns(), .own_namespace = own_namespace()};
    struct sr_inspect *inspect;
    bool is_found;
    if (!take_by(invocation, &workers.by_thread)) {
        return STATUS_BAD;
    }
    const enum slipring_status status = sr_inspect_open(invocation->store, &inspect);
    if (status != SLIPRING_OK) {
        return message_store("look into", invocation->store, status);
    }
    bool *is_wanted = find_ids(inspect, name, type, &workers, &is_found);
    if (is_found) {
        look(&workers, inspect, is_wanted);
    }
    const bool is_whole = sr_inspect_faults(inspect) == 0;
    sr_inspect_close(inspect);
    free(is_wanted);
    int result = STATUS_OK;
    if (!is_whole) {
        message_print("store '%s': %s", invocation->store, slipring_status_text(SLIPRING_WRONG_SIZE));
        result = STATUS_BAD;
    } else if (!is_found) {
        result = figures_refuse(invocation->store, name, type);
    } else if (invocation->values[OPTION_json]) {
        figures_print_json(workers_json(invocation, &workers));
    } else {
        print_text(&workers, &invocation->style);
    }
    drop(&workers);
    return result;
}
