/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies shared by their readers. See pages.h. */
#include "pages.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define KEY_BYTES 1024

enum {
    GZIP_WINDOW = 15 + 16, /* with a gzip head and tail */
    GZIP_MEMORY = 8,
    GZIP_LEVEL = 1,
    PACKED_ROOM = 16 * 1024, /* made at a time */
    PACKER_BYTES = 270 * 1024,
};

struct page {
    struct pages *pages;
    struct page *next;
    struct page *previous;
    unsigned readers;
    struct answer answer;
    size_t bytes; /* of its text */
    size_t span_count;
    const struct exposition_span *spans; /* the text: those of the rendering, or: */
    struct exposition_span body;
    uint64_t took_ns;
    size_t counted; /* of pages->held */
    /* Who may share it: */
    uint64_t published_ns;
    uint64_t generation;
    uint64_t made_ns;
    size_t key_bytes; /* 0: nobody */
    char key[KEY_BYTES];
    /* As gzip, as far as it was read: */
    enum { PACKING_NOT_BEGUN, PACKING, PACKED } packing;
    z_stream packer;
    size_t packing_span; /* the one in hand, and how far it is packed */
    size_t packing_done;
    struct buffer packed;
};

/* Path, type and Accept header, told apart by zeros. 0: too long, and nothing is shared then. */
static size_t make_key(const struct answer_query *query, char key[KEY_BYTES])
{
    const char *const parts[] = {query->path, query->type, query->accept};
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const size_t bytes = parts[i] == NULL ? 0 : strlen(parts[i]);
        if (bytes + 2 > KEY_BYTES - used) {
            return 0;
        }
        key[used++] = parts[i] == NULL ? '-' : '=';
        if (bytes > 0) {
            memcpy(key + used, parts[i], bytes);
        }
        used += bytes;
        key[used++] = '\0';
    }
    return used;
}

struct page *pages_find(const struct pages *pages, const struct pages_what *what, uint64_t now_ns)
{
    char key[KEY_BYTES];
    const size_t key_bytes = make_key(what->query, key);
    for (struct page *page = pages->first; page != NULL && key_bytes > 0; page = page->next) {
        if (page->key_bytes == key_bytes && page->published_ns == what->published_ns &&
            page->generation == what->generation && now_ns - page->made_ns < PAGES_FRESH_NS &&
            memcmp(page->key, key, key_bytes) == 0) {
            page->readers++;
            return page;
        }
    }
    return NULL;
}

static void count(struct page *page)
{
    const struct exposition_rendering *rendering = page->answer.rendering;
    const size_t bytes = sizeof *page + page->answer.body.room + page->packed.room +
                         (rendering == NULL ? 0 : sizeof *rendering + rendering->room) +
                         (page->packing == PACKING ? PACKER_BYTES : 0);
    page->pages->held += bytes - page->counted; /* modulo 2^64 */
    page->counted = bytes;
}

/* The answer's text passes over, with room to spare: to give that back costs the next one a fault for each page of memory, 40 ms at 10 MB. */
static void take_text(struct page *page, struct answer *answer)
{
    page->answer = *answer;
    answer->body = (struct buffer){0};
    answer->rendering = NULL;
    if (page->answer.rendering != NULL) {
        page->spans = page->answer.rendering->spans;
        page->span_count = page->answer.rendering->span_count;
        page->bytes = page->answer.rendering->bytes;
    } else {
        page->body = (struct exposition_span){page->answer.body.text, page->answer.body.used};
        page->spans = &page->body;
        page->span_count = page->body.bytes > 0;
        page->bytes = page->body.bytes;
    }
}

struct page *pages_add(struct pages *pages, const struct pages_what *what, struct answer *answer,
                       uint64_t now_ns)
{
    struct page *page = calloc(1, sizeof *page);
    if (page == NULL) {
        answer_free_body(answer);
        return NULL;
    }
    page->pages = pages;
    page->readers = 1;
    take_text(page, answer);
    page->made_ns = now_ns;
    if (what != NULL && page->answer.status == 200 && page->bytes >= PAGES_SHARED_BYTES) {
        page->published_ns = what->published_ns;
        page->generation = what->generation;
        page->key_bytes = make_key(what->query, page->key);
    }
    page->next = pages->first;
    if (page->next != NULL) {
        page->next->previous = page;
    }
    pages->first = page;
    count(page);
    return page;
}

