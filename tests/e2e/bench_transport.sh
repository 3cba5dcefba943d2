#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The benchmark `transport` hands samples from one thread to another, through a ring and through ck_ring, and finds all of them there.
# No figure is compared with anything: how fast a test machine is proves nothing.
set -euo pipefail
source "$(dirname "$0")/_bench.sh"

measure transport --rounds 2 --batch 10000 --rests 0,200
holds 'length == 8' "not a line for each lane and rest"
for name in ring ck_32 ck_32_bytes ck_8; do
    for rest in 0 200; do
        holds "map(select(.name == \"${name}_$rest\" and .rest_us == $rest)) | length == 1" "not one line for ${name}_$rest"
    done
done
# One warm-up and two rounds at both rests; the ring was filled once before.
holds 'all(.[]; .n >= 60000 and .checked == "private" and .spill_share == 0)' "not all went through the lane"
holds 'all(.[]; .ns > 0 and .ns_min <= .ns and .ns <= .ns_max and .million_per_second > 0
        and .wall_million_per_second > 0)' "a line lacks a figure"
holds 'all(.[]; (.name | startswith("ring_")) or (.ratio > 0 and .wall_ratio > 0))' "a ck_ring without the ring beside it"
holds 'map(select(.name == "ring_0" or .name == "ck_8_0" or .name == "ck_32_0")) | all(.[]; .capacity == 4096)' \
    "not of one capacity"
holds 'map(select(.name == "ring_0" or .name == "ck_8_0" or .name == "ck_32_bytes_0"))
        | all(.[]; .capacity * .item_bytes == 32768)' "not of as many bytes"

table transport --rounds 1 --batch 1000 --rests 50 --only ck_8
[ "$(grep -c '^ck_8_50 ' "$scratch/out")" -eq 1 ] || fail "--only: not the line that was asked for"
[ "$(grep -cE 'private  ' "$scratch/out")" -eq 1 ] || fail "--only: more than was asked for"

refuse transport --rests 100001
refuse transport --rests
refuse transport --only ck_16
nothing_is_left
