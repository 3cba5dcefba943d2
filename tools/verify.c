/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring verify`: is everything that producers made in the books, or waiting to be? */
#include <inttypes.h>
#include <time.h>

#include <json-c/json.h>

#include "booking.h"
#include "command.h"
#include "figures.h"
#include "message.h"
#include "peer/audit.h"
#include "table.h"

#define SECOND UINT64_C(1000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static bool agrees(const struct sr_audit *audit)
{
    return audit->fault_count == 0 && !audit->is_truncated;
}

/* Look until the agent's side stands still and all agrees; a store that moves is looked at again, for as long as
 * there is patience. The last look counts. */
static enum slipring_status audit_patiently(const char *store, uint64_t patience_ns,
                                            struct sr_audit *out_audit)
{
    const uint64_t end = now_ns() + patience_ns;
    for (;;) {
        enum slipring_status status = sr_audit_take(store, out_audit);
        if (status != SLIPRING_OK || (agrees(out_audit) && out_audit->is_exact) || now_ns() >= end) {
            return status;
        }
        const struct timespec pause = {.tv_nsec = 20000000};
        (void)nanosleep(&pause, NULL);
    }
}

/* --- text ----------------------------------------------------------------------------------------------------- */

static void add_line(struct table *table, const char *what, uint64_t number, const char *meaning)
{
    struct render_text text;
    table_add(table, what);
    table_add(table, render_count(number, &text));
    table_add(table, meaning);
}

static void print_sums(const struct sr_audit *audit, const struct render_style *style)
{
    static const struct table_column columns[] = {
        {.title = "WHAT"}, {.title = "SAMPLES", .is_right = true}, {.title = "MEANING", .is_elastic = true}};
    struct table table;
    table_open(&table, columns, 3);
    add_line(&table, "produced", audit->produced, "published in rings and counted in spill blocks");
    add_line(&table, "drained", audit->drained, "taken from rings, in the books");
    add_line(&table, "spilled", audit->spilled, "folded from spill blocks, in the books");
    add_line(&table, "in rings", audit->in_rings, "waiting to be drained");
    add_line(&table, "in blocks", audit->in_blocks, "waiting to be folded");
    if (audit->is_exact) {
        int64_t difference = sr_audit_difference(audit);
        struct render_text text;
        table_add(&table, "difference");
        (void)snprintf(text.text, sizeof text.text, "%" PRId64, difference);
        table_add(&table, text.text);
        table_add(&table, "produced - drained - spilled - in rings - in blocks");
    }
    if (audit->usages + audit->in_accounts > 0) {
        add_line(&table, "usages", audit->usages, "executions with what they used, in the usage accounts");
        add_line(&table, "in accounts", audit->in_accounts, "usages waiting to be folded");
    }
    if (audit->quarantined > 0) {
        add_line(&table, "quarantined", audit->quarantined, "left behind in rings that were impossible");
    }
    if (audit->refused > 0) {
        add_line(&table, "refused", audit->refused, "of drained: impossible samples, counted and not booked");
    }
    if (audit->torn > 0) {
        add_line(&table, "torn", audit->torn,
                 "updates of a shared spill or usage account under way, or cut off by a kill");
    }
    table_print(&table, style, stdout);
    table_close(&table);
}

static void print_fault(const struct sr_audit_fault *fault)
{
    struct render_text is;
    struct render_text low;
    struct render_text high;
    printf("  %s", sr_audit_fault_text(fault->kind));
    if (fault->id != SR_AUDIT_NO_ID) {
        printf(" (number %" PRIu32 ")", fault->id);
    }
    render_count(fault->is, &is);
    render_count(fault->low, &low);
    render_count(fault->high, &high);
    if (fault->low == fault->high) {
        printf(": %s, should be %s\n", is.text, low.text);
    } else if (fault->high == UINT64_MAX) {
        printf(": %s, should be at least %s\n", is.text, low.text);
    } else {
        printf(": %s, should be %s to %s\n", is.text, low.text, high.text);
    }
}

/* Why the verdict is what it is. */
static const char *circumstances(const struct sr_audit *audit)
{
    if (!audit->has_books) {
        return "no agent has booked anything yet: all of it waits";
    }
    if (!audit->has_segment) {
        return "there is no ring segment: only the books were compared with themselves";
    }
    if (audit->is_remade) {
        return "the ring segment is newer than the books: an agent will take it up, all of it waits";
    }
    if (audit->was_replayed) {
        return "exactly; the agent was killed in the middle of a commit, which is applied here as the next "
               "one will";
    }
    return audit->is_exact ? "exactly" : "within what moved meanwhile";
}

static void print_text(const char *store, const struct sr_audit *audit, const struct render_style *style)
{
    const char *emphasis = agrees(audit) ? render_good(style) : render_bad(style);
    printf("store %s %s%s%s%s\n\n", store, emphasis, agrees(audit) ? "agrees: " : "disagrees",
           render_plain(style), agrees(audit) ? circumstances(audit) : ", see below");
    print_sums(audit, style);
    if (!audit->is_exact) {
        struct render_text low;
        struct render_text high;
        render_count(audit->drained_low + audit->spilled_low, &low);
        render_count(audit->drained_high + audit->spilled_high, &high);
        printf("\nThe agent was booking: drained and spilled had to be %s to %s.\n", low.text, high.text);
    }
    if (audit->is_truncated) {
        printf(
            "\nPages of a segment are lost: the file was truncated, and these figures are worth nothing.\n");
    }
    if (audit->fault_count > 0) {
        printf("\n%" PRIu32 " fault%s:\n", audit->fault_count, audit->fault_count == 1 ? "" : "s");
    }
    for (uint32_t i = 0; i < audit->fault_count && i < SR_AUDIT_FAULT_MAX; i++) {
        print_fault(&audit->faults[i]);
    }
    if (audit->fault_count > SR_AUDIT_FAULT_MAX) {
        printf("  and %" PRIu32 " more\n", audit->fault_count - SR_AUDIT_FAULT_MAX);
    }
}

/* --- JSON ----------------------------------------------------------------------------------------------------- */

static void put_number(struct json_object *object, const char *key, uint64_t number)
{
    json_object_object_add(object, key, json_object_new_uint64(number));
}

static struct json_object *faults_json(const struct sr_audit *audit)
{
    struct json_object *list = json_object_new_array();
    for (uint32_t i = 0; list && i < audit->fault_count && i < SR_AUDIT_FAULT_MAX; i++) {
        const struct sr_audit_fault *fault = &audit->faults[i];
        struct json_object *object = json_object_new_object();
        json_object_object_add(object, "fault", json_object_new_string(sr_audit_fault_text(fault->kind)));
        if (fault->id != SR_AUDIT_NO_ID) {
            put_number(object, "number", fault->id);
        }
        put_number(object, "is", fault->is);
        put_number(object, "at_least", fault->low);
        put_number(object, "at_most", fault->high);
        json_object_array_add(list, object);
    }
    return list;
}

static void print_json(const char *store, const struct sr_audit *audit)
{
    struct json_object *root = json_object_new_object();
    if (!root) {
        message_out_of_memory();
    }
    json_object_object_add(root, "store", json_object_new_string(store));
    json_object_object_add(root, "agrees", json_object_new_boolean(agrees(audit)));
    json_object_object_add(root, "exact", json_object_new_boolean(audit->is_exact));
    put_number(root, "produced", audit->produced);
    put_number(root, "drained", audit->drained);
    put_number(root, "spilled", audit->spilled);
    put_number(root, "in_rings", audit->in_rings);
    put_number(root, "in_blocks", audit->in_blocks);
    if (audit->is_exact) {
        json_object_object_add(root, "difference", json_object_new_int64(sr_audit_difference(audit)));
    } else {
        put_number(root, "booked_at_least", audit->drained_low + audit->spilled_low);
        put_number(root, "booked_at_most", audit->drained_high + audit->spilled_high);
    }
    put_number(root, "executions", audit->executions);
    put_number(root, "other_samples", audit->others);
    put_number(root, "refused", audit->refused);
    put_number(root, "quarantined", audit->quarantined);
    put_number(root, "torn", audit->torn);
    put_number(root, "usages", audit->usages);
    put_number(root, "in_accounts", audit->in_accounts);
    put_number(root, "fault_count", audit->fault_count);
    json_object_object_add(root, "faults", faults_json(audit));
    json_object_object_add(root, "truncated", json_object_new_boolean(audit->is_truncated));
    figures_print_json(root);
}

static int run_verify(const struct invocation *invocation)
{
    struct sr_audit audit;
    uint64_t patience_ns = 2 * SECOND;
    const char *wait = invocation->values[OPTION_wait];
    if (wait && !booking_duration("wait", wait, 0, 3600 * SECOND, &patience_ns)) {
        return STATUS_BAD;
    }
    enum slipring_status status = audit_patiently(invocation->store, patience_ns, &audit);
    if (status != SLIPRING_OK) {
        return message_store("verify", invocation->store, status);
    }
    if (invocation->values[OPTION_json]) {
        print_json(invocation->store, &audit);
    } else {
        print_text(invocation->store, &audit, &invocation->style);
    }
    return audit.is_truncated ? STATUS_BAD : agrees(&audit) ? STATUS_OK : STATUS_NO;
}

const struct command command_verify = {
    .name = "verify",
    .synopsis = "[OPTION]...",
    .summary = "check that produced = drained + spilled + waiting",
    .description =
        "Compares three accounts of the same samples: what producers published in rings and counted in spill "
        "blocks, "
        "how far the agent says that it took them, and what the books of all primitives add up to; and every "
        "book with "
        "its own histogram; and what was used, in the accounts of both sides, with the money of the books "
        "that "
        "it was priced into. Nothing that was recorded may be missing and nothing be booked twice.\n"
        "At rest, or with the agent dead, the verdict is exact. While the agent books, verify looks again "
        "for up to "
        "--wait until it catches a moment of rest; else the books must lie between two readings of the "
        "agent's heads, "
        "and the verdict says so.\n"
        "What is waiting is no disagreement, nor are the counted exceptions: torn updates of a shared spill "
        "and what "
        "was left in quarantined rings. Works on copied segments too: set SLIPRING_SHM_DIR to their folder.\n"
        "Reads lines that recording threads write, and so slows them down for a moment.",
    .exits = "0\tall accounts agree\n"
             "1\tthey disagree: the faults are listed\n"
             "2\tbad input, no such store, or one that cannot be read or was truncated\n",
    .examples =
        "slipring verify\n"
        "slipring verify --json | jq .difference\n"
        "cp --sparse=always /dev/shm/slipring.default.* /tmp/dead/ && SLIPRING_SHM_DIR=/tmp/dead slipring "
        "verify\tafter the fact, on a copy\n",
    COMMAND_OPTIONS(OPTION_wait, OPTION_json),
    .max_words = 0,
    .run = run_verify,
};
