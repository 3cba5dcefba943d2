#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Agent and producers are killed at random, and the books are exact each time. More of it: tests/crash.sh --kills 1000.
# ctest-labels: crash-slow
# ctest-timeout: 300
# ctest-processors: 2
exec "$(dirname "$0")/../crash.sh" --no-points --kills 40
