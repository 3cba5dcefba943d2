/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer of the ck_ring: see ck_transport.h. */
#include "ck_transport.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_all(struct transport *transport)
{
    struct transport_sample sample;
    while (ck_ring_dequeue_spsc_transport(&transport->ring, transport->buffer, &sample)) {
        tally_add_one(&transport->taken, sample.what >> 1, sample.what & 1, sample.cost, sample.savings);
    }
}

static void *consume(void *argument)
{
    struct transport *transport = argument;
    const struct timespec rest = {.tv_nsec = TRANSPORT_REST_US * 1000};
    /* acquire: pairs with transport_stop(); else the last samples are not seen by the last look */
    while (!atomic_load_explicit(&transport->is_stopping, memory_order_acquire)) {
        take_all(transport);
        /* relaxed: a clock, ordered with nothing */
        atomic_store_explicit(&transport->coarse_ns, machine_clock_ns(), memory_order_relaxed);
        (void)nanosleep(&rest, NULL);
    }
    take_all(transport);
    return NULL;
}

/* 0 or an errno. */
static int start_thread(struct transport *transport, const struct machine *machine)
{
    pthread_attr_t attributes;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(machine->consumer_cpu, &set);
    int error = pthread_attr_init(&attributes);
    if (error != 0) {
        return error;
    }
    if (machine->is_pinned) {
        error = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    }
    if (error == 0) {
        error = pthread_create(&transport->thread, &attributes, consume, transport);
    }
    (void)pthread_attr_destroy(&attributes);
    return error;
}

bool transport_start(struct transport *transport, const struct machine *machine)
{
    transport->buffer = aligned_alloc(128, TRANSPORT_SIZE * sizeof *transport->buffer);
    if (!transport->buffer) {
        perror("slipring-bench");
        return false;
    }
    memset(transport->buffer, 0, TRANSPORT_SIZE * sizeof *transport->buffer);
    ck_ring_init(&transport->ring, TRANSPORT_SIZE);
    const int error = start_thread(transport, machine);
    if (error != 0) {
        fprintf(stderr, "slipring-bench: no thread for the ck_ring: %s\n", strerror(error));
        free(transport->buffer);
        transport->buffer = NULL;
    }
    return error == 0;
}

void transport_await(struct transport *transport, uint64_t count)
{
    while (ck_ring_capacity(&transport->ring) - ck_ring_size(&transport->ring) <= count &&
           !machine_is_interrupted()) {
    }
}

void transport_stop(struct transport *transport)
{
    if (!transport->buffer) {
        return;
    }
    /* release: pairs with the consumer's acquire: the samples before it are seen by its last look */
    atomic_store_explicit(&transport->is_stopping, true, memory_order_release);
    (void)pthread_join(transport->thread, NULL);
    free(transport->buffer);
    transport->buffer = NULL;
}
