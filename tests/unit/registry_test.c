/* SPDX-License-Identifier: Apache-2.0 */
/* Names to ids. G1 to G4: see protocol/registry.h. */
#include "protocol/registry.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/crashpoint.h"
#include "protocol/shared_spill.h"
#include "protocol/spill.h"
#include "pure/name.h"
#include "support/check.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/fold.h"
#include "support/ground.h"
#include "support/place.h"
#include "support/trap.h"

#define SLOT 5u

static uint32_t get(const char *name)
{
    uint32_t id = UINT32_MAX;
    CHECK_OK(sr_registry_get(&ground, name, "step", SLOT, &id));
    return id;
}

static uint64_t key_of(uint32_t id)
{
    return atomic_load(sr_segment_registry_key(&ground, id));
}

static void set_key(uint32_t id, uint64_t key)
{
    atomic_store(sr_segment_registry_key(&ground, id), key);
}

static void set_limit(uint32_t limit)
{
    atomic_store(&sr_segment_header(&ground)->control.primitive_limit, limit);
}

/* --- names --------------------------------------------------------------------------------------------------------------------------- */

static void overflow_is_there_from_the_start(void **state)
{
    (void)state;
    uint32_t id = 99;
    CHECK_OK(sr_registry_get(&ground, "__overflow__", "__overflow__", SLOT, &id));
    CHECK_EQUAL(id, SR_PRIMITIVE_OVERFLOW);
}

static void ids_are_given_out_upwards_and_kept(void **state)
{
    (void)state;
    CHECK_EQUAL(get("a"), 1);
    CHECK_EQUAL(get("b"), 2);
    CHECK_EQUAL(get("a"), 1);
    uint32_t id = 0;
    CHECK_OK(sr_registry_get(&ground, "a", "another type", SLOT, &id));
    CHECK_EQUAL(id, 3);
}

