#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benchmark `drain` stops a slipringd, fills its rings, lets it go, and finds again everything it recorded. No figure is
# compared with anything: how fast a test machine is proves nothing.
set -euo pipefail
source_dir=${SLIPRING_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
bin=${SLIPRING_BUILD_DIR:-$source_dir/build/release}/bin

work=$(mktemp -d /dev/shm/slipring-test-bench-drain-XXXXXX)
trap 'rm -rf "$work"' EXIT
export SLIPRING_SHM_DIR=$work SLIPRING_CHECKPOINT=none
fail() { echo "bench_drain.sh: $*" >&2; exit 1; }

[ -x "$bin/slipringd" ] || {
    echo "no slipringd in this build: not tried"
    exit 0
}
status=0
"$bin/slipring-bench" drain --json --rounds 1 >"$work/out" || status=$?
[ "$status" -eq 0 ] || {
    cat "$work/out"
    fail "exit status $status"
}
for name in ring_1 ring_1_cost rings_16 rings_16_cost spill_16 rings_1000 rings_1000_cost; do
    jq -es --arg name "$name" 'map(select(.name == $name)) | length == 1' "$work/out" >/dev/null ||
        fail "not one line for $name"
done
jq -es 'all(.[]; .conserved == true and .checked == "books")' "$work/out" >/dev/null ||
    fail "something was not found again"
jq -es 'all(.[]; .benchmark == "drain" and .ns > 0 and .ns_min <= .ns and .ns <= .ns_max and .million_per_second > 0
        and .wall_million_per_second > 0 and .ratio_private > 0 and .n >= 8 * .rings * .burst)' "$work/out" >/dev/null ||
    fail "a line lacks a figure"
jq -es 'all(.[]; if .name == "spill_16" then .spill_share >= 0.5 else .spill_share == 0 end)' "$work/out" >/dev/null ||
    fail "what was to spill did not, or what was not did"

"$bin/slipring-bench" drain --rounds 1 --only ring_1 >"$work/out"
[ "$(grep -c '^ring_1 ' "$work/out")" -eq 1 ] || fail "--only: not the line that was asked for"
[ "$(grep -cE '(books|NOT CONSERVED)  ' "$work/out")" -eq 1 ] || fail "--only: more than was asked for"

rm -f "$work/out"
[ -z "$(ls -A "$work")" ] || fail "files were left behind: $(ls -A "$work")"
