#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two producers at full speed for ten seconds with the agent stopped half of the time: to the last sample and nano-dollar.
# ctest-labels: e2e-slow
# ctest-processors: 2
set -euo pipefail
source "$(dirname "$0")/_bench.sh"

has_agent || exit 0
measure overload --seconds 10 --stop 500 --producers 2
holds '.[0].producers == 2 and .[0].differ == 0 and .[0].stops >= 2' "not what was asked for"
nothing_is_left
