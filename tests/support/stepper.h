/* SPDX-License-Identifier: Apache-2.0 */
/* A child that runs one instruction at a time, to stop, kill or interrupt it at each of them.
 *
 * The child calls stepper_gate() before and after what is to be stepped through; between two gates the test steps. */
#ifndef SUPPORT_STEPPER_H
#define SUPPORT_STEPPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Start body(argument) traced, and run it to its first gate. 0: this system does not let us trace (the caller skips). */
pid_t stepper_start(void (*body)(void *), void *argument);

/* In the child: wait to be let on. */
void stepper_gate(void);

/* Execute one instruction. false: the child has come to a gate instead. */
bool stepper_step(pid_t child);

/* Deliver a signal (0: none) and run to the next gate. false: the child has ended well. */
bool stepper_go(pid_t child, int signal_number);

/* Run on without tracing until it ends well; or kill it. */
void stepper_finish(pid_t child);
void stepper_kill(pid_t child);

#endif