static void a_ready_key_has_a_whole_entry_with_a_fresh_shared_spill_G3(void **state)
{
    (void)state;
    char name[SLIPRING_PRIMITIVE_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    name[SLIPRING_PRIMITIVE_NAME_MAX] = '\0';
    const uint32_t id = get(name);
    CHECK_EQUAL(key_of(id),
                sr_state_word((uint32_t)(sr_name_hash(name, "step") >> 32), SLOT, SR_REGISTRY_READY) |
                    SR_REGISTRY_COUNTED);
    CHECK(sr_segment_primitive_is_reserved(&ground, id));
    const struct sr_registry_entry_shm *entry = sr_segment_entry(&ground, id);
    CHECK_EQUAL(entry->name_bytes, 128);
    CHECK_EQUAL(entry->type_bytes, 4);
    assert_string_equal(entry->name, name);
    assert_string_equal(entry->type, "step");
    CHECK_EQUAL(atomic_load(&sr_segment_shared_spill(&ground, id)[SR_SPILL_MIN]), UINT64_MAX);
    CHECK_EQUAL(get(name), id);
    name[127] = 'm';
    CHECK(get(name) != id);
}

static void what_a_dead_registrant_wrote_is_written_over_G3(void **state)
{
    (void)state;
    CHECK_OK(sr_segment_reserve_primitive(&ground, 1));
    struct sr_registry_entry_shm *entry = sr_segment_entry(&ground, 1);
    memset(entry, 'x', sizeof *entry);
    CHECK_EQUAL(get("work"), 1);
    assert_string_equal(entry->name, "work");
    for (size_t i = strlen("work"); i < sizeof entry->name; i++) {
        CHECK_EQUAL(entry->name[i], 0); /* by which duplicates know each other */
    }
    CHECK_EQUAL(atomic_load(&entry->categories[1].state), SR_ITEM_EMPTY);
}

static void an_entry_of_anybodys_bytes_is_compared_safely(void **state)
{
    (void)state;
    const uint32_t id = get("victim");
    struct sr_registry_entry_shm *entry = sr_segment_entry(&ground, id);
    entry->name_bytes = UINT32_MAX;
    CHECK_EQUAL(get("victim"), id + 1); /* no longer found: another one */
    memset(entry->name, 'x', sizeof entry->name);
    memset(entry->type, 'x', sizeof entry->type);
    entry->name_bytes = 6;
    CHECK_EQUAL(get("victim"), id + 1);
}

static void a_ready_key_without_pages_is_not_followed(void **state)
{
    (void)state;
    set_key(1, sr_state_word((uint32_t)(sr_name_hash("ghost", "step") >> 32), 0, SR_REGISTRY_READY));
    CHECK_EQUAL(get("ghost"), 2);
}

static void hostile_keys_and_hints_end_the_scan_all_the_same(void **state)
{
    (void)state;
    atomic_store(&sr_segment_header(&ground)->hint.registry_high, UINT32_MAX);
    for (uint32_t id = 1; id < 300; id++) {
        set_key(id, UINT64_MAX - id);
    }
    CHECK_EQUAL(get("survivor"), 300);
    CHECK_EQUAL(get("survivor"), 300);
}

/* --- races --------------------------------------------------------------------------------------------------------------------------- */

static void a_key_that_another_process_is_claiming_is_passed_over_G1(void **state)
{
    (void)state;
    set_key(1, sr_state_word((uint32_t)(sr_name_hash("same", "step") >> 32), SLOT + 1, SR_REGISTRY_CLAIMING));
    CHECK_EQUAL(get("same"), 2);
    CHECK_EQUAL(sr_state_of(key_of(1)), SR_REGISTRY_CLAIMING);
}

struct race {
    _Atomic uint32_t go;
    _Atomic uint32_t ids[8];
    uint32_t round;
};

static void name_in_race(const struct race *race, uint32_t i, char out_name[32])
{
    (void)snprintf(out_name, 32, "race-%u-%u", race->round, i);
}

static void register_at_once(void *argument)
{
    struct race *race = argument;
    char name[32];
    for (uint32_t i = 0; i < 8; i++) {
        name_in_race(race, i, name);
        child_await(&race->go, i + 1);
        atomic_store(&race->ids[i], get(name));
    }
}

/* Two processes register eight times, each time at the same moment. */
static void run_race(struct race *sides)
{
    const pid_t first = child_start(register_at_once, &sides[0]);
    const pid_t second = child_start(register_at_once, &sides[1]);
    for (uint32_t i = 0; i < 8; i++) {
        atomic_store(&sides[0].go, i + 1);
        atomic_store(&sides[1].go, i + 1);
        while (atomic_load(&sides[0].ids[i]) == 0 || atomic_load(&sides[1].ids[i]) == 0) {
            (void)sched_yield();
        }
    }
    child_ends_well(first);
    child_ends_well(second);
    for (uint32_t i = 0; i < 8; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            char name[32];
            name_in_race(&sides[side], i, name);
            assert_string_equal(sr_segment_entry(&ground, atomic_load(&sides[side].ids[i]))->name, name);
        }
    }
}

static void two_processes_that_register_one_name_at_once_both_succeed_G1(void **state)
{
    (void)state;
    struct race *sides = child_share(2 * sizeof *sides);
    uint32_t duplicates = 0;
    for (uint32_t round = 0; round < 30; round++) {
        memset(sides, 0, 2 * sizeof *sides);
        sides[0].round = sides[1].round = round;
        run_race(sides);
        for (uint32_t i = 0; i < 8; i++) {
            char name[32];
            name_in_race(&sides[0], i, name);
            const uint32_t one = atomic_load(&sides[0].ids[i]);
            const uint32_t other = atomic_load(&sides[1].ids[i]);
            duplicates += one != other;
            CHECK_EQUAL(fold_entries(place_store(), name), one == other ? 1 : 2);
            CHECK_EQUAL(get(name), one < other ? one : other); /* from now on the lower one */
        }
    }
    print_message("%u duplicates of 240\n", duplicates);
}

