#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent serves, and how it is started: every page, the API against its schema, the documents against the program,
options, ports and the log. Requests that are too large or never end are in badinput_http.py."""
import json
import os
import random
import re
import socket
import subprocess
import threading
import time
import urllib.parse

import jsonschema

from _metrics import scrape
from _scene import BIN, ROOT
from _tests import check, close_to, contains, equal, main, test, until

MB = 1 << 20
with open(os.path.join(ROOT, "docs", "api-v1.schema.json")) as _schema:
    SCHEMA = json.load(_schema)
jsonschema.Draft202012Validator.check_schema(SCHEMA)


def validate(document, kind):
    """Raises when the document is not the schema's `kind`."""
    jsonschema.Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{kind}"}]}).validate(document)


def connect(agent, receive_bytes=None, seconds=60):
    client = socket.socket()
    client.settimeout(seconds)
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.connect(("127.0.0.1", agent.port))
    return client


def read_all(client):
    """Until the other side ends it, in whatever way."""
    data = b""
    try:
        while part := client.recv(65536):
            data += part
    except ConnectionResetError:
        pass  # it did not want to hear the rest of the request
    return data


def get_json(agent, path, status=200):
    code, headers, body = agent.get(path)
    equal(code, status, f"the status of {path}: {body}")
    equal(headers["Content-Type"], "application/json; charset=utf-8", f"the type of {path}")
    return json.loads(body)


def primitive_path(name, **query):
    return "/api/v1/primitives/" + urllib.parse.quote(name, safe="") + ("?" + urllib.parse.urlencode(query) if query else "")


def serves(agent):
    check(agent.alive(), "the agent ended:", agent.log())
    equal(agent.get("/-/ready")[0], 200, "/-/ready")
    scrape(agent).check_whole()


@test
def every_page_answers_get_and_head(scene):
    agent = scene.agent()
    listing = agent.get("/")[2]
    for path in ("/", "/metrics", "/api/v1/primitives", "/-/healthy", "/-/ready"):
        check(f"\n{path} " in listing, path, "is not listed by /:", listing)
        status, headers, body = agent.get(path)
        equal(status, 200, path)
        equal(headers["Cache-Control"], "no-store", f"{path}: caching")
        status, head, nothing = agent.get(path, method="HEAD")
        equal((status, nothing), (200, ""), f"HEAD {path}")
        equal(head["Content-Type"], headers["Content-Type"], f"HEAD {path}: type")
        check(int(head["Content-Length"]) > 0, f"HEAD {path}: no length")
    equal(agent.get("/-/healthy")[2], "healthy\n", "/-/healthy")
    status, _, body = agent.get("/nowhere")
    equal(status, 404, "/nowhere")
    contains(body, ["GET / lists"], "the 404")


