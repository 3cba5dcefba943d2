#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every C file is as clang-format writes it; .clang-format has the style.
set -eu
cd "${SLIPRING_SOURCE_DIR:-$(dirname "$0")/../..}"

if printf 'int  f( void ){return 1 ;}\n' | clang-format --dry-run --Werror --assume-filename=sample.c 2>/dev/null; then
    echo "self-check: a badly formatted sample passed" >&2
    exit 1
fi

list=$(find include libshm libusage agent tools bench tests -name '*.[ch]' | sort)
[ -n "$list" ] || { echo "no C files found" >&2; exit 1; }
# shellcheck disable=SC2086 # a list of words is meant
clang-format --dry-run --Werror $list
echo "$(echo "$list" | wc -l) files"
