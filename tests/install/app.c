/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's program: records through the installed library, and prints the version it was compiled with. */
#include <slipring/slipring.h>
#include <stdio.h>

static int fail(const char *what, enum slipring_status status)
{
    fprintf(stderr, "%s: %s\n", what, slipring_status_text(status));
    return 1;
}

int main(void)
{
    struct slipring_store *store = NULL;
    enum slipring_status status = slipring_open("consume", &store);
    if (status != SLIPRING_OK) {
        return fail("open", status);
    }
    struct slipring_primitive *work = NULL;
    status = slipring_primitive_get(store, "work", "test", &work);
    if (status != SLIPRING_OK) {
        return fail("get", status);
    }
    slipring_record(work, 12000000, SLIPRING_SUCCESS, NULL);
    struct slipring_span span = slipring_begin(work);
    slipring_end(&span, SLIPRING_FAILURE, NULL);
    if (slipring_store_dropped(store) != 0) {
        return fail("record", slipring_store_status(store));
    }
    status = slipring_close(store);
    if (status != SLIPRING_OK) {
        return fail("close", status);
    }
    puts(SLIPRING_VERSION);
    return 0;
}
