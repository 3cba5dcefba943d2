/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's program that has the quick way compiled into itself: valid C and C++. Records more than a small ring holds, some with a
 * cost, and prints what it was compiled for. */
#include <slipring/inline.h>
#include <slipring/slipring.h>
#include <stdio.h>

int main(void)
{
    struct slipring_store *store = NULL;
    struct slipring_primitive *work = NULL;
    struct slipring_cost cost;
    int i;
    cost.cost_nanodollars = 3;
    cost.savings_nanodollars = 4;
    cost.category = 1;
    if (slipring_open("consume", &store) != SLIPRING_OK ||
        slipring_primitive_get(store, "work", "test", &work) != SLIPRING_OK) {
        return 1;
    }
    for (i = 0; i < 1000; i++) {
        slipring_record_inline(work, 12000000, i % 2 ? SLIPRING_FAILURE : SLIPRING_SUCCESS,
                               i % 4 ? NULL : &cost);
    }
    if (slipring_store_dropped(store) != 0 || slipring_close(store) != SLIPRING_OK) {
        return 1;
    }
    printf("inline ABI %d\n", SLIPRING_INLINE_ABI);
    return 0;
}
