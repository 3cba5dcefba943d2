/* SPDX-License-Identifier: Apache-2.0 */
/* Money budgets for rigs: see budget.h. */
#include "support/budget.h"

#include <string.h>

#include "agent/books/binding.h"
#include "agent/books/history.h"
#include "agent/books/objectives.h"

static uint32_t word_of(uint32_t book, uint32_t i, uint32_t field)
{
    return SR_WORD(book, book, SR_BOOK_OBJECTIVES + i * SR_OBJECTIVE_WORDS + field);
}

void budget_set(struct rig *which, uint32_t book, const char *name, uint64_t amount_nanodollars,
                uint64_t period_s)
{
    struct sr_batch *batch = &which->books->durable->batch;
    char wanted[32] = "";
    char there[32];
    uint32_t i = 0;
    memcpy(wanted, name, strlen(name) + 1);
    books_commit(which->books);
    for (; i < SLIPRING_OBJECTIVE_COUNT; i++) {
        binding_read_text(which->books, word_of(book, i, SR_OBJECTIVE_NAME), there, sizeof there);
        if (there[0] == '\0' || strcmp(there, wanted) == 0) {
            break;
        }
    }
    CHECK(i < SLIPRING_OBJECTIVE_COUNT);
    bool begins = there[0] == '\0';
    if (!begins && sr_batch_get(batch, word_of(book, i, SR_OBJECTIVE_PERIOD_S)) != period_s) {
        begins = !history_change_period(which->books, book, i, period_s, which->now_ns);
    }
    binding_write_text(which->books, word_of(book, i, SR_OBJECTIVE_NAME), wanted, sizeof wanted);
    sr_batch_set(batch, word_of(book, i, SR_OBJECTIVE_KIND), SLIPRING_SPEND);
    sr_batch_set(batch, word_of(book, i, SR_OBJECTIVE_AMOUNT), amount_nanodollars);
    sr_batch_set(batch, word_of(book, i, SR_OBJECTIVE_PERIOD_S), period_s);
    if (begins) {
        objectives_begin(which->books, book, 1u << i, which->now_ns);
    }
    which->books->book[book].judged_ns = 0;
    books_note_change(which->books, book);
    books_commit(which->books);
}
