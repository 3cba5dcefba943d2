#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slipring ingest and slipring usage as people use them: logs and tables in, figures out, to the sample; bad input told and left out."""
import csv
import io
import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import time
from decimal import Decimal

from _scene import BIN, ROOT
from _tests import check, contains, equal, main, test, until


def ingest(scene, text, *words, status=0):
    """The summary of what was read from standard input, and stderr."""
    data = text if isinstance(text, bytes) else text.encode()
    with open(os.path.join(scene.work, "input"), "wb") as out:
        out.write(data)
    with open(os.path.join(scene.work, "input"), "rb") as stdin:
        done = scene.slipring("ingest", "--json", *words, stdin=stdin)
    equal(done.returncode, status, f"exit status; {done.stderr}")
    return (json.loads(done.stdout) if done.stdout else None), done.stderr


def by_name(summary):
    return {p["name"]: (p["count"], p["failures"], p["duration_ns"]) for p in summary["primitives"]}


def why(scene, text, *words):
    """Why the one bad line of a text is bad."""
    summary, _ = ingest(scene, text, "--dry-run", *words, status=1)
    equal(len(summary["bad_lines"]), 1, f"bad lines of {text!r}")
    return summary["bad_lines"][0]["why"]


# --- access logs ---------------------------------------------------------------------------------------------------------------

COMBINED = '10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "%s" %d 512 "-" "curl/7.88 \\x22q\\x22" %s\n'


@test
def a_combined_log_is_counted_to_the_nanosecond(scene):
    agent = scene.agent()
    log = (COMBINED % ("GET /a?x=1 HTTP/1.1", 200, "0.123") + COMBINED % ("GET /a HTTP/1.1", 503, "1.5")
           + COMBINED % ("POST /b HTTP/2.0", 499, "0.000"))
    summary, _ = ingest(scene, log, "--format", "combined")
    equal(by_name(summary), {"GET /a": (2, 1, 1623000000), "POST /b": (1, 0, 0)}, "names")
    metrics = until(lambda: agent.metrics().recorded("GET /a") == 2 and agent.metrics(), "books")
    equal(metrics.requests("GET /a"), (1, 1, 0), "outcomes")
    equal(metrics.get("primitive_duration_seconds_sum", primitive_name="GET /a"), Decimal("1.623"), "sum")
    equal(scene.slipring("verify").returncode, 0, "verify")


@test
def formats_of_nginx_and_apache_are_read_as_they_are_written(scene):
    forms = [
        (["--format", "apache"], COMBINED % ("GET /a HTTP/1.1", 500, "1234"), {"GET /a": (1, 1, 1234000)}),
        (["--format", "common"], '::1 - bob [t] "GET /a HTTP/1.1" 200 5 0.001\n', {"GET /a": (1, 0, 1000000)}),
        (["--log-format", r'%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" %D'],
         'h - - [10/Oct/2026:13:55:36 +0000] "GET /\\"q\\" HTTP/1.1" 200 - "-" 7\n', {'GET /\\"q\\"': (1, 0, 7000)}),
        (["--log-format", "%m %U %s %{ms}T"], "GET /a 404 12\n", {"GET /a": (1, 0, 12000000)}),
        (["--log-format", "%m %U %T", "--name", "web"], "GET /a 2\n", {"web": (1, 0, 2 * 10**9)}),
        (["--log-format", '[$time_local] "$request" $status rt=${request_time}s'], '[x y] "GET /a HTTP/1.1" 500 rt=2.5s\n',
         {"GET /a": (1, 1, 2500000000)}),
        (["--log-format", "$request_method|$uri|$upstream_response_time", "--duration", "upstream_response_time:s"],
         "GET|/a|0.25\n", {"GET /a": (1, 0, 250000000)}),
        (["--format", "combined", "--name", "{protocol} {status} {{x}}", "--failure", ""],
         COMBINED % ("GET /a HTTP/1.1", 500, "1"), {"HTTP/1.1 500 {x}": (1, 0, 10**9)}),
        (["--format", "combined", "--failure", "status=404,500 or request_time>0.9999"],
         COMBINED % ("GET /a HTTP/1.1", 404, "0") + COMBINED % ("GET /a HTTP/1.1", 200, "1")
         + COMBINED % ("GET /a HTTP/1.1", 200, "0.9999"), {"GET /a": (3, 2, 1999900000)}),
    ]
    for words, text, wanted in forms:
        summary, _ = ingest(scene, text, "--dry-run", *words)
        equal(by_name(summary), wanted, f"{words}")


