/* SPDX-License-Identifier: Apache-2.0 */
/* The one status type of Slipring, and what each value says to a person. */
#ifndef SLIPRING_STATUS_H
#define SLIPRING_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* 0 is success everywhere. Functions that can fail return this and must be checked; on failure their
 * out_ arguments are untouched unless their comment says otherwise. */
enum slipring_status {
#define SLIPRING_STATUS(name, value, text) SLIPRING_##name = (value),
#include <slipring/status.def>
#undef SLIPRING_STATUS
};

#if defined(__GNUC__)
#define SLIPRING_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SLIPRING_MUST_CHECK
#endif

/* The sentence for people: what happened and what to do. Static storage, never NULL, also for values that
 * are no status. Thread, fork and signal safe. */
const char *slipring_status_text(enum slipring_status status);

/* The bare name, "NO_SPACE". Static storage, never NULL. Thread, fork and signal safe. */
const char *slipring_status_name(enum slipring_status status);

#ifdef __cplusplus
}
#endif
#endif
