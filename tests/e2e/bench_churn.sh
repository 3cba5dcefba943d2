#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
# ctest-timeout: 600
# Thousands of producers that come, record three samples and are gone: all of it is in the books, slots and rings are used again,
# and neither the segments nor the agent grow with the number of those who ever lived.
set -euo pipefail
source "$(dirname "$0")/_bench.sh"
has_agent || exit 0

dead=4000
measure scrape --only p1000,p1000_dead --rounds 1 --dead "$dead"
holds "map(.name) == [\"p1000\", \"p1000_dead\"] and .[1].dead == $dead and .[1].ratio_living > 0" "not the two cases"
# A process takes three rings of 8.4 KB, 1 KB of slot and 8 KB of what it had in flight: 34 KB. A store has places for 1,024; when the first
# figure is taken some 440 are in use or more. Used once only, the others would take 76,000 KiB.
holds '.[1].segments_kib <= 20000' "the segments grow with every process that ever lived"
holds '.[1].agent_kib <= 2048' "the agent grows with every process that ever lived"
nothing_is_left
