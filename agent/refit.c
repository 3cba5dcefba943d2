/* SPDX-License-Identifier: Apache-2.0 */
/* See refit.h. */
#include "refit.h"

#include "binding.h"
#include "windows.h"

void refit_books(struct agent_store *store, struct books *books, const struct agent_options *options,
                 uint64_t now_ns, void (*breathe)(void *context), void *context)
{
    books_commit(books);
    agent_store_change_options(store, options);
    windows_take_up(books);
    binding_take_up_options(books, now_ns, breathe, context);
}
