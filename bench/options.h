/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipring-bench, from the table in options.def. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct benchmark;

enum options_task {
    OPTIONS_RUN,
    OPTIONS_LIST, /* print and exit 0, as the next two */
    OPTIONS_HELP, /* of the benchmark, if one is named */
    OPTIONS_VERSION,
    OPTIONS_BAD, /* stderr says why; exit 2 */
};

enum option_id {
#define BENCH_OPTION(kind, id, scope, name, argument, least, most, help) OPTION_##id,
#include "options.def"
#undef BENCH_OPTION
    OPTION_COUNT,
};

/* A benchmark takes this option. */
struct option_use {
    enum option_id id;
    uint32_t number;  /* of a NUMBER: its default */
    const char *more; /* what the benchmark's page says beside the option's own help; NULL: nothing */
};

#define OPTIONS_CPU_ANY  UINT32_MAX
#define OPTIONS_LIST_MAX 32u

struct option_list {
    uint32_t count; /* 0: not given */
    uint32_t values[OPTIONS_LIST_MAX];
};

/* A member of its name for each option, unless it is a task. */
#define OPTION_MEMBER_NUMBER(id) uint32_t id;
#define OPTION_MEMBER_LIST(id)   struct option_list id;
#define OPTION_MEMBER_TEXT(id)   const char *id; /* NULL: not given */
#define OPTION_MEMBER_SWITCH(id) bool id;
#define OPTION_MEMBER_TASK(id)

struct options {
    const struct benchmark *benchmark;
#define BENCH_OPTION(kind, id, scope, name, argument, least, most, help) OPTION_MEMBER_##kind(id)
#include "options.def"
#undef BENCH_OPTION
};

/* What the pages say of an option. */
struct option_spec {
    const char *name, *argument, *help; /* argument NULL: it takes none */
    uint32_t least, most;
    bool is_number, is_for_all;
};

extern const struct option_spec option_specs[OPTION_COUNT];

/* arguments[0] is the program's name. The texts in *out_options are those of the arguments. */
enum options_task options_parse(int count, char *const *arguments, struct options *out_options);

/* Does the benchmark take the option? NULL: no; for one that all take, unless it says more about it. */
const struct option_use *options_use(const struct benchmark *benchmark, enum option_id id);

/* Is the case among those asked for by --only? */
bool options_wants(const struct options *options, const char *name);

/* Is each name of --only one of these cases? False: a message says which is not. */
bool options_only_is_known(const struct options *options, const char *const *names, uint32_t count);

#endif
