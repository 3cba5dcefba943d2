/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the ring segment for people: see inspect.h. */
#include "peer/inspect.h"
#include "peer/inspect_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "peer/tally.h"
#include "pure/name.h"
#include "system/guard.h"

static const char *const class_names[SR_CLASS_COUNT] = {
#define X(name, rings, words, cells) #name,
    SR_RING_CLASSES(X)
#undef X
};

static const char *const ring_states[] = {"empty",   "free",    "claiming",    "owned",    "released",
                                          "reaping", "offered", "quarantined", "retiring", "away"};
static const char *const slot_states[] = {"free", "owned", "released", "reaping"};

enum slipring_status sr_inspect_open(const char *store, struct sr_inspect **out_inspect)
{
    struct sr_inspect *inspect = calloc(1, sizeof *inspect);
    if (!inspect) {
        return SLIPRING_NO_MEMORY;
    }
    struct sr_map lock_file;
    enum slipring_status status = sr_map_name(&lock_file, store, "lock");
    if (status == SLIPRING_OK) {
        status = sr_segment_attach(&inspect->segment, store, false);
    }
    if (status != SLIPRING_OK) {
        free(inspect);
        return status;
    }
    status = sr_guard_add(inspect->segment.map.base, inspect->segment.map.bytes, false);
    if (status != SLIPRING_OK) {
        sr_map_unmap(&inspect->segment.map);
        free(inspect);
        return status;
    }
    /* Without the lock file everything but liveness can be told: a copied segment, another user's store. */
    if (sr_liveness_open(&inspect->liveness, lock_file.path) != SLIPRING_OK) {
        inspect->liveness.fd = -1;
    }
    *out_inspect = inspect;
    return SLIPRING_OK;
}

void sr_inspect_close(struct sr_inspect *inspect)
{
    if (!inspect) {
        return;
    }
    sr_liveness_close(&inspect->liveness);
    sr_guard_remove(inspect->segment.map.base);
    sr_map_unmap(&inspect->segment.map);
    free(inspect);
}

const char *sr_inspect_path(const struct sr_inspect *inspect)
{
    return inspect->segment.map.path;
}

uint64_t sr_inspect_incarnation(const struct sr_inspect *inspect)
{
    return sr_segment_header(&inspect->segment)->incarnation;
}

uint64_t sr_inspect_made_wall_ns(const struct sr_inspect *inspect)
{
    return sr_segment_header(&inspect->segment)->made_wall_ns;
}

uint64_t sr_inspect_faults(const struct sr_inspect *inspect)
{
    return sr_guard_faults(inspect->segment.map.base);
}

uint32_t sr_inspect_ring_count(void)
{
    return SR_RING_MAX;
}

uint32_t sr_inspect_slot_count(void)
{
    return SR_SLOT_MAX;
}

uint32_t sr_inspect_primitive_count(void)
{
    return SR_PRIMITIVE_MAX;
}

void sr_inspect_totals(const struct sr_inspect *inspect, struct sr_inspect_totals *out_totals)
{
    const struct sr_segment *segment = &inspect->segment;
    struct sr_inspect_totals totals = {.liveness_known = inspect->liveness.fd >= 0};
    for (uint32_t i = 0; i < SR_PRIMITIVE_MAX; i++) {
        totals.primitives +=
            sr_state_of(sr_inspect_look(sr_segment_registry_key(segment, i))) == SR_REGISTRY_READY;
    }
    for (uint32_t i = 0; i < SR_RING_MAX; i++) {
        totals.rings += sr_state_of(sr_inspect_look(sr_segment_ring_state(segment, i))) == SR_RING_OWNED;
    }
    for (uint32_t i = 0; totals.liveness_known && i < SR_SLOT_MAX; i++) {
        totals.processes +=
            sr_segment_slot_is_reserved(segment, i) &&
            sr_state_of(sr_inspect_look(&sr_segment_slot(segment, i)->state)) == SR_SLOT_OWNED &&
            sr_liveness_is_alive(&inspect->liveness, i);
    }
    *out_totals = totals;
}

void sr_inspect_room(const struct sr_inspect *inspect, struct sr_inspect_room *out_room)
{
    const struct sr_segment *segment = &inspect->segment;
    struct statvfs fs;
    struct sr_inspect_room room = {
        .rings = SR_RING_MAX,
        .slots = SR_SLOT_MAX,
        .ring_cap = sr_inspect_look32(&sr_segment_header(segment)->control.ring_cap),
        .free_bytes = statvfs(segment->map.path, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX,
    };
    for (uint32_t i = 0; i < SR_RING_MAX; i++) {
        const uint32_t state = sr_state_of(sr_inspect_look(sr_segment_ring_state(segment, i)));
        room.rings_free += state == SR_RING_EMPTY || state == SR_RING_FREE;
    }
    for (uint32_t i = 0; i < SR_SLOT_MAX; i++) {
        room.slots_free += !sr_segment_slot_is_reserved(segment, i) ||
                           sr_state_of(sr_inspect_look(&sr_segment_slot(segment, i)->state)) == SR_SLOT_FREE;
    }
    *out_room = room;
}

static uint64_t sum_cells(const _Atomic uint64_t *block, uint32_t cells)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 2 * cells; i++) {
        /* relaxed: each cell for itself; a sum over a moving block is of no one moment anyhow */
        sum += atomic_load_explicit(&block[SR_SPILL_CELLS + i], memory_order_relaxed);
    }
    return sum;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The stamp of the oldest sample that waits: of the mark before it, or the last one that the agent took. */
