#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A reboot: everybody ends or is killed, the store's files are gone, and an agent begins with the checkpoint's folder. What was counted is
the lifetime, windows and budgets go on, counters begin at 0; and Prometheus, which scraped all the time, counts every execution once.

ctest-labels: e2e-slow"""
import json
import os
import random
import signal
import threading
import time

from _metrics import scrape
from _prometheus import Prometheus, rate
from _scene import free_port
from _tests import check, close_to, contains, equal, main, test, until

NAME = "critical_workflow"
COST = 7
SEED = int(os.environ.get("SLIPRING_REBOOT_SEED", random.randrange(1 << 30)))
SUCCESS = f'primitive_requests_total{{primitive_name="{NAME}",status="success"}}'


class Machine:
    """An agent and a recorder over one checkpoint folder. Its totals are written each second."""

    def __init__(self, scene):
        self.scene, self.port = scene, free_port()
        self.folder = os.path.join(scene.work, "books")
        self.config = os.path.join(scene.work, "slipring.yaml")
        with open(self.config, "w") as out:
            out.write(f"checkpoint: {{folder: {self.folder}, totals_every: 1s, slices_every: 10s}}\n")
        self.boot()

    def boot(self):
        self.agent = self.scene.agent("--config", self.config, port=self.port)
        self.recorder = self.scene.recorder()
        self.recorder.ok("get", 0, NAME, "step")
        self.recorder.ok("slo", 0, 990_000_000, 950_000_000, 1_000_000_000)

    def record(self, successes, failures=0):
        self.recorder.send(*[f"record 0 5000000 S {COST} 0 0"] * successes, *[f"record 0 5000000 F {COST} 0 0"] * failures)
        self.recorder.ok("sync")

    def go_down(self, how):
        """Nothing of the store is left."""
        if how == signal.SIGTERM:
            equal(self.agent.stop()[0], 0, "exit status")
        else:
            self.agent.kill()
        self.recorder.kill()
        for kind in ("ring", "stats", "lock"):
            os.unlink(self.scene.file(kind))

    def page(self):
        return scrape(self.agent)

    def figure(self, name):
        return self.page().get(name)

    def booked(self, count):
        until(lambda: self.page().recorded(NAME) == count, f"{count} executions are booked")

    def files(self, part):
        return [name for name in os.listdir(self.folder) if part in name]


def lifetime(page):
    """(executions, cost in nano-dollars) of all there ever were."""
    count = page.get("primitive_window_requests", primitive_name=NAME, window="lifetime")
    each = page.get("primitive_cost_per_request_dollars", primitive_name=NAME, window="lifetime")
    return int(count or 0), int((each or 0) * count * 10**9) if count else 0


def figures_of_objectives(page):
    """Everything about its objectives that is a matter of counts alone."""
    return {(family, labels): value for (family, labels), value in page.series.items()
            if "_slo_" in family and ("primitive_name", NAME) in labels and
            ("compliance" in family or "budget_remaining" in family or family.endswith("_requests"))}


@test
def everything_is_there_again_and_counters_begin_at_nothing(scene):
    machine = Machine(scene)
    machine.record(700, 5)
    machine.booked(705)
    before = machine.page()
    objectives = figures_of_objectives(before)
    check(objectives, "no figure of an objective is exposed")
    machine.go_down(signal.SIGTERM)
    machine.boot()
    after = machine.page()
    equal(after.requests(NAME), (0, 0, 0), "counters after the reboot")
    equal(after.total("primitive_cost_total", primitive_name=NAME), 0, "the cost counter")
    equal(lifetime(after), lifetime(before), "the lifetime")
    for window in ("5m", "1h", "1d"):
        equal(after.get("primitive_window_requests", primitive_name=NAME, window=window), 705, f"executions in {window}")
    equal(figures_of_objectives(after), objectives, "objectives")
    check(after.get("slipring_restored_wall_seconds") > 0, "no restore is told of")
    machine.record(10)
    machine.booked(10)
    equal(lifetime(machine.page())[0], 715, "the lifetime with more")
    verdict = scene.slipring("verify")
    equal(verdict.returncode, 0, f"slipring verify: {verdict.stdout}{verdict.stderr}")


@test
def the_slowest_of_a_window_still_has_its_trace(scene):
    machine = Machine(scene)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    told = scene.slipring("record", NAME, "--type", "step", "--duration", "70ms", "--failure", "--traceparent", f"00-{trace}-00f067aa0ba902b7-01")
    equal((told.returncode, told.stderr), (0, ""), "record")

    def exemplars():
        status, _, body = machine.agent.get(f"/api/v1/primitives/{NAME}")
        return json.loads(body).get("exemplars") if status == 200 else None

    before = until(exemplars, "they are published")
    for how in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        machine.go_down(how)
        machine.boot()
        after = until(exemplars, "they are there again")
        for window in ("1h", "lifetime"):
            equal(after["windows"][window], before["windows"][window], f"the traces of {window}")
        equal(after["buckets"], [], "those of counters that began anew")
        machine.page().check_whole()
        contains(scene.slipring("show", NAME).stdout, [trace], "show")


def scraped(prometheus, value):
    until(lambda: [float(one["value"][1]) for one in prometheus.query(SUCCESS)] == [value],
          f"Prometheus has seen {value}", 20)


def increase(samples):
    """What counters rose by, resets included, as PromQL counts it but for what it adds at the edges."""
    return sum(after - before if after >= before else after for before, after in zip(samples, samples[1:]))


@test
def prometheus_counts_each_execution_once(scene):
    """The raw samples tell it to the execution; increase() adds what it expects between them and the range's edges, and is compared with
    that arithmetic."""
    machine = Machine(scene)
    until(lambda: machine.page().get("primitive_requests_total", primitive_name=NAME, status="success") == 0,
          "the primitive is exposed")
    prometheus = Prometheus(scene, machine.port)
    scraped(prometheus, 0)
    machine.record(500)
    scraped(prometheus, 500)
    machine.go_down(signal.SIGTERM)
    machine.boot()
    machine.record(120)
    scraped(prometheus, 120)
    machine.record(180)
    scraped(prometheus, 300)
    machine.go_down(signal.SIGKILL)
    machine.boot()
    machine.record(40)
    scraped(prometheus, 40)
    at = time.time()
    values = prometheus.query(f"{SUCCESS}[5m]", at)
    equal(len(values), 1, "series of the counter over three boots")
    samples = [(stamp, float(value)) for stamp, value in values[0]["values"]]
    equal(increase([value for _, value in samples]), 840.0, "the increase, from the raw samples")
    asked = prometheus.values(f"increase({SUCCESS}[5m])", "primitive_name", at)[NAME]
    close_to(asked, rate(samples, at, 300) * 300, "increase()", 1e-6)


class Feeder(threading.Thread):
    """Records, and knows how many were sent and how many surely were recorded, at any time."""

    def __init__(self, machine):
        super().__init__(daemon=True)
        self.machine, self.over = machine, threading.Event()
        self.sent = 0
        self.done = []  # (wall clock, how many were recorded by then)

    def run(self):
        try:
            while not self.over.is_set():
                self.sent += 20
                self.machine.record(20)
                self.done.append((time.time(), self.sent))
                time.sleep(0.005)
        except (AssertionError, OSError, ValueError):
            pass  # the recorder was killed


@test
def a_kill_at_any_time_loses_what_came_after_the_last_file_and_no_more(scene):
    """No total is more than what was recorded, nor less than what was when the file was begun that it came from."""
    print(f"# SLIPRING_REBOOT_SEED={SEED}", flush=True)
    rng = random.Random(SEED)
    machine = Machine(scene)
    kept, ages = 0, []
    for _ in range(6):
        feeder = Feeder(machine)
        feeder.start()
        time.sleep(rng.uniform(0.2, 3.5))
        machine.agent.kill()
        killed = time.time()
        feeder.over.set()
        feeder.join(20)
        machine.go_down(signal.SIGKILL)
        machine.boot()
        page = machine.page()
        count, cost = lifetime(page)
        restored = float(page.get("slipring_restored_wall_seconds"))
        # a second: what was recorded may wait in its ring for as long, however busy the machine is
        least = max([sent for stamp, sent in feeder.done if stamp < restored - 1], default=0)
        check(kept + least <= count <= kept + feeder.sent, "restored", count, "of", kept, "+", feeder.sent, "at least",
              kept + least)
        equal(cost, COST * count, "the cost of so many")
        equal(page.get("slipring_checkpoints_refused_total"), 0, "files refused")
        kept = count
        ages.append(round(killed - restored, 2))
    check(kept > 0, "nothing was ever kept")
    print(f"# {kept} kept; seconds from the last file to the kill: {ages}", flush=True)


if __name__ == "__main__":
    main()
