/* SPDX-License-Identifier: Apache-2.0 */
/* A fallocate() that fails as it is told. The library is linked statically into the tests, so that this one is its own. */
#ifndef SUPPORT_FAULTS_H
#define SUPPORT_FAULTS_H

/* After `passing` calls that are let through, the next `count` calls fail with this errno. */
void faults_arm(int passing, int count, int error);

/* Calls since the last faults_arm(). */
int faults_calls(void);

#endif
