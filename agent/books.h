/* SPDX-License-Identifier: Apache-2.0 */
/* The books: what the durable words mean, per primitive. See agent/store.h for threads and time. */
#ifndef AGENT_BOOKS_H
#define AGENT_BOOKS_H

#include <stdint.h>

#include <slipring/status.h>

struct agent_store;
struct books;

/* Take up the books as the durable words have them. NO_MEMORY or OK. */
__attribute__((warn_unused_result)) enum slipring_status
books_open(struct agent_store *store, uint64_t now_ns, struct books **out_books);
void books_close(struct books *books);

#endif
