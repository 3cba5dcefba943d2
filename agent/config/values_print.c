/* SPDX-License-Identifier: Apache-2.0 */
/* Values as they would stand in a configuration file. See values.h. */
#include "values.h"

#include <grp.h>
#include <inttypes.h>
#include <string.h>

#include "pure/duration.h"
#include "pure/fine.h"
#include "pure/quantile.h"
#include "pure/utf8.h"

static const char *const log_levels[LOG_LEVEL_COUNT] = {"error", "warning", "info", "debug"};

/* Nobody could take it for anything but this text, in a list or a mapping, quoted or not. */
static bool is_plain(const char *value, size_t bytes)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./";
    if (bytes == 0 || (bytes == 4 && memcmp(value, "null", 4) == 0)) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        const bool is_inner = i > 0 && strchr("-%+@", value[i]) != NULL;
        if (value[i] == '\0' || (strchr(letters, value[i]) == NULL && !is_inner)) {
            return false;
        }
    }
    return true;
}

static bool is_printable(uint32_t code_point)
{
    return !sr_utf8_is_control(code_point) && code_point != 0x2028 && code_point != 0x2029 &&
           code_point != 0xfeff && (code_point & 0xfffe) != 0xfffe;
}

void values_print_text(const char *value, size_t bytes, struct buffer *text)
{
    if (is_plain(value, bytes)) {
        buffer_add(text, value, bytes);
        return;
    }
    buffer_add(text, "\"", 1);
    for (size_t at = 0; at < bytes;) {
        uint32_t code_point;
        const size_t length = sr_utf8_decode(value + at, bytes - at, &code_point);
        if (length == 0) {
            buffer_add_text(text, SR_UTF8_REPLACEMENT);
            at++;
            continue;
        }
        if (code_point == '"' || code_point == '\\') {
            buffer_format(text, "\\%c", (int)code_point);
        } else if (code_point == '\n') {
            buffer_add_text(text, "\\n");
        } else if (!is_printable(code_point)) {
            buffer_format(text, code_point > 0xffff ? "\\U%08x" : "\\u%04x", code_point);
        } else {
            buffer_add(text, value + at, length);
        }
        at += length;
    }
    buffer_add(text, "\"", 1);
}

static void print_text(const char *value, struct buffer *text)
{
    values_print_text(value, strlen(value), text);
}

static void print_time(uint64_t ns, struct buffer *text)
{
    char label[SR_DURATION_LABEL_BYTES];
    (void)sr_duration_label(ns, label);
    buffer_add_text(text, label);
}

static void print_group(gid_t gid, struct buffer *text)
{
    const struct group *group = gid == (gid_t)-1 ? NULL : getgrgid(gid);
    if (gid == (gid_t)-1) {
        buffer_add_text(text, "null");
    } else if (group != NULL) {
        print_text(group->gr_name, text);
    } else {
        buffer_add_integer(text, gid);
    }
}

static void print_listen(const struct address *address, struct buffer *text)
{
    char shown[ADDRESS_TEXT_BYTES];
    address_format(address, shown);
    buffer_format(text, shown[0] == '[' ? "\"%s\"" : "%s", shown);
}

static void print_count(uint64_t count, const char *standard, struct buffer *text)
{
    if (count == 0) {
        buffer_add_text(text, standard);
    } else {
        buffer_add_integer(text, count);
    }
}

void values_print_bounds(const struct sr_bound_list *list, struct buffer *text)
{
    buffer_add_text(text, "[");
    for (uint32_t i = 0; i < list->count; i++) {
        char bound[SR_BOUND_TEXT_BYTES];
        (void)sr_bound_format(list->ns[i], bound);
        buffer_format(text, "%s%s", i > 0 ? ", " : "", bound);
    }
    buffer_add_text(text, "]");
}

static void print_windows(const struct agent_options *agent, struct buffer *text)
{
    buffer_add_text(text, "[");
    for (uint32_t i = 0; i < agent->window_count; i++) {
        buffer_add_text(text, i > 0 ? ", " : "");
        print_time(agent->window_ns[i], text);
    }
    buffer_add_text(text, "]");
}

static void print_percentiles(const struct agent_options *agent, struct buffer *text)
{
    buffer_add_text(text, "[");
    for (uint32_t i = 0; i < agent->extra_count; i++) {
        char percent[SR_DECIMAL_TEXT_BYTES];
        /* A part in a million is a ten thousandth of a percent: 10^5 of the 10^-9 that are formatted. */
        (void)sr_decimal_format((uint64_t)agent->extra_ppm[i] * 100000u, percent);
        buffer_format(text, "%s%s", i > 0 ? ", " : "", percent);
    }
    buffer_add_text(text, "]");
}

