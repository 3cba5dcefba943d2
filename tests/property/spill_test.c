/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever the sequence of samples and owners, a spill block settled at the death of its owner holds exactly what was
 * committed: cells, sums, costs, ends, clamps and the counts at every bound. Owners die in the middle of an update, at any store of
 * it; bounds change under way; windows lie anywhere. From a seed that is printed; $SLIPRING_TEST_SEED sets another. */
#include <string.h>

#include "protocol/ring.h"
#include "support/api.h"
#include "support/check.h"
#include "support/ground.h"
#include "support/place.h"

#define ROUNDS    60u
#define PER_OWNER 400u

struct model {
    struct tally books;                    /* what is in the block, by all owners */
    uint64_t min, max;                     /* of this owner's */
    uint64_t bound_ns[SR_SPILL_BOUND_MAX]; /* bounds that ever were */
    uint64_t bound_count[SR_SPILL_BOUND_MAX];
};

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    return api_random(&seed) % below;
}

/* A duration inside the window, often at a bound or beside it. */
static uint64_t draw_duration(const struct sr_spill *spill)
{
    for (;;) {
        uint64_t ns = api_random(&seed) >> (12 + draw(52));
        if (spill->bounds.count > 0 && draw(3) == 0) {
            ns = spill->bounds.ns[draw(spill->bounds.count)] + draw(5) - 2;
        }
        if (ns <= SLIPRING_DURATION_MAX_NS && tally_bucket(ns) - spill->base < spill->cells) {
            return ns;
        }
    }
}

static struct sr_spill_sample draw_sample(const struct sr_spill *spill)
{
    struct sr_spill_sample sample = {.meta = SR_KIND_EXECUTION};
    const uint64_t kind = draw(10);
    if (kind == 0) {
        sample.meta = SR_KIND_AMOUNT;
    } else if (kind == 1) {
        sample.meta = SR_KIND_CANCEL | SR_SAMPLE_ENDED;
        return sample;
    } else {
        sample.duration_ns = draw_duration(spill);
        sample.meta |= draw(3) == 0 ? SR_SAMPLE_FAILURE : 0;
        sample.meta |= draw(3) == 0 ? SR_SAMPLE_ENDED : 0;
    }
    sample.meta |= draw(8) == 0 ? SR_SAMPLE_CLAMPED : 0;
    sample.meta |= draw(SLIPRING_CATEGORY_COUNT) << SR_SAMPLE_CATEGORY_SHIFT;
    sample.cost = draw(2) * draw(SLIPRING_AMOUNT_MAX);
    sample.savings = draw(2) * draw(1000);
    return sample;
}

/* As ring.c books it, found out here independently: which cell, which bound. */
static int bound_of(struct sr_spill *spill, uint64_t ns)
{
    for (uint32_t i = 0; i < spill->bounds.count; i++) {
        if (spill->bounds.ns[i] >= ns) {
            return tally_bucket(spill->bounds.ns[i]) == tally_bucket(ns)
                       ? (int)sr_spill_bound_entry(spill, (int)i)
                       : -1;
        }
    }
    return -1;
}

static void book(struct sr_spill *spill, const struct sr_spill_sample *sample, int bound)
{
    const uint64_t kind = sample->meta & SR_SAMPLE_KIND_MASK;
    uint32_t word = kind == SR_KIND_AMOUNT ? SR_SPILL_AMOUNTS : SR_SPILL_CANCELS;
    if (kind == SR_KIND_EXECUTION) {
        word = SR_SPILL_CELLS + tally_bucket(sample->duration_ns) - spill->base +
               (sample->meta & SR_SAMPLE_FAILURE ? spill->cells : 0);
    }
    sr_spill_book(spill, word, sample, bound);
}

struct scene {
    struct sr_producer_line_shm line;
    _Atomic uint64_t block[SR_SPILL_WORDS_FULL];
};

