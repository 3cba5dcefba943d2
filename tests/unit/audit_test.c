/* SPDX-License-Identifier: Apache-2.0 */
/* The audit: books kept by hand beside real rings, right, wrong in one place at a time, and while they move. */
#include "support/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "peer/audit.h"
#include "peer/books.h"
#include "protocol/segment.h"
#include "protocol/stats_segment.h"
#include "protocol/usage.h"
#include "support/child.h"
#include "support/place.h"
#include "system/guard.h"

enum { RECORDED = 600, IN_RING = 512, IN_BLOCK = RECORDED - IN_RING, DURATION_NS = 5000 };

/* A store in which a process recorded, and an agent's side of it that the tests write. */
struct bookkeeping {
    char store[32];
    struct sr_segment segment;
    struct sr_books books;
    uint32_t ring;
    uint32_t cell; /* of its block: the word all spilled executions are in */
};

static void record_all(void *store_name)
{
    struct slipring_store *store;
    struct slipring_primitive *work;
    CHECK_OK(slipring_open(store_name, &store));
    CHECK_OK(slipring_primitive_get(store, "work", NULL, &work));
    for (int i = 0; i < RECORDED; i++) {
        slipring_record(work, DURATION_NS, SLIPRING_SUCCESS, NULL);
    }
}

static void begin(struct bookkeeping *keeping)
{
    memset(keeping, 0, sizeof *keeping);
    keeping->books.fd = -1;
    CHECK_OK(sr_guard_install());
    (void)snprintf(keeping->store, sizeof keeping->store, "%s", place_new_store());
    child_run(record_all, keeping->store);
    CHECK_OK(sr_segment_attach(&keeping->segment, keeping->store, true));
    while (!sr_segment_ring_is_reserved(&keeping->segment, keeping->ring)) {
        keeping->ring++;
    }
    const _Atomic uint64_t *block = sr_segment_spill(&keeping->segment, keeping->ring);
    for (keeping->cell = SR_SPILL_CELLS; atomic_load(&block[keeping->cell]) != IN_BLOCK; keeping->cell++) {
        assert_true(keeping->cell < SR_SPILL_WORDS_SMALL);
    }
}

static void end(struct bookkeeping *keeping)
{
    sr_books_close(&keeping->books);
    sr_map_unmap(&keeping->segment.map);
}

/* Change a word: in the batch under construction. */
static void put(struct bookkeeping *keeping, uint32_t word, uint64_t value)
{
    CHECK_OK(sr_words_reserve(&keeping->books.words, word, 1));
    sr_batch_set(&keeping->books.batch, word, value);
}

static void add(struct bookkeeping *keeping, uint32_t word, uint64_t difference)
{
    CHECK_OK(sr_words_reserve(&keeping->books.words, word, 1));
    sr_batch_add(&keeping->books.batch, word, difference);
}

static void commit(struct bookkeeping *keeping)
{
    sr_batch_commit(&keeping->books.batch);
    sr_batch_clear(&keeping->books.batch);
}

/* One more commit that changes one word. */
static void change(struct bookkeeping *keeping, uint32_t word, uint64_t value)
{
    put(keeping, word, value);
    commit(keeping);
}

/* Book `taken` samples of one word each and `folded` executions beyond what is booked already. */
static void book(struct bookkeeping *keeping, uint64_t taken, uint64_t folded)
{
    const uint32_t ring = keeping->ring;
    put(keeping, SR_WORD(store, 0, SR_STORE_BOOK_HIGH), 1);
    put(keeping, SR_WORD(book, 0, SR_BOOK_USED), 1);
    put(keeping, SR_WORD(ring, ring, SR_RING_LIFE), sr_life(1, 0, SR_PHASE_LIVE));
    put(keeping, SR_WORD(ring, ring, SR_RING_HAS_COPY), 1);
    add(keeping, SR_WORD(ring, ring, SR_RING_HEAD), taken);
    add(keeping, SR_WORD(copy_small, ring, keeping->cell), folded);
    add(keeping, SR_WORD(book, 0, SR_BOOK_TAKEN), taken);
    add(keeping, SR_WORD(book, 0, SR_BOOK_SPILLED), folded);
    add(keeping, SR_WORD(book, 0, SR_BOOK_COUNT), taken + folded);
    add(keeping, SR_WORD(book, 0, SR_BOOK_CELLS + sr_bucket_index(DURATION_NS)), taken + folded);
}

