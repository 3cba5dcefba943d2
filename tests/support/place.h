/* SPDX-License-Identifier: Apache-2.0 */
/* A shared-memory folder for one test program: made below /dev/shm before the tests, named in $SLIPRING_SHM_DIR, and removed with
 * all that is in it however they end. The tests run in a child; what they leave running is killed and fails them. */
#ifndef SUPPORT_PLACE_H
#define SUPPORT_PLACE_H

#include <limits.h>

/* main()'s whole work: run() returns the number of failed tests, as cmocka_run_group_tests() does. $SLIPRING_TEST_FILTER: only those
 * tests whose name it matches, with * and ?. */
int place_run(int (*run)(void));

const char *place_folder(void);

/* A store name that no other test of this program has: "t1", "t2", ... Static storage, valid until the next eight calls. */
const char *place_new_store(void);

/* The last one given. */
const char *place_store(void);

/* The path of one of its files: "ring", "stats", "lock". */
void place_path(char out_path[PATH_MAX], const char *store, const char *suffix);

#endif
