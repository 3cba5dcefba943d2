/* SPDX-License-Identifier: Apache-2.0 */
/* Rings and the control line, as the agent handles them: see drain.h. */
#include "peer/drain.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "peer/move.h"
#include "protocol/spill.h"
#include "system/guard.h"

#define AHEAD 24u /* rings: how far the scan asks for lines before it needs them */

static struct sr_control_shm *control_of(const struct sr_drain *drain)
{
    return &sr_segment_header(&drain->segment)->control;
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

static enum slipring_status open_lock_file(struct sr_drain *drain, const char *store, mode_t mode,
                                           gid_t group)
{
    struct sr_map lock_file = {.base = NULL};
    enum slipring_status status = sr_map_name(&lock_file, store, "lock");
    if (status != SLIPRING_OK) {
        return status;
    }
    memcpy(drain->lock_path, lock_file.path, sizeof drain->lock_path);
    status = sr_liveness_make(drain->lock_path, mode, group);
    return status == SLIPRING_OK ? sr_liveness_open(&drain->liveness, drain->lock_path) : status;
}

enum slipring_status sr_drain_open(struct sr_drain *out_drain, const char *store, mode_t mode, gid_t group)
{
    memset(out_drain, 0, sizeof *out_drain);
    out_drain->liveness.fd = -1;
    enum slipring_status status = sr_segment_make(&out_drain->segment, store, mode, group);
    if (status != SLIPRING_OK) {
        return status;
    }
    status = sr_guard_add(out_drain->segment.map.base, out_drain->segment.map.bytes, true);
    if (status == SLIPRING_OK) {
        status = open_lock_file(out_drain, store, mode, group);
    }
    if (status == SLIPRING_OK) {
        out_drain->seen = calloc(SR_RING_MAX, sizeof out_drain->seen[0]);
        out_drain->dirty = calloc(SR_RING_MAX, sizeof out_drain->dirty[0]);
        out_drain->home = calloc(SR_RING_MAX, sizeof out_drain->home[0]);
        out_drain->away = calloc(SR_RING_MAX, sizeof out_drain->away[0]);
        out_drain->former = calloc(SR_FORMER_MAX, sizeof out_drain->former[0]);
        const bool has_memory =
            out_drain->seen && out_drain->dirty && out_drain->home && out_drain->away && out_drain->former;
        status = has_memory ? SLIPRING_OK : SLIPRING_NO_MEMORY;
    }
    if (status != SLIPRING_OK) {
        sr_drain_close(out_drain);
    }
    return status;
}

void sr_drain_close(struct sr_drain *drain)
{
    sr_liveness_close(&drain->liveness);
    free(drain->seen);
    free(drain->dirty);
    free(drain->home);
    free(drain->away);
    sr_drain_close_former(drain);
    drain->seen = NULL;
    drain->dirty = NULL;
    drain->home = NULL;
    drain->away = NULL;
    if (drain->segment.map.base) {
        sr_guard_remove(drain->segment.map.base);
        sr_map_unmap(&drain->segment.map);
    }
}

/* --- the control line --------------------------------------------------------------------------------------------------- */

uint64_t sr_drain_incarnation(const struct sr_drain *drain)
{
    return sr_segment_header(&drain->segment)->incarnation; /* written once, before we attached */
}

void sr_drain_set_limits(struct sr_drain *drain, uint32_t primitive_limit, uint32_t ring_cap)
{
    /* relaxed, both: soft limits, in no order with anything */
    atomic_store_explicit(&control_of(drain)->primitive_limit, primitive_limit, memory_order_relaxed);
    atomic_store_explicit(&control_of(drain)->ring_cap, ring_cap,
                          memory_order_relaxed); /* relaxed: as above */
}

void sr_drain_set_life(struct sr_drain *drain, uint64_t life)
{
    /* relaxed: for people and hints */
    atomic_store_explicit(&control_of(drain)->agent_life, life, memory_order_relaxed);
}

void sr_drain_set_clock(struct sr_drain *drain, uint64_t now_ns)
{
    if (drain->has_given_up) {
        return;
    }
    /* relaxed: a stamp says "between this and the next value", whatever else is visible */
    atomic_store_explicit(&control_of(drain)->coarse_ns, now_ns, memory_order_relaxed);
}

uint64_t sr_drain_clock(const struct sr_drain *drain)
{
    /* relaxed: the agents alone write it, one after the other */
    return atomic_load_explicit(&control_of(drain)->coarse_ns, memory_order_relaxed);
}

void sr_drain_set_tick_rate(struct sr_drain *drain, uint64_t rate)
{
    /* relaxed: a number, ordered with nothing; each span remembers which clock it began with */
    atomic_store_explicit(&control_of(drain)->tick_to_ns, rate, memory_order_relaxed);
}

uint64_t sr_drain_tick_rate(const struct sr_drain *drain)
{
    /* relaxed: as sr_drain_clock() */
    return atomic_load_explicit(&control_of(drain)->tick_to_ns, memory_order_relaxed);
}

void sr_drain_raise_reserve_epoch(struct sr_drain *drain)
{
    /* relaxed: a hint that trying again may pay */
    (void)atomic_fetch_add_explicit(&control_of(drain)->reserve_epoch, 1, memory_order_relaxed);
}

void sr_drain_raise_bounds_epoch(struct sr_drain *drain)
{
    /* release: after the announced bounds; who sees the epoch reads bounds at least as new */
    (void)atomic_fetch_add_explicit(&control_of(drain)->bounds_epoch, 1, memory_order_release);
}

uint64_t sr_drain_free_bytes(const struct sr_drain *drain)
{
    struct statvfs fs;
    return statvfs(drain->segment.map.path, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX;
}

uint64_t sr_drain_faults(const struct sr_drain *drain)
{
    return sr_guard_faults(drain->segment.map.base);
}

/* --- looking ------------------------------------------------------------------------------------------------------------ */

uint64_t sr_drain_state(const struct sr_drain *drain, uint32_t ring)
{
    /* acquire: pairs with the release of OWNED and RELEASED; else we read the last owner's info, or miss stores made before
     * the release of the ring */
    return atomic_load_explicit(sr_segment_ring_state(sr_drain_home(drain, ring), ring),
                                memory_order_acquire);
}

bool sr_drain_is_reserved(const struct sr_drain *drain, uint32_t ring)
{
    return sr_segment_ring_is_reserved(sr_drain_home(drain, ring), ring);
}

uint32_t sr_drain_next_with_lines(const struct sr_drain *drain, uint32_t from)
{
    const uint32_t extent = from / SR_EXTENT_RINGS;
    if (drain->away_count != 0 || from >= SR_RING_MAX) { /* their lines are elsewhere */
        return from;
    }
    const uint32_t next = sr_segment_next_extent(&drain->segment, extent);
    return next == extent ? from : next * SR_EXTENT_RINGS;
}

uint32_t sr_drain_next_in_use(const struct sr_drain *drain, uint32_t from)
{
    const _Atomic uint64_t *states = sr_segment_ring_state(&drain->segment, 0);
    const bool are_here = drain->away_count == 0;
    for (; from < SR_RING_MAX; from++) {
        /* relaxed: only whether to look; the look itself orders */
        const uint32_t state =
            sr_state_of(are_here ? atomic_load_explicit(&states[from], memory_order_relaxed)
                                 : sr_drain_state(drain, from));
        if (state != SR_RING_EMPTY && state != SR_RING_FREE) {
            break;
        }
    }
    return from;
}

static bool is_in_use(uint32_t state)
{
    return state == SR_RING_OWNED || state == SR_RING_RELEASED || state == SR_RING_REAPING;
}

/* inline: called for each ring, twenty times a second */
static inline bool has_changed(const struct sr_producer_line_shm *line, const struct sr_ring_seen *seen)
{
    /* relaxed, all: only whether to look; the look itself orders. No branch between: the lines of many rings are then fetched at
     * once, which is most of what an idle agent does */
    return ((atomic_load_explicit(&line->tail, memory_order_relaxed) ^ seen->tail) |
            (atomic_load_explicit(&line->begun, memory_order_relaxed) ^ seen->begun) | /* relaxed: as above */
            (atomic_load_explicit(&line->redo_key, memory_order_relaxed) ^ seen->redo_key)) !=
           0; /* as above */
}

/* The rings of one extent, whose lines are reserved. */
static uint32_t scan_extent(struct sr_drain *drain, uint32_t first, uint32_t count)
{
    const _Atomic uint64_t *state = sr_segment_ring_state(&drain->segment, first);
    const struct sr_producer_line_shm *line = sr_segment_producer_line(&drain->segment, first);
    const struct sr_ring_seen *seen = &drain->seen[first];
    uint32_t owned = 0;
    for (uint32_t i = 0; i < SR_EXTENT_RINGS; i++) {
        __builtin_prefetch(&line[i + AHEAD]); /* an address is enough: what is no page is not fetched */
        /* relaxed: as in has_changed() */
        const uint32_t is = sr_state_of(atomic_load_explicit(&state[i], memory_order_relaxed));
        owned += is == SR_RING_OWNED;
        if (is_in_use(is) && has_changed(&line[i], &seen[i])) {
            drain->dirty[count++] = first + i;
        }
    }
    drain->owned += owned;
    return count;
}

/* Rings that live in a former segment. */
static uint32_t scan_away(struct sr_drain *drain, uint32_t count)
{
    for (uint32_t i = 0; i < drain->away_count; i++) {
        const uint32_t ring = drain->away[i];
        const uint32_t state = sr_state_of(sr_drain_state(drain, ring));
        drain->owned += state == SR_RING_OWNED;
        if (is_in_use(state) &&
            has_changed(sr_segment_producer_line(sr_drain_home(drain, ring), ring), &drain->seen[ring])) {
            drain->dirty[count++] = ring;
        }
    }
    return count;
}

uint32_t sr_drain_scan(struct sr_drain *drain)
{
    uint32_t count = 0;
    sr_drain_note_homes(drain);
    drain->owned = 0;
    uint32_t extent = sr_segment_next_extent(&drain->segment, 0);
    while (extent < SR_RING_MAX / SR_EXTENT_RINGS) {
        count = scan_extent(drain, extent * SR_EXTENT_RINGS, count);
        extent = sr_segment_next_extent(&drain->segment, extent + 1);
    }
    return drain->away_count == 0 ? count : scan_away(drain, count);
}

bool sr_drain_look(const struct sr_drain *drain, uint32_t ring, struct sr_ring_sight *out_sight)
{
    return sr_segment_ring_is_reserved(sr_drain_home(drain, ring), ring) &&
           sr_drain_look_at_lines(drain, ring, out_sight);
}

bool sr_drain_look_at_lines(const struct sr_drain *drain, uint32_t ring, struct sr_ring_sight *out_sight)
{
    if (!sr_segment_extent_is_reserved(sr_drain_home(drain, ring), ring / SR_EXTENT_RINGS)) {
        return false;
    }
    const struct sr_producer_line_shm *line = sr_segment_producer_line(sr_drain_home(drain, ring), ring);
    const uint64_t word = sr_drain_state(drain, ring);
    *out_sight = (struct sr_ring_sight){.word = word,
                                        .state = sr_state_of(word),
                                        .slot = sr_state_slot(word),
                                        .generation = sr_state_generation(word),
                                        .words = sr_ring_shapes[sr_ring_class_of(ring)].words};
    /* acquire: pairs with the release that published the sample; else we read a word before it is written */
    out_sight->line.tail = atomic_load_explicit(&line->tail, memory_order_acquire);
    /* acquire: before the block is read, which then has at least what this record speaks of, or is not whole */
    out_sight->line.redo_key = atomic_load_explicit(&line->redo_key, memory_order_acquire);
    /* acquire: after the tail, whose ends have their begins by now */
    out_sight->line.begun = atomic_load_explicit(&line->begun, memory_order_acquire);
    return true;
}

void sr_drain_note_seen(struct sr_drain *drain, uint32_t ring, const struct sr_ring_seen *line)
{
    drain->seen[ring] = *line;
}

void sr_drain_forget_seen(struct sr_drain *drain, uint32_t ring)
{
    drain->seen[ring].tail = ~drain->seen[ring].tail;
}

bool sr_drain_claim(const struct sr_drain *drain, uint32_t ring, const struct sr_ring_sight *sight,
                    struct sr_ring_claim *out_claim)
{
    const struct sr_ring_info_shm *info = sr_segment_ring_info(sr_drain_home(drain, ring), ring);
    /* relaxed, all: ordered by the acquire of the state */
    const uint32_t primitive = atomic_load_explicit(&info->primitive, memory_order_relaxed);
    const uint32_t slot = atomic_load_explicit(&info->slot, memory_order_relaxed); /* as above: relaxed */
    const uint32_t generation = atomic_load_explicit(&info->generation, memory_order_relaxed); /* as above */
    const uint32_t base = atomic_load_explicit(&info->spill_base, memory_order_relaxed);       /* as above */
    if (primitive >= SR_PRIMITIVE_MAX || slot != sight->slot || slot >= SR_SLOT_MAX ||
        generation != sight->generation ||
        base > SR_BUCKET_COUNT - sr_ring_shapes[sr_ring_class_of(ring)].cells) {
        return false;
    }
    *out_claim = (struct sr_ring_claim){.primitive = primitive, .spill_base = base};
    return true;
}

/* --- taking -------------------------------------------------------------------------------------------------------------- */

uint64_t sr_drain_samples(const struct sr_drain *drain, uint32_t ring, uint64_t from, uint64_t most,
                          uint64_t there, const struct sr_tally_bounds *bounds, struct sr_tally *tally)
{
    const uint64_t mask = sr_ring_shapes[sr_ring_class_of(ring)].words - 1;
    return sr_tally_samples(tally, sr_segment_ring_words(sr_drain_home(drain, ring), ring), mask, from, most,
                            there, bounds);
}

uint64_t sr_drain_count(const struct sr_drain *drain, uint32_t ring, uint64_t from, uint64_t words)
{
    const uint64_t mask = sr_ring_shapes[sr_ring_class_of(ring)].words - 1;
    return sr_tally_count(sr_segment_ring_words(sr_drain_home(drain, ring), ring), mask, from, words);
}

uint64_t sr_drain_begun(const struct sr_drain *drain, uint32_t ring)
{
    /* acquire: after the ends that were read with acquire; pairs with the release in sr_ring_count_begun() */
    return atomic_load_explicit(&sr_segment_producer_line(sr_drain_home(drain, ring), ring)->begun,
                                memory_order_acquire);
}

uint32_t sr_drain_copy_words(uint32_t ring, uint32_t *out_count)
{
    if (ring < SR_RINGS_SMALL) {
        *out_count = SR_SPILL_WORDS_SMALL;
        return SR_WORD(copy_small, ring, 0);
    }
    *out_count = SR_SPILL_WORDS_FULL;
    return SR_WORD(copy_full, ring - SR_RINGS_SMALL, 0);
}

uint64_t sr_drain_copied(const struct sr_words *words, uint32_t ring)
{
    uint32_t count = 0;
    const uint32_t first = sr_drain_copy_words(ring, &count) + SR_SPILL_CELLS;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 2 * sr_ring_shapes[sr_ring_class_of(ring)].cells; i++) {
        sum += sr_words_get(words, first + i);
    }
    return sum;
}

void sr_drain_read_spill(const struct sr_drain *drain, uint32_t ring, uint32_t spill_base,
                         const struct sr_words *words, struct sr_fold *out_fold)
{
    out_fold->first_copy = sr_drain_copy_words(ring, &out_fold->words);
    out_fold->cells = sr_ring_shapes[sr_ring_class_of(ring)].cells;
    out_fold->base = spill_base;
    sr_fold_read(out_fold, sr_segment_spill(sr_drain_home(drain, ring), ring),
                 sr_segment_producer_line(sr_drain_home(drain, ring), ring), words);
}

void sr_drain_read_spill_as_past(const struct sr_drain *drain, uint32_t ring, const struct sr_words *words,
                                 struct sr_fold *out_fold)
{
    sr_drain_read_spill(drain, ring, 0, words, out_fold);
    /* acquire: as sr_spill_read_stand(). Left out because a cell is missing, it would come with the next fold, as news: all that this ring ever
     * spilled. So it is that one sample's duration that no book gets. */
    out_fold->now[SR_SPILL_SUM] =
        atomic_load_explicit(&sr_segment_producer_line(sr_drain_home(drain, ring), ring)->redo_sum,
                             memory_order_acquire) >>
        1;
}

bool sr_drain_spill_is_whole(const struct sr_drain *drain, uint32_t ring, const struct sr_fold *fold,
                             const struct sr_ring_seen *line)
{
    return sr_fold_is_whole(fold, sr_segment_producer_line(sr_drain_home(drain, ring), ring), line->redo_key);
}

void sr_drain_settle(struct sr_drain *drain, uint32_t ring)
{
    (void)sr_spill_settle(sr_segment_producer_line(sr_drain_home(drain, ring), ring),
                          sr_segment_spill(sr_drain_home(drain, ring), ring),
                          sr_ring_shapes[sr_ring_class_of(ring)].spill_words); /* the fold sees what it did */
}

void sr_drain_wipe(struct sr_drain *drain, uint32_t ring)
{
    _Atomic uint64_t *block = sr_segment_spill(sr_drain_home(drain, ring), ring);
    sr_spill_forget(sr_segment_producer_line(sr_drain_home(drain, ring), ring));
    /* relaxed, all: the ring is REAPING, nobody else's; the release of FREE publishes them to the next owner */
    for (uint32_t i = SR_SPILL_BOUNDS; i < SR_SPILL_BOUNDS + 2 * SR_SPILL_BOUND_MAX; i++) {
        atomic_store_explicit(&block[i], 0, memory_order_relaxed); /* relaxed: as above */
    }
}

uint64_t sr_drain_head(const struct sr_drain *drain, uint32_t ring)
{
    /* relaxed: the agents alone write it, one after the other */
    return atomic_load_explicit(&sr_segment_consumer_line(sr_drain_home(drain, ring), ring)->head,
                                memory_order_relaxed);
}

void sr_drain_publish_head(struct sr_drain *drain, uint32_t ring, uint64_t head)
{
    /* release: after our reading of the words; pairs with look_at_head() in ring.c, which takes it for the license to
     * overwrite them */
    atomic_store_explicit(&sr_segment_consumer_line(sr_drain_home(drain, ring), ring)->head, head,
                          memory_order_release);
}

void sr_drain_publish_visit(struct sr_drain *drain, uint32_t ring, const struct sr_ring_visit *visit)
{
    struct sr_consumer_line_shm *line = sr_segment_consumer_line(sr_drain_home(drain, ring), ring);
    /* relaxed, all: for people; the head's release follows */
    atomic_store_explicit(&line->visited_ns, visit->visited_ns, memory_order_relaxed);
    atomic_store_explicit(&line->waiting_ns, visit->waiting_ns, memory_order_relaxed); /* relaxed: as above */
    atomic_store_explicit(&line->mark_ns, visit->mark_ns, memory_order_relaxed);       /* as above */
}

bool sr_drain_change_state(struct sr_drain *drain, uint32_t ring, uint64_t word, enum sr_ring_state to)
{
    /* acq_rel: release of FREE pairs with the claimer's acquire, else it changes a block that we still fold; acquire of
     * REAPING pairs with the release of RELEASED. acquire on failure: the caller looks again */
    return atomic_compare_exchange_strong_explicit(sr_segment_ring_state(sr_drain_home(drain, ring), ring),
                                                   &word, (word & ~UINT64_C(0xff)) | to, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* --- giving pages back ---------------------------------------------------------------------------------------------------- */

void sr_drain_withdraw(struct sr_drain *drain, uint32_t ring)
{
    sr_segment_withdraw_ring(&drain->segment, ring);
}

enum slipring_status sr_drain_punch(struct sr_drain *drain, uint32_t first, uint32_t count)
{
    const enum slipring_status status = sr_segment_punch_rings(&drain->segment, first, count);
    for (uint32_t ring = first; status == SLIPRING_OK && ring < first + count; ring++) {
        struct sr_producer_line_shm *line = sr_segment_producer_line(&drain->segment, ring);
        /* relaxed, all: it is RETIRING, nobody's; the release of EMPTY publishes them to the next owner */
        atomic_store_explicit(&line->redo_key, 0, memory_order_relaxed);
        atomic_store_explicit(&line->redo_sum, 0, memory_order_relaxed); /* relaxed: as above */
    }
    return status;
}

uint64_t sr_drain_resident_bytes(const struct sr_drain *drain)
{
    return sr_map_resident_bytes(&drain->segment.map);
}

void sr_drain_set_cursor(struct sr_drain *drain, uint32_t class, uint32_t rings)
{
    _Atomic uint32_t *cursor = &sr_segment_header(&drain->segment)->hint.ring_cursor[class];
    /* relaxed: a hint */
    if (atomic_load_explicit(cursor, memory_order_relaxed) != rings) {
        atomic_store_explicit(cursor, rings, memory_order_relaxed); /* relaxed: as above */
    }
}

/* --- offers -------------------------------------------------------------------------------------------------------------- */

/* Make a FREE or EMPTY ring of the class OFFERED to the slot: pages first. */
static enum slipring_status offer_one_of(struct sr_drain *drain, const struct sr_ring_shape *shape,
                                         uint32_t slot, uint32_t *out_ring)
{
    for (uint32_t ring = shape->first_ring; ring < shape->first_ring + shape->rings; ring++) {
        const uint64_t word = sr_drain_state(drain, ring);
        if (sr_state_of(word) != SR_RING_FREE && sr_state_of(word) != SR_RING_EMPTY) {
            continue;
        }
        enum slipring_status status = sr_segment_reserve_ring(&drain->segment, ring);
        if (status != SLIPRING_OK) {
            return status;
        }
        SR_CRASHPOINT(offer_reserved);
        uint64_t expected = word;
        /* release: after the reservation; pairs with the acquire of the adopter's CAS.
         * relaxed on failure: a claimer was faster */
        if (atomic_compare_exchange_strong_explicit(
                sr_segment_ring_state(&drain->segment, ring), &expected,
                sr_state_word(sr_state_generation(word), slot, SR_RING_OFFERED), memory_order_release,
                memory_order_relaxed)) { /* as said above */
            *out_ring = ring;
            return SLIPRING_OK;
        }
    }
    return SLIPRING_IN_USE;
}

enum slipring_status sr_drain_offer(struct sr_drain *drain, uint32_t ring, uint32_t class, uint32_t slot,
                                    uint32_t *out_other)
{
    if (class >= SR_CLASS_GROWING || drain->home[ring] != 0) {
        return SLIPRING_IN_USE;
    }
    uint32_t other = 0;
    enum slipring_status status = offer_one_of(drain, &sr_ring_shapes[class], slot, &other);
    if (status != SLIPRING_OK) {
        return status;
    }
    SR_CRASHPOINT(offer_made);
    /* release: after OFFERED; pairs with the acquire in sr_ring_overflow() */
    atomic_store_explicit(&sr_segment_consumer_line(sr_drain_home(drain, ring), ring)->offer,
                          (uint64_t)other + 1, memory_order_release);
    SR_CRASHPOINT(offer_told);
    *out_other = other;
    return SLIPRING_OK;
}

void sr_drain_clear_offer(struct sr_drain *drain, uint32_t ring)
{
    /* relaxed: an offer that is gone is refused by its state */
    atomic_store_explicit(&sr_segment_consumer_line(sr_drain_home(drain, ring), ring)->offer, 0,
                          memory_order_relaxed);
}