static void open_books(struct bookkeeping *keeping)
{
    uint64_t holder;
    uint32_t replayed;
    CHECK_OK(sr_books_open(&keeping->books, keeping->store, 0600, (gid_t)-1, &holder, &replayed));
    sr_books_set_ring_incarnation(&keeping->books, sr_segment_header(&keeping->segment)->incarnation);
}

static void begin_booked(struct bookkeeping *keeping, uint64_t taken, uint64_t folded)
{
    begin(keeping);
    open_books(keeping);
    book(keeping, taken, folded);
    commit(keeping);
}

static struct sr_audit look(const struct bookkeeping *keeping)
{
    struct sr_audit audit;
    CHECK_OK(sr_audit_take(keeping->store, &audit));
    return audit;
}

static void expect_agreement(const struct sr_audit *audit)
{
    for (uint32_t i = 0; i < audit->fault_count && i < SR_AUDIT_FAULT_MAX; i++) {
        print_error("%s: %llu\n", sr_audit_fault_text(audit->faults[i].kind),
                    (unsigned long long)audit->faults[i].is);
    }
    assert_int_equal(audit->fault_count, 0);
    assert_false(audit->is_truncated);
}

/* Exactly one fault, and which. */
static void expect_fault(const struct bookkeeping *keeping, enum sr_audit_fault_kind kind, uint32_t id)
{
    struct sr_audit audit = look(keeping);
    assert_int_equal(audit.fault_count, 1);
    assert_int_equal(audit.faults[0].kind, kind);
    assert_int_equal(audit.faults[0].id, id);
}

static void without_an_agent_everything_waits(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin(&keeping);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    assert_true(audit.has_segment && !audit.has_books && audit.is_exact);
    assert_int_equal(audit.produced, RECORDED);
    assert_int_equal(audit.in_rings, IN_RING);
    assert_int_equal(audit.in_blocks, IN_BLOCK);
    assert_int_equal(sr_audit_difference(&audit), 0);
    end(&keeping);
}

static void what_is_booked_and_what_waits_add_up_to_what_was_produced(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, 100, 50);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    assert_true(audit.is_exact && audit.has_books && !audit.was_replayed && !audit.is_remade);
    assert_int_equal(audit.produced, RECORDED);
    assert_int_equal(audit.drained, 100);
    assert_int_equal(audit.spilled, 50);
    assert_int_equal(audit.in_rings, IN_RING - 100);
    assert_int_equal(audit.in_blocks, IN_BLOCK - 50);
    assert_int_equal(audit.executions, 150);
    book(&keeping, IN_RING - 100, IN_BLOCK - 50);
    commit(&keeping);
    audit = look(&keeping);
    expect_agreement(&audit);
    assert_int_equal(audit.in_rings + audit.in_blocks, 0);
    assert_int_equal(sr_audit_difference(&audit), 0);
    end(&keeping);
}

static void books_of_former_segments_are_set_apart(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, IN_RING, IN_BLOCK);
    put(&keeping, SR_WORD(store, 0, SR_STORE_FORMER_TAKEN), 1000);
    put(&keeping, SR_WORD(store, 0, SR_STORE_FORMER_SPILLED), 77);
    add(&keeping, SR_WORD(book, 0, SR_BOOK_TAKEN), 1000);
    add(&keeping, SR_WORD(book, 0, SR_BOOK_SPILLED), 77);
    add(&keeping, SR_WORD(book, 0, SR_BOOK_COUNT), 1077);
    add(&keeping, SR_WORD(book, 0, SR_BOOK_CELLS), 1077);
    commit(&keeping);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    assert_int_equal(audit.drained, IN_RING);
    assert_int_equal(audit.executions, RECORDED + 1077);
    end(&keeping);
}

static void a_sample_lost_or_booked_twice_is_a_fault(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, 100, 50);
    const uint32_t others = SR_WORD(book, 0, SR_BOOK_OTHERS);
    /* one slot taken that no head tells of: it was no execution, so that the book itself adds up */
    change(&keeping, others, 1);
    change(&keeping, SR_WORD(book, 0, SR_BOOK_TAKEN), 101);
    expect_fault(&keeping, SR_AUDIT_DRAINED, SR_AUDIT_NO_ID);
    struct sr_audit audit = look(&keeping);
    assert_int_equal(sr_audit_difference(&audit), -1);
    change(&keeping, others, 0);
    change(&keeping, SR_WORD(book, 0, SR_BOOK_TAKEN), 100);
    /* one fold forgotten in the copy */
    change(&keeping, SR_WORD(copy_small, keeping.ring, keeping.cell), 49);
    expect_fault(&keeping, SR_AUDIT_SPILLED, SR_AUDIT_NO_ID);
    change(&keeping, SR_WORD(copy_small, keeping.ring, keeping.cell), 50);
    audit = look(&keeping);
    expect_agreement(&audit);
    end(&keeping);
}