/* The one and the other, which comes in between. */
struct pair {
    char names[2][32];
    uint32_t ids[2];
};

static void register_one(void *argument)
{
    struct pair *pair = argument;
    pair->ids[0] = get(pair->names[0]);
}

static void register_other(void *argument)
{
    struct pair *pair = argument;
    pair->ids[1] = get(pair->names[1]);
}

static void a_name_registered_in_between_anywhere_gets_an_id_of_its_own_G1(void **state)
{
    (void)state;
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    set_limit(UINT32_MAX);
    static struct pair pair;
    (void)snprintf(pair.names[0], sizeof pair.names[0], "learnt");
    const uint32_t count = trap_learn(register_one, &pair);
    uint32_t interrupted = 0;
    for (uint32_t nth = 0; nth < count; nth += count / 400 + 1) {
        for (uint32_t i = 0; i < 2; i++) {
            (void)snprintf(pair.names[i], sizeof pair.names[i], "between-%u-%u", nth, i);
            pair.ids[i] = 0;
        }
        if (!trap_at(register_one, register_other, &pair, nth)) {
            continue;
        }
        interrupted++;
        CHECK(pair.ids[0] != pair.ids[1]);
        for (uint32_t i = 0; i < 2; i++) {
            assert_string_equal(sr_segment_entry(&ground, pair.ids[i])->name, pair.names[i]);
            CHECK_EQUAL(get(pair.names[i]), pair.ids[i]);
        }
    }
    CHECK(interrupted > 20);
}

struct killing {
    enum sr_crashpoint point;
};

static void register_armed(void *argument)
{
    sr_crashpoint_arm(((const struct killing *)argument)->point, 1);
    (void)get("half");
}

static void a_registrant_killed_half_way_leaves_a_key_with_its_slot_G2(void **state)
{
    (void)state;
    if (!SR_CRASHPOINTS_BUILT) {
        print_message("no crash points in this build: not tried\n");
        return;
    }
    const enum sr_crashpoint points[] = {SR_CRASHPOINT_registry_claimed, SR_CRASHPOINT_registry_before_ready};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(points); i++) {
        struct killing killing = {.point = points[i]};
        child_dies_by(child_start(register_armed, &killing), SIGKILL);
        const uint64_t key = key_of(i + 1);
        CHECK_EQUAL(sr_state_of(key), SR_REGISTRY_CLAIMING);
        CHECK_EQUAL(sr_state_slot(key), SLOT);
    }
    CHECK_EQUAL(get("half"), 3);   /* nobody is blocked */
    set_key(2, SR_REGISTRY_EMPTY); /* as the agent does when that slot has died */
    CHECK_EQUAL(get("later"), 2);
    assert_string_equal(sr_segment_entry(&ground, 2)->name, "later");
    CHECK_EQUAL(get("half"), 3);
}

/* --- what counts --------------------------------------------------------------------------------------------------------------------- */

static uint32_t high(void)
{
    return atomic_load(&sr_segment_header(&ground)->hint.registry_high);
}

