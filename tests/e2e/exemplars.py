#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Traces from the environment to everybody who looks: slipring exec and record, the JSON API and its schema, slipring show; through a kill of
the agent, a reset, other bounds; and what is not to be kept. Takes 10 s."""
import json
import os
import re
import time
from decimal import Decimal

import jsonschema

from _scene import ROOT
from _tests import check, contains, equal, main, test, until

with open(os.path.join(ROOT, "docs", "api-v1.schema.json")) as _schema:
    SCHEMA = json.load(_schema)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTHER = "0af7651916cd43dd8448eb211c80319c"
SPAN = "00f067aa0ba902b7"


def parent(trace=TRACE, flags="01", span=SPAN):
    return f"00-{trace}-{span}-{flags}"


def record(scene, duration, *more, trace=TRACE, flags="01", span=SPAN):
    finished = scene.slipring("record", "work", "--duration", duration, "--traceparent", parent(trace, flags, span), *more)
    equal((finished.returncode, finished.stderr), (0, ""), "record")


def primitive(agent, name="work"):
    status, _, body = agent.get(f"/api/v1/primitives/{name}")
    if status != 200:
        return {}
    document = json.loads(body)
    jsonschema.Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": "#/$defs/primitive"}]}).validate(document)
    return json.loads(body, parse_float=Decimal)


def until_counted(agent, count, name="work"):
    return until(lambda: (lambda one: one.get("counts", {}).get("executions") == count and one)(primitive(agent, name)),
                 f"{count} executions of {name}")


@test
def recorded_traces_are_in_the_api_by_window_and_bucket_and_on_the_screen(scene):
    agent = scene.agent()
    before = time.time()
    record(scene, "7ms", "--failure", trace=OTHER)
    record(scene, "70ms")
    record(scene, "3ms", span="00000000000000ff")
    record(scene, "90ms", flags="00")  # nobody could look it up
    equal(scene.slipring("record", "work", "--duration", "80s").returncode, 0, "a plain one")
    one = until_counted(agent, 5)
    kept = one["exemplars"]
    slowest = kept["windows"]["1m"]["slowest"]
    equal((slowest["trace_id"], slowest["span_id"], slowest["duration_seconds"], slowest["outcome"]),
          (TRACE, SPAN, Decimal("0.07"), "success"), "the slowest")
    check(before - 1 < slowest["timestamp"] < time.time() + 1, "its time", slowest["timestamp"])
    equal(kept["windows"]["lifetime"]["slowest"], slowest, "of all")
    failing = kept["windows"]["1m"]["failing"]
    equal((failing["trace_id"], failing["outcome"]), (OTHER, "failure"), "the failing one")
    equal([(bucket.get("le"), bucket["slowest"]["trace_id"], "failing" in bucket) for bucket in kept["buckets"]],
          [(Decimal("0.01"), OTHER, True), (Decimal("0.1"), TRACE, False)], "buckets")
    status, _, body = agent.get("/api/v1/primitives")
    jsonschema.Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": "#/$defs/list"}]}).validate(json.loads(body))
    check(any("exemplars" in item for item in json.loads(body)["primitives"]), "the list")

    shown = scene.slipring("show", "work").stdout
    contains(shown, ["slowest of 1m, 1h, lifetime", "70.0ms", f"trace {TRACE}", f"span {SPAN}", "newest failure", "7.00ms failed", f"trace {OTHER}"],
             "show")
    printed = json.loads(scene.slipring("show", "work", "--json").stdout, parse_float=Decimal)
    equal(printed["primitives"][0]["exemplars"], kept, "show --json")


@test
def they_outlive_the_agent_and_follow_other_bounds_and_a_reset_forgets_them(scene):
    agent = scene.agent()
    record(scene, "7ms", "--failure")
    before = until_counted(agent, 1)["exemplars"]
    agent.kill()
    record(scene, "90ms", trace=OTHER)
    shown = json.loads(scene.slipring("show", "work", "--json").stdout, parse_float=Decimal)
    equal(shown["primitives"][0]["exemplars"], before, "while there is no agent")
    agent = scene.agent("--le", "0.05,1")
    after = until_counted(agent, 2)["exemplars"]
    equal(after["windows"]["lifetime"]["slowest"]["trace_id"], OTHER, "the slowest, recorded while there was no agent")
    equal(after["windows"]["lifetime"]["failing"], before["windows"]["lifetime"]["failing"], "the failing one")
    equal([(bucket.get("le"), bucket["slowest"]["trace_id"]) for bucket in after["buckets"]],
          [(Decimal("0.05"), TRACE), (Decimal("1"), OTHER)], "in the buckets of now")
    finished = scene.slipring("reset", "work", "--yes")
    equal(finished.returncode, 0, finished.stderr)
    until(lambda: "exemplars" not in primitive(agent), "a reset forgets them")
    check("trace" not in scene.slipring("show", "work").stdout, "show")


@test
def exec_passes_its_trace_on_and_records_under_it(scene):
    agent = scene.agent()
    finished = scene.slipring("exec", "work", "--", "sh", "-c", 'echo "$TRACEPARENT $TRACESTATE"; exit 3',
                              environment={"TRACEPARENT": parent(), "TRACESTATE": "vendor=1"})
    equal((finished.returncode, finished.stderr), (3, ""), "exec")
    found = re.fullmatch(f"00-{TRACE}-([0-9a-f]{{16}})-01 vendor=1\n", finished.stdout)
    check(found and found[1] not in (SPAN, "0" * 16), "the command's TRACEPARENT", finished.stdout)
    failing = until_counted(agent, 1)["exemplars"]["windows"]["1m"]["failing"]
    equal((failing["trace_id"], failing["span_id"], failing["outcome"]), (TRACE, found[1], "failure"), "recorded under it")

    second = scene.slipring("exec", "work", "sh", "-c", "echo $TRACEPARENT", environment={"TRACEPARENT": parent(flags="00")})
    check(re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-00\n", second.stdout) and found[1] not in second.stdout, "unsampled", second.stdout)
    one = until_counted(agent, 2)
    equal(one["exemplars"]["windows"]["1m"]["failing"], failing, "an unsampled one is not kept")


@test
def exec_invents_a_trace_only_when_it_is_told_to(scene):
    agent = scene.agent()
    for value in (None, "", "ff-" + parent()[3:], parent(trace="0" * 32), parent().upper(), "rubbish"):
        environment = {} if value is None else {"TRACEPARENT": value}
        finished = scene.slipring("exec", "work", "sh", "-c", 'echo "${TRACEPARENT-unset}"', environment=environment)
        equal((finished.returncode, finished.stdout), (0, ("unset" if value is None else value) + "\n"), f"TRACEPARENT {value!r}")
    check("exemplars" not in until_counted(agent, 6), "kept")
    begun = scene.slipring("exec", "work", "--trace", "--", "sh", "-c", "echo $TRACEPARENT")
    found = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-01\n", begun.stdout)
    check(found and found[1] != "0" * 32, "a trace of its own", begun.stdout)
    slowest = until_counted(agent, 7)["exemplars"]["windows"]["1m"]["slowest"]
    equal((slowest["trace_id"], slowest["span_id"]), found.groups(), "recorded under it")
    for flags in ("01", "00"):
        joined = scene.slipring("exec", "work", "--trace", "sh", "-c", "echo $TRACEPARENT $TRACESTATE",
                                environment={"TRACEPARENT": parent(flags=flags), "TRACESTATE": "vendor=1"})
        check(re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-{flags} vendor=1\n", joined.stdout), "one that is there is joined", joined.stdout)


@test
def a_state_goes_on_with_its_own_trace_alone(scene):
    """W3C Trace Context: whoever begins a trace does not pass on the tracestate of another."""
    for value in (None, "", "rubbish", parent().upper()):
        environment = {"TRACESTATE": "vendor=1"} | ({} if value is None else {"TRACEPARENT": value})
        begun = scene.slipring("exec", "work", "--trace", "--", "sh", "-c", 'echo "$TRACEPARENT ${TRACESTATE-unset}"', environment=environment)
        check(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01 unset\n", begun.stdout) and TRACE not in begun.stdout, f"begun beside {value!r}",
              begun.stdout)
        left = scene.slipring("exec", "work", "sh", "-c", 'echo "${TRACEPARENT-unset} $TRACESTATE"', environment=environment)
        equal(left.stdout, f"{'unset' if value is None else value} vendor=1\n", f"untouched with {value!r}")


@test
def a_command_that_cannot_be_recorded_or_started_has_its_trace_all_the_same(scene):
    finished = scene.slipring("exec", "work", "--", "sh", "-c", "echo $TRACEPARENT",
                              environment={"TRACEPARENT": parent(), "SLIPRING_SHM_DIR": "/nowhere"})
    check(re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01\n", finished.stdout), "the command", finished.stdout)
    equal(scene.slipring("exec", "work", "/no/such/command", environment={"TRACEPARENT": parent()}).returncode, 127, "not found")
    agent = scene.agent()
    until_counted(agent, 0)
    check("exemplars" not in primitive(agent), "kept")


@test
def a_traceparent_that_is_none_is_refused(scene):
    for bad in ("", "x", parent() + "-", parent(trace=TRACE.upper()), "ff" + parent()[2:], parent(span="0" * 16)):
        finished = scene.slipring("record", "work", "--duration", "1ms", "--traceparent", bad)
        equal((finished.returncode, finished.stdout), (2, ""), f"{bad!r}")
        contains(finished.stderr, ["traceparent", "00-TRACE-SPAN-FLAGS"], f"{bad!r}")


if __name__ == "__main__":
    main()
