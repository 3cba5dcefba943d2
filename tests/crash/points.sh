#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every named crash point is visited, and the books are exact afterwards.
# ctest-needs: crashpoints
# ctest-labels: crash-slow
# ctest-timeout: 300
# ctest-processors: 2
exec "$(dirname "$0")/../crash.sh" --seed 1
