/* SPDX-License-Identifier: Apache-2.0 */
/* Survives a mapping whose file was truncated or punched: for the agent and the tools, never for the library.
 *
 * Touching a page that its file no longer has is a SIGBUS, and a reader cannot rule it out beforehand: whoever may
 * write the file can truncate it between any check and the read. The guard handles the signal. When the fault
 * lies in a registered range it puts a private page of zeros over the faulting page and goes on; the reader
 * then sees zeros, which it has to take as it takes any other hostile content, and may ask
 * sr_guard_faults() whether they were real.
 *
 *   G1  A fault inside a registered range never ends the process; the access is repeated and reads zeros
 *       (writes go to the private page and reach nobody).
 *   G2  A fault outside, or a SIGBUS that somebody sent, does what it would have done without the guard: the
 *       former disposition is put back and gets the signal.
 *   G3  A range that was lost stays lost: a replaced page stays zero, also when the file grows again. Unmapping
 *       the range takes the replaced pages with it.
 *
 * A system call that is handed such a page does not fault but fails with EFAULT. A thread that blocks SIGBUS is
 * killed by the kernel: don't block it. The handler makes one system call (mmap), takes no lock and is async-
 * signal-safe; ranges may be added and removed in any thread while others fault. */
#ifndef SR_SYSTEM_GUARD_H
#define SR_SYSTEM_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/status.h>

#include "base/compiler.h"

#define SR_GUARD_RANGE_MAX 64u

/* Take over SIGBUS for the process; again when somebody else took it meanwhile (a test harness does). What it was at
 * the first call is the former disposition of G2. SYSTEM when sigaction() fails. Thread safe. */
SR_MUST_CHECK enum slipring_status sr_guard_install(void);

/* Guard the mapping [base, base + bytes): base is page-aligned, bytes at least 1. writable: the mapping is, so the
 * zero page must be. Registering needs no installed handler and is harmless without one. TABLE_FULL beyond
 * SR_GUARD_RANGE_MAX ranges, BAD_ARGUMENT for a range that is none. Thread safe. */
SR_MUST_CHECK enum slipring_status sr_guard_add(const void *base, uint64_t bytes, bool writable);

/* No longer: call it before unmapping, when no thread touches the range any more. An unknown base is ignored. */
void sr_guard_remove(const void *base);

/* Faults survived in the range that begins at base since it was added: 0 for an unknown one. Thread and signal
 * safe. At least one per lost page that was touched; threads that meet on one page count each. */
uint64_t sr_guard_faults(const void *base);

#endif
