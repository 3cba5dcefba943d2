/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of slipringd, from the table in options.def. */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include <stdint.h>

#include "address.h"
#include "agent/buffer.h"
#include "agent/log.h"
#include "agent/store.h"
#include "credentials.h"

/* What a store can hold at most; options.def says the same numbers to people, tests/unit/options_test.c compares. */
#define OPTIONS_PRIMITIVES_MAX 16384
#define OPTIONS_RING_CAP_MAX   39424

#define OPTIONS_RETIRE_AFTER_MAX_NS  UINT64_C(86400000000000)
#define OPTIONS_CHECKPOINT_TOTALS_NS UINT64_C(10000000000)
#define OPTIONS_CHECKPOINT_SLICES_NS UINT64_C(300000000000)
#define OPTIONS_WINDOW_MIN_NS        UINT64_C(1000000000)
#define OPTIONS_WINDOW_MAX_NS        UINT64_C(2592000000000000)
#define OPTIONS_MINIMUM_EVENTS       10 /* without --slo-minimum-events */
#define OPTIONS_MINIMUM_EVENTS_MAX   999999999

enum options_task {
    OPTIONS_RUN,  /* serve, as the options say */
    OPTIONS_HELP, /* print and exit 0, as the next four */
    OPTIONS_VERSION,
    OPTIONS_LIST_FAMILIES,
    OPTIONS_LIST_KEYS,
    OPTIONS_PRINT_CONFIG, /* the configuration is good: print it */
    OPTIONS_CHECK_CONFIG, /* it is good: say so */
    OPTIONS_BAD,          /* a message says why; exit 2 */
    OPTIONS_BAD_FILE,     /* likewise, of the configuration file (config.h); exit 1 */
};

/* Labels on every series: name and value, not escaped. */
#define OPTIONS_LABEL_MAX      16
#define OPTIONS_LABEL_NAME_MAX 64  /* bytes */
#define OPTIONS_LABEL_TEXT_MAX 256 /* bytes of UTF-8, 1 at least */
struct options_label {
    const char *name; /* name_bytes of it, not terminated */
    uint32_t name_bytes;
    const char *value;
};

#define OPTIONS_PRICE_CARD_MAX 15 /* and the shipped one */

/* Names and hashes, checked (credentials.h). */
struct options_credential {
    const char *name;
    const char *hash;
};
struct options_credentials {
    uint32_t count;
    struct options_credential one[CREDENTIALS_MAX];
};

/* Everything that the command line and the configuration file say together (config.h). */
struct options {
    struct agent_options agent;
    const char *config;            /* the file; NULL: none */
    const char *checkpoint_folder; /* as asked for, "none": none; NULL: as checkpoint_folder.h says */
    uint64_t checkpoint_totals_ns; /* so often totals, 10 s */
    uint64_t checkpoint_slices_ns; /* so often windows, too, 5 min */
    const char *price_cards[OPTIONS_PRICE_CARD_MAX]; /* files; agent.prices is what is in them */
    uint32_t price_card_count;
    uint32_t last_ppm; /* while percentiles are read: the one before */
    struct options_label labels[OPTIONS_LABEL_MAX];
    uint32_t label_count;
    struct address listen;
    const char *http_tls_certificate; /* NULL: no TLS */
    const char *http_tls_key;
    const char *http_unix; /* NULL: none */
    mode_t http_unix_mode;
    gid_t http_unix_group; /* (gid_t)-1: none is set */
    struct options_credentials http_users;
    struct options_credentials http_tokens;
    const char *http_orders[2 * CREDENTIALS_MAX]; /* names of these who may give orders */
    uint32_t http_order_count;
    const char *shm_dir; /* NULL: leave the environment as it is */
    enum log_level log_level;
    bool sends_plain; /* http.gzip off */
    bool exposes_few; /* --expose few: as in exposition.h */
    bool reads_clock; /* --clock monotonic: spans never read the tick counter */
};

/* arguments[0] is the program's name. OPTIONS_BAD: *out_options is not to be used, and one sentence without a newline was
 * appended to *message. Looks up the group, else pure. The texts in *out_options are those of the arguments. */
enum options_task options_parse(int count, char *const *arguments, struct options *out_options,
                                struct buffer *message);

/* The same over options that are filled already: what the command line names is changed. note_set, unless NULL, is told of each key
 * (enum value_key, values.h) that is. */
typedef void options_note_set(void *context, unsigned key, const char *value);
enum options_task options_apply(int count, char *const *arguments, struct options *options,
                                options_note_set *note_set, void *context, struct buffer *message);

/* The manual, appended. */
void options_help(struct buffer *text);

#endif
