/* SPDX-License-Identifier: Apache-2.0 */
/* Commit, apply, clear and replay: see journal.h. */
#include "protocol/journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/crashpoint.h"

enum slipring_status sr_batch_open(struct sr_batch *batch, struct sr_words *words,
                                   struct sr_journal_shm *journal)
{
    *batch = (struct sr_batch){.words = words, .journal = journal, .round = 1};
    batch->places = calloc(SR_BATCH_PLACES, sizeof batch->places[0]);
    return batch->places ? SLIPRING_OK : SLIPRING_NO_MEMORY;
}

void sr_batch_close(struct sr_batch *batch)
{
    free(batch->places);
    batch->places = NULL;
}

static void apply(struct sr_batch *batch, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct sr_journal_pair_shm *pair = &batch->journal->pairs[i];
        /* release: after the commit, which a kill must leave first (G1); pairs with tools that read live words */
        __atomic_store_n(&batch->words->base[pair->word], pair->value, __ATOMIC_RELEASE);
        if (i == count / 2) {
            SR_CRASHPOINT(journal_half_applied);
        }
    }
}

static void set_committed(struct sr_batch *batch, uint64_t count)
{
    /* release: pairs with sr_batch_replay() of the next agent; else it could find a count without its pairs, or a
     * cleared journal whose words are not all applied */
    atomic_store_explicit(&batch->journal->committed, count, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst); /* the compiler moves no later store before it (G1, G4) */
}

void sr_batch_commit(struct sr_batch *batch)
{
    if (batch->count == 0) {
        return;
    }
    SR_CRASHPOINT(journal_filled);
    set_committed(batch, batch->count);
    SR_CRASHPOINT(journal_committed);
    apply(batch, batch->count);
    batch->commits++;
    SR_CRASHPOINT(journal_applied);
}

void sr_batch_clear(struct sr_batch *batch)
{
    set_committed(batch, 0);
    batch->count = 0;
    batch->round++;
    if (batch->round == 0) { /* after 65,535 rounds old places would look new */
        memset(batch->places, 0, SR_BATCH_PLACES * sizeof batch->places[0]);
        batch->round = 1;
    }
}

/* Every index within the words, every page there. */
static enum slipring_status check_pairs(struct sr_batch *batch, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t word = batch->journal->pairs[i].word;
        if (word >= SR_WORD_COUNT) {
            return SLIPRING_FOREIGN;
        }
        enum slipring_status status = sr_words_reserve(batch->words, (uint32_t)word, 1);
        if (status != SLIPRING_OK) {
            return status;
        }
    }
    return SLIPRING_OK;
}

enum slipring_status sr_batch_replay(struct sr_batch *batch, uint32_t *out_pairs)
{
    /* acquire: pairs with set_committed() of the agent that died */
    const uint64_t committed = atomic_load_explicit(&batch->journal->committed, memory_order_acquire);
    if (committed > SR_JOURNAL_PAIRS) {
        return SLIPRING_FOREIGN;
    }
    enum slipring_status status = check_pairs(batch, (uint32_t)committed);
    if (status != SLIPRING_OK) {
        return status;
    }
    apply(batch, (uint32_t)committed);
    if (committed > 0) {
        SR_CRASHPOINT(journal_replayed);
    }
    *out_pairs = (uint32_t)committed;
    sr_batch_clear(batch);
    return SLIPRING_OK;
}
