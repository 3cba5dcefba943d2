/* SPDX-License-Identifier: Apache-2.0 */
/* When what is copied: see checkpoint.h. */
#include "checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <slipring/version.h>

#include "agent/log.h"
#include "checkpoint_book.h"
#include "checkpoint_file.h"
#include "checkpoint_read.h"
#include "checkpoint_stamp.h"
#include "checkpoint_writer.h"
#include "peer/clock.h"

#define BOOKS_A_TICK   4u           /* copied: some tenths of a millisecond */
#define LOOKS_A_TICK   256u         /* looked at, whether they changed */
#define PORTION_BYTES  (256u << 10) /* goes to the writer as soon as it is free */
#define BUFFER_BYTES   (1u << 20)   /* no more is copied before the writer is free */
#define WRITER_WAIT_NS UINT64_C(1000000)
#define BOOT_ID_BYTES  37u

enum phase {
    IDLE,
    LOOKING, /* did anything change since the last file? */
    COPYING, /* books, each with its accounts */
    CLOSING, /* the last portion waits for the writer */
    WRITING, /* the writer has it all */
};

struct checkpoint {
    struct books *books;
    struct checkpoint_writer *writer;
    struct checkpoint_packer *packer;
    struct checkpoint_stamps *stamps;
    char store[SLIPRING_STORE_NAME_MAX + 1];
    char boot_id[BOOT_ID_BYTES];
    uint64_t totals_ns; /* how often: */
    uint64_t slices_ns;
    uint64_t totals_due_ns; /* and when next; 0: at once */
    uint64_t slices_due_ns;
    /* The full file that recent ones belong to; sequence 0: there is none. */
    uint64_t full_sequence;
    uint64_t full_wall_ns;
    uint64_t full_seen_ns;
    uint64_t last_sequence;
    /* The file that is being made: */
    enum phase phase;
    enum checkpoint_kind kind;
    uint64_t sequence;
    uint64_t wall_ns; /* when it began */
    uint64_t seen_ns;
    uint32_t book_high; /* books when it began */
    uint32_t next;      /* book */
    bool is_first_portion;
    bool has_seen_holes; /* of the stats segment: words that were there are zeros */
    uint64_t book_count;
    uint64_t stall_ns;
    struct buffer text;
    struct checkpoint_figures figures;
    uint64_t restore_refused;
};

/* --- one file ------------------------------------------------------------------------------------------------------------- */

static void add_head(struct checkpoint *it, uint64_t now_ns)
{
    Checkpoint__Head head;
    checkpoint__head__init(&head);
    head.store = it->store;
    head.kind = it->kind;
    head.sequence = it->sequence;
    head.full_wall_ns = it->kind == CHECKPOINT_FULL ? it->wall_ns : it->full_wall_ns;
    head.wall_ns = it->wall_ns;
    head.now_ns = now_ns;
    head.seen_ns = it->seen_ns;
    head.books_wall_ns = sr_books_made_wall_ns(it->books->durable);
    head.boot_id = it->boot_id;
    head.agent = (char *)(uintptr_t)SLIPRING_VERSION;
    checkpoint_file_add_preamble(&it->text);
    checkpoint_file_add(&it->text, CHECKPOINT_HEAD, &head.base);
}

static void begin(struct checkpoint *it, uint64_t now_ns, uint64_t wall_ns)
{
    it->phase = COPYING;
    it->sequence = it->kind == CHECKPOINT_FULL ? ++it->last_sequence : it->full_sequence;
    it->wall_ns = wall_ns;
    it->seen_ns = it->books->seen_ns;
    it->next = 0;
    it->book_high = it->books->high; /* what is registered meanwhile is the next file's */
    it->is_first_portion = true;
    it->book_count = 0;
    it->stall_ns = 0;
    buffer_clear(&it->text);
    checkpoint_stamps_begin(it->stamps, it->kind == CHECKPOINT_FULL);
    add_head(it, now_ns);
}

static bool copy_book(struct checkpoint *it, uint32_t index)
{
    if (!it->books->book[index].is_used) {
        return false;
    }
    if (sr_words_get(&it->books->durable->words, SR_WORD(book, index, SR_BOOK_USED)) != 1) {
        it->has_seen_holes = true;
        return false;
    }
    if (!checkpoint_stamps_take_book(it->stamps, it->books, index)) {
        return false;
    }
    checkpoint_pack_book(it->packer, it->books, index, it->kind == CHECKPOINT_FULL ? 0 : it->full_seen_ns,
                         &it->text);
    it->book_count++;
    return true;
}

