/* SPDX-License-Identifier: Apache-2.0 */
/* What each path of the HTTP side answers, from published figures alone. Knows nothing of sockets; http.c carries the
 * answers. No clock: the caller hands in store time. One thread per struct answerer. */
#ifndef AGENT_ANSWER_H
#define AGENT_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/buffer.h"
#include "agent/config/exposure.h"
#include "agent/exposition/exposition.h"
#include "peer/stats.h"
#include "peer/usages.h"

/* Figures older than this say that the drain thread stands: /-/ready is 503 then. */
#define ANSWER_READY_NS UINT64_C(3000000000)

struct answerer {
    const struct sr_stats *stats;
    const char *store;              /* its name */
    const struct exposure *exposed; /* of the answer in hand; NULL: nothing was configured */
    struct exposition exposition;
    struct sr_usages usages; /* of the answer in hand */
};

struct answer {
    unsigned status; /* of HTTP */
    const char *content_type;
    const char *allow; /* NULL, or the value of an Allow header */
    const char *vary;  /* likewise */
    bool is_scrape;    /* figures were rendered for Prometheus */
    struct buffer body;
    struct exposition_rendering *rendering; /* the body instead, when it is large; else NULL */
};

/* What was asked for. */
struct answer_query {
    const char *path;   /* decoded */
    const char *type;   /* of the query, ?type=; or NULL */
    const char *accept; /* the Accept header, or NULL */
};

/* What was rendered and is smaller is copied into one body: the families of a small store have more room than they show. */
#define ANSWER_JOINED_BYTES (256u << 10)

/* The answer to a GET. The body is the caller's to free, before the answerer. Out of memory is an answer too: 500 without a body. */
void answer_get(struct answerer *answerer, const struct answer_query *query, uint64_t now_ns,
                struct answer *out_answer);

/* An error as a body: JSON below /api/, else a line of text. */
void answer_error(const char *path, unsigned status, const char *message, const char *hint,
                  struct answer *out_answer);

/* A text as an answer; its memory passes over, and *text is as new. */
void answer_text(unsigned status, struct buffer *text, struct answer *out_answer);

/* Whatever the body is in. */
void answer_free_body(struct answer *answer);

/* The memory that answers left behind. */
void answerer_free(struct answerer *answerer);

#endif