static void a_book_at_odds_with_itself_is_a_fault(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, 100, 50);
    const uint32_t cell = SR_WORD(book, 0, SR_BOOK_CELLS + 7);
    change(&keeping, cell, 1);
    expect_fault(&keeping, SR_AUDIT_BOOK_CELLS, 0);
    change(&keeping, SR_WORD(book, 0, SR_BOOK_COUNT), 151);
    expect_fault(&keeping, SR_AUDIT_BOOK_COUNT, 0);
    end(&keeping);
}

/* One resource, used `usages` times by ten units and folded, and what it cost. */
static void book_usage(struct bookkeeping *keeping, uint64_t usages)
{
    put(keeping, SR_WORD(store, 0, SR_STORE_USAGE_BALANCED), 1);
    put(keeping, SR_WORD(usage, 0, SR_USAGE_USED), 1);
    add(keeping, SR_WORD(usage, 0, SR_USAGE_USAGES), usages);
    add(keeping, SR_WORD(usage, 0, SR_USAGE_UNITS), 10 * usages);
    add(keeping, SR_WORD(usage, 0, SR_USAGE_COST), 7 * usages);
    add(keeping, SR_WORD(book, 0, SR_BOOK_COST + 3), 7 * usages);
    add(keeping, SR_WORD(copy_usage, 0, SR_COPY_USAGE_USAGES), usages);
    add(keeping, SR_WORD(copy_usage, 0, SR_COPY_USAGE_UNITS), 10 * usages);
    commit(keeping);
}

static void use(struct bookkeeping *keeping, uint32_t times)
{
    struct sr_usage_name name;
    uint32_t account = 0;
    sr_usage_name_set(&name, 1, "a/b", 3);
    CHECK_OK(sr_usage_get(&keeping->segment, &name, &account));
    assert_int_equal(account, 0);
    for (uint32_t i = 0; i < times; i++) {
        const struct slipring_usage usage = {.units = {10}};
        sr_usage_begin(sr_segment_usage(&keeping->segment, account), &usage, false);
        sr_usage_end(&keeping->segment, 1, sr_segment_usage(&keeping->segment, account));
    }
}

/* For a moment another value. */
static void expect_fault_with(struct bookkeeping *keeping, uint32_t word, uint64_t value,
                              enum sr_audit_fault_kind kind, uint32_t id)
{
    const uint64_t before = sr_words_get(&keeping->books.words, word);
    change(keeping, word, value);
    expect_fault(keeping, kind, id);
    change(keeping, word, before);
}

static void usage_that_is_lost_or_booked_twice_is_a_fault(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, 100, 50);
    use(&keeping, 5);
    book_usage(&keeping, 3);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    assert_int_equal(audit.usages, 3);
    assert_int_equal(audit.in_accounts, 2);
    expect_fault_with(&keeping, SR_WORD(usage, 0, SR_USAGE_USAGES), 4, SR_AUDIT_USAGES, SR_AUDIT_NO_ID);
    expect_fault_with(&keeping, SR_WORD(usage, 0, SR_USAGE_UNITS + 5), 1, SR_AUDIT_UNITS, SR_AUDIT_NO_ID);
    expect_fault_with(&keeping, SR_WORD(usage, 0, SR_USAGE_COST), 22, SR_AUDIT_BOOK_MONEY, 0);
    expect_fault_with(&keeping, SR_WORD(usage, 0, SR_USAGE_SAVINGS), 1, SR_AUDIT_BOOK_MONEY, 0);
    book_usage(&keeping, 3); /* of five */
    expect_fault(&keeping, SR_AUDIT_USAGE_BEHIND, 0);
    end(&keeping);
}

static void usage_of_former_segments_and_of_agents_that_kept_no_entry_is_set_apart(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, 100, 50);
    book_usage(&keeping, 3);
    put(&keeping, SR_WORD(store, 0, SR_STORE_FORMER_USAGES), (uint64_t)0 - 3);
    put(&keeping, SR_WORD(store, 0, SR_STORE_FORMER_UNITS), (uint64_t)0 - 30);
    put(&keeping, SR_WORD(usage, 0, SR_USAGE_USAGES), 0);
    put(&keeping, SR_WORD(usage, 0, SR_USAGE_UNITS), 0);
    commit(&keeping);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    expect_fault_with(&keeping, SR_WORD(store, 0, SR_STORE_FORMER_USAGES), 0, SR_AUDIT_USAGES,
                      SR_AUDIT_NO_ID);
    change(&keeping, SR_WORD(store, 0, SR_STORE_FORMER_USAGES), 0);
    change(&keeping, SR_WORD(store, 0, SR_STORE_USAGE_BALANCED), 0);
    audit = look(&keeping);
    expect_agreement(&audit);
    end(&keeping);
}

