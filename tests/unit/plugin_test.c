/* SPDX-License-Identifier: Apache-2.0 */
/* The library as the plugin of a host that has another copy of it, or none: loaded and unloaded again and again, beside libraries that leave it
 * little thread-local storage, in a namespace of its own. process.h G1, G3. */
#include <slipring/slipring.h>

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

struct library {
    void *handle;
    enum slipring_status (*open)(const char *, struct slipring_store **);
    enum slipring_status (*get)(struct slipring_store *, const char *, const char *,
                                struct slipring_primitive **);
    void (*record)(struct slipring_primitive *, uint64_t, enum slipring_outcome,
                   const struct slipring_cost *);
};

/* A file of the build: <build>/<below>. */
static void path_of(char out_path[PATH_MAX], const char *below)
{
    const ssize_t length =
        readlink("/proc/self/exe", out_path, PATH_MAX - 64); /* <build>/tests/unit-plugin */
    CHECK(length > 0);
    out_path[length] = '\0';
    *strrchr(out_path, '/') = '\0';
    (void)strcpy(strrchr(out_path, '/') + 1, below);
}

/* POSIX's way to make a function of what dlsym() gives. */
static void look_up(void *handle, const char *name, void *out_function)
{
    void *at = dlsym(handle, name);
    CHECK(at != NULL);
    memcpy(out_function, &at, sizeof at);
}

static struct library library_of(void *handle)
{
    if (!handle) {
        check_fail(__FILE__, __LINE__, "%s", dlerror());
    }
    struct library library = {.handle = handle};
    look_up(library.handle, "slipring_open", &library.open);
    look_up(library.handle, "slipring_primitive_get", &library.get);
    look_up(library.handle, "slipring_record", &library.record);
    return library;
}

static struct library load(void)
{
    char path[PATH_MAX];
    path_of(path, "lib/libslipring.so");
    return library_of(dlopen(path, RTLD_NOW | RTLD_LOCAL));
}

static void record_by(const struct library *library, uint64_t duration_ns)
{
    struct slipring_store *store = NULL;
    struct slipring_primitive *work = NULL;
    CHECK_OK(library->open(place_store(), &store));
    CHECK_OK(library->get(store, "work", NULL, &work));
    library->record(work, duration_ns, SLIPRING_SUCCESS, NULL);
}

static void *load_record_and_unload(void *unused)
{
    (void)unused;
    const struct library library = load();
    record_by(&library, 3);
    CHECK_EQUAL(dlclose(library.handle), 0);
    return NULL;
}

/* Its code stays, and what it holds: there is one copy, one slot, one ring a thread that lives. */
static void a_plugin_loaded_and_unloaded_many_times_stays_one_process(void *unused)
{
    (void)unused;
    struct tally want;
    tally_init(&want, 0);
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        (void)load_record_and_unload(NULL);
        CHECK_EQUAL(pthread_create(&thread, NULL, load_record_and_unload, NULL), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
        tally_execution(&want, 3, false, NULL);
        tally_execution(&want, 3, false, NULL);
    }
    api_expect("work", &want);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 1);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_OWNED), 1);
    CHECK_EQUAL(fold_rings(place_store(), SR_RING_RELEASED), 1);
}

static void record_by_both(void *argument)
{
    record_by(argument, 4);
    slipring_record(api_primitive("work"), 5, SLIPRING_SUCCESS, NULL);
}

static void two_copies_in_one_program_are_two_processes_and_so_in_its_children(void *unused)
{
    (void)unused;
    struct tally want;
    tally_init(&want, 0);
    struct library library = load();
    CHECK((void *)(uintptr_t)library.record != (void *)(uintptr_t)slipring_record);
    record_by_both(&library);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 2);
    child_run(record_by_both, &library);
    record_by_both(&library);
    for (int i = 0; i < 3; i++) {
        tally_execution(&want, 4, false, NULL);
        tally_execution(&want, 5, false, NULL);
    }
    api_expect("work", &want);
    CHECK_EQUAL(fold_slots(place_store(), SR_SLOT_OWNED), 4);
}

static void a_copy_in_a_namespace_of_its_own_records_too(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) { /* whose runtime would be there twice */
        return;
    }
    char path[PATH_MAX];
    path_of(path, "lib/libslipring.so");
    struct library library = library_of(dlmopen(LM_ID_NEWLM, path, RTLD_NOW));
    record_by_both(&library);
    record_by_both(&library);
    child_run(record_by_both, &library);
    struct tally want;
    tally_init(&want, 0);
    for (int i = 0; i < 3; i++) {
        tally_execution(&want, 4, false, NULL);
        tally_execution(&want, 5, false, NULL);
    }
    api_expect("work", &want);
    CHECK_EQUAL(dlclose(library.handle), 0);
}

