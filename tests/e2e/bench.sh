#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benchmark runs, says what it measured in JSON that parses, and finds again everything it recorded. No figure is
# compared with anything: how fast a test machine is proves nothing.
set -euo pipefail
source_dir=${SLIPRING_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
bin=${SLIPRING_BUILD_DIR:-$source_dir/build/release}/bin

work=$(mktemp -d /dev/shm/slipring-test-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
export SLIPRING_SHM_DIR=$work
fail() { echo "bench.sh: $*" >&2; exit 1; }

cases="increment same_books same_books_cost same_books_call spill spill_cost ck_ring two_clocks"
[ ! -x "$bin/slipringd" ] || cases="$cases ring_waking ring ring_cost begin_end lap"

status=0
"$bin/slipring-bench" record --json --rounds 3 --batch 20000 --bursts 5 >"$work/out" || status=$?
[ "$status" -eq 0 ] || {
    cat "$work/out"
    fail "exit status $status"
}
for name in $cases; do
    jq -es --arg name "$name" 'map(select(.name == $name)) | length == 1' "$work/out" >/dev/null ||
        fail "not one line for $name"
done
jq -es 'all(.[]; .conserved == true)' "$work/out" >/dev/null || fail "something was not found again"
jq -es 'all(.[]; .benchmark == "record" and (.ns | type) == "number" and .ns > 0 and .n > 0 and .rounds == 3
        and .record_bytes == 32 and (.batch | type) == "number" and (.pinned | type) == "boolean"
        and .ns_min <= .ns and .ns <= .ns_max and (.ratio_same_books | type) == "number" and has("spill_share"))' \
    "$work/out" >/dev/null || fail "a line lacks a figure"
jq -es 'map(select(.name == "spill" or .name == "spill_cost")) | all(.[]; .spill_share > 0.95)' "$work/out" \
    >/dev/null || fail "what was to spill did not"
jq -es 'map(select(.name == "same_books")) | .[0].ratio_same_books == 1' "$work/out" >/dev/null ||
    fail "the yardstick is not as long as itself"

# The table has the same cases; what is asked for alone is run alone.
"$bin/slipring-bench" record --rounds 1 --batch 1000 --only increment,spill >"$work/out"
[ "$(grep -cE '^(increment|spill) ' "$work/out")" -eq 2 ] || fail "--only: not the two lines that were asked for"
[ "$(grep -cE '(private|segment|books|NOT CONSERVED)  ' "$work/out")" -eq 2 ] || fail "--only: more than was asked for"

"$bin/slipring-bench" --list >"$work/list"
grep -qx record "$work/list" || fail "--list"
while read -r name; do
    "$bin/slipring-bench" "$name" --help >"$work/out" || fail "$name --help"
    for part in "usage: slipring-bench $name " OPTIONS FIELDS EXAMPLE; do
        grep -q "^$part" "$work/out" || fail "$name --help says nothing of $part"
    done
    "$bin/slipring-bench" --help | grep -q "^  $name " || fail "--help does not name $name"
done <"$work/list"
"$bin/slipring-bench" --version | grep -qE '^slipring-bench [0-9]+\.[0-9]+\.[0-9]+$' || fail "--version"
"$bin/slipring-bench" --help | grep -q -- '--rounds N' || fail "--help"

refuse() {
    local status=0
    "$bin/slipring-bench" "$@" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" -eq 2 ] || fail "$*: exit status $status, not 2"
    [ -s "$work/err" ] || fail "$*: refused without a word"
}
refuse
refuse nothing
refuse record twice
refuse record --rounds 0
refuse record --rounds -1
refuse record --rounds
refuse record --batch 1e9
refuse record --cpu 1023
refuse record --only increment,nothing
refuse record --json=yes
refuse record --fast
refuse --fast record
SLIPRING_SHM_DIR=$work/absent refuse record

rm -f "$work/out" "$work/err" "$work/list"
[ -z "$(ls -A "$work")" ] || fail "files were left behind: $(ls -A "$work")"
