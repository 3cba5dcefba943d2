/* SPDX-License-Identifier: Apache-2.0 */
/* See refit.h. */
#include "refit.h"

#include "binding.h"
#include "usage.h"
#include "windows.h"

#define BREATH 32u

void refit_books(struct agent_store *store, struct books *books, const struct agent_options *options,
                 uint64_t now_ns, void (*breathe)(void *context), void *context)
{
    books_commit(books);
    agent_store_change_options(store, options);
    usage_reprice(books); /* before the cards of before are closed */
    for (uint32_t index = 0; index < books->high; index++) {
        windows_take_up_book(books, index);
        if (index % BREATH == BREATH - 1) {
            breathe(context);
            books_commit(books);
        }
    }
    binding_take_up_options(books, now_ns, breathe, context);
}
