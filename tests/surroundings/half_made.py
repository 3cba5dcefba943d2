#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""A store that is being made: its maker dead at some step, alive but stopped, or one of many at once."""
import signal
import subprocess
import sys

from _ground import *
from _tests import main, test

READY = 56  # offset of `ready` in both headers
HOLDER = """
import fcntl, os, struct, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))
print("locked", flush=True)
time.sleep(600)
"""


def sizes(scene):
    """{kind: bytes} of a whole store, whose files go again; and their first pages."""
    scene.agent().stop()
    sizes, heads = {}, {}
    for kind in ("ring", "stats", "lock"):
        with open(scene.file(kind), "rb") as file:
            heads[kind] = file.read(4096)
        sizes[kind] = os.path.getsize(scene.file(kind))
        os.unlink(scene.file(kind))
    return sizes, heads


def stages(size, head):
    """What a maker that is killed leaves, step by step: {what: (size, contents, whether the pages are reserved)}."""
    magic = head[:8]
    not_ready = head[:READY] + bytes(8) + head[READY + 8:]
    return {"created": (0, b"", False),
            "sized": (size, b"", False),
            "reserved": (size, b"", True),
            "its magic written": (size, magic, True),
            "all but ready": (size, not_ready, True)}


def leave(path, size, contents, reserved):
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.ftruncate(fd, size)
    if reserved:
        os.posix_fallocate(fd, 0, 300 << 10)
    os.pwrite(fd, contents, 0)
    os.close(fd)


def clear(scene):
    for name in os.listdir(scene.shm):
        os.unlink(os.path.join(scene.shm, name))


@test
def what_a_dead_maker_left_is_made_whole_by_whoever_comes_first(scene):
    size, head = sizes(scene)
    for kind in ("ring", "stats", "lock"):
        cases = stages(size[kind], head[kind]) if kind != "lock" else {"created": (0, b"", False)}
        for what, (bytes_, contents, reserved) in cases.items():
            for first in ("agent",) if kind == "stats" else ("agent", "program"):  # who has it to do
                leave(scene.file(kind), bytes_, contents, reserved)
                agent = scene.agent() if first == "agent" else None
                recorder = scene.recorder()
                record(recorder, 0, "whole", 5)
                agent = agent or scene.agent()
                booked(agent, {"whole": 5})
                recorder.finish()
                equal(agent.stop()[0], 0, f"{kind} {what}, {first} first: exit status; {agent.log()}")
                clear(scene)


@test
def a_stopped_maker_is_waited_for_a_while_and_not_disturbed_and_a_killed_one_succeeded(scene):
    for kind in ("ring", "stats"):
        path = scene.file(kind)
        maker = scene.spawn([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True)
        equal(maker.stdout.readline(), "locked\n", "a maker")
        maker.send_signal(signal.SIGSTOP)
        before = looks(path)
        agent = scene.agent(wait=False)
        equal(agent.wait(10), 1, f"exit status; {agent.log()}")
        contains(agent.log(), ["being made", path], "its log")
        recorder = scene.recorder(False)
        if kind == "ring":
            equal(recorder.ask("open", STORE), ["BEING_MADE"], "slipring_open()")
            refused = scene.slipring("record", "x", "--duration", "1ms")
            equal(refused.returncode, 2, "slipring record")
            contains(refused.stderr, ["being made", "try again"], "its message")
        readers_end_by_themselves(scene, f"with a {kind} segment in the making")
        equal(looks(path), before, "the file in the making")
        maker.kill()
        maker.wait()
        recorder.ok("open", STORE)  # the same program tries again
        record(recorder, 0, "after", 5)
        agent = scene.agent()
        booked(agent, {"after": 5})
        recorder.finish()
        equal(agent.stop()[0], 0, "exit status")
        clear(scene)


@test
def of_many_makers_at_once_all_record_into_one_store(scene):
    for turn in range(5):
        recorders = [scene.recorder(False) for _ in range(8)]
        agent = scene.agent(wait=False) if turn % 2 else None
        for recorder in recorders:
            recorder.send(f"open {STORE}")
            recorder.process.stdin.flush()
        agent = agent or scene.agent(wait=False)
        equal([recorder.process.stdout.readline().split() for recorder in recorders], [["OK"]] * 8,
              "slipring_open() of makers that race")
        for recorder in recorders:
            recorder.ok("get", 0, "raced", "step")
        for recorder in recorders:
            recorder.send(*["record 0 5000000 S"] * 50)
            recorder.process.stdin.flush()
        agent.wait_ready()
        booked(agent, {"raced": 400})
        verified(scene)
        for recorder in recorders:
            recorder.finish()
        equal(agent.stop()[0], 0, f"exit status; {agent.log()}")
        clear(scene)


main()
