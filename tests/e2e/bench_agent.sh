#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benchmarks of what the agent does, and of the memory that it takes, each in a small version: they run, say what they
# measured in JSON that parses, and find again everything they recorded. No figure of time is compared with anything.
set -euo pipefail
source_dir=${SLIPRING_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
bin=${SLIPRING_BUILD_DIR:-$source_dir/build/release}/bin
[ -x "$bin/slipringd" ] || exit 0 # a build without the agent

work=$(mktemp -d /dev/shm/slipring-test-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
export SLIPRING_SHM_DIR=$work SLIPRING_CHECKPOINT=none
fail() { echo "bench_agent.sh: $*" >&2; exit 1; }

# bench NAME "CASE..." OPTION...: a line for each case in $work/out, all of them conserved.
bench() {
    local name=$1 cases=$2 status=0
    shift 2
    "$bin/slipring-bench" "$name" --json "$@" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" -eq 0 ] || {
        cat "$work/out" "$work/err"
        fail "$name: exit status $status"
    }
    [ "$(jq -rs 'map(.name) | join(" ")' "$work/out")" = "$cases" ] || fail "$name: not a line for each of $cases"
    holds "$name" '.conserved == true and (.pinned | type) == "boolean"'
}

# holds NAME CONDITION: for every line of $work/out.
holds() {
    jq -es "all(.[]; .benchmark == \"$1\" and ($2))" "$work/out" >/dev/null || {
        cat "$work/out"
        fail "$1: not for every line: $2"
    }
}

bench scrape "p1 p1000 p1000_dead" --rounds 1 --only p1,p1000,p1000_dead --dead 20
holds scrape '.ms > 0 and .ms_min <= .ms and .ms <= .ms_max and .cpu_ms > 0 and .render_ms > 0 and .bytes > .series'
holds scrape '.series >= 20 * .primitives and .scrapes > 0'
holds scrape 'if .name == "p1000_dead" then .dead == 20 and .ratio_living > 0 else has("dead") | not end'
holds scrape 'if .name == "p1" then .primitives == 2 else .primitives == 1001 end' # __overflow__ is one

bench readback "two_clocks copy read copy_detail read_detail slo_read budget budget_named burn burn_named copy_cold read_cold" --rounds 3 --batch 20000
holds readback '.ns > 0 and .ns_min <= .ns and .ns <= .ns_max and .torn == 0 and .n > 0 and .ratio_two_clocks > 0'
holds readback '(.name | test("^slo_read|^budget|^burn")) == (.ratio_copy == null)' # nothing is copied as it stands
holds readback '.publishings > 0'

bench idle "empty sliding" --only empty,sliding --rounds 1 --seconds 1 --processes 2 --threads 2 --primitives 25
holds idle '.cpu_share >= .drain_share and .switches_per_second > 0 and .seconds == 1'
holds idle 'if .name == "sliding" then .rings == 100 and .primitives == 25 and .processes == 2 else .rings == 0 end'

bench checkpoint "all ten" --primitives 20 --seconds 3 --dir "$work"
holds checkpoint '.stall_ms > 0 and .write_ms > 0 and .full_bytes > 20 * 100 and .seconds == 3 and .primitives == 20'
holds checkpoint '.changing == if .name == "all" then 20 else 10 end'

bench rss "5x2x2_registered 5x2x2_recorded 5x2x2_spilled" --primitives 5 --processes 2 --threads 2
holds rss '.ring_bytes > 0 and .stats_bytes > 0 and .agent_anon_bytes > 0 and .producer_anon_bytes > 0'
holds rss 'if .stage == "registered" then .rings == 0 else .rings == 20 and .ring_bytes_per_unit >= 8192 end'
holds rss '.spilled_rings == if .stage == "spilled" then 20 else 0 end'

mkdir "$work/files"
seq 1000 >"$work/files/numbers"
seq 5000 >"$work/files/more"
bench demo "plain recording" --rounds 1 --workers 2 --no-valgrind --dir "$work/files"
holds demo '.files == 2 and .bytes > 20000 and .wall_ms > 0 and .cpu_ms > 0 and .instructions == null'
holds demo 'if .name == "recording" then .records == 8 and (.cpu_overhead | type) == "number" else .cpu_overhead == null end'
rm -r "$work/files"

rm -f "$work/out" "$work/err"
[ -z "$(ls -A "$work")" ] || fail "files were left behind: $(ls -A "$work")"
