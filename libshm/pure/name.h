/* SPDX-License-Identifier: Apache-2.0 */
/* Names: of primitives, their types, cost categories and stores. Checked at every door they come in by, also by
 * the agent when it copies them out of shared memory. The limits in bytes (SLIPRING_PRIMITIVE_NAME_MAX and its
 * like) are in slipring/store.h.
 * Pure: safe in any thread, process or signal handler; no allocation, no locale. */
#ifndef SR_PURE_NAME_H
#define SR_PURE_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum sr_name {
#define SR_NAME_ROW(name, text) SR_NAME_##name,
#include "pure/name.def"
#undef SR_NAME_ROW
    SR_NAME_COUNT,
};

/* What is wrong, to be put after the name: "the name 'x' is not valid UTF-8". Never NULL. */
const char *sr_name_text(enum sr_name result);

/* A primitive's, type's or category's name: 1 to max_bytes bytes of UTF-8 (no overlong form, surrogate, or
 * code point above U+10FFFF) without control characters (U+0000 to U+001F, U+007F to U+009F). name is
 * zero-terminated; of a longer one at most max_bytes + 1 bytes are read. NULL is EMPTY. The first fault from
 * the left is told, after EMPTY and TOO_LONG. */
SR_MUST_CHECK enum sr_name sr_name_check(const char *name, size_t max_bytes);

/* The same for a name that need not be terminated: exactly `length` bytes, a zero among them is CONTROL. */
SR_MUST_CHECK enum sr_name sr_name_check_bytes(const char *name, size_t length, size_t max_bytes);

/* The same for a name that may be a glob of fnmatch(3), whose brackets are closed: OPEN_BRACKET else, for such a one matches nothing but what is
 * written so. */
SR_MUST_CHECK enum sr_name sr_name_check_glob(const char *glob, size_t max_bytes);

/* A store's name: 1 to 64 of A-Z a-z 0-9 . _ - and not begun with '.' or '-': it becomes a file's name. NULL
 * is EMPTY. */
SR_MUST_CHECK enum sr_name sr_name_check_store(const char *name);

/* A hash of the pair (name, type), both zero-terminated, the same on every machine: FNV-1a over name, a zero
 * byte and type, then the murmur3 finaliser so that every bit depends on all. Never 0. Not for hostile input
 * beyond what a bounded probe stands. */
uint64_t sr_name_hash(const char *name, const char *type);

#endif
