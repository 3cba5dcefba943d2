/* SPDX-License-Identifier: Apache-2.0 */
/* Records executions that are over: how long each took, whether it succeeded, what it cost and saved.
 *
 *     cc record.c $(pkg-config --cflags --libs slipring) -o record
 *     ./record && slipring show send_mail
 *
 * Works without slipringd too: it finds what was recorded before it started. */
#include <slipring/slipring.h>

#include <stdint.h>
#include <stdio.h>

int main(void)
{
    struct slipring_store *store = slipring_default(); /* $SLIPRING_STORE, or "default" */
    struct slipring_primitive *send;
    uint32_t provider;

    /* Once, at the start. Should anything fail, recording does nothing and the program runs on. */
    if (slipring_primitive_get(store, "send_mail", "step", &send) != SLIPRING_OK) {
        fprintf(stderr, "not recording: %s\n", slipring_status_text(slipring_primitive_status(send)));
    }
    if (slipring_category_get(send, "provider", &provider) != SLIPRING_OK) {
        provider = 0; /* "default" */
    }

    /* From any thread, as often as you like: durations in nanoseconds, no clock is read. */
    slipring_record(send, 12000000, SLIPRING_SUCCESS, NULL);
    slipring_record(send, 3000000000, SLIPRING_FAILURE, NULL);

    /* With its price: 0.0004 dollars, in nano-dollars, under a category of its own. */
    struct slipring_cost price = {.cost_nanodollars = 400000, .category = provider};
    slipring_record(send, 15000000, SLIPRING_SUCCESS, &price);

    /* Savings alone, without an execution: a mail that needed no sending saved as much. */
    struct slipring_cost saved = {.savings_nanodollars = 400000, .category = provider};
    slipring_record_cost(send, &saved);

    printf("recorded 3 executions, dropped %llu\n", (unsigned long long)slipring_store_dropped(store));
    return 0;
}
