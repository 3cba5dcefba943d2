/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: `traceparent` taken apart and made, records and spans that carry one. See include/slipring/trace.h.
 *
 * A traced record is a record like any other, three words longer (protocol/sample.h). So all that ring.h and spill.h guarantee
 * holds: killed before the tail is stored, neither execution nor trace exists; killed after it, both do. The trace goes with the words
 * of a ring alone. What is counted in a spill block or in the shared spill has none: a sum names nobody.
 *
 * What is not to be kept (no trace, an invalid one, one that its tracer does not record) is sorted out here, before anything is recorded:
 * it goes the way of a plain record, which knows nothing of traces. */
#include <string.h>

#include <slipring/trace.h>

#include "api/record.h"
#include "pure/exemplar.h"

/* Places in version-traceid-parentid-flags, two digits a byte. */
#define AT_TRACE_ID 3u
#define AT_SPAN_ID  36u
#define AT_FLAGS    53u
#define LENGTH      55u
_Static_assert(SLIPRING_TRACEPARENT_BYTES == LENGTH + 1, "all of it, and the zero");

/* --- the text -------------------------------------------------------------------------------------------------------------- */

/* A digit of lower case. False: it is none. */
static bool read_digit(char digit, uint8_t *out_value)
{
    if (digit >= '0' && digit <= '9') {
        *out_value = (uint8_t)(digit - '0');
        return true;
    }
    *out_value = (uint8_t)(digit - 'a' + 10);
    return digit >= 'a' && digit <= 'f';
}

/* Reads as far as the digits go, so never beyond the end of the text. */
static bool read_bytes(const char *digits, uint8_t *out_bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t high = 0;
        uint8_t low = 0;
        if (!read_digit(digits[2 * i], &high) || !read_digit(digits[2 * i + 1], &low)) {
            return false;
        }
        out_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static struct sr_sample_trace words_of(const struct slipring_trace *trace)
{
    struct sr_sample_trace words;
    memcpy(&words.words[0], trace->trace_id, sizeof trace->trace_id);
    memcpy(&words.words[2], trace->span_id, sizeof trace->span_id);
    return words;
}

/* In order, so that nothing behind the end of the text is looked at. */
static bool parse(const char *text, struct slipring_trace *out_trace)
{
    uint8_t version = 0;
    uint8_t flags = 0;
    if (!read_bytes(text, &version, 1) || text[AT_TRACE_ID - 1] != '-' ||
        !read_bytes(text + AT_TRACE_ID, out_trace->trace_id, sizeof out_trace->trace_id) ||
        text[AT_SPAN_ID - 1] != '-' ||
        !read_bytes(text + AT_SPAN_ID, out_trace->span_id, sizeof out_trace->span_id) ||
        text[AT_FLAGS - 1] != '-' || !read_bytes(text + AT_FLAGS, &flags, 1)) {
        return false;
    }
    const bool is_over = text[LENGTH] == '\0' || (version > 0 && text[LENGTH] == '-');
    /* of higher versions the flags that this one knows are believed, as it says */
    out_trace->flags = flags & SLIPRING_TRACE_SAMPLED;
    const struct sr_sample_trace words = words_of(out_trace);
    return version != 0xff && is_over && sr_sample_trace_is_possible(&words);
}

SR_PUBLIC bool slipring_trace_parse(const char *traceparent, struct slipring_trace *out_trace)
{
    struct slipring_trace trace = {.flags = 0};
    const bool is_one = traceparent && parse(traceparent, &trace);
    *out_trace = is_one ? trace : (struct slipring_trace){.flags = 0};
    return is_one;
}

SR_PUBLIC void slipring_trace_format(const struct slipring_trace *trace,
                                     char out_text[SLIPRING_TRACEPARENT_BYTES])
{
    const uint8_t flags = (uint8_t)(trace->flags & SLIPRING_TRACE_SAMPLED);
    memset(out_text, '-', LENGTH);
    out_text[0] = out_text[1] = '0';
    (void)sr_exemplar_digits(trace->trace_id, sizeof trace->trace_id, out_text + AT_TRACE_ID);
    (void)sr_exemplar_digits(trace->span_id, sizeof trace->span_id, out_text + AT_SPAN_ID);
    (void)sr_exemplar_digits(&flags, 1, out_text + AT_FLAGS);
    out_text[LENGTH] = '\0';
}

/* --- records --------------------------------------------------------------------------------------------------------------- */

/* Is it to be kept? Then its words. */
static bool is_kept(const struct slipring_trace *trace, struct sr_sample_trace *out_words)
{
    if (!trace || !(trace->flags & SLIPRING_TRACE_SAMPLED)) {
        return false;
    }
    *out_words = words_of(trace);
    return sr_sample_trace_is_possible(out_words);
}

SR_PUBLIC void slipring_record_traced(struct slipring_primitive *primitive, uint64_t duration_ns,
                                      enum slipring_outcome outcome, const struct slipring_cost *cost,
                                      const struct slipring_trace *trace)
{
    struct sr_sample_trace words;
    if (is_kept(trace, &words)) {
        sr_record_traced(primitive, duration_ns, outcome, cost, &words);
    } else {
        slipring_record(primitive, duration_ns, outcome, cost);
    }
}

SR_PUBLIC struct slipring_traced_span slipring_begin_traced(struct slipring_primitive *primitive,
                                                            const struct slipring_trace *trace)
{
    struct slipring_traced_span traced = {.trace = trace ? *trace : (struct slipring_trace){.flags = 0}};
    traced.span = slipring_begin(primitive); /* last: what it took to come here is not timed */
    return traced;
}

SR_PUBLIC void slipring_end_traced(struct slipring_traced_span *span, enum slipring_outcome outcome,
                                   const struct slipring_cost *cost)
{
    struct sr_sample_trace words;
    if (!span) {
        return;
    }
    if (is_kept(&span->trace, &words)) {
        sr_record_end_traced(&span->span, outcome, cost, &words);
    } else {
        slipring_end(&span->span, outcome, cost);
    }
}
