#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus, with and without native histograms and exemplars, which so asks for OpenMetrics or for protobuf: it stores the same series with the
right numbers, its percentiles are within a bucket of the truth, and its exemplars lead to the trace that was recorded."""
import time

from _formats import TEXT, at_rest, fetch, text_series
from _prometheus import Prometheus
from _tests import check, close_to, equal, main, test, until

NATIVE, EXEMPLARS = "native-histograms", "exemplar-storage"
WAYS = ((), (NATIVE,), (EXEMPLARS,), (NATIVE, EXEMPLARS))
DURATION = "primitive_duration_seconds"
ITS_OWN = {"__name__", "instance", "job"}


def known_durations():
    """Two thousand, from 0 over microseconds to minutes, dense where the percentiles lie."""
    return [0] * 3 + [1_000 * (k + 1) for k in range(500)] + [2_000_000 + 7_919 * k for k in range(1_000)] + [
        int(50_000_000 * 1.01 ** k) for k in range(497)]


def record_all(scene, durations, name="work"):
    recorder = scene.recorder()
    recorder.ok("get", 0, name, "step")
    recorder.ok("slo", 0, 990_000_000, 950_000_000, 1_000_000_000)
    for i, ns in enumerate(durations):
        recorder.send(f"record 0 {ns} {'F' if i % 19 == 0 else 'S'} {i * 1001} {i} 0")
    recorder.ok("sync")
    return recorder


def stored(prometheus):
    """{(name, labels): number} of what it knows now; None for a native histogram."""
    series = {}
    for one in prometheus.query('{job="slipring", __name__=~"(primitive|slipring)_.*"}'):
        labels = frozenset((k, v) for k, v in one["metric"].items() if k not in ITS_OWN)
        key = (one["metric"]["__name__"], labels)
        check(key not in series, "stored twice:", key)
        series[key] = float(one["value"][1]) if "value" in one else None
    return series


def is_classic(key):
    return key[0] in (DURATION + "_bucket", DURATION + "_sum", DURATION + "_count")


def check_stored(agent, prometheus, is_native):
    seen = {key: value for key, value in stored(prometheus).items() if not key[0].endswith("_created")}
    wanted = text_series(fetch(agent, TEXT))
    natives = {key for key in seen if key[0] == DURATION}
    equal(all(seen[key] is None for key in natives), True, "native histograms have no single number")
    if is_native:
        wanted = {key: value for key, value in wanted.items() if not is_classic(key)}
    equal(len(natives), 2 if is_native else 0, "native histograms: of work and of __overflow__")
    names = set(seen) - natives
    check(names == set(wanted), "series of one of them alone:", sorted(map(str, names ^ set(wanted)))[:5])
    still = at_rest(wanted)
    check(len(still) > 60, "nothing is compared")
    for key, value in still.items():
        equal(seen[key], value, f"stored: {key}")


@test
def the_same_series_whatever_it_asks_for(scene):
    agent = scene.agent()
    durations = known_durations()
    recorder = record_all(scene, durations)
    for features in WAYS:
        prometheus = Prometheus(scene, agent.port, features=features)
        is_native = NATIVE in features
        count = f'histogram_count({DURATION}{{primitive_name="work"}})' if is_native else f'{DURATION}_count{{primitive_name="work"}}'
        until(lambda: list(prometheus.values(count, "primitive_name").values()) == [len(durations)], f"a scrape, {features}", pause=0.2)
        until(lambda: check_stored(agent, prometheus, is_native) or True, f"what is stored, {features}", pause=0.5)
        equal(prometheus.values("up", "job"), {"slipring": 1.0}, "the last scrape")
        if is_native:
            sums = prometheus.values(f'histogram_sum({DURATION}{{primitive_name="work"}})', "primitive_name")
            close_to(sums["work"], sum(durations) / 1e9, "the sum of a native histogram", 1e-12)
            equal(prometheus.values(f'histogram_count({DURATION}{{primitive_name="__overflow__"}})', "primitive_name"), {"__overflow__": 0.0},
                  "an empty native histogram")
            within = prometheus.values(f'histogram_fraction(0, 0.002, {DURATION}{{primitive_name="work"}})', "primitive_name")["work"]
            truth = sum(ns <= 2_000_000 for ns in durations) / len(durations)
            check(abs(within - truth) < 0.02, "the share of short ones", within, truth)
        prometheus.process.kill()
        prometheus.process.wait()
    recorder.finish()


@test
def percentiles_of_native_histograms_are_within_a_bucket_of_the_truth(scene):
    durations = sorted(known_durations())
    for schema in (3, 5):
        agent = scene.agent("--store", f"s{schema}", "--native-schema", str(schema), environment={"SLIPRING_STORE": f"s{schema}"})
        recorder = scene.recorder(f"s{schema}")
        recorder.ok("get", 0, "work", "step")
        for ns in durations:
            recorder.send(f"record 0 {ns} S")
        recorder.ok("sync")
        prometheus = Prometheus(scene, agent.port, features=(NATIVE, EXEMPLARS)[: 1 if schema == 3 else 2])
        of = f'{DURATION}{{primitive_name="work"}}'
        until(lambda: list(prometheus.values(f"histogram_count({of})", "primitive_name").values()) == [len(durations)], "a scrape", pause=0.2)
        growth = 2 ** 2 ** -schema
        own = {dict(labels)["quantile"]: value for (name, labels), value in text_series(fetch(agent, TEXT)).items()
               if name == "primitive_duration_quantile_seconds" and ("window", "lifetime") in labels and ("primitive_name", "work") in labels}
        for q in ("0.5", "0.9", "0.95", "0.99", "0.999"):
            seen = prometheus.values(f"histogram_quantile({q}, {of})", "primitive_name")["work"]
            truth = durations[max(0, -(-int(float(q) * 1000) * len(durations) // 1000) - 1)] / 1e9
            check(1 / growth <= seen / truth <= growth, f"p{q} at schema {schema}", seen, truth)
            check(abs(own[q] / truth - 1) <= 0.0109, f"our own p{q}", own[q], truth)
            check(1 / growth / 1.0109 <= seen / own[q] <= growth * 1.0109, f"p{q} of both", seen, own[q])
        recorder.finish()
        agent.stop()


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FAILED = "0af7651916cd43dd8448eb211c80319c"


@test
def exemplars_lead_to_the_trace_that_was_recorded(scene):
    agent = scene.agent()
    # Of a native histogram, Prometheus 2.42 stores the exemplar of the lowest bucket that has one, and no other.
    for trace, duration, more in ((FAILED, "20ms", ("--failure",)), (TRACE, "1.5s", ())):
        done = scene.slipring("record", "traced", "--duration", duration, "--traceparent", f"00-{trace}-00f067aa0ba902b7-01", *more)
        equal((done.returncode, done.stderr), (0, ""), "slipring record")
    for features in ((EXEMPLARS,), (NATIVE, EXEMPLARS)):
        prometheus = Prometheus(scene, agent.port, features=features)

        def found():
            answer = prometheus.ask("query_exemplars", query='{__name__=~"primitive_.*"}', start=time.time() - 600, end=time.time() + 600)
            return {(one["seriesLabels"]["__name__"], one["seriesLabels"].get("le"), e["labels"]["trace_id"], e["labels"]["span_id"], float(e["value"]))
                    for one in answer for e in one["exemplars"]}
        span = "00f067aa0ba902b7"
        wanted = {("primitive_requests_total", None, FAILED, span, 0.02)}
        wanted |= ({(DURATION, None, FAILED, span, 0.02)} if NATIVE in features else
                   {(DURATION + "_bucket", "2.0", TRACE, span, 1.5), (DURATION + "_bucket", "0.1", FAILED, span, 0.02)})
        until(lambda: wanted <= found(), f"exemplars, {features}", pause=0.5)
        prometheus.process.kill()
        prometheus.process.wait()


if __name__ == "__main__":
    main()
