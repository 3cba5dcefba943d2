/* SPDX-License-Identifier: Apache-2.0 */
/* Checking and opening what is recorded into: see booking.h. */
#include "booking.h"

#include <string.h>

#include "message.h"
#include "pure/duration.h"
#include "pure/money.h"
#include "pure/name.h"

static bool check_name(const char *what, const char *name, size_t max_bytes)
{
    struct render_text quoted;
    enum sr_name verdict = sr_name_check(name, max_bytes);
    if (verdict == SR_NAME_OK) {
        return true;
    }
    message_print("the %s %s is %s: give 1 to %zu bytes of UTF-8 without control characters", what,
                  render_quote(name, &quoted), sr_name_text(verdict), max_bytes);
    return false;
}

static bool parse_money(const char *what, const char *text, uint64_t *out_nanodollars)
{
    struct render_text quoted;
    uint64_t amount;
    if (!text) {
        return true;
    }
    enum sr_parse verdict = sr_money_parse(text, &amount);
    if (verdict == SR_PARSE_OK && amount > SLIPRING_AMOUNT_MAX) {
        verdict = SR_PARSE_TOO_LARGE;
    }
    if (verdict != SR_PARSE_OK) {
        message_print("the %s %s is %s: give dollars from 0 to 9007199, as 0.002", what,
                      render_quote(text, &quoted), sr_parse_text(verdict));
        return false;
    }
    *out_nanodollars = amount;
    return true;
}

static bool parse_traceparent(const char *text, struct slipring_trace *out_trace)
{
    struct render_text quoted;
    if (!text || slipring_trace_parse(text, out_trace)) {
        return true;
    }
    message_print(
        "the traceparent %s is none: give 00-TRACE-SPAN-FLAGS with 32, 16 and 2 digits of 0-9 and a-f, as "
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        render_quote(text, &quoted));
    return false;
}

bool booking_duration(const char *what, const char *text, uint64_t least_ns, uint64_t most_ns,
                      uint64_t *out_ns)
{
    struct render_text quoted;
    char least[SR_DURATION_TEXT_BYTES];
    char most[SR_DURATION_TEXT_BYTES];
    uint64_t ns = 0;
    enum sr_parse verdict = sr_duration_parse(text, most_ns, &ns);
    const char *why = verdict == SR_PARSE_OK ? "too small" : sr_parse_text(verdict);
    if (verdict == SR_PARSE_OK && ns >= least_ns) {
        *out_ns = ns;
        return true;
    }
    (void)sr_duration_format(least_ns, least);
    (void)sr_duration_format(most_ns, most);
    message_print("the %s %s is %s: give %s to %s with a unit, as 12ms, 1.5s or 1h30m", what,
                  render_quote(text, &quoted), why, least, most);
    return false;
}

bool booking_parse(const struct invocation *invocation, struct booking *out_booking)
{
    struct booking booking = {
        .name = invocation->words[0],
        .type = invocation->values[OPTION_type],
        .category = invocation->values[OPTION_category],
        .has_cost = invocation->values[OPTION_cost] || invocation->values[OPTION_savings],
    };
    if (!check_name("name", booking.name, SLIPRING_PRIMITIVE_NAME_MAX) ||
        (booking.type && !check_name("type", booking.type, SLIPRING_PRIMITIVE_TYPE_MAX)) ||
        (booking.category && !check_name("category", booking.category, SLIPRING_CATEGORY_NAME_MAX)) ||
        !parse_money("cost", invocation->values[OPTION_cost], &booking.cost.cost_nanodollars) ||
        !parse_money("savings", invocation->values[OPTION_savings], &booking.cost.savings_nanodollars) ||
        !parse_traceparent(invocation->values[OPTION_traceparent], &booking.trace)) {
        return false;
    }
    if (booking.category && !booking.has_cost) {
        message_print("--category says what a cost is booked under: give --cost or --savings too");
        return false;
    }
    *out_booking = booking;
    return true;
}

bool booking_open(const struct invocation *invocation, struct booking *booking, bool is_oneshot)
{
    struct render_text quoted;
    enum slipring_status status = is_oneshot ? slipring_open_oneshot(invocation->store, &booking->store)
                                             : slipring_open(invocation->store, &booking->store);
    if (status != SLIPRING_OK) {
        message_store("record into", invocation->store, status);
        return false;
    }
    status = slipring_primitive_get(booking->store, booking->name, booking->type, &booking->primitive);
    if (status == SLIPRING_LIMIT_REACHED) {
        message_print("%s: %s", render_quote(booking->name, &quoted), slipring_status_text(status));
    } else if (status != SLIPRING_OK) {
        message_print("cannot record %s: %s", render_quote(booking->name, &quoted),
                      slipring_status_text(status));
        return false;
    }
    if (booking->category) {
        status = slipring_category_get(booking->primitive, booking->category, &booking->cost.category);
        if (status != SLIPRING_OK) {
            message_print("cannot book under category %s: %s", render_quote(booking->category, &quoted),
                          slipring_status_text(status));
            return false;
        }
    }
    return true;
}

bool booking_close(const struct invocation *invocation, struct booking *booking)
{
    enum slipring_status status = slipring_store_status(booking->store);
    bool is_taken = slipring_store_dropped(booking->store) == 0;
    if (!is_taken) {
        message_print("nothing was recorded in store '%s': %s", invocation->store,
                      slipring_status_text(status));
    }
    status = slipring_close(booking->store);
    if (is_taken && status != SLIPRING_OK) {
        message_print("recorded, but store '%s' did not close: %s", invocation->store,
                      slipring_status_text(status));
    }
    return is_taken;
}
