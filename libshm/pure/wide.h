/* SPDX-License-Identifier: Apache-2.0 */
/* A 128-bit unsigned integer, for products of two 64-bit ones. gcc and clang have it on every 64-bit machine. */
#ifndef SR_PURE_WIDE_H
#define SR_PURE_WIDE_H

__extension__ typedef unsigned __int128 sr_wide;

#endif
