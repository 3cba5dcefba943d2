/* SPDX-License-Identifier: Apache-2.0 */
/* Summing up a ring segment: see fold.h. */
#include "support/fold.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol/spill.h"
#include "support/check.h"
#include "support/place.h"

struct view {
    uint8_t *base; /* private: what is written here stays here */
};

struct block {
    const uint64_t *ring; /* the samples' words */
    uint64_t ring_words;
    _Atomic uint64_t *words;
    uint32_t word_count;
    uint32_t cells; /* a status */
    uint32_t base;  /* bucket of the first */
    uint64_t sum_ns;
};

static const char *other_folder; /* NULL: the test program's */

static struct view open_view(const char *store)
{
    char path[PATH_MAX];
    if (other_folder) {
        (void)snprintf(path, sizeof path, "%s/slipring.%s.ring", other_folder, store);
    } else {
        place_path(path, store, "ring");
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    struct view view = {
        mmap(NULL, sizeof(struct sr_ring_map), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0)};
    CHECK(view.base != MAP_FAILED);
    (void)close(fd);
    return view;
}

static void close_view(struct view *view)
{
    (void)munmap(view->base, sizeof(struct sr_ring_map));
}

#define AT(view, region, type) ((type *)(void *)((view)->base + offsetof(struct sr_ring_map, region)))

static uint64_t word_of(const _Atomic uint64_t *at)
{
    return atomic_load(at);
}

static uint64_t ring_word(const struct view *view, uint32_t ring)
{
    return word_of(AT(view, ring_state, _Atomic uint64_t) + ring);
}

/* Where the samples and the spill of a ring lie, from the table of classes in layout.h alone. */
static struct block block_of(const struct view *view, uint32_t ring)
{
    struct block block = {.ring = NULL};
    uint32_t first = 0;
#define X(name, rings, count, cell_count)                                                                    \
    if (ring >= first && ring < first + (rings)) {                                                           \
        block.word_count = (cell_count) == 192u ? SR_SPILL_WORDS_SMALL : SR_SPILL_WORDS_FULL;                \
        block.cells = (cell_count);                                                                          \
        block.ring_words = (count);                                                                          \
        block.ring =                                                                                         \
            (void *)(AT(view, pool_##name, uint8_t) +                                                        \
                     (ring - first) * SR_BLOCK_BYTES((uint64_t)(count), (uint64_t)block.word_count));        \
    }                                                                                                        \
    first += (rings);
    SR_RING_CLASSES(X)
#undef X
    block.words = (_Atomic uint64_t *)(void *)((uintptr_t)block.ring + block.ring_words * 8);
    block.base = atomic_load(&AT(view, ring_info, struct sr_ring_info_shm)[ring].spill_base);
    return block;
}

/* Executions of the block's cells up to bucket `limit` (not in it). */
static uint64_t cells_below(const struct block *block, uint32_t limit)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < block->cells && block->base + i < limit; i++) {
        count += word_of(&block->words[SR_SPILL_CELLS + i]);
        count += word_of(&block->words[SR_SPILL_CELLS + block->cells + i]);
    }
    return count;
}

static uint64_t bounds_up_to(const struct block *block, uint64_t bound_ns)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        const uint64_t ns = word_of(&block->words[SR_SPILL_BOUNDS + 2 * i]);
        if (ns != 0 && ns <= bound_ns && tally_bucket(ns) == tally_bucket(bound_ns)) {
            count += word_of(&block->words[SR_SPILL_BOUNDS + 2 * i + 1]);
        }
    }
    return count;
}

/* Returns how many samples the block holds. */
static uint64_t fold_block(const struct block *block, struct tally *tally)
{
    uint64_t count = 0;
    for (uint32_t status = 0; status < 2; status++) {
        for (uint32_t i = 0; i < block->cells; i++) {
            const uint64_t cell = word_of(&block->words[SR_SPILL_CELLS + status * block->cells + i]);
            CHECK(cell == 0 || block->base + i < SR_BUCKET_COUNT);
            if (cell != 0) {
                tally->cells[status][block->base + i] += cell;
                tally->count[status] += cell;
                count += cell;
            }
        }
    }
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        tally->cost[i] += word_of(&block->words[SR_SPILL_COST + i]);
        tally->savings[i] += word_of(&block->words[SR_SPILL_SAVINGS + i]);
    }
    for (uint32_t i = 0; i < tally->bound_count; i++) {
        tally->at_most[i] += cells_below(block, tally_bucket(tally->bound_ns[i]));
        tally->at_most[i] += bounds_up_to(block, tally->bound_ns[i]);
    }
    const uint64_t min = word_of(&block->words[SR_SPILL_MIN]);
    const uint64_t max = word_of(&block->words[SR_SPILL_MAX]);
    if (count > 0) {
        tally->min_ns = min < tally->min_ns ? min : tally->min_ns;
        tally->max_ns = max > tally->max_ns ? max : tally->max_ns;
    }
    const uint64_t amounts = word_of(&block->words[SR_SPILL_AMOUNTS]);
    const uint64_t cancels = word_of(&block->words[SR_SPILL_CANCELS]);
    tally->sum_ns += block->sum_ns;
    tally->clamped += word_of(&block->words[SR_SPILL_CLAMPED]);
    tally->ended += word_of(&block->words[SR_SPILL_ENDED]);
    tally->amounts += amounts;
    tally->cancels += cancels;
    return count + amounts + cancels;
}

