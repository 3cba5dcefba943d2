#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The store's files are removed under everybody, as a session manager does at logout (logind, RemoveIPC): the living agent makes them
again, who records moves over, nothing is lost, and no counter goes backwards.
ctest-labels: e2e-slow
ctest-processors: 2"""
import json
import os
import random
import signal
import time

from _ledger import Ledger, check_books, total
from _metrics import Watch, scrape
from _tests import Failed, check, contains, equal, main, test, until

NAMES = ["alpha", "beta"]
FILES = ("ring", "stats", "lock")
SEED = int(os.environ.get("SLIPRING_MOVE_SEED", "5"))


def load(scene, threads=2, pace=()):
    recorder, ledger = scene.recorder(), Ledger(scene)
    for place, name in enumerate(NAMES):
        recorder.ok("get", place, name, "load")
    recorder.ok("ledger", ledger.path)
    recorder.ok("load", 0, len(NAMES) - 1, threads, *pace)
    return recorder, ledger


def remove(scene, files=FILES):
    """Takes the names away; returns which files they stood for."""
    gone = {}
    for kind in files:
        gone[kind] = os.stat(scene.file(kind)).st_ino
        os.unlink(scene.file(kind))
    return gone


def made_again(scene, gone):
    def are_there():
        try:
            return all(os.stat(scene.file(kind)).st_ino != inode for kind, inode in gone.items())
        except FileNotFoundError:
            return False

    until(are_there, "the store's files are made again")


def moves(agent):
    return agent.log().count("its processes are moving over")


def move(scene, agent, files=FILES):
    before = moves(agent)
    made_again(scene, remove(scene, files))
    if files != ("stats",):
        until(lambda: moves(agent) > before, "the agent says that it moved")


def settled(agent, truths):
    """Waits until the counts are there; then everything has to be."""
    for name, truth in truths.items():
        try:
            until(lambda: scrape(agent).recorded(name) >= truth["count"], "all are booked")
        except Failed:
            raise Failed(f"{name}: {scrape(agent).recorded(name)} executions are booked, and {truth['count']} were made")
    page = scrape(agent)
    for name, truth in truths.items():
        check_books(page, name, truth)
    equal(page.total("slipring_samples_torn_total"), 0, "torn updates")
    equal(page.total("slipring_samples_refused_total"), 0, "refused samples")
    equal(page.total("slipring_rings_quarantined"), 0, "quarantined rings")


@test
def under_full_load_again_and_again_and_every_sample_is_there(scene):
    dice = random.Random(SEED)
    agent, watch = scene.agent(), Watch()
    running = [load(scene), load(scene, 2, (300, 2000)), load(scene, 1, (64, 500))]
    ledgers = [ledger for _, ledger in running]
    for turn in range(6):
        time.sleep(dice.uniform(0.1, 0.5))
        stopped = dice.choice(running)[0] if turn % 2 else None
        if stopped:  # perhaps in the middle of a record: it wakes up in a segment that has no name
            os.kill(stopped.pid, signal.SIGSTOP)
        move(scene, agent)
        newcomer, ledger = load(scene, 1)
        ledgers.append(ledger)
        if stopped:
            time.sleep(dice.uniform(0, 1.5))
            os.kill(stopped.pid, signal.SIGCONT)
        time.sleep(dice.uniform(0.1, 0.5))
        newcomer.ok("unload")
        newcomer.finish()
        watch.see(scrape(agent))
    for recorder, _ in running:
        recorder.ok("unload")
    settled(agent, {name: total(ledgers, place) for place, name in enumerate(NAMES)})
    watch.see(scrape(agent))
    verdict = scene.slipring("verify")
    equal(verdict.returncode, 0, f"slipring verify: {verdict.stdout}{verdict.stderr}")
    equal(agent.stop()[0], 0, "exit status")


@test
def spans_in_flight_end_or_are_aborted_wherever_they_began(scene):
    agent = scene.agent()
    ending, dying, silent = (scene.recorder() for _ in range(3))
    for recorder in (ending, dying, silent):
        recorder.ok("get", 0, "spans", "step")
        recorder.ok("begin", 0, 1)
        recorder.send("record 0 1000000 S")
        recorder.ok("sync")
    until(lambda: scrape(agent).get("primitive_active_requests", primitive_name="spans") == 3, "three are active")
    move(scene, agent)
    ending.ok("end", 0, 1, "S")
    dying.send("record 0 1000000 S")
    dying.ok("sync")
    until(lambda: scrape(agent).requests("spans") == (5, 0, 0), "the ended one is booked")
    until(lambda: scrape(agent).get("primitive_active_requests", primitive_name="spans") == 2, "two are active")
    dying.kill()  # has moved over
    silent.kill()  # never noticed
    until(lambda: scrape(agent).requests("spans") == (5, 0, 2), "two are aborted, once each")
    until(lambda: scrape(agent).get("primitive_active_requests", primitive_name="spans") == 0, "none is active")
    time.sleep(1.2)  # another look of the reaper
    equal(scrape(agent).requests("spans"), (5, 0, 2), "and it stays so")


@test
def each_file_alone(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    recorder.ok("get", 0, "one", "step")
    count = 0
    for kind in FILES:
        recorder.send(*["record 0 1000000 S"] * 100)
        move(scene, agent, (kind,))
        recorder.send(*["record 0 1000000 S"] * 100)
        recorder.ok("sync")
        count += 200
        until(lambda: scrape(agent).recorded("one") == count, f"{count} executions are booked")
        shown = json.loads(scene.slipring("show", "--json", "one").stdout)["primitives"]
        equal([one["counts"]["executions"] for one in shown], [count], "what `slipring show` finds by name")
    until(lambda: recorder.ok("read", 0)[0] == str(count), "what the program reads back")


@test
def the_next_agent_takes_up_what_moved(scene):
    agent = scene.agent()
    running = [load(scene), load(scene, 1, (64, 500))]
    time.sleep(0.2)
    move(scene, agent)
    time.sleep(0.5)  # all of them have recorded since
    agent.kill()
    time.sleep(0.2)
    agent = scene.agent()
    for recorder, _ in running:
        recorder.ok("unload")
    settled(agent, {name: total([ledger for _, ledger in running], place) for place, name in enumerate(NAMES)})


@test
def a_store_that_was_made_meanwhile_is_left_to_the_next_agent(scene):
    agent = scene.agent()
    old = scene.recorder()
    old.ok("get", 0, "old", "step")
    old.send(*["record 0 1000000 S"] * 50)
    old.ok("sync")
    until(lambda: scrape(agent).recorded("old") == 50, "booked")
    agent.send_signal(signal.SIGSTOP)  # for longer than a newcomer waits for it
    remove(scene)
    new = scene.recorder()
    new.ok("get", 0, "new", "step")
    new.send(*["record 0 1000000 S"] * 30)
    new.ok("sync")
    agent.send_signal(signal.SIGCONT)
    until(lambda: not agent.alive(), "the agent ends")
    contains(agent.log(), ["somebody else made a store"], "its log")
    old.send(*["record 0 1000000 S"] * 20)  # goes over by itself
    old.ok("sync")
    agent = scene.agent()
    until(lambda: scrape(agent).recorded("old") == 70, "what came before and after is in the books")
    until(lambda: scrape(agent).recorded("new") == 30, "and what nobody looked after meanwhile")


if __name__ == "__main__":
    main()
