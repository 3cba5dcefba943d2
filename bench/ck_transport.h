/* SPDX-License-Identifier: Apache-2.0 */
/* The peer of the ring: Concurrency Kit's ck_ring carrying 32 bytes, what a sample is made of, to a consumer thread that is
 * as lazy as the agent: it looks every TRANSPORT_REST_US, takes everything there is, and books it. */
#ifndef BENCH_CK_TRANSPORT_H
#define BENCH_CK_TRANSPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ck_ring.h>

#include "machine.h"
#include "samples.h"

#define TRANSPORT_SIZE                                                                                       \
    1024u /* as many bytes as the ring that the agent gives a thread whose small one overflows */
#define TRANSPORT_REST_US 250u

struct transport_sample { /* what a sample is made of, as one item */
    uint64_t stamp_ns;
    uint64_t what;
    uint64_t cost;
    uint64_t savings;
};
_Static_assert(sizeof(struct transport_sample) == 32, "four words: stamp, duration, cost, savings");

CK_RING_PROTOTYPE(transport, transport_sample)

struct transport {
    /* the producer's */
    ck_ring_t ring; /* each side's index on a line of its own */
    struct transport_sample *buffer;
    _Atomic bool is_stopping;
    pthread_t thread;
    /* the consumer's */
    _Alignas(128) _Atomic uint64_t coarse_ns; /* read by each record, as the agent's clock is */
    _Alignas(128) struct tally taken;         /* readable once it has stopped */
};

/* Start the consumer; *transport is zero. False: a message says why. */
bool transport_start(struct transport *transport, const struct machine *machine);

/* Let the consumer take what is left, end it, and free all but the tally. */
void transport_stop(struct transport *transport);

/* Wait until the ring has room for a burst: what does not fit has nowhere else to go, and waiting is not to be timed. */
void transport_await(struct transport *transport, uint64_t count);

/* Record. A full ring is waited for. */
static inline __attribute__((always_inline)) void transport_record(struct transport *transport,
                                                                   uint64_t duration_ns, uint32_t outcome,
                                                                   const struct slipring_cost *cost)
{
    struct transport_sample sample = {
        .stamp_ns = atomic_load_explicit(&transport->coarse_ns, memory_order_relaxed), /* relaxed: a clock */
        .what = duration_ns << 1 | outcome,
        .cost = cost ? cost->cost_nanodollars : 0,
        .savings = cost ? cost->savings_nanodollars : 0,
    };
    while (
        __builtin_expect(!ck_ring_enqueue_spsc_transport(&transport->ring, transport->buffer, &sample), 0)) {
    }
}

#endif
