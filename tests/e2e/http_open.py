#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How answers are sent: as gzip to who takes it, once rendered for all who ask together, in blocks to who reads slowly."""
import email
import os
import signal
import socket
import stat

from _http import Connection, ask, raw, write
from _metrics import Metrics
from _tests import check, contains, equal, main, test, until

MB = 1 << 20
NAME = "a_primitive_with_a_long_name_so_that_the_page_grows_"


def memory_kb(pid, what="VmRSS"):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(what))


def start(scene, primitives, *options):
    agent = scene.agent(*options)
    recorder = scene.recorder()
    for place in range(primitives):
        recorder.ok("get", place, f"{NAME}{place}", "step")
        recorder.send(f"record {place} {place * 1000} S")
    recorder.ok("sync")
    until(lambda: agent.metrics().recorded(f"{NAME}{primitives - 1}") >= 1, "all is booked")
    return agent, recorder


@test
def gzip_is_the_same_page_for_who_takes_it(scene):
    agent, recorder = start(scene, 40)
    plain = ask(agent.port)
    equal((plain.headers["Content-Encoding"], plain.headers["Vary"]), (None, "Accept, Accept-Encoding"), "without a word")
    equal(int(plain.headers["Content-Length"]), len(plain.body), "its length")
    for version in ("1.0", "1.1"):
        packed = ask(agent.port, version=version, Accept_Encoding="gzip, deflate")
        equal((packed.status, packed.headers["Content-Encoding"], packed.headers["Vary"]), (200, "gzip", "Accept, Accept-Encoding"), "gzip")
        equal(packed.headers["Content-Type"], plain.headers["Content-Type"], "its type")
        check(len(packed.body) * 8 < len(plain.body), "gzip made", len(packed.body), "of", len(plain.body))
        page = Metrics(packed.text())
        page.check_whole()
        equal(page.recorded(f"{NAME}7"), 1, "a figure in it")
    for refusal in ("gzip;q=0", "identity", "br", "*;q=0", "gzip;q=0, *"):
        equal(ask(agent.port, Accept_Encoding=refusal).headers["Content-Encoding"], None, refusal)
    small = ask(agent.port, "/-/healthy", Accept_Encoding="gzip")
    equal((small.headers["Content-Encoding"], small.body), (None, b"healthy\n"), "what is small anyway")
    recorder.finish()


@test
def head_has_the_head_that_get_has_and_nothing_behind_it(scene):
    agent, recorder = start(scene, 20)
    for wanted in ({}, {"Accept_Encoding": "gzip"}):
        got = ask(agent.port, **wanted)
        with Connection(agent.port) as connection:
            connection.send(method="HEAD", times=3, **wanted)
            if not wanted:
                connection.socket.shutdown(socket.SHUT_WR)
            heads = connection.rest().split(b"\r\n\r\n")
        equal((heads[-1], len(heads) - 1), (b"", 1 if wanted else 3), "heads: gzip is of unknown length, and ends the connection")
        head = email.message_from_bytes(heads[0].partition(b"\r\n")[2])
        for name in ("Content-Type", "Content-Encoding", "Vary"):
            equal(head[name], got.headers[name], f"{name} of HEAD {wanted}")
    recorder.finish()


