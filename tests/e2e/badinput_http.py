#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that are too large, never end, never read, or are no HTTP: refused or cut, while everybody else is served."""
import os
import re
import socket
import threading
import time

from _metrics import scrape
from _tests import check, contains, equal, main, test, until

MEGABYTE = 1 << 20


def exchange(agent, data, seconds=5.0, pieces=65536):
    """Sends it all, as far as the other side takes it; what came back until it closed or the time was over."""
    answer = b""
    with socket.create_connection(("127.0.0.1", agent.port), timeout=seconds) as connection:
        try:
            for at in range(0, len(data), pieces):
                connection.sendall(data[at:at + pieces])
        except OSError:
            pass  # it was refused half-way: what it said may still be read
        try:
            while True:
                part = connection.recv(65536)
                if not part:
                    break
                answer += part
        except OSError:
            pass
    return answer.decode(errors="replace")


def status_of(answer):
    found = re.match(r"HTTP/1\.[01] (\d{3}) ", answer)
    return int(found.group(1)) if found else None


def memory_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


HOST = b"Host: x\r\n"
LARGE = (
    ("a path of 1 MB", b"GET /" + b"a" * MEGABYTE + b" HTTP/1.1\r\n" + HOST + b"\r\n", (414, 431)),
    ("a header of 1 MB", b"GET /metrics HTTP/1.1\r\n" + HOST + b"X: " + b"b" * MEGABYTE + b"\r\n\r\n", (431,)),
    ("headers of 1 MB", b"GET /metrics HTTP/1.1\r\n" + HOST + b"X: yyyyyyyyyyyyyyyy\r\n" * (MEGABYTE // 21) + b"\r\n", (431,)),
    ("a query of 1 MB", b"GET /api/v1/primitives/x?type=" + b"c" * MEGABYTE + b" HTTP/1.1\r\n" + HOST + b"\r\n", (414, 431)),
    ("a body of 1 MB", b"POST /metrics HTTP/1.1\r\n" + HOST + b"Content-Length: 1048576\r\n\r\n" + b"d" * MEGABYTE, (405, 413)),
    ("a GET with a body of 1 MB", b"GET /metrics HTTP/1.1\r\n" + HOST + b"Content-Length: 1048576\r\n\r\n" + b"d" * MEGABYTE,
     (400, 413)),
    ("a chunk that never ends", b"PUT / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n" + b"e" * MEGABYTE,
     (405, 413)),
    ("a body length that is no number", b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", (400, 413)),
    ("a line of 1 MB that is no HTTP", b"f" * MEGABYTE, (400, 414, 431)),
    ("1 MB of zeros", bytes(MEGABYTE), (400, 414, 431)),
    ("random bytes", b"\xff\xfe\x80\r\n\x00\x01\r\n\r\n" * 1000, (400, None)),
    ("another method", b"DELETE /metrics HTTP/1.1\r\n" + HOST + b"\r\n", (405,)),
    ("a path out of the house", b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", (400, 404)),
    ("a name with control bytes", b"GET /api/v1/primitives/%01%0a HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", (400, 404)),
    ("a name with a zero byte", b"GET /api/v1/primitives/web%00x HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", (400, 404)),
)


def start(scene):
    agent, recorder = scene.agent(), scene.recorder()
    recorder.ok("get", 0, "web", "step")
    recorder.send(*["record 0 5000000 S"] * 100)
    recorder.ok("sync")
    until(lambda: scrape(agent).recorded("web") == 100, "the records are booked")
    return agent, recorder


@test
def what_is_too_large_or_no_request_is_refused_and_costs_no_memory(scene):
    agent, recorder = start(scene)
    before = memory_kb(agent.pid)
    for what, request, wanted in LARGE:
        answer = exchange(agent, request)
        status = status_of(answer)
        # Who sends on after the refusal may find the connection reset before the answer could be read.
        check(status in wanted or (status is None and len(request) > 65536), f"{what}: {answer[:200]!r}")
        check(agent.alive(), f"the agent ended with {agent.process.poll()} at {what}")
        scrape(agent)
    for _ in range(5):
        for _, request, _ in LARGE:
            exchange(agent, request, 2.0)
    check(memory_kb(agent.pid) < before + 16 * 1024, "memory grew from", before, "to", memory_kb(agent.pid), "KB")
    recorder.send(*["record 0 5000000 S"] * 100)
    recorder.ok("sync")
    until(lambda: scrape(agent).recorded("web") == 200, "records made afterwards")
    equal(agent.stop()[0], 0, "exit status")


@test
def refusals_say_what_is_served_instead(scene):
    agent, _ = start(scene)
    status, _, body = agent.get("/nowhere")
    equal(status, 404, "an unknown page")
    contains(body, ["GET /"], "its answer")
    status, _, body = agent.get("/api/v1/primitives/unknown")
    equal(status, 404, "an unknown primitive")
    contains(body, ["unknown" if "unknown" in body else "no primitive", "/api/v1/primitives"], "its answer")
    status, headers, body = agent.get("/metrics", method="POST")
    equal((status, headers["Allow"]), (405, "GET, HEAD"), "a POST")
    contains(body, ["GET"], "its answer")


class Dripper(threading.Thread):
    """Sends a request a byte at a time, with no end to it, until the agent ends it."""

    def __init__(self, agent, head):
        super().__init__(daemon=True)
        self.agent, self.head, self.is_cut = agent, head, False

    def run(self):
        started = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", self.agent.port), timeout=0.3) as connection:
                connection.sendall(self.head)
                while not self.is_cut and time.monotonic() - started < 60:
                    connection.sendall(b"a")
                    try:
                        self.is_cut = not connection.recv(4096)
                    except socket.timeout:
                        pass
        except OSError:
            self.is_cut = True


@test
def requests_that_never_end_are_cut(scene):
    agent, recorder = start(scene)
    drippers = [Dripper(agent, head) for head in (
        b"", b"GET /", b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")]
    for dripper in drippers:
        dripper.start()
    beside = 0
    while any(dripper.is_alive() for dripper in drippers):
        scrape(agent)
        beside += drippers[2].is_alive()  # whose head has no end; some of the others are refused at once
        time.sleep(0.2)
    check(beside > 0, "no scrape was answered before the endless requests were cut")
    for dripper in drippers:
        check(dripper.is_cut, f"the endless request {dripper.head!r} was not cut")
    recorder.send(*["record 0 5000000 S"] * 100)
    recorder.ok("sync")
    until(lambda: scrape(agent).recorded("web") == 200, "records made afterwards")
    equal(agent.stop()[0], 0, "exit status")


@test
def connections_without_a_request_keep_nobody_out(scene):
    agent, recorder = start(scene)
    idle = []
    for _ in range(200):  # more than may be open at a time
        try:
            idle.append(socket.create_connection(("127.0.0.1", agent.port), timeout=20))
        except OSError:
            break
    check(len(idle) > 20, "only", len(idle), "connections were let in")
    greedy = socket.create_connection(("127.0.0.1", agent.port), timeout=20)
    try:
        greedy.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 500)  # and never reads an answer
    except OSError:
        pass
    for _ in range(20):
        equal(agent.get("/metrics", seconds=8)[0], 200, "a scrape beside them")  # after ten the agent gives up who is silent
        time.sleep(0.1)
    recorder.send(*["record 0 5000000 S"] * 100)
    recorder.ok("sync")
    until(lambda: scrape(agent).recorded("web") == 200, "records made meanwhile")
    for connection in idle + [greedy]:
        connection.close()
    until(lambda: len(os.listdir(f"/proc/{agent.pid}/fd")) < 32, "the agent's descriptors are closed again")
    equal(agent.stop()[0], 0, "exit status")


@test
def connections_that_vanish_half_way_through_an_answer_leave_no_trace(scene):
    agent, _ = start(scene)
    descriptors = len(os.listdir(f"/proc/{agent.pid}/fd"))
    for turn in range(300):
        with socket.create_connection(("127.0.0.1", agent.port), timeout=20) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            if turn % 2:  # a reset instead of an end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    until(lambda: len(os.listdir(f"/proc/{agent.pid}/fd")) <= descriptors + 1, "the descriptors are closed again")
    scrape(agent)
    check(agent.alive(), "the agent ended with", agent.process.poll())


if __name__ == "__main__":
    main()
