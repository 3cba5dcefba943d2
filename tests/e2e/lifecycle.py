#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Agents and producers come, go, hang and are killed, in every order: no count is lost, none is counted twice, and no
counter that was scraped goes backwards."""
import json
import os
import random
import signal
import socket
import threading
import time

from _ledger import Ledger, check_books, total
from _metrics import Watch, scrape
from _scene import STORE
from _tests import check, contains, equal, main, test, until

WATCHDOG_S = 4  # a message at each half of it


def recorded(agent, name, count, seconds=60):
    """Waits for the count; then sees that it stays."""
    until(lambda: scrape(agent).recorded(name) >= count, f"{count} executions of {name} are booked", seconds)
    time.sleep(0.25)
    equal(scrape(agent).recorded(name), count, f"executions of {name}")


def verified(scene):
    verdict = scene.slipring("verify")
    equal(verdict.returncode, 0, f"slipring verify: {verdict.stdout}{verdict.stderr}")


def load(scene, names, threads=2, pace=()):
    """A recorder whose threads record all of the names; with its ledger."""
    recorder, ledger = scene.recorder(), Ledger(scene)
    for place, name in enumerate(names):
        recorder.ok("get", place, name, "load")
    recorder.ok("ledger", ledger.path)
    recorder.ok("load", 0, len(names) - 1, threads, *pace)
    return recorder, ledger


def check_rings(scene, most):
    """No more rings of a class were ever made than were needed at a time: the others were used again."""
    rings = json.loads(scene.slipring("rings", "--all", "--json").stdout)["rings"]
    for kind in ("small", "mid", "big"):
        made = [one for one in rings if one["class"] == kind]
        check(len(made) <= most, len(made), kind, "rings were made where at most", most, "are used at a time")
    check(any(one["class"] == "small" for one in rings), "no ring is listed:", rings)


class Scraper(threading.Thread):
    """Looks at /metrics again and again, also while nobody is there to answer."""

    def __init__(self, agent):
        super().__init__(daemon=True)
        self.agent, self.watch, self.error, self.over = agent, Watch(), None, threading.Event()

    def run(self):
        while not self.over.is_set():
            try:
                self.watch.see(scrape(self.agent))
            except OSError:
                pass  # no agent now; also what http.client raises when one dies half-way through an answer
            except Exception as error:
                if type(error).__module__ != "http.client":
                    self.error = error
                    return
            time.sleep(0.02)

    def finish(self):
        self.over.set()
        self.join(10)
        if self.error:
            raise self.error


@test
def an_agent_that_was_there_first_books_what_comes(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    recorder.ok("get", 0, "first", "step")
    recorder.send(*["record 0 5000000 S"] * 700, *["record 0 5000000 F"] * 300)
    recorder.ok("sync")
    recorded(agent, "first", 1000)
    equal(scrape(agent).requests("first"), (700, 300, 0), "outcomes")
    equal(recorder.ok("read", 0)[:3], ["1000", "300", "0"], "what the program reads back")
    recorder.finish()
    recorded(agent, "first", 1000)
    verified(scene)


@test
def producers_that_were_there_first_are_booked_living_or_gone(scene):
    for _ in range(3):
        gone = scene.recorder()
        gone.ok("get", 0, "early", "step")
        gone.send(*["record 0 2000000 S"] * 1000)  # more than a ring holds
        gone.ok("sync")
        gone.finish()
    killed = scene.recorder()
    killed.ok("get", 0, "early", "step")
    killed.send(*["record 0 2000000 F"] * 50)
    killed.ok("sync")
    killed.kill()
    living = scene.recorder()
    living.ok("get", 0, "early", "step")
    living.send(*["record 0 2000000 S"] * 400)
    living.ok("sync")
    agent = scene.agent()
    recorded(agent, "early", 3450)
    equal(scrape(agent).requests("early"), (3400, 50, 0), "outcomes")
    living.send(*["record 0 2000000 S"] * 10)
    living.ok("sync")
    recorded(agent, "early", 3460)
    verified(scene)


@test
def a_second_agent_is_refused_and_told_the_pid_of_the_first(scene):
    first = scene.agent()
    second = scene.agent(wait=False)
    equal(second.wait(5), 1, f"exit status of the second agent; {second.log()}")
    contains(second.log(), [str(first.pid), STORE], "its log")
    check(first.alive(), "the first agent did not survive the second one")
    recorder = scene.recorder()
    recorder.ok("get", 0, "still", "step")
    recorder.send("record 0 1 S")
    recorder.ok("sync")
    recorded(first, "still", 1)
    other = scene.agent("--store", "another")
    equal(other.stop()[0], 0, "an agent for another store")
    first.kill()
    third = scene.agent()
    recorded(third, "still", 1)
    equal(third.stop()[0], 0, "the agent after a killed one")


@test
def a_signal_stops_the_agent_cleanly_and_nothing_is_left_behind(scene):
    for number, name in ((signal.SIGTERM, "term"), (signal.SIGINT, "int")):
        agent = scene.agent()
        recorder = scene.recorder()
        recorder.ok("get", 0, name, "step")
        hanging = socket.create_connection(("127.0.0.1", agent.port))
        recorder.send(*["record 0 7000000 S"] * 100)
        recorder.ok("sync")
        status, seconds = agent.stop(number)
        equal(status, 0, f"exit status; {agent.log()}")
        check(seconds < 2.0, "stopping took", seconds, "s")
        hanging.close()
        shown = json.loads(scene.slipring("show", "--json", name).stdout)["primitives"]
        equal([one["counts"]["executions"] for one in shown], [100], "what the last drain before the stop booked")
        stores = json.loads(scene.slipring("ls", "--json").stdout)["stores"]
        equal([one["agent"]["state"] for one in stores if one["name"] == STORE], ["stopped"], "the agent's state")
        try:
            socket.create_connection(("127.0.0.1", agent.port), timeout=1).close()
            check(False, "the port is still open")
        except OSError:
            pass
        recorder.finish()


@test
def the_agent_stops_within_two_seconds_under_full_load(scene):
    agent = scene.agent()
    recorder, ledger = load(scene, ["busy"])
    time.sleep(0.5)
    status, seconds = agent.stop()
    equal(status, 0, f"exit status; {agent.log()}")
    check(seconds < 2.0, "stopping took", seconds, "s")
    time.sleep(0.1)
    recorder.ok("unload")
    again = scene.agent()
    truth = total([ledger], 0)
    recorded(again, "busy", truth["count"])
    check_books(scrape(again), "busy", truth)


@test
def systemd_is_told_when_the_agent_is_ready_alive_and_stopping(scene):
    path = os.path.join(scene.work, "notify")
    for address, bound in ((path, path), ("@slipring-e2e-" + str(os.getpid()), "\0slipring-e2e-" + str(os.getpid()))):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(bound)
            manager.settimeout(20)
            agent = scene.agent(environment={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(WATCHDOG_S * 1000000)}, wait=False)
            first = manager.recv(4096).decode()
            check("READY=1" in first.split("\n"), "the first message is no READY=1:", first)
            agent.wait_ready()
            for _ in range(2):
                started = time.monotonic()
                equal(manager.recv(4096).decode(), "WATCHDOG=1", "the message of a living agent")
                check(time.monotonic() - started < WATCHDOG_S, "the watchdog would have bitten")
            agent.send_signal(signal.SIGTERM)
            message = manager.recv(4096).decode()
            while message == "WATCHDOG=1":
                message = manager.recv(4096).decode()
            check("STOPPING=1" in message.split("\n"), "no STOPPING=1:", message)
            equal(agent.wait(), 0, "exit status")


@test
def an_agent_killed_and_restarted_under_load_counts_everything_once(scene):
    dice = random.Random(4)
    names = ["alpha", "beta", "gamma"]
    agent = scene.agent()
    loads = [load(scene, names), load(scene, names, 2, (2000, 300))]
    scraper = Scraper(agent)
    scraper.start()
    for _ in range(10):
        time.sleep(dice.uniform(0.02, 0.4))
        agent.kill()
        time.sleep(dice.choice((0, 0, 0.15)))
        agent = scene.agent(port=agent.port)
    for recorder, _ in loads:
        recorder.ok("unload")
    ledgers = [ledger for _, ledger in loads]
    for place, name in enumerate(names):
        recorded(agent, name, total(ledgers, place)["count"])
        check_books(scrape(agent), name, total(ledgers, place))
    scraper.finish()
    check(scraper.watch.pages > 20, "only", scraper.watch.pages, "pages were watched")
    verified(scene)


@test
def what_a_killed_process_had_under_way_is_counted_as_aborted(scene):
    agent = scene.agent()
    victim, witness = scene.recorder(), scene.recorder()
    for recorder in (victim, witness):
        recorder.ok("get", 0, "fragile", "step")
        recorder.ok("get", 1, "untouched", "step")
        recorder.ok("slo", 0, 900_000_000, 900_000_000, 60_000_000_000)
    victim.ok("begin", 0, 9)
    victim.ok("end", 0, 1, "S")
    victim.ok("end", 0, 1, "F")
    victim.ok("cancel", 0, 2)
    victim.ok("begin", 1, 2)
    victim.ok("end", 1, 2, "S")
    witness.ok("begin", 0, 3)
    until(lambda: scrape(agent).get("primitive_active_requests", primitive_name="fragile") == 8, "8 are active")
    victim.kill()
    until(lambda: scrape(agent).requests("fragile") == (1, 1, 5), "5 are aborted")
    page = scrape(agent)
    equal(page.get("primitive_active_requests", primitive_name="fragile"), 3, "active, those of the living")
    equal(page.recorded("fragile"), 2, "executions in the histogram, where an aborted one is not")
    equal(page.requests("untouched"), (2, 0, 0), "outcomes of what was at rest")
    equal(float(page.get("primitive_slo_compliance", primitive_name="fragile")), 1 / 7, "compliance: 1 good of 7")
    witness.ok("end", 0, 3, "S")
    until(lambda: scrape(agent).requests("fragile") == (4, 1, 5), "the witness's ends")
    equal(scrape(agent).get("primitive_active_requests", primitive_name="fragile"), 0, "active at the end")
    verified(scene)


@test
def spans_that_outlive_the_agent_are_settled_by_the_next_one(scene):
    agent = scene.agent()
    victim, survivor = scene.recorder(), scene.recorder()
    for recorder in (victim, survivor):
        recorder.ok("get", 0, "spanning", "step")
        recorder.ok("begin", 0, 4)
    until(lambda: scrape(agent).get("primitive_active_requests", primitive_name="spanning") == 8, "8 are active")
    agent.kill()
    victim.kill()
    survivor.ok("end", 0, 3, "S")
    agent = scene.agent()
    until(lambda: scrape(agent).requests("spanning") == (3, 0, 4), "3 ended and 4 aborted")
    equal(scrape(agent).get("primitive_active_requests", primitive_name="spanning"), 1, "still active")


@test
def an_agent_told_to_ignore_what_was_under_way_counts_it_apart(scene):
    def victim(spans):
        recorder = scene.recorder()
        recorder.ok("get", 0, "drained", "step")
        recorder.ok("slo", 0, 900_000_000, 900_000_000, 60_000_000_000)
        recorder.ok("begin", 0, spans + 1)
        recorder.ok("end", 0, 1, "S")
        return recorder

    agent = scene.agent()
    victim(4).kill()
    until(lambda: scrape(agent).requests("drained") == (1, 0, 4), "4 are aborted")
    agent.kill()
    victim(3).kill()  # while nobody looks: the next agent's word counts
    agent = scene.agent("--aborted", "ignore")
    victim(2).kill()
    until(lambda: scrape(agent).get("slipring_aborted_ignored_total") == 5, "5 are ignored")
    until(lambda: scrape(agent).requests("drained") == (3, 0, 4), "what was aborted stays so")
    equal(scrape(agent).get("primitive_active_requests", primitive_name="drained"), 0, "active")
    equal(float(scrape(agent).get("primitive_slo_compliance", primitive_name="drained")), 3 / 7, "compliance")
    agent.stop()
    agent = scene.agent()
    equal(scrape(agent).requests("drained"), (3, 0, 4), "outcomes, as counted")
    equal(scrape(agent).get("slipring_aborted_ignored_total"), 5, "ignored, as counted")
    verified(scene)


@test
def killed_processes_give_back_their_rings_and_slots(scene):
    agent = scene.agent()
    killed, ledgers = 0, []
    for _ in range(6):
        loads = [load(scene, ["one", "two"], 2, (64, 500)) for _ in range(3)]
        for recorder, _ in loads:
            recorder.ok("get", 20, "held", "step")
            recorder.ok("begin", 20, 2)
        time.sleep(0.1)
        for recorder, ledger in loads:
            recorder.kill()  # in the middle of its load
            ledgers.append(ledger)
            killed += 1
        until(lambda: scrape(agent).get("slipring_processes") == 0, "the dead processes' slots are free")
        until(lambda: scrape(agent).get("slipring_rings_in_use") == 0, "their rings are free")
        equal(scrape(agent).requests("held"), (0, 0, 2 * killed), "aborted spans")
    # At a time: 3 processes, 2 threads each with 2 rings, and one more ring for the spans.
    check_rings(scene, 3 * (2 * 2 + 1))
    for place, name in enumerate(("one", "two")):
        truth = total(ledgers, place)
        count = scrape(agent).recorded(name)
        # A thread that was killed inside record() has recorded that one sample or has not.
        check(truth["count"] <= count <= truth["begun"], name, truth["count"], "<=", count, "<=", truth["begun"])
        check(truth["begun"] - truth["count"] <= 2 * killed, "the ledger itself", truth)
    torn = scrape(agent).get("slipring_samples_torn_total")  # threads without a ring yet use the shared spill
    check(torn <= 2 * killed, "torn updates, at most one a killed thread:", torn)
    verified(scene)


@test
def threads_that_end_give_back_their_rings(scene):
    agent = scene.agent()
    recorder, ledger = load(scene, ["thread"], 4, (64, 500))
    for _ in range(12):
        time.sleep(0.05)
        recorder.ok("unload")
        recorder.ok("load", 0, 0, 4, 64, 500)
    recorder.ok("unload")
    until(lambda: scrape(agent).get("slipring_rings_in_use") == 0, "the ended threads' rings are free")
    check_rings(scene, 2 * 4)  # of the threads that just ended, and of those that begin meanwhile
    recorded(agent, "thread", total([ledger], 0)["count"])
    check_books(scrape(agent), "thread", total([ledger], 0))


@test
def nothing_is_lost_and_nobody_waits_while_the_agent_is_stopped(scene):
    agent = scene.agent()
    loads = [load(scene, ["torrent"]), load(scene, ["torrent"])]
    ledgers = [ledger for _, ledger in loads]
    time.sleep(0.3)
    agent.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    counts = []
    for _ in range(4):
        counts.append(total(ledgers, 0)["count"])
        time.sleep(0.4)
    steps = [after - before for before, after in zip(counts, counts[1:])]
    # Far more than all rings hold: who waited for the agent would stand still after the first.
    check(min(steps) > 200_000, "records in 0.4 s without an agent:", steps)
    agent.send_signal(signal.SIGCONT)
    time.sleep(0.3)
    for recorder, _ in loads:
        recorder.ok("unload")
    truth = total(ledgers, 0)
    recorded(agent, "torrent", truth["count"])
    check_books(scrape(agent), "torrent", truth)
    page = scrape(agent)
    spilled = page.get("primitive_spilled_total", primitive_name="torrent")
    check(spilled >= sum(steps) - 4 * 8192, "spilled:", spilled, "of", sum(steps), "recorded meanwhile")
    equal(page.get("slipring_rings_quarantined"), 0, "rings that were quarantined for spilling fast")
    verified(scene)


@test
def the_figures_can_be_read_when_the_agent_is_dead(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    recorder.ok("get", 0, "archive", "step")
    recorder.send(*["record 0 3000000 S"] * 20)
    recorder.ok("sync")
    recorded(agent, "archive", 20)
    agent.kill()
    for words in (("show",), ("show", "archive"), ("top", "--once"), ("ls",), ("rings",), ("verify",)):
        result = scene.slipring(*words)
        equal((result.returncode, result.stderr), (0, ""), f"slipring {' '.join(words)}: {result.stdout}")
    contains(scene.slipring("show").stdout, ["archive", ("not running", "died", "dead")], "show without an agent")
    contains(scene.slipring("ls").stdout, ["died"], "ls after a kill")
    equal(recorder.ok("read", 0)[:3], ["20", "0", "0"], "what the program reads back")
    refused = scene.slipring("rm", STORE)
    equal(refused.returncode, 1, f"rm while a process is attached: {refused.stderr}")
    contains(refused.stderr, [str(recorder.pid)], "its refusal")
    recorder.finish()
    equal(scene.slipring("rm", STORE).returncode, 0, "rm of a store that nobody uses")
    equal(os.listdir(scene.shm), [], "files left behind")


if __name__ == "__main__":
    main()
