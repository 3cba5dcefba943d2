/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a store for its agent: one agent a store, files that others could have written, a journal that was not cleared, segments that
 * were made anew. */
#include "agent/store.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <slipring/slipring.h>

#include "agent/drain/drain.h"
#include "agent/log.h"
#include "api/process.h"
#include "peer/books.h"
#include "protocol/stats_segment.h"
#include "support/child.h"
#include "support/place.h"
#include "support/rig.h"

static struct slipring_primitive *primitive_of(const char *name)
{
    struct slipring_primitive *primitive = NULL;
    CHECK_OK(slipring_primitive_get(rig_producer, name, NULL, &primitive));
    return primitive;
}

static enum slipring_status try_to_open(const struct agent_options *options)
{
    struct agent_store *store = NULL;
    enum slipring_status status = agent_store_open(options, 1, 1, &store);
    if (status == SLIPRING_OK) {
        agent_store_close(store);
    }
    return status;
}

/* What an agent says on stderr while it opens. */
static enum slipring_status open_and_listen(const struct agent_options *options, char *out_text, size_t room)
{
    int ends[2];
    const int kept = dup(STDERR_FILENO);
    CHECK_EQUAL(pipe(ends), 0);
    (void)dup2(ends[1], STDERR_FILENO);
    enum slipring_status status = try_to_open(options);
    (void)dup2(kept, STDERR_FILENO);
    (void)close(ends[1]);
    const ssize_t n = read(ends[0], out_text, room - 1);
    out_text[n > 0 ? n : 0] = '\0';
    (void)close(ends[0]);
    (void)close(kept);
    return status;
}

/* --- one agent ------------------------------------------------------------------------------------------------------------ */

static void a_second_agent_is_refused_and_told_the_first_ones_pid(void)
{
    char said[2048];
    char pid[32];
    (void)snprintf(pid, sizeof pid, "pid=%d", (int)getpid());
    CHECK_STATUS(open_and_listen(&rig.options, said, sizeof said), SLIPRING_IN_USE);
    CHECK(strstr(said, pid) != NULL);
    CHECK(strstr(said, rig.options.store) != NULL);
    rig_settle(&rig); /* and the first one goes on */
}

static void live_until_killed(void *argument)
{
    (void)argument;
    rig_open(&rig);
    (void)kill(getpid(), SIGKILL);
}

static void the_next_agent_may_begin_when_the_first_was_killed(void)
{
    rig_drop(&rig);
    child_dies_by(child_start(live_until_killed, NULL), SIGKILL);
    rig_open(&rig);
}

static void readers_see_who_publishes_and_that_it_stopped(void)
{
    struct sr_stats *stats = NULL;
    struct sr_stats_agent agent;
    agent_store_listens(rig.store, "127.0.0.1:1234");
    CHECK_OK(sr_stats_open(rig.options.store, &stats));
    sr_stats_agent(stats, &agent);
    CHECK(agent.alive);
    CHECK_EQUAL(agent.pid, getpid());
    CHECK_EQUAL(strcmp(agent.listen, "127.0.0.1:1234"), 0);
    rig_stop(&rig);
    sr_stats_agent(stats, &agent);
    CHECK(!agent.alive);
    CHECK_EQUAL(agent.pid, 0);
    sr_stats_close(stats);
}

/* --- whose files ---------------------------------------------------------------------------------------------------------- */

static void books_that_others_could_have_written_are_refused(void)
{
    char path[PATH_MAX];
    char other[PATH_MAX + 8];
    place_path(path, rig.options.store, "stats");
    rig_drop(&rig);
    CHECK_EQUAL(chmod(path, 0620), 0);
    CHECK_STATUS(try_to_open(&rig.options), SLIPRING_UNTRUSTED);
    CHECK_EQUAL(chmod(path, 0600), 0);
    (void)snprintf(other, sizeof other, "%s.link", path);
    CHECK_EQUAL(link(path, other), 0);
    CHECK_STATUS(try_to_open(&rig.options), SLIPRING_UNTRUSTED);
    CHECK_EQUAL(unlink(other), 0);
    if (geteuid() == 0) {
        CHECK_EQUAL(chown(path, 1, (gid_t)-1), 0);
        CHECK_STATUS(try_to_open(&rig.options), SLIPRING_UNTRUSTED);
        CHECK_EQUAL(chown(path, 0, (gid_t)-1), 0);
    }
    rig_open(&rig);
}

