#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""Who lives and who does not, where a pid says nothing: PID namespaces, pids that are used again, processes that are stopped, a lock
that outlives its owner. (The locks themselves: tests/unit/liveness_test.c.)"""
import json
import signal

from _ground import *
from _tests import main, test


def can_unshare(scene):
    if IS_ROOT and scene.run(["unshare", "-p", "-f", "--mount-proc", "true"]).returncode == 0:
        return True
    not_tried("PID namespaces: no right to make one")
    return False


def namespace(script):
    """A command's prefix: a PID namespace of its own, whose first process is a shell with this script; "$@" is the command. With
    whoever made it the namespace goes."""
    return ["unshare", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", script, "sh"]


BELOW_A_SHELL = '"$@"; exit $?'


def pids(pid):
    """What it is called in each namespace, from ours on."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next([int(word) for word in line.split()[1:]] for line in file if line.startswith("NSpid:"))


def spanning(scene, place, name, spans, **more):
    recorder = scene.recorder(**more)
    record(recorder, place, name, 10)
    recorder.ok("begin", place, spans)
    return recorder


def active(agent, name):
    return scrape(agent).get("primitive_active_requests", primitive_name=name)


def aborted(agent, name):
    return scrape(agent).requests(name)[2]


def expect(agent, name, is_active, is_aborted, processes):
    def seen():
        return (active(agent, name), aborted(agent, name), scrape(agent).get("slipring_processes"))

    until(lambda: seen() == (is_active, is_aborted, processes),
          f"{name}: {is_active} active, {is_aborted} aborted, {processes} processes")


@test
def processes_of_two_namespaces_that_have_the_same_pid_are_two(scene):
    if not can_unshare(scene):
        return
    agent = scene.agent()
    inside = [spanning(scene, 0, "twin", 2, prefix=namespace(BELOW_A_SHELL)) for _ in range(2)]
    outside = spanning(scene, 0, "twin", 3)
    shells = [only_child(recorder.pid) for recorder in inside]
    twins = [only_child(shell) for shell in shells]
    equal(pids(twins[0])[-1], pids(twins[1])[-1], "their pids, each in its own namespace")
    expect(agent, "twin", 7, 0, 3)
    apart = json.loads(scene.slipring("show", "twin", "--by", "process", "--json").stdout)["processes"]
    equal(sorted((one["pid"], one["n"]) for one in apart), sorted((pids(pid)[-1], 10) for pid in [*twins, outside.pid]), "processes")
    equal(len({one["pid_namespace"] for one in apart}), 3, "their namespaces")
    contains(scene.slipring("show", "twin", "--by", "process").stdout, [f"{pids(twins[0])[-1]}*", "another PID namespace"], "show --by process")
    os.kill(shells[0], signal.SIGKILL)  # the first process of its namespace: the kernel kills all others in it
    expect(agent, "twin", 5, 2, 2)
    inside[1].ok("end", 0, 2, "S")
    outside.ok("end", 0, 3, "S")
    expect(agent, "twin", 0, 2, 2)
    booked(agent, {"twin": 35})
    inside[1].finish()
    outside.kill()
    expect(agent, "twin", 0, 2, 0)
    verified(scene)


@test
def an_agent_in_a_namespace_knows_the_living_and_the_dead_outside(scene):
    if not can_unshare(scene):
        return
    agent = scene.agent(prefix=namespace(BELOW_A_SHELL))
    outside = [spanning(scene, 0, "far", 2) for _ in range(2)]
    inside = spanning(scene, 0, "far", 3, prefix=namespace(BELOW_A_SHELL))
    expect(agent, "far", 7, 0, 3)
    outside[0].kill()
    expect(agent, "far", 5, 2, 2)
    readers_end_by_themselves(scene, "with the agent in a namespace")
    os.kill(only_child(agent.pid), signal.SIGKILL)
    agent.wait()
    outside[1].kill()
    record(inside, 0, "far", 10)
    again = scene.agent(prefix=namespace(BELOW_A_SHELL))
    expect(again, "far", 3, 4, 1)
    booked(again, {"far": 40})
    inside.ok("end", 0, 3, "S")
    booked(again, {"far": 43})
    os.kill(only_child(only_child(again.pid)), signal.SIGTERM)
    equal(again.wait(), 0, f"exit status; {again.log()}")


