/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the configuration as text. See values.h. */
#include "values.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "pure/duration.h"
#include "pure/fine.h"
#include "pure/money.h"
#include "pure/name.h"
#include "pure/native.h"
#include "pure/objective.h"
#include "unix_name.h"
#include "values_parts.h"

#define LISTEN_DEFAULT "127.0.0.1:9464"
#define SECOND_NS      UINT64_C(1000000000)
#define DAY_NS         (86400 * SECOND_NS)

static const struct value_key_row rows[KEY_COUNT] = {
#define START  true
#define RELOAD false
#define CONFIG_KEY(id, path, shape, option, when, standard, type, help)                                      \
    [KEY_##id] = {(path), (option), (standard), (type), (help), SHAPE_##shape, (when)},
#include "config_keys.def"
#undef CONFIG_KEY
#undef START
#undef RELOAD
};

const struct value_key_row *values_row(enum value_key key)
{
    return &rows[key];
}

enum value_key values_of_option(const char *option)
{
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        if (rows[key].option != NULL && strcmp(rows[key].option, option) == 0) {
            return (enum value_key)key;
        }
    }
    return KEY_COUNT;
}

void values_default(struct options *out_options)
{
    *out_options = (struct options){
        .agent = {.group = (gid_t)-1,
                  .slo_minimum_events = OPTIONS_MINIMUM_EVENTS,
                  .shows_native = true,
                  .native_schema = SR_NATIVE_SCHEMA_DEFAULT},
        .checkpoint_totals_ns = OPTIONS_CHECKPOINT_TOTALS_NS,
        .checkpoint_slices_ns = OPTIONS_CHECKPOINT_SLICES_NS,
        .http_unix_mode = 0660,
        .http_unix_group = (gid_t)-1,
        .log_level = LOG_INFO,
    };
    const char *wrong = address_parse(LISTEN_DEFAULT, &out_options->listen);
    (void)wrong; /* a constant, and tested */
}

/* --- one value ----------------------------------------------------------------------------------------------------------- */

/* 1 to max, in decimal digits. */
static bool parse_count(const char *text, uint32_t max, uint32_t *out_count)
{
    size_t length = strlen(text);
    if (length == 0 || length > 9 || strspn(text, "0123456789") != length) {
        return false;
    }
    unsigned long count = strtoul(text, NULL, 10);
    if (count < 1 || count > max) {
        return false;
    }
    *out_count = (uint32_t)count;
    return true;
}

static bool set_group(const char *text, gid_t *out_group, struct buffer *what)
{
    uint32_t number;
    errno = 0;
    const struct group *group = getgrnam(text);
    if (group != NULL) {
        *out_group = group->gr_gid;
    } else if (strcmp(text, "0") == 0) {
        *out_group = 0;
    } else if (parse_count(text, INT_MAX, &number)) {
        *out_group = number;
    } else {
        buffer_format(what, "there is no group '%s' on this host", text);
        return false;
    }
    return true;
}

static bool set_store(const char *text, struct options *options, struct buffer *what)
{
    const enum sr_name result = sr_name_check_store(text);
    if (result != SR_NAME_OK) {
        buffer_format(what, "the name '%s' is %s", text, sr_name_text(result));
        return false;
    }
    options->agent.store = text;
    return true;
}

static bool set_listen(const char *text, struct options *options, struct buffer *what)
{
    const char *wrong = address_parse(text, &options->listen);
    if (wrong != NULL) {
        buffer_format(what, "'%s' %s", text, wrong);
    }
    return wrong == NULL;
}

static bool set_folder(const char *text, const char **out_folder, struct buffer *what)
{
    if (text[0] != '/') {
        buffer_format(what, "'%s' is no absolute path", text);
        return false;
    }
    *out_folder = text;
    return true;
}

static bool set_count(const char *text, uint32_t min, uint32_t max, uint32_t *out_count, struct buffer *what)
{
    uint32_t count = 0;
    if (!parse_count(text, max, &count) || count < min) {
        buffer_format(what, "'%s' is no number from %u to %u", text, min, max);
        return false;
    }
    *out_count = count;
    return true;
}

