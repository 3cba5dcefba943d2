#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9, and the books are exact: kills agent and producers at every named crash point and at random, and compares after each.
set -u

usage() {
    cat <<EOT
usage: tests/crash.sh [--kills N] [--seconds S] [--seed N] [--point NAME | --no-points] [--json] [--list] [--help]

Plays on a store of its own, under full load: producer processes whose threads come and go record, spill, begin and end
spans, with costs in categories, while the real slipringd drains. Somebody is killed; whoever comes next goes on; then every
published figure must be the harness's own sums, to the last sample and nano-dollar. A call that a kill cut counts once or not
at all, and the report says how often each happened.

  (nothing)      visit every crash point of libshm/base/crashpoints.def, the agent's and the producers'
  --kills N      then kill N times at random: agent or producer, at any time, or at a crash point at some time
  --seconds S    as many random kills as there are in S seconds; with --kills: at most
  --seed N       the same choices again (the machine's own timing is another one)
  --point NAME   visit this point alone; --no-points: none, only random kills
  --json         the report once more, in one line of JSON
  --list         the crash points, and what a kill leaves there

Takes the build in \$SLIPRING_BUILD_DIR, or the first of build/asan, build/dev, build/release that is there. Crash points
are in asan and dev builds; a release build has kills at any time only.

Ends with 0: all agreed, every point was visited; 1: not so, and the last lines say where; 2: it was not understood, or there is no build.
EOT
}

for word in "$@"; do
    if [ "$word" = --help ] || [ "$word" = -h ]; then
        usage
        exit 0
    fi
done

root=$(cd "$(dirname "$0")/.." && pwd) || exit 2
for build in ${SLIPRING_BUILD_DIR:-"$root/build/asan" "$root/build/dev" "$root/build/release"}; do
    if [ -x "$build/tests/crash-harness" ]; then
        SLIPRING_BUILD_DIR=$build exec "$build/tests/crash-harness" "$@"
    fi
done
echo "crash.sh: there is no build with tests; try: cmake --preset asan -DSLIPRING_BUILD_TESTS=ON && cmake --build --preset asan" >&2
exit 2