@test
def bad_lines_are_counted_told_and_left_out(scene):
    good = COMBINED % ("GET /a HTTP/1.1", 200, "0.1")
    bad = [COMBINED % ("GET /a HTTP/1.1", 200, "-0.1"), COMBINED % ("GET /a HTTP/1.1", 200, "-"), COMBINED % ("GET /a HTTP/1.1", 200, "nan"),
           COMBINED % ("GET /a HTTP/1.1", 200, "1e400"), COMBINED % ("\\x16\\x03", 400, "0.1"), "x\n", good[:40] + "\n", good[:-1] + " 7\n",
           COMBINED % ("GET /a HTTP/1.1", 200, "0.0000000001"), COMBINED % ("GET /" + "x" * 200 + " HTTP/1.1", 200, "0.1"), "\0\0\0\n",
           COMBINED % ("GET /a\x01 HTTP/1.1", 200, "0.1")]
    data = "".join(good + line for line in bad).encode() + COMBINED.encode() % (b"GET /\xff HTTP/1.1", 200, b"1") + b"\n\r\n" + good.strip().encode()
    summary, errors = ingest(scene, data, "--format", "combined", status=1)
    equal((summary["recorded"], summary["bad"], summary["empty"]), (13, 13, 2), "recorded, bad, empty")
    equal(summary["lines"], 28, "lines")
    equal([b["line"] for b in summary["bad_lines"]], list(range(2, 21, 2)), "the first ten")
    contains(errors, ["standard input line 2: ", "'-0.1' is negative", "there is no request_time", "no METHOD TARGET PROTOCOL",
                      "--round", "more than 10 bad lines"], "stderr")
    equal(by_name(summary), {"GET /a": (13, 0, 1300000000)}, "what was recorded")
    contains(why(scene, COMBINED.encode() % (b"GET /\xff HTTP/1.1", 200, b"1"), "--format", "combined"), ["not valid UTF-8"], "why")


@test
def strict_and_max_errors_stop_where_they_say(scene):
    log = "x\n" + COMBINED % ("GET /a HTTP/1.1", 200, "1") + "x\nx\n" + COMBINED % ("GET /a HTTP/1.1", 200, "1")
    for words, recorded, bad in ((["--strict"], 0, 1), (["--max-errors", "2"], 1, 3), (["--max-errors", "3"], 2, 3)):
        summary, _ = ingest(scene, log, "--format", "combined", "--dry-run", *words, status=1)
        equal((summary["recorded"], summary["bad"]), (recorded, bad), f"{words}")


# --- CSV ---------------------------------------------------------------------------------------------------------------------------

@test
def csv_is_read_as_pythons_csv_module_writes_it(scene):
    pick = random.Random(11)
    alphabet = 'ab,"\n\r;\t é{}=\''
    for delimiter, ends in ((",", "\r\n"), (";", "\n"), ("\t", "\n")):
        out, wanted = io.StringIO(newline=""), {}
        writer = csv.writer(out, delimiter=delimiter, lineterminator=ends)
        writer.writerow(["note", "name", "ms", "odd \"column\""])
        for _ in range(400):
            name = "n" + "".join(pick.choice('ab,";é') for _ in range(pick.randrange(4)))
            ms = pick.randrange(1000)
            writer.writerow(["".join(pick.choice(alphabet) for _ in range(pick.randrange(12))), name, ms, ""])
            count, total = wanted.get(name, (0, 0))
            wanted[name] = (count + 1, total + ms * 10**6)
        words = ["--format", "csv", "--duration", "ms:ms", "--delimiter", "tab" if delimiter == "\t" else delimiter]
        summary, _ = ingest(scene, out.getvalue(), "--dry-run", *words)
        equal({n: (c, d) for n, (c, _, d) in by_name(summary).items()}, wanted, f"with {delimiter!r}")
        equal((summary["recorded"], summary["headers"]), (400, 1), "recorded, headers")


