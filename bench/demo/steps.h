/* SPDX-License-Identifier: Apache-2.0 */
/* What the demo records: the workflow archive_file and the steps that it is made of. This is all of the demo
 * that knows Slipring; the rest of a program needs two calls, steps_begin() and steps_end(), around its work.
 *
 * Beside each record stands a sum of our own in plain shared memory, so that report.c can hold what Slipring says
 * at the end against what we know. */
#ifndef DEMO_STEPS_H
#define DEMO_STEPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <slipring/slipring.h>

/* The bill: a byte compressed costs one nano-dollar (a gigabyte one dollar), and each byte that compression took
 * off the file saves one. Both are booked on the step `compress` alone: the sum over all primitives is the bill. */
#define STEPS_NANODOLLARS_PER_BYTE UINT64_C(1)

enum step {
    STEP_ARCHIVE, /* the workflow: one file, all its steps */
    STEP_READ,
    STEP_COMPRESS,
    STEP_DIGEST,
    STEP_COUNT,
};

struct step_names {
    const char *name, *type;
};
extern const struct step_names steps_names[STEP_COUNT];

/* Written by one worker, read by the parent. */
struct step_sums {
    _Atomic uint64_t executions, failures, cost, savings;
};

struct tally {
    _Alignas(128) struct step_sums steps[STEP_COUNT];
    _Atomic uint64_t bytes_read, bytes_packed;
};

struct steps {
    struct slipring_store *store;                      /* NULL: not recording */
    struct slipring_primitive *primitives[STEP_COUNT]; /* NULL each: not recording, every call ignores it */
    uint32_t compute, storage;                         /* cost categories of STEP_COMPRESS */
    struct tally *tally;                               /* of this process */
};

/* Opens the store (NULL: $SLIPRING_STORE or "default"), registers the primitives and the workflow's objectives: 99 %
 * within 50 ms, 99.9 % without failure. false: said on stderr. */
bool steps_open(struct steps *out_steps, const char *store);

/* Around an execution. The outcome of what was begun is given at the end; a cancelled one never happened. */
struct slipring_span steps_begin(const struct steps *steps, enum step step);
void steps_end(const struct steps *steps, enum step step, struct slipring_span *span,
               enum slipring_outcome outcome);
void steps_cancel(struct slipring_span *span);

/* The end of a `compress` of that many bytes, with its price; what a file saved, when all of it is compressed. */
void steps_end_compress(const struct steps *steps, struct slipring_span *span, uint64_t bytes);
void steps_save(const struct steps *steps, uint64_t bytes);

/* sum += amount; one process writes it. */
static inline void steps_add(_Atomic uint64_t *sum, uint64_t amount)
{
    /* relaxed: nobody concludes anything from one sum about another until the writer has ended */
    uint64_t before = atomic_load_explicit(sum, memory_order_relaxed);
    atomic_store_explicit(sum, before + amount, memory_order_relaxed);
}

static inline uint64_t steps_get(const _Atomic uint64_t *sum)
{
    return atomic_load_explicit(sum, memory_order_relaxed); /* as above; waitpid() orders the last look */
}

#endif