static bool set_socket(const char *text, const char **out_path, struct buffer *what)
{
    if (strlen(text) > UNIX_NAME_PATH_MAX) {
        buffer_format(what, "'%s' has more than 107 bytes", text);
        return false;
    }
    return set_folder(text, out_path, what);
}

static bool set_mode(const char *text, mode_t *out_mode, struct buffer *what)
{
    const size_t length = strlen(text);
    const unsigned long mode =
        length >= 3 && length <= 4 && strspn(text, "01234567") == length ? strtoul(text, NULL, 8) : 0;
    if (mode > 0777 || (mode & 0600) != 0600) {
        buffer_format(what, "'%s' is no mode that lets its owner in", text);
        return false;
    }
    *out_mode = (mode_t)mode;
    return true;
}

static bool set_choice(const char *text, const char *no, const char *yes, bool *out_is_yes,
                       struct buffer *what)
{
    const bool is_yes = strcmp(text, yes) == 0;
    if (!is_yes && strcmp(text, no) != 0) {
        buffer_format(what, "'%s' is none of %s, %s", text, no, yes);
        return false;
    }
    *out_is_yes = is_yes;
    return true;
}

static bool set_time(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *out_ns,
                     struct buffer *what)
{
    uint64_t ns = 0;
    const enum sr_parse result = sr_duration_parse(text, max_ns, &ns);
    if (result != SR_PARSE_OK || ns == 0) {
        buffer_format(what, "'%s' is %s", text,
                      sr_parse_text(result != SR_PARSE_OK ? result : SR_PARSE_ZERO));
        return false;
    }
    if (ns < min_ns) {
        buffer_format(what, "'%s' is too short", text);
        return false;
    }
    *out_ns = ns;
    return true;
}

static bool set_level(const char *text, struct options *options, struct buffer *what)
{
    const bool good = log_parse_level(text, &options->log_level);
    if (!good) {
        buffer_format(what, "'%s' is none of error, warning, info, debug", text);
    }
    return good;
}

static bool set_minimum_events(const char *text, struct options *options, struct buffer *what)
{
    uint32_t events = 0;
    const bool good = set_count(text, 1, OPTIONS_MINIMUM_EVENTS_MAX, &events, what);
    options->agent.slo_minimum_events = good ? events : options->agent.slo_minimum_events;
    return good;
}

static bool set_idle_after(const char *text, struct options *options, struct buffer *what)
{
    if (strcmp(text, "never") == 0) {
        options->agent.idle_after_ns = 0;
        return true;
    }
    return set_time(text, SECOND_NS, 90 * DAY_NS, &options->agent.idle_after_ns, what);
}

static bool set_native(const char *text, struct options *options, struct buffer *what)
{
    const bool is_none = strcmp(text, "none") == 0;
    const bool is_negative = text[0] == '-';
    uint32_t count = 0; /* parse_count() knows no 0 */
    const bool is_zero = strcmp(text, "0") == 0;
    if (!is_none && !is_zero &&
        !parse_count(text + is_negative, is_negative ? -SR_NATIVE_SCHEMA_MIN : SR_NATIVE_SCHEMA_MAX,
                     &count)) {
        buffer_format(what, "'%s' is neither none nor a number from %d to %d", text, SR_NATIVE_SCHEMA_MIN,
                      SR_NATIVE_SCHEMA_MAX);
        return false;
    }
    options->agent.shows_native = !is_none;
    options->agent.native_schema = is_negative ? -(int32_t)count : (int32_t)count;
    return true;
}

static bool set_checkpoint(const char *text, struct options *options, struct buffer *what)
{
    if (text[0] != '/' && strcmp(text, "none") != 0) {
        buffer_format(what, "'%s' is neither an absolute path nor none", text);
        return false;
    }
    options->checkpoint_folder = text;
    return true;
}