static void fold_ring(const struct view *view, uint32_t ring, bool settle, struct tally *tally)
{
    struct block block = block_of(view, ring);
    const struct sr_producer_line_shm *line = &AT(view, producer_line, struct sr_producer_line_shm)[ring];
    const uint64_t tail = word_of(&line->tail);
    const uint64_t head = word_of(&AT(view, consumer_line, struct sr_consumer_line_shm)[ring].head);
    tally->through_ring += tally_ring(tally, block.ring, block.ring_words - 1, head, tail);
    tally->begun += word_of(&line->begun);
    if (settle) {
        (void)sr_spill_settle(line, block.words, block.word_count);
    }
    block.sum_ns = word_of(&line->redo_sum) >> 1;
    tally->through_spill += fold_block(&block, tally);
}

static void fold_rings_of(const struct view *view, uint32_t primitive, bool settle, struct tally *tally)
{
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        const uint64_t word = ring_word(view, ring);
        const bool is_in_use = sr_state_of(word) == SR_RING_OWNED || sr_state_of(word) == SR_RING_RELEASED;
        if (is_in_use &&
            atomic_load(&AT(view, ring_info, struct sr_ring_info_shm)[ring].primitive) == primitive) {
            fold_ring(view, ring, settle, tally);
        }
    }
}

static void fold_shared(const struct view *view, uint32_t primitive, struct tally *tally)
{
    const struct block block = {
        .words = AT(view, shared_spill, _Atomic uint64_t) + (uint64_t)primitive * SR_SPILL_WORDS_FULL,
        .word_count = SR_SPILL_WORDS_FULL,
        .cells = SR_BUCKET_COUNT,
        .sum_ns = word_of(AT(view, shared_spill, _Atomic uint64_t) +
                          (uint64_t)primitive * SR_SPILL_WORDS_FULL + SR_SPILL_SUM),
    };
    tally->through_shared += fold_block(&block, tally);
    tally->torn += word_of(&block.words[SR_SPILL_ENTER]) - word_of(&block.words[SR_SPILL_EXIT]);
}

static void fold_spans(const struct view *view, uint32_t primitive, struct tally *tally)
{
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        const struct sr_slot_shm *shm = &AT(view, slot, struct sr_slot_shm)[slot];
        if (AT(view, slot_page, uint8_t)[slot / 4] != 1) {
            continue;
        }
        for (uint32_t i = 0; i < SR_SPAN_TABLE_COUNT; i++) {
            if (word_of(&shm->spans[i].key) == (uint64_t)primitive + 1) {
                tally->begun += word_of(&shm->spans[i].begun);
                tally->ended += word_of(&shm->spans[i].ended);
            }
        }
    }
}

static bool entry_has_name(const struct view *view, uint32_t primitive, const char *name, const char *type)
{
    const uint64_t key = word_of(AT(view, registry_key, _Atomic uint64_t) + primitive);
    if (sr_state_of(key) != SR_REGISTRY_READY) {
        return false;
    }
    CHECK_EQUAL(AT(view, primitive_page, uint8_t)[primitive], 1);
    const struct sr_registry_entry_shm *entry =
        &AT(view, registry_entry, struct sr_registry_entry_shm)[primitive];
    if (!name) {
        return true;
    }
    return entry->name_bytes == strlen(name) && strcmp(entry->name, name) == 0 &&
           (!type || strcmp(entry->type, type) == 0);
}

void fold_primitive(const char *store, const char *name, const char *type, uint64_t extra_bound_ns,
                    bool settle, struct tally *out_tally)
{
    tally_init(out_tally, extra_bound_ns);
    struct view view = open_view(store);
    for (uint32_t primitive = 0; primitive < SR_PRIMITIVE_MAX; primitive++) {
        if (entry_has_name(&view, primitive, name, type)) {
            fold_rings_of(&view, primitive, settle, out_tally);
            fold_shared(&view, primitive, out_tally);
            fold_spans(&view, primitive, out_tally);
        }
    }
    close_view(&view);
}

void fold_path(const char *folder, const char *store, struct tally *out_tally)
{
    other_folder = folder;
    fold_primitive(store, NULL, NULL, 0, true, out_tally);
    other_folder = NULL;
}

uint32_t fold_rings(const char *store, enum sr_ring_state state)
{
    struct view view = open_view(store);
    uint32_t count = 0;
    for (uint32_t ring = 0; ring < SR_RING_MAX; ring++) {
        count += sr_state_of(ring_word(&view, ring)) == (uint32_t)state;
    }
    close_view(&view);
    return count;
}

uint32_t fold_slots(const char *store, enum sr_slot_state state)
{
    struct view view = open_view(store);
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < SR_SLOT_MAX; slot++) {
        if (AT(&view, slot_page, uint8_t)[slot / 4] == 1) {
            const struct sr_slot_shm *shm = &AT(&view, slot, struct sr_slot_shm)[slot];
            count += sr_state_of(word_of(&shm->state)) == (uint32_t)state;
        }
    }
    close_view(&view);
    return count;
}

uint32_t fold_entries(const char *store, const char *name)
{
    struct view view = open_view(store);
    uint32_t count = 0;
    for (uint32_t primitive = 0; primitive < SR_PRIMITIVE_MAX; primitive++) {
        count += entry_has_name(&view, primitive, name, NULL);
    }
    close_view(&view);
    return count;
}
