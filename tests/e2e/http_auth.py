#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Users, tokens and who of them may give orders; over TCP and the unix socket."""
import base64
import os
import re
import signal
import threading
import time

from _http import ask, basic, raw, write
from _metrics import Metrics
from _scene import BIN
from _tests import check, contains, equal, main, test, until

PASSWORD = "correct horse: battery"


def secrets(scene):
    """(hash of PASSWORD, token, its hash), as the tools make them."""
    hashed = scene.run(["/bin/sh", "-c", 'printf "%s\\n" "$1" | slipring password', "sh", PASSWORD])
    made = scene.slipring("token")
    equal((hashed.returncode, hashed.stderr, made.returncode), (0, "", 0), "making them")
    token, token_hash = made.stdout.split()
    return hashed.stdout.strip(), token, token_hash


def start(scene, more=""):
    hashed, token, token_hash = secrets(scene)
    path = os.path.join(scene.work, "http.socket")
    config = write(scene, "slipring.yaml", f'http:\n  unix: {path}\n  users: {{alice: "{hashed}"}}\n'
                   f'  tokens: {{prometheus: "{token_hash}"}}\n{more}')
    return scene.agent("--config", config), path, token, config


def bearer(token):
    return f"Bearer {token}"


@test
def without_credentials_only_life_is_shown(scene):
    agent, path, token, _ = start(scene)
    for where in (agent.port, path):
        for page in ("/metrics", "/api/v1/primitives", "/api/v1/primitives/x", "/", "/nowhere", "/-/ready/", "//-/ready"):
            for method in ("GET", "HEAD", "POST", "PUT"):
                refused = ask(where, page, method=method)
                equal(refused.status, 401, f"{method} {page}")
                equal(refused.headers.get_all("WWW-Authenticate"), ['Basic realm="slipring", charset="UTF-8"', 'Bearer realm="slipring"'], "what it asks for")
        for page in ("/-/healthy", "/-/ready"):
            equal(ask(where, page).status, 200, page)
        for good in (basic("alice", PASSWORD), bearer(token), "bEARER  " + token, basic("alice", PASSWORD).replace("Basic", "basic")):
            Metrics(ask(where, Authorization=good).text()).check_whole()
    check("credentials refused" not in agent.log(), "who shows nothing is no news:", agent.log())


def ask_in_turn(where, authorization):
    """Again as long as too many passwords are being tried."""
    def ask_once():
        answer = ask(where, Authorization=authorization)
        if answer.status != 429:
            return answer
        equal(answer.headers["Retry-After"], "1", "when to come again")
        return None

    return until(ask_once, f"an answer to {authorization!r} but 429")