/* An entry as its registrant left it; standing 0: killed before anybody decided. */
static void put(uint32_t id, const char *name, uint64_t standing)
{
    CHECK_OK(sr_segment_reserve_primitive(&ground, id));
    struct sr_registry_entry_shm *entry = sr_segment_entry(&ground, id);
    memset(entry, 0, sizeof *entry);
    (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    (void)snprintf(entry->type, sizeof entry->type, "step");
    entry->name_bytes = (uint32_t)strlen(name);
    entry->type_bytes = 4;
    if (high() <= id) {
        atomic_store(&sr_segment_header(&ground)->hint.registry_high, id + 1);
    }
    set_key(id,
            sr_state_word((uint32_t)(sr_name_hash(name, "step") >> 32), SLOT, SR_REGISTRY_READY) | standing);
}

static void expect_limit_reached(void)
{
    uint32_t id = 77;
    CHECK_STATUS(sr_registry_get(&ground, "one beyond", "step", SLOT, &id), SLIPRING_LIMIT_REACHED);
    CHECK_EQUAL(id, SR_PRIMITIVE_OVERFLOW);
}

/* How many of these entries count as names. */
static uint32_t counted(uint32_t from, uint32_t end)
{
    uint32_t count = 0;
    for (uint32_t id = from; id < end; id++) {
        count += (key_of(id) & SR_REGISTRY_COUNTED) != 0;
    }
    return count;
}

static void the_limit_counts_names_not_entries_G4(void **state)
{
    (void)state;
    CHECK_EQUAL(get("a"), 1);
    for (uint32_t id = 2; id < 10; id++) {
        put(id, "a", 0);
    }
    set_limit(2);
    CHECK_EQUAL(get("b"), 10);
    CHECK_EQUAL(counted(1, 10), 1);
    expect_limit_reached();
    CHECK_EQUAL(get("a"), 1);
    set_limit(3);
    put(11, "c", 0); /* a name like any other */
    expect_limit_reached();
    CHECK_EQUAL(counted(1, 12), 3);
}

/* Three entries of one name, each of them undecided, counted or a duplicate: all states that registrants can leave behind. */
static void whatever_was_decided_one_entry_of_a_name_counts_G4(void **state)
{
    (void)state;
    const uint64_t standings[3] = {0, SR_REGISTRY_COUNTED, SR_REGISTRY_DUPLICATE};
    uint32_t id = 1;
    for (uint32_t mix = 0; mix < 27; mix++) {
        const uint64_t each[3] = {standings[mix % 3], standings[mix / 3 % 3], standings[mix / 9]};
        uint32_t of[3] = {0, 0, 0};
        of[mix % 3]++;
        of[mix / 3 % 3]++;
        of[mix / 9]++;
        if (of[1] > 1 || (of[1] == 0 && each[0] != 0)) {
            continue; /* two that count, or a lowest that is a duplicate of none */
        }
        char name[16];
        (void)snprintf(name, sizeof name, "mix-%u", mix);
        for (uint32_t i = 0; i < 3; i++) {
            put(id + i, name, each[i]);
        }
        set_limit(id / 3 + 1);
        expect_limit_reached();
        CHECK_EQUAL(counted(id, id + 3), 1);
        id += 3;
    }
    CHECK_EQUAL(counted(1, id), id / 3);
}

static void one_name_registered_twice_interrupted_anywhere_counts_once_G4(void **state)
{
    (void)state;
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    set_limit(UINT32_MAX);
    static struct pair pair;
    (void)snprintf(pair.names[0], sizeof pair.names[0], "learnt");
    const uint32_t count = trap_learn(register_one, &pair);
    uint32_t duplicates = 0;
    uint32_t names = 1;
    for (uint32_t nth = 0; nth < count; nth += count / 400 + 1) {
        for (uint32_t i = 0; i < 2; i++) {
            (void)snprintf(pair.names[i], sizeof pair.names[i], "twice-%u", nth);
            pair.ids[i] = 0;
        }
        if (!trap_at(register_one, register_other, &pair, nth)) {
            (void)get(pair.names[0]);
        }
        names++;
        duplicates += pair.ids[0] != pair.ids[1];
    }
    CHECK_EQUAL(counted(1, high()), names);
    print_message("%u duplicates of %u\n", duplicates, names);
}

/* Two entries of one name: who decides the one is stopped, and the other is decided meanwhile, published just then or before. */
struct deciding {
    uint32_t first;
    uint32_t second;
    bool is_late;
};

static void decide_first(void *argument)
{
    sr_registry_decide(&ground, ((const struct deciding *)argument)->first);
}

static void decide_second(void *argument)
{
    const struct deciding *deciding = argument;
    if (deciding->is_late) {
        put(deciding->second, "same", 0);
    }
    sr_registry_decide(&ground, deciding->second);
}

static void prepare_to_decide(const struct deciding *deciding)
{
    put(2, "same", 0);
    put(1, "same", 0);
    if (deciding->is_late) {
        set_key(deciding->second, SR_REGISTRY_EMPTY);
    }
}

static void two_that_decide_at_once_count_one_G4(void **state)
{
    (void)state;
    if (!trap_is_possible()) {
        print_message("no stepping in this build: not tried\n");
        return;
    }
    uint32_t interrupted = 0;
    for (uint32_t way = 0; way < 4; way++) {
        struct deciding deciding = {.first = 1 + way % 2, .second = 2 - way % 2, .is_late = way >= 2};
        prepare_to_decide(&deciding);
        const uint32_t count = trap_learn(decide_first, &deciding);
        for (uint32_t nth = 0; nth < count; nth++) {
            prepare_to_decide(&deciding);
            if (trap_at(decide_first, decide_second, &deciding, nth)) {
                interrupted++;
                CHECK_EQUAL(counted(1, 3), 1);
            }
        }
    }
    CHECK(interrupted > 100);
}

enum { CROWD = 8, CROWD_NAMES = 200 };

static void register_them_all(void *argument)
{
    child_await(argument, 1);
    for (uint32_t i = 0; i < CROWD_NAMES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "crowd-%u", i);
        (void)get(name);
    }
}

