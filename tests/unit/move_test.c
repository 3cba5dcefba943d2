/* SPDX-License-Identifier: Apache-2.0 */
/* The store's files are unlinked under everybody (protocol/move.h): threads that notice at once, late, or never; rings, spills, spans and
 * shared spills; deaths on either side. In the end every figure is what was recorded. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "api/process.h"
#include "peer/census.h"
#include "peer/move.h"
#include "protocol/shared_spill.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

#define MS UINT64_C(1000000)

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static void record(struct slipring_primitive *primitive, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        slipring_record(primitive, 2 * MS, SLIPRING_SUCCESS, NULL);
    }
}

static void remove_file(const char *suffix)
{
    char path[PATH_MAX];
    place_path(path, rig.options.store, suffix);
    CHECK(unlink(path) == 0);
}

static void remove_store(void)
{
    remove_file("ring");
    remove_file("stats");
    remove_file("lock");
}

static struct sr_drain *rings(void)
{
    return agent_store_rings(rig.store);
}

/* The agent notices. */
static void let_move(void)
{
    const uint64_t before = rings()->moves;
    rig_tick(&rig, RIG_SECOND / 10);
    CHECK_EQUAL(rings()->moves, before + 1);
}

/* Every figure of the primitive; nothing torn, nothing left in a former segment's ring. */
static void expect(const char *name, uint64_t count, int64_t active, uint64_t aborted)
{
    rig_settle(&rig);
    const struct slipring_stats stats = rig_stats(&rig, name);
    CHECK_EQUAL(stats.count, count);
    CHECK_EQUAL(stats.active, active);
    CHECK_EQUAL(stats.aborted, aborted);
    CHECK_EQUAL(rig_figures(&rig).samples_torn, 0);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
}

static void a_thread_that_records_moves_over_with_its_ring(void)
{
    struct slipring_primitive *work = primitive_of("work");
    record(work, 10);
    struct sr_ring *ring = sr_thread_find(work);
    const uint32_t id = ring->ring;
    const struct sr_segment *first = ring->segment;
    rig_tick(&rig, MS);
    record(work, 7); /* waits in the old segment */
    remove_store();
    record(work, 5); /* nobody knows yet */
    let_move();
    CHECK_EQUAL(rings()->home[id], 1);
    expect("work", 22, 0, 0); /* drained over there */
    record(work, 3);
    CHECK(ring->segment != first);
    CHECK_EQUAL(ring->ring, id);
    expect("work", 25, 0, 0);
    CHECK_EQUAL(rings()->home[id], 0);
    CHECK_EQUAL(rings()->away_count, 0);
    record(work, 100);
    expect("work", 125, 0, 0);
}

static void a_spilling_ring_and_a_direct_one_move_over(void)
{
    struct slipring_primitive *work = primitive_of("work");
    struct slipring_primitive *direct = primitive_of("direct");
    CHECK_OK(slipring_primitive_set_mode(direct, SLIPRING_DIRECT));
    record(work, 700); /* 512 words of ring, the rest spills */
    record(direct, 50);
    rig_tick(&rig, MS);
    record(work, 700);
    record(direct, 50);
    remove_store();
    record(work, 9);
    record(direct, 9);
    let_move();
    record(work, 900);
    record(direct, 30);
    CHECK(sr_thread_find(work)->segment == sr_store_segment(rig_producer));
    CHECK(sr_thread_find(direct)->segment == sr_store_segment(rig_producer));
    expect("work", 2309, 0, 0);
    expect("direct", 139, 0, 0);
    rig_tick(&rig, RIG_SECOND); /* the small ring, left for a bigger one before it moved */
    CHECK_EQUAL(rings()->away_count, 0);
}

