/* SPDX-License-Identifier: Apache-2.0 */
/* The private folder of a test program: see place.h. */
#include "support/place.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"

static char folder[] = "/dev/shm/slipring-test.XXXXXX";
static volatile sig_atomic_t tests_pid;

const char *place_folder(void)
{
    return folder;
}

static char stores[8][16];
static unsigned store_count;

const char *place_store(void)
{
    return stores[store_count % 8];
}

const char *place_new_store(void)
{
    store_count++;
    (void)snprintf(stores[store_count % 8], sizeof stores[0], "t%u", store_count);
    return place_store();
}

void place_path(char out_path[PATH_MAX], const char *store, const char *suffix)
{
    (void)snprintf(out_path, PATH_MAX, "%s/slipring.%s.%s", folder, store, suffix);
}

/* One level of folders below, which is as deep as tests go. */
static void remove_folder(const char *path, int depth)
{
    (void)chmod(path, 0700);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        char below[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= (int)sizeof below) {
            continue;
        }
        if (unlink(below) != 0 && depth > 0) {
            remove_folder(below, depth - 1);
        }
    }
    if (directory) {
        (void)closedir(directory);
    }
    if (rmdir(path) != 0) {
        (void)fprintf(stderr, "cannot remove %s: %s\n", path, strerror(errno));
    }
}

static void pass_on(int number)
{
    (void)kill(tests_pid, number);
}

/* Whoever the tests left behind is our child now (PR_SET_CHILD_SUBREAPER). Those who have ended are only taken note of; a
 * grandchild may be about to end: it gets a second. */
static int end_leftovers(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    for (int round = 0; round < 100; round++) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
        if (waitpid(-1, NULL, WNOHANG) < 0) {
            return 0;
        }
        (void)nanosleep(&pause, NULL);
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "r");
    int count = 0;
    int pid = 0;
    while (children && fscanf(children, "%d", &pid) == 1) {
        count++;
        (void)kill(pid, SIGKILL);
    }
    if (children) {
        (void)fclose(children);
    }
    while (waitpid(-1, NULL, 0) > 0) {
    }
    return count;
}

int place_run(int (*run)(void))
{
    if (!mkdtemp(folder) || chmod(folder, 0755) != 0 || setenv("SLIPRING_SHM_DIR", folder, 1) != 0 ||
        setenv("SLIPRING_CHECKPOINT", "none", 1) != 0 || unsetenv("SLIPRING_STORE") != 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        perror(folder);
        return 1;
    }
    const struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* `... | head` must not cost the cleaning up */
    tests_pid = fork();
    if (tests_pid == 0) {
        (void)signal(SIGTERM, SIG_DFL);
        (void)signal(SIGINT, SIG_DFL);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        check_runs_here();
        if (getenv("SLIPRING_TEST_FILTER")) { /* a name, with * and ? if need be */
            cmocka_set_test_filter(getenv("SLIPRING_TEST_FILTER"));
        }
        exit(run() != 0);
    }
    int status = 0;
    while (waitpid(tests_pid, &status, 0) < 0 && errno == EINTR) {
    }
    const int left = end_leftovers();
    if (left > 0) {
        (void)fprintf(stderr, "the tests left %d processes behind\n", left);
    }
    if (WIFSIGNALED(status)) {
        (void)fprintf(stderr, "the tests were ended by signal %d\n", WTERMSIG(status));
    }
    remove_folder(folder, 1);
    return left > 0 || status != 0;
}
