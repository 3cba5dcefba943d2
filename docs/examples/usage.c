/* SPDX-License-Identifier: Apache-2.0 */
/* What a call of a model used: the agent prices it (docs/prices.md), so no price stands in the program.
 *
 *     cc usage.c $(pkg-config --cflags --libs slipring) -o usage
 *     ./usage && slipring show answer_question */
#include <slipring/slipring.h>

#include <stdio.h>

int main(void)
{
    struct slipring_primitive *answer;
    enum slipring_status status =
        slipring_primitive_get(slipring_default(), "answer_question", "llm", &answer);
    if (status != SLIPRING_OK) {
        fprintf(stderr, "not recording: %s\n", slipring_status_text(status)); /* the program runs on */
    }

    /* 1,200 tokens read, 800 of them from the provider's cache, and 150 written, in 2.4 seconds. Kinds are disjoint. */
    const struct slipring_usage usage = {.units = {
                                             [SLIPRING_UNIT_INPUT] = 400,
                                             [SLIPRING_UNIT_CACHED_INPUT] = 800,
                                             [SLIPRING_UNIT_OUTPUT] = 150,
                                         }};
    status = slipring_record_usage(answer, 2400000000, SLIPRING_SUCCESS, "openai/gpt-4o", &usage);
    if (status != SLIPRING_OK) {
        fprintf(stderr, "usage not recorded: %s\n", slipring_status_text(status));
    }

    /* Anything that is paid by the unit will do: here seconds of somebody's machine, priced in a card of your own. */
    const struct slipring_usage machine = {.units = {[SLIPRING_UNIT_MILLISECOND] = 2400}};
    (void)slipring_record_usage(answer, 2400000000, SLIPRING_SUCCESS, "ourselves/gpu-hour", &machine);
    return 0;
}
