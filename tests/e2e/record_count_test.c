/* SPDX-License-Identifier: Apache-2.0 */
/* A known number of spans and records, with a trace and without one, into a ring, and all of them found again. callgrind.sh counts the instructions.
 * RECORD_COUNT: "KIND RECORDS", KIND one of span, record, traced_span, traced; RECORDS at most 60. */
#include <slipring/slipring.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/api.h"
#include "support/check.h"
#include "support/child.h"
#include "support/place.h"

#define MS UINT64_C(1000000)

static void once(const char *kind, struct slipring_primitive *work, const struct slipring_trace *trace)
{
    if (strcmp(kind, "span") == 0) {
        struct slipring_span span = slipring_begin(work);
        slipring_end(&span, SLIPRING_SUCCESS, NULL);
    } else if (strcmp(kind, "traced_span") == 0) {
        struct slipring_traced_span span = slipring_begin_traced(work, trace);
        slipring_end_traced(&span, SLIPRING_SUCCESS, NULL);
    } else if (strcmp(kind, "traced") == 0) {
        slipring_record_traced(work, MS, SLIPRING_SUCCESS, NULL, trace);
    } else {
        slipring_record(work, MS, SLIPRING_SUCCESS, NULL);
    }
}

static void what_was_recorded_is_found_again(void *unused)
{
    (void)unused;
    const char *wish = getenv("RECORD_COUNT");
    char kind[32] = "traced_span";
    unsigned records = 20;
    struct slipring_trace trace;
    CHECK(!wish || sscanf(wish, "%31s %u", kind, &records) == 2);
    CHECK(records <= 60);
    CHECK(slipring_trace_parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &trace));
    struct slipring_primitive *work = api_primitive("work");
    for (unsigned i = 0; i < records; i++) {
        once(kind, work, &trace);
    }
    struct tally sum;
    api_fold("work", &sum);
    CHECK_EQUAL(tally_count(&sum), records);
    CHECK_EQUAL(sum.through_ring, records);
    CHECK_EQUAL(sum.begun, sum.ended);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(what_was_recorded_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return place_run(run);
}