@test
def columns_costs_and_categories_of_a_table_are_booked(scene):
    agent = scene.agent()
    table = "\ufeffjob,seconds,exit,price,saved,team\nnightly,1.25,0,0.002,,ops\nnightly,5e-1,1,$1.5,0.25,web\nnightly,0.1,0,,,\n"
    summary, _ = ingest(scene, table, "--format", "csv", "--name", "{job}", "--type", "job", "--duration", "seconds:s",
                        "--failure", "exit!=0", "--cost", "price", "--savings", "saved", "--category", "{team}")
    equal(by_name(summary), {"nightly": (3, 1, 1850000000)}, "names")
    equal((summary["cost_nanodollars"], summary["savings_nanodollars"]), (1502000000, 250000000), "money")
    metrics = until(lambda: agent.metrics().recorded("nightly") == 3 and agent.metrics(), "books")
    for team, cost in (("ops", "0.002"), ("web", "1.5")):
        equal(metrics.get("primitive_cost_total", primitive_name="nightly", category=team), Decimal(cost), f"cost of {team}")


@test
def after_a_quote_that_is_not_closed_nothing_is_guessed(scene):
    rows = 'g,1ms\nq"q,1ms\nd,"4ms"\n"x" "y",1ms\nd,5ms\n"two\nlines",1ms,more\nd,6ms\n"a,1ms\nb,2ms\n"x""y" z",3ms\n"e\n,1ms\nd,5ms'
    summary, _ = ingest(scene, "name,duration\n" + rows, "--format", "csv", "--dry-run", status=1)
    equal(by_name(summary), {"g": (1, 0, 1000000), "d": (3, 0, 15000000)}, "names")
    equal([b["line"] for b in summary["bad_lines"]], [3, 5, 7, 10, 11, 12, 13, 14, 15], "bad lines")
    contains(summary["bad_lines"][-1]["why"], ["may be within a cell", "line 10"], "why the last one is bad")
    for lost, lines in (('"x" ""y"",1ms\nb,3ms\n', 2), ('"a,1ms\nb,2ms\n"c\nd,9ms\ne",4ms\nb,3ms\n', 6), ('"a "b\nb,9ms\nc" d",1ms\nb,3ms\n', 4), ('"a,1ms\n' + "b,2ms\n" * 20000, 20001),
                        ('"a\n' + "x" * 1100000 + '\nb,1ms\n', 3), ("x" * 1100000 + '"\nb,1ms\n', 2)):
        summary, _ = ingest(scene, "g,7ms\n" + lost, "--format", "csv", "--columns", "name,duration", "--dry-run", status=1)
        equal((by_name(summary), summary["bad"]), ({"g": (1, 0, 7000000)}, lines), f"names, bad lines of {lost[:30]!r}")
    paths = [os.path.join(scene.work, name) for name in ("torn", "whole")]
    for path, text in zip(paths, ('"a,1ms\nb,2ms\n', "c,3ms\n")):
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
    done = scene.slipring("ingest", "--json", "--dry-run", "--format", "csv", "--columns", "name,duration", *paths)
    check(re.search(r'"seconds": ?(0|[1-9][0-9]*)(\.[0-9]{0,8}[1-9])?,', done.stdout), "seconds finer than they are measured:", done.stdout)
    equal(by_name(json.loads(done.stdout)), {"c": (1, 0, 3000000)}, "the next file is read again")


@test
def a_table_of_a_header_or_of_columns(scene):
    summary, _ = ingest(scene, "name;duration\n", "--format", "csv", status=2)
    summary, _ = ingest(scene, "a;7\n", "--format", "csv", "--columns", "name,us", "--delimiter", ";", "--duration", "us:us")
    equal(by_name(summary), {"a": (1, 0, 7000)}, "without a header")


# --- JSON lines --------------------------------------------------------------------------------------------------------------------