static void as_many_names_as_the_limit_are_had_by_all_who_register_them_at_once_G4(void **state)
{
    (void)state;
    _Atomic uint32_t *go = child_share(sizeof *go);
    pid_t children[CROWD];
    set_limit(CROWD_NAMES);
    for (uint32_t i = 0; i < CROWD; i++) {
        children[i] = child_start(register_them_all, go);
    }
    atomic_store(go, 1);
    for (uint32_t i = 0; i < CROWD; i++) {
        child_ends_well(children[i]);
    }
    CHECK_EQUAL(counted(1, high()), CROWD_NAMES);
    expect_limit_reached();
}

static void register_undecided(void *argument)
{
    (void)argument;
    sr_crashpoint_arm(SR_CRASHPOINT_registry_before_standing, 1);
    (void)get("half");
}

static void a_registrant_killed_before_its_standing_blocks_nobody_G4(void **state)
{
    (void)state;
    if (!SR_CRASHPOINTS_BUILT) {
        print_message("no crash points in this build: not tried\n");
        return;
    }
    set_limit(1);
    child_dies_by(child_start(register_undecided, NULL), SIGKILL);
    CHECK_EQUAL(get("half"), 1);
    expect_limit_reached();
    CHECK_EQUAL(counted(1, 2), 1);
}

/* --- limits --------------------------------------------------------------------------------------------------------------------------- */

static void beyond_the_limit_lies_overflow(void **state)
{
    (void)state;
    set_limit(3);
    for (int i = 0; i < 3; i++) {
        (void)get((const char *[]){"a", "b", "c"}[i]);
    }
    uint32_t id = 77;
    CHECK_STATUS(sr_registry_get(&ground, "d", "step", SLOT, &id), SLIPRING_LIMIT_REACHED);
    CHECK_EQUAL(id, SR_PRIMITIVE_OVERFLOW);
    CHECK_EQUAL(get("b"), 2); /* what is there is found */
    set_limit(4);
    CHECK_EQUAL(get("d"), 4);
    set_limit(0);
    CHECK_STATUS(sr_registry_get(&ground, "e", "step", SLOT, &id), SLIPRING_LIMIT_REACHED);
}

