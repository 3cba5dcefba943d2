#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `slipring-bench scale`, shortly: processes and threads, more than there are processors, and nothing of theirs is missing.
# ctest-processors: 2
set -euo pipefail
source "$(dirname "$0")/_bench.sh"

if ! has_agent; then
    refuse scale
    exit 0
fi
measure scale --rounds 2 --span 10 --producers 1,2,7
holds 'map(.name) | sort == (["processes", "threads", "private"] | map(. + ("_1", "_2", "_7")) | sort)' "not every case"
holds 'all(.[]; .records_per_second > 0 and .ns_wall > 0 and .ns_cpu > 0 and .n > 0 and .cpus >= 1
        and .ns_cpu_min <= .ns_cpu and .ns_cpu <= .ns_cpu_max and (.name == "\(.kind)_\(.producers)"))' "a line lacks a figure"
holds 'all(.[]; (.ratio_one | type) == "number" and (.ratio_cpu_one | type) == "number"
        and (.ratio_same_books | type) == "number")' "a ratio is missing"
holds 'all(.[]; if .producers == 1 then .ratio_one == 1 and .ratio_cpu_one == 1 else true end)' "one is not as much as one"
holds 'all(.[]; if .kind == "private" then .spill_share == null and .checked == "private" and .ratio_same_books == 1
        else (.spill_share | type) == "number" and .checked == "books" end)' "where it was checked"

# Without one producer, and without the yardstick, there is nothing to compare with.
measure scale --rounds 1 --span 5 --producers 2 --only threads
holds 'length == 1 and .[0].ratio_one == null and .[0].ratio_same_books == null' "a ratio to nothing"
table scale --rounds 1 --span 5 --producers 1,2 --only processes
[ "$(grep -cE '^processes_[12] .* books' "$scratch/out")" -eq 2 ] || fail "not two rows"
refuse scale --producers 1,0
refuse scale --producers 65
refuse scale --only fibres
refuse scale --seconds 1
nothing_is_left