static void a_link_in_place_of_the_books_is_refused(void)
{
    char path[PATH_MAX];
    char real[PATH_MAX + 8];
    place_path(path, rig.options.store, "stats");
    (void)snprintf(real, sizeof real, "%s.real", path);
    rig_drop(&rig);
    CHECK_EQUAL(rename(path, real), 0);
    CHECK_EQUAL(symlink(real, path), 0);
    CHECK_STATUS(try_to_open(&rig.options), SLIPRING_NOT_PERMITTED);
    CHECK_EQUAL(unlink(path), 0);
    CHECK_EQUAL(rename(real, path), 0);
    rig_open(&rig);
}

static void books_of_another_version_a_foreign_file_and_a_truncated_one_are_told_apart(void)
{
    char path[PATH_MAX];
    place_path(path, rig.options.store, "stats");
    rig_drop(&rig);
    const int fd = open(path, O_RDWR);
    struct sr_stats_header_shm header;
    CHECK_EQUAL(pread(fd, &header, sizeof header, 0), sizeof header);
    struct sr_stats_header_shm changed = header;
    changed.abi_major++;
    CHECK_EQUAL(pwrite(fd, &changed, sizeof changed, 0), sizeof changed);
    CHECK_STATUS(try_to_open(&rig.options), SLIPRING_OTHER_VERSION);
    changed = header;
    changed.magic++;
    CHECK_EQUAL(pwrite(fd, &changed, sizeof changed, 0), sizeof changed);
    CHECK_STATUS(try_to_open(&rig.options), SLIPRING_FOREIGN);
    CHECK_EQUAL(pwrite(fd, &header, sizeof header, 0), sizeof header);
    CHECK_EQUAL(ftruncate(fd, 1 << 20), 0);
    CHECK_STATUS(try_to_open(&rig.options), SLIPRING_WRONG_SIZE);
    CHECK_EQUAL(ftruncate(fd, sizeof(struct sr_stats_map)), 0);
    CHECK_EQUAL(close(fd), 0);
    CHECK_EQUAL(unlink(path), 0);
    rig_open(&rig);
}

static void a_store_for_a_group_is_readable_by_it_and_its_rings_writable(void)
{
    struct stat st;
    char path[PATH_MAX];
    struct agent_options options = rig.options;
    options.store = place_new_store();
    options.group = getegid();
    CHECK_OK(try_to_open(&options));
    static const struct {
        const char *suffix;
        mode_t mode;
    } files[] = {{"ring", 0660}, {"stats", 0640}, {"lock", 0660}};
    for (uint32_t i = 0; i < 3; i++) {
        place_path(path, options.store, files[i].suffix);
        CHECK_EQUAL(stat(path, &st), 0);
        CHECK_EQUAL(st.st_mode & 07777, files[i].mode);
    }
}

static void a_name_that_is_none_is_refused(void)
{
    struct agent_options options = rig.options;
    options.store = "../up";
    CHECK_STATUS(try_to_open(&options), SLIPRING_BAD_NAME);
}

/* --- journal -------------------------------------------------------------------------------------------------------------- */

static void a_journal_that_was_committed_and_not_cleared_is_replayed_and_counted(void)
{
    slipring_record(primitive_of("work"), 1, SLIPRING_SUCCESS, NULL);
    rig_settle(&rig);
    struct sr_journal_shm *journal = rig.books->durable->batch.journal;
    const uint32_t word = SR_WORD(book, 1, SR_BOOK_ABORTED);
    journal->pairs[0] = (struct sr_journal_pair_shm){.word = word, .value = 7};
    journal->committed = 1;
    rig_drop(&rig);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").aborted, 7);
    CHECK_EQUAL(rig_figures(&rig).journal_replays, 1);
}

static void an_impossible_journal_is_refused(void)
{
    struct sr_journal_shm *journal = rig.books->durable->batch.journal;
    journal->pairs[0] = (struct sr_journal_pair_shm){.word = UINT64_MAX, .value = 7};
    journal->committed = 1;
    rig_drop(&rig);
    CHECK_STATUS(try_to_open(&rig.options), SLIPRING_FOREIGN);
}

/* --- segments that do not belong together ----------------------------------------------------------------------------------- */

static void record(const char *name, uint64_t duration_ns, int count)
{
    struct slipring_primitive *primitive = primitive_of(name);
    for (int i = 0; i < count; i++) {
        slipring_record(primitive, duration_ns, SLIPRING_SUCCESS, NULL);
    }
}

struct later {
    const char *first; /* registered first: gets another id than before */
    const char *second;
};

static void record_in_a_new_process(void *argument)
{
    const struct later *later = argument;
    CHECK_OK(slipring_close(rig_producer));
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    record(later->first, 1000, 30);
    record(later->second, 1000, 400);
    CHECK_OK(slipring_close(rig_producer));
}

