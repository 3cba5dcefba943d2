#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What spans are timed by, as agent and producer are told: the same times either way."""
import time

from _metrics import scrape
from _tests import check, equal, main, test, until

CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
ASLEEP = 0.2


def counter_is_steady():
    """As the kernel sees it."""
    try:
        with open(CLOCKSOURCE) as file, open("/proc/cpuinfo") as cpus:
            name = file.read().strip()
            return name == "arch_sys_counter" or name == "tsc" and "nonstop_tsc" in cpus.read()
    except OSError:
        return False


def figure_is(agent, wanted):
    until(lambda: scrape(agent).get("slipring_clock_is_tsc") == wanted, f"slipring_clock_is_tsc is {wanted}")


def time_a_span(scene, agent, environment=None):
    recorder = scene.recorder(environment=environment)
    recorder.ok("get", 0, "nap", "span")
    started = time.monotonic()
    recorder.ok("begin", 0, 1)
    time.sleep(ASLEEP)
    recorder.ok("end", 0, 1, "S")
    most = time.monotonic() - started + 1
    recorder.finish()
    until(lambda: scrape(agent).recorded("nap") == 1, "the span is booked")
    took = scrape(agent).get("primitive_duration_seconds_sum", primitive_name="nap")
    check(ASLEEP * 0.999 < took < most, "a span that slept", ASLEEP, "s took", took)


@test
def spans_are_timed_alike_whatever_the_clock(scene):
    agent = scene.agent()
    figure_is(agent, 1 if counter_is_steady() else 0)
    time_a_span(scene, agent)
    equal(agent.stop()[0], 0, "exit status")


@test
def the_agent_can_be_told_to_leave_the_counter_alone(scene):
    agent = scene.agent("--clock", "monotonic")
    time.sleep(ASLEEP)  # by then it would have measured it
    figure_is(agent, 0)
    time_a_span(scene, agent)
    equal(agent.stop()[0], 0, "exit status")


@test
def so_can_a_producer(scene):
    agent = scene.agent("--clock=auto")
    figure_is(agent, 1 if counter_is_steady() else 0)
    time_a_span(scene, agent, {"SLIPRING_CLOCK": "monotonic"})
    equal(agent.stop()[0], 0, "exit status")


@test
def a_later_agent_withdraws_what_an_earlier_one_published(scene):
    agent = scene.agent()
    figure_is(agent, 1 if counter_is_steady() else 0)
    agent.kill()
    agent = scene.agent("--clock", "monotonic")
    figure_is(agent, 0)
    time_a_span(scene, agent)
    equal(agent.stop()[0], 0, "exit status")


main()