static void a_full_registry_is_the_limit_whatever_the_soft_one_says(void **state)
{
    (void)state;
    set_limit(UINT32_MAX);
    for (uint32_t id = 1; id < SR_PRIMITIVE_MAX; id++) {
        set_key(id, sr_state_word(1, 1, SR_REGISTRY_READY));
    }
    uint32_t id = 77;
    CHECK_STATUS(sr_registry_get(&ground, "one more", "step", SLOT, &id), SLIPRING_LIMIT_REACHED);
    CHECK_EQUAL(id, SR_PRIMITIVE_OVERFLOW);
}

static void without_pages_it_is_overflow_and_the_key_is_given_back(void **state)
{
    (void)state;
    for (int passing = 0; passing < 3; passing++) {
        uint32_t id = 77;
        faults_arm(passing, 1, ENOSPC);
        CHECK_STATUS(sr_registry_get(&ground, "poor", "step", SLOT, &id), SLIPRING_NO_SPACE);
        CHECK_EQUAL(id, SR_PRIMITIVE_OVERFLOW);
        CHECK_EQUAL(key_of(1), SR_REGISTRY_EMPTY);
    }
    CHECK_EQUAL(get("poor"), 1);
}

/* --- lists ----------------------------------------------------------------------------------------------------------------------------- */

static void categories_are_found_again_and_end_at_sixteen(void **state)
{
    (void)state;
    const uint32_t id = get("work");
    uint32_t category = 99;
    CHECK_OK(sr_registry_category(&ground, id, "default", &category));
    CHECK_EQUAL(category, 0);
    for (uint32_t i = 1; i < SLIPRING_CATEGORY_COUNT; i++) {
        char name[SLIPRING_CATEGORY_NAME_MAX + 1];
        (void)snprintf(name, sizeof name, "a category of 31 bytes, all %03u", i);
        CHECK_EQUAL(strlen(name), 31);
        CHECK_OK(sr_registry_category(&ground, id, name, &category));
        CHECK_EQUAL(category, i);
        CHECK_OK(sr_registry_category(&ground, id, name, &category));
        CHECK_EQUAL(category, i);
    }
    CHECK_STATUS(sr_registry_category(&ground, id, "one more", &category), SLIPRING_TABLE_FULL);
    CHECK_EQUAL(category, 0);
}

static void an_item_that_a_dead_process_was_writing_is_passed_over(void **state)
{
    (void)state;
    const uint32_t id = get("work");
    struct sr_registry_entry_shm *entry = sr_segment_entry(&ground, id);
    atomic_store(&entry->categories[1].state, SR_ITEM_CLAIMING);
    atomic_store(&entry->objectives[0].state, SR_ITEM_CLAIMING);
    uint32_t category = 0;
    CHECK_OK(sr_registry_category(&ground, id, "gpu", &category));
    CHECK_EQUAL(category, 2);
    const struct slipring_objective objective = {"fast", SLIPRING_LATENCY, 990000000, 5, 3600};
    CHECK_OK(sr_registry_objective(&ground, id, &objective, false));
    CHECK_EQUAL(atomic_load(&entry->objectives[1].state), SR_ITEM_READY);
}

static void objectives_stand_in_the_entry_as_given(void **state)
{
    (void)state;
    const uint32_t id = get("work");
    struct slipring_objective objective = {"fast enough for everybody, 31 b", SLIPRING_LATENCY, 999000000,
                                           250000000, 86400};
    CHECK_EQUAL(strlen(objective.name), 31);
    CHECK_OK(sr_registry_objective(&ground, id, &objective, false));
    CHECK_OK(sr_registry_objective(&ground, id, &objective, false)); /* the same one again */
    const struct sr_objective_shm *there = &sr_segment_entry(&ground, id)->objectives[0];
    assert_string_equal(there->name, objective.name);
    CHECK_EQUAL(there->kind, SLIPRING_LATENCY);
    CHECK_EQUAL(there->target_ppb, 999000000);
    CHECK_EQUAL(there->threshold_ns, 250000000);
    CHECK_EQUAL(there->period_s, 86400);
    CHECK_EQUAL(atomic_load(&sr_segment_entry(&ground, id)->objectives[1].state), SR_ITEM_EMPTY);
    objective.target_ppb++;
    CHECK_STATUS(sr_registry_objective(&ground, id, &objective, false), SLIPRING_CONFLICT);
    CHECK_EQUAL(there->target_ppb, 999000000); /* the first one stays */
    for (uint32_t i = 1; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "o%u", i);
        objective.name = name;
        CHECK_OK(sr_registry_objective(&ground, id, &objective, false));
    }
    objective.name = "ninth";
    CHECK_STATUS(sr_registry_objective(&ground, id, &objective, false), SLIPRING_TABLE_FULL);
}

