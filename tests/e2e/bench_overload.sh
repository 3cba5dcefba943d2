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
