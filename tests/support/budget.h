/* SPDX-License-Identifier: Apache-2.0 */
/* Money budgets of a rig's books, as the agent's configuration sets them. */
#ifndef SUPPORT_BUDGET_H
#define SUPPORT_BUDGET_H

#include "support/rig.h"

/* The book has a money budget of this name, which begins now; one that is there has another amount and period from now on. */
void budget_set(struct rig *which, uint32_t book, const char *name, uint64_t amount_nanodollars,
                uint64_t period_s);

#endif
