/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the audit (audit.h) that is about usage accounts: (5) and (6). */
#ifndef SR_PEER_AUDIT_USAGE_H
#define SR_PEER_AUDIT_USAGE_H

#include "peer/audit.h"
#include "peer/reading.h"
#include "protocol/segment.h"

/* Usages and units of all kinds, summed modulo 2^64. */
struct sr_audit_used {
    uint64_t usages;
    uint64_t units;
};

struct sr_audit_usage {
    struct sr_audit_used before, after; /* copies */
    struct sr_audit_used booked;        /* accounts, less what former segments hold of it */
    bool is_balanced;                   /* an agent keeps the double entry */
};

/* In this order, as audit.h says: copies; the segment (has_copies: they are of this one), copies read before counters; books; copies again; the verdict. */
void sr_audit_usage_copies(const struct sr_reading *reading, struct sr_audit_used *out_sum);
void sr_audit_usage_claims(const struct sr_reading *reading, const struct sr_segment *segment,
                           bool has_copies, struct sr_audit *audit);
void sr_audit_usage_books(const struct sr_reading *reading, struct sr_audit_usage *usage,
                          struct sr_audit *audit);
void sr_audit_usage_judge(const struct sr_audit_usage *usage, struct sr_audit *audit);

/* For all parts of the audit. */
void sr_audit_note(struct sr_audit *audit, enum sr_audit_fault_kind kind, uint32_t id, uint64_t is,
                   uint64_t low, uint64_t high);

#endif