static void end_packing(struct page *page)
{
    if (page->packing == PACKING) {
        (void)deflateEnd(&page->packer);
        page->packing = PACKED;
    }
}

void page_release(struct page *page)
{
    if (--page->readers > 0) {
        return;
    }
    end_packing(page);
    page->pages->held -= page->counted;
    if (page->previous != NULL) {
        page->previous->next = page->next;
    } else {
        page->pages->first = page->next;
    }
    if (page->next != NULL) {
        page->next->previous = page->previous;
    }
    answer_free_body(&page->answer);
    buffer_free(&page->packed);
    free(page);
}

const struct answer *page_answer(const struct page *page)
{
    return &page->answer;
}

size_t page_bytes(const struct page *page)
{
    return page->bytes;
}

void page_note_took(struct page *page, uint64_t took_ns)
{
    page->took_ns = took_ns;
}

uint64_t page_took(const struct page *page)
{
    return page->took_ns;
}

const struct exposition_span *page_spans(const struct page *page, size_t *out_count)
{
    *out_count = page->span_count;
    return page->spans;
}

static bool begin_packing(struct page *page)
{
    if (page->packing == PACKING_NOT_BEGUN) {
        if (deflateInit2(&page->packer, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                         Z_DEFAULT_STRATEGY) != Z_OK) {
            return false;
        }
        page->packing = PACKING;
    }
    return true;
}

/* Let the packer put out what it has ready. It takes no more than avail_in. */
static bool put_out(struct page *page, int flush)
{
    z_stream *packer = &page->packer;
    int result = Z_OK;
    do {
        char *room = buffer_room(&page->packed, PACKED_ROOM);
        if (room == NULL) {
            return false;
        }
        packer->next_out = (Bytef *)room;
        packer->avail_out = PACKED_ROOM;
        result = deflate(packer, flush);
        page->packed.used += PACKED_ROOM - packer->avail_out;
    } while (packer->avail_out == 0); /* BUF_ERROR: there was nothing more */
    if (result == Z_STREAM_END) {
        end_packing(page);
    }
    return result != Z_STREAM_ERROR;
}

/* Hand the packer what is left of the span in hand, at most `most`. Returns how much that is. */
static size_t put_in(struct page *page, size_t most)
{
    const struct exposition_span *span = &page->spans[page->packing_span];
    const size_t left = span->bytes - page->packing_done;
    const size_t bytes = left < most ? left : most;
    page->packer.next_in = (Bytef *)(uintptr_t)(span->text + page->packing_done);
    page->packer.avail_in = (uInt)bytes;
    page->packing_done += bytes;
    if (bytes == left) {
        page->packing_span++;
        page->packing_done = 0;
    }
    return bytes;
}

/* One step of the text, which makes one byte at least. */
static bool pack(struct page *page)
{
    if (!begin_packing(page)) {
        return false;
    }
    const size_t before = page->packed.used;
    bool good = true;
    for (size_t done = 0; good && done < PAGES_STEP_BYTES && page->packing_span < page->span_count;) {
        done += put_in(page, PAGES_STEP_BYTES - done);
        good = put_out(page, page->packing_span == page->span_count ? Z_FINISH : Z_NO_FLUSH);
    }
    good = good && (page->packed.used > before || put_out(page, Z_SYNC_FLUSH));
    count(page);
    return good;
}

ssize_t page_read_packed(struct page *page, uint64_t at, char *to, size_t room)
{
    if (at >= page->packed.used && page->packing != PACKED && !pack(page)) {
        return -1;
    }
    const size_t left = at < page->packed.used ? page->packed.used - (size_t)at : 0;
    const size_t bytes = left < room ? left : room;
    if (bytes > 0) {
        memcpy(to, page->packed.text + at, bytes);
    }
    return (ssize_t)bytes;
}