/* G5: what an account has priced, its book has been paid. Returns how many were looked at. */
static uint32_t copy_accounts(struct checkpoint *it, uint32_t index)
{
    uint32_t looks = 0;
    for (uint32_t account = usage_next_of(it->books, index, USAGE_NO_ACCOUNT); account != USAGE_NO_ACCOUNT;
         account = usage_next_of(it->books, index, account), looks++) {
        struct saved_usage usage;
        uint32_t book;
        if (usage_take_at(it->books, account, &book, &usage) &&
            checkpoint_stamps_take_usage(it->stamps, it->books, book, account, &usage)) {
            checkpoint_pack_usage(it->packer, it->books, book, &usage, &it->text);
        }
    }
    return looks;
}

/* A tick's part. True: that was all. */
static bool copy(struct checkpoint *it)
{
    uint32_t copied = 0;
    for (uint32_t looks = 0; looks < LOOKS_A_TICK && copied < BOOKS_A_TICK; looks++) {
        if (it->next >= it->book_high) {
            return true;
        }
        copied += copy_book(it, it->next);
        looks += copy_accounts(it, it->next);
        it->next++;
    }
    return false;
}

static void add_end(struct checkpoint *it)
{
    Checkpoint__Tail tail;
    checkpoint_pack_incidents(it->packer, it->books, &it->text);
    checkpoint__tail__init(&tail);
    tail.books = it->book_count;
    checkpoint_file_add(&it->text, CHECKPOINT_TAIL, &tail.base);
    it->phase = CLOSING;
}

/* Zeros that were read from a truncated segment, or one with holes, do not go to disk: what is under way is never ended, and what is there stays. */
static bool is_over(struct checkpoint *it)
{
    if (!books_are_lost(it->books) && !it->has_seen_holes) {
        return false;
    }
    it->totals_due_ns = UINT64_MAX;
    it->phase = IDLE;
    return true;
}

static void give(struct checkpoint *it, bool is_last)
{
    checkpoint_writer_give(it->writer, it->kind, it->is_first_portion, is_last, &it->text);
    it->is_first_portion = false;
}

/* --- how it went ---------------------------------------------------------------------------------------------------------- */

static void fail(struct checkpoint *it, uint64_t wall_ns, int error, const char *why)
{
    it->phase = IDLE;
    it->figures.failures++;
    if (it->kind == CHECKPOINT_FULL || error == ESTALE) {
        it->slices_due_ns = 0; /* the next one is full */
    }
    if (error == ESTALE) {
        it->full_sequence = 0; /* and written in any case */
    }
    if (it->figures.failing_since_wall_ns == 0) {
        it->figures.failing_since_wall_ns = wall_ns;
        log_event(LOG_ERROR,
                  log_what("no checkpoint can be written: books are in memory alone until this is mended"),
                  log_text("store", it->store), log_text("why", why), log_text("error", strerror(error)));
    }
}

static void succeed(struct checkpoint *it, uint64_t wall_ns, const struct checkpoint_written *written)
{
    it->phase = IDLE;
    checkpoint_stamps_keep(it->stamps);
    if (written->kind == CHECKPOINT_FULL) {
        it->full_sequence = it->sequence;
        it->full_wall_ns = it->wall_ns;
        it->full_seen_ns = it->seen_ns;
    }
    it->figures.wall_ns = it->wall_ns;
    it->figures.bytes += written->bytes;
    it->figures.took_ns = written->took_ns;
    it->figures.stall_ns = it->stall_ns;
    if (it->figures.failing_since_wall_ns != 0) {
        log_event(
            LOG_INFO, log_what("checkpoints are written again"), log_text("store", it->store),
            log_number("seconds", wall_ns > it->figures.failing_since_wall_ns
                                      ? (wall_ns - it->figures.failing_since_wall_ns) / UINT64_C(1000000000)
                                      : 0));
        it->figures.failing_since_wall_ns = 0;
    }
}

/* The writer tells of a file that is done, or failed before all of it was copied. */
static void hear(struct checkpoint *it, uint64_t wall_ns)
{
    struct checkpoint_written written;
    if (!checkpoint_writer_ended(it->writer, &written)) {
        return;
    }
    if (written.error != 0) {
        fail(it, wall_ns, written.error, written.why);
    } else {
        succeed(it, wall_ns, &written);
    }
}

/* --- ticks ---------------------------------------------------------------------------------------------------------------- */

