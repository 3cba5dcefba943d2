/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the configuration that answers need: see exposure.h. */
#include "exposure.h"

#include <stdlib.h>
#include <string.h>

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-memb.h>

#include "agent/exposition/exposition_labels.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define HAS_THREAD_SANITIZER 1
#endif

/* The pointer is an atomic, so that the sanitizer sees what orders its target's bytes. That a copy ends before the grace period does, liburcu
 * brings about by barriers that it does not see: it is told. */
#ifdef HAS_THREAD_SANITIZER
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define SEEN_BEFORE(address) __tsan_release((void *)(uintptr_t)(address))
#define SEEN_AFTER(address)  __tsan_acquire((void *)(uintptr_t)(address))
#else
#define SEEN_BEFORE(address) ((void)(address))
#define SEEN_AFTER(address)  ((void)(address))
#endif

/* All of them in this coding, into EXPOSURE_LABELS_BYTES. */
static bool add_labels(const struct options *options, enum exposition_coding coding, char *out_text,
                       size_t *out_bytes)
{
    struct buffer text = {0};
    for (uint32_t i = 0; i < options->label_count; i++) {
        const struct options_label *label = &options->labels[i];
        exposition_add_label(coding, &text, label->name, label->name_bytes, label->value);
    }
    const bool fits = !text.failed && text.used <= EXPOSURE_LABELS_BYTES;
    if (fits && text.used > 0) {
        memcpy(out_text, text.text, text.used);
        *out_bytes = text.used;
    }
    buffer_free(&text);
    return fits;
}

static bool is_among(const struct options *options, const char *name)
{
    for (uint32_t i = 0; i < options->http_order_count; i++) {
        if (strcmp(options->http_orders[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Names and hashes were checked when they were read. */
static void add_credentials(const struct options *options, bool is_token, struct credentials *credentials)
{
    const struct options_credentials *from = is_token ? &options->http_tokens : &options->http_users;
    for (uint32_t i = 0; i < from->count; i++) {
        struct credential *one = &credentials->one[credentials->count++];
        const char *hash = from->one[i].hash + (is_token ? strlen(CREDENTIALS_TOKEN_HEAD) : 0);
        one->is_token = is_token;
        one->may_order = is_among(options, from->one[i].name);
        memcpy(one->name, from->one[i].name, strnlen(from->one[i].name, CREDENTIALS_NAME_MAX));
        memcpy(one->hash, hash, strnlen(hash, CREDENTIALS_HASH_MAX));
        for (char *at = one->hash; is_token && *at != '\0'; at++) {
            *at = (char)(*at >= 'A' && *at <= 'F' ? *at - 'A' + 'a' : *at);
        }
    }
    credentials->has_users |= !is_token && from->count > 0;
    credentials->has_tokens |= is_token && from->count > 0;
}

struct exposure *exposure_make(const struct options *options)
{
    struct exposure *next = calloc(1, sizeof *next);
    if (next == NULL || !add_labels(options, EXPOSITION_QUOTED, next->labels, &next->labels_bytes) ||
        !add_labels(options, EXPOSITION_PACKED, next->packed, &next->packed_bytes)) {
        free(next);
        return NULL;
    }
    next->idle_after_ns = options->agent.idle_after_ns;
    next->exposes_few = options->exposes_few;
    add_credentials(options, false, &next->credentials);
    add_credentials(options, true, &next->credentials);
    next->sends_plain = options->sends_plain;
    return next;
}

void exposure_put(struct exposure_board *board, struct exposure *made)
{
    /* relaxed: only this thread writes it */
    const struct exposure *before = atomic_load_explicit(&board->published, memory_order_relaxed);
    made->generation = before == NULL ? 1 : before->generation + 1;
    /* release: pairs with exposure_read(): else the bytes of `made` are seen half made */
    struct exposure *former = atomic_exchange_explicit(&board->published, made, memory_order_release);
    if (former != NULL) {
        urcu_memb_synchronize_rcu();
        SEEN_AFTER(former);
    }
    free(former);
}

bool exposure_publish(struct exposure_board *board, const struct options *options)
{
    struct exposure *made = exposure_make(options);
    if (made != NULL) {
        exposure_put(board, made);
    }
    return made != NULL;
}

void exposure_read(const struct exposure_board *board, struct exposure *out_exposure)
{
    *out_exposure = (struct exposure){.idle_after_ns = 0};
    if (board == NULL) {
        return;
    }
    urcu_memb_register_thread();
    urcu_memb_read_lock();
    /* acquire: pairs with exposure_publish() */
    const struct exposure *published = atomic_load_explicit(&board->published, memory_order_acquire);
    if (published != NULL) {
        *out_exposure = *published;
        SEEN_BEFORE(published);
    }
    urcu_memb_read_unlock();
    urcu_memb_unregister_thread();
}

void exposure_close(struct exposure_board *board)
{
    /* relaxed: nobody else looks any more */
    free(atomic_exchange_explicit(&board->published, NULL, memory_order_relaxed));
}
