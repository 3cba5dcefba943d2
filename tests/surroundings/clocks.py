#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""Clocks that step: the wall clock, set forth and back; CLOCK_MONOTONIC, that jumps while a machine sleeps or is moved, and is
another one in another time namespace. Counts do not care, windows forget what they cannot place, nothing stands still."""
import json
import signal
import struct

from _ground import *
from _ledger import Ledger, check_books, total
from _scene import BUILD
from _tests import main, test

HOUR, DAY = 3600, 86400
SHIM = os.path.join(BUILD, "tests", "surroundings-turned-clock.so")


class Clock:
    """What programs with this environment take for the time."""

    def __init__(self, scene):
        self.path = os.path.join(scene.work, "clock")
        self.environment = {"LD_PRELOAD": SHIM, "TURNED_CLOCK": self.path, "SLIPRING_CLOCK": "monotonic"}
        self.wall = self.monotonic = 0
        with open(self.path, "wb") as file:
            file.write(bytes(16))

    def turn(self, wall=0, monotonic=0):
        """By so many seconds more."""
        self.wall += wall
        self.monotonic += monotonic
        with open(self.path, "r+b") as file:
            file.write(struct.pack("<qq", self.wall * 10**9, self.monotonic * 10**9))

    def can_turn(self, scene):
        result = scene.slipring("--version", environment=self.environment)
        if result.returncode == 0 and not result.stderr:
            return True
        not_tried(f"turning clocks: {result.stderr.strip()[:200]}")
        return False


def time_namespace(seconds):
    return ["unshare", "-T", "-f", "--kill-child", f"--monotonic={seconds}", f"--boottime={seconds}"]


def can_have_time_namespaces(scene):
    if IS_ROOT and scene.run([*time_namespace(DAY), "true"]).returncode == 0:
        return True
    not_tried("time namespaces: no right to make one, or a kernel without them")
    return False


def figures(agent, name):
    return next(one for one in json.loads(agent.get("/api/v1/primitives")[2])["primitives"] if one["name"] == name)


def window_holds(agent, name, n):
    until(lambda: figures(agent, name)["windows"]["1m"]["n"] == n, f"the minute window of {name} holds {n}")
    window = figures(agent, name)["windows"]["1m"]
    check(0 <= window["span_seconds"] <= 61, "the window's span:", window)
    check(("p50" in window) == (n > 0), f"percentiles of a window of {n}:", window)


@test
def the_wall_clock_may_be_set_to_anything(scene):
    clock = Clock(scene)
    if not clock.can_turn(scene):
        return
    agent = scene.agent(environment=clock.environment)
    recorder, ledger = scene.recorder(environment=clock.environment), Ledger(scene)
    recorder.ok("get", 0, "walled", "load")
    recorder.ok("get", 1, "underway", "load")
    recorder.ok("ledger", ledger.path)
    recorder.ok("load", 0, 0, 2, 64, 500)
    recorder.ok("begin", 1, 3)
    for step in (DAY, -2 * DAY, -20 * 365 * DAY, 40 * 365 * DAY, -20 * 365 * DAY + DAY):
        clock.turn(wall=step)
        before = scrape(agent).recorded("walled")
        until(lambda: scrape(agent).recorded("walled") > before, "the load is booked after the wall clock stepped")
        for words in READERS:
            ends_by_itself(scene, words, f"after a step of {step} s", environment=clock.environment, codes=(0, 1))
            ends_by_itself(scene, words, f"beside a clock that is {clock.wall} s off", codes=(0, 1))
    clock.turn(wall=-30 * DAY)  # an agent that started before its forerunner did
    agent.kill()
    agent = scene.agent(environment=clock.environment)
    recorder.ok("unload")
    truth = total([ledger], 0)
    booked(agent, {"walled": truth["count"]})
    check_books(scrape(agent), "walled", truth)
    equal(scrape(agent).get("primitive_active_requests", primitive_name="underway"), 3, "active")
    equal(scrape(agent).get("slipring_rings_quarantined"), 0, "rings quarantined")
    verified(scene)


@test
def a_sleep_that_monotonic_time_counts_empties_the_window_and_keeps_the_books(scene):
    clock = Clock(scene)
    if not clock.can_turn(scene):
        return
    agent = scene.agent(environment=clock.environment)
    recorder = scene.recorder(environment=clock.environment)
    record(recorder, 0, "sleepy", 100)
    recorder.ok("begin", 0, 2)
    booked(agent, {"sleepy": 100})
    clock.turn(wall=HOUR, monotonic=HOUR)  # all were frozen: a virtual machine that was moved
    window_holds(agent, "sleepy", 0)
    equal(agent.get("/-/ready")[0], 200, "/-/ready")
    record(recorder, 0, "sleepy", 50)
    recorder.ok("end", 0, 2, "S")
    booked(agent, {"sleepy": 152})
    window_holds(agent, "sleepy", 52)
    until(lambda: figures(agent, "sleepy")["duration_seconds"]["max"] >= HOUR, "the span that slept is an hour long")
    clock.turn(wall=HOUR)  # a suspend, of which CLOCK_MONOTONIC knows nothing
    record(recorder, 0, "sleepy", 10)
    booked(agent, {"sleepy": 162})
    window_holds(agent, "sleepy", 62)
    equal(scrape(agent).get("slipring_rings_quarantined"), 0, "rings quarantined")
    verified(scene)


@test
def agents_of_other_time_namespaces_go_on_with_the_same_books(scene):
    if not can_have_time_namespaces(scene):
        return
    recorder, count = scene.recorder(), 0
    for seconds in (10 * DAY, 0, HOUR, 20 * DAY, 60):
        agent = scene.agent(prefix=time_namespace(seconds))
        record(recorder, 0, "timely", 100)
        recorder.send("record 0 137000000000 F")
        recorder.ok("sync")
        count += 101
        booked(agent, {"timely": count})
        window_holds(agent, "timely", 101)  # not what another clock's time is ahead of
        verified(scene)
        until(lambda: json.loads(scene.slipring("show", "--json").stdout)["primitives"], "slipring show")
        os.kill(only_child(agent.pid), signal.SIGKILL)  # and then waited for: the next one is refused before
        agent.wait()


@test
def programs_of_another_time_namespace_are_booked_like_others(scene):
    if not can_have_time_namespaces(scene):
        return
    early = scene.recorder(prefix=time_namespace(30 * DAY), environment={"SLIPRING_CLOCK": "monotonic"})
    record(early, 0, "apart", 100)  # before there is an agent, whose clock is behind
    early.ok("begin", 0, 2)
    agent = scene.agent()
    booked(agent, {"apart": 100})
    early.ok("end", 0, 2, "S")
    late = scene.recorder(prefix=time_namespace(HOUR))
    record(late, 0, "apart", 100)
    booked(agent, {"apart": 202})
    window_holds(agent, "apart", 202)
    check(figures(agent, "apart")["duration_seconds"]["max"] < 60, "a span took the difference of two clocks")
    lag = scrape(agent).get("slipring_drain_lag_seconds")
    check(lag is None or 0 <= lag < 60, "the drain's lag:", lag)
    verified(scene)


main()
