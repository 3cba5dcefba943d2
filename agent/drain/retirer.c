/* SPDX-License-Identifier: Apache-2.0 */
/* From FREE to EMPTY: see retirer.h. The numbers (1) to (6) are its. */
#include "retirer.h"

#include <stdlib.h>

#include "agent/books/books.h"
#include "agent/log.h"
#include "drain_parts.h"
#include "intake.h"
#include "peer/drain.h"

#define PERIOD_NS UINT64_C(1000000000)
#define HURRY_NS  UINT64_C(10000000)    /* while there is work */
#define PAUSE_NS  UINT64_C(60000000000) /* after a punch that failed */

/* FREE rings that keep their pages, by class: half a megabyte in all. */
static const uint32_t kept[SR_CLASS_COUNT] = {16, 2, 1, 1};

/* Since when a ring has been nobody's. */
struct idle {
    uint64_t word; /* its state; another one: since now */
    uint64_t since_ns;
};

struct retirer {
    struct books *books;
    struct sr_drain *rings;
    struct intake *intake;
    uint64_t due_ns;
    struct idle idle[SR_RING_MAX];
    uint32_t list[RETIRER_AT_ONCE]; /* RETIRING, descending */
    uint32_t list_count;
    bool has_more;
    bool has_complained;
};

enum slipring_status retirer_open(struct books *books, struct drain *drain, uint64_t now_ns,
                                  struct retirer **out_retirer)
{
    struct retirer *retirer = calloc(1, sizeof *retirer);
    if (!retirer) {
        return SLIPRING_NO_MEMORY;
    }
    retirer->books = books;
    retirer->rings = books->rings;
    retirer->intake = drain_intake(drain);
    retirer->due_ns = now_ns;
    *out_retirer = retirer;
    return SLIPRING_OK;
}

void retirer_close(struct retirer *retirer)
{
    free(retirer);
}

/* --- whom ----------------------------------------------------------------------------------------------------------------- */

static bool is_nobodys(const struct retirer *retirer, uint32_t ring, uint64_t word)
{
    const uint32_t state = sr_state_of(word);
    return (state == SR_RING_FREE || state == SR_RING_EMPTY) && sr_drain_is_reserved(retirer->rings, ring);
}

/* Nobody's for long. */
static bool is_due(const struct retirer *retirer, uint32_t ring, uint64_t now_ns)
{
    const struct idle *idle = &retirer->idle[ring];
    return now_ns - idle->since_ns >= retirer->books->options->retire_after_ns;
}

/* Everything of it is booked, as it is of whatever became FREE by the protocol. */
static bool is_settled(const struct retirer *retirer, uint32_t ring)
{
    struct sr_ring_sight sight;
    return !sr_drain_look_at_lines(retirer->rings, ring, &sight) ||
           sight.line.tail == retirer->intake->ring[ring].head;
}

static void add(struct retirer *retirer, uint32_t ring)
{
    if (retirer->list_count == RETIRER_AT_ONCE) {
        retirer->has_more = true;
        return;
    }
    retirer->list[retirer->list_count++] = ring;
}

/* (1). Lost to a claimer: it is not nobody's any more. */
static void begin(struct retirer *retirer, uint32_t ring, uint64_t word)
{
    if (retirer->list_count == RETIRER_AT_ONCE) {
        retirer->has_more = true;
    } else if (is_settled(retirer, ring) &&
               sr_drain_change_state(retirer->rings, ring, word, SR_RING_RETIRING)) {
        SR_CRASHPOINT(retire_begun);
        add(retirer, ring);
    }
}

/* Those of a class: note since when each is nobody's, go on with those that are RETIRING, begin with those that are due, from the
 * greatest id down to the ones that are kept. */
