/* SPDX-License-Identifier: Apache-2.0 */
/* Threads coming and going: their tables of rings. See process.h for the memory they live in. */
#ifndef SR_API_THREAD_H
#define SR_API_THREAD_H

/* Create the key whose destructor gives a thread's rings back. 0 or an errno. */
int sr_thread_start(void);

#endif