/* Which file is due. False: none is. */
static bool choose(struct checkpoint *it, uint64_t now_ns)
{
    if (now_ns < it->totals_due_ns) {
        return false;
    }
    const bool is_full = it->full_sequence == 0 || now_ns >= it->slices_due_ns;
    it->totals_due_ns = now_ns + it->totals_ns;
    it->slices_due_ns = is_full ? now_ns + it->slices_ns : it->slices_due_ns;
    it->kind = is_full ? CHECKPOINT_FULL : CHECKPOINT_RECENT;
    it->phase = LOOKING;
    it->next = 0;
    it->book_high = it->books->high;
    return true;
}

static bool has_news(struct checkpoint *it, bool is_full, uint32_t index, uint32_t *looks)
{
    bool is_new = checkpoint_stamps_is_new_book(it->stamps, is_full, it->books, index);
    for (uint32_t account = usage_next_of(it->books, index, USAGE_NO_ACCOUNT);
         !is_new && account != USAGE_NO_ACCOUNT; account = usage_next_of(it->books, index, account)) {
        struct saved_usage usage;
        uint32_t book;
        is_new = usage_take_at(it->books, account, &book, &usage) &&
                 checkpoint_stamps_is_new_usage(it->stamps, is_full, it->books, book, account, &usage);
        ++*looks;
    }
    return is_new;
}

/* Did anything change since the last file of any kind, or the last full one? */
static void look(struct checkpoint *it, uint64_t now_ns, uint64_t wall_ns)
{
    if (it->full_sequence == 0) {
        begin(it, now_ns, wall_ns);
        return;
    }
    const bool is_full = it->kind == CHECKPOINT_FULL;
    for (uint32_t looks = 0; looks < LOOKS_A_TICK; looks++, it->next++) {
        if (it->next >= it->book_high) {
            it->phase = IDLE;
            return;
        }
        if (has_news(it, is_full, it->next, &looks)) {
            begin(it, now_ns, wall_ns);
            return;
        }
    }
}

static void advance(struct checkpoint *it, uint64_t now_ns, uint64_t wall_ns)
{
    if (it->phase == LOOKING) {
        look(it, now_ns, wall_ns);
        return;
    }
    if (it->phase == COPYING && it->text.used < BUFFER_BYTES && copy(it)) {
        add_end(it);
    }
    if (it->text.failed) {
        buffer_free(&it->text);
        fail(it, wall_ns, ENOMEM, "no memory");
    }
}

uint64_t checkpoint_tick(struct checkpoint *it, uint64_t now_ns, uint64_t wall_ns)
{
    if (it == NULL) {
        return UINT64_MAX;
    }
    if (it->phase != IDLE) {
        hear(it, wall_ns);
    }
    if (is_over(it)) {
        return UINT64_MAX;
    }
    if (it->phase == IDLE && !choose(it, now_ns)) {
        return it->totals_due_ns - now_ns;
    }
    if (it->phase == WRITING) {
        return WRITER_WAIT_NS;
    }
    const uint64_t began_ns = sr_clock_ns();
    books_commit(it->books);
    advance(it, now_ns, wall_ns);
    const bool is_free = checkpoint_writer_is_free(it->writer);
    if (is_free && !is_over(it) &&
        (it->phase == CLOSING || (it->phase == COPYING && it->text.used >= PORTION_BYTES))) {
        const bool is_last = it->phase == CLOSING;
        give(it, is_last);
        it->phase = is_last ? WRITING : COPYING;
    }
    const uint64_t took_ns = sr_clock_ns() - began_ns;
    it->stall_ns = took_ns > it->stall_ns ? took_ns : it->stall_ns;
    if (it->phase == IDLE) {
        return it->totals_due_ns - now_ns;
    }
    return it->phase == WRITING || it->phase == CLOSING || it->text.used >= BUFFER_BYTES ? WRITER_WAIT_NS : 0;
}

const struct checkpoint_figures *checkpoint_figures(struct checkpoint *checkpoint)
{
    static const struct checkpoint_figures none;
    if (checkpoint == NULL) {
        return &none;
    }
    checkpoint->figures.refused =
        checkpoint->restore_refused +
        (checkpoint->writer != NULL ? checkpoint_writer_refused(checkpoint->writer) : 0);
    return &checkpoint->figures;
}

/* --- opening and closing -------------------------------------------------------------------------------------------------- */

static void read_boot_id(char out[BOOT_ID_BYTES])
{
    memset(out, 0, BOOT_ID_BYTES);
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, out, BOOT_ID_BYTES - 1) < 0) {
            out[0] = '\0'; /* it is for people */
        }
        (void)close(fd);
    }
}

