#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""/metrics in three formats, read by parsers that are not ours: promtool, the Python client's two, protoc, and a reader of the wire format
written from its specification. All of them find the same series."""
import os

from _formats import (FORMATS, OPENMETRICS, PROTOBUF, READERS, TEXT, Protobuf, at_rest, fetch, messages, openmetrics_families,
                      text_series)
from _scene import ROOT
from _spoil import write
from _tests import check, equal, main, test, until

GROWTH_3 = 2 ** (1 / 8)


def compare(agent):
    """The three pages; their series are the same, and those at rest have the same numbers. Returns the text's."""
    pages = {accept: READERS[accept](fetch(agent, accept)) for accept in FORMATS}
    for accept in (OPENMETRICS, PROTOBUF):
        names, wanted = set(pages[accept]), set(pages[TEXT])
        check(names == wanted, "series of one format alone:", accept, sorted(map(str, names ^ wanted))[:5])
        seen, still = at_rest(pages[accept]), at_rest(pages[TEXT])
        check(len(still) > 40, "nothing is compared")
        for key, value in still.items():
            equal(seen[key], value, f"{key} as {accept}")
    return pages[TEXT]


def settled(agent, name, count):
    def recorded():
        found = [v for (n, labels), v in text_series(fetch(agent, TEXT)).items()
                 if n == "primitive_duration_seconds_count" and ("primitive_name", name) in labels]
        return found == [count]
    until(recorded, f"{count} executions of {name}")


def judge_text(scene, body):
    promtool = scene.run(["promtool", "check", "metrics"], stdin=saved(scene, body))
    equal((promtool.returncode, promtool.stdout + promtool.stderr), (0, ""), "promtool check metrics")


def saved(scene, body):
    path = scene.new_log() + ".page"
    with open(path, "wb") as out:
        out.write(body)
    return open(path, "rb")


def judge_protobuf(scene, body):
    """protoc finds nothing in it that our description of the messages does not have."""
    for data in messages(body):
        decoded = scene.run(["protoc", "--decode=io.prometheus.client.MetricFamily", "--proto_path=" + os.path.join(ROOT, "agent", "exposition"),
                             "metrics.proto"], stdin=saved(scene, data))
        equal((decoded.returncode, decoded.stderr), (0, ""), "protoc --decode")
        check(all(not line.strip()[:1].isdigit() for line in decoded.stdout.splitlines()), "unknown fields", decoded.stdout[:300])


def record(recorder, place, durations):
    for i, ns in enumerate(durations):
        recorder.send(f"record {place} {ns} {'F' if i % 7 == 3 else 'S'} {i * 1001} {i} 0")
    recorder.ok("sync")


@test
def all_formats_tell_the_same_series(scene):
    agent = scene.agent("--le", "0.00005,0.001,0.1,1,10,1500000", "--percentiles", "75,99.99", "--label", "environment=test \\ \"1\"")
    recorder = scene.recorder()
    for place, name in enumerate(("critical_workflow", "idle_one", "plain")):
        recorder.ok("get", place, name, "step")
    recorder.ok("slo", 0, 990_000_000, 950_000_000, 1_000_000_000)
    durations = [0, 1, 2, 3, 49_999, 50_000, 50_001, 10**6, 10**9, 10**9 + 1, 3600 * 10**9, 2**52 - 1] * 9
    record(recorder, 0, durations)
    record(recorder, 2, [12_345_678])
    settled(agent, "critical_workflow", len(durations))
    settled(agent, "plain", 1)
    series = until(lambda: compare(agent), "pages that agree")
    for le in ("5e-05", "0.001", "0.1", "1.0", "10.0", "1.5e+06", "+Inf"):
        found = [v for (n, labels), v in series.items() if n == "primitive_duration_seconds_bucket" and ("le", le) in labels
                 and ("primitive_name", "critical_workflow") in labels]
        equal(len(found), 1, f"buckets at {le}")
    judge_text(scene, fetch(agent, TEXT))
    judge_protobuf(scene, fetch(agent, PROTOBUF))
    check_native(Protobuf(fetch(agent, PROTOBUF)), durations)
    recorder.finish()


def check_native(page, durations):
    """Each duration is in the bucket of its own, by the definition: above growth^(key - 1), up to growth^key seconds."""
    by_name = {dict(labels)["primitive_name"]: native for labels, native in page.natives.items()}
    native = by_name["critical_workflow"]
    equal((native.schema, native.count, native.zero_count), (3, len(durations), durations.count(0)), "what it says of itself")
    equal(sum(native.buckets.values()), len(durations) - durations.count(0), "executions in buckets")
    for ns in set(durations) - {0}:
        key = next(k for k in range(-300, 300) if ns / 1e9 <= GROWTH_3 ** k * (1 + 1e-12))
        check(native.buckets.get(key, 0) >= durations.count(ns), "no bucket for", ns, key)
    idle = by_name["idle_one"]
    equal((idle.count, idle.buckets, idle.spans), (0, {}, [(0, 0)]), "an empty native histogram is one")


