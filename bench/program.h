/* SPDX-License-Identifier: Apache-2.0 */
/* Another program, run to its end. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* The path of a program that lies beside slipring-bench. False: there is none. */
bool program_beside(const char *name, size_t room, char *out_path);

/* Run arguments[0], found as a shell finds it, on the CPUs that we are on. What it prints, also on stderr, is left in
 * `text`, terminated, and cut off at `room`. Returns its exit status; -1: it could not be run, or was killed. */
int program_run(const char *const *arguments, char *text, size_t room);

#endif
