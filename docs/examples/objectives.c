/* SPDX-License-Identifier: Apache-2.0 */
/* Service level objectives, given from code. slipringd counts good and total for each, and what is left of the budget.
 *
 *     cc objectives.c $(pkg-config --cflags --libs slipring) -o objectives
 *     ./objectives && slipring show checkout
 */
#include <slipring/slipring.h>

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct slipring_objective objectives[] = {
    /* 95 % take at most 100 ms, 99 % at most a second, each over the last thirty days */
    {.name = "fast",
     .kind = SLIPRING_LATENCY,
     .target_ppb = SLIPRING_TARGET(0.95),
     .threshold_ns = 100000000},
    {.name = "bearable",
     .kind = SLIPRING_LATENCY,
     .target_ppb = SLIPRING_TARGET(0.99),
     .threshold_ns = 1000000000},
    /* 99.9 % succeed, over the last seven days */
    {.kind = SLIPRING_AVAILABILITY, .target_ppb = SLIPRING_TARGET(0.999), .period_s = 7 * 86400},
};

int main(void)
{
    struct slipring_primitive *checkout;
    enum slipring_status status =
        slipring_primitive_get(slipring_default(), "checkout", "workflow", &checkout);
    if (status != SLIPRING_OK) {
        fprintf(stderr, "not recording: %s\n", slipring_status_text(status));
    }

    /* Every start of every process may say them: the same objective again changes nothing. */
    for (size_t i = 0; i < COUNT(objectives); i++) {
        status = slipring_objective_add(checkout, &objectives[i]);
        if (status != SLIPRING_OK) {
            fprintf(stderr, "objective %zu: %s\n", i, slipring_status_text(status));
        }
    }

    /* What can't be kept is refused: */
    const struct slipring_objective perfect = {.kind = SLIPRING_AVAILABILITY,
                                               .target_ppb = SLIPRING_TARGET(1)};
    printf("a target of 1: %s\n", slipring_status_text(slipring_objective_add(checkout, &perfect)));

    /* A hundred checkouts: four slow ones, one of these failed. 96 of 100 were fast, 99 bearable, 99 succeeded. */
    for (int i = 0; i < 100; i++) {
        slipring_record(checkout,
                        i < 96   ? 80000000
                        : i < 99 ? 500000000
                                 : 2000000000,
                        i == 99 ? SLIPRING_FAILURE : SLIPRING_SUCCESS, NULL);
    }
    return 0;
}