/* --- changes of objectives ---------------------------------------------------------------------------------------------------------- */

static const struct sr_registry_entry_shm *work_entry(void)
{
    return sr_segment_entry(&ground, get("work"));
}

static enum slipring_status change(const char *name, uint32_t target_ppb, uint64_t threshold_ns)
{
    const struct slipring_objective objective = {name, SLIPRING_LATENCY, target_ppb, threshold_ns, 3600};
    return sr_registry_objective(&ground, get("work"), &objective, true);
}

static enum slipring_status add_again(const char *name, uint32_t target_ppb, uint64_t threshold_ns)
{
    const struct slipring_objective objective = {name, SLIPRING_LATENCY, target_ppb, threshold_ns, 3600};
    return sr_registry_objective(&ground, get("work"), &objective, false);
}

static uint32_t ready_items(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SR_OBJECTIVE_ITEM_MAX; i++) {
        count += atomic_load(&work_entry()->objectives[i].state) == SR_ITEM_READY;
    }
    return count;
}

static void expect_counting(uint32_t items)
{
    for (uint32_t i = 0; i < SR_OBJECTIVE_ITEM_MAX; i++) {
        CHECK_EQUAL(sr_registry_objective_counts(work_entry(), i), items >> i & 1);
    }
}

static void of_each_name_the_last_objective_counts(void **state)
{
    (void)state;
    CHECK_OK(change("fast", 990000000, 5)); /* there was none: it is added */
    CHECK_OK(add_again("slow", 990000000, 50));
    expect_counting(0x3);
    CHECK_OK(change("fast", 995000000, 5));
    expect_counting(0x6);
    CHECK_OK(change("fast", 995000000, 5)); /* the same once more */
    CHECK_EQUAL(ready_items(), 3);
    CHECK_OK(change("fast", 990000000, 5)); /* and back */
    expect_counting(0xa);
    CHECK_STATUS(add_again("fast", 995000000, 5), SLIPRING_CONFLICT);
    CHECK_OK(add_again("fast", 990000000, 5));
    CHECK_EQUAL(ready_items(), 4);
}

static void there_are_eight_names_and_eight_changes(void **state)
{
    (void)state;
    char name[] = "a";
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT; i++, name[0]++) {
        CHECK_OK(change(name, 990000000, 5));
    }
    CHECK_STATUS(change(name, 990000000, 5), SLIPRING_TABLE_FULL);
    CHECK_STATUS(add_again(name, 990000000, 5), SLIPRING_TABLE_FULL);
    for (uint32_t i = 0; i < SR_OBJECTIVE_ITEM_MAX - SLIPRING_OBJECTIVE_COUNT; i++) {
        CHECK_OK(change("b", 990000000, 6 + i));
    }
    CHECK_STATUS(change("b", 990000000, 5), SLIPRING_TABLE_FULL);
    CHECK_OK(change("b", 990000000, 13)); /* as it is */
    CHECK_STATUS(add_again("b", 990000000, 5), SLIPRING_CONFLICT);
    CHECK_OK(add_again("c", 990000000, 5));
    expect_counting(0x80fd);
}