@test
def noise_is_answered_by_http_or_not_at_all(scene):
    agent = scene.agent()
    generator = random.Random(7)
    for _ in range(150):
        noise = bytes(generator.randrange(256) for _ in range(generator.randrange(1, 400)))
        with connect(agent, seconds=8) as client:  # after ten the agent gives up who is silent
            client.sendall(generator.choice((b"", b"GET /", b"GET / HTTP/1.1\r\n", b"HEAD ")) + noise + b"\r\n\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            answer = read_all(client)
        check(not answer or answer.startswith(b"HTTP/1."), "an answer that is none:", answer[:100])
    serves(agent)


def register_many(scene, count):
    recorder = scene.recorder()
    for place in range(count):
        recorder.ok("get", place, f"a_primitive_with_a_long_name_so_that_the_page_grows_{place}", "step")
        recorder.send(f"record {place} {place * 1000} S")
    recorder.ok("sync")
    return recorder


@test
def slow_readers_hold_up_nobody(scene):
    agent = scene.agent()
    recorder = register_many(scene, 120)
    until(lambda: agent.get("/metrics")[2].count("\nprimitive_active_requests{") >= 120, "120 primitives")
    check(len(agent.get("/metrics")[2]) > MB, "the page has less than 1 MB")
    slow = []
    for _ in range(35):
        client = connect(agent, receive_bytes=2048)
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        slow.append(client)
    for _ in range(20):
        equal(agent.get("/metrics", seconds=8)[0], 200, "/metrics beside slow readers")
    for client in slow:
        equal(client.recv(12), b"HTTP/1.1 200", "what a slow reader gets")
        client.close()
    serves(agent)
    recorder.finish()


@test
def many_readers_at_once_get_whole_pages(scene):
    agent = scene.agent()
    recorder = register_many(scene, 20)
    until(lambda: agent.metrics().recorded("a_primitive_with_a_long_name_so_that_the_page_grows_19") == 1, "all is booked")
    faults = []

    def read():
        try:
            for _ in range(5):
                scrape(agent).check_whole()
                validate(get_json(agent, "/api/v1/primitives"), "list")
        except Exception as error:  # told by the thread that can fail the test
            faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    check(not faults, "faults:", faults[:3])
    recorder.finish()


@test
def the_api_keeps_to_its_schema_from_nothing_to_everything(scene):
    agent = scene.agent()
    empty = get_json(agent, "/api/v1/primitives")
    validate(empty, "list")
    equal((empty["store"], empty["agent"]["pid"], empty["agent"]["alive"]), ("e2e", agent.pid, True), "who answers")
    equal(empty["agent"]["listen"], f"127.0.0.1:{agent.port}", "where it listens")

    recorder = scene.recorder()
    recorder.ok("get", 0, "idle")
    recorder.ok("get", 1, "work", "step")
    recorder.ok("category", 1, "tokens")
    recorder.ok("slo", 1, 990000000, 500000000, 250000000)
    for ns, outcome, cost in ((1000000, "S", 0), (250000000, "S", 2000001), (250000001, "F", 1), (3 * 10**9, "S", 0)):
        recorder.send(f"record 1 {ns} {outcome} {cost} 5 1")
    recorder.ok("begin", 1, 3)
    recorder.ok("sync")
    one = until(lambda: (got := get_json(agent, "/api/v1/primitives/work"))["counts"]["executions"] == 4 and
                got["throughput"]["active_requests"] == 3 and got, "four executions, three active")
    validate(one, "primitive")
    equal(one["counts"], {"executions": 4, "success": 3, "failure": 1, "aborted": 0, "spilled": one["counts"]["spilled"],
                          "clamped": 0, "since": one["counts"]["since"]}, "counts")
    check(abs(one["counts"]["since"] - time.time()) < 60, "counted since", one["counts"]["since"])
    equal(one["duration_seconds"]["min"], 0.001, "min")
    equal(one["duration_seconds"]["max"], 3, "max")
    equal(one["duration_seconds"]["sum"], 3.501000001, "sum")
    equal(one["windows"]["1m"]["n"], 4, "n of the minute")
    check(abs(one["percentiles"]["p50"] / 0.25 - 1) <= one["percentiles"]["relative_error"], "p50", one["percentiles"])
    equal(one["cost"]["cost_breakdown"], {"default": 0, "tokens": 0.002000002}, "costs")
    equal(one["cost"]["savings_breakdown"], {"default": 0, "tokens": 2e-8}, "savings")
    slo = one["slo"]
    equal((slo["availability"], slo["latency_compliance"], slo["latency_violations"]), (0.75, 0.5, 2), "the objectives")
    equal(slo["slo_compliance"], 0.5, "compliance is the least")
    equal(slo["error_budget_remaining"], 0, "the budget is spent")
    check(slo["error_budget_balance"] < -40, "and overspent", slo["error_budget_balance"])
    bounds = {bound["seconds"]: bound["count"] for bound in one["bounds"]}
    equal((bounds[0.001], bounds[0.25], bounds[0.5], bounds[60]), (1, 2, 3, 4), "exact counts at bounds")

    until(lambda: agent.get(primitive_path("idle"))[0] == 200, "what was registered and never recorded")
    idle = get_json(agent, primitive_path("idle"))
    validate(idle, "primitive")
    check("p50" not in idle["percentiles"] and "slo" not in idle, "an idle primitive has", idle)

    recorder.kill()
    one = until(lambda: (got := get_json(agent, "/api/v1/primitives/work"))["counts"]["aborted"] == 3 and got, "three aborted")
    validate(one, "primitive")
    equal(one["throughput"]["active_requests"], 0, "active after the kill")
    equal(one["slo"]["availability"], 3 / 7, "availability with the aborted")
    validate(get_json(agent, "/api/v1/primitives"), "list")


@test
def names_of_every_kind_reach_every_page(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    names = ['quote"back\\slash', "a/b/c", "Grüße ☃ 日本", "100% + ?type=x&y #z", "per%20cent", "nul%00", "x" * 128, "{}=,le"]
    for place, name in enumerate(names):
        recorder.ok("get", place, "".join(f"%{byte:02x}" for byte in name.encode()), "odd/type")
        recorder.send(f"record {place} {10**6 * (place + 1)} S")
    recorder.ok("sync")
    for name in names:
        until(lambda: agent.metrics().recorded(name) == 1, f"{name!r} on /metrics")
        one = get_json(agent, primitive_path(name))
        validate(one, "primitive")
        equal((one["name"], one["type"]), (name, "odd/type"), "name and type")
        equal(get_json(agent, primitive_path(name, type="odd/type"))["name"], name, "asked with its type")
        validate(get_json(agent, primitive_path(name, type="other"), 404), "error")
    equal(get_json(agent, "/api/v1/primitives/a/b/c")["name"], "a/b/c", "a slash as it stands")
    for strange in ("%00", "a/b/c%00", "a/b/c%00d", "%ff%fe", "nobody", "", "a%2", "a%zz"):
        validate(get_json(agent, "/api/v1/primitives/" + strange, 404), "error")
    page = agent.get("/metrics")[2]
    promtool = subprocess.run(["promtool", "check", "metrics"], input=page.encode(), capture_output=True, timeout=20)
    equal((promtool.returncode, promtool.stdout + promtool.stderr), (0, b""), "promtool check metrics")
    recorder.finish()


@test
def two_types_of_one_name_are_told_apart(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    for place, kind in enumerate(("step", "task")):
        recorder.ok("get", place, "work", kind)
        recorder.send(f"record {place} 1000 S")
    recorder.ok("sync")
    until(lambda: len(agent.metrics().all("primitive_duration_seconds_count", primitive_name="work")) == 2, "both")
    error = get_json(agent, "/api/v1/primitives/work", 409)
    validate(error, "error")
    contains(error["error"]["hint"], ["'step'", "'task'", "?type="], "the hint")
    equal(get_json(agent, primitive_path("work", type="task"))["type"], "task", "?type=task")
    recorder.finish()


@test
def the_bounds_of_the_histogram_are_an_option(scene):
    agent = scene.agent("--le", "0.25,0.5")
    recorder = scene.recorder()
    recorder.ok("get", 0, "work")
    for ns in (250000000, 250000001, 500000000, 500000001):
        recorder.send(f"record 0 {ns} S")
    recorder.ok("sync")
    until(lambda: agent.metrics().recorded("work") == 4, "four")
    found = {dict(key)["le"]: int(count) for key, count in
             agent.metrics().all("primitive_duration_seconds_bucket", primitive_name="work").items()}
    equal(found, {"0.25": 1, "0.5": 3, "+Inf": 4}, "buckets")
    recorder.finish()


def buckets_of(agent, name):
    return {dict(key)["le"]: int(count) for key, count in
            agent.metrics().all("primitive_duration_seconds_bucket", primitive_name=name).items()}


@test
def bounds_of_one_name_are_changed_while_its_producer_goes_on(scene):
    agent = scene.agent("--le", "0.5", "--le-of", "work=0.25,0.75")
    recorder = scene.recorder()
    for place, name in enumerate(("work", "play")):
        recorder.ok("get", place, name)
        for ns in (250_000_000, 250_000_001, 750_000_000, 750_000_001):
            recorder.send(f"record {place} {ns} S")
    recorder.ok("sync")
    until(lambda: buckets_of(agent, "work") == {"0.25": 1, "0.75": 3, "+Inf": 4}, "its own bounds")
    until(lambda: buckets_of(agent, "play") == {"0.5": 2, "+Inf": 4}, "the common ones")
    equal(agent.stop()[0], 0, "exit status")
    agent = scene.agent("--le", "0.5", "--le-of", "work=0.25,0.2500001", "--le-of=play=0.75")
    until(lambda: set(buckets_of(agent, "work")) == {"0.25", "0.2500001", "+Inf"}, "the new bounds")
    for place in (0, 1):
        recorder.send(f"record {place} 250000001 S")
        recorder.send(f"record {place} 750000000 S")
    recorder.ok("sync")
    # 0.25 was there all the time. 0.2500001 lies in its bucket: of older executions those that 0.25 tells of are known.
    until(lambda: buckets_of(agent, "work") == {"0.25": 1, "0.2500001": 2, "+Inf": 6}, "all of them, at the new bounds")
    until(lambda: buckets_of(agent, "play")["+Inf"] == 6, "all of the other")
    recorder.finish()


@test
def windows_and_percentiles_are_options(scene):
    agent = scene.agent("--windows", "2s,1h", "--percentiles", "25,99.99", "--schema", "7", "--expose=few")
    recorder = scene.recorder()
    recorder.ok("get", 0, "work")
    for k in range(1, 101):
        recorder.send(f"record 0 {k * 1_000_000} S")
    recorder.ok("sync")
    until(lambda: agent.metrics().recorded("work") == 100, "all is booked")
    page = agent.metrics()
    of = {"primitive_name": "work"}
    equal({dict(key)["window"] for key in page.all("primitive_window_requests", **of)}, {"1m", "1h", "lifetime"}, "windows")
    found = {dict(key)["quantile"]: float(value) for key, value in
             page.all("primitive_duration_quantile_seconds", window="1h", **of).items()}
    bound = float(page.get("slipring_quantile_relative_error_ratio"))
    check(0 < bound < 0.0028, "the error of schema 7:", bound)
    for quantile, seconds in {"0.25": 0.025, "0.5": 0.05, "0.9": 0.09, "0.95": 0.095, "0.99": 0.099, "0.999": 0.1, "0.9999": 0.1}.items():
        close_to(found[quantile], seconds, f"quantile {quantile}", bound)
    equal(len(found), 7, "percentiles")
    contains(agent.log(), ["windows=2s,1m,1h", "schema=7", "primitive_bytes="], "the log")
    equal(int(page.get("slipring_primitive_memory_most_bytes")),
          int(re.search(r"primitive_bytes=(\d+)", agent.log()).group(1)), "the memory of a primitive")
    recorder.finish()


@test
def a_port_in_use_is_told_and_nothing_is_left_behind(scene):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        agent = scene.agent(port=port, wait=False)
        equal(agent.wait(5), 1, f"exit status; {agent.log()}")
        contains(agent.log(), [f"127.0.0.1:{port}", "in use", "--listen"], "the log")
    again = scene.agent(port=port)  # the store was given back, and the port may be taken at once
    equal(again.stop()[0], 0, "exit status")
    equal(scene.agent(port=port).stop()[0], 0, "exit status, the port taken again at once")


@test
def another_address_is_served_only_when_asked_and_warned_of(scene):
    agent = scene.agent()
    with open("/proc/net/tcp") as table:
        listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
    check(f"0100007F:{agent.port:04X}" in listening, "not on loopback:", listening)
    check(f"00000000:{agent.port:04X}" not in listening, "on every address:", listening)
    check("without a password" not in agent.log(), "a warning for loopback:", agent.log())
    # 127.0.0.2 is no address of the network, and still not what the warning is for.
    public = scene.run([os.path.join(BIN, "slipringd"), "--store", "other", "--listen", "203.0.113.1:0"])
    equal(public.returncode, 1, "exit status for an address that this host has not")
    contains(public.stderr, ["203.0.113.1", "no such address"], "the log")


@test
def wrong_usage_is_told_in_a_sentence(scene):
    def daemon(*words):
        return scene.run([os.path.join(BIN, "slipringd"), *words])

    for words, says in ((("--nope",), "no option '--nope'"), (("--listen", "9464"), "has no port"),
                        (("--le", "1,1"), "not greater than the one before"), (("--store", "a/b"), "a/b"),
                        (("--max-primitives", "0"), "1 to 16384"), (("--log-level", "loud"), "loud"),
                        (("--store",), "needs a value"), (("extra",), "extra")):
        finished = daemon(*words)
        equal((finished.returncode, finished.stdout), (2, ""), f"{words}: exit status and stdout")
        contains(finished.stderr, [says], f"stderr of {words}")
        equal(finished.stderr.count("\n"), 1, f"lines on stderr for {words}")
    for word, says in (("--help", "SYNOPSIS"), ("-h", "EXIT STATUS"), ("--version", "slipringd 0.")):
        finished = daemon(word)
        equal((finished.returncode, finished.stderr), (0, ""), f"{word}: exit status and stderr")
        contains(finished.stdout, [says], f"stdout of {word}")
    equal(scene.run(["/bin/sh", "-c", "slipringd --help | head -n 1"]).stdout, "NAME\n", "through head")
    full = scene.run(["/bin/sh", "-c", "slipringd --help >/dev/full"])
    equal(full.returncode, 1, "exit status when stdout is full")


@test
def the_log_is_one_parsable_line_an_event(scene):
    agent = scene.agent("--log-level", "debug")
    agent.get("/nowhere%0alevel=error%22")
    equal(agent.stop()[0], 0, "exit status")
    line = re.compile(r'time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=(error|warning|info|debug) '
                      r'event=(?:[^ "=]+|"(?:[^"\\]|\\.)*")(?: [a-z_]+=(?:[^ "=]+|"(?:[^"\\]|\\.)*"))*')
    lines = agent.log().splitlines()
    for one in lines:
        check(line.fullmatch(one), "no logfmt:", one)
    check(any("/nowhere" in one and "\\n" in one for one in lines), "the request was not logged:", lines)
    contains(agent.log(), ["event=listening", "event=stopped"], "the log")


def documented_requests():
    with open(os.path.join(ROOT, "docs", "api.md")) as page:
        return re.findall(r"^curl .*$", page.read(), re.M)


@test
def the_documented_requests_work_as_they_stand(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    recorder.ok("get", 0, "archive_file", "workflow")
    recorder.send("record 0 1000000 S")
    recorder.ok("sync")
    until(lambda: agent.metrics().recorded("archive_file") == 1, "one")
    requests = documented_requests()
    equal(len(requests), 3, "requests in docs/api.md")
    for request in requests:
        command = request.replace("127.0.0.1:9464", f"127.0.0.1:{agent.port}")
        finished = scene.run(["/bin/bash", "-o", "pipefail", "-c", command.replace("curl -s", "curl -sf")])
        equal(finished.returncode, 0, f"{command}: {finished.stderr}")
        contains(finished.stdout, ["archive_file"], command)
    recorder.finish()


@test
def the_documented_answers_keep_to_the_schema(scene):
    with open(os.path.join(ROOT, "docs", "api.md")) as page:
        documents = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", page.read(), re.M | re.S)]
    equal(len(documents), 2, "JSON in docs/api.md")
    idle = {"n": 0, "failures": 0, "span_seconds": 0, "per_second": 0, "peak_per_second": 0, "cost": 0, "savings": 0}
    documents[0].update(windows={w: idle for w in ("lifetime", "1m")}, bounds=[])  # the page leaves these out
    validate(documents[0], "primitive")
    validate(documents[1], "error")
    for spoiled in ({**documents[0], "count": 1}, {k: v for k, v in documents[0].items() if k != "cost"},
                    {**documents[0], "percentiles": {"window": "1m", "n": 1, "p50": 1}}):
        try:
            validate(spoiled, "primitive")
        except jsonschema.ValidationError:
            continue
        check(False, "the schema takes anything:", spoiled)


@test
def the_reference_of_the_families_is_the_programs_own(scene):
    listed = scene.run([os.path.join(BIN, "slipringd"), "--list-families"])
    equal(listed.returncode, 0, "exit status")
    with open(os.path.join(ROOT, "docs", "metrics-guide.md")) as page:
        text = page.read()
    check(f"\n\n{listed.stdout}\n" in text, "docs/metrics-guide.md has another table than slipringd --list-families prints:\n",
          listed.stdout)
    config = os.path.join(scene.work, "slipring.yaml")
    with open(config, "w") as file:
        file.write("objectives: [{primitive: work, spend: {amount: 1}}]\n")
    card = os.path.join(scene.work, "prices.yaml")
    with open(card, "w") as file:
        file.write("resources: {openai/known: {input: 2 per 1M, cached_input: 1 per 1M}}\n")
    agent = scene.agent("--config", config, "--prices", card)
    for model in ("known", "unknown"):
        used = {"model": model, "usage": {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10,
                                          "prompt_tokens_details": {"cached_tokens": 4}}}
        response = os.path.join(scene.work, "response.json")
        with open(response, "w") as file:
            json.dump(used, file)
        with open(response) as file:
            done = scene.slipring("usage", "chat", "--provider", "openai", "--store", "e2e", stdin=file)
        equal((done.returncode, done.stderr), (0, ""), "slipring usage")
    recorder = scene.recorder()
    recorder.ok("get", 0, "work")
    recorder.ok("slo", 0, 990000000, 990000000, 1000)
    recorder.send("record 0 1000 S 1 1 0")
    recorder.send("record 0 1000 F 1 1 0")  # burns the budget: there is a time to its exhaustion
    recorder.ok("sync")
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", listed.stdout, re.M))
    until(lambda: not set(rows) - set(agent.metrics().types), "every family that is listed")
    equal(agent.metrics().types, rows, "families and types of /metrics")
    recorder.finish()


if __name__ == "__main__":
    main()
