/* SPDX-License-Identifier: Apache-2.0 */
/* The boundaries of base-2 exponential buckets in one octave, for schemas 0 to 8, from integers alone.
 *
 * With n = 2^schema buckets an octave, the upper bound of key t is 10^9 * 2^(t/n) nanoseconds. Brought into
 * the octave [2^63, 2^64) it is B = floor(2^63 * 10^9 * 2^(t/n)), for the n values of t that land there; that
 * is the integer n-th root of 2^(63n + t) * 10^(9n), found by asking B^n <= N bit by bit in many-word
 * integers. Each octave of nanoseconds has the same boundaries, shifted, and keys n apart.
 *
 * Runs on the build machine (gen/bucket_tables.c) and in the property test, which checks it for every schema
 * against a rule of its own. Everything is static: there is nothing to link. */
#ifndef SR_PURE_GEN_BUCKET_BOUNDARY_H
#define SR_PURE_GEN_BUCKET_BOUNDARY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "pure/wide.h"

#define BOUNDARY_SCHEMA_MAX 8
#define BOUNDARY_COUNT_MAX  (1 << BOUNDARY_SCHEMA_MAX)
#define BIG_WORD_COUNT      (BOUNDARY_COUNT_MAX + 2) /* of a 64-bit number to the 256th power */

/* A natural number: 64-bit words, the least first, no zero word on top. */
struct big {
    uint32_t count;
    uint64_t words[BIG_WORD_COUNT];
};

/* The tables of one schema. */
struct boundary_tables {
    uint32_t schema;
    uint32_t per_octave;                     /* 2^schema */
    int32_t key_min;                         /* the key of 1 ns, and of boundaries[0] in the octave of 1 ns */
    uint64_t boundaries[BOUNDARY_COUNT_MAX]; /* B, ascending, in [2^63, 2^64) */
    uint64_t steps[2 * BOUNDARY_COUNT_MAX];  /* what bucket.h calls sr_bucket_steps */
    uint64_t growth;                         /* floor(2^63 * 2^(1/per_octave)) */
};

static inline void big_set(struct big *big, uint64_t value)
{
    big->words[0] = value;
    big->count = value != 0;
}

