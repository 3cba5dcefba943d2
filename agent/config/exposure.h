/* SPDX-License-Identifier: Apache-2.0 */
/* What those who answer need of the configuration, taken over at once by a reload: published by RCU (liburcu, memb).
 *
 *   G1  A reader never waits for the writer: it copies what is there into memory of its own, some 12 KB, and answers from the copy, so that one answer is
 *       of one configuration. liburcu's list of threads has a lock, which each takes to register, and the writer while it looks who reads.
 *   G2  The writer waits for the readers that are copying (microseconds), then gives the former one back.
 *
 * Readers register for the copy alone, so that any thread may be one that is not registered with liburcu otherwise. */
#ifndef AGENT_EXPOSURE_H
#define AGENT_EXPOSURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credentials.h"
#include "options.h"

/* ,name="value" with every byte of a value escaped, for each label; packed they are shorter */
#define EXPOSURE_LABELS_BYTES (OPTIONS_LABEL_MAX * (OPTIONS_LABEL_NAME_MAX + 2 * OPTIONS_LABEL_TEXT_MAX + 4))

/* All zero: no labels, everything, nothing is idle. */
struct exposure {
    size_t labels_bytes;
    char labels
        [EXPOSURE_LABELS_BYTES]; /* ,service="shop",environment="production" as Prometheus has it; not terminated */
    size_t packed_bytes;
    char packed[EXPOSURE_LABELS_BYTES]; /* the same for protobuf */
    uint64_t idle_after_ns;             /* 0: never */
    bool exposes_few;                   /* exposition.h */
    bool sends_plain;                   /* no gzip, whoever asks */
    struct credentials credentials;
    uint64_t generation; /* another one each time; 0: nothing was published */
};

/* Where one is published. Zeroed: the exposure that is all zero. */
struct exposure_board {
    _Atomic(struct exposure *) published;
};

/* Made and published in two steps, so that who changes other things with it can be sure of it before. NULL: no memory. Given back by free(), or: */
__attribute__((warn_unused_result)) struct exposure *exposure_make(const struct options *options);

/* From now on it is the board's. One thread at a time, not a reader. Waits for readers. */
void exposure_put(struct exposure_board *board, struct exposure *made);

/* Both. False: no memory, and the former one stays. */
__attribute__((warn_unused_result)) bool exposure_publish(struct exposure_board *board,
                                                          const struct options *options);

/* Any thread. board may be NULL, for one without anything published. */
void exposure_read(const struct exposure_board *board, struct exposure *out_exposure);

/* Nobody reads any more. */
void exposure_close(struct exposure_board *board);

#endif