static uint64_t oldest_stamp(const struct sr_segment *segment, const struct sr_inspect_ring *ring)
{
    const uint64_t *words = sr_segment_ring_words(segment, ring->ring);
    const uint64_t mask = ring->words - 1;
    /* relaxed, both: published by the tail, which was read with acquire; for people */
    const uint64_t first = __atomic_load_n(&words[ring->head & mask], __ATOMIC_RELAXED);
    if ((first & SR_SAMPLE_KIND_MASK) == SR_KIND_CLOCK && ring->tail - ring->head >= SR_MARK_WORDS) {
        return __atomic_load_n(&words[(ring->head + 1) & mask], __ATOMIC_RELAXED); /* relaxed: as above */
    }
    return sr_inspect_look(&sr_segment_consumer_line(segment, ring->ring)->mark_ns);
}

/* What the lines and the block say. */
static void read_ring_lines(const struct sr_segment *segment, uint32_t ring, struct sr_inspect_ring *out)
{
    const struct sr_ring_info_shm *info = sr_segment_ring_info(segment, ring);
    const struct sr_producer_line_shm *producer = sr_segment_producer_line(segment, ring);
    const struct sr_consumer_line_shm *consumer = sr_segment_consumer_line(segment, ring);
    uint32_t primitive = sr_inspect_look32(&info->primitive);
    uint32_t slot = sr_inspect_look32(&info->slot);
    out->primitive = primitive < SR_PRIMITIVE_MAX ? primitive : SR_INSPECT_NONE;
    out->slot = slot < SR_SLOT_MAX ? slot : SR_INSPECT_NONE;
    out->tid = sr_inspect_look32(&info->tid);
    out->head = sr_inspect_look(
        &consumer->head); /* before the tail: it only grows, so tail - head is never too small */
    out->tail = sr_inspect_look(&producer->tail);
    out->begun = sr_inspect_look(&producer->begun);
    out->visited_ns = sr_inspect_look(&consumer->visited_ns);
    out->is_possible = out->is_possible && primitive < SR_PRIMITIVE_MAX;
}

enum slipring_status sr_inspect_ring(const struct sr_inspect *inspect, uint32_t ring,
                                     struct sr_inspect_ring *out_ring)
{
    const struct sr_segment *segment = &inspect->segment;
    if (ring >= SR_RING_MAX) {
        return SLIPRING_BAD_ARGUMENT;
    }
    uint64_t word = sr_inspect_look(sr_segment_ring_state(segment, ring));
    uint32_t state = sr_state_of(word);
    if (state == SR_RING_EMPTY || !sr_segment_ring_is_reserved(segment, ring)) {
        return SLIPRING_NO_DATA;
    }
    uint32_t class = sr_ring_class_of(ring);
    const struct sr_ring_shape *shape = &sr_ring_shapes[class];
    bool is_state = state < SR_ARRAY_COUNT(ring_states);
    struct sr_inspect_ring out = {
        .ring = ring,
        .words = shape->words,
        .class = class_names[class],
        .state = is_state ? ring_states[state] : "impossible",
        .is_owned = state == SR_RING_OWNED || state == SR_RING_RELEASED,
        .is_quarantined = state == SR_RING_QUARANTINED,
        .is_possible = is_state,
        .generation = sr_state_generation(word),
    };
    read_ring_lines(segment, ring, &out);
    if (!out.is_owned) { /* what the lines say is of the last owner */
        out.slot = SR_INSPECT_NONE;
        out.primitive = SR_INSPECT_NONE;
    }
    /* A state of "free" with samples left is possible for a moment only, more words than places never. The ring may
     * have been drained between the two looks, hence the difference and not an order. */
    if (out.tail - out.head > shape->words) {
        out.is_possible = false;
    } else {
        out.samples = sr_tally_count(sr_segment_ring_words(segment, ring), shape->words - 1, out.head,
                                     out.tail - out.head);
        if (out.samples > 0) {
            out.since_ns = greater(oldest_stamp(segment, &out),
                                   sr_inspect_look(&sr_segment_consumer_line(segment, ring)->waiting_ns));
        }
    }
    out.spilled = sum_cells(sr_segment_spill(segment, ring), shape->cells);
    if (!sr_segment_ring_is_reserved(segment, ring)) {
        return SLIPRING_NO_DATA; /* its pages were given back just now: the sum may be of a hole */
    }
    *out_ring = out;
    return SLIPRING_OK;
}