static void print_price_cards(const struct options *options, struct buffer *text)
{
    buffer_add_text(text, "[");
    for (uint32_t i = 0; i < options->price_card_count; i++) {
        buffer_add_text(text, i > 0 ? ", " : "");
        print_text(options->price_cards[i], text);
    }
    buffer_add_text(text, "]");
}

static void print_order_givers(const struct options *options, struct buffer *text)
{
    buffer_add_text(text, "[");
    for (uint32_t i = 0; i < options->http_order_count; i++) {
        buffer_add_text(text, i > 0 ? ", " : "");
        print_text(options->http_orders[i], text);
    }
    buffer_add_text(text, "]");
}

static void print_or_standard(const char *value, const char *standard, struct buffer *text)
{
    if (value == NULL) {
        buffer_add_text(text, standard);
    } else {
        print_text(value, text);
    }
}

void values_print(enum value_key key, const struct options *options, struct buffer *text)
{
    const struct agent_options *agent = &options->agent;
    const char *standard = values_row(key)->standard;
    switch (key) {
    case KEY_store:
        print_or_standard(agent->store, standard, text);
        break;
    case KEY_group:
        print_group(agent->group, text);
        break;
    case KEY_shm_dir:
        print_or_standard(options->shm_dir, standard, text);
        break;
    case KEY_listen:
        print_listen(&options->listen, text);
        break;
    case KEY_windows:
        agent->window_count == 0 ? buffer_add_text(text, standard) : print_windows(agent, text);
        break;
    case KEY_percentiles:
        print_percentiles(agent, text);
        break;
    case KEY_schema:
        print_count(agent->schema, standard, text);
        break;
    case KEY_le:
        agent->le.count == 0 ? buffer_add_text(text, standard) : values_print_bounds(&agent->le, text);
        break;
    case KEY_native_schema:
        agent->shows_native ? buffer_format(text, "%" PRId32, agent->native_schema)
                            : buffer_add_text(text, "none");
        break;
    case KEY_slo_minimum_events:
        print_count(agent->slo_minimum_events, standard, text);
        break;
    case KEY_prices:
        print_price_cards(options, text);
        break;
    case KEY_max_primitives:
        print_count(agent->primitive_limit, standard, text);
        break;
    case KEY_ring_cap:
        print_count(agent->ring_cap, standard, text);
        break;
    case KEY_idle_after:
        options->agent.idle_after_ns == 0 ? buffer_add_text(text, "never")
                                          : print_time(options->agent.idle_after_ns, text);
        break;
    case KEY_retire_after:
        agent->retire_after_ns == 0 ? buffer_add_text(text, standard)
                                    : print_time(agent->retire_after_ns, text);
        break;
    case KEY_checkpoint:
        print_or_standard(options->checkpoint_folder, standard, text);
        break;
    case KEY_checkpoint_totals_every:
        print_time(options->checkpoint_totals_ns, text);
        break;
    case KEY_checkpoint_slices_every:
        print_time(options->checkpoint_slices_ns, text);
        break;
    case KEY_expose:
        buffer_add_text(text, options->exposes_few ? "few" : "all");
        break;
    case KEY_aborted:
        buffer_add_text(text, agent->ignores_aborted ? "ignore" : "count");
        break;
    case KEY_clock:
        buffer_add_text(text, options->reads_clock ? "monotonic" : "auto");
        break;
    case KEY_log_level:
        buffer_add_text(text, log_levels[options->log_level]);
        break;
    case KEY_http_tls_certificate:
        print_or_standard(options->http_tls_certificate, standard, text);
        break;
    case KEY_http_tls_key:
        print_or_standard(options->http_tls_key, standard, text);
        break;
    case KEY_http_unix:
        print_or_standard(options->http_unix, standard, text);
        break;
    case KEY_http_unix_mode:
        buffer_format(text, "0%03o", (unsigned)options->http_unix_mode);
        break;
    case KEY_http_unix_group:
        print_group(options->http_unix_group, text);
        break;
    case KEY_http_gzip:
        buffer_add_text(text, options->sends_plain ? "off" : "on");
        break;
    case KEY_http_orders:
        print_order_givers(options, text);
        break;
    case KEY_http_users:
    case KEY_http_tokens:
    case KEY_le_of:
    case KEY_objectives:
    case KEY_labels:
    case KEY_COUNT:
        break;
    }
}
