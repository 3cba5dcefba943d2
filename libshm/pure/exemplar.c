/* SPDX-License-Identifier: Apache-2.0 */
/* Which executions are kept as exemplars: see exemplar.h. */
#include "pure/exemplar.h"

#include <string.h>

#include "pure/wide.h"

bool sr_exemplar_is_none(const struct slipring_exemplar *exemplar)
{
    static const uint8_t none[sizeof exemplar->trace_id];
    return memcmp(exemplar->trace_id, none, sizeof none) == 0;
}

char *sr_exemplar_digits(const uint8_t *bytes, uint32_t count, char *out_digits)
{
    static const char hex[] = "0123456789abcdef";
    for (uint32_t i = 0; i < count; i++) {
        *out_digits++ = hex[bytes[i] >> 4];
        *out_digits++ = hex[bytes[i] & 15];
    }
    return out_digits;
}

void sr_exemplar_id(const uint8_t *bytes, uint32_t count, char out_text[SR_EXEMPLAR_ID_BYTES])
{
    *sr_exemplar_digits(bytes, count, out_text) = '\0';
}

/* --- the staircase --------------------------------------------------------------------------------------------------------- */

/* How little a step between two others is missed: the share of the shortest window that may miss it, `gap` of `age`. */
struct miss {
    uint64_t gap;
    uint64_t age;
};

static struct miss miss_of(const struct slipring_exemplar *steps, uint32_t at, uint64_t newest_ns)
{
    return (struct miss){.gap = steps[at + 1].at_ns - steps[at - 1].at_ns,
                         .age = newest_ns - steps[at + 1].at_ns};
}

static bool is_less(const struct miss *a, const struct miss *b)
{
    return (sr_wide)a->gap * b->age < (sr_wide)b->gap * a->age;
}

/* Which of one step too many goes. */
static uint32_t least_missed(const struct slipring_exemplar *steps, uint32_t count)
{
    uint32_t least = 1;
    struct miss least_miss = miss_of(steps, 1, steps[count - 1].at_ns);
    for (uint32_t at = 2; at + 1 < count; at++) {
        const struct miss miss = miss_of(steps, at, steps[count - 1].at_ns);
        if (is_less(&miss, &least_miss)) {
            least = at;
            least_miss = miss;
        }
    }
    return least;
}

uint32_t sr_exemplar_step(struct slipring_exemplar steps[SLIPRING_EXEMPLAR_SLOWEST], uint32_t count,
                          const struct slipring_exemplar *one)
{
    struct slipring_exemplar all[SLIPRING_EXEMPLAR_SLOWEST + 1];
    uint32_t after = count; /* the steps from here on came later */
    while (after > 0 && steps[after - 1].at_ns > one->at_ns) {
        after--;
    }
    if (after < count && steps[after].duration_ns >= one->duration_ns) {
        return count; /* outdone by a later one */
    }
    uint32_t before = after; /* the steps below are slower than it */
    while (before > 0 && steps[before - 1].duration_ns <= one->duration_ns) {
        before--;
    }
    if (before > 0 && steps[before - 1].at_ns == one->at_ns) {
        return count; /* outdone by one of the same moment */
    }
    memcpy(all, steps, before * sizeof steps[0]);
    all[before] = *one;
    memcpy(all + before + 1, steps + after, (count - after) * sizeof steps[0]);
    count = before + 1 + (count - after);
    if (count > SLIPRING_EXEMPLAR_SLOWEST) {
        const uint32_t least = least_missed(all, count);
        memmove(all + least, all + least + 1, (count - least - 1) * sizeof all[0]);
        count--;
    }
    memcpy(steps, all, count * sizeof steps[0]);
    return count;
}

/* --- buckets --------------------------------------------------------------------------------------------------------------- */

uint32_t sr_exemplar_bucket(const uint64_t *bounds_ns, uint32_t count, uint64_t duration_ns)
{
    uint32_t bucket = 0;
    while (bucket < count && bounds_ns[bucket] < duration_ns) {
        bucket++;
    }
    return bucket;
}

static bool is_stale(const struct slipring_exemplar *old, const struct slipring_exemplar *young)
{
    return young->at_ns > old->at_ns && young->at_ns - old->at_ns > SR_EXEMPLAR_STALE_NS;
}

/* What says for which bucket it is stays. */
static void replace(struct slipring_exemplar *place, const struct slipring_exemplar *one)
{
    const uint64_t bound_ns = place->bound_ns;
    *place = *one;
    place->bound_ns = bound_ns;
}

void sr_exemplar_keep_slowest(struct slipring_exemplar *place, const struct slipring_exemplar *one)
{
    const bool is_slower = one->duration_ns > place->duration_ns ||
                           (one->duration_ns == place->duration_ns && one->at_ns >= place->at_ns);
    if (sr_exemplar_is_none(place) || is_stale(place, one) || (is_slower && !is_stale(one, place))) {
        replace(place, one);
    }
}

void sr_exemplar_keep_newest(struct slipring_exemplar *place, const struct slipring_exemplar *one)
{
    if (sr_exemplar_is_none(place) || one->at_ns >= place->at_ns) {
        replace(place, one);
    }
}

static uint64_t at_most(uint64_t count, uint64_t most)
{
    return count < most ? count : most;
}

bool sr_exemplars_make_sound(struct slipring_exemplars *exemplars)
{
    exemplars->slowest_count = at_most(exemplars->slowest_count, SLIPRING_EXEMPLAR_SLOWEST);
    exemplars->bucket_count = at_most(exemplars->bucket_count, SLIPRING_EXEMPLAR_BUCKETS);
    return exemplars->slowest_count > 0;
}

/* --- windows --------------------------------------------------------------------------------------------------------------- */

static bool is_in_window(const struct slipring_exemplar *one, uint64_t now_ns, uint64_t window_ns)
{
    return one->at_ns >= now_ns || now_ns - one->at_ns <= window_ns;
}

const struct slipring_exemplar *sr_exemplar_slowest(const struct slipring_exemplars *exemplars,
                                                    uint64_t now_ns, uint64_t window_ns)
{
    for (uint32_t i = 0; i < exemplars->slowest_count && i < SLIPRING_EXEMPLAR_SLOWEST; i++) {
        if (is_in_window(&exemplars->slowest[i], now_ns, window_ns)) {
            return &exemplars->slowest[i];
        }
    }
    return NULL;
}

const struct slipring_exemplar *sr_exemplar_failing(const struct slipring_exemplars *exemplars,
                                                    uint64_t now_ns, uint64_t window_ns)
{
    const struct slipring_exemplar *failing = &exemplars->failing;
    return !sr_exemplar_is_none(failing) && is_in_window(failing, now_ns, window_ns) ? failing : NULL;
}
