/* SPDX-License-Identifier: Apache-2.0 */
/* Reading /proc: see usage.h. */
#include "usage.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "key: number" lines. */
struct field {
    const char *key;
    uint64_t *value;
};

static bool read_fields(const char *path, const struct field *fields, uint32_t count)
{
    char line[256];
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        for (uint32_t i = 0; colon && i < count; i++) {
            const size_t length = (size_t)(colon - line);
            if (strlen(fields[i].key) == length && strncmp(line, fields[i].key, length) == 0) {
                *fields[i].value += strtoull(colon + 1, NULL, 10);
            }
        }
    }
    (void)fclose(file); /* read only: nothing to lose */
    return true;
}

static bool read_thread(pid_t process, const char *thread, struct usage *usage)
{
    char path[PATH_MAX];
    uint64_t ns = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)process, thread);
    FILE *file = fopen(path, "re");
    const bool has_read = file && fscanf(file, "%" SCNu64, &ns) == 1;
    if (file) {
        (void)fclose(file); /* read only */
    }
    usage->cpu_ns += ns;
    usage->first_ns += strtol(thread, NULL, 10) == process ? ns : 0;
    const struct field fields[] = {{"voluntary_ctxt_switches", &usage->switches},
                                   {"nonvoluntary_ctxt_switches", &usage->switches}};
    (void)snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)process, thread);
    return has_read && read_fields(path, fields, 2);
}

static bool read_threads(pid_t process, struct usage *usage)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *list = opendir(path);
    const struct dirent *entry;
    bool has_first = false;
    while (list && (entry = readdir(list)) != NULL) {
        if (entry->d_name[0] != '.' && read_thread(process, entry->d_name, usage)) {
            has_first |= strtol(entry->d_name, NULL, 10) == process;
        }
    }
    if (list) {
        (void)closedir(list);
    }
    return has_first;
}

bool usage_read(pid_t process, struct usage *out_usage)
{
    char path[PATH_MAX];
    struct usage usage = {0};
    const struct field fields[] = {
        {"RssAnon", &usage.anon_bytes}, {"RssFile", &usage.file_bytes}, {"RssShmem", &usage.shmem_bytes}};
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    if (!read_threads(process, &usage) || !read_fields(path, fields, 3)) {
        fprintf(stderr, "slipring-bench: /proc/%d: %s\n", (int)process, strerror(errno));
        return false;
    }
    usage.anon_bytes *= 1024; /* the kernel says kB, and means 1024 bytes */
    usage.file_bytes *= 1024;
    usage.shmem_bytes *= 1024;
    *out_usage = usage;
    return true;
}

uint64_t usage_of_file(const char *folder, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path || stat(path, &status) != 0) {
        return 0;
    }
    return (uint64_t)status.st_blocks * 512; /* of 512 bytes, whatever the file system */
}
