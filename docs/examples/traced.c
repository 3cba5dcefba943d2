/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: the slowest and the newest failing execution are kept with the trace that they belong to, so that what is slow on a dashboard
 * can be looked up where the traces are. Here the trace comes from the environment; a server takes it from each request's header.
 *
 *     cc traced.c $(pkg-config --cflags --libs slipring) -o traced
 *     TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ./traced && slipring show handle_request
 */
#include <slipring/slipring.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(void)
{
    struct slipring_primitive *handle;
    if (slipring_primitive_get(slipring_default(), "handle_request", "workflow", &handle) != SLIPRING_OK) {
        fprintf(stderr, "not recording: %s\n", slipring_status_text(slipring_primitive_status(handle)));
    }

    /* What is no traceparent gives a trace of zeros, and with that all below is recorded as without a trace. */
    struct slipring_trace trace;
    const bool has_trace = slipring_trace_parse(getenv("TRACEPARENT"), &trace);

    /* A span that carries it, from begin to end. */
    struct slipring_traced_span span = slipring_begin_traced(handle, &trace);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    slipring_end_traced(&span, SLIPRING_SUCCESS, NULL);

    /* A duration of your own. */
    slipring_record_traced(handle, 40000000, SLIPRING_FAILURE, NULL, &trace);
    slipring_record_traced(handle, 900000000, SLIPRING_SUCCESS, NULL, &trace);

    char text[SLIPRING_TRACEPARENT_BYTES];
    slipring_trace_format(&trace, text);
    if (has_trace) {
        printf("handled 3 requests of trace %.32s\n", text + 3);
    } else {
        printf("handled 3 requests without a trace\n");
    }
    return 0;
}