static void spans_and_reservations_go_on(void)
{
    struct slipring_primitive *work = primitive_of("work");
    record(work, 1);
    struct slipring_span first = slipring_begin(work);
    struct slipring_span second = slipring_begin(work);
    struct slipring_reservation reservation;
    slipring_reserve(work, &reservation);
    remove_store();
    let_move();
    expect("work", 1, 2, 0);
    *reservation.cost_nanodollars = 5;
    slipring_commit(&reservation, 3 * MS, SLIPRING_SUCCESS, 0); /* into the ring that it was reserved in */
    slipring_end(&first, SLIPRING_SUCCESS, NULL);
    CHECK(sr_thread_find(work)->segment == sr_store_segment(rig_producer));
    expect("work", 3, 1, 0);
    slipring_end(&second, SLIPRING_SUCCESS, NULL);
    expect("work", 4, 0, 0);
}

static void newcomers_find_the_store_and_names_keep_their_ids(void *unused)
{
    (void)unused;
    struct slipring_store *store = NULL;
    struct slipring_primitive *work = NULL;
    struct slipring_primitive *fresh = NULL;
    CHECK_OK(slipring_open(rig.options.store, &store));
    CHECK_OK(slipring_primitive_get(store, "work", NULL, &work));
    CHECK_OK(slipring_primitive_get(store, "fresh", NULL, &fresh));
    record(work, 4);
    record(fresh, 4);
    CHECK_OK(slipring_close(store));
}

static void a_process_that_comes_afterwards_shares_the_books(void)
{
    struct slipring_primitive *work = primitive_of("work");
    uint32_t category = 0;
    CHECK_OK(slipring_category_get(work, "gpu", &category));
    const struct slipring_cost cost = {.cost_nanodollars = 7, .category = category};
    slipring_record(work, MS, SLIPRING_SUCCESS, &cost);
    remove_store();
    let_move();
    child_run(newcomers_find_the_store_and_names_keep_their_ids, NULL);
    slipring_record(work, MS, SLIPRING_SUCCESS, &cost);
    uint32_t again = 0;
    CHECK_OK(slipring_category_get(work, "gpu", &again));
    CHECK_EQUAL(again, category);
    expect("work", 6, 0, 0);
    expect("fresh", 4, 0, 0);
    CHECK_EQUAL(rig_detail(&rig, "work").categories[category].cost_nanodollars, 14);
}

/* An unfinished item leaves no hole: a change that was put there would stand before what it changes. */
static void objectives_keep_their_order_and_leave_no_hole(void)
{
    struct slipring_primitive *work = primitive_of("work");
    struct slipring_objective objective = {
        .name = "a", .kind = SLIPRING_LATENCY, .target_ppb = 1, .threshold_ns = MS, .period_s = 3600};
    CHECK_OK(slipring_objective_add(work, &objective));
    struct sr_objective_shm *items =
        sr_segment_entry(sr_store_segment(rig_producer), sr_handle_id(work))->objectives;
    atomic_store(&items[1].state, SR_ITEM_CLAIMING); /* a process died here */
    objective.name = "b";
    CHECK_OK(slipring_objective_add(work, &objective));
    remove_store();
    let_move();
    record(work, 1);
    objective.target_ppb = 2;
    CHECK_OK(slipring_objective_change(work, &objective));
    rig_settle(&rig);
    const struct slipring_stats_detail detail = rig_detail(&rig, "work");
    CHECK_EQUAL(detail.objective_count, 2);
    CHECK_EQUAL(detail.objectives[0].target_ppb, 1);
    CHECK_EQUAL(detail.objectives[1].target_ppb, 2);
}

