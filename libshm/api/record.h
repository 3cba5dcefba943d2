/* SPDX-License-Identifier: Apache-2.0 */
/* Recording under a trace, the part of record.c that trace.c needs: what is recorded, and when a span may end, is decided there for both. */
#ifndef SR_API_RECORD_H
#define SR_API_RECORD_H

#include <slipring/record.h>

#include "protocol/sample.h"

/* slipring_record() and slipring_end() of an execution that is sr_sample_trace_is_possible(). primitive and span may be NULL. */
void sr_record_traced(struct slipring_primitive *primitive, uint64_t duration_ns,
                      enum slipring_outcome outcome, const struct slipring_cost *cost,
                      const struct sr_sample_trace *trace);
void sr_record_end_traced(struct slipring_span *span, enum slipring_outcome outcome,
                          const struct slipring_cost *cost, const struct sr_sample_trace *trace);

#endif
