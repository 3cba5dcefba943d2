#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""RLIMIT_FSIZE (ulimit -f) in programs, agent and tools: a status or a message, never SIGXFSZ; and what needs no longer file
goes on."""
import json

from _ground import *
from _scene import free_port
from _tests import main, test

LIMIT = "RLIMIT_FSIZE"


def rings_owned(scene):
    return len(json.loads(scene.slipring("rings", "--json").stdout)["rings"])


@test
def a_program_that_may_make_no_store_says_so_and_counts_what_it_drops(scene):
    for size in (0, 4096, 1 << 30):
        recorder = scene.recorder(False, before_exec=limit_files(size))
        equal(recorder.ask("open", STORE), ["FILE_LIMIT"], f"slipring_open() under a limit of {size}")
        contains(" ".join(recorder.ask("status")), [LIMIT, "ulimit -f"], "its sentence")
        recorder.ask("get", 0, "x")
        recorder.send(*["record 0 5 S"] * 7)
        equal(recorder.ok("dropped"), ["7"], "records dropped")
        recorder.finish()
        refused = scene.slipring("record", "x", "--duration", "1ms", before_exec=limit_files(size))
        equal(refused.returncode, 2, f"slipring record under a limit of {size}")
        contains(refused.stderr, [LIMIT], "its message")
        equal(os.listdir(scene.shm), [], "files left behind")


@test
def in_a_store_that_is_there_a_program_under_the_limit_records_as_ever(scene):
    agent = scene.agent()
    recorder = scene.recorder(before_exec=limit_files(0))
    for place in range(20):
        equal(record(recorder, place, f"name-{place}", 200), "OK", "registering a name under the limit")
    equal(rings_owned(scene), 20, "its rings")
    booked(agent, {f"name-{place}": 200 for place in range(20)})
    equal(recorder.ok("read", 3)[0], "200", "what it reads back")
    recorder.finish()
    once = scene.slipring("record", "once", "--duration", "1ms", before_exec=limit_files(0))
    equal(once.returncode, 0, f"slipring record: {once.stderr}")
    readers_end_by_themselves(scene, "under the limit", before_exec=limit_files(0))
    verified(scene)


@test
def a_lock_file_that_was_never_made_whole_is_a_status_under_the_limit(scene):
    scene.recorder().finish()
    os.truncate(scene.file("lock"), 0)
    recorder = scene.recorder(False, before_exec=limit_files(0))
    equal(recorder.ask("open", STORE), ["FILE_LIMIT"], "slipring_open()")
    recorder.finish()
    agent = scene.agent(wait=False, before_exec=limit_files(0))
    check(agent.wait(10) not in (-25, 128 + 25), "the agent died of SIGXFSZ")


@test
def an_agent_under_the_limit_makes_no_store_and_serves_the_one_there_is(scene):
    agent = scene.agent(wait=False, before_exec=limit_files(1 << 20))
    equal(agent.wait(10), 1, f"exit status; {agent.log()}")
    contains(agent.log(), [LIMIT, scene.file("stats")], "its log")
    equal(os.listdir(scene.shm), [], "files left behind")
    first = scene.agent()
    equal(first.stop()[0], 0, "exit status of one without a limit")
    # Its log is a file, and may have no line: the first one would be SIGXFSZ.
    agent = scene.agent(port=free_port(), before_exec=limit_files(0))
    recorder = scene.recorder()
    for place in range(20):
        record(recorder, place, f"name-{place}", 200)
    booked(agent, {f"name-{place}": 200 for place in range(20)})
    verified(scene)
    equal(agent.log(), "", "a log that may not grow")
    equal(agent.stop()[0], 0, "exit status")


main()
