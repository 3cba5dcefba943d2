#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# _verify.sh MODEL.pml: searches every state of the model, which must be without fault, and of each variant that it names:
#     *   BROKEN_SOMETHING   what is wrong: an assertion must fail, or somebody must wait for ever
#     *   HOLDS_SOMETHING    what could be otherwise: must be without fault, too
# A search that was cut short, for depth or memory, counts for nothing; nor does a model with statements that no search reached.
set -eu

source=$1
model=$(basename "$source" .pml)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
failures=0

fail() {
    echo "$model: $*" >&2
    failures=$((failures + 1))
}

# search NAME FLAGS [VARIANT]: what pan says goes to $dir/NAME/said.
search() {
    mkdir "$dir/$1"
    cp "$source" "$dir/$1"
    (
        cd "$dir/$1"
        spin -a ${3:+-D"$3"} "$model.pml" >spin.log || { cat spin.log; exit 1; }
        gcc "$2" -DSAFETY -DCOLLAPSE -DMEMLIM=1000 -o pan pan.c || exit 1
        ./pan -w20 -m100000 >said || true
    ) >&2
}

is_complete() {
    ! grep -qE 'max search depth too small|Search not completed|reached -DMEMLIM|out of memory|truncated' "$1"
}

states() {
    sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$1"
}

expect_no_fault() {
    search "$1" -O2 "${2-}"
    said=$dir/$1/said
    if ! grep -q 'errors: 0$' "$said" || ! is_complete "$said"; then
        fail "$1: not without fault"
        cat "$said" >&2
    fi
    printf '%-40s %10s states\n' "$model $1" "$(states "$said")"
}

expect_fault() {
    search "$1" -O0 "$1"
    said=$dir/$1/said
    if ! grep -qE '^pan:1: (assertion violated|invalid end state)' "$said"; then
        fail "$1: nothing was found"
        cat "$said" >&2
    fi
    printf '%-40s %10s states, then: %s\n' "$model $1" "$(states "$said")" \
        "$(sed -n 's/^pan:1: //p' "$said" | cut -c 1-120)"
}

expect_all_reached() {
    if grep -A1000 '^unreached in' "$dir/whole/said" | grep "$model.pml:" | grep -v '"-end-"' >&2; then
        fail "these statements were never reached"
    fi
}

named=$(sed -n 's/^ \*   \(\(BROKEN\|HOLDS\)_[A-Z_]*\)  *[^ ].*/\1/p' "$source" | sort)
used=$(grep '^#if' "$source" | grep -oE '(BROKEN|HOLDS)_[A-Z_]*' | sort -u)
[ "$named" = "$used" ] || fail "the variants named and those in the model differ: $(echo "$named" "$used" | tr ' ' '\n' | sort | uniq -u)"
echo "$named" | grep -q '^BROKEN_' || fail "no broken variant"

expect_no_fault whole
expect_all_reached
for variant in $named; do
    case $variant in
    HOLDS_*) expect_no_fault "$variant" "$variant" ;;
    *) expect_fault "$variant" ;;
    esac
done
[ "$failures" -eq 0 ]
