#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benchmark `budget` runs others and shows their figures beside the budgets. Whether one is met is no matter here, nor for the
# exit status: how fast a test machine is proves nothing.
set -euo pipefail
source "$(dirname "$0")/_bench.sh"

measure budget --rounds 1 --only spill,call_spill,transport,transport_8
holds '[.[].name] == ["spill", "call_spill", "transport", "transport_8"]' "not the rows that were asked for, in order"
holds 'all(.[]; (.measured | type) == "number")' "a row without a figure"
holds '.[0].budget == 2 and .[0].moonshot == 1.3 and .[0].bound == "at most" and .[2].budget == 4 and .[2].bound == "at least"' \
    "not the budgets of the table"
holds 'all(.[]; if .budget == null then .verdict == null
                elif .bound == "at most" then (.measured <= .budget) == (.verdict != "missed")
                else (.measured >= .budget) == (.verdict != "missed") end)' "a verdict that is none"
holds 'all(.[]; (.verdict == "moonshot")
        == (.moonshot != null and (if .bound == "at most" then .measured <= .moonshot else .measured >= .moonshot end)))' \
    "a moonshot that is none"
holds '.[1].from == "record spill less spill_inline ns"' "does not say where a figure is from"

table budget --rounds 1 --only transport_8
[ "$(grep -cE '^[a-z_0-9]+ +[0-9.-]+ times' "$scratch/out")" -eq 1 ] || fail "--only: not the row that was asked for"

# What a run says is handed on: here it cannot make its folder.
SLIPRING_SHM_DIR=$work/absent refuse budget --rounds 1 --only transport
grep -q "budget: transport: exit status 2" "$scratch/err" || fail "no word of the run that failed: $(cat "$scratch/err")"
refuse budget --only nothing
nothing_is_left
