/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring rings`: which thread of which process records what, and where its samples are. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "command.h"
#include "figures.h"
#include "message.h"
#include "peer/clock.h"
#include "peer/inspect.h"
#include "table.h"

/* Everything that is looked at, once. */
struct rings_view {
    struct sr_inspect_primitive *primitives; /* by id; primitive is SR_INSPECT_NONE where there is none */
    struct sr_inspect_slot *slots;           /* by slot, likewise */
    struct sr_inspect_ring *rings;
    size_t ring_count;
    struct sr_inspect_room room;
};

static void *allocate(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);
    if (!memory) {
        message_out_of_memory();
    }
    return memory;
}

static struct rings_view take_view(const struct sr_inspect *inspect, bool all)
{
    struct rings_view view = {
        .primitives = allocate(sr_inspect_primitive_count(), sizeof *view.primitives),
        .slots = allocate(sr_inspect_slot_count(), sizeof *view.slots),
        .rings = allocate(sr_inspect_ring_count(), sizeof *view.rings),
    };
    for (uint32_t i = 0; i < sr_inspect_ring_count(); i++) {
        struct sr_inspect_ring *ring = &view.rings[view.ring_count];
        if (sr_inspect_ring(inspect, i, ring) == SLIPRING_OK &&
            (all || ring->is_owned || !ring->is_possible)) {
            view.ring_count++;
        }
    }
    for (uint32_t i = 0; i < sr_inspect_slot_count(); i++) {
        if (sr_inspect_slot(inspect, i, &view.slots[i]) != SLIPRING_OK) {
            view.slots[i].slot = SR_INSPECT_NONE;
        }
    }
    for (uint32_t i = 0; i < sr_inspect_primitive_count(); i++) {
        if (sr_inspect_primitive(inspect, i, &view.primitives[i]) != SLIPRING_OK) {
            view.primitives[i].primitive = SR_INSPECT_NONE;
        }
    }
    sr_inspect_room(inspect, &view.room);
    return view;
}

static void drop_view(struct rings_view *view)
{
    free(view->primitives);
    free(view->slots);
    free(view->rings);
}

/* NULL: nobody, nothing. */
static const struct sr_inspect_slot *slot_of(const struct rings_view *view,
                                             const struct sr_inspect_ring *ring)
{
    if (ring->slot == SR_INSPECT_NONE || view->slots[ring->slot].slot == SR_INSPECT_NONE) {
        return NULL;
    }
    return &view->slots[ring->slot];
}

static const struct sr_inspect_primitive *primitive_of(const struct rings_view *view, uint32_t primitive)
{
    if (primitive == SR_INSPECT_NONE || view->primitives[primitive].primitive == SR_INSPECT_NONE) {
        return NULL;
    }
    return &view->primitives[primitive];
}

/* How the process that owns it is. */
static const char *life_of(const struct sr_inspect_slot *slot)
{
    if (!slot) {
        return "";
    }
    return !slot->is_owned         ? slot->state
           : !slot->liveness_known ? "unknown"
           : slot->is_alive        ? "alive"
                                   : "dead";
}

static void add_number(struct table *table, uint64_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, number);
    table_add(table, digits);
}

static void add_name(struct table *table, const struct render_style *style,
                     const struct sr_inspect_primitive *primitive, bool wants_type)
{
    struct render_text text;
    if (!primitive) {
        table_add(table, render_absent(style));
    } else if (!primitive->is_name_clean) {
        table_add(table, wants_type ? "" : "(a name that is none)");
    } else if (wants_type) {
        table_add(table, render_safe(style, primitive->type, sizeof primitive->type, &text));
    } else {
        table_add(table, render_safe(style, primitive->name, sizeof primitive->name, &text));
    }
}

/* How long ago that was. False: never, or it is said to be to come. */
static bool age_of(uint64_t at_ns, uint64_t *out_age_ns)
{
    const uint64_t now_ns = sr_clock_ns();
    if (at_ns == 0 || at_ns > now_ns) {
        return false;
    }
    *out_age_ns = now_ns - at_ns;
    return true;
}

/* To three digits: it is more by the time that it is read. */
static void add_age(struct table *table, const struct render_style *style, uint64_t at_ns)
{
    struct render_text text;
    uint64_t age_ns = 0;
    if (!age_of(at_ns, &age_ns)) {
        table_add(table, render_absent(style));
        return;
    }
    uint64_t step = 1;
    while (age_ns / step >= 1000) {
        step *= 10;
    }
    table_add(table, render_duration(style, age_ns / step * step, &text));
}

static void add_ring(struct table *table, const struct rings_view *view, const struct sr_inspect_ring *ring,
                     const struct render_style *style)
{
    const struct sr_inspect_slot *slot = slot_of(view, ring);
    struct render_text text;
    if (slot) {
        add_number(table, slot->pid);
        table_add(table, render_safe(style, slot->comm, sizeof slot->comm, &text));
        table_add(table, life_of(slot));
        add_number(table, ring->tid);
    } else {
        for (int i = 0; i < 4; i++) {
            table_add(table, render_absent(style));
        }
    }
    add_name(table, style, primitive_of(view, ring->primitive), false);
    add_number(table, ring->ring);
    table_add(table, ring->is_possible ? ring->state : "impossible");
    uint64_t inside = ring->tail - ring->head;
    if (inside <= ring->words) {
        (void)snprintf(text.text, sizeof text.text, "%" PRIu64 "/%" PRIu32, inside, ring->words);
    } else {
        (void)snprintf(text.text, sizeof text.text, "?/%" PRIu32, ring->words);
    }
    table_add(table, text.text);
    add_age(table, style, ring->since_ns);
    add_age(table, style, ring->visited_ns);
    add_number(table, ring->head);
    add_number(table, ring->spilled);
}

static void print_rings(const struct rings_view *view, const struct render_style *style)
{
    static const struct table_column columns[] = {
        {.title = "PID", .is_right = true},
        {.title = "PROCESS"},
        {.title = "LIFE", .may_go = 2},
        {.title = "THREAD", .is_right = true},
        {.title = "PRIMITIVE", .is_elastic = true},
        {.title = "RING", .is_right = true, .may_go = 3},
        {.title = "STATE", .may_go = 1},
        {.title = "FILL", .is_right = true},
        {.title = "WAITS", .is_right = true, .may_go = 4},
        {.title = "VISITED", .is_right = true, .may_go = 5},
        {.title = "DRAINED", .is_right = true},
        {.title = "SPILLED", .is_right = true},
    };
    struct table table;
    table_open(&table, columns, (int)(sizeof columns / sizeof *columns));
    for (size_t i = 0; i < view->ring_count; i++) {
        add_ring(&table, view, &view->rings[i], style);
    }
    if (view->ring_count > 0) {
        table_print(&table, style, stdout);
    } else {
        printf("no thread holds a ring now\n");
    }
    table_close(&table);
}

static void print_shared(const struct rings_view *view, const struct render_style *style)
{
    static const struct table_column columns[] = {
        {.title = "PRIMITIVE", .is_elastic = true},
        {.title = "TYPE", .is_elastic = true},
        {.title = "SHARED SPILL", .is_right = true},
        {.title = "TORN", .is_right = true},
    };
    struct table table;
    table_open(&table, columns, (int)(sizeof columns / sizeof *columns));
    for (uint32_t i = 0; i < sr_inspect_primitive_count(); i++) {
        const struct sr_inspect_primitive *primitive = primitive_of(view, i);
        if (!primitive || (primitive->shared == 0 && primitive->torn == 0)) {
            continue;
        }
        add_name(&table, style, primitive, false);
        add_name(&table, style, primitive, true);
        add_number(&table, primitive->shared);
        add_number(&table, primitive->torn);
    }
    if (table_rows(&table) > 0) {
        printf("\n");
        table_print(&table, style, stdout);
    }
    table_close(&table);
}

/* --- why a thread may have none ------------------------------------------------------------------------------- */

/* With less a ring, its lines or a slot may find no page. */
#define FULL_BYTES (UINT64_C(64) << 10)

static uint32_t held_by(const struct rings_view *view, uint32_t slot)
{
    uint32_t held = 0;
    for (size_t i = 0; i < view->ring_count; i++) {
        held += view->rings[i].slot == slot && strcmp(view->rings[i].state, "owned") == 0;
    }
    return held;
}

/* What keeps threads from having a ring now, and what to do about it. */
static void print_shortages(const struct rings_view *view, const struct render_style *style)
{
    const struct sr_inspect_room *room = &view->room;
    struct render_text text;
    for (uint32_t i = 0; i < room->slots; i++) {
        const struct sr_inspect_slot *slot = &view->slots[i];
        const uint32_t held = slot->slot != SR_INSPECT_NONE && slot->is_owned ? held_by(view, i) : 0;
        if (held > 0 && held >= room->ring_cap) {
            printf("\nprocess %" PRIu32 " (%s) holds %" PRIu32
                   " rings, all that it may: its other threads use shared spills; see slipringd --ring-cap\n",
                   slot->pid, render_safe(style, slot->comm, sizeof slot->comm, &text), held);
        }
    }
    if (room->rings_free == 0) {
        printf("\nall %" PRIu32 " rings are taken: threads that come now use shared spills\n", room->rings);
    }
    if (room->slots_free == 0) {
        printf("\nall %" PRIu32 " process slots are taken: processes that come now use shared spills\n",
               room->slots);
    }
    if (room->free_bytes < FULL_BYTES) {
        printf("\nthe shared-memory file system has %s left: threads that come now use shared spills\n",
               render_bytes(room->free_bytes, &text));
    }
}

/* --- JSON ----------------------------------------------------------------------------------------------------- */

static void put_number(struct json_object *object, const char *key, uint64_t number)
{
    json_object_object_add(object, key, json_object_new_uint64(number));
}

static void put_age(struct json_object *object, const char *key, uint64_t at_ns)
{
    uint64_t age_ns = 0;
    if (age_of(at_ns, &age_ns)) {
        put_number(object, key, age_ns);
    }
}

static void put_text(struct json_object *object, const char *key, const char *text)
{
    const struct render_style utf8 = {.utf8 = true};
    struct render_text room;
    render_safe(&utf8, text, sizeof room.text, &room); /* what is no UTF-8 would be no JSON */
    json_object_object_add(object, key, json_object_new_string(room.text));
}

static void put_primitive(struct json_object *object, const struct sr_inspect_primitive *primitive)
{
    if (primitive && primitive->is_name_clean) {
        json_object_object_add(object, "primitive", json_object_new_string(primitive->name));
        json_object_object_add(object, "type", json_object_new_string(primitive->type));
    }
}

static struct json_object *new_object(void)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        message_out_of_memory();
    }
    return object;
}

static struct json_object *ring_json(const struct rings_view *view, const struct sr_inspect_ring *ring)
{
    struct json_object *object = new_object();
    const struct sr_inspect_slot *slot = slot_of(view, ring);
    put_number(object, "ring", ring->ring);
    put_text(object, "class", ring->class);
    put_text(object, "state", ring->is_possible ? ring->state : "impossible");
    put_number(object, "generation", ring->generation);
    put_number(object, "capacity_words", ring->words);
    put_number(object, "produced_words", ring->tail);
    put_number(object, "drained_words", ring->head);
    if (ring->tail - ring->head <= ring->words) {
        put_number(object, "in_ring", ring->samples);
    }
    put_age(object, "waits_ns", ring->since_ns);
    put_age(object, "visited_ago_ns", ring->visited_ns);
    put_number(object, "spilled", ring->spilled);
    put_number(object, "begun", ring->begun);
    put_primitive(object, primitive_of(view, ring->primitive));
    if (slot) {
        put_number(object, "pid", slot->pid);
        put_number(object, "pid_namespace", slot->namespace_id);
        put_text(object, "process", slot->comm);
        put_text(object, "life", life_of(slot));
        put_number(object, "thread", ring->tid);
    }
    return object;
}

static struct json_object *view_json(const char *store, const struct rings_view *view)
{
    struct json_object *root = new_object();
    struct json_object *rings = json_object_new_array();
    struct json_object *shared = json_object_new_array();
    if (!rings || !shared) {
        message_out_of_memory();
    }
    for (size_t i = 0; i < view->ring_count; i++) {
        json_object_array_add(rings, ring_json(view, &view->rings[i]));
    }
    for (uint32_t i = 0; i < sr_inspect_primitive_count(); i++) {
        const struct sr_inspect_primitive *primitive = primitive_of(view, i);
        if (primitive && (primitive->shared > 0 || primitive->torn > 0)) {
            struct json_object *object = new_object();
            put_primitive(object, primitive);
            put_number(object, "spilled", primitive->shared);
            put_number(object, "torn", primitive->torn);
            json_object_array_add(shared, object);
        }
    }
    struct json_object *room = new_object();
    put_number(room, "rings", view->room.rings);
    put_number(room, "rings_free", view->room.rings_free);
    put_number(room, "ring_cap", view->room.ring_cap);
    put_number(room, "process_slots", view->room.slots);
    put_number(room, "process_slots_free", view->room.slots_free);
    if (view->room.free_bytes != UINT64_MAX) {
        put_number(room, "memory_free_bytes", view->room.free_bytes);
    }
    put_text(root, "store", store);
    json_object_object_add(root, "room", room);
    json_object_object_add(root, "rings", rings);
    json_object_object_add(root, "shared_spills", shared);
    return root;
}

static int run_rings(const struct invocation *invocation)
{
    struct sr_inspect *inspect;
    enum slipring_status status = sr_inspect_open(invocation->store, &inspect);
    if (status != SLIPRING_OK) {
        return message_store("look into", invocation->store, status);
    }
    struct rings_view view = take_view(inspect, invocation->values[OPTION_all] != NULL);
    bool is_whole = sr_inspect_faults(inspect) == 0;
    sr_inspect_close(inspect);
    if (!is_whole) {
        message_print("store '%s': %s", invocation->store, slipring_status_text(SLIPRING_WRONG_SIZE));
    } else if (invocation->values[OPTION_json]) {
        figures_print_json(view_json(invocation->store, &view));
    } else {
        print_rings(&view, &invocation->style);
        print_shared(&view, &invocation->style);
        print_shortages(&view, &invocation->style);
    }
    drop_view(&view);
    return is_whole ? STATUS_OK : STATUS_BAD;
}

const struct command command_rings = {
    .name = "rings",
    .synopsis = "[OPTION]...",
    .summary = "who records what: process, thread, fill, drained, spilled",
    .description =
        "Lists the rings that threads hold: one for each thread and primitive. PID and THREAD are "
        "in the owner's own PID "
        "namespace; LIFE is asked of the kernel and does not depend on them. FILL is words of 8 bytes "
        "waiting in the ring over "
        "its size: an execution takes one, three with a cost, and two more when the agent's clock went on; "
        "WAITS is the age of the oldest sample there, VISITED that of the agent's last visit: a ring that "
        "has little is left "
        "alone for a while; DRAINED "
        "is the words that the agent has taken, SPILLED the executions counted beside "
        "the ring when it was "
        "full, both ever since the ring was made, also under former owners. \"released\" rings "
        "belong to threads that "
        "ended and wait to be reused or reaped.\n"
        "Below stand the primitives whose shared spill was used: by threads without a ring, in "
        "signal handlers, by "
        "programs that recorded once and ended. TORN are updates that were begun and not "
        "finished: under way now, or "
        "cut off by a kill.\n"
        "When something that a thread needs for a ring is used up, the last lines say what: the "
        "rings that its process may hold, rings, process slots, memory. --json has the numbers, under "
        "\"room\".\n"
        "Reads lines that recording threads write, and so costs each of them some tens of "
        "nanoseconds: fine for a look, "
        "not for a loop. Needs no agent.",
    .exits = "0\tlisted\n"
             "2\tbad input, no such store, or a truncated one\n",
    .examples = "slipring rings\n"
                "slipring rings --all\talso rings that are free now\n"
                "slipring rings --json | jq '[.rings[].spilled] | add'\thow much spilled, in all\n",
    COMMAND_OPTIONS(OPTION_all, OPTION_json),
    .max_words = 0,
    .run = run_rings,
};
