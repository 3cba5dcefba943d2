/* SPDX-License-Identifier: Apache-2.0 */
/* Spans: the library takes the time, and while they run the primitive counts as active. A span that its process
 * dies under is counted as aborted.
 *
 *     cc span.c $(pkg-config --cflags --libs slipring) -o span
 *     ./span && slipring show copy_file
 */
#include <slipring/slipring.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Copies a file, with a span around it. 0, or an errno. */
static int copy_file(struct slipring_primitive *copy, const char *from, const char *to)
{
    struct slipring_span span = slipring_begin(copy);
    FILE *in = fopen(from, "rb");
    FILE *out = in ? fopen(to, "wb") : NULL;
    char block[65536];
    size_t count;
    int error = in && out ? 0 : errno;

    while (!error && (count = fread(block, 1, sizeof block, in)) > 0) {
        error = fwrite(block, 1, count, out) == count ? 0 : errno;
    }
    if (in && ferror(in)) {
        error = EIO;
    }
    if (in) {
        (void)fclose(in);
    }
    if (out && fclose(out) != 0) {
        error = errno;
    }
    slipring_end(&span, error ? SLIPRING_FAILURE : SLIPRING_SUCCESS, NULL);
    return error;
}

int main(void)
{
    struct slipring_primitive *copy;
    if (slipring_primitive_get(slipring_default(), "copy_file", "step", &copy) != SLIPRING_OK) {
        fprintf(stderr, "not recording: %s\n", slipring_status_text(slipring_primitive_status(copy)));
    }

    printf("a file: %s\n", strerror(copy_file(copy, "/etc/hostname", "/dev/null")));
    printf("no file: %s\n", strerror(copy_file(copy, "/nowhere/at/all", "/dev/null")));

    /* It turned out that there was nothing to do: a cancelled span never happened. */
    struct slipring_span span = slipring_begin(copy);
    slipring_cancel(&span);
    return 0;
}
