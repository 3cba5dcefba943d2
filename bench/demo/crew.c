/* SPDX-License-Identifier: Apache-2.0 */
/* Forking, watching and adding up the workers. See crew.h. */
#include "crew.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "archive.h"
#include "progress.h"

struct crew_shared {
    _Alignas(128) _Atomic uint64_t next; /* the first file that nobody has taken */
    _Alignas(128) atomic_bool stop;
    struct tally tallies[OPTIONS_PROCESSES_MAX];
};

enum { WORKER_DONE = 0, WORKER_NO_MEMORY = 3 };

static sigset_t held_signals;

void crew_hold_signals(void)
{
    sigemptyset(&held_signals);
    sigaddset(&held_signals, SIGINT);
    sigaddset(&held_signals, SIGTERM);
    sigaddset(&held_signals, SIGHUP);
    sigaddset(&held_signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &held_signals, NULL);
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void ask_to_stop(struct crew *crew)
{
    /* relaxed: a wish, nothing is read on the strength of it */
    atomic_store_explicit(&crew->shared->stop, true, memory_order_relaxed);
}

/* In the worker: take and archive files until none is left. */
static int work(const struct crew *crew, const struct options *options, const struct files *files,
                struct steps *steps, int manifest)
{
    struct archive *archive = archive_open(steps, &crew->shared->stop, manifest, options->is_verbose);
    if (!archive) {
        return WORKER_NO_MEMORY;
    }
    /* relaxed: as above */
    while (!atomic_load_explicit(&crew->shared->stop, memory_order_relaxed)) {
        /* relaxed: the list is older than the fork; only the number has to be ours alone */
        uint64_t taken = atomic_fetch_add_explicit(&crew->shared->next, 1, memory_order_relaxed);
        if (taken >= crew->total) {
            break;
        }
        archive_file(archive, files_path(files, (size_t)(taken % files->count)));
    }
    archive_close(archive);
    /* Gives the rings back at once. Without it the agent would find out within a second or two that we ended. */
    return !steps->store || slipring_close(steps->store) == SLIPRING_OK ? WORKER_DONE : WORKER_NO_MEMORY;
}

/* The child's side of the fork. The parent is the one that listens to Ctrl-C; should it die, so do we. */
static void become_worker(pid_t parent)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &held_signals, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1);
    }
}

bool crew_start(struct crew *crew, const struct options *options, const struct files *files,
                const struct steps *steps, int manifest)
{
    *crew = (struct crew){.total = (uint64_t)files->count * options->passes, .processes = options->processes};
    crew->shared =
        mmap(NULL, sizeof *crew->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (crew->shared == MAP_FAILED) {
        crew->shared = NULL;
        fprintf(stderr, "slipring-demo: no memory for the workers' sums: %s\n", strerror(errno));
        return false;
    }
    crew->seconds = now_seconds();
    for (uint32_t i = 0; i < options->processes; i++) {
        pid_t parent = getpid();
        pid_t pid = fork();
        if (pid < 0) {
            fprintf(stderr, "slipring-demo: cannot start worker %u: %s\n", i + 1, strerror(errno));
            ask_to_stop(crew);
            return false;
        }
        if (pid == 0) {
            become_worker(parent);
            struct steps own = *steps;
            own.tally = &crew->shared->tallies[i];
            _exit(work(crew, options, files, &own, manifest));
        }
        crew->pids[i] = pid;
        crew->alive++;
    }
    return true;
}

int crew_wait(struct crew *crew, unsigned milliseconds)
{
    const struct timespec limit = {.tv_sec = milliseconds / 1000,
                                   .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    int got = sigtimedwait(&held_signals, NULL, &limit);
    if (got <= 0 || got == SIGCHLD) {
        return 0;
    }
    crew->signal = got;
    return got;
}

static void count_end(struct crew *crew, pid_t pid, int status)
{
    bool is_ours = false;
    for (uint32_t i = 0; i < crew->processes; i++) {
        if (crew->pids[i] == pid) {
            crew->pids[i] = 0;
            is_ours = true;
        }
    }
    if (!is_ours) {
        return;
    }
    crew->alive--;
    if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_DONE) {
        return;
    }
    crew->lost++;
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "\nslipring-demo: worker %d was killed by signal %d (%s)\n", (int)pid,
                WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        fprintf(stderr, "\nslipring-demo: worker %d ended with status %d: out of memory?\n", (int)pid,
                WEXITSTATUS(status));
    }
}

static void reap(struct crew *crew)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        count_end(crew, pid, status);
    }
}

static void kill_all(const struct crew *crew)
{
    for (uint32_t i = 0; i < crew->processes; i++) {
        if (crew->pids[i] > 0) {
            kill(crew->pids[i], SIGKILL);
        }
    }
}

void crew_watch(struct crew *crew)
{
    struct progress progress;
    double began = crew->seconds;
    progress_begin(&progress, crew->total);
    while (crew->alive > 0) {
        int before = crew->signal;
        if (crew_wait(crew, progress.interval_ms) != 0) {
            if (before != 0) {
                kill_all(crew);
            }
            ask_to_stop(crew);
        }
        reap(crew);
        struct tally sum;
        crew_sum(crew, &sum);
        progress_show(&progress, &sum, now_seconds() - began, crew->alive == 0);
    }
    crew->seconds = now_seconds() - began;
}

void crew_sum(const struct crew *crew, struct tally *out_sum)
{
    *out_sum = (struct tally){.bytes_read = 0};
    for (uint32_t i = 0; i < crew->processes; i++) {
        const struct tally *tally = &crew->shared->tallies[i];
        for (unsigned step = 0; step < STEP_COUNT; step++) {
            const struct step_sums *from = &tally->steps[step];
            struct step_sums *to = &out_sum->steps[step];
            steps_add(&to->executions, steps_get(&from->executions));
            steps_add(&to->failures, steps_get(&from->failures));
            steps_add(&to->cost, steps_get(&from->cost));
            steps_add(&to->savings, steps_get(&from->savings));
        }
        steps_add(&out_sum->bytes_read, steps_get(&tally->bytes_read));
        steps_add(&out_sum->bytes_packed, steps_get(&tally->bytes_packed));
    }
}
