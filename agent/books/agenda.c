/* SPDX-License-Identifier: Apache-2.0 */
/* When a book is looked at next: see agenda.h. */
#include "agenda.h"

#include <string.h>

#include "history.h"
#include "slo.h"
#include "windows.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void agenda_put(struct books *books, uint32_t index, uint64_t publish_ns)
{
    if (!books->book[index].is_used) {
        books->due_ns[index] = UINT64_MAX;
    } else if (publish_ns != 0) {
        uint64_t due_ns = least(publish_ns, windows_due_ns(books, index));
        due_ns = least(due_ns, slo_due_ns(books, index));
        books->due_ns[index] = least(due_ns, history_rest(books, index));
    }
}

void agenda_wake_all(struct books *books)
{
    memset(books->due_ns, 0, SR_PRIMITIVE_MAX * sizeof books->due_ns[0]);
}
