/* SPDX-License-Identifier: Apache-2.0 */
/* Usage accounts, as the agent reads them: see meter.h. */
#include "peer/meter.h"

#include <string.h>

#include "protocol/usage.h"
#include "pure/name.h"

enum sr_meter sr_meter_look(const struct sr_drain *drain, uint32_t account, struct sr_meter_name *out_name)
{
    const struct sr_segment *segment = &drain->segment;
    /* acquire: pairs with the release of READY; else half a name is read */
    const uint64_t key = atomic_load_explicit(sr_segment_usage_key(segment, account), memory_order_acquire);
    if (key == SR_USAGE_EMPTY) {
        return SR_METER_END;
    }
    if (sr_state_of(key) == SR_USAGE_CLAIMING) {
        return SR_METER_PENDING;
    }
    if (sr_state_of(key) != SR_USAGE_READY || !sr_segment_usage_is_reserved(segment, account)) {
        return SR_METER_FOREIGN;
    }
    const struct sr_usage_account_shm *shm = sr_segment_usage(segment, account);
    struct sr_meter_name name;
    name.primitive = __atomic_load_n(&shm->primitive, __ATOMIC_RELAXED); /* ordered by the key */
    memcpy(name.resource, shm->resource, sizeof name.resource);
    const char *end = memchr(name.resource, '\0', sizeof name.resource);
    if (name.primitive >= SR_PRIMITIVE_MAX || !end ||
        sr_name_check(name.resource, SLIPRING_MODEL_NAME_MAX) != SR_NAME_OK) {
        return SR_METER_FOREIGN;
    }
    memset(name.resource + (end - name.resource), 0,
           sizeof name.resource - (size_t)(end - name.resource)); /* whatever lies behind its end */
    *out_name = name;
    return SR_METER_FOUND;
}

void sr_meter_read(const struct sr_drain *drain, uint32_t account, struct sr_meter_reading *out_reading)
{
    const struct sr_usage_account_shm *shm = sr_segment_usage(&drain->segment, account);
    /* seq_cst: acquire pairs with the release of EXIT, the last store of an update; and after the news were taken
     * (sr_segment_tell()) */
    out_reading->exit = atomic_load_explicit(&shm->exit, memory_order_seq_cst);
    /* acquire, all: pair with the releases in sr_usage_begin(); the usage that they belong to is seen below */
    for (uint32_t unit = 0; unit < SLIPRING_UNIT_MAX; unit++) {
        out_reading->units[unit] = atomic_load_explicit(&shm->units[unit], memory_order_acquire);
    }
    out_reading->clamped = atomic_load_explicit(&shm->clamped, memory_order_acquire); /* as above */
    out_reading->usages = atomic_load_explicit(&shm->usages, memory_order_acquire);   /* as above */
    out_reading->enter = atomic_load_explicit(&shm->enter, memory_order_acquire);     /* as above */
}

struct sr_shared_marks sr_meter_marks(const struct sr_drain *drain, uint32_t account)
{
    const struct sr_usage_account_shm *shm = sr_segment_usage(&drain->segment, account);
    struct sr_shared_marks marks;
    /* seq_cst: as in sr_meter_read() */
    marks.exit = atomic_load_explicit(&shm->exit, memory_order_seq_cst);
    marks.enter = atomic_load_explicit(&shm->enter, memory_order_acquire); /* acquire: as above */
    return marks;
}

uint64_t sr_meter_lost(const struct sr_drain *drain)
{
    /* relaxed: a counter */
    return atomic_load_explicit(&sr_segment_header(&drain->segment)->hint.usage_lost, memory_order_relaxed);
}