uint32_t sr_inspect_ring_primitive(const struct sr_inspect *inspect, uint32_t ring)
{
    const struct sr_segment *segment = &inspect->segment;
    if (ring >= SR_RING_MAX) {
        return SR_INSPECT_NONE;
    }
    const uint32_t state = sr_state_of(sr_inspect_look(sr_segment_ring_state(segment, ring)));
    if ((state != SR_RING_OWNED && state != SR_RING_RELEASED) ||
        !sr_segment_ring_is_reserved(segment, ring)) {
        return SR_INSPECT_NONE;
    }
    const uint32_t primitive = sr_inspect_look32(&sr_segment_ring_info(segment, ring)->primitive);
    return primitive < SR_PRIMITIVE_MAX ? primitive : SR_INSPECT_NONE;
}

uint64_t sr_inspect_waiting(const struct sr_inspect *inspect, uint32_t ring)
{
    if (ring >= SR_RING_MAX || !sr_segment_ring_is_reserved(&inspect->segment, ring)) {
        return 0;
    }
    const uint64_t head = sr_inspect_look(
        &sr_segment_consumer_line(&inspect->segment, ring)->head); /* as in read_ring_lines() */
    return sr_inspect_look(&sr_segment_producer_line(&inspect->segment, ring)->tail) - head;
}

enum slipring_status sr_inspect_slot(const struct sr_inspect *inspect, uint32_t slot,
                                     struct sr_inspect_slot *out_slot)
{
    const struct sr_segment *segment = &inspect->segment;
    if (slot >= SR_SLOT_MAX) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (!sr_segment_slot_is_reserved(segment, slot)) {
        return SLIPRING_NO_DATA;
    }
    const struct sr_slot_shm *from = sr_segment_slot(segment, slot);
    uint64_t word = sr_inspect_look(&from->state);
    uint32_t state = sr_state_of(word);
    if (word == 0) {
        return SLIPRING_NO_DATA;
    }
    struct sr_inspect_slot out = {
        .slot = slot,
        .generation = sr_state_generation(word),
        .state = state < SR_ARRAY_COUNT(slot_states) ? slot_states[state] : "impossible",
        .is_owned = state == SR_SLOT_OWNED,
        .liveness_known = inspect->liveness.fd >= 0,
        .pid = sr_inspect_look32(&from->pid),
        .namespace_id = sr_inspect_look(&from->pid_namespace),
        .attached_ns = sr_inspect_look(&from->attached_ns),
        .unattributed = sr_inspect_look(&from->unattributed),
    };
    out.is_alive = out.liveness_known && out.is_owned && sr_liveness_is_alive(&inspect->liveness, slot);
    memcpy(out.comm, from->comm, sizeof from->comm);
    out.comm[sizeof out.comm - 1] = '\0';
    *out_slot = out;
    return SLIPRING_OK;
}

/* A name of at most max bytes out of a field that holds max + 1 at least: clean and terminated, or false. */
static bool copy_name(const char *field, const uint32_t *length_field, uint32_t max, char *out)
{
    /* volatile: one look, which the compiler may not repeat behind the check */
    uint32_t length = *(const volatile uint32_t *)length_field;
    if (length == 0 || length > max) {
        return false;
    }
    memcpy(out, field, length); /* first copied, then checked: the field may change under our eyes */
    out[length] = '\0';
    return sr_name_check_bytes(out, length, max) == SR_NAME_OK;
}

enum slipring_status sr_inspect_primitive(const struct sr_inspect *inspect, uint32_t primitive,
                                          struct sr_inspect_primitive *out_primitive)
{
    const struct sr_segment *segment = &inspect->segment;
    if (primitive >= SR_PRIMITIVE_MAX) {
        return SLIPRING_BAD_ARGUMENT;
    }
    if (sr_state_of(sr_inspect_look(sr_segment_registry_key(segment, primitive))) != SR_REGISTRY_READY ||
        !sr_segment_primitive_is_reserved(segment, primitive)) {
        return SLIPRING_NO_DATA;
    }
    struct sr_inspect_primitive out = {.primitive = primitive, .alias = primitive};
    const struct sr_registry_entry_shm *entry = sr_segment_entry(segment, primitive);
    out.is_name_clean = copy_name(entry->name, &entry->name_bytes, SLIPRING_PRIMITIVE_NAME_MAX, out.name) &&
                        copy_name(entry->type, &entry->type_bytes, SLIPRING_PRIMITIVE_TYPE_MAX, out.type);
    if (!out.is_name_clean) {
        out.name[0] = out.type[0] = '\0';
    }
    uint64_t alias = sr_inspect_look(&sr_segment_bounds(segment, primitive)->alias);
    if (alias > 0 && alias <= SR_PRIMITIVE_MAX) {
        out.alias = (uint32_t)(alias - 1);
    }
    const _Atomic uint64_t *block = sr_segment_shared_spill(segment, primitive);
    uint64_t exits =
        sr_inspect_look(&block[SR_SPILL_EXIT]); /* before the entries: an update under way is not negative */
    out.shared = sum_cells(block, SR_BUCKET_COUNT);
    out.torn = sr_inspect_look(&block[SR_SPILL_ENTER]) - exits;
    *out_primitive = out;
    return SLIPRING_OK;
}