/* product = a * b; product is neither of them. The caller keeps within BIG_WORD_COUNT words. */
static inline void big_multiply(const struct big *a, const struct big *b, struct big *product)
{
    memset(product->words, 0, (a->count + b->count) * sizeof product->words[0]);
    for (uint32_t i = 0; i < a->count; i++) {
        sr_wide carry = 0;
        for (uint32_t j = 0; j < b->count; j++) {
            carry += (sr_wide)a->words[i] * b->words[j] + product->words[i + j];
            product->words[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        product->words[i + b->count] = (uint64_t)carry;
    }
    product->count = a->count + b->count;
    while (product->count > 0 && product->words[product->count - 1] == 0) {
        product->count--;
    }
}

/* big = value^(2^squarings) */
static inline void big_power(struct big *big, uint64_t value, uint32_t squarings)
{
    big_set(big, value);
    for (uint32_t i = 0; i < squarings; i++) {
        struct big root = *big;
        big_multiply(&root, &root, big);
    }
}

static inline uint32_t big_bit_length(const struct big *big)
{
    if (big->count == 0) {
        return 0;
    }
    return 64 * big->count - (uint32_t)__builtin_clzll(big->words[big->count - 1]);
}

/* big *= 2^bits. The caller keeps within BIG_WORD_COUNT words. */
static inline void big_shift_left(struct big *big, uint32_t bits)
{
    struct big from = *big;
    uint32_t words = bits / 64;
    memset(big->words, 0, (from.count + words + 1) * sizeof big->words[0]);
    for (uint32_t i = 0; i < from.count; i++) {
        sr_wide word = (sr_wide)from.words[i] << (bits % 64);
        big->words[i + words] |= (uint64_t)word;
        big->words[i + words + 1] = (uint64_t)(word >> 64);
    }
    big->count = from.count + words + 1;
    while (big->count > 0 && big->words[big->count - 1] == 0) {
        big->count--;
    }
}

/* Less than 0, 0 or more than 0 as a is less than, equal to or greater than b. */
static inline int big_compare(const struct big *a, const struct big *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (uint32_t i = a->count; i-- > 0;) {
        if (a->words[i] != b->words[i]) {
            return a->words[i] < b->words[i] ? -1 : 1;
        }
    }
    return 0;
}

/* The integer root of order 2^schema of a number whose root lies in [2^63, 2^64), rounded down. */
static inline uint64_t big_root(const struct big *number, uint32_t schema)
{
    uint64_t root = UINT64_C(1) << 63;
    for (uint64_t bit = root >> 1; bit != 0; bit >>= 1) {
        struct big power;
        big_power(&power, root | bit, schema);
        if (big_compare(&power, number) <= 0) {
            root |= bit;
        }
    }
    return root;
}

/* One entry of steps for the part of the octave that begins at `start` and is 2^(62-schema) wide: how many
 * boundaries lie below all of it, plus one, in the low schema + 2 bits; above them the low bits of the one
 * boundary inside, or all ones for none. False if there are two inside, which the construction rests on never
 * being so. */
static inline bool boundary_step(const struct boundary_tables *tables, uint64_t start, uint64_t *out_step)
{
    uint32_t count_bits = tables->schema + 2;
    uint64_t last = start + (UINT64_MAX >> count_bits);
    uint32_t below = 0;
    while (below < tables->per_octave && tables->boundaries[below] < start) {
        below++;
    }
    bool inside = below < tables->per_octave && tables->boundaries[below] <= last;
    if (inside && below + 1 < tables->per_octave && tables->boundaries[below + 1] <= last) {
        return false;
    }
    uint64_t low = inside ? tables->boundaries[below] : UINT64_MAX;
    *out_step = (low << count_bits) | (below + 1);
    return true;
}

/* All tables of a schema of 0 to 8. False if the construction fails, which it does for none of these. */
static inline bool boundary_generate(uint32_t schema, struct boundary_tables *out_tables)
{
    struct boundary_tables *tables = out_tables;
    tables->schema = schema;
    tables->per_octave = UINT32_C(1) << schema;

    struct big billion; /* 10^(9n) */
    big_power(&billion, UINT64_C(1000000000), schema);
    /* 1 ns is above the bound of t when 10^(9n) * 2^t < 1, so the key of 1 ns is the least t that is not. */
    tables->key_min = 1 - (int32_t)big_bit_length(&billion);

    for (uint32_t i = 0; i < tables->per_octave; i++) {
        struct big number = billion;
        big_shift_left(&number, (uint32_t)(63 * (int32_t)tables->per_octave + tables->key_min + (int32_t)i));
        tables->boundaries[i] = big_root(&number, schema);
        if (i > 0 && tables->boundaries[i] <= tables->boundaries[i - 1]) {
            return false;
        }
    }
    for (uint32_t i = 0; i < 2 * tables->per_octave; i++) {
        uint64_t start = (UINT64_C(1) << 63) + ((uint64_t)i << (62 - schema));
        if (!boundary_step(tables, start, &tables->steps[i])) {
            return false;
        }
    }
    /* 2^63 * 2^(1/n) is the n-th root of 2^(63n + 1). At schema 0 it is 2^64: one less. */
    struct big growth;
    big_set(&growth, 1);
    big_shift_left(&growth, 63 * tables->per_octave + 1);
    tables->growth = big_root(&growth, schema);
    return true;
}

/* The bucket of v > 0 nanoseconds counted from that of 1 ns, so its key less key_min. As sr_bucket_index()
 * does. */
static inline uint32_t boundary_position(const struct boundary_tables *tables, uint64_t duration_ns)
{
    uint32_t count_bits = tables->schema + 2;
    uint32_t shift = (uint32_t)__builtin_clzll(duration_ns);
    uint64_t mantissa = duration_ns << shift;
    uint64_t step = tables->steps[(mantissa >> (62 - tables->schema)) - 2 * tables->per_octave];
    return (uint32_t)(step & ((UINT64_C(1) << count_bits) - 1)) - 1 +
           (uint32_t)((mantissa << count_bits) > step) + ((63 - shift) << tables->schema);
}

#endif