/* Published under an id that has pages for it, and read through the mapping that this process has. */
static void what_is_published_of_objectives_moves_over(void)
{
    struct slipring_primitive *idle = primitive_of("idle"); /* without objectives: without pages */
    struct slipring_primitive *work = primitive_of("work");
    const struct slipring_slo slo = {.availability_ppb = SLIPRING_TARGET(0.999)};
    struct slipring_slo_stats before;
    struct slipring_slo_stats after;
    double burn = 0;
    CHECK_OK(slipring_slo_configure(work, &slo));
    record(idle, 3);
    record(work, 1000);
    rig_settle(&rig);
    CHECK_OK(slipring_slo_read(work, &before));
    CHECK_EQUAL(before.objectives[0].windows[0].total, 1000);
    remove_file("stats");
    CHECK_OK(
        sr_books_move(agent_store_books(rig.store), 0600, (gid_t)-1)); /* and nothing is published since */
    CHECK_OK(slipring_slo_read(work, &after));
    CHECK_EQUAL(memcmp(&before, &after, sizeof before), 0);
    CHECK_OK(slipring_burn_rate(work, NULL, 300, &burn));
    CHECK_STATUS(slipring_burn_rate(idle, NULL, 300, &burn), SLIPRING_NO_DATA);
    record(work, 10);
    rig_settle(&rig);
    CHECK_OK(slipring_slo_read(work, &after));
    CHECK_EQUAL(after.objectives[0].windows[0].total, 1010);
}

/* So many of them exist: a page that nobody reserved is a hole of the file, whatever the directories say. */
static uint64_t pages_of(const struct sr_books *books, uint64_t offset, uint64_t bytes)
{
    unsigned char is_there[4] = {0};
    uint64_t count = 0;
    CHECK(bytes <= 4 * SR_PAGE_BYTES);
    CHECK(mincore(books->map.base + offset, bytes, is_there) == 0);
    for (uint64_t i = 0; i < bytes / SR_PAGE_BYTES; i++) {
        count += is_there[i] & 1;
    }
    return count;
}

struct shown {
    struct slipring_stats stats;
    struct slipring_stats_detail detail;
    struct sr_native_packed native;
    struct slipring_exemplars exemplars;
};

static void read_shown(uint32_t id, struct shown *out_shown)
{
    bool has_native = false;
    struct sr_stats *stats = NULL;
    memset(out_shown, 0, sizeof *out_shown);
    CHECK_OK(sr_stats_open(rig.options.store, &stats));
    CHECK_OK(sr_stats_get_native(stats, id, &out_shown->stats, &out_shown->detail, &out_shown->native,
                                 &has_native));
    CHECK(has_native);
    CHECK_OK(sr_stats_exemplars(stats, id, &out_shown->exemplars));
    sr_stats_close(stats);
}

/* Of a primitive at rest, that nothing publishes again; between two that have less. */
static void what_is_published_of_native_histograms_and_exemplars_moves_over(void)
{
    static struct shown before;
    static struct shown after;
    const struct slipring_trace trace = {.trace_id = {7}, .span_id = {9}, .flags = SLIPRING_TRACE_SAMPLED};
    struct agent_options options = rig.options;
    options.shows_native = true;
    rig_change_options(&rig, &options);
    record(primitive_of("plain"), 3);
    struct slipring_primitive *work = primitive_of("work");
    record(primitive_of("other"), 3);
    record(work, 10);
    slipring_record_traced(work, 70 * MS, SLIPRING_FAILURE, NULL, &trace);
    rig_settle(&rig);
    const uint32_t id = sr_handle_id(work);
    read_shown(id, &before);
    CHECK_EQUAL(before.exemplars.slowest[0].trace_id[0], 7);
    remove_file("stats");
    struct sr_books *books = agent_store_books(rig.store);
    CHECK_OK(sr_books_move(books, 0600, (gid_t)-1)); /* and nothing is published since */
    CHECK_EQUAL(pages_of(books, offsetof(struct sr_stats_map, histogram) + (uint64_t)id * SR_HISTOGRAM_BYTES,
                         SR_HISTOGRAM_BYTES),
                1);
    CHECK_EQUAL(
        pages_of(books,
                 offsetof(struct sr_stats_map, exemplar_figure) + (uint64_t)id * SR_EXEMPLAR_FIGURE_BYTES,
                 SR_EXEMPLAR_FIGURE_BYTES),
        2);
    read_shown(id, &after);
    CHECK_EQUAL(memcmp(&before, &after, sizeof before), 0);
    CHECK_EQUAL(rig_exemplars(&rig, "plain").slowest_count, 0);
}