bool values_set(enum value_key key, const char *text, struct options *options, struct buffer *what)
{
    struct agent_options *agent = &options->agent;
    switch (key) {
    case KEY_store:
        return set_store(text, options, what);
    case KEY_group:
        return set_group(text, &agent->group, what);
    case KEY_shm_dir:
        return set_folder(text, &options->shm_dir, what);
    case KEY_listen:
        return set_listen(text, options, what);
    case KEY_schema:
        return set_count(text, SR_FINE_SCHEMA_MIN, SR_FINE_SCHEMA_MAX, &agent->schema, what);
    case KEY_native_schema:
        return set_native(text, options, what);
    case KEY_slo_minimum_events:
        return set_minimum_events(text, options, what);
    case KEY_max_primitives:
        return set_count(text, 1, OPTIONS_PRIMITIVES_MAX, &agent->primitive_limit, what);
    case KEY_ring_cap:
        return set_count(text, 1, OPTIONS_RING_CAP_MAX, &agent->ring_cap, what);
    case KEY_idle_after:
        return set_idle_after(text, options, what);
    case KEY_retire_after:
        return set_time(text, 1, OPTIONS_RETIRE_AFTER_MAX_NS, &agent->retire_after_ns, what);
    case KEY_checkpoint:
        return set_checkpoint(text, options, what);
    case KEY_checkpoint_totals_every:
        return set_time(text, SECOND_NS, 3600 * SECOND_NS, &options->checkpoint_totals_ns, what);
    case KEY_checkpoint_slices_every:
        return set_time(text, 10 * SECOND_NS, DAY_NS, &options->checkpoint_slices_ns, what);
    case KEY_expose:
        return set_choice(text, "all", "few", &options->exposes_few, what);
    case KEY_aborted:
        return set_choice(text, "count", "ignore", &agent->ignores_aborted, what);
    case KEY_clock:
        return set_choice(text, "auto", "monotonic", &options->reads_clock, what);
    case KEY_log_level:
        return set_level(text, options, what);
    case KEY_http_tls_certificate:
        return set_folder(text, &options->http_tls_certificate, what);
    case KEY_http_tls_key:
        return set_folder(text, &options->http_tls_key, what);
    case KEY_http_unix:
        return set_socket(text, &options->http_unix, what);
    case KEY_http_unix_mode:
        return set_mode(text, &options->http_unix_mode, what);
    case KEY_http_unix_group:
        return set_group(text, &options->http_unix_group, what);
    case KEY_http_gzip:
        return set_choice(text, "on", "off", &options->sends_plain, what);
    case KEY_http_users:
    case KEY_http_tokens:
    case KEY_http_orders:
    case KEY_windows:
    case KEY_percentiles:
    case KEY_le:
    case KEY_le_of:
    case KEY_objectives:
    case KEY_prices:
    case KEY_labels:
    case KEY_COUNT:
        break;
    }
    return false;
}

bool values_refuse(const char *text, const char *wrong, struct buffer *what)
{
    if (wrong != NULL) {
        buffer_format(what, "'%s' is %s", text, wrong);
    }
    return wrong == NULL;
}

/* --- of objectives ------------------------------------------------------------------------------------------------------- */

bool values_target(const char *text, uint32_t *out_ppb, struct buffer *what)
{
    const enum sr_parse result = sr_objective_parse_target(text, out_ppb);
    return values_refuse(text, result == SR_PARSE_OK ? NULL : sr_parse_text(result), what);
}

bool values_threshold(const char *text, uint64_t *out_ns, struct buffer *what)
{
    return set_time(text, 1, SLIPRING_DURATION_MAX_NS, out_ns, what);
}

bool values_amount(const char *text, uint64_t *out_nanodollars, struct buffer *what)
{
    uint64_t amount = 0;
    enum sr_parse result = sr_money_parse(text, &amount);
    result = result == SR_PARSE_OK && amount == 0 ? SR_PARSE_ZERO : result;
    if (result == SR_PARSE_OK) {
        *out_nanodollars = amount;
    }
    return values_refuse(text, result == SR_PARSE_OK ? NULL : sr_parse_text(result), what);
}

bool values_period(const char *text, uint64_t *out_s, struct buffer *what)
{
    if (strcmp(text, "month") == 0) {
        *out_s = SLIPRING_PERIOD_MONTH;
        return true;
    }
    uint64_t ns = 0;
    if (!set_time(text, SLIPRING_PERIOD_MIN_S * SECOND_NS, SLIPRING_PERIOD_MAX_S * SECOND_NS, &ns, what)) {
        return false;
    }
    if (ns % SECOND_NS != 0) {
        return values_refuse(text, "no whole number of seconds", what);
    }
    *out_s = ns / SECOND_NS;
    return true;
}
