/* SPDX-License-Identifier: Apache-2.0 */
/* Which executions are kept as exemplars: the rules, for one execution at a time, in whatever order they come. The struct is public (slipring/trace.h).
 *
 * The staircase answers which execution was the slowest of a window, for every window: oldest first, each step slower than all that
 * came after it. Whatever is not a step was outdone by a later one, so it is the slowest of no window that reaches up to now.
 *
 *      duration
 *         |  A                    A: the slowest ever       a window that begins here ...
 *         |  .    B                                  |
 *         |  .    .     C                            v
 *         |__.____.__x__.___D___> time         __A____B__|___C____D    ... has C as its slowest
 *                    x: outdone by C, forgotten
 *
 *   G1  Without a limit the staircase is exact, in whatever order its executions are put in.
 *   G2  It holds SLIPRING_EXEMPLAR_SLOWEST steps. One too many, and a step between two others goes: the one whose neighbours lie closest
 *       together for their age. Who is left out came between two neighbours that are kept, so it is missed by such windows alone as begin between
 *       these two. The oldest and the newest step stay.
 *   G3  Of two that are equally slow the later one is kept.
 *
 * Random durations take about ln(n) steps: 21 for a thousand million. Only a series that becomes faster all the time fills it.
 * Moments are store time (system/clock.h); a window reaches up to now. Pure: safe in any thread, process or signal handler. */
#ifndef SR_PURE_EXEMPLAR_H
#define SR_PURE_EXEMPLAR_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/trace.h>

#include "base/compiler.h"

/* The slowest of a bucket gives way to any other one that is so much younger. */
#define SR_EXEMPLAR_STALE_NS UINT64_C(60000000000)

/* All zero is none. */
bool sr_exemplar_is_none(const struct slipring_exemplar *exemplar);

/* Bytes in hexadecimal: lower case, in their order, as in a `traceparent`. Returns where the digits end. */
char *sr_exemplar_digits(const uint8_t *bytes, uint32_t count, char *out_digits);

/* The same of an id, at most 16 bytes, as a text. */
#define SR_EXEMPLAR_ID_BYTES 33u
void sr_exemplar_id(const uint8_t *bytes, uint32_t count, char out_text[SR_EXEMPLAR_ID_BYTES]);

/* Put one into a staircase of `count` steps, at most SLIPRING_EXEMPLAR_SLOWEST. Returns how many it has then. */
SR_MUST_CHECK uint32_t sr_exemplar_step(struct slipring_exemplar steps[SLIPRING_EXEMPLAR_SLOWEST],
                                        uint32_t count, const struct slipring_exemplar *one);

/* The bucket of a duration: the first of the ascending bounds that it does not pass, `count` for +Inf. */
uint32_t sr_exemplar_bucket(const uint64_t *bounds_ns, uint32_t count, uint64_t duration_ns);

/* Put one into a bucket's place for the slowest; into a place for the newest. */
void sr_exemplar_keep_slowest(struct slipring_exemplar *place, const struct slipring_exemplar *one);
void sr_exemplar_keep_newest(struct slipring_exemplar *place, const struct slipring_exemplar *one);

/* Whatever was read: counts within their arrays. False: nothing is kept, for one of what is would be the slowest. */
bool sr_exemplars_make_sound(struct slipring_exemplars *exemplars);

/* The slowest of the window of that length that ends now; UINT64_MAX: of all. NULL: none was traced in it. */
const struct slipring_exemplar *sr_exemplar_slowest(const struct slipring_exemplars *exemplars,
                                                    uint64_t now_ns, uint64_t window_ns);

/* The newest failing one, if it lies in that window. NULL: it does not, or there is none. */
const struct slipring_exemplar *sr_exemplar_failing(const struct slipring_exemplars *exemplars,
                                                    uint64_t now_ns, uint64_t window_ns);

#endif
