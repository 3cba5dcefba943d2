/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for figures that not every place has: see extras.h. */
#include "extras.h"

#include "agent/log.h"
#include "books.h"

#define RETRY_NS UINT64_C(1000000000)

struct kind {
    enum sr_optional optional;
    const char *shortage;
};

static const struct kind kinds[EXTRA_COUNT] = {
    [EXTRA_NATIVE] = {SR_OPTIONAL_HISTOGRAM, "no room for native histograms"},
    [EXTRA_EXEMPLARS] = {SR_OPTIONAL_EXEMPLARS, "no room for exemplars"},
    [EXTRA_SLO] = {SR_OPTIONAL_SLO, "no room for burn rates"},
};

bool extras_may_ask(const struct books *books, enum extra extra, uint64_t now_ns)
{
    return now_ns >= books->shortages[extra].retry_ns;
}

bool extras_reserve(struct books *books, enum extra extra, uint32_t place, uint64_t now_ns)
{
    const struct kind *kind = &kinds[extra];
    struct extra_shortage *shortage = &books->shortages[extra];
    if (sr_books_has(books->durable, kind->optional, place)) {
        return true;
    }
    if (!extras_may_ask(books, extra, now_ns)) {
        return false;
    }
    const enum slipring_status status = sr_books_reserve(books->durable, kind->optional, place);
    if (status == SLIPRING_OK) {
        shortage->is_said = false;
        return true;
    }
    shortage->retry_ns = now_ns + RETRY_NS;
    if (!shortage->is_said) {
        shortage->is_said = true;
        books->reserve_failures++;
        log_event(LOG_WARNING, log_what(kind->shortage), log_text("why", slipring_status_text(status)),
                  log_text("path", books->durable->map.path));
    }
    return false;
}
