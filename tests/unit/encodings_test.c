/* SPDX-License-Identifier: Apache-2.0 */
/* Accept-Encoding, as RFC 9110 has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/http/encodings.h"

static void gzip_is_taken_where_it_is_welcome(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "gzip",       "x-gzip",     "GZip",           "deflate, gzip",  "deflate,gzip;q=0.001",
        "gzip;q=1",   "gzip;q=1.",  "gzip;q=1.000",   "gzip ; q=0.5",   "gzip;a=b;q=0.5",
        "*",          "*;q=0.1",    "br, *",          "gzip, *;q=0",    " ,, gzip ,",
        "gzip;Q=0.5", "gzip;x;q=1", "identity, gzip", "gzip;q=0, gzip",
    };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (!encodings_take_gzip(yes[i])) {
            fail_msg("'%s' takes gzip", yes[i]);
        }
    }
}

static void gzip_is_not_sent_where_it_is_not(void **state)
{
    (void)state;
    static const char *const no[] = {
        "",
        "identity",
        "br",
        "gzip;q=0",
        "gzip;q=0.000",
        "gzip; q=0",
        "*;q=0",
        "gzip;q=0,*",
        "gzipped",
        "gzi",
        "x-gzip;q=0.0",
        "gzip;q=",
        "gzip;q=2",
        "gzip;q=-1",
        "gzip;q=1.1",
        "gzip;q=0.0001",
        "gzip;q=abcd",
        ";gzip",
        "deflate; gzip",
        "gzip;q=0;q=1",
        "gzip;q=00",
    };
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        if (encodings_take_gzip(no[i])) {
            fail_msg("'%s' does not take gzip", no[i]);
        }
    }
    assert_false(encodings_take_gzip(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_is_taken_where_it_is_welcome),
        cmocka_unit_test(gzip_is_not_sent_where_it_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