@test
def openmetrics_has_units_beginnings_and_an_end(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    recorder.ok("get", 0, "work", "step")
    record(recorder, 0, [10**6] * 20)
    settled(agent, "work", 20)
    families = {family.name: family for family in openmetrics_families(fetch(agent, OPENMETRICS))}
    equal(families["primitive_duration_seconds"].unit, "seconds", "the unit of durations")
    equal(families["slipring_checkpoint_bytes"].unit, "bytes", "the unit of a counter")
    equal(families["primitive_requests"].type, "counter", "the type of a counter, by its name without _total")
    started = [s.value for s in families["primitive_created_seconds"].samples if s.labels["primitive_name"] == "work"]
    page = Protobuf(fetch(agent, PROTOBUF))
    for family in families.values():
        created = [s for s in family.samples if s.name.endswith("_created") and s.labels.get("primitive_name") == "work"]
        if family.type in ("counter", "histogram") and family.name.startswith("primitive_"):
            of_work = [s for s in family.samples if s.labels.get("primitive_name") == "work" and s.name.endswith(("_total", "_count"))]
            equal(len(created), len(of_work), f"beginnings of {family.name}")
        for sample in created:
            equal([sample.value], started, f"when {family.name} began")
            name = family.name + ("_total" if family.type == "counter" else "")
            check(abs(page.created[(name, frozenset(sample.labels.items()))] - sample.value) < 1e-6, "the same in protobuf", name)
    recorder.finish()


@test
def hostile_labels_are_the_same_text_everywhere(scene):
    """Names that no door lets in, written into shared memory as a stray pointer would."""
    agent = scene.agent()
    recorder = scene.recorder()
    marks = ("hostileA", "hostileB", "hostileC")
    for place, name in enumerate(marks):
        recorder.ok("get", place, name, "step")
        record(recorder, place, [10**6])
        settled(agent, name, 1)
    # What the agent publishes is all that the pages are made of.
    path = scene.file("stats")
    bad = (b'a"} 1\n\\', b"\xff\xc3(\xed\xa0", b"\x01\t\r\\n{},")
    agent.send_signal(19)  # SIGSTOP: it does not publish meanwhile
    for mark, name in zip(marks, bad):
        places = list(places_of(path, mark.encode() + b"\0"))
        check(places, "no name in the segment:", mark)
        for at in places:
            write(path, at, name.ljust(len(mark), b"\0"))
    agent.send_signal(18)
    series = until(lambda: compare(agent), "pages that agree")
    names = {dict(labels).get("primitive_name") for _, labels in series}
    for name in bad:
        check(replaced(name) in names, "no series of", name, names)
    judge_text(scene, fetch(agent, TEXT))
    judge_protobuf(scene, fetch(agent, PROTOBUF))


def places_of(path, text):
    """Where it stands in the file, whose holes are not looked at. No text of ours lies across two of its pages."""
    with open(path, "rb") as file:
        start, end = 0, os.path.getsize(path)
        while start < end:
            try:
                start = os.lseek(file.fileno(), start, os.SEEK_DATA)
            except OSError:
                return  # a hole up to the end
            stop = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            data = os.pread(file.fileno(), stop - start, start)
            at = data.find(text)
            while at >= 0:
                yield start + at
                at = data.find(text, at + 1)
            start = stop


def replaced(name):
    """Each byte that belongs to no character is one U+FFFD."""
    text, at = "", 0
    while at < len(name):
        for size in (1, 2, 3, 4):
            try:
                text += name[at:at + size].decode()
                at += size
                break
            except UnicodeDecodeError:
                pass
        else:
            text += "\ufffd"
            at += 1
    return text


@test
def an_empty_store_is_a_page_in_each_format(scene):
    agent = scene.agent()
    series = until(lambda: compare(agent), "pages that agree")
    check(any(name == "slipring_build_info" for name, _ in series), "no version")
    judge_text(scene, fetch(agent, TEXT))
    judge_protobuf(scene, fetch(agent, PROTOBUF))
    openmetrics_families(fetch(agent, OPENMETRICS))


@test
def ten_thousand_series_are_read_by_everybody(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    for place in range(60):
        recorder.ok("get", place, f"p{place}", "step")
        recorder.ok("slo", place, 990_000_000, 950_000_000, 1_000_000_000)
        record(recorder, place, [10**6 * (place + 1)] * 3)
    settled(agent, "p59", 3)
    series = until(lambda: compare(agent), "pages that agree")
    check(len(series) >= 10_000, "series", len(series))
    judge_text(scene, fetch(agent, TEXT))
    recorder.finish()


@test
def an_idle_primitive_leaves_every_format(scene):
    agent = scene.agent("--idle-after", "1s")
    recorder = scene.recorder()
    recorder.ok("get", 0, "brief", "step")
    record(recorder, 0, [10**6])
    settled(agent, "brief", 1)
    recorder.finish()
    for accept in FORMATS:
        until(lambda: not any(("primitive_name", "brief") in labels for _, labels in READERS[accept](fetch(agent, accept))),
              f"an idle primitive is gone: {accept}", 15)


@test
def what_is_asked_for_is_answered_and_anything_else_is_text(scene):
    agent = scene.agent()
    for accept in (None, "", "*/*", "application/json", "text/html, */*;q=0.1", ",;" * 2000, "application/openmetrics-text;q=0"):
        check(fetch(agent, accept).startswith(b"# HELP "), "no text for", accept)
        check(b"# EOF" not in fetch(agent, accept), "OpenMetrics for", accept)


if __name__ == "__main__":
    main()
