#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `slipring-bench latency`, shortly: every call is in a range of the histogram, and nothing that was recorded is missing.
set -euo pipefail
source "$(dirname "$0")/_bench.sh"

cases="empty same_books spill spill_cost"
! has_agent || cases="$cases ring ring_cost"
measure latency --bursts 20
rows='map(select(.name != "histogram"))'
ranges='map(select(.name == "histogram"))'
for name in $cases; do
    holds "$rows | map(select(.name == \"$name\")) | length == 1" "not one line for $name"
    holds "($ranges | map(.$name) | add) == ($rows | map(select(.name == \"$name\"))[0].n)" "the histogram lacks calls of $name"
done
holds "$rows | all(.[]; .n >= 20 * 512 and .mean99_ns > 0 and .p50_ns <= .p99_ns and .p99_ns <= .p999_ns
        and .p999_ns <= .p9999_ns and .p9999_ns <= .worst_ns * 1.011 and .mean_ns > 0 and .resolution_ns > 0
        and (.timer == \"ticks\" or .timer == \"clock\") and has(\"spill_share\")
        and all(.over_mean99_ns, .over_p50_ns, .over_p99_ns, .over_p999_ns, .over_p9999_ns, .over_worst_ns;
                type == \"number\"))" "a line lacks a figure"
holds "$rows | map(select(.name == \"empty\"))[0] | .over_p50_ns == 0 and .over_worst_ns == 0" "empty differs from itself"
holds "$rows | map(select(.name == \"spill\" or .name == \"spill_cost\")) | all(.[]; .spill_share > 0.9)" \
    "what was to spill did not"
holds "$ranges | all(.[]; .from_ns < .to_ns) and . == sort_by(.from_ns)" "ranges"

table latency --bursts 5 --only spill
[ "$(grep -cE '^(empty|spill) ' "$scratch/out")" -eq 2 ] || fail "--only: not the two lines that were asked for"
grep -q '^histogram ' "$scratch/out" || fail "no histogram"
refuse latency --only full
refuse latency --batch 10
nothing_is_left