@test
def what_is_wrong_or_malformed_is_refused(scene):
    agent, path, token, _ = start(scene)
    wrong = [basic("alice", "wrong"), basic("bob", PASSWORD), basic("alice", PASSWORD + "x"), basic("prometheus", token), basic("", ""), basic("alice", ""),
             "Basic", "Basic ", "Basic !!!", "Basic YWxpY2U", "Basic YWxpY2U=", "Basic " + base64.b64encode(b"alice:" + PASSWORD.encode() + b"\0").decode(),
             "Basic " + base64.b64encode(b"alice").decode(), "Basic " + base64.b64encode(b"a" * 9000).decode(), "Basic \xff\xfe",
             "Bearer", "Bearer ", "Bearer " + token[:-1], "Bearer " + token + "0", "Bearer " + token.upper(), "Digest username=alice", token, "Bearer\t" + token,
             "Basic" + basic("alice", PASSWORD)[6:]]
    for one in wrong:
        equal(ask_in_turn(agent.port, one).status, 401, repr(one))
    answer = raw(agent.port, b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + b"QUFB" * 16384 + b"\r\n\r\n")
    check(not answer or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400", b"HTTP/1.0 431")), "64 KB of it:", answer[:60])
    twice = raw(agent.port, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer x\r\nAuthorization: Bearer " + token.encode() + b"\r\n\r\n")
    check(twice.startswith(b"HTTP/1.1 401"), "of two the first counts:", twice[:60])
    equal(ask(agent.port, Authorization=bearer(token)).status, 200, "the right one afterwards")
    log = agent.log()
    contains(log, ["credentials refused", "peer=127.0.0.1:"], "the log")
    for secret in (PASSWORD, "wrong", "bob", token[:-1]):
        check(secret not in log, "the log has", secret)


@test
def guessing_keeps_nobody_out_who_was_verified_and_at_most_four_a_second_are_computed(scene):
    agent, path, token, _ = start(scene)
    good = basic("alice", PASSWORD)
    equal(until(lambda: (got := ask(agent.port, Authorization=good)).status == 200 and got, "alice").status, 200, "alice")
    stop, seen = threading.Event(), []

    def guess(turn):
        while not stop.is_set():
            seen.append(ask(agent.port, Authorization=basic("alice", f"guess {turn} {len(seen)}")).status)

    guessers = [threading.Thread(target=guess, args=(turn,)) for turn in range(4)]
    for guesser in guessers:
        guesser.start()
    started = time.monotonic()
    while time.monotonic() - started < 3 or (len(seen) < 400 and time.monotonic() - started < 20):
        for authorization in (good, bearer(token)):
            equal(ask(agent.port, Authorization=authorization).status, 200, "a scrape beside guesses")
    stop.set()
    for guesser in guessers:
        guesser.join()
    took = time.monotonic() - started
    computed = seen.count(401)
    check(set(seen) <= {401, 429}, "guesses get", set(seen))  # 429 where the machine lets more than four a second come
    check(computed <= 4 * took + 6, computed, "guesses of", len(seen), "were computed in", took, "s")
    log_lines = agent.log().count("credentials refused")
    check(1 <= log_lines <= took + 3, log_lines, "lines in", took, "s")


def told(agent):
    """How many refusals the log has."""
    lines = [line for line in agent.log().splitlines() if "credentials refused" in line]
    return sum((" peer=" in line) + int(re.search("others_before=(\\d+)", line)[1]) for line in lines)


@test
def every_refusal_is_told_though_nobody_comes_after_it(scene):
    agent, path, token, _ = start(scene)
    for _ in range(5):
        equal(ask(agent.port, Authorization=bearer("x")).status, 401, "nonsense")
    until(lambda: told(agent) == 5, "that the log has five")
    for _ in range(7):
        equal(ask(path, Authorization=bearer("x")).status, 401, "nonsense")
    equal(agent.stop()[0], 0, "exit status")
    equal(told(agent), 12, "at the end")


@test
def orders_are_taken_from_those_who_are_named_and_told_by_name(scene):
    agent, path, token, config = start(scene, "  orders: [alice]\n")
    recorder = scene.recorder()
    recorder.ok("get", 0, "work")
    recorder.send("record 0 1000 S")
    recorder.ok("sync")
    alice = basic("alice", PASSWORD)
    until(lambda: Metrics(ask(agent.port, Authorization=alice).text()).recorded("work") == 1, "the execution")
    for where in (agent.port, path):
        for order in ("/-/reload", "/-/reset?all=1"):
            equal(ask(where, order, method="POST").status, 401, f"{order} by nobody")
            equal(ask(where, order, method="POST", Authorization=bearer(token)).status, 403, f"{order} by who may only look")
            equal(ask(where, order, method="GET", Authorization=alice).status, 405, f"GET {order}")
            for forged in ({"Origin": "http://elsewhere"}, {"Sec_Fetch_Site": "cross-site"}):
                equal(ask(where, order, method="POST", Authorization=alice, **forged).status, 403, f"{order} with {forged}")
    equal(Metrics(ask(agent.port, Authorization=alice).text()).recorded("work"), 1, "what was refused reset nothing")
    for where in (agent.port, path):
        done = ask(where, "/-/reload", method="POST", Authorization=alice)
        equal((done.status, done.text()), (200, "reloaded\n"), "a reload")
    done = ask(path, "/-/reset?name=work", method="POST", Authorization=alice)
    equal(done.status, 200, "a reset")
    contains(done.text(), ["1 primitive began anew; 1 execution"], "a reset")
    contains(agent.log(), ['event="reset by hand" user=alice', 'event="configuration in force" user=alice'], "the log")
    recorder.finish()


@test
def a_reload_takes_users_and_tokens(scene):
    agent, path, token, config = start(scene)
    alice = basic("alice", PASSWORD)
    until(lambda: ask(agent.port, Authorization=alice).status == 200, "alice")
    hashed, other, other_hash = secrets(scene)
    write(scene, "slipring.yaml", f'http:\n  unix: {path}\n  users: {{bob: "{hashed}"}}\n  tokens: {{prometheus: "{other_hash}"}}\n')
    agent.send_signal(signal.SIGHUP)
    until(lambda: ask(agent.port, Authorization=bearer(other)).status == 200, "the new token")
    equal(ask(agent.port, Authorization=bearer(token)).status, 401, "the old token")
    until(lambda: ask(agent.port, Authorization=basic("bob", PASSWORD)).status == 200, "bob")
    equal(ask_in_turn(agent.port, alice).status, 401, "alice, who was verified before")
    write(scene, "slipring.yaml", f"http: {{unix: {path}}}\n")
    agent.send_signal(signal.SIGHUP)
    until(lambda: ask(agent.port).status == 200, "that everybody may look")


@test
def secrets_in_the_file_are_refused_without_being_told(scene):
    for text, hint in (("users: {alice: hunter2secret}", "slipring password"), ("users: {alice: $1$abcdefgh$0123456789abcdef012345}", "slipring password"),
                       ('users: {alice: "$6$onlyasalt$"}', "slipring password"), ("tokens: {p: hunter2secret}", "slipring token"),
                       (f'users: {{alice: "$2b$12${"." * 53}"}}', "takes too long"), (f'users: {{alice: "$6$rounds=999999999$salt${"." * 86}"}}', "takes too long"),
                       ("tokens: {p: sha256:abc}", "slipring token"), ("orders: [nobody]", "neither of http.users nor of http.tokens"),
                       ("users: {'a:b': x}", "is not made of")):
        config = write(scene, "bad.yaml", f"http:\n  {text}\n")
        finished = scene.run([os.path.join(BIN, "slipringd"), "--config", config, "--check-config"])
        equal(finished.returncode, 1, text)
        contains(finished.stderr, [hint, "bad.yaml:2:"], text)
        check("hunter2secret" not in finished.stderr and "0123456789abcdef" not in finished.stderr, "told:", finished.stderr)


@test
def the_tools_make_what_the_agent_takes(scene):
    first, second = secrets(scene), secrets(scene)
    for one, pattern in zip(first, (r"\$(y|6)\$.*", r"[0-9a-f]{64}", r"sha256:[0-9a-f]{64}")):
        check(re.fullmatch(pattern, one), one, "is not", pattern)
    check(not set(first) & set(second), "two that are the same")
    nothing = scene.slipring("password")
    equal((nothing.returncode, nothing.stdout), (2, ""), "without a password")
    contains(nothing.stderr, ["no password"], "what it says")


if __name__ == "__main__":
    main()