@test
def gzip_is_a_key_that_a_reload_takes(scene):
    config = write(scene, "slipring.yaml", "http: {gzip: off}\n")
    agent, recorder = start(scene, 20, "--config", config)
    off = ask(agent.port, Accept_Encoding="gzip")
    equal((off.headers["Content-Encoding"], off.headers["Vary"]), (None, "Accept, Accept-Encoding"), "switched off")
    write(scene, "slipring.yaml", "http: {gzip: on}\n")
    agent.send_signal(signal.SIGHUP)
    until(lambda: ask(agent.port, Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip", "that it is on")
    recorder.finish()


def grown_by_readers_who_do_not_read(agent, count, **headers):
    """How many KB `count` clients cost, each of which asks for /metrics and reads the first bytes alone."""
    before = memory_kb(agent.pid)
    readers = [Connection(agent.port, receive_bytes=2048) for _ in range(count)]
    for reader in readers:
        reader.send(**headers)
    for reader in readers:
        equal(reader.socket.recv(12), b"HTTP/1.1 200", "what a slow reader gets")
    grown = memory_kb(agent.pid) - before
    for reader in readers:
        reader.close()
    return grown


@test
def clients_that_ask_together_share_one_body(scene):
    count = 36  # so many are let in without cutting who waits
    for headers in ({}, {"Accept_Encoding": "gzip"}):
        grown = []
        for _ in range(8):  # together is within a publishing, which a busy machine may not manage at once
            agent, recorder = start(scene, 300)
            page_kb = len(ask(agent.port).body) >> 10
            check(page_kb > 2048, "the page has only", page_kb, "KB")
            grown.append(grown_by_readers_who_do_not_read(agent, count, **headers))
            recorder.kill()
            equal(agent.stop()[0], 0, "exit status")
            if grown[-1] < page_kb * count / 4:
                break
        check(min(grown) < page_kb * count / 4, count, "readers of", page_kb, "KB cost", grown, "KB")


@test
def a_reader_that_comes_back_after_a_while_gets_the_page_that_it_asked_for(scene):
    agent, recorder = start(scene, 300)
    with Connection(agent.port, receive_bytes=2048) as slow, Connection(agent.port, receive_bytes=2048) as packed:
        slow.send()
        packed.send(Accept_Encoding="gzip")
        for reader in (slow, packed):
            reader.socket.recv(1, socket.MSG_PEEK)  # it is being answered
        for turn in range(2, 6):  # others come and go, and figures go on
            recorder.send("record 0 1000 S")
            recorder.ok("sync")
            counted = f'primitive_duration_seconds_count{{primitive_name="{NAME}0",primitive_type="step"}} {turn}\n'
            until(lambda: counted in ask(agent.port, Accept_Encoding="gzip" if turn % 2 else "").text(), counted)
        for reader in (slow, packed):
            page = Metrics(reader.answer().text())
            page.check_whole()
            equal(page.recorded(f"{NAME}0"), 1, "the figure of then")
    recorder.finish()


@test
def a_client_that_goes_away_costs_the_others_nothing(scene):
    agent, recorder = start(scene, 100)
    last = "slipring_idle_after_seconds 0"
    for turn in range(60):
        stays = Connection(agent.port)
        leaves = Connection(agent.port, receive_bytes=2048)
        for one in ((stays, leaves) if turn % 2 else (leaves, stays)):
            one.send(**({"Accept_Encoding": "gzip"} if turn % 3 else {}))
        leaves.socket.recv(100)
        leaves.close()
        lines = stays.answer().text().splitlines()
        check(len(lines) > 5000 and lines[-1] == last, "an answer of", len(lines), "lines that ends with", lines[-1])
        stays.close()
    before = memory_kb(agent.pid)
    for _ in range(60):
        ask(agent.port, Accept_Encoding="gzip").text()
    check(memory_kb(agent.pid) < before + 8 * 1024, "memory grew from", before, "to", memory_kb(agent.pid), "KB")
    contains(agent.get("/-/ready")[2], ["ready"], "/-/ready")
    recorder.finish()


def on_unix(scene, mode="0660", group=None):
    """(path of the socket, path of a configuration that names it)"""
    path = os.path.join(scene.work, "http.socket")
    text = f"http: {{unix: {path}, unix_mode: {mode}" + (f", unix_group: {group}" if group else "") + "}\n"
    return path, write(scene, "unix.yaml", text)


@test
def the_unix_socket_serves_what_tcp_serves_and_takes_no_orders(scene):
    path, config = on_unix(scene)
    agent, recorder = start(scene, 40, "--config", config)
    for page in ("/metrics", "/api/v1/primitives", "/-/ready", "/"):
        equal(ask(path, page).status, 200, page)
    equal(Metrics(ask(path, Accept_Encoding="gzip").text()).recorded(f"{NAME}7"), 1, "a figure")
    curl = scene.run(["curl", "--fail", "--silent", "--unix-socket", path, "http://localhost/-/healthy"])
    equal((curl.returncode, curl.stdout), (0, "healthy\n"), "curl --unix-socket")
    for order in ("/-/reload", "/-/reset?all=1"):
        refused = ask(path, order, method="POST")
        equal(refused.status, 403, order)
        contains(refused.text(), [".socket"], "where orders are taken")
    recorder.finish()


@test
def a_unix_socket_that_is_removed_is_told_of_once(scene):
    path, config = on_unix(scene)
    agent = scene.agent("--config", config)
    os.unlink(path)
    until(lambda: "http.unix was removed" in agent.log(), "that the log says so")
    with open(path, "w") as other:
        other.write("somebody's")
    equal(ask(agent.port).status, 200, "TCP is as it was")
    equal(agent.stop()[0], 0, "exit status")
    equal(agent.log().count("http.unix was removed"), 1, "how often")
    check(os.path.exists(path), "somebody's file is gone")


@test
def the_unix_socket_has_its_mode_and_group_whatever_the_umask(scene):
    group = os.getgroups()[0] if os.getgroups() else os.getgid()
    for mode, umask in ((0o660, 0o777), (0o666, 0o077), (0o600, 0o000)):
        path, config = on_unix(scene, f"{mode:04o}", group)
        agent = scene.agent("--config", config, before_exec=lambda: os.umask(umask))
        there = os.lstat(path)
        equal((stat.S_IMODE(there.st_mode), there.st_gid), (mode, group), f"mode and group with umask {umask:o}")
        equal(agent.stop()[0], 0, "exit status")
        check(not os.path.lexists(path), "the socket is left behind")


@test
def a_dead_agents_unix_socket_is_replaced_and_nothing_else_is(scene):
    path, config = on_unix(scene)
    agent = scene.agent("--config", config)
    agent.kill()
    check(os.path.exists(path), "a killed agent left no socket")
    agent = scene.agent("--config", config)
    equal(ask(path, "/-/ready").status, 200, "the next one's")
    os.rename(path, path + ".old")
    write(scene, "http.socket", "somebody's file")
    equal(agent.stop()[0], 0, "exit status")
    with open(path) as file:
        equal(file.read(), "somebody's file", "what took the name's place")
    refused = scene.agent("--config", config, wait=False)
    equal(refused.wait(), 1, "exit status beside a file of that name")
    contains(refused.log(), [path, "no socket"], "the log")
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        refused = scene.agent("--config", config, wait=False)
        equal(refused.wait(), 1, "exit status beside one that listens")
        contains(refused.log(), [path, "somebody listens there"], "the log")
        check(os.path.exists(path), "somebody else's socket was removed")


SMUGGLED = b"GET /-/healthy HTTP/1.1\r\nHost: smuggled\r\n\r\n"
FORMS = [
    (b"Content-Length: %d\r\nTransfer-Encoding: chunked" % len(SMUGGLED), SMUGGLED),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 4", b"0\r\n\r\n" + SMUGGLED),
    (b"Content-Length: 0\r\nContent-Length: %d" % len(SMUGGLED), SMUGGLED),
    (b"Content-Length: %d\r\nContent-Length: 0" % len(SMUGGLED), SMUGGLED),
    (b"Transfer-Encoding: xchunked", b"0\r\n\r\n" + SMUGGLED),
    (b"Transfer-Encoding : chunked", b"0\r\n\r\n" + SMUGGLED),
    (b"Content-Length: -1", SMUGGLED),
    (b"Content-Length: 18446744073709551616", SMUGGLED),
    (b"Content-Length: 0x10", SMUGGLED),
]


def ask_and_never_read(where):
    connection = Connection(where, receive_bytes=2048)
    try:
        connection.send()
        connection.socket.recv(1, socket.MSG_PEEK)  # it is being answered
    except OSError:  # cut already
        pass
    return connection


@test
def clients_that_ask_and_never_read_keep_nobody_out(scene):
    path, config = on_unix(scene)  # where there is no limit for one address
    agent, recorder = start(scene, 300, "--config", config)
    readers = [ask_and_never_read(path) for _ in range(64)]
    for _ in range(5):
        with Connection(path, seconds=8) as connection:  # after ten the agent gives up who is silent
            equal(connection.ask().status, 200, "a scrape beside those who never read")
    for reader in readers:
        reader.close()
    recorder.finish()


@test
def no_second_request_is_hidden_in_the_first(scene):
    agent = scene.agent()
    for method in (b"GET", b"POST"):
        for headers, rest in FORMS:
            answer = raw(agent.port, method + b" /-/ready HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n" + rest)
            check(b"healthy" not in answer, method, headers, "hid a request:", answer[:300])
            check(not answer or answer.startswith(b"HTTP/1.1 4") or answer.count(b"HTTP/1.") <= 1, method, headers, answer[:300])
    equal(agent.get("/-/ready")[0], 200, "/-/ready afterwards")


@test
def dead_and_half_closed_peers_hold_up_neither_scrapes_nor_the_drain(scene):
    agent, recorder = start(scene, 300)
    dead = [Connection(agent.port, receive_bytes=2048) for _ in range(30)]
    for number, one in enumerate(dead):
        one.send(**({"Accept_Encoding": "gzip"} if number % 2 else {}))
        if number % 3 == 0:
            one.socket.shutdown(socket.SHUT_WR)
    drains = agent.metrics().get("slipring_drains_total")
    for turn in range(2, 8):
        recorder.send("record 0 1000 S")
        recorder.ok("sync")
        counted = f'primitive_duration_seconds_count{{primitive_name="{NAME}0",primitive_type="step"}} {turn}\n'
        until(lambda: counted in ask(agent.port, Accept_Encoding="gzip").text(), counted)
    if drains is not None:
        check(agent.metrics().get("slipring_drains_total") > drains, "the drain stood still")
    for one in dead:
        one.close()
    recorder.finish()


if __name__ == "__main__":
    main()
