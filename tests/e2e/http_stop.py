#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of connections when the agent is told to stop: answers under way go out, for some seconds."""
import os
import signal
import socket

from _http import Connection, ask, write
from _metrics import Metrics
from _tests import check, equal, main, test, until

NAME = "a_primitive_with_a_long_name_so_that_the_page_grows_"


def start(scene):
    path = os.path.join(scene.work, "http.socket")
    agent = scene.agent("--config", write(scene, "slipring.yaml", f"http: {{unix: {path}}}\n"))
    recorder = scene.recorder()
    for place in range(500):
        recorder.ok("get", place, f"{NAME}{place}", "step")
        recorder.send(f"record {place} 1000 S")
    recorder.ok("sync")
    until(lambda: Metrics(ask(path).text()).recorded(f"{NAME}499") == 1, "all is booked")
    return agent, path, recorder


def slow(where, **headers):
    """Somebody who has begun to read /metrics."""
    reader = Connection(where, receive_bytes=128 * 1024)
    reader.send(**headers)
    equal(reader.socket.recv(1, socket.MSG_PEEK), b"H", "the first byte")
    return reader


def refuses(where):
    try:
        Connection(where).close()
        return False
    except OSError:
        return True


@test
def who_reads_gets_the_whole_page_and_nobody_else_is_let_in(scene):
    agent, path, recorder = start(scene)
    local = scene.file("socket")
    idle = [Connection(agent.port), Connection(path), Connection(agent.port), Connection(local)]
    idle[2].ask("/-/ready")
    idle[0].socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
    readers = [slow(where, **headers) for where in (agent.port, path, local) for headers in ({}, {"Accept_Encoding": "gzip"})]
    agent.send_signal(signal.SIGTERM)
    for one in idle:
        equal(one.rest(), b"", "what somebody without a request gets")
    until(lambda: all(refuses(where) for where in (agent.port, path, local)) and not os.path.exists(path) and not os.path.exists(local), "that nobody is let in")
    check(agent.alive(), "the agent did not wait for those who read")
    answers = [(reader.answer(), reader.rest()) for reader in readers]  # at once: there are some seconds
    for answer, behind in answers:
        lines = answer.text().splitlines()
        equal((len(lines) > 20000, lines[-1]), (True, "slipring_idle_after_seconds 0"), "the page's end")
        equal(behind, b"", "behind the page")
    recorder.send("record 0 1000 S")
    recorder.ok("sync")
    equal(agent.wait(), 0, "exit status")
    again = scene.agent()
    until(lambda: again.metrics().recorded(f"{NAME}0") == 2, "what was recorded meanwhile")
    recorder.finish()


@test
def who_does_not_read_is_waited_for_some_seconds_and_no_longer(scene):
    agent, path, recorder = start(scene)
    stuck = [slow(where) for where in (agent.port, path)]
    status, took = agent.stop(seconds=30)
    equal(status, 0, "exit status")
    check(took > 4, "it waited", took, "s only")
    check(not os.path.lexists(path), "the socket is left behind")
    for one in stuck:
        one.close()
    recorder.finish()


@test
def a_second_signal_ends_the_wait(scene):
    agent, _, recorder = start(scene)
    stuck = slow(agent.port)
    agent.send_signal(signal.SIGTERM)
    until(lambda: refuses(agent.port), "that it stops")
    agent.send_signal(signal.SIGTERM)
    equal(agent.wait(30), -signal.SIGTERM, "how it ended")
    stuck.close()
    recorder.finish()


if __name__ == "__main__":
    main()
