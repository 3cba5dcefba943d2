#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over libshm, libusage, agent and tools, as .clang-tidy says.
# ctest-labels: slow
# ctest-timeout: 600
# ctest-processors: 2
set -eu
source_dir=${SLIPRING_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build_dir=${SLIPRING_BUILD_DIR:-$source_dir/build/release}
cd "$source_dir"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/sample.c" <<'C'
int f(int *p);
int f(int *p)
{
    if (p)
        return 1;
    return *p;
}
C
if clang-tidy --quiet --config-file=.clang-tidy "$work/sample.c" -- -std=gnu11 >/dev/null 2>&1; then
    echo "self-check: a sample that reads through NULL passed" >&2
    exit 1
fi

[ -f "$build_dir/compile_commands.json" ] || { echo "no compile_commands.json in $build_dir" >&2; exit 1; }
list=$(find libshm libusage agent tools -name '*.c' | sort)
[ -n "$list" ] || { echo "no C files found" >&2; exit 1; }
# One file a run: with several, clang-tidy 14 takes every va_list after the first file for uninitialised.
echo "$list" | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p "$build_dir" >"$work/log" 2>"$work/err" || {
    grep -v '^[0-9]* warnings\? generated' "$work/err" >&2 || true
    cat "$work/log"
    exit 1
}
echo "$(echo "$list" | wc -l) files"