/* --- other processes ------------------------------------------------------------------------------------------------------ */

struct stage {
    _Atomic uint32_t is_ready;
    _Atomic uint32_t may_go;
    _Atomic uint32_t is_done;
};

/* Records, holds a span, waits while the store moves; then records again, or never. */
static void idle_process(void *argument)
{
    struct stage *stage = argument;
    struct slipring_primitive *work = primitive_of("work");
    record(work, 20);
    const struct slipring_span span = slipring_begin(work);
    (void)span;
    atomic_store(&stage->is_ready, 1);
    child_await(&stage->may_go, 1);
    record(work, 5);
    atomic_store(&stage->is_done, 1);
    child_await(&stage->may_go, 2);
}

static pid_t start_idle(struct stage *stage)
{
    const pid_t child = child_start(idle_process, stage);
    child_await(&stage->is_ready, 1);
    return child;
}

static void kill_and_wait(pid_t child)
{
    CHECK(kill(child, SIGKILL) == 0);
    child_dies_by(child, SIGKILL);
}

static void a_process_that_never_notices_is_reaped_where_it_lived(void)
{
    struct stage *stage = child_share(sizeof *stage);
    const pid_t child = start_idle(stage);
    remove_store();
    let_move();
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 1); /* alive, as its lock in the old file tells */
    CHECK_EQUAL(rings()->away_count, 1);
    kill_and_wait(child);
    expect("work", 20, 0, 1);
    rig_tick(&rig, RIG_SECOND);
    CHECK_EQUAL(rings()->away_count, 0);
    record(primitive_of("work"), 3); /* the same ring's id, perhaps, in the new segment */
    expect("work", 23, 0, 1);
}

static void a_process_that_notices_late_is_reaped_where_it_went(void)
{
    struct stage *stage = child_share(sizeof *stage);
    const pid_t child = start_idle(stage);
    for (int i = 0; i < 3; i++) { /* and meanwhile it moved again, and again */
        remove_store();
        let_move();
        rig_settle(&rig);
    }
    atomic_store(&stage->may_go, 1);
    child_await(&stage->is_done, 1);
    rig_settle(&rig);
    CHECK_EQUAL(rings()->away_count, 0);
    CHECK_EQUAL(rig_stats(&rig, "work").active, 1);
    kill_and_wait(child);
    expect("work", 25, 0, 1);
}

static void a_process_whose_agent_died_brings_along_what_it_has(void)
{
    struct stage *stage = child_share(sizeof *stage);
    const pid_t child = start_idle(stage);
    struct slipring_primitive *work = primitive_of("work");
    record(work, 6);
    remove_store();
    let_move();
    record(work, 1); /* we have moved over */
    rig_drop(&rig);
    rig.now_ns += RIG_SECOND;
    rig_open(&rig); /* knows the new segment alone; the child looks dead to it */
    expect("work", 27, 0, 1);
    record(work, 2);
    atomic_store(&stage->may_go, 1);
    child_await(&stage->is_done, 1); /* it begins anew over there */
    expect("work", 34, 0, 1);
    atomic_store(&stage->may_go, 2);
    child_ends_well(child);
}

/* --- races, built by hand ------------------------------------------------------------------------------------------------- */

static struct slipring_primitive *late_work;

/* Between (1) and (6) for the whole time of this record. */
static void a_ring_that_was_claimed_too_late_is_given_up(void)
{
    late_work = primitive_of("late");
    struct sr_control_shm *control = &sr_segment_header(&rings()->segment)->control;
    atomic_store(&control->is_moving, 1);
    record(late_work, 5); /* nothing that is claimed now comes along: the shared spill */
    CHECK(sr_thread_find(late_work)->hot.words == NULL);
    remove_store();
    let_move();
    record(late_work, 5);
    CHECK(sr_thread_find(late_work)->segment == sr_store_segment(rig_producer));
    expect("late", 10, 0, 0);
}