@test
def a_pid_that_is_used_again_is_another_process(scene):
    """The agent looks again when the same number already is a new process of the same program, which records the same."""
    if not can_unshare(scene):
        return
    agent = scene.agent()
    twice = 'for turn in 1 2; do echo 40 >/proc/sys/kernel/ns_last_pid; "$@"; done'
    recorder = spanning(scene, 0, "reborn", 2, prefix=namespace(twice))
    expect(agent, "reborn", 2, 0, 1)
    shell = only_child(recorder.pid)
    first = only_child(shell)
    number = pids(first)[-1]
    agent.send_signal(signal.SIGSTOP)
    os.kill(first, signal.SIGKILL)
    until(lambda: children(shell) not in ([], [first]), "the next process")
    recorder.ok("open", STORE)  # the pipe is the new one's now
    record(recorder, 0, "reborn", 10)
    recorder.ok("begin", 0, 3)
    equal(pids(only_child(shell))[-1], number, "the pid that is used again")
    agent.send_signal(signal.SIGCONT)
    expect(agent, "reborn", 3, 2, 1)
    booked(agent, {"reborn": 20})
    recorder.ok("end", 0, 3, "S")
    booked(agent, {"reborn": 23})
    verified(scene)


@test
def a_stopped_process_is_not_dead_however_long(scene):
    agent = scene.agent("--retire-after", "100ms")
    stopped = spanning(scene, 0, "patient", 2)
    for place in range(1, 20):  # more rings than stay without an owner
        record(stopped, place, f"patient-{place}", 10)
    other = spanning(scene, 0, "patient", 1)
    expect(agent, "patient", 3, 0, 2)
    rings = scrape(agent).get("slipring_rings_in_use")
    stopped.process.send_signal(signal.SIGSTOP)
    end = time.monotonic() + 4  # reaping, retiring, closing of slices, marks of quiet: all come round
    while time.monotonic() < end:
        record(other, 0, "patient", 10)
        equal((active(agent, "patient"), aborted(agent, "patient")), (3, 0), "active and aborted beside a stopped process")
        time.sleep(0.2)
    equal(scrape(agent).get("slipring_rings_in_use"), rings, "rings that are owned")
    agent.kill()
    agent = scene.agent("--retire-after", "100ms")  # nor does the next one take it for dead
    expect(agent, "patient", 3, 0, 2)
    stopped.process.send_signal(signal.SIGCONT)
    for place in range(1, 20):
        record(stopped, place, f"patient-{place}", 5)
    stopped.ok("end", 0, 2, "S")
    expect(agent, "patient", 1, 0, 2)
    booked(agent, {f"patient-{place}": 15 for place in range(1, 20)})
    stopped.kill()
    expect(agent, "patient", 1, 0, 1)
    equal(scrape(agent).get("slipring_rings_quarantined"), 0, "rings quarantined")
    verified(scene)


@test
def a_lock_that_outlives_its_owner_delays_what_was_under_way_and_loses_nothing(scene):
    """What a raw clone() leaves that is born while another thread takes its slot, and lives on without exec: the open file, and so the
    lock. Here the test takes the byte in the very moment."""
    agent = scene.agent()
    owner = spanning(scene, 0, "haunted", 2)
    expect(agent, "haunted", 2, 0, 1)
    agent.send_signal(signal.SIGSTOP)
    owner.kill()
    fd = os.open(scene.file("lock"), os.O_RDWR)
    try:
        check(lock_byte(fd, 0), "the dead one's byte could not be locked")
        agent.send_signal(signal.SIGCONT)
        newcomer = spanning(scene, 0, "haunted", 1)
        booked(agent, {"haunted": 20})  # what the dead one had recorded is not held up
        time.sleep(1.5)  # the reaper has come by
        expect(agent, "haunted", 3, 0, 2)
        readers_end_by_themselves(scene, "with a lock that outlived its owner")
        verified(scene)
    finally:
        os.close(fd)
    expect(agent, "haunted", 1, 2, 1)
    newcomer.ok("end", 0, 1, "S")
    booked(agent, {"haunted": 21})
    verified(scene)


main()
