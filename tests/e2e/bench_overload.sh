#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `slipring-bench overload`, shortly: what the producers counted is what the books hold, in every figure that is published.
# ctest-processors: 2
set -euo pipefail
source "$(dirname "$0")/_bench.sh"

if ! has_agent; then
    refuse overload
    exit 0
fi
measure overload --seconds 1 --stop 100 --producers 2,3
holds 'map(.producers) == [2, 3]' "not a line for each number of producers"
holds 'all(.[]; .checked == "books" and .n > 0 and .differ == 0 and .compared > 700 and .stops >= 1
        and .stopped_share > 0 and .spill_share > 0 and .records_per_second > 0 and .ns_cpu > 0 and .seconds > 0
        and has("catch_up_ms") and has("catch_up_max_ms") and .last_catch_up_ms > 0)' "a line lacks a figure"
table overload --seconds 1 --stop 300 --producers 1
grep -qE '^overload_1 .* books' "$scratch/out" || fail "no row"
refuse overload --producers 0
refuse overload --producers 65
refuse overload --producers 2,
refuse overload --stop 0
refuse overload --rounds 2
nothing_is_left

# Killed while slipringd stands still: it and the producers do not stay behind.
"$bin/slipring-bench" overload --seconds 600 --stop 10000 --producers 2 >/dev/null 2>&1 &
bench=$!
trap 'kill -KILL "$bench" 2>/dev/null || true; rm -rf "$work" "$scratch"' EXIT

await() { # COMMAND...
    local turn
    for turn in $(seq 600); do
        if "$@"; then
            return 0
        fi
        sleep 0.05
    done
    fail "never: $*"
}
state_of() { sed -nE 's/.*\) (.) .*/\1/p' "/proc/$1/stat" 2>/dev/null || true; }
agent_stands_still() {
    agent=$(pgrep -P "$bench" -x slipringd) && [ "$(state_of "$agent")" = T ]
}
is_gone() { [[ $(state_of "$1") =~ ^Z?$ ]]; }
await agent_stands_still
children=$(pgrep -P "$bench")
kill -KILL "$bench"
wait "$bench" 2>/dev/null || true
for child in $children; do
    await is_gone "$child"
done