static void choose(struct retirer *retirer, uint32_t class, uint64_t now_ns)
{
    const struct sr_ring_shape *shape = &sr_ring_shapes[class];
    uint32_t idle = 0;
    uint32_t high = 0; /* rings at and above it are EMPTY */
    uint32_t end = 0;  /* and without pages */
    bool has_begun = false;
    for (uint32_t i = 0; i < shape->rings; i++) {
        const uint32_t ring = sr_drain_next_with_lines(retirer->rings, shape->first_ring + i);
        i = ring - shape->first_ring;
        if (i >= shape->rings) {
            break; /* the rest was never used: EMPTY, without pages */
        }
        const uint64_t word = sr_drain_state(retirer->rings, ring);
        high = sr_state_of(word) != SR_RING_EMPTY ? i + 1 : high;
        has_begun |= sr_state_of(word) == SR_RING_RETIRING;
        const bool is_idle = is_nobodys(retirer, ring, word);
        const uint64_t now_word = is_idle ? word + 1 : 0; /* never 0 for one that is */
        if (retirer->idle[ring].word != now_word) {
            retirer->idle[ring] = (struct idle){.word = now_word, .since_ns = now_ns};
        }
        idle += is_idle;
        end = is_idle ? i + 1 : high > end ? high : end;
    }
    for (uint32_t i = has_begun || idle > kept[class] ? end : 0; i-- > 0;) {
        const uint32_t ring = shape->first_ring + i;
        const uint64_t word = sr_drain_state(retirer->rings, ring);
        if (sr_state_of(word) == SR_RING_RETIRING) {
            add(retirer, ring);
        } else if (idle > kept[class] && retirer->idle[ring].word == word + 1) {
            idle--;
            if (is_due(retirer, ring, now_ns)) {
                begin(retirer, ring, word);
            }
        }
    }
    sr_drain_set_cursor(retirer->rings, class, high);
}

/* --- how ------------------------------------------------------------------------------------------------------------------- */

/* (2) */
static void withdraw(struct retirer *retirer)
{
    for (uint32_t i = 0; i < retirer->list_count; i++) {
        sr_drain_withdraw(retirer->rings, retirer->list[i]);
    }
    SR_CRASHPOINT(retire_withdrawn);
}

/* (3): neighbours at once. False: the file system would not. */
static bool punch(struct retirer *retirer)
{
    for (uint32_t i = 0; i < retirer->list_count;) {
        const uint32_t last = retirer->list[i];
        uint32_t count = 1;
        while (i + count < retirer->list_count && retirer->list[i + count] == last - count &&
               sr_ring_class_of(last - count) == sr_ring_class_of(last)) {
            count++;
        }
        const enum slipring_status status = sr_drain_punch(retirer->rings, last - count + 1, count);
        if (status != SLIPRING_OK) {
            if (!retirer->has_complained) {
                log_event(LOG_WARNING, log_what("pages cannot be given back"),
                          log_text("why", slipring_status_text(status)),
                          log_text("path", retirer->rings->segment.map.path));
            }
            retirer->has_complained = true;
            return false;
        }
        i += count;
    }
    SR_CRASHPOINT(retire_punched);
    return true;
}

/* (4) to (6). A ring that finds no page for its words stays RETIRING. */
static void forget(struct retirer *retirer)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < retirer->list_count; i++) {
        if (intake_forget_block(retirer->intake, retirer->list[i])) {
            retirer->list[done++] = retirer->list[i];
        }
    }
    books_commit(retirer->books);
    SR_CRASHPOINT(retire_forgotten);
    for (uint32_t i = 0; i < done && !retirer->books->are_lost; i++) {
        const uint32_t ring = retirer->list[i];
        intake_return_copy(retirer->intake, ring);
        SR_CRASHPOINT(retire_returned);
        /* nobody else changes it */
        (void)!sr_drain_change_state(retirer->rings, ring, sr_drain_state(retirer->rings, ring),
                                     SR_RING_EMPTY);
    }
    if (done > 0) {
        sr_drain_raise_reserve_epoch(retirer->rings); /* whoever found no page may look again */
    }
}

uint64_t retirer_tick(struct retirer *retirer, uint64_t now_ns)
{
    if (now_ns < retirer->due_ns) {
        return retirer->due_ns - now_ns;
    }
    const uint64_t after_ns = retirer->books->options->retire_after_ns; /* as a reload left it */
    uint64_t wait_ns = after_ns < PERIOD_NS ? after_ns + HURRY_NS : PERIOD_NS;
    retirer->list_count = 0;
    retirer->has_more = false;
    for (uint32_t class = 0; class < SR_CLASS_COUNT; class ++) {
        choose(retirer, class, now_ns);
    }
    if (retirer->list_count > 0) {
        withdraw(retirer);
        if (punch(retirer)) {
            forget(retirer);
            wait_ns = retirer->has_more ? HURRY_NS : wait_ns;
        } else {
            wait_ns = PAUSE_NS;
        }
    }
    retirer->due_ns = now_ns + wait_ns;
    return wait_ns;
}