static void rings_and_blocks_that_contradict_the_books_are_faults(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, 100, 50);
    struct sr_producer_line_shm *line = sr_segment_producer_line(&keeping.segment, keeping.ring);
    struct sr_consumer_line_shm *consumer = sr_segment_consumer_line(&keeping.segment, keeping.ring);
    _Atomic uint64_t *block = sr_segment_spill(&keeping.segment, keeping.ring);
    atomic_store(&line->tail, 99);
    expect_fault(&keeping, SR_AUDIT_RING_BEHIND, keeping.ring);
    atomic_store(&line->tail, 100 + 513);
    expect_fault(&keeping, SR_AUDIT_RING_OVERFULL, keeping.ring);
    atomic_store(&line->tail, UINT64_MAX);
    expect_fault(&keeping, SR_AUDIT_RING_OVERFULL, keeping.ring);
    atomic_store(&line->tail, 100 + 512);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    atomic_store(&consumer->head, 101);
    expect_fault(&keeping, SR_AUDIT_HEAD_AHEAD, keeping.ring);
    atomic_store(&consumer->head, 100);
    atomic_store(&block[keeping.cell], 49);
    expect_fault(&keeping, SR_AUDIT_BLOCK_BEHIND, keeping.ring);
    end(&keeping);
}

static void a_quarantined_ring_counts_up_to_its_head(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, 100, 50);
    atomic_store(&sr_segment_producer_line(&keeping.segment, keeping.ring)->tail, UINT64_MAX / 2);
    put(&keeping, SR_WORD(ring, keeping.ring, SR_RING_LIFE), sr_life(1, 0, SR_PHASE_QUARANTINED));
    put(&keeping, SR_WORD(store, 0, SR_STORE_QUARANTINED), 28);
    commit(&keeping);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    assert_int_equal(audit.produced, 150);
    assert_int_equal(audit.quarantined, 28);
    assert_int_equal(sr_audit_difference(&audit), 0);
    end(&keeping);
}

/* The journal as an agent leaves it that is killed with everything, or with half of it, applied. */
static void leave_committed(struct bookkeeping *keeping, bool half)
{
    struct sr_batch *batch = &keeping->books.batch;
    for (uint32_t i = 0; half && i < batch->count / 2; i++) {
        keeping->books.words.base[batch->journal->pairs[i].word] = batch->journal->pairs[i].value;
    }
    atomic_store(&batch->journal->committed, batch->count);
}

static void a_commit_that_was_cut_off_is_seen_as_the_next_agent_will(void **state)
{
    (void)state;
    for (int half = 0; half < 2; half++) {
        struct bookkeeping keeping;
        begin_booked(&keeping, 100, 50);
        book(&keeping, IN_RING - 100, IN_BLOCK - 50);
        leave_committed(&keeping, half);
        sr_books_close(&keeping.books); /* killed */
        struct sr_audit audit = look(&keeping);
        expect_agreement(&audit);
        assert_true(audit.was_replayed && audit.is_exact);
        assert_int_equal(audit.drained, IN_RING);
        assert_int_equal(audit.spilled, IN_BLOCK);
        open_books(&keeping); /* the next one replays it */
        audit = look(&keeping);
        expect_agreement(&audit);
        assert_false(audit.was_replayed);
        assert_int_equal(audit.executions, RECORDED);
        end(&keeping);
    }
}

static void a_first_commit_that_was_cut_off_counts_on_pages_never_written(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin(&keeping);
    open_books(&keeping);
    book(&keeping, IN_RING, IN_BLOCK);
    leave_committed(&keeping, false);
    sr_books_close(&keeping.books);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    assert_int_equal(audit.executions, RECORDED);
    assert_int_equal(sr_audit_difference(&audit), 0);
    end(&keeping);
}