@test
def json_lines_are_read_by_paths_and_exactly(scene):
    lines = [{"name": "a", "duration": "12.5ms"}, {"duration": "1h30m", "name": "é\u2028\U0001f600", "x": {"name": "b"}},
             {"name": "a", "duration": "0s", "z": [1, {"name": 3}]}]
    summary, _ = ingest(scene, "".join(json.dumps(x) + "\n" for x in lines), "--format", "jsonl", "--dry-run")
    equal(by_name(summary), {"a": (2, 0, 12500000), "é\u2028\U0001f600": (1, 0, 5400 * 10**9)}, "names")
    numbers = [("0.1", 10**8), ("1e-9", 1), ("2.5E1", 25 * 10**9), ("0.30000000000", 3 * 10**8), ("4503599.627370495", 4503599627370495),
               ("0e99", 0), ("0.000000001000e0", 1)]
    text = "".join('{"o":{"t":%s},"ok":true}\n' % number for number, _ in numbers)
    summary, _ = ingest(scene, text, "--format", "jsonl", "--name", "x", "--duration", "o.t:s", "--failure", "ok!=true", "--dry-run")
    equal(summary["duration_ns"], sum(ns for _, ns in numbers), "sum")
    for number, says in (("-1", "negative"), ("4503599.627370496", "too large"), ("1e-10", "--round"), ('"1"', None), ("null", "no o.t"),
                         ("{}", "a list, an object"), ("1e999", "too large"), ('"x"', "not a plain decimal")):
        text = '{"o":{"t":%s},"ok":true}' % number
        if says:
            contains(why(scene, text, "--format", "jsonl", "--name", "x", "--duration", "o.t:s"), [says], f"why {number}")
        else:
            ingest(scene, text, "--format", "jsonl", "--name", "x", "--duration", "o.t:s", "--dry-run")
    text = '{"t":0.1234567895}\n{"t":1.0000000004999999999999999999999999}\n{"t":9.9e-10}'
    summary, _ = ingest(scene, text, "--format", "jsonl", "--name", "x", "--duration", "t:s", "--round", "--dry-run")
    equal(summary["duration_ns"], 123456790 + 1000000000 + 1, "rounded")
    for text, says in (('{"name":"a","name":"b","duration":"1s"}', "twice"), ("[" * 100000, "deeper"), ('{"name":"a"', "too early"), ("{} x", "behind its end"),
                       ('{"name":"\\ud800","duration":"1s"}', "half a character"), ('{"name":"a\\u0000b","duration":"1s"}', "control"),
                       ('{"name":"","duration":"1s"}', "empty"), ('{"name":"a","duration":5}', "without a unit")):
        contains(why(scene, text, "--format", "jsonl"), [says], f"why {text[:40]}")


# --- surroundings --------------------------------------------------------------------------------------------------------------------

def slowest(agent, name):
    """The trace of the slowest execution of the last minute that was kept."""
    status, _, body = agent.get(f"/api/v1/primitives/{name}")
    check(status == 200, "the API answered", status)
    kept = json.loads(body).get("exemplars")
    return kept and kept["windows"]["1m"]["slowest"]["trace_id"]


