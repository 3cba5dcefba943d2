#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests, from a bare Debian 12: installs what is missing, builds, runs. Ends with one line of sums.
set -u

usage() {
    cat <<EOT
usage: tests/run.sh [--quick] [--help]

Installs what the tests need (tools/packages.txt; as root or with sudo), builds
and runs:
  1. preset release, warnings as errors: every test
  2. preset asan, with crash points: unit, property, replay, stress and crash tests
  3. preset tsan: unit, property, replay and stress tests

  --quick   release only, without the tests labelled slow, e2e-slow or crash-slow

Before the last line stands how the output of each failed test ended. The last
line is "N passed, N failed", summed over the builds; the exit status is 0 only
when nothing failed. Logs: build/<preset>/test.log.
EOT
}

quick=no
for word in "$@"; do
    case $word in
    --quick) quick=yes ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done

cd "$(dirname "$0")/.." || exit 1
rm -f build/*/test.xml
passed=0
failed=0
skipped=0
jobs=$(nproc)
step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

# How the failed tests of all builds ended: whoever sees the end of this output alone shall know why.
tell_failures() {
    /usr/bin/python3 - build/*/test.xml <<'PY'
import os, sys, xml.etree.ElementTree as tree
for path in filter(os.path.exists, sys.argv[1:]):
    for case in tree.parse(path).getroot().iter("testcase"):
        if case.get("status") == "fail":
            print(f"\n-- {path.split('/')[1]}: {case.get('name')} failed; its output ended:")
            print("\n".join((case.findtext("system-out") or "").splitlines()[-25:]))
PY
}

finish() {
    local skips=
    [ "$failed" -eq 0 ] || tell_failures
    [ "$skipped" -eq 0 ] || skips=", $skipped skipped"
    printf '\n%d passed, %d failed%s\n' "$passed" "$failed" "$skips"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

# A step that no test can follow counts as one failure.
fatal() {
    echo "run.sh: $*" >&2
    failed=$((failed + 1))
    finish
}

# build PRESET: configures and builds it.
build() {
    step "build $1"
    cmake --preset "$1" -DSLIPRING_BUILD_TESTS=ON -DSLIPRING_WERROR=ON >"build-$1.log" 2>&1 || {
        cat "build-$1.log"
        rm -f "build-$1.log"
        fatal "preset $1 does not configure"
    }
    rm -f "build-$1.log"
    cmake --build --preset "$1" -j "$jobs" || fatal "preset $1 does not build"
}

# check PRESET LANES CTEST-ARGS...: runs tests, so many at a time, and adds to the sums, which ctest's own JUnit file gives.
check() {
    local preset=$1 lanes=$2 junit log status found
    shift 2
    junit=build/$preset/test.xml
    log=build/$preset/test.log
    step "test $preset"
    rm -f "$junit"
    ctest --preset "$preset" -j "$lanes" --output-junit "$PWD/$junit" "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    [ -s "$junit" ] || fatal "ctest left no results for preset $preset"
    found=$(/usr/bin/python3 - "$junit" <<'PY'
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()
total, failed, skipped = (int(suite.get(k)) for k in ("tests", "failures", "skipped"))
print(total - failed - skipped, failed, skipped)
PY
    ) || fatal "cannot read $junit"
    # shellcheck disable=SC2086 # three words
    set -- $found
    if [ $(($1 + $2)) -eq 0 ]; then
        fatal "preset $preset ran no test"
    fi
    if [ "$status" -ne 0 ] && [ "$2" -eq 0 ]; then
        echo "run.sh: ctest for preset $preset ended with status $status" >&2
        failed=$((failed + 1))
    fi
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
}

step "packages"
tools/install-packages.sh build test || fatal "packages are missing"

build release
if [ "$quick" = yes ]; then
    check release $((2 * jobs)) --label-exclude '^e2e-slow$|^slow$|^crash-slow$'
    finish
fi
# End-to-end tests wait most of their time, so twice as many as there are processors; with sanitizers nearly all compute.
check release $((2 * jobs))
for preset in asan tsan; do
    build "$preset"
    check "$preset" "$jobs"
done
finish
