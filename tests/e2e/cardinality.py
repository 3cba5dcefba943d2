#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More names than may be: the totals over all of them stay right, and whoever looks at the gauges, the log or /metrics was warned before."""
import re

from _metrics import scrape
from _tests import check, contains, equal, main, test, until

FILLING, FULL = "four fifths of the primitives", "no more primitives"


def record(scene, names):
    for name in names:
        equal(scene.slipring("record", name, "--duration", "1ms").returncode, 0, f"slipring record {name}")


def used(agent):
    return scrape(agent).get("slipring_registry_used")


@test
def the_log_warns_at_four_fifths_and_when_the_registry_is_full(scene):
    agent = scene.agent("--max-primitives", "5")
    record(scene, ["a", "b", "c"])
    until(lambda: used(agent) == 3, "three names are registered")
    check(FILLING not in agent.log(), "told at three fifths:", agent.log())
    record(scene, ["d"])
    until(lambda: FILLING in agent.log(), "the log says that four fifths are used")
    equal(float(scrape(agent).get("slipring_registry_fill_ratio")), 0.8, "the gauge")
    check(FULL not in agent.log(), "told full at four fifths:", agent.log())
    record(scene, ["e"])
    until(lambda: FULL in agent.log(), "the log says that the registry is full")
    equal(agent.log().count(FILLING), 1, "lines at four fifths")
    equal(agent.log().count(FULL), 1, "lines when it is full")
    command = re.search("see (slipring [a-z -]+) for names", agent.log()).group(1)
    contains(scene.run(command.split()).stdout, ["\na ", "\ne "], "what the log says that one should look at has the names")


@test
def what_lies_beyond_the_limit_is_counted_under_overflow(scene):
    agent = scene.agent("--max-primitives", "5")
    names = [f"name_{n}" for n in range(40)]
    record(scene, names)
    until(lambda: sum(scrape(agent).recorded(name) for name in [*names, "__overflow__"]) == 40,
          "all forty executions are booked, each under a name")
    page = scrape(agent)
    equal(page.get("slipring_registry_used"), 5, "names")
    equal(page.get("slipring_registry_limit"), 5, "the limit")
    equal(page.recorded("__overflow__"), 35, "executions of the names beyond it")


main()