@test
def traces_of_a_field_are_kept_and_what_is_none_keeps_no_line_out(scene):
    agent = scene.agent()
    ids = [f"4bf92f3577b34da6a3ce929d0e0e473{digit}" for digit in range(3)]
    spans = [f"00-{trace}-00f067aa0ba902b7-01" for trace in ids]
    bad = ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "nonsense", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", spans[0].upper(), spans[0] + "-x",
           "ff" + spans[0][2:], "x" * 5000]
    unsampled = spans[0][:-1] + "0"
    rows = [(spans[0], "0.2"), (unsampled, "9"), ("", "8"), *((text, "7") for text in bad)]
    formats = {
        "web": ("".join(f'10.0.0.1 "GET / HTTP/1.1" 200 "{trace or "-"}" {seconds}\n' for trace, seconds in rows),
                ["--log-format", '$remote_addr "$request" $status "$http_traceparent" $request_time', "--traceparent", "http_traceparent"]),
        "table": ("trace,seconds\n" + "".join(f"{trace},{seconds}\n" for trace, seconds in rows),
                  ["--format", "csv", "--duration", "seconds:s", "--traceparent", "trace"]),
        "lines": ("".join(json.dumps({"w3c": {"trace": trace or None}, "s": float(seconds)}) + "\n" for trace, seconds in rows) + '{"s":8}\n{"s":8,"w3c":{"trace":"a\\u0000b"}}\n',
                  ["--format", "jsonl", "--duration", "s:s", "--traceparent", "w3c.trace"]),
    }
    for name, (text, words) in formats.items():
        summary, _ = ingest(scene, text, "--name", name, *words)
        more = 2 if name == "lines" else 0
        equal((summary["recorded"], summary["bad"], summary["traced"], summary["bad_traces"]), (len(rows) + more, 0, 1, len(bad) + more // 2), f"the summary of {name}")
        until(lambda: agent.metrics().recorded(name) == len(rows) + more, "books")
        equal(until(lambda: slowest(agent, name), "an exemplar"), ids[0], f"the trace of {name}")
    equal(scene.slipring("verify").returncode, 0, "verify")
    dry, _ = ingest(scene, formats["table"][0], "--name", "table", "--dry-run", *formats["table"][1])
    equal((dry["traced"], dry["bad_traces"]), (1, len(bad)), "a dry run")
    with open(os.path.join(scene.work, "input")) as stdin:
        told = scene.slipring("ingest", "--name", "table", "--dry-run", *formats["table"][1], stdin=stdin)
    contains(told.stdout, [f"trace {ids[0]}", f"{len(bad)} samples had a traceparent that is none"], "a dry run as text")
    equal(told.stdout.count(", trace "), 1, "traces in it")


@test
def names_beyond_the_guard_go_under_overflow_and_sums_stay_right(scene):
    agent = scene.agent()
    text = "".join('{"name":"user %d","duration":"1ms"}\n' % (i % 500) for i in range(2000))
    summary, _ = ingest(scene, text, "--format", "jsonl", "--max-names", "20")
    equal((summary["recorded"], summary["overflowed"], len(summary["primitives"])), (2000, 2000 - 20 * 4, 21), "recorded, overflowed, names")
    until(lambda: agent.metrics().recorded("__overflow__") == 1920, "books of __overflow__")
    equal(agent.metrics().recorded("user 7"), 4, "user 7")


@test
def a_pipe_is_recorded_as_it_comes_and_a_signal_ends_it_with_a_summary(scene):
    agent = scene.agent()
    process = scene.spawn([os.path.join(BIN, "slipring"), "ingest", "--format", "jsonl", "--json"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b'{"name":"piped","duration":"1ms"}\n{"name":"piped","duration":"100ms"')
    process.stdin.flush()
    until(lambda: agent.metrics().recorded("piped") == 1, "the first line")
    process.stdin.write(b"}\n" + b'{"name":"piped","duration":"2')
    process.stdin.flush()
    until(lambda: agent.metrics().recorded("piped") == 2, "the second line")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    summary = json.loads(out)
    equal((process.returncode, summary["recorded"], summary["bad"]), (-signal.SIGTERM, 2, 0), "the end of it")
    equal(summary["stopped"], "by a signal", "why it stopped")
    equal(scene.slipring("verify").returncode, 0, "verify")


@test
def progress_is_drawn_on_a_terminal_and_nowhere_else(scene):
    for term in ("xterm", "dumb"):
        master, slave = pty.openpty()
        try:
            process = scene.spawn([os.path.join(BIN, "slipring"), "ingest", "--format", "jsonl", "--dry-run", "--json"], {"TERM": term},
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=slave)
            os.close(slave)
            seen, ends = b"", time.monotonic() + (60 if term == "xterm" else 1.5)
            while b" lines, " not in seen and time.monotonic() < ends:
                process.stdin.write(b'{"name":"a","duration":"1ms"}\n' * 1024)
                process.stdin.flush()
                if select.select([master], [], [], 0.02)[0]:
                    seen += os.read(master, 4096)
            process.communicate(timeout=60)
            equal(process.returncode, 0, "exit status")
            if term == "xterm":
                contains(seen.decode(), [" lines, ", "/s", "0 bad"], "progress")
            else:
                equal(seen, b"", "progress on a dumb terminal")
        finally:
            os.close(master)


@test
def files_that_cannot_be_read_and_lines_that_are_too_long_are_told(scene):
    path = os.path.join(scene.work, "a.jsonl")
    good = b'{"name":"a","duration":"1ms"}'
    with open(path, "wb") as out:
        out.write(good + b"\r\n" + b'{"name":"' + b"x" * 3000000 + b'"}\n' + good + b"\n" + good)
    done = scene.slipring("ingest", "--format", "jsonl", "--json", path, os.path.join(scene.work, "nothing"), scene.work, path)
    summary = json.loads(done.stdout)
    equal(done.returncode, 1, "exit status")
    equal((summary["recorded"], summary["bad"], summary["unread_files"], summary["lines"]), (6, 2, 2, 8), "summary")
    contains(done.stderr, ["longer than a megabyte", "No such file", "Is a directory"], "stderr")
    summary, _ = ingest(scene, b"", "--format", "jsonl")
    equal((summary["lines"], summary["recorded"]), (0, 0), "empty input")


@test
def bad_options_are_refused_with_a_sentence_and_nothing_is_made(scene):
    refused = [
        ([], "how do the lines look"), (["--format", "xml"], "none of jsonl"), (["--format", "csv", "--log-format", "$a"], "not both"),
        (["--format", "jsonl", "--name", "{a"], "without a }"), (["--format", "jsonl", "--name", "a}"], "without a {"),
        (["--format", "jsonl", "--duration", "a:min"], "s, ms, us or ns"), (["--format", "jsonl", "--failure", "a"], "no condition"),
        (["--format", "jsonl", "--failure", "a>x"], "no condition"), (["--format", "jsonl", "--category", "x"], "give --cost"),
        (["--format", "jsonl", "--units", "input=a"], "go together"), (["--format", "jsonl", "--units", "tokens=a", "--resource", "x"], "cached_input"),
        (["--format", "combined", "--name", "{nope}"], "no variable 'nope'"), (["--log-format", "$a$b"], "nothing between"),
        (["--log-format", "%h %Q"], "not known"), (["--log-format", "plain"], "no variables"), (["--format", "jsonl", "--max-names", "0"], "from 1 to 1024"),
        (["--format", "jsonl", "--columns", "a"], "for --format csv"), (["--format", "csv", "--delimiter", "xx"], "one ASCII"),
        (["--format", "jsonl", "--strict", "--max-errors", "3"], "give one of them"), (["--format", "jsonl", "--type", ""], "empty"),
        (["--format", "jsonl", "--units", "input=a", "--resource", "x", "--traceparent", "t"], "do not go together"),
        (["--format", "combined", "--traceparent", "http_traceparent"], "no variable 'http_traceparent'"), (["--format", "jsonl", "--traceparent", ""], "field"),
    ]
    for words, says in refused:
        done = scene.slipring("ingest", *words)
        equal((done.returncode, done.stdout), (2, ""), f"{words}")
        contains(done.stderr, [says], f"{words}")
    equal(os.listdir(scene.shm), [], "what was made")


@test
def mutated_lines_are_read_or_refused(scene):
    """Whatever comes: every line is recorded, bad or empty, and nothing else happens. With the sanitizers' build they look on."""
    pick = random.Random(5)
    seeds = {"combined": COMBINED % ("GET /a?b HTTP/1.1", 200, "0.123"), "jsonl": '{"name":"a\\u00e9","duration":"1.5ms","x":[1,{"y":null}]}\n',
             "csv": 'a,1ms\n"b ""x""",2ms\n'}
    for form, seed in seeds.items():
        lines = bytearray()
        for _ in range(3000):
            line = bytearray(seed.encode())
            for _ in range(pick.randrange(4)):
                at = pick.randrange(len(line))
                line[at:at + pick.randrange(3)] = bytes(pick.choice(b'"\\{}[],:0-e \n\r\0\xff\xc3') for _ in range(pick.randrange(3)))
            lines += line
        words = ["--columns", "name,duration"] if form == "csv" else []
        rows = bytes(lines).splitlines(keepends=True)
        each = 6 if form == "csv" else len(rows)  # a quote that is not closed costs the rest of a file
        paths = []
        for at in range(0, len(rows), each):
            paths.append(os.path.join(scene.work, f"{form}.{at}"))
            with open(paths[-1], "wb") as out:
                out.write(b"".join(rows[at:at + each]))
        done = scene.slipring("ingest", "--json", "--dry-run", "--format", form, *words, *paths, seconds=60)
        check(done.returncode in (0, 1), form, done.returncode, done.stderr[-2000:])
        summary = json.loads(done.stdout)
        check(summary["recorded"] > 300 and summary["bad"] > 300, form, summary["recorded"], summary["bad"])
        if form != "csv":  # whose records may span lines
            equal(summary["recorded"] + summary["bad"] + summary["empty"], summary["lines"], form)


# --- usage ---------------------------------------------------------------------------------------------------------------------------

FIXTURES = os.path.join(ROOT, "tests", "unit", "usage")


def usage(scene, data, *words):
    path = os.path.join(scene.work, "response")
    with open(path, "wb") as out:
        out.write(data)
    with open(path, "rb") as stdin:
        return scene.slipring("usage", *words, stdin=stdin)


def fixture(name):
    with open(os.path.join(FIXTURES, name + ".json"), "rb") as data:
        return data.read()


@test
def usage_is_told_as_it_is_read(scene):
    done = usage(scene, fixture("openai_chat"), "chat", "--duration", "1.2s", "--type", "llm", "--dry-run", "--json")
    told = json.loads(done.stdout)
    equal((done.returncode, told["recorded"], told["duration_ns"], told["type"]), (0, 1, 1200000000, "llm"), "told")
    equal(told["resources"], [{"resource": "openai/gpt-4.1-2025-04-14", "responses": 1,
                               "units": {"input": 86, "output": 300, "cached_input": 1920}}], "resources")
    done = usage(scene, fixture("anthropic_message"), "chat", "--dry-run", "--model", "claude", "--failure")
    contains(done.stdout, ["anthropic/claude", "cache_write", "2,051", "failure"], "text")
    done = usage(scene, fixture("other_server"), "chat", "--dry-run")
    equal((done.returncode, done.stdout), (2, ""), "a response that is not clear")
    contains(done.stderr, ["name the provider", "nothing was recorded"], "stderr")
    lines = b"".join(json.dumps(json.loads(fixture(n))).encode() + b"\n" for n in ("mistral_chat", "no_usage", "mistral_chat"))
    done = usage(scene, lines, "chat", "--lines", "--dry-run", "--json")
    told = json.loads(done.stdout)
    equal((done.returncode, told["recorded"], told["bad"]), (1, 2, 1), "lines")
    equal(told["resources"][0]["units"], {"input": 32, "output": 68}, "sums of lines")
    equal(os.listdir(scene.shm), [], "what was made")


@test
def usage_is_recorded_and_priced(scene):
    card = os.path.join(scene.work, "card.yaml")
    with open(card, "w") as out:
        out.write("resources:\n  openai/gpt-4.1-2025-04-14: {input: 2 per 1M, cached_input: 0.5 per 1M, output: 8 per 1M}\n"
                  "  mistral/small: {input: 0.1 per 1M, output: 0.3 per 1M}\n")
    agent = scene.agent("--prices", card)
    equal(usage(scene, fixture("openai_chat"), "chat", "--duration", "1.2s").returncode, 0, "slipring usage")
    line = json.dumps(json.loads(fixture("openai_chat"))).encode() + b"\n"
    equal(usage(scene, line * 1000, "chat", "--lines", "--failure").returncode, 0, "slipring usage --lines")
    calls = "".join('{"ms":%d,"by":"mistral","usage":{"in":%d,"out":7}}\n' % (i, i) for i in range(1000))
    summary, _ = ingest(scene, calls, "--format", "jsonl", "--name", "llm", "--duration", "ms:ms", "--resource", "{by}/small",
                        "--units", "input=usage.in,output=usage.out")
    equal((summary["recorded"], summary["usage_lost"]), (1000, 0), "ingest --units")
    metrics = until(lambda: agent.metrics().recorded("chat") == 1001 and agent.metrics().recorded("llm") == 1000 and agent.metrics(), "books")
    equal(metrics.requests("chat"), (1, 1000, 0), "outcomes")
    equal(metrics.total("primitive_cost_total", primitive_name="chat"), 1001 * Decimal(86 * 2 + 1920 * Decimal("0.5") + 300 * 8) / 10**6, "cost of chat")
    equal(metrics.total("primitive_cost_total", primitive_name="llm"), (499500 * Decimal("0.1") + 7000 * Decimal("0.3")) / 10**6, "cost of llm")
    equal(scene.slipring("verify").returncode, 0, "verify")
    equal(why(scene, '{"ms":1,"by":"m","usage":{"in":1.5}}', "--format", "jsonl", "--name", "x", "--duration", "ms:ms", "--resource", "{by}/y",
              "--units", "input=usage.in"), "a count of units is no whole number: '1.5'", "why")


main()