static void a_ring_that_was_offered_is_not_adopted_too_late(void)
{
    struct slipring_primitive *work = primitive_of("work");
    record(work, 700); /* spills: a bigger ring is offered */
    rig_tick(&rig, MS);
    struct sr_ring *ring = sr_thread_find(work);
    const uint32_t small = ring->ring;
    CHECK(atomic_load(&ring->consumer->offer) != 0);
    atomic_store(&sr_segment_header(&rings()->segment)->control.is_moving, 1);
    record(work, 700);
    CHECK_EQUAL(ring->ring, small);
    remove_store();
    let_move();
    record(work, 10);
    CHECK(ring->segment == sr_store_segment(rig_producer));
    expect("work", 1410, 0, 0);
}

static void late_updates_of_shared_spills_and_span_tables_are_poured_over(void)
{
    struct slipring_primitive *work = primitive_of("work");
    record(work, 2);
    struct sr_segment *first = sr_store_segment(rig_producer);
    const struct sr_attachment *attachment = &sr_process->attachments[rig_producer->index];
    remove_store();
    let_move();
    const struct sr_spill_sample sample = {.meta = SR_KIND_EXECUTION, .duration_ns = 2 * MS};
    sr_shared_spill_book(first, sr_handle_id(work), &sample);
    CHECK(sr_slot_span_begun(first, attachment->slot.slot, sr_handle_id(work)));
    expect("work", 3, 1, 0);
    record(work, 1);
    CHECK(sr_slot_span_ended(first, attachment->slot.slot, sr_handle_id(work)));
    sr_shared_spill_book(first, sr_handle_id(work), &sample);
    expect("work", 5, 0, 0);
}

static void without_room_the_ring_stays_and_works(void)
{
    struct slipring_primitive *work = primitive_of("work");
    record(work, 10);
    rig_settle(&rig);
    struct sr_ring *ring = sr_thread_find(work);
    const struct sr_segment *first = ring->segment;
    remove_store();
    let_move();
    remove_file("ring"); /* what it would follow has no name any more: no page can be reserved there */
    record(work, 10);
    CHECK(ring->segment == first);
    record(work, 600);
    expect("work", 620, 0, 0);
    let_move(); /* asked again */
    record(work, 1);
    CHECK(ring->segment == sr_store_segment(rig_producer) && ring->segment != first);
    expect("work", 621, 0, 0);
}

static void *commit_and_end(void *argument)
{
    struct stage *stage = argument;
    struct slipring_primitive *work = primitive_of("work");
    struct slipring_reservation reservation;
    record(work, 10);
    slipring_reserve(work, &reservation);
    atomic_store(&stage->is_ready, 1);
    while (!atomic_load(&stage->may_go)) {
        sched_yield();
    }
    record(work, 3); /* within the reservation: in the shared spill */
    slipring_commit(&reservation, 2 * MS, SLIPRING_SUCCESS, 0);
    return NULL; /* and the thread ends, without another record */
}

/* An agent that dies right after it moved cannot look into the segment that it left: whoever records goes over first, and whoever ends, too. */
static void what_comes_after_a_move_is_found_by_the_next_agent(void)
{
    struct stage *stage = child_share(sizeof *stage);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, commit_and_end, stage) == 0);
    while (!atomic_load(&stage->is_ready)) {
        sched_yield();
    }
    rig_settle(&rig);
    remove_store();
    let_move();
    rig_drop(&rig);
    atomic_store(&stage->may_go, 1);
    CHECK(pthread_join(thread, NULL) == 0);
    rig_open(&rig);
    expect("work", 14, 0, 0);
}

