/* SPDX-License-Identifier: Apache-2.0 */
/* Stop code at any of its instructions: on x86-64, by the processor's trap flag (a look after each instruction; some 20 us each on a
 * virtual machine) or by a breakpoint (one stop). Elsewhere, and under ThreadSanitizer, whose runtime must not be interrupted by
 * itself, trap_is_possible() is false and the caller skips.
 *
 * Signals must not be blocked by the code that is stepped through. One thread. */
#ifndef SUPPORT_TRAP_H
#define SUPPORT_TRAP_H

#include <stdbool.h>
#include <stdint.h>

bool trap_is_possible(void);

/* Call body(argument), and look(argument) in a signal handler after each of its instructions. Returns their number. */
uint64_t trap_each(void (*body)(void *), void (*look)(void *), void *argument);

/* Call body(argument) and remember where its instructions are, each address once. Returns how many there are. */
uint32_t trap_learn(void (*body)(void *), void *argument);

/* Call body(argument), and look(argument) in a signal handler before it executes the instruction at the nth of the
 * addresses that were learnt, the first time that it comes there. false: it did not come there, or that code (the kernel's vDSO)
 * takes no breakpoint; body ran all the same. */
bool trap_at(void (*body)(void *), void (*look)(void *), void *argument, uint32_t nth);

#endif
