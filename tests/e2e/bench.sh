#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benchmark program: its pages and refusals, and `record`, which says what it measured in JSON that parses, and finds again
# everything it recorded. No figure is compared with anything: how fast a test machine is proves nothing.
set -euo pipefail
source "$(dirname "$0")/_bench.sh"

cases="increment same_books same_books_cost same_books_call spill_inline spill spill_cost ck_ring two_clocks"
! has_agent || cases="$cases ring_waking ring_inline ring ring_cost direct begin_end lap"

measure record --rounds 3 --batch 20000 --bursts 5
for name in $cases; do
    holds "map(select(.name == \"$name\")) | length == 1" "not one line for $name"
done
holds 'all(.[]; (.ns | type) == "number" and .ns > 0 and .n > 0 and .rounds == 3 and .record_bytes == 8
        and (.batch | type) == "number" and .ns_min <= .ns and .ns <= .ns_max
        and (.ratio_same_books | type) == "number" and has("spill_share"))' "a line lacks a figure"
holds 'map(select(.name == "spill" or .name == "spill_cost")) | all(.[]; .spill_share > 0.95)' \
    "what was to spill did not"
holds 'map(select(.name == "same_books")) | .[0].ratio_same_books == 1' "the yardstick is not as long as itself"

# The table has the same cases; what is asked for alone is run alone.
table record --rounds 1 --batch 1000 --only increment,spill
[ "$(grep -cE '^(increment|spill) ' "$scratch/out")" -eq 2 ] || fail "--only: not the two lines that were asked for"
[ "$(grep -cE '(private|segment|books)  ' "$scratch/out")" -eq 2 ] || fail "--only: more than was asked for"

# Pages.
"$bin/slipring-bench" --version >"$scratch/out"
grep -qE '^slipring-bench [0-9]+\.[0-9]+\.[0-9]+$' "$scratch/out" || fail "--version"
"$bin/slipring-bench" --help >"$scratch/help"
grep -q -- '--rounds N' "$scratch/help" || fail "--help"
"$bin/slipring-bench" --list >"$scratch/list"
grep -qx record "$scratch/list" || fail "--list"
while read -r name; do
    "$bin/slipring-bench" "$name" --help >"$scratch/out" || fail "$name --help"
    for part in "usage: slipring-bench $name " OPTIONS FIELDS EXAMPLE; do
        grep -q "^$part" "$scratch/out" || fail "$name --help says nothing of $part"
    done
    grep -q "^  $name " "$scratch/help" || fail "--help does not name $name"
done <"$scratch/list"

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
refuse record --producers 2 # another one's
grep -q "record takes no --producers" "$scratch/err" || fail "an option of another benchmark: $(cat "$scratch/err")"
SLIPRING_SHM_DIR=$work/absent refuse record
nothing_is_left
