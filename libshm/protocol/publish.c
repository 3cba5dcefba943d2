/* SPDX-License-Identifier: Apache-2.0 */
/* The latch of two copies: see publish.h. */
#include "protocol/publish.h"

#include "base/crashpoint.h"

/* The copy that no reader takes. */
static void write_copy(_Atomic uint64_t *to, const void *from, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes / 8; i++) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)from + 8 * i, sizeof word);
        /* release: after the last raise; pairs with the acquire of the words in sr_publish_word(), else a reader sees this
         * word with that raise unseen and takes a torn copy for whole */
        atomic_store_explicit(&to[i], word, memory_order_release);
        if (i == bytes / 16) {
            SR_CRASHPOINT(publish_half_written);
        }
    }
}

/* Readers take the copy that was written. */
static void raise_latch(_Atomic uint64_t *latch, uint64_t seen)
{
    SR_CRASHPOINT(publish_before_raise);
    /* release: pairs with the acquire of the latch in sr_publish_look(); else the new copy is taken before it is there */
    atomic_store_explicit(latch, seen + 1, memory_order_release);
}

void sr_publish_write_parts(_Atomic uint64_t *latch, const struct sr_publish_part *parts, uint32_t count)
{
    /* relaxed: the agent alone writes it */
    const uint64_t seen = atomic_load_explicit(latch, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        write_copy(sr_publish_copy(parts[i].copies, parts[i].stride, seen & 1), parts[i].from,
                   parts[i].bytes);
    }
    raise_latch(latch, seen);
}

void sr_publish_write(_Atomic uint64_t *latch, void *copies, uint64_t stride, const void *from,
                      uint64_t bytes)
{
    const struct sr_publish_part part = {.copies = copies, .stride = stride, .from = from, .bytes = bytes};
    sr_publish_write_parts(latch, &part, 1);
}

/* The copy that no reader takes, from the one that readers take. */
static void follow_copy(_Atomic uint64_t *to, const _Atomic uint64_t *from, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes / 8; i++) {
        /* relaxed: the agent alone writes it. release: as in write_copy() */
        atomic_store_explicit(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed),
                              memory_order_release);
    }
}

static void change_part(const struct sr_publish_changed_part *part, uint64_t seen, bool is_alike)
{
    _Atomic uint64_t *to = sr_publish_copy(part->copies, part->stride, seen & 1);
    if (!is_alike) {
        follow_copy(to, sr_publish_copy(part->copies, part->stride, (seen & 1) ^ 1), part->bytes);
    }
    for (uint32_t i = 0; i < part->count; i++) {
        /* release: as in write_copy() */
        atomic_store_explicit(&to[part->changes[i].offset / 8], part->changes[i].value, memory_order_release);
        if (i == part->count / 2) {
            SR_CRASHPOINT(publish_half_written);
        }
    }
}

void sr_publish_change_parts(_Atomic uint64_t *latch, const struct sr_publish_changed_part *parts,
                             uint32_t count, bool is_alike)
{
    /* relaxed: the agent alone writes it */
    const uint64_t seen = atomic_load_explicit(latch, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        change_part(&parts[i], seen, is_alike);
    }
    raise_latch(latch, seen);
}

enum slipring_status sr_publish_read(const _Atomic uint64_t *latch, const void *copies, uint64_t stride,
                                     uint64_t offset, void *out, uint64_t bytes)
{
    struct sr_publish_view view;
    for (int tries = 0; tries < SR_PUBLISH_TRIES; tries++) {
        if (!sr_publish_look(&view, latch, copies, stride)) {
            return SLIPRING_NO_DATA;
        }
        sr_publish_take(&view, offset, out, bytes);
        if (sr_publish_is_whole(&view)) {
            return SLIPRING_OK;
        }
    }
    return SLIPRING_NO_DATA;
}
