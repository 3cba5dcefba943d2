/* SPDX-License-Identifier: Apache-2.0 */
/* The hottest loops: recording without a call, and without work for the agent. Shows <slipring/inline.h>, slipring_lap() and
 * SLIPRING_DIRECT.
 *
 *     cc hot_loop.c $(pkg-config --cflags --libs slipring) -o hot_loop
 *     ./hot_loop && slipring show hash_block
 */
#include <slipring/inline.h>
#include <slipring/slipring.h>

#include <stdio.h>

int main(void)
{
    struct slipring_primitive *parse = NULL;
    struct slipring_primitive *hash = NULL;
    enum slipring_status status = slipring_primitive_get(slipring_default(), "parse_line", NULL, &parse);
    if (status == SLIPRING_OK) {
        status = slipring_primitive_get(slipring_default(), "hash_block", NULL, &hash);
    }
    if (status != SLIPRING_OK) {
        fprintf(stderr, "not recording: %s\n", slipring_status_text(status));
    }

    /* Recorded millions of times a second by a thread, all the time: straight into its histogram. */
    if (slipring_primitive_set_mode(hash, SLIPRING_DIRECT) != SLIPRING_OK) {
        fprintf(stderr, "hash_block is recorded as others are\n");
    }

    /* One reading of the clock an operation, not two. */
    struct slipring_span line = slipring_begin(parse);
    for (int i = 0; i < 100000; i++) {
        /* ... parse a line ... */
        slipring_lap(&line, SLIPRING_SUCCESS, NULL);
    }
    slipring_cancel(&line); /* nothing was done since the last lap */

    for (int i = 0; i < 100000; i++) {
        /* ... hash a block that took so long by a clock of your own ... */
        slipring_record_inline(hash, 250, SLIPRING_SUCCESS, NULL);
    }
    return 0;
}
