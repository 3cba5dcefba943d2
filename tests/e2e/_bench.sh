# SPDX-License-Identifier: Apache-2.0
# What the tests of slipring-bench share: a folder of their own, running a benchmark, asking its JSON. Sourced.
source_dir=${SLIPRING_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
bin=${SLIPRING_BUILD_DIR:-$source_dir/build/release}/bin
test_name=$(basename "$0")

work=$(mktemp -d /dev/shm/slipring-test-bench-XXXXXX)
scratch=$(mktemp -d)
trap 'rm -rf "$work" "$scratch"' EXIT
export SLIPRING_SHM_DIR=$work SLIPRING_CHECKPOINT=none
fail() { echo "$test_name: $*" >&2; exit 1; }

# measure BENCHMARK OPTION...: its JSON in $scratch/out, one line each. What every line has to have is checked.
measure() {
    local status=0
    "$bin/slipring-bench" "$@" --json >"$scratch/out" 2>"$scratch/err" || status=$?
    [ "$status" -eq 0 ] || {
        cat "$scratch/out" "$scratch/err"
        fail "$*: exit status $status"
    }
    holds 'length > 0' "$1 printed nothing"
    holds 'all(.[]; .conserved == true)' "something was not found again"
    holds "all(.[]; .benchmark == \"$1\" and (.name | type) == \"string\" and (.checked | type) == \"string\"
            and .rounds >= 1 and .record_bytes > 0 and (.pinned | type) == \"boolean\"
            and (.cpu | type) == \"number\" and (.consumer_cpu | type) == \"number\")" "a line lacks what all have"
}

# holds FILTER COMPLAINT: of the lines as one array.
holds() {
    jq -es "$1" "$scratch/out" >/dev/null || {
        cat "$scratch/out"
        fail "$2: not so: $1"
    }
}

# table BENCHMARK OPTION...: the same for people, in $scratch/out.
table() {
    "$bin/slipring-bench" "$@" >"$scratch/out" 2>"$scratch/err" || {
        cat "$scratch/out" "$scratch/err"
        fail "$*: no table"
    }
    ! grep -q "NOT CONSERVED" "$scratch/out" || fail "$*: not conserved, and all the same exit status 0"
}

refuse() {
    local status=0
    "$bin/slipring-bench" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
    [ "$status" -eq 2 ] || fail "$*: exit status $status, not 2"
    [ -s "$scratch/err" ] || fail "$*: refused without a word"
}

nothing_is_left() { [ -z "$(ls -A "$work")" ] || fail "files were left behind: $(ls -A "$work")"; }

has_agent() { [ -x "$bin/slipringd" ]; }
