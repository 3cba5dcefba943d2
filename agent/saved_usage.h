/* SPDX-License-Identifier: Apache-2.0 */
/* Usage accounts as a checkpoint keeps them: what saved.h is for books. As there, what was counted becomes a former part, so that what is exported
 * begins at 0. */
#ifndef AGENT_SAVED_USAGE_H
#define AGENT_SAVED_USAGE_H

#include <slipring/usage.h>

#include "books.h"

/* Lifetime: what the account was restored with, and what came since. */
struct saved_usage {
    uint32_t book; /* index of its primitive's */
    char resource[SLIPRING_MODEL_NAME_MAX + 1];
    uint64_t usages;
    uint64_t unpriced;
    uint64_t cost;      /* nano-dollars, */
    uint64_t cost_rest; /* and thousandths of one */
    uint64_t savings;
    uint64_t savings_rest;
    uint64_t units[SLIPRING_UNIT_MAX];
    uint64_t priced_units[SLIPRING_UNIT_MAX];
};

/* Accounts below this number may exist. */
uint32_t usage_high(const struct books *books);

/* Copy account number `account`. False: there is none. The batch is empty. */
__attribute__((warn_unused_result)) bool usage_take(const struct books *books, uint32_t account,
                                                    struct saved_usage *out_usage);

/* Make an account of it, between saved_begin() and saved_finish(), once its book was restored. One commit. OK, NO_SPACE, TABLE_FULL. */
__attribute__((warn_unused_result)) enum slipring_status usage_restore(struct books *books,
                                                                       const struct saved_usage *usage);

#endif
