/* SPDX-License-Identifier: Apache-2.0 */
/* Forking, commanding and ending the producers: see fleet.h. */
#include "fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <slipring/slipring.h>

/* --- in a member ------------------------------------------------------------------------------------------------------- */

struct crew {
    const struct fleet_plan *plan;
    struct slipring_primitive **primitives;
    pthread_barrier_t begin, end;
    uint64_t position; /* written between end and begin */
    uint32_t count;    /* likewise; 0: go home */
};

static void record_all(const struct crew *crew)
{
    const struct samples *samples = crew->plan->samples;
    for (uint32_t i = 0; i < crew->plan->primitives; i++) {
        for (uint64_t at = crew->position; at < crew->position + crew->count; at++) {
            const struct sample *sample = samples_at(samples, at);
            slipring_record(crew->primitives[i], sample->duration_ns, (enum slipring_outcome)sample->outcome,
                            &samples->cost);
        }
    }
}

static void *serve(void *context)
{
    struct crew *crew = context;
    for (;;) {
        (void)pthread_barrier_wait(&crew->begin); /* either answer of a barrier is good */
        if (crew->count == 0) {
            return NULL;
        }
        record_all(crew);
        (void)pthread_barrier_wait(&crew->end); /* as above */
    }
}

void fleet_name(uint32_t i, char out_name[FLEET_NAME_BYTES])
{
    (void)snprintf(out_name, FLEET_NAME_BYTES, "primitive_%05u", i % 100000);
}

static bool register_one(struct slipring_store *store, uint32_t i, bool has_objectives,
                         struct slipring_primitive **out_primitive)
{
    const struct slipring_slo slo = {
        .target_ppb = SLIPRING_TARGET(0.99),
        .latency_threshold_ns = UINT64_C(2000000),
        .availability_ppb = SLIPRING_TARGET(0.9),
    };
    char name[FLEET_NAME_BYTES];
    fleet_name(i, name);
    enum slipring_status status = slipring_primitive_get(store, name, "bench", out_primitive);
    if (status == SLIPRING_OK && has_objectives) {
        status = slipring_slo_configure(*out_primitive, &slo);
    }
    if (status != SLIPRING_OK) {
        fprintf(stderr, "slipring-bench: primitive %s: %s\n", name, slipring_status_text(status));
    }
    return status == SLIPRING_OK;
}

bool fleet_register(struct slipring_store *store, uint32_t i, struct slipring_primitive **out_primitive)
{
    return register_one(store, i, true, out_primitive);
}

static bool open_all(struct crew *crew)
{
    struct slipring_store *store;
    crew->primitives = calloc(crew->plan->primitives, sizeof *crew->primitives);
    const enum slipring_status status = slipring_open(crew->plan->store, &store);
    if (!crew->primitives || status != SLIPRING_OK) {
        fprintf(stderr, "slipring-bench: store %s: %s\n", crew->plan->store, slipring_status_text(status));
        return false;
    }
    for (uint32_t i = 0; i < crew->plan->primitives; i++) {
        if (!register_one(store, i, !crew->plan->has_no_objectives, &crew->primitives[i])) {
            return false;
        }
    }
    return true;
}

/* Commands are counts, answers one byte each: the first one says that it is ready. 0 is the one to go home. */
static void obey(struct crew *crew, int command, int answer)
{
    do {
        if (write(answer, "", 1) != 1 ||
            read(command, &crew->count, sizeof crew->count) != (ssize_t)sizeof crew->count) {
            crew->count = 0;
        }
        (void)pthread_barrier_wait(&crew->begin); /* either answer of a barrier is good */
        if (crew->count != 0) {
            record_all(crew);
            (void)pthread_barrier_wait(&crew->end); /* as above */
            crew->position += crew->count;
        }
    } while (crew->count != 0);
}

static int be_member(const struct fleet_plan *plan, int command, int answer)
{
    struct crew crew = {.plan = plan};
    pthread_t threads[FLEET_THREADS_MAX];
    if (!open_all(&crew) || pthread_barrier_init(&crew.begin, NULL, plan->threads) != 0 ||
        pthread_barrier_init(&crew.end, NULL, plan->threads) != 0) {
        return 1;
    }
    for (uint32_t i = 1; i < plan->threads; i++) {
        if (pthread_create(&threads[i], NULL, serve, &crew) != 0) {
            return 1;
        }
    }
    obey(&crew, command, answer);
    for (uint32_t i = 1; i < plan->threads; i++) {
        (void)pthread_join(threads[i], NULL); /* fails only for what is no thread */
    }
    return 0;
}

/* --- in the benchmark -------------------------------------------------------------------------------------------------- */

static bool start_member(struct fleet *fleet, uint32_t i)
{
    int commands[2];
    int answers[2];
    if (pipe2(commands, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0) {
        return false;
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(1);
        }
        _exit(be_member(&fleet->plan, commands[0], answers[1]));
    }
    (void)close(commands[0]); /* nothing to lose, here and below */
    (void)close(answers[1]);
    fleet->members[i] = (struct fleet_member){.pid = pid, .command = commands[1], .answer = answers[0]};
    return pid > 0;
}

static bool await_member(const struct fleet *fleet, uint32_t i)
{
    char answer;
    if (read(fleet->members[i].answer, &answer, 1) != 1) {
        fprintf(stderr, "slipring-bench: producer %u does not answer\n", i);
        return false;
    }
    return true;
}

bool fleet_start(struct fleet *fleet, const struct fleet_plan *plan)
{
    *fleet = (struct fleet){.plan = *plan};
    for (uint32_t i = 0; i < plan->processes; i++) {
        if (!start_member(fleet, i)) {
            fprintf(stderr, "slipring-bench: producer %u: %s\n", i, strerror(errno));
            return false;
        }
        /* one after the other: names registered in a race are entered twice, and count twice against the limit */
        if (!await_member(fleet, i)) {
            return false;
        }
    }
    return true;
}

bool fleet_record(struct fleet *fleet, uint32_t count)
{
    const struct fleet_plan *plan = &fleet->plan;
    for (uint32_t i = 0; i < plan->processes; i++) {
        if (write(fleet->members[i].command, &count, sizeof count) != (ssize_t)sizeof count) {
            fprintf(stderr, "slipring-bench: producer %u: %s\n", i, strerror(errno));
            return false;
        }
    }
    struct tally one = {0};
    tally_add(&one, plan->samples, fleet->position, count, &plan->samples->cost);
    tally_add_times(&fleet->expected, &one, (uint64_t)plan->processes * plan->threads * plan->primitives);
    fleet->position += count;
    bool is_good = true;
    for (uint32_t i = 0; i < plan->processes; i++) { /* in turn: they work at the same time */
        is_good = is_good && await_member(fleet, i);
    }
    return is_good;
}

bool fleet_stop(struct fleet *fleet)
{
    bool is_good = true;
    for (uint32_t i = 0; i < fleet->plan.processes; i++) {
        struct fleet_member *member = &fleet->members[i];
        int status = 0;
        if (member->pid > 0) {
            const uint32_t go_home = 0;
            is_good &= write(member->command, &go_home, sizeof go_home) == (ssize_t)sizeof go_home;
            (void)close(member->command); /* nothing to lose, here and below */
            (void)close(member->answer);
            is_good &= waitpid(member->pid, &status, 0) == member->pid && status == 0;
        }
        *member = (struct fleet_member){.pid = 0};
    }
    return is_good;
}
