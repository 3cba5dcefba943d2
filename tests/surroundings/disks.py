#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""The disk of the checkpoints: full, read-only, gone, shared with another agent. Recording and serving go on, it is said since when, and
what was written before stays. (Each file's faults are in unit/checkpoint_test.c.)"""
import os

from _ground import IS_ROOT, Filler, booked, can_mount, mount, not_tried, record, unmount_at_the_end
from _ground import MS_RDONLY, MS_REMOUNT
from _metrics import scrape
from _tests import check, contains, equal, main, test, until

FAILING = "slipring_checkpoint_failing_since_wall_seconds"


def begin(scene, folder):
    """An agent that writes each second, and a recorder."""
    config = os.path.join(scene.work, "slipring.yaml")
    with open(config, "w") as out:
        out.write(f"checkpoint: {{folder: {folder}, totals_every: 1s, slices_every: 10s}}\n")
    agent = scene.agent("--config", config)
    until(lambda: scrape(agent).get("slipring_checkpoint_wall_seconds") > 0, "the first file is there")
    return agent, scene.recorder()


def failing(agent):
    return until(lambda: scrape(agent).get(FAILING) > 0, "a checkpoint failed")


def works(agent):
    return until(lambda: scrape(agent).get(FAILING) == 0, "checkpoints are written again")


def boot(scene, agent, folder):
    agent.kill()
    for kind in ("ring", "stats", "lock"):
        os.unlink(scene.file(kind))
    return scene.agent("--checkpoint", folder)


def remount(folder, flags):
    """None, or why not."""
    try:
        mount("none", folder, None, MS_REMOUNT | flags)
        return None
    except OSError as error:
        return error


def small_disk(scene, size):
    folder = os.path.join(scene.work, "disk")
    os.mkdir(folder, 0o700)
    mount("none", folder, "tmpfs", 0, f"size={size},mode=0700")
    unmount_at_the_end(scene, folder)
    return folder


@test
def a_full_disk_stops_nothing(scene):
    if not IS_ROOT or not can_mount():
        return not_tried("a full disk, which only root can mount")
    folder = small_disk(scene, "256k")
    agent, recorder = begin(scene, folder)
    record(recorder, 0, "work", 10)
    booked(agent, {"work": 10})
    filler = Filler(folder)
    filler.fill()
    record(recorder, 0, "work", 10)
    failing(agent)
    record(recorder, 0, "work", 10)
    booked(agent, {"work": 30})
    check(scrape(agent).get("slipring_checkpoint_failures_total") > 0, "no failure is counted")
    equal(agent.log().count("no checkpoint can be written"), 1, "lines about it")
    filler.free()
    record(recorder, 0, "work", 1)
    works(agent)
    equal(agent.log().count("checkpoints are written again"), 1, "lines about its end")
    agent = boot(scene, agent, folder)
    equal(scrape(agent).get("primitive_window_requests", primitive_name="work", window="lifetime"), 31, "the lifetime")


@test
def a_read_only_disk_stops_nothing(scene):
    if not IS_ROOT or not can_mount():
        return not_tried("a read-only disk, which only root can mount")
    folder = small_disk(scene, "256k")
    agent, recorder = begin(scene, folder)
    record(recorder, 0, "work", 10)
    until(lambda: not remount(folder, MS_RDONLY), "no file is open for writing")
    record(recorder, 0, "work", 10)
    failing(agent)
    contains(agent.log(), ["read-only"], "the log")
    equal(remount(folder, 0), None, "why it cannot be written again")
    record(recorder, 0, "work", 1)
    works(agent)
    booked(agent, {"work": 21})


@test
def a_second_agent_of_the_name_keeps_its_hands_off(scene):
    folder = os.path.join(scene.work, "books")
    agent, recorder = begin(scene, folder)
    record(recorder, 0, "work", 10)
    booked(agent, {"work": 10})
    elsewhere = os.path.join(scene.work, "elsewhere")
    os.mkdir(elsewhere)
    second = scene.agent("--checkpoint", folder, "--shm-dir", elsewhere)
    check(scrape(second).get(FAILING) > 0, "the second agent says nothing by its gauge")
    contains(second.log(), ["another agent keeps a store of this name there"], "its log")
    equal(second.stop()[0], 0, "exit status")
    equal(agent.stop()[0], 0, "exit status")
    for kind in ("ring", "stats", "lock"):
        os.unlink(scene.file(kind))
    agent = scene.agent("--checkpoint", folder)
    equal(scrape(agent).get("primitive_window_requests", primitive_name="work", window="lifetime"), 10, "the lifetime")


if __name__ == "__main__":
    main()
