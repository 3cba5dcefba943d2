/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies and their readers: who shares which, what is held, and what gzip makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "agent/http/pages.h"

#define NOW UINT64_C(1000000000)

static struct pages pages;

static const struct answer_query metrics = {.path = "/metrics", .accept = "text/plain"};
static const struct pages_what what = {.query = &metrics, .published_ns = 7, .generation = 3};

/* `bytes` of text that gzip makes something of, or, with a seed, nothing. */
static struct answer answer_of(size_t bytes, unsigned seed)
{
    struct answer answer = {.status = 200, .content_type = "text/plain"};
    uint32_t state = seed;
    while (answer.body.used < bytes) {
        state = state * 1664525u + 1013904223u;
        const char letter = (char)(seed == 0 ? 'a' : state >> 24);
        buffer_add(&answer.body, &letter, 1);
    }
    assert_false(answer.body.failed);
    return answer;
}

static struct page *add(const struct pages_what *of, size_t bytes)
{
    struct answer answer = answer_of(bytes, 0);
    struct page *page = pages_add(&pages, of, &answer, NOW);
    assert_non_null(page);
    assert_null(answer.body.text);
    return page;
}

static int none_is_left(void **state)
{
    (void)state;
    assert_null(pages.first);
    assert_int_equal(pages.held, 0);
    return 0;
}

static void who_asks_for_the_same_while_it_is_read_shares_it(void **state)
{
    (void)state;
    struct page *page = add(&what, 100000);
    const size_t held = pages.held;
    assert_in_range(held, 100000, 110000);
    for (int i = 0; i < 60; i++) {
        assert_ptr_equal(pages_find(&pages, &what, NOW + (uint64_t)i), page);
    }
    assert_int_equal(pages.held, held);
    for (int i = 0; i < 61; i++) {
        assert_int_equal(pages.held, held);
        page_release(page);
    }
    assert_null(pages_find(&pages, &what, NOW));
}

static void another_page_moment_configuration_or_format_is_not_shared(void **state)
{
    (void)state;
    struct page *page = add(&what, 100000);
    const struct answer_query others[] = {
        {.path = "/metrics", .accept = "text/plain;q=1"},
        {.path = "/metrics"},
        {.path = "/metrics", .accept = "text/plain", .type = ""},
        {.path = "/metric", .accept = "text/plain"},
        {.path = "/metrics", .type = "text/plain"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct pages_what other = {.query = &others[i], .published_ns = 7, .generation = 3};
        assert_null(pages_find(&pages, &other, NOW));
    }
    const struct pages_what later = {.query = &metrics, .published_ns = 8, .generation = 3};
    const struct pages_what reloaded = {.query = &metrics, .published_ns = 7, .generation = 4};
    assert_null(pages_find(&pages, &later, NOW));
    assert_null(pages_find(&pages, &reloaded, NOW));
    assert_null(pages_find(&pages, &what, NOW + PAGES_FRESH_NS));
    page_release(page);
}

static void small_and_failed_answers_are_nobody_elses(void **state)
{
    (void)state;
    struct page *small = add(&what, PAGES_SHARED_BYTES - 1);
    assert_null(pages_find(&pages, &what, NOW));
    struct answer bad = answer_of(100000, 0);
    bad.status = 500;
    struct page *failed = pages_add(&pages, &what, &bad, NOW);
    assert_null(pages_find(&pages, &what, NOW));
    struct page *unknown = add(NULL, 100000);
    assert_null(pages_find(&pages, &what, NOW));
    char accept[2000];
    memset(accept, 'a', sizeof accept);
    accept[sizeof accept - 1] = '\0';
    const struct answer_query query = {.path = "/metrics", .accept = accept};
    const struct pages_what longer = {.query = &query, .published_ns = 7, .generation = 3};
    struct page *unkeyed = add(&longer, 100000);
    assert_null(pages_find(&pages, &longer, NOW));
    page_release(failed); /* in no order */
    page_release(unkeyed);
    page_release(small);
    page_release(unknown);
}

static void a_text_is_one_span_where_it_was_made(void **state)
{
    (void)state;
    struct answer answer = answer_of(1000, 5);
    const char *text = answer.body.text;
    struct page *page = pages_add(&pages, NULL, &answer, NOW);
    size_t count;
    const struct exposition_span *spans = page_spans(page, &count);
    assert_int_equal(page_bytes(page), 1000);
    assert_int_equal(count, 1);
    assert_ptr_equal(spans[0].text, text);
    assert_int_equal(spans[0].bytes, 1000);
    page_release(page);
    struct answer nothing = {.status = 200};
    page = pages_add(&pages, NULL, &nothing, NOW);
    (void)page_spans(page, &count);
    assert_int_equal(count, 0);
    page_release(page);
}

/* Reads all of it in parts of `step`, and unpacks that. */
static void check_gzip(struct page *page, const char *text, size_t bytes, size_t step)
{
    static char packed[4 << 20];
    static char unpacked[4 << 20];
    size_t used = 0;
    ssize_t got = 0;
    while ((got = page_read_packed(page, used, packed + used, step)) > 0) {
        used += (size_t)got;
        assert_true(used + step <= sizeof packed);
    }
    assert_int_equal(got, 0);
    z_stream stream = {.next_in = (Bytef *)packed,
                       .avail_in = (uInt)used,
                       .next_out = (Bytef *)unpacked,
                       .avail_out = sizeof unpacked};
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, bytes);
    assert_memory_equal(unpacked, text, bytes);
    (void)inflateEnd(&stream);
}

