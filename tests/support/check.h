/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that work wherever a test runs: in the test's own thread they fail the test as cmocka's do; in a forked child or another
 * thread they print and end the process with status 101, which whoever waits for it takes for a failure. */
#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <slipring/status.h>

#define CHECK_EXIT_STATUS 101

/* 1: a sanitizer's runtime is in the process, with an address space of terabytes; with ideas of its own about forks of several
 * threads, and about signals. */
#ifdef __has_feature
#define CHECK_HAS_FEATURE(feature) __has_feature(feature)
#else
#define CHECK_HAS_FEATURE(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || CHECK_HAS_FEATURE(thread_sanitizer)
#define CHECK_UNDER_TSAN 1
#else
#define CHECK_UNDER_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || CHECK_HAS_FEATURE(address_sanitizer)
#define CHECK_IS_SANITIZED 1
#else
#define CHECK_IS_SANITIZED CHECK_UNDER_TSAN
#endif

#define CHECK(condition)        ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, "not so: %s", #condition))
#define CHECK_EQUAL(got, want)  check_equal(__FILE__, __LINE__, #got, (uint64_t)(got), (uint64_t)(want))
#define CHECK_STATUS(got, want) check_status(__FILE__, __LINE__, #got, (got), (want))
#define CHECK_OK(got)           CHECK_STATUS(got, SLIPRING_OK)

/* The process and thread in which cmocka runs: called once by place_run(). */
void check_runs_here(void);

void check_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void check_equal(const char *file, int line, const char *what, uint64_t got, uint64_t want);
void check_status(const char *file, int line, const char *what, enum slipring_status got,
                  enum slipring_status want);

#endif
