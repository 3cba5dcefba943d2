#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent dies at every crash point that is its own, and at random instructions, again and again, while threads record,
spill, come and go, and processes are killed with spans in flight. The next agents go on. In the end every figure is compared
with sums that the producers kept for themselves: each sample once, to the last.

$SLIPRING_KILL_SECONDS: how long the random kills go on (default 15). $SLIPRING_KILL_SEED: another order of events.
ctest-needs: crashpoints
ctest-timeout: 240
ctest-labels: crash-slow
ctest-processors: 2"""
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

from _ledger import Ledger, check_books, total
from _metrics import scrape
from _scene import ROOT
from _tests import check, equal, main, test, until

NAMES = ["alpha", "beta", "gamma"]
SPANS, AMOUNTS = 20, 21
SECONDS = float(os.environ.get("SLIPRING_KILL_SECONDS", "15"))
SEED = int(os.environ.get("SLIPRING_KILL_SEED", "7"))


def crash_points():
    with open(os.path.join(ROOT, "libshm", "base", "crashpoints.def"), encoding="utf-8") as table:
        names = re.findall(r"^SR_CRASHPOINT_ROW\((\w+),", table.read(), re.M)
    own = [name for name in names if name.startswith(("journal_", "drain_", "publish_", "reaper_", "offer_", "retire_"))
           and name != "journal_replayed"]  # reached by the next agent of one that was killed
    check(len(own) >= 19, "the agent's crash points:", own)
    return own


class World:
    """Producers, and what they know of themselves."""

    def __init__(self, scene):
        self.scene, self.dice = scene, random.Random(SEED)
        self.truth = {"success": 0, "failure": 0, "aborted": 0, "sum_ns": 0, "cost": 0, "savings": 0}
        self.last_read = [0, 0, 0]
        # One at full speed, which spills; one in bursts, which mostly does not; one whose threads come and go.
        self.loads = [self.load(1, ()), self.load(2, (300, 2000)), self.load(2, (64, 500))]
        self.witness = self.recorder()
        self.crowds = []

    def recorder(self):
        recorder = self.scene.recorder()
        recorder.ok("get", SPANS, "spans", "load")
        recorder.ok("get", AMOUNTS, "amounts", "load")
        return recorder

    def load(self, threads, pace):
        recorder, ledger = self.scene.recorder(), Ledger(self.scene)
        for place, name in enumerate(NAMES):
            recorder.ok("get", place, name, "load")
        recorder.ok("ledger", ledger.path)
        recorder.ok("load", 0, len(NAMES) - 1, threads, *pace)
        return recorder, ledger, (threads, pace)

    def renew_threads(self):
        recorder, _, (threads, pace) = self.loads[2]
        recorder.ok("unload")
        recorder.ok("load", 0, len(NAMES) - 1, threads, *pace)

    def crowd(self):
        """Many rings at once, which nobody wants afterwards."""
        recorder, ledger, _ = self.load(8, (200, 500))
        until(lambda: ledger.threads_at(len(NAMES) - 1) == 8, "eight threads with a ring of each name", 20)
        recorder.ok("unload")
        recorder.kill()
        self.crowds.append(ledger)

    def newcomer(self):
        """Small rings that spill while the agent lives; to be ended with leave()."""
        return self.load(1, ())

    def leave(self, load):
        load[0].ok("unload")
        load[0].kill()
        self.crowds.append(load[1])

    def lose_a_process(self):
        """It records through its rings and beyond them, leaves spans in flight, and is killed."""
        victim, dice = self.recorder(), self.dice
        for _ in range(dice.choice((3, 40, 700))):
            duration, failed = dice.randrange(1, 10**9), dice.random() < 0.3
            cost, savings = dice.randrange(100), dice.randrange(10)
            victim.send(f"record {SPANS} {duration} {'F' if failed else 'S'} {cost} {savings} 0",
                        f"amount {AMOUNTS} {cost} {savings} 0")
            self.truth["failure" if failed else "success"] += 1
            self.truth["sum_ns"] += duration
            self.truth["cost"] += cost
            self.truth["savings"] += savings
        begun, cancelled = dice.randrange(1, 60), dice.randrange(2)
        victim.ok("begin", SPANS, begun)
        victim.ok("cancel", SPANS, cancelled)
        self.truth["aborted"] += begun - cancelled
        victim.kill()

    def read(self):
        """What is published never goes backwards, whoever publishes it."""
        answer = self.witness.ask("read", SPANS)
        if answer[0] == "OK":
            now = [int(word) for word in answer[1:4]]
            check(all(a <= b for a, b in zip(self.last_read, now)), "figures went back:", self.last_read, now)
            self.last_read = now

    def end(self):
        for recorder, _, _ in self.loads:
            recorder.ok("unload")
        self.read()

    def check(self, agent):
        ledgers = [ledger for _, ledger, _ in self.loads] + self.crowds
        truth, want = self.truth, (self.truth["success"], self.truth["failure"], self.truth["aborted"])

        def settled():
            page = scrape(agent)
            equal(page.requests("spans"), want, "outcomes of spans")
            for place, name in enumerate(NAMES):
                equal(page.recorded(name), total(ledgers, place)["count"], f"executions of {name}")
            return page

        try:
            until(settled, "all is booked", 5)
        finally:
            print("#", {name: (scrape(agent).recorded(name), total(ledgers, place)["count"])
                        for place, name in enumerate(NAMES)}, flush=True)
        time.sleep(1.2)  # a reaper's round more: what is counted twice is counted by then
        page = settled()
        for place, name in enumerate(NAMES):
            check_books(page, name, total(ledgers, place))
        dollars = lambda nano: type(page.total("slipring_processes"))(nano) / 10**9
        equal(page.get("primitive_duration_seconds_sum", primitive_name="spans"), dollars(truth["sum_ns"]), "sum")
        for name in ("spans", "amounts"):
            equal(page.total("primitive_cost_total", primitive_name=name), dollars(truth["cost"]), f"cost of {name}")
            equal(page.total("primitive_cost_savings_total", primitive_name=name), dollars(truth["savings"]),
                  f"savings of {name}")
            equal(page.get("primitive_active_requests", primitive_name=name), 0, f"active {name}")
        equal(page.recorded("amounts"), 0, "executions among amounts alone")
        equal(page.get("slipring_rings_quarantined"), 0, "rings quarantined")
        equal(page.get("slipring_samples_torn_total"), 0, "torn updates: nobody was killed in one")
        verdict = self.scene.slipring("verify")
        equal(verdict.returncode, 0, f"slipring verify: {verdict.stdout}{verdict.stderr}")


def wait_dead(agent, seconds):
    end = time.monotonic() + seconds
    while agent.alive() and time.monotonic() < end:
        time.sleep(0.005)
    died = not agent.alive()
    if not died:
        agent.kill()
    return died


@test
def an_agent_that_dies_at_each_of_its_crash_points_loses_nothing_and_counts_nothing_twice(scene):
    world = World(scene)
    scene.agent().kill()
    reached = {}
    for nth in (1, 2, 5, 13, 40):
        for point in crash_points():
            if nth > 2 and not point.startswith(("journal_", "drain_")):
                continue  # batches differ, the other points do not
            if point.startswith("retire_"):
                if nth > 1:
                    continue
                world.crowd()
            world.lose_a_process()
            world.renew_threads()
            newcomer = world.newcomer() if point.startswith("offer_") else None
            agent = scene.agent("--retire-after", "50ms", environment={"SLIPRING_CRASHPOINT": f"{point}:{nth}"},
                                wait=False)
            reached[point] = wait_dead(agent, 3 if point.startswith("retire_") else 1.5) or reached.get(point, False)
            if newcomer:
                world.leave(newcomer)
            world.read()
    world.end()
    never = [point for point, died in reached.items() if not died]
    equal(never, [], "crash points that no agent reached")
    world.check(scene.agent())


@test
def an_agent_killed_at_random_instructions_loses_nothing_and_counts_nothing_twice(scene):
    world = World(scene)
    end, lives = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        if world.dice.random() < 0.4:
            world.lose_a_process()
        if world.dice.random() < 0.4:
            world.renew_threads()
        if world.dice.random() < 0.1:
            world.crowd()
        agent = scene.agent("--retire-after", world.dice.choice(("5ms", "100ms")), wait=False)
        time.sleep(world.dice.choice((0.02, 0.1, 0.4, 1.3)) * world.dice.random())
        agent.kill()
        lives += 1
        world.read()
    world.end()
    check(lives >= SECONDS, "only", lives, "agents were killed")
    world.check(scene.agent())


if __name__ == "__main__":
    main()