/* G1: its owner was stopped just before the store that makes a segment its ring's home, and went on after that one was left. */
static void a_home_that_was_chosen_too_late_is_found(void)
{
    struct slipring_primitive *work = primitive_of("work");
    record(work, 10);
    struct sr_ring *ring = sr_thread_find(work);
    const struct sr_segment *first = ring->segment;
    remove_store();
    let_move();
    CHECK_OK(sr_segment_reserve_ring(&rings()->segment, ring->ring));
    remove_store();
    let_move();
    struct sr_segment *second = &rings()->former[1].segment;
    struct sr_control_shm *control = &sr_segment_header(second)->control;
    atomic_store(&control->is_moving, 0); /* as it was at its last look */
    CHECK_OK(sr_ring_follow(ring, second));
    atomic_store(&control->is_moving, 1);
    sr_ring_stay(ring); /* a burst from here on does not look at the clock */
    record(work, 7);
    CHECK(ring->segment == second && ring->segment != first);
    expect("work", 17, 0, 0);
    CHECK_EQUAL(rings()->home[ring->ring], 2);
    CHECK_EQUAL(rings()->former[0].rings, 0);
    remove_store();
    let_move(); /* asked again */
    record(work, 5);
    CHECK(ring->segment == sr_store_segment(rig_producer));
    expect("work", 22, 0, 0);
    CHECK_EQUAL(rings()->away_count, 0);
}

static void each_file_alone_is_made_again(void)
{
    struct slipring_primitive *work = primitive_of("work");
    struct slipring_stats stats;
    uint64_t count = 0;
    static const char *const files[] = {"stats", "lock", "ring"};
    for (uint32_t i = 0; i < SR_ARRAY_COUNT(files); i++) {
        record(work, 10);
        count += 10;
        rig_settle(&rig);
        CHECK_OK(slipring_stats_read(work, &stats));
        CHECK_EQUAL(stats.count, count);
        remove_file(files[i]);
        rig_tick(&rig, RIG_SECOND / 10);
        CHECK(sr_books_have_their_name(agent_store_books(rig.store)));
        CHECK(sr_drain_has_its_name(rings()));
        record(work, 1);
        count++;
        expect("work", count, 0, 0);
        CHECK_OK(slipring_stats_read(work, &stats)); /* the mapping in this process went over, too */
        CHECK_EQUAL(stats.count, count);
    }
    CHECK_EQUAL(rings()->moves, 2);
}

static void rings_of_nobody_begin_anew(void)
{
    struct stage *stage = child_share(sizeof *stage);
    atomic_store(&stage->may_go, 2);
    child_ends_well(start_idle(stage)); /* leaves the first ring, which spilled nothing */
    rig_settle(&rig);
    struct slipring_primitive *work = primitive_of("work");
    record(work, 2000); /* it is used again, spills, and is left for a bigger one */
    rig_settle(&rig);
    CHECK_OK(slipring_close(rig_producer));
    rig_settle(&rig);
    remove_store();
    let_move();
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    work = primitive_of("work");
    record(work, 3000);
    expect("work", 25 + 5000, 0, 1);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_thread_that_records_moves_over_with_its_ring),
        RIG_TEST(a_spilling_ring_and_a_direct_one_move_over),
        RIG_TEST(spans_and_reservations_go_on),
        RIG_TEST(a_process_that_comes_afterwards_shares_the_books),
        RIG_TEST(objectives_keep_their_order_and_leave_no_hole),
        RIG_TEST(what_is_published_of_objectives_moves_over),
        RIG_TEST(what_is_published_of_native_histograms_and_exemplars_moves_over),
        RIG_TEST(a_process_that_never_notices_is_reaped_where_it_lived),
        RIG_TEST(a_process_that_notices_late_is_reaped_where_it_went),
        RIG_TEST(a_process_whose_agent_died_brings_along_what_it_has),
        RIG_TEST(a_ring_that_was_claimed_too_late_is_given_up),
        RIG_TEST(a_ring_that_was_offered_is_not_adopted_too_late),
        RIG_TEST(late_updates_of_shared_spills_and_span_tables_are_poured_over),
        RIG_TEST(without_room_the_ring_stays_and_works),
        RIG_TEST(what_comes_after_a_move_is_found_by_the_next_agent),
        RIG_TEST(a_home_that_was_chosen_too_late_is_found),
        RIG_TEST(each_file_alone_is_made_again),
        RIG_TEST(rings_of_nobody_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
