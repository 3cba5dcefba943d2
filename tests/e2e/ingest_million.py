#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A million lines of an access log, with bad ones among them, through a file and through a pipe: counts, failures and sums of
every name are those that Python counted while it wrote the log. How fast it went is told, and not judged. Takes some ten seconds.

ctest-labels: e2e-slow"""
import json
import os
import random
import subprocess

from _scene import BIN
from _tests import check, equal, main, test, until

LINES = 1000000
PATHS = ["/", "/login", "/api/v1/items", "/api/v1/items/search", "/static/app.js", "/static/style.css", "/health", "/cart", "/checkout"]
BAD = ["", "-", "garbage", '1.2.3.4 - - [x] "GET / HTTP/1.1" 200 5 "-" "-" -0.1', '1.2.3.4 - - [x] "\\x16\\x03\\x01" 400 5 "-" "-" 0.001',
       '1.2.3.4 - - [x] "GET / HTTP/1.1" 200 5 "-" "unfinished']


def write_log(path):
    """({name: [count, failures, nanoseconds]}, bad lines, empty lines)"""
    pick = random.Random(20261126)
    methods = pick.choices(["GET", "POST", "PUT"], [8, 2, 1], k=LINES)
    paths = pick.choices(PATHS, k=LINES)
    codes = pick.choices([200, 204, 304, 404, 499, 500, 502, 503], [90, 2, 5, 3, 1, 1, 1, 1], k=LINES)
    micros = [int(pick.expovariate(1 / 40000)) for _ in range(LINES)]
    wanted, bad, empty = {}, 0, 0
    with open(path, "w") as log:
        for i, (method, where, code, us) in enumerate(zip(methods, paths, codes, micros)):
            if i % 5003 == 17:
                line = BAD[i // 5003 % len(BAD)]
                bad, empty = bad + (line != ""), empty + (line == "")
                log.write(line + "\n")
                continue
            ms = us // 1000
            log.write(f'10.{i % 256}.0.7 - - [26/Nov/2026:06:{i // 60 % 60:02}:{i % 60:02} +0000] "{method} {where}?n={i} HTTP/1.1" {code} '
                      f'{us % 9000} "https://example.org/" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)" {ms // 1000}.{ms % 1000:03}\n')
            sums = wanted.setdefault(f"{method} {where}", [0, 0, 0])
            sums[0] += 1
            sums[1] += code >= 500
            sums[2] += ms * 10**6
    return wanted, bad, empty


def check_books(scene, agent, wanted, times):
    total = times * sum(count for count, _, _ in wanted.values())
    until(lambda: sum(agent.metrics().recorded(name) for name in wanted) == total, "all are booked", 60)
    metrics = agent.metrics()
    for name, (count, failures, ns) in wanted.items():
        equal(metrics.requests(name), (times * (count - failures), times * failures, 0), f"outcomes of {name}")
        equal(int(metrics.get("primitive_duration_seconds_sum", primitive_name=name) * 10**9), times * ns, f"sum of {name}")
        shown = json.loads(scene.slipring("show", name, "--json").stdout)["primitives"][0]
        equal(shown["throughput"]["total_requests"], times * count, f"show {name}")
    verified = scene.slipring("verify", "--json", "--wait", "30s", seconds=40)
    equal(verified.returncode, 0, f"verify {verified.stdout}")
    equal(json.loads(verified.stdout)["executions"], total, "executions that verify found")


@test
def a_million_lines_are_counted_exactly(scene):
    log = os.path.join(scene.work, "access.log")
    wanted, bad, empty = write_log(log)
    agent = scene.agent()
    for way in ("file", "pipe"):
        if way == "file":
            done = scene.slipring("ingest", "--format", "combined", "--json", log, seconds=200)
        else:
            cat = scene.spawn(["cat", log], stdout=subprocess.PIPE)
            done = scene.run([os.path.join(BIN, "slipring"), "ingest", "--format", "combined", "--json"], stdin=cat.stdout, seconds=200)
        summary = json.loads(done.stdout)
        equal((done.returncode, summary["lines"], summary["bad"], summary["empty"]), (1, LINES, bad, empty), f"{way}: lines")
        got = {p["name"]: [p["count"], p["failures"], p["duration_ns"]] for p in summary["primitives"]}
        equal(got, wanted, f"{way}: what it says")
        check(summary["recorded"] + bad + empty == LINES, "nothing is left over")
        print(f"#   {way}: {summary['lines'] / summary['seconds']:,.0f} lines a second, {summary['bytes'] / summary['seconds'] / 2**20:,.0f} MiB/s")
    check_books(scene, agent, wanted, 2)


main()
