#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""A small tmpfs, as Docker's 64 MB, that becomes full from outside while real programs record, and is freed again: nobody dies of
SIGBUS, nobody loses a count, everybody says what is the matter. (Page by page, with the agent in the test's hand:
tests/unit/space_test.c.)"""
from _ground import *
from _ledger import Ledger, check_books, total
from _tests import main, test

FULL = "file system is full"
NAMES = 400
LOADED = ["hot-0", "hot-1", "hot-2", "hot-3"]


def load(scene):
    recorder, ledger = scene.recorder(), Ledger(scene)
    for place, name in enumerate(LOADED):
        recorder.ok("get", 500 + place, name, "load")
    recorder.ok("ledger", ledger.path)
    recorder.ok("load", 500, 500 + len(LOADED) - 1, 2)
    return recorder, ledger


def register(recorder, number, first, count, told):
    """Names of its own, three records each; {status: names}."""
    for i in range(first, first + count):
        status = record(recorder, i, f"cold-{number}-{i}", 3)
        check(status in ("OK", "NO_SPACE"), f"registering on a full tmpfs answered {status}")
        told.setdefault(status, []).append((number, i))


def everybody_lives(agent, recorders):
    check(agent.alive(), "the agent ended with", agent.process.poll(), agent.log())
    for recorder in recorders:
        equal(recorder.process.poll(), None, "a recorder's exit status")


@test
def a_tmpfs_that_fills_under_everybody_and_is_freed_costs_no_count(scene):
    if not mount_small(scene, "64m"):
        return
    agent, filler = scene.agent("--max-primitives", "5000"), Filler(scene.shm)
    loads = [load(scene) for _ in range(3)]
    recorders, told = [recorder for recorder, _ in loads], {}
    until(lambda: scrape(agent).recorded(LOADED[0]) > 0, "the load is booked")
    for number, recorder in enumerate(recorders):
        register(recorder, number, 0, 40, told)
    equal(list(told), ["OK"], "statuses while there is room")
    filler.fill()
    for number, recorder in enumerate(recorders):
        register(recorder, number, 40, NAMES - 40, told)
    check(len(told.get("NO_SPACE", ())) > 2 * NAMES, "names that found no room:", len(told.get("NO_SPACE", ())))
    everybody_lives(agent, recorders)
    readers_end_by_themselves(scene, "on a full tmpfs")
    scrape(agent)
    equal(recorders[0].ok("read", 500)[1:2] != [], True, "what a program reads back on a full tmpfs")
    late = scene.recorder()  # attaches while it is full
    equal(record(late, 0, LOADED[0], 100, "load"), "OK", "getting a name that is known, on a full tmpfs")
    refused = scene.slipring("record", "never-seen", "--duration", "1ms")
    equal(refused.returncode, 2, f"slipring record of a new name on a full tmpfs: {refused.stdout}")
    contains(refused.stderr, [FULL, "--shm-size"], "its message")
    everybody_lives(agent, recorders + [late])

    filler.free()
    for recorder in recorders:
        recorder.ok("unload")
    truths = [total([ledger for _, ledger in loads], place) for place in range(len(LOADED))]
    booked(agent, {**{name: truth["count"] for name, truth in zip(LOADED, truths)},
                   LOADED[0]: truths[0]["count"] + 100,
                   **{f"cold-{number}-{i}": 3 for number, i in told["OK"]},
                   "__overflow__": 3 * len(told["NO_SPACE"])})
    page = scrape(agent)
    for name, truth in list(zip(LOADED, truths))[1:]:
        check_books(page, name, truth)
    number, i = told["NO_SPACE"][0]
    equal(record(recorders[number], i, f"cold-{number}-{i}", 2), "OK", "the same name, with room again")
    # The thread that records has a ring for __overflow__ under that handle; a new program has none.
    newcomer = scene.recorder()
    equal(record(newcomer, 0, f"cold-{number}-{i}", 5), "OK", "a name that found no room before")
    until(lambda: scrape(agent).recorded(f"cold-{number}-{i}") >= 5, "its records are booked")
    equal(page.get("slipring_rings_quarantined"), 0, "rings quarantined")
    verified(scene)
    equal(agent.stop()[0], 0, f"exit status; {agent.log()}")
    contains(agent.log(), ["no room", "--shm-size"], "the log")


@test
def an_agent_and_a_program_that_start_on_a_full_tmpfs_say_so_and_leave_nothing(scene):
    if not mount_small(scene, "64m"):
        return
    filler = Filler(scene.shm)
    filler.fill()
    agent = scene.agent(wait=False)
    equal(agent.wait(10), 1, f"exit status of an agent on a full tmpfs; {agent.log()}")
    contains(agent.log(), [FULL, "--shm-size", scene.file("stats")], "its log")
    recorder = scene.recorder(False)
    equal(recorder.ask("open", STORE), ["NO_SPACE"], "slipring_open()")
    contains(" ".join(recorder.ask("status")), [FULL, "--shm-size"], "its sentence")
    recorder.ask("get", 0, "early")
    recorder.send(*["record 0 5 S"] * 7)
    equal(recorder.ok("dropped"), ["7"], "records dropped, and counted")
    refused = scene.slipring("record", "x", "--duration", "1ms")
    equal(refused.returncode, 2, "slipring record")
    contains(refused.stderr, [FULL, STORE], "its message")
    equal(sorted(os.listdir(scene.shm)), [os.path.basename(filler.path)], "files left behind")
    filler.free()
    recorder.ok("open", STORE)
    record(recorder, 0, "early", 9, "primitive")
    agent = scene.agent()
    booked(agent, {"early": 9})
    recorder.finish()
    equal(agent.stop()[0], 0, "exit status")


@test
def room_for_the_rings_but_not_for_the_books_keeps_what_is_recorded_until_there_is(scene):
    if not mount_small(scene, "64m"):
        return
    filler = Filler(scene.shm)
    recorder = scene.recorder()
    for place in range(20):
        record(recorder, place, f"name-{place}", 1000)
    agent = scene.agent("--log-level", "debug")
    booked(agent, {"name-0": 1000})
    equal(agent.stop()[0], 0, "exit status")
    filler.fill()
    for place in range(20):  # durations that are new to books and blocks: their pages are not there
        recorder.send(*[f"record {place} {10 ** (i % 12)} F" for i in range(500)])
    recorder.ok("sync")
    agent = scene.agent()
    readers_end_by_themselves(scene, "without room for the books")
    page = scrape(agent)
    seen = [page.recorded(f"name-{place}") for place in range(20)]
    check(max(seen) <= 1500 and min(seen) < 1500, "booked of 1500, without room for all:", seen)
    everybody_lives(agent, [recorder])
    filler.free()
    booked(agent, {f"name-{place}": 1500 for place in range(20)})
    until(lambda: "there is room for the books again" in agent.log(), "the end of the shortage is told of")
    equal(agent.log().count("no room for the books"), 1, "lines about its beginning")
    verified(scene)
    equal(agent.stop()[0], 0, "exit status")


main()