static void count(struct model *model, const struct sr_spill_sample *sample, const struct sr_spill *spill,
                  int bound)
{
    const uint64_t as_in_a_ring[4] = {sample->duration_ns << SR_SAMPLE_DURATION_SHIFT | sample->meta |
                                          SR_SAMPLE_AMOUNTS,
                                      sample->cost, sample->savings};
    (void)tally_ring(&model->books, as_in_a_ring, 3, 0, 3);
    if ((sample->meta & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION) {
        model->min = sample->duration_ns < model->min ? sample->duration_ns : model->min;
        model->max = sample->duration_ns > model->max ? sample->duration_ns : model->max;
    }
    if (bound >= 0 && bound < (int)SR_SPILL_BOUND_MAX) {
        model->bound_ns[bound] = spill->hot.block[SR_SPILL_BOUNDS + 2 * (uint32_t)bound];
        model->bound_count[bound]++;
    }
}

static void expect(const struct scene *scene, uint32_t base, uint32_t cells, const struct model *model)
{
    const _Atomic uint64_t *block = scene->block;
    for (uint32_t status = 0; status < 2; status++) {
        for (uint32_t i = 0; i < cells; i++) {
            CHECK_EQUAL(atomic_load(&block[SR_SPILL_CELLS + status * cells + i]),
                        model->books.cells[status][base + i]);
        }
    }
    for (uint32_t i = 0; i < SLIPRING_CATEGORY_COUNT; i++) {
        CHECK_EQUAL(atomic_load(&block[SR_SPILL_COST + i]), model->books.cost[i]);
        CHECK_EQUAL(atomic_load(&block[SR_SPILL_SAVINGS + i]), model->books.savings[i]);
    }
    for (uint32_t i = 0; i < SR_SPILL_BOUND_MAX; i++) {
        CHECK_EQUAL(atomic_load(&block[SR_SPILL_BOUNDS + 2 * i + 1]), model->bound_count[i]);
        CHECK(model->bound_ns[i] == 0 || atomic_load(&block[SR_SPILL_BOUNDS + 2 * i]) == model->bound_ns[i]);
    }
    CHECK_EQUAL(atomic_load(&scene->line.redo_sum) >> 1, model->books.sum_ns & UINT64_MAX >> 1);
    CHECK_EQUAL(atomic_load(&block[SR_SPILL_ENDED]), model->books.ended);
    CHECK_EQUAL(atomic_load(&block[SR_SPILL_CLAMPED]), model->books.clamped);
    CHECK_EQUAL(atomic_load(&block[SR_SPILL_AMOUNTS]), model->books.amounts);
    CHECK_EQUAL(atomic_load(&block[SR_SPILL_CANCELS]), model->books.cancels);
    CHECK_EQUAL(atomic_load(&block[SR_SPILL_MIN]), model->min);
    CHECK_EQUAL(atomic_load(&block[SR_SPILL_MAX]), model->max);
}

/* The update is made in a copy; of its stores to line and block only some are taken over, in their order: the key, some of the
 * rest noted, the sum, the cell, some of the rest. `cut`: 0 the key, and some noted; 1 and the sum; 2 and the cell; 3 and some
 * of the rest. */
static bool die_in_an_update(struct scene *scene, struct sr_spill *spill,
                             const struct sr_spill_sample *sample, int bound)
{
    static struct scene after;
    const struct sr_spill owner = *spill;
    memcpy(&after, scene, sizeof after);
    spill->hot.line = (struct slipring_inline_line *)(void *)&after.line;
    spill->hot.block = (uint64_t *)(void *)after.block;
    book(spill, sample, bound);
    *spill = owner;
    const uint64_t cut = draw(4);
    const uint64_t sum = atomic_load(&scene->line.redo_sum);
    const uint64_t key = atomic_load(&after.line.redo_key);
    if (cut == 0 && draw(2) == 0) {
        atomic_store(&scene->line.redo_key, key); /* and nothing else */
        return false;
    }
    memcpy(&scene->line, &after.line, sizeof scene->line);
    if (cut == 0) {
        atomic_store(&scene->line.redo_sum, sum);
        return false;
    }
    if (cut >= 2) {
        atomic_store(&scene->block[sr_spill_key_word(key)],
                     atomic_load(&after.block[sr_spill_key_word(key)]));
    }
    for (uint32_t i = 0; cut == 3 && i < SR_SPILL_CELLS; i++) {
        if (draw(2) == 0) {
            atomic_store(&scene->block[i], atomic_load(&after.block[i]));
        }
    }
    return true;
}

static void announce_some(void)
{
    uint64_t bounds[SLIPRING_BOUND_COUNT];
    const uint32_t n = (uint32_t)draw(6);
    for (uint32_t i = 0; i < n; i++) {
        bounds[i] = (1 + draw(4)) * 1000000 + draw(3); /* a few, so that the table of 32 is not soon full */
    }
    ground_announce(0, bounds, n);
}

static void a_settled_block_holds_what_was_committed_whoever_died_where(void **state)
{
    (void)state;
    seed = api_seed();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct scene *scene = test_calloc(1, sizeof *scene);
        struct model *model = test_calloc(1, sizeof *model);
        tally_init(&model->books, 0);
        const bool is_small = draw(2) == 0;
        const uint32_t cells = is_small ? 192 : SR_BUCKET_COUNT;
        const uint32_t base = is_small ? (uint32_t)draw(SR_BUCKET_COUNT - 192) : 0;
        for (uint32_t owners = 1 + (uint32_t)draw(6); owners > 0; owners--) {
            struct sr_spill spill;
            sr_spill_open(&spill, scene->block, &scene->line, base, cells, true);
            model->min = UINT64_MAX;
            model->max = 0;
            for (uint64_t left = draw(PER_OWNER); left > 0; left--) {
                if (draw(50) == 0) {
                    announce_some();
                    sr_spill_read_bounds(&spill.bounds, &ground, 0, api_random(&seed));
                }
                const struct sr_spill_sample sample = draw_sample(&spill);
                const bool is_execution = (sample.meta & SR_SAMPLE_KIND_MASK) == SR_KIND_EXECUTION;
                const int bound = is_execution ? bound_of(&spill, sample.duration_ns) : -1;
                if (left > 1) {
                    book(&spill, &sample, bound);
                    count(model, &sample, &spill, bound);
                } else if (die_in_an_update(scene, &spill, &sample, bound)) {
                    count(model, &sample, &spill, bound);
                }
            }
            (void)sr_spill_settle(&scene->line, scene->block,
                                  is_small ? SR_SPILL_WORDS_SMALL : SR_SPILL_WORDS_FULL);
            expect(scene, base, cells, model);
            (void)sr_spill_settle(&scene->line, scene->block,
                                  is_small ? SR_SPILL_WORDS_SMALL : SR_SPILL_WORDS_FULL);
            expect(scene, base, cells, model);
        }
        test_free(scene);
        test_free(model);
    }
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        GROUND_TEST(a_settled_block_holds_what_was_committed_whoever_died_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
