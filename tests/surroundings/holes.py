#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""Segments that lose their pages while they are used: holes punched by somebody who may write them, with memory left and with none,
and files cut short. Agent and tools live on, whatever they find; what was booked stays. A program that records may die of it, for it
has no signal handler: that is what its owner trusts the store's users with. (Files cut to many lengths: e2e/badinput_segments.py.)"""
import ctypes
import random
import shutil
import signal

from _ground import *
from _tests import main, test

KEEP_SIZE, PUNCH_HOLE = 1, 2
_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]


def punch(path, start, count):
    fd = os.open(path, os.O_RDWR)
    try:
        equal(_fallocate(fd, KEEP_SIZE | PUNCH_HOLE, start, count), 0, f"punching {path}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(fd)


def pages(path):
    """Those that the file has."""
    from _spoil import extents
    return [page for start, end in extents(path) for page in range(start // 4096, end // 4096)]


def crowd(scene, names):
    recorder = scene.recorder()
    for place in range(names):
        equal(record(recorder, place, f"holed-{place}", 100), "OK", "registering a name")
    return recorder


def lives_or_died_of_it(recorder):
    check(recorder.process.poll() in (None, -signal.SIGBUS), "a program ended with", recorder.process.poll())


def agent_lives(scene, agent, names, what):
    """Through all its rounds, and with everybody looking; what it booked stays."""
    end = time.monotonic() + 1.3
    while time.monotonic() < end:
        check(agent.alive(), f"{what}: the agent ended with", agent.process.poll(), agent.log())
        equal(agent.get("/-/ready")[0], 200, f"{what}: /-/ready")
        time.sleep(0.1)
    readers_end_by_themselves(scene, what)
    page = scrape(agent)
    for place in range(names):
        check(page.recorded(f"holed-{place}") >= 100, f"{what}: of what was booked there is left", page.recorded(f"holed-{place}"))


@test
def holes_anywhere_in_the_ring_segment_are_survived_and_the_books_stay(scene):
    for seed in range(4):
        dice = random.Random(seed)
        agent, recorder = scene.agent("--retire-after", "100ms"), crowd(scene, 6)
        booked(agent, {f"holed-{place}": 100 for place in range(6)})
        there = pages(scene.file("ring"))
        for page in there if seed == 0 else dice.sample(there, len(there) // 3):
            punch(scene.file("ring"), page * 4096, 4096)
        try:
            recorder.send(*[f"record {place} 5000000 S" for place in range(6)] * 20)
            recorder.process.stdin.flush()
        except BrokenPipeError:
            pass
        agent_lives(scene, agent, 6, f"holes, seed {seed}")
        lives_or_died_of_it(recorder)
        recorder.kill()
        status, seconds = agent.stop()
        check(status in (0, 1) and seconds < 5, "the stop", status, seconds, agent.log())
        again = scene.agent(wait=False)
        until(lambda: again.process.poll() is not None or "listening" in again.log(), "the next agent serves, or refuses")
        check(again.process.poll() in (None, 1), "the next agent ended with", again.process.poll(), again.log())
        again.kill()
        equal(scene.slipring("rm", "--force", STORE).returncode, 0, "slipring rm --force")


@test
def holes_that_no_page_can_fill_any_more_are_survived_too(scene):
    if not mount_small(scene, "32m"):
        return
    agent, recorder = scene.agent(), crowd(scene, 6)
    booked(agent, {f"holed-{place}": 100 for place in range(6)})
    filler = Filler(scene.shm)
    for page in pages(scene.file("ring"))[1:]:  # the header is left: all the rest is SIGBUS from now on
        punch(scene.file("ring"), page * 4096, 4096)
    filler.fill()
    try:
        recorder.send(*[f"record {place} 5000000 S" for place in range(6)] * 20)
        recorder.process.stdin.flush()
    except BrokenPipeError:
        pass
    agent_lives(scene, agent, 6, "holes on a full tmpfs")
    contains(agent.log(), ["truncated", scene.file("ring")], "the log")
    lives_or_died_of_it(recorder)
    filler.free()
    status, seconds = agent.stop()
    check(status in (0, 1) and seconds < 5, "the stop", status, seconds, agent.log())


@test
def a_stats_segment_with_holes_kills_neither_agent_nor_readers(scene):
    if not mount_small(scene, "32m"):
        return
    for is_full in (False, True):
        agent, recorder = scene.agent(), crowd(scene, 3)
        booked(agent, {f"holed-{place}": 100 for place in range(3)})
        filler = Filler(scene.shm)
        for page in pages(scene.file("stats"))[1:]:
            punch(scene.file("stats"), page * 4096, 4096)
        if is_full:
            filler.fill()
        readers_end_by_themselves(scene, "holes in the stats segment")
        time.sleep(1.3)
        readers_end_by_themselves(scene, "holes in the stats segment")
        check(agent.process.poll() in (None, 1), "the agent ended with", agent.process.poll(), agent.log())
        if is_full:
            equal(agent.wait(5), 1, "exit status of an agent whose books are lost")
            contains(agent.log(), ["truncated", scene.file("stats")], "the log")
            filler.free()
        agent.kill()
        recorder.kill()
        equal(scene.slipring("rm", "--force", STORE).returncode, 0, "slipring rm --force")


@test
def files_cut_short_under_programs_that_record_lose_nothing_that_was_booked(scene):
    agent, recorder, hand = scene.agent(), crowd(scene, 6), scene.recorder()
    booked(agent, {f"holed-{place}": 100 for place in range(6)})
    os.truncate(scene.file("ring"), 0)
    for one in (recorder, hand):
        try:
            one.send(*["record 0 5000000 S"] * 100, "get 1 newcomer", "get 2 another")
            one.process.stdin.flush()
        except BrokenPipeError:
            pass
    agent_lives(scene, agent, 6, "a ring segment of no length")
    for one in (recorder, hand):
        lives_or_died_of_it(one)


@test
def what_is_left_of_a_stats_segment_does_not_go_to_disk(scene):
    folder = os.path.join(scene.work, "books")
    for how in ("cut short", "holes"):
        agent, recorder = scene.agent("--checkpoint", folder), crowd(scene, 3)
        booked(agent, {f"holed-{place}": 100 for place in range(3)})
        status, _ = agent.stop()  # which writes all of it
        equal(status, 0, "the stop")
        agent = scene.agent("--checkpoint", folder)
        booked(agent, {f"holed-{place}": 100 for place in range(3)})
        if how == "cut short":
            os.truncate(scene.file("stats"), 0)
        else:
            for page in pages(scene.file("stats"))[1:]:
                punch(scene.file("stats"), page * 4096, 4096)
        agent.stop()
        recorder.kill()
        equal(scene.slipring("rm", "--force", STORE).returncode, 0, "slipring rm --force")
        agent = scene.agent("--checkpoint", folder)
        for place in range(3):
            until(lambda: scrape(agent).total("primitive_lifetime_requests", primitive_name=f"holed-{place}") == 100,
                  f"{how}: what the checkpoint has of holed-{place}")
        agent.stop()
        equal(scene.slipring("rm", "--force", STORE).returncode, 0, "slipring rm --force")
        shutil.rmtree(folder)


main()