static void a_change_goes_behind_an_item_that_a_dead_process_was_writing(void **state)
{
    (void)state;
    CHECK_OK(change("fast", 990000000, 5));
    struct sr_objective_shm *dead = &sr_segment_entry(&ground, get("work"))->objectives[1];
    memcpy(dead->name, "fast", sizeof "fast"); /* of a longer name, it may be */
    atomic_store(&dead->state, SR_ITEM_CLAIMING);
    CHECK_OK(change("fast", 990000000, 6));
    expect_counting(0x4);
    char name[] = "a";
    for (uint32_t i = 0; i < SLIPRING_OBJECTIVE_COUNT - 2;
         i++, name[0]++) { /* it may have been a name of its own */
        CHECK_OK(change(name, 990000000, 5));
    }
    CHECK_STATUS(change(name, 990000000, 5), SLIPRING_TABLE_FULL);
}

static void producers_count_at_the_threshold_that_counts(void **state)
{
    (void)state;
    for (uint64_t ns = 1; ns <= SR_OBJECTIVE_ITEM_MAX; ns++) {
        CHECK_OK(change("fast", 990000000, ns));
    }
    struct sr_spill_bounds bounds = {.count = 0};
    sr_spill_read_bounds(&bounds, &ground, get("work"), 1);
    CHECK_EQUAL(bounds.count, SR_BOUND_DEFAULT_COUNT + 1);
    CHECK_EQUAL(bounds.ns[0], SR_OBJECTIVE_ITEM_MAX);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        GROUND_TEST(overflow_is_there_from_the_start),
        GROUND_TEST(ids_are_given_out_upwards_and_kept),
        GROUND_TEST(a_ready_key_has_a_whole_entry_with_a_fresh_shared_spill_G3),
        GROUND_TEST(what_a_dead_registrant_wrote_is_written_over_G3),
        GROUND_TEST(an_entry_of_anybodys_bytes_is_compared_safely),
        GROUND_TEST(a_ready_key_without_pages_is_not_followed),
        GROUND_TEST(hostile_keys_and_hints_end_the_scan_all_the_same),
        GROUND_TEST(a_key_that_another_process_is_claiming_is_passed_over_G1),
        GROUND_TEST(two_processes_that_register_one_name_at_once_both_succeed_G1),
        GROUND_TEST(a_name_registered_in_between_anywhere_gets_an_id_of_its_own_G1),
        GROUND_TEST(a_registrant_killed_half_way_leaves_a_key_with_its_slot_G2),
        GROUND_TEST(the_limit_counts_names_not_entries_G4),
        GROUND_TEST(whatever_was_decided_one_entry_of_a_name_counts_G4),
        GROUND_TEST(one_name_registered_twice_interrupted_anywhere_counts_once_G4),
        GROUND_TEST(two_that_decide_at_once_count_one_G4),
        GROUND_TEST(as_many_names_as_the_limit_are_had_by_all_who_register_them_at_once_G4),
        GROUND_TEST(a_registrant_killed_before_its_standing_blocks_nobody_G4),
        GROUND_TEST(beyond_the_limit_lies_overflow),
        GROUND_TEST(a_full_registry_is_the_limit_whatever_the_soft_one_says),
        GROUND_TEST(without_pages_it_is_overflow_and_the_key_is_given_back),
        GROUND_TEST(categories_are_found_again_and_end_at_sixteen),
        GROUND_TEST(an_item_that_a_dead_process_was_writing_is_passed_over),
        GROUND_TEST(objectives_stand_in_the_entry_as_given),
        GROUND_TEST(of_each_name_the_last_objective_counts),
        GROUND_TEST(there_are_eight_names_and_eight_changes),
        GROUND_TEST(a_change_goes_behind_an_item_that_a_dead_process_was_writing),
        GROUND_TEST(producers_count_at_the_threshold_that_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
