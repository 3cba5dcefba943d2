/* SPDX-License-Identifier: Apache-2.0 */
/* Process slots as the agent handles them: see census.h. */
#include "peer/census.h"

#include <string.h>

#include "peer/move.h"
#include "protocol/slot.h"

bool sr_census_is_reserved(const struct sr_drain *drain, uint32_t slot)
{
    return sr_segment_slot_is_reserved(&drain->segment, slot);
}

uint32_t sr_census_next(const struct sr_drain *drain, uint32_t from)
{
    return sr_segment_next_slot(&drain->segment, from);
}

static uint64_t state_word(const struct sr_drain *drain, uint32_t slot)
{
    /* acquire: pairs with the release of OWNED and RELEASED in slot.c; else we read the last owner's words */
    return atomic_load_explicit(&sr_segment_slot(&drain->segment, slot)->state, memory_order_acquire);
}

uint32_t sr_census_state(const struct sr_drain *drain, uint32_t slot)
{
    return sr_census_is_reserved(drain, slot) ? sr_state_of(state_word(drain, slot)) : SR_SLOT_FREE;
}

bool sr_census_look(const struct sr_drain *drain, uint32_t slot, struct sr_slot_sight *out_sight)
{
    if (!sr_census_is_reserved(drain, slot)) {
        return false;
    }
    const struct sr_slot_shm *shm = sr_segment_slot(&drain->segment, slot);
    const uint64_t word = state_word(drain, slot);
    *out_sight = (struct sr_slot_sight){
        .word = word, .state = sr_state_of(word), .generation = sr_state_generation(word)};
    /* relaxed, both: for people */
    out_sight->unattributed = atomic_load_explicit(&shm->unattributed, memory_order_relaxed);
    out_sight->attached_ns = atomic_load_explicit(&shm->attached_ns, memory_order_relaxed); /* as above */
    out_sight->pid = atomic_load_explicit(&shm->pid, memory_order_relaxed);                 /* as above */
    for (uint32_t i = 0; i < SR_SPAN_TABLE_COUNT; i++) {
        /* relaxed: a key never changes while its slot lives */
        const uint64_t key = atomic_load_explicit(&shm->spans[i].key, memory_order_relaxed);
        out_sight->spans[i].key = key <= SR_PRIMITIVE_MAX ? key : 0;
        if (out_sight->spans[i].key == 0) {
            break; /* entries are taken from the first on */
        }
        /* acquire: pairs with the release in sr_slot_span_ended(): before begun is read */
        out_sight->spans[i].ended = atomic_load_explicit(&shm->spans[i].ended, memory_order_acquire);
        /* relaxed: any value from now on has the begins of those ends */
        out_sight->spans[i].begun = atomic_load_explicit(&shm->spans[i].begun, memory_order_relaxed);
    }
    return true;
}

bool sr_census_is_alive(const struct sr_drain *drain, uint32_t slot)
{
    return sr_liveness_is_alive(&drain->liveness, slot) || sr_drain_lives_elsewhere(drain, slot);
}

bool sr_census_seize(struct sr_drain *drain, uint32_t slot)
{
    return sr_liveness_seize(&drain->liveness, slot);
}

void sr_census_drop(struct sr_drain *drain, uint32_t slot)
{
    sr_liveness_drop(&drain->liveness, slot);
}

void sr_census_set_state(struct sr_drain *drain, uint32_t slot, uint32_t generation, enum sr_slot_state state)
{
    /* release: FREE pairs with the acquire in slot_is_free() of slot.c; else the next owner's spans are cleared */
    atomic_store_explicit(&sr_segment_slot(&drain->segment, slot)->state, sr_state_word(generation, 0, state),
                          memory_order_release);
}

void sr_census_hint_free(struct sr_drain *drain, uint32_t slot)
{
    sr_slot_hint_free(&drain->segment, slot);
}

void sr_census_clear_spans(struct sr_drain *drain, uint32_t slot)
{
    struct sr_slot_shm *shm = sr_segment_slot(&drain->segment, slot);
    for (uint32_t i = 0; i < SR_SPAN_TABLE_COUNT; i++) {
        /* relaxed, all: its owner is dead, the next one acquires FREE */
        atomic_store_explicit(&shm->spans[i].key, 0, memory_order_relaxed);
        atomic_store_explicit(&shm->spans[i].begun, 0, memory_order_relaxed); /* as above */
        atomic_store_explicit(&shm->spans[i].ended, 0, memory_order_relaxed); /* as above */
    }
}