static void an_impossible_journal_is_a_fault_and_leads_nowhere(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, 100, 50);
    atomic_store(&keeping.books.batch.journal->committed, UINT64_MAX);
    struct sr_audit audit = look(&keeping);
    assert_true(audit.fault_count >= 1);
    assert_int_equal(audit.faults[0].kind, SR_AUDIT_JOURNAL);
    /* pairs that lead out of the words */
    keeping.books.batch.journal->pairs[0] = (struct sr_journal_pair_shm){.word = UINT64_MAX, .value = 1};
    keeping.books.batch.journal->pairs[1] = (struct sr_journal_pair_shm){.word = SR_WORD_COUNT, .value = 1};
    atomic_store(&keeping.books.batch.journal->committed, 2);
    audit = look(&keeping);
    expect_agreement(&audit);
    atomic_store(&keeping.books.batch.journal->committed, 0);
    end(&keeping);
}

static void of_a_remade_segment_nothing_was_booked_yet(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    begin_booked(&keeping, 100, 50);
    sr_books_set_ring_incarnation(&keeping.books, 12345);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    assert_true(audit.is_remade);
    assert_int_equal(audit.produced, RECORDED);
    assert_int_equal(audit.in_rings + audit.in_blocks, RECORDED);
    assert_int_equal(sr_audit_difference(&audit), 0);
    end(&keeping);
}

static void truncated_segments_are_survived_and_told(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    struct sr_audit audit;
    char path[PATH_MAX];
    begin_booked(&keeping, 100, 50);
    place_path(path, keeping.store, "stats");
    assert_int_equal(truncate(path, 100000), 0);
    CHECK_STATUS(sr_audit_take(keeping.store, &audit), SLIPRING_WRONG_SIZE);
    end(&keeping);
    CHECK_STATUS(sr_audit_take("no_such_store", &audit), SLIPRING_ABSENT);
}

/* An agent that books one sample after the other, and a producer's side that keeps ahead of it. */
struct moving {
    struct bookkeeping *keeping;
    _Atomic uint32_t stop;
    uint64_t rounds;
};

static void *book_on(void *argument)
{
    struct moving *moving = argument;
    struct bookkeeping *keeping = moving->keeping;
    _Atomic uint64_t *block = sr_segment_spill(&keeping->segment, keeping->ring);
    struct sr_producer_line_shm *line = sr_segment_producer_line(&keeping->segment, keeping->ring);
    while (!atomic_load(&moving->stop)) {
        atomic_fetch_add(&line->tail, 3);
        atomic_fetch_add(&block[keeping->cell], 2);
        book(keeping, 3, 2);
        commit(keeping);
        moving->rounds++;
    }
    return NULL;
}

static void a_store_that_moves_agrees_at_every_look(void **state)
{
    (void)state;
    struct bookkeeping keeping;
    struct moving moving = {.keeping = &keeping};
    pthread_t thread;
    uint64_t last = 0;
    begin_booked(&keeping, 100, 50);
    assert_int_equal(pthread_create(&thread, NULL, book_on, &moving), 0);
    for (int i = 0; i < 20; i++) {
        struct sr_audit audit = look(&keeping);
        expect_agreement(&audit);
        assert_in_range(audit.drained, audit.drained_low, audit.drained_high);
        assert_true(audit.produced >= last);
        last = audit.produced;
    }
    atomic_store(&moving.stop, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(moving.rounds > 100);
    struct sr_audit audit = look(&keeping);
    expect_agreement(&audit);
    assert_true(audit.is_exact);
    assert_int_equal(audit.produced, RECORDED + 5 * moving.rounds);
    end(&keeping);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_agent_everything_waits),
        cmocka_unit_test(what_is_booked_and_what_waits_add_up_to_what_was_produced),
        cmocka_unit_test(books_of_former_segments_are_set_apart),
        cmocka_unit_test(a_sample_lost_or_booked_twice_is_a_fault),
        cmocka_unit_test(a_book_at_odds_with_itself_is_a_fault),
        cmocka_unit_test(usage_that_is_lost_or_booked_twice_is_a_fault),
        cmocka_unit_test(usage_of_former_segments_and_of_agents_that_kept_no_entry_is_set_apart),
        cmocka_unit_test(rings_and_blocks_that_contradict_the_books_are_faults),
        cmocka_unit_test(a_quarantined_ring_counts_up_to_its_head),
        cmocka_unit_test(a_commit_that_was_cut_off_is_seen_as_the_next_agent_will),
        cmocka_unit_test(a_first_commit_that_was_cut_off_counts_on_pages_never_written),
        cmocka_unit_test(an_impossible_journal_is_a_fault_and_leads_nowhere),
        cmocka_unit_test(of_a_remade_segment_nothing_was_booked_yet),
        cmocka_unit_test(truncated_segments_are_survived_and_told),
        cmocka_unit_test(a_store_that_moves_agrees_at_every_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