/* The ring segment is gone (rm, a logout): the books go on under their names, whatever ids those have now. */
static void books_outlive_a_ring_segment_that_was_made_anew(void)
{
    char path[PATH_MAX];
    record("alpha", 1000, 300);
    record("beta", 1000, 20);
    rig_settle(&rig);
    place_path(path, rig.options.store, "ring");
    rig_drop(&rig);
    CHECK_EQUAL(unlink(path), 0);
    struct later later = {.first = "beta", .second = "alpha"};
    rig_open(&rig);
    CHECK_EQUAL(rig_stats(&rig, "alpha").count, 300);
    CHECK_EQUAL(rig_stats(&rig, "beta").count, 20);
    child_run(record_in_a_new_process, &later);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "alpha").count, 700);
    CHECK_EQUAL(rig_stats(&rig, "beta").count, 50);
    CHECK_EQUAL(rig_stats(&rig, "alpha").active, 0);
    rig_expect_balance(&rig);
    rig_drop(&rig);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "alpha").count, 700);
    CHECK_EQUAL(rig_count_of(&rig, "beta"), 1);
}

/* The books are gone: what the rings still hold is counted, what was taken before is not counted twice. */
static void lost_books_begin_again_from_what_the_rings_hold(void)
{
    char path[PATH_MAX];
    record("work", 1000, 300); /* of these many spill */
    rig_settle(&rig);
    place_path(path, rig.options.store, "stats");
    record("work", 1000, 11);
    rig_drop(&rig);
    CHECK_EQUAL(unlink(path), 0);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 11);
    record("work", 1000, 500);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 511);
    CHECK_EQUAL(rig_figures(&rig).rings_quarantined, 0);
    rig_expect_balance(&rig);
}

/* And the owner of a ring is in the middle of a spill update: its duration is committed, its cell not there yet. What was spilled before
 * is no news all the same. */
static void lost_books_begin_again_in_the_middle_of_a_spill_update(void)
{
    char path[PATH_MAX];
    record("work", 1000, 1000); /* of these many spill */
    rig_settle(&rig);
    place_path(path, rig.options.store, "stats");
    const uint32_t ring = 0; /* its only one */
    const struct sr_segment *segment = sr_store_segment(rig_producer);
    const struct sr_producer_line_shm *line = sr_segment_producer_line(segment, ring);
    _Atomic uint64_t *cell =
        &sr_segment_spill(segment, ring)[sr_spill_key_word(atomic_load(&line->redo_key))];
    CHECK(atomic_fetch_sub(cell, 1) > 1);
    rig_drop(&rig);
    CHECK_EQUAL(unlink(path), 0);
    rig_open(&rig);
    (void)atomic_fetch_add(cell, 1);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 1);
    CHECK_EQUAL(rig_stats(&rig, "work").sum_ns[0], 0); /* the one whose update it was */
    record("work", 1000, 10);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "work").count, 11);
    CHECK_EQUAL(rig_stats(&rig, "work").sum_ns[0], 10000);
}

/* No agent ever ran: everything counts, though the producers were first. */
static void a_first_agent_counts_what_was_recorded_before_it(void)
{
    rig_drop(&rig);
    CHECK_OK(slipring_close(rig_producer));
    rig.options.store = place_new_store();
    CHECK_OK(slipring_open(rig.options.store, &rig_producer));
    record("early", 1000, 1000);
    rig_open(&rig);
    rig_settle(&rig);
    CHECK_EQUAL(rig_stats(&rig, "early").count, 1000);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_second_agent_is_refused_and_told_the_first_ones_pid),
        RIG_TEST(the_next_agent_may_begin_when_the_first_was_killed),
        RIG_TEST(readers_see_who_publishes_and_that_it_stopped),
        RIG_TEST(books_that_others_could_have_written_are_refused),
        RIG_TEST(a_link_in_place_of_the_books_is_refused),
        RIG_TEST(books_of_another_version_a_foreign_file_and_a_truncated_one_are_told_apart),
        RIG_TEST(a_store_for_a_group_is_readable_by_it_and_its_rings_writable),
        RIG_TEST(a_name_that_is_none_is_refused),
        RIG_TEST(a_journal_that_was_committed_and_not_cleared_is_replayed_and_counted),
        RIG_TEST(an_impossible_journal_is_refused),
        RIG_TEST(books_outlive_a_ring_segment_that_was_made_anew),
        RIG_TEST(lost_books_begin_again_from_what_the_rings_hold),
        RIG_TEST(lost_books_begin_again_in_the_middle_of_a_spill_update),
        RIG_TEST(a_first_agent_counts_what_was_recorded_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
