#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Instructions a record takes, counted by callgrind: exact and the same on every machine, unlike any time. The
# ceilings are generous; what passes one has grown a step that it did not have, or lost its inlining.
# ctest-timeout: 300
set -euo pipefail
source_dir=${SLIPRING_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build_dir=${SLIPRING_BUILD_DIR:-$source_dir/build/release}

work=$(mktemp -d /dev/shm/slipring-test-callgrind-XXXXXX)
trap 'rm -rf "$work"' EXIT
export SLIPRING_SHM_DIR=$work
fail() { echo "callgrind.sh: $*" >&2; exit 1; }

# Without debug information, which valgrind 3.19 cannot read when clang wrote it. No slipringd beside it: none is needed.
bench=$work/slipring-bench
objcopy --strip-debug "$build_dir/bin/slipring-bench" "$bench"

# count CASE BATCH FUNCTION: "instructions records", inside FUNCTION, of a run of two batches.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect="$3" "$bench" record --json \
        --rounds 1 --only "$1" --batch "$2" >"$work/json" 2>"$work/log" || {
        cat "$work/log" >&2
        fail "$1: the benchmark failed under valgrind"
    }
    jq -e .conserved "$work/json" >/dev/null || fail "$1: something was not found again"
    echo "$(sed -n 's/.*Collected : *//p' "$work/log") $(jq .n "$work/json")"
}

# per_record CASE FUNCTION FEW MANY: the difference of a long and a short run leaves out what is done once.
per_record() {
    local few many
    few=$(count "$1" "$3" "$2")
    many=$(count "$1" "$4" "$2")
    echo "$few $many" | awk '{ printf "%.1f", ($3 - $1) / ($4 - $2) }'
}

# An optimised build without crash points is the only one that the ceilings are for.
cache=$build_dir/CMakeCache.txt
is_release=no
if grep -qE '^CMAKE_BUILD_TYPE:[A-Z]*=(RelWithDebInfo|Release)$' "$cache" &&
    ! grep -qE '^SLIPRING_CRASHPOINTS:BOOL=ON$|^SLIPRING_SANITIZE:STRING=.+$' "$cache"; then
    is_release=yes
fi

# check TITLE CEILING CASE FUNCTION FEW MANY
check() {
    local instructions
    instructions=$(per_record "$3" "$4" "$5" "$6")
    printf '%-44s %6s   ceiling %s\n' "$1" "$instructions" "$2"
    awk -v n="$instructions" 'BEGIN { exit !(n > 1) }' || fail "$3: nothing was counted in $4()"
    [ "$is_release" = no ] || awk -v n="$instructions" -v most="$2" 'BEGIN { exit !(n <= most) }' ||
        fail "$3: $instructions instructions a record, more than $2"
}

[ "$is_release" = yes ] || echo "no optimised build: counted, not compared"
check "same books (with the loop around it)" 60 same_books measure_same_books 4096 36864
check "slipring_record() into the ring" 65 spill slipring_record 16 48
check "slipring_record() into the spill" 115 spill slipring_record 4096 36864
check "slipring_record_inline() into the spill (with the loop)" 115 spill_inline measure_spill_inline 4096 36864
check "slipring_record_inline() into the ring (with the loop)" 65 spill_inline measure_spill_inline 16 48
check "slipring_record() with a cost into the ring" 95 spill_cost slipring_record 16 48
check "slipring_record() with a cost into the spill" 165 spill_cost slipring_record 4096 36864

# Records and spans, with a trace and without: a program that makes a known number of them (record_count_test.c). The difference of a
# long and a short run leaves out what is done once.
record_test=$work/e2e-record_count
objcopy --strip-debug "$build_dir/tests/e2e-record_count" "$record_test"

# count_records FUNCTION KIND RECORDS: instructions inside FUNCTION.
count_records() {
    RECORD_COUNT="$2 $3" SLIPRING_CLOCK=monotonic valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --toggle-collect="$1" "$record_test" >"$work/out" 2>"$work/log" || {
        cat "$work/out" "$work/log" >&2
        fail "$2: the records failed under valgrind"
    }
    awk '/Collected/ { sum += $NF } END { print sum }' "$work/log" # the test is a child
}

# check_records TITLE CEILING FUNCTION KIND
check_records() {
    local few many instructions
    few=$(count_records "$3" "$4" 20)
    many=$(count_records "$3" "$4" 60)
    instructions=$(awk -v few="$few" -v many="$many" 'BEGIN { printf "%.1f", (many - few) / 40 }')
    printf '%-44s %6s   ceiling %s\n' "$1" "$instructions" "$2"
    awk -v n="$instructions" 'BEGIN { exit !(n > 1) }' || fail "$1: nothing was counted"
    [ "$is_release" = no ] || awk -v n="$instructions" -v most="$2" 'BEGIN { exit !(n <= most) }' ||
        fail "$1: $instructions instructions, more than $2"
}

check_records "slipring_record(), plain" 65 slipring_record record
check_records "slipring_begin(), plain (with a clock)" 90 slipring_begin span
check_records "slipring_end(), plain (with a clock)" 165 slipring_end span
check_records "slipring_record_traced()" 210 slipring_record_traced traced
check_records "slipring_end_traced() (with a clock)" 300 slipring_end_traced traced_span

# The agent: a program that drains a known number of samples and finds them again (drain_count_test.c).
drain_test=$work/e2e-drain_count
objcopy --strip-debug "$build_dir/tests/e2e-drain_count" "$drain_test"

# count_drain FUNCTION RINGS BURST ROUNDS COST QUIET: instructions inside FUNCTION.
count_drain() {
    DRAIN_COUNT="$2 $3 $4 $5 $6" valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect="$1" "$drain_test" \
        >"$work/out" 2>"$work/log" || {
        cat "$work/out" "$work/log" >&2
        fail "the drain failed under valgrind"
    }
    awk '/Collected/ { sum += $NF } END { print sum }' "$work/log" # the test is a child
}

# check_drain TITLE CEILING FEW MANY UNITS: instructions a unit, of which the second run has so many more.
check_drain() {
    local instructions
    instructions=$(awk -v few="$3" -v many="$4" -v units="$5" 'BEGIN { printf "%.1f", (many - few) / units }')
    printf '%-44s %6s   ceiling %s\n' "$1" "$instructions" "$2"
    awk -v n="$instructions" 'BEGIN { exit !(n > 1) }' || fail "$1: nothing was counted"
    [ "$is_release" = no ] || awk -v n="$instructions" -v most="$2" 'BEGIN { exit !(n <= most) }' ||
        fail "$1: $instructions instructions, more than $2"
}

check_drain "drain: a sample" 110 "$(count_drain intake_take_ring 16 32 8 0 0)" \
    "$(count_drain intake_take_ring 16 96 8 0 0)" $((16 * 64 * 8))
check_drain "drain: a sample with a cost" 200 "$(count_drain intake_take_ring 16 32 8 1 0)" \
    "$(count_drain intake_take_ring 16 96 8 1 0)" $((16 * 64 * 8))
check_drain "drain: a visit of a ring with one sample" 2400 "$(count_drain intake_take_ring 16 1 8 0 0)" \
    "$(count_drain intake_take_ring 16 1 24 0 0)" $((16 * 16))
few=$(count_drain drain_tick 100 1 1 0 100)
check_drain "drain: a quiet ring, each tick" 42 "$few" "$(count_drain drain_tick 900 1 1 0 100)" $((800 * 100))
check_drain "drain: a quiet tick, 100 rings" 25000 "$few" "$(count_drain drain_tick 100 1 1 0 200)" 100