/* --- thread-local storage -------------------------------------------------------------------------------------------------------- */

#define LIBRARIES 64u

static char folder[PATH_MAX]; /* copies of a library lie there: dlopen() takes one file but once */

static void copy_file(const char *from, const char *to)
{
    static uint8_t bytes[1 << 20];
    FILE *source = fopen(from, "rb");
    FILE *copy = fopen(to, "wb");
    CHECK(source && copy);
    const size_t count = fread(bytes, 1, sizeof bytes, source);
    CHECK(count > 0 && count < sizeof bytes);
    CHECK_EQUAL(fwrite(bytes, 1, count, copy), count);
    CHECK_EQUAL(fclose(source) | fclose(copy), 0);
}

/* Load another copy of a library that takes storage. false: there was none left. */
static bool load_another(const char *model)
{
    static uint32_t number;
    char from[PATH_MAX];
    char to[PATH_MAX + 32];
    char below[64];
    (void)snprintf(below, sizeof below, "tests/tls-%s.so", model);
    path_of(from, below);
    (void)snprintf(to, sizeof to, "%s/%u.so", folder, number++);
    copy_file(from, to);
    void *handle = dlopen(to, RTLD_NOW | RTLD_LOCAL);
    (void)unlink(to);
    if (!handle) {
        CHECK(strstr(dlerror(), "TLS") != NULL);
        return false;
    }
    char *(*take)(void) = NULL;
    look_up(handle, "tls_heavy", &take);
    CHECK_EQUAL(take()[0], 1);
    return true;
}

static void make_folder(void)
{
    const char *temporary = getenv("TMPDIR"); /* not in the place: /dev/shm may be mounted noexec */
    CHECK(snprintf(folder, sizeof folder, "%s/slipring-test-plugin-XXXXXX", temporary ? temporary : "/tmp") <
          (int)sizeof folder);
    CHECK(mkdtemp(folder) != NULL);
}

static void in_a_child(void (*body)(void *))
{
    make_folder();
    const int ended = child_wait(child_start(body, NULL));
    (void)rmdir(folder);
    CHECK_EQUAL(ended, 0);
}

static void expect_three(void)
{
    struct tally want;
    tally_init(&want, 0);
    tally_execution(&want, 3, false, NULL);
    api_expect("work", &want);
}

static void load_after_sixty_others(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; i < LIBRARIES; i++) {
        CHECK(load_another("global-dynamic"));
    }
    struct library library = load();
    record_by(&library, 3);
}

static void it_loads_after_sixty_libraries_full_of_thread_local_storage(void *unused)
{
    (void)unused;
    in_a_child(load_after_sixty_others);
    expect_three();
}

static _Atomic uint32_t *fitting;

static void count_what_fits(void *unused)
{
    (void)unused;
    while (atomic_load(fitting) < LIBRARIES && load_another("initial-exec")) {
        (void)atomic_fetch_add(fitting, 1);
    }
    char path[PATH_MAX];
    path_of(path, "lib/libslipring.so");
    if (!dlopen(path, RTLD_NOW | RTLD_LOCAL)) { /* the host is told, and goes on */
        CHECK(dlerror() != NULL);
    }
}

/* 64 bytes each: two fewer than fit leave 128. */
static void load_into_the_last_128_bytes(void *unused)
{
    (void)unused;
    for (uint32_t i = 2; i < atomic_load(fitting); i++) {
        CHECK(load_another("initial-exec"));
    }
    struct library library = load();
    record_by(&library, 3);
}

static void it_fits_into_the_last_of_what_dlopen_can_give_of_the_static_kind_G1(void *unused)
{
    (void)unused;
    if (CHECK_IS_SANITIZED) { /* whose runtime takes a lot of it */
        return;
    }
    fitting = child_share(sizeof *fitting);
    in_a_child(count_what_fits);
    print_message("%u libraries of 64 bytes fit\n", (unsigned)atomic_load(fitting));
    CHECK(atomic_load(fitting) > 2);
    in_a_child(load_into_the_last_128_bytes);
    expect_three();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(a_plugin_loaded_and_unloaded_many_times_stays_one_process),
        CHILD_TEST(two_copies_in_one_program_are_two_processes_and_so_in_its_children),
        CHILD_TEST(a_copy_in_a_namespace_of_its_own_records_too),
        CHILD_TEST(it_loads_after_sixty_libraries_full_of_thread_local_storage),
        CHILD_TEST(it_fits_into_the_last_of_what_dlopen_can_give_of_the_static_kind_G1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