static void gzip_of_any_text_in_any_parts_is_that_text(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        1, 1000, PAGES_STEP_BYTES - 1, PAGES_STEP_BYTES, PAGES_STEP_BYTES + 1, 3 * PAGES_STEP_BYTES, 3000001};
    static const size_t steps[] = {100000, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (unsigned seed = 0; seed < 2; seed++) {
            struct answer answer = answer_of(sizes[i], seed);
            char *text = malloc(sizes[i]);
            memcpy(text, answer.body.text, sizes[i]);
            struct page *page = pages_add(&pages, NULL, &answer, NOW);
            for (size_t k = 0; k < 2; k++) {
                check_gzip(page, text, sizes[i], steps[k]); /* the second time it is packed already */
            }
            page_release(page);
            free(text);
        }
    }
}

static void who_reads_behind_takes_what_was_packed_for_the_foremost(void **state)
{
    (void)state;
    char ahead[1 << 16];
    char behind[1 << 16];
    struct answer answer = answer_of(20 * PAGES_STEP_BYTES, 9);
    struct page *page = pages_add(&pages, NULL, &answer, NOW);
    const size_t before = pages.held;
    const ssize_t first = page_read_packed(page, 0, ahead, sizeof ahead);
    assert_true(first > 0);
    const size_t held = pages.held;
    assert_true(held > before && held - before < 1 << 20);
    assert_int_equal(page_read_packed(page, 0, behind, sizeof behind), first);
    assert_memory_equal(ahead, behind, (size_t)first);
    assert_int_equal(pages.held, held);
    page_release(page); /* half packed */
}

/* Two families of 300,000 bytes, which gzip makes nothing of. */
static struct exposition exposition;
static struct answer rendered(void)
{
    struct answer lines = answer_of(300000, 11);
    exposition_begin(&exposition, EXPOSITION_OPENMETRICS);
    buffer_add(&exposition.families[FAMILY_primitive_requests_total], lines.body.text, lines.body.used);
    buffer_add(&exposition.families[FAMILY_primitive_active_requests], lines.body.text, lines.body.used);
    buffer_free(&lines.body);
    struct answer answer = {.status = 200, .rendering = exposition_finish(&exposition)};
    assert_non_null(answer.rendering);
    return answer;
}

static const char *lines_of(const struct answer *answer)
{
    return answer->rendering->families[FAMILY_primitive_requests_total].text;
}

static void a_rendering_is_read_where_it_was_made(void **state)
{
    (void)state;
    struct answer answer = rendered();
    const char *lines = lines_of(&answer);
    struct buffer whole = {0};
    exposition_join(answer.rendering, &whole);
    struct page *page = pages_add(&pages, &what, &answer, NOW);
    assert_null(answer.rendering);
    assert_ptr_equal(pages_find(&pages, &what, NOW), page);
    assert_in_range(pages.held, 600000, 1000000);
    size_t count;
    const struct exposition_span *spans = page_spans(page, &count);
    assert_int_equal(count, 5); /* heading, lines, heading, lines, and the end */
    assert_ptr_equal(spans[1].text, lines);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(whole.text + at, spans[i].text, spans[i].bytes);
        at += spans[i].bytes;
    }
    assert_int_equal(at, whole.used);
    assert_int_equal(page_bytes(page), whole.used);
    check_gzip(page, whole.text, whole.used, 10000);
    page_release(page);
    page_release(page);
    buffer_free(&whole);
    exposition_free(&exposition);
}

static void the_memory_of_a_rendering_is_for_the_next_one_when_nobody_reads_it(void **state)
{
    (void)state;
    struct answer first = rendered();
    const char *lines = lines_of(&first);
    struct page *page = pages_add(&pages, NULL, &first, NOW);
    struct answer second = rendered();
    assert_ptr_not_equal(lines_of(&second), lines);
    struct page *other = pages_add(&pages, NULL, &second, NOW);
    page_release(page);
    page_release(other); /* as large: one is kept */
    assert_ptr_equal(exposition.families[FAMILY_primitive_requests_total].text, lines);
    exposition_free(&exposition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(who_asks_for_the_same_while_it_is_read_shares_it, none_is_left),
        cmocka_unit_test_teardown(another_page_moment_configuration_or_format_is_not_shared, none_is_left),
        cmocka_unit_test_teardown(small_and_failed_answers_are_nobody_elses, none_is_left),
        cmocka_unit_test_teardown(a_text_is_one_span_where_it_was_made, none_is_left),
        cmocka_unit_test_teardown(gzip_of_any_text_in_any_parts_is_that_text, none_is_left),
        cmocka_unit_test_teardown(who_reads_behind_takes_what_was_packed_for_the_foremost, none_is_left),
        cmocka_unit_test_teardown(a_rendering_is_read_where_it_was_made, none_is_left),
        cmocka_unit_test_teardown(the_memory_of_a_rendering_is_for_the_next_one_when_nobody_reads_it,
                                  none_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