/* The folder is not to be used by this agent: it says so, in the log and by a gauge, and there is nothing more to do. */
static void stay_out(struct checkpoint *it, const struct checkpoint_folder *folder, uint64_t wall_ns,
                     int error, const char *why)
{
    it->totals_due_ns = UINT64_MAX;
    it->figures.failures = 1;
    it->figures.failing_since_wall_ns = wall_ns;
    log_event(LOG_ERROR, log_what("no checkpoints until the next start: the folder is not used"),
              log_text("folder", folder->path), log_text("store", it->store), log_text("why", why),
              log_text("error", strerror(error)));
}

static enum slipring_status open_folder(struct checkpoint *it, const char *path, uint64_t now_ns,
                                        uint64_t wall_ns)
{
    struct checkpoint_folder folder;
    struct checkpoint_restored restored = {.sequence = 0};
    const char *why = "its path is too long";
    int error = checkpoint_folder_init(&folder, path, it->store) ? 0 : ENAMETOOLONG;
    error = error != 0 ? error : checkpoint_folder_open(&folder, &why);
    if (error == EWOULDBLOCK || error == ENAMETOOLONG) {
        stay_out(it, &folder, wall_ns, error, why);
        return SLIPRING_OK;
    }
    if (error == 0) { /* else it is tried again when a file is due */
        checkpoint_restore(&folder, it->books, now_ns, wall_ns, &restored);
    }
    it->restore_refused = restored.refused;
    it->last_sequence = restored.sequence;
    const enum slipring_status status =
        restored.is_short ? SLIPRING_NO_MEMORY
                          : checkpoint_writer_open(&folder, sr_books_made_wall_ns(it->books->durable),
                                                   sr_words_get(&it->books->durable->words,
                                                                SR_WORD(store, 0, SR_STORE_RESTORED_WALL_NS)),
                                                   &it->writer);
    if (status != SLIPRING_OK) {
        checkpoint_folder_close(&folder);
    }
    return status;
}

enum slipring_status checkpoint_open(const struct options *options, struct agent_store *store,
                                     struct books *books, uint64_t now_ns, uint64_t wall_ns,
                                     struct checkpoint **out_checkpoint)
{
    char path[PATH_MAX];
    *out_checkpoint = NULL;
    saved_drop_remains(books);
    if (!checkpoint_folder_choose(options, path)) {
        return SLIPRING_OK;
    }
    struct checkpoint *it = calloc(1, sizeof *it);
    if (it == NULL) {
        return SLIPRING_NO_MEMORY;
    }
    it->books = books;
    memcpy(it->store, agent_store_name(store), strlen(agent_store_name(store)) + 1);
    it->totals_ns = options->checkpoint_totals_ns;
    it->slices_ns = options->checkpoint_slices_ns;
    read_boot_id(it->boot_id);
    it->packer = checkpoint_packer_new();
    it->stamps = checkpoint_stamps_new();
    const enum slipring_status status = it->packer == NULL || it->stamps == NULL
                                            ? SLIPRING_NO_MEMORY
                                            : open_folder(it, path, now_ns, wall_ns);
    if (status != SLIPRING_OK) {
        checkpoint_close(it);
        return status;
    }
    *out_checkpoint = it;
    return SLIPRING_OK;
}

void checkpoint_finish(struct checkpoint *it, uint64_t now_ns, uint64_t wall_ns)
{
    if (it == NULL || it->writer == NULL) {
        return;
    }
    /* What is under way is left: what was given is written, and a first portion gives up what came before it. */
    checkpoint_writer_settle(it->writer);
    hear(it, wall_ns);
    if (is_over(it)) {
        return;
    }
    it->kind = CHECKPOINT_FULL;
    books_commit(it->books);
    begin(it, now_ns, wall_ns);
    while (it->phase != WRITING && it->phase != IDLE) {
        advance(it, now_ns, wall_ns);
        if (!is_over(it) && (it->phase == CLOSING || it->text.used >= PORTION_BYTES)) {
            checkpoint_writer_settle(it->writer);
            give(it, it->phase == CLOSING);
            it->phase = it->phase == CLOSING ? WRITING : COPYING;
        }
    }
    checkpoint_writer_settle(it->writer);
    hear(it, wall_ns);
}

void checkpoint_close(struct checkpoint *it)
{
    if (it != NULL) {
        checkpoint_writer_close(it->writer);
        checkpoint_packer_free(it->packer);
        checkpoint_stamps_free(it->stamps);
        buffer_free(&it->text);
    }
    free(it);
}
