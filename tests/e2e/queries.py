#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every query of README.md and docs/, put to a real Prometheus that scrapes a real agent of which every family has data: each has an answer, but for those
whose comment says "empty", of what ought not to be. And the reference of the metrics guide is what the programs say. Takes a minute.
ctest-timeout: 300"""
import glob
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

from _prometheus import Prometheus
from _scene import BIN, ROOT
from _tests import Failed, check, equal, main, test, until

GUIDE = os.path.join(ROOT, "docs", "metrics-guide.md")
SETUP = os.path.join(ROOT, "docs", "prometheus-setup.md")
RECORDING = os.path.join(ROOT, "docs", "prometheus", "recording.yml")
CONFIG = """
objectives:
  - primitive: critical_workflow
    latency: {threshold: 100ms, target: 99%}
    availability: {target: 99.9%, period: month}
    spend: {amount: 500, period: 30d}
  - primitive: resize_image
    availability: {target: 50%}          # so low that no pair but the longest can fire
prices: [prices.yaml]
"""
PRICES = """
resources:
  openai/gpt-4o: {input: 2.50 per 1M, cached_input: 1.25 per 1M, output: 10 per 1M}
"""
RESPONSE = '{"model": "%s", "usage": {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 400}, "completion_tokens": 50, "total_tokens": 1050}}'
NATIVE = "proto=io.prometheus.client.MetricFamily"


def documented():
    """[(where, comment, query)] of every promql block."""
    found = []
    for path in [os.path.join(ROOT, "README.md"), *sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))]:
        with open(path) as page:
            text = page.read()
        for block in re.finditer(r"^```promql\n(.*?)^```$", text, re.M | re.S):
            line = text.count("\n", 0, block.start()) + 2
            for part in block.group(1).strip().split("\n\n"):
                lines = part.split("\n")
                query = "\n".join(one for one in lines if not one.startswith("#"))
                found.append((f"{os.path.relpath(path, ROOT)}:{line}", " ".join(one for one in lines if one.startswith("#")), query))
                line += len(lines) + 1
    return found


class Shop:
    """A store with everything in it: objectives, money, usage with a price and without, several types, failures, spans in flight."""

    def __init__(self, scene):
        self.scene = scene
        for name, text in (("slipring.yaml", CONFIG), ("prices.yaml", PRICES)):
            with open(os.path.join(scene.work, name), "w") as out:
                out.write(text)
        self.agent = scene.agent("--config", "slipring.yaml")
        self.recorder = scene.recorder()
        for place, (name, kind) in enumerate((("critical_workflow", "workflow"), ("resize_image", "step"), ("call_model", "llm"))):
            self.recorder.ok("get", place, name, kind)
        self.recorder.ok("category", 0, "provider")
        self.recorder.send("begin 1 1")

    def work(self):
        """A moment of the shop's life."""
        for number in range(20):
            self.recorder.send(f"record 0 {(number + 1) * 4_000_000} {'F' if number == 7 else 'S'} 2000000 500000 1", f"record 1 {(number + 1) * 300_000} S")
        self.recorder.ok("sync")
        for model in ("gpt-4o", "gpt-unheard-of"):
            with open(os.path.join(self.scene.work, "response.json"), "w") as out:
                out.write(RESPONSE % model)
            with open(os.path.join(self.scene.work, "response.json")) as response:
                said = self.scene.run([os.path.join(BIN, "slipring"), "usage", "call_model", "--type", "llm", "--provider", "openai", "-d", "1200ms"], stdin=response)
            equal((said.returncode, said.stderr), (0, ""), "slipring usage")

    def work_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.work()
            time.sleep(0.5)


class NoManager:
    address = "127.0.0.1:1"  # recording rules tell nobody


class Configured(Prometheus):
    """One with a configuration of its own, and flags."""

    def __init__(self, scene, config, *flags):
        path = os.path.join(scene.work, "configured.yml")
        with open(path, "w") as out:
            out.write(config)
        self.log_path = scene.new_log()
        with open(self.log_path, "wb") as log:
            self.process = scene.spawn(["prometheus", "--config.file=" + path, "--storage.tsdb.path=" + os.path.join(scene.work, "tsdb"),
                                        "--web.listen-address=127.0.0.1:0", *flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.base = None
        until(lambda: (self.base or self.find_base()) and self.is_ready(), "a Prometheus")


def is_native(query):
    """It asks for the histogram itself, not for its buckets."""
    return "primitive_duration_seconds[" in query


def speaks_protobuf(agent):
    request = urllib.request.Request(f"http://127.0.0.1:{agent.port}/metrics", headers={"Accept": f"application/vnd.google.protobuf;{NATIVE};encoding=delimited"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return "protobuf" in answer.headers["Content-Type"]


@test
def every_documented_query_has_an_answer(scene):
    shop = Shop(scene)
    prometheus = Prometheus(scene, shop.agent.port, RECORDING, NoManager)
    queries = [one for one in documented() if not is_native(one[2])]
    check(len(queries) > 80, "queries:", len(queries))
    shop.work_for(12)
    open_ones = queries
    end = time.monotonic() + 60
    while open_ones and time.monotonic() < end:
        shop.work()
        # Prometheus refuses what does not parse, or divides many by many: that ends the test at once
        open_ones = [one for one in open_ones if not prometheus.query(one[2]) and "empty" not in one[1]]
    equal(open_ones, [], "queries without an answer")


@test
def native_queries_have_an_answer_with_the_flag(scene):
    shop = Shop(scene)
    queries = [one for one in documented() if is_native(one[2])]
    check(len(queries) >= 4, "native queries:", queries)
    prometheus = Configured(scene, "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n  - job_name: slipring\n    static_configs:\n"
                            f"      - targets: ['127.0.0.1:{shop.agent.port}']\n", "--enable-feature=native-histograms,exemplar-storage")
    shop.work_for(8)
    until(lambda: prometheus.query("primitive_requests_total"), "a scrape")
    if not speaks_protobuf(shop.agent):
        for _, _, query in queries:
            prometheus.query(query)  # parses at least
        return

    def unanswered():
        shop.work()
        return [one for one in queries if not prometheus.query(one[2])]

    until(lambda: not unanswered(), "answers of native queries")
    equal(prometheus.query("primitive_duration_seconds_bucket"), [], "classic buckets with the flag, which the page says are gone")


@test
def stores_are_discovered_as_the_page_says(scene):
    """Its file_sd_configs and its JSON, with two agents' ports: both are scraped, under the labels of the file; a third that is added later, too."""
    with open(SETUP) as page:
        text = page.read()
    config = next(block for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S) if "file_sd_configs" in block)
    targets = json.loads(next(block for block in re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S) if "targets" in block))
    equal([one["labels"]["store"] for one in targets], ["shop", "batch"], "stores of the page")
    folder = os.path.join(scene.work, "slipring")
    os.mkdir(folder)

    def write(name, what):
        with open(os.path.join(folder, name + ".new"), "w") as out:
            json.dump(what, out)
        os.rename(os.path.join(folder, name + ".new"), os.path.join(folder, name + ".json"))

    for one in targets:
        one["targets"] = [f"127.0.0.1:{scene.agent('--store', one['labels']['store']).port}"]
    write("stores", targets)
    prometheus = Configured(scene, "global: {scrape_interval: 1s, scrape_timeout: 1s}\n" + config.replace("/etc/prometheus", scene.work))
    until(lambda: prometheus.values("slipring_build_info", "store") == {"shop": 1, "batch": 1}, "both stores")
    late = scene.agent("--store", "late")
    write("late", [{"targets": [f"127.0.0.1:{late.port}"], "labels": {"store": "late"}}])
    until(lambda: set(prometheus.values("slipring_build_info", "store")) == {"shop", "batch", "late"}, "the store that came later")


@test
def a_query_without_an_answer_and_one_that_is_refused_are_told_apart_from_good_ones(scene):
    shop = Shop(scene)
    prometheus = Prometheus(scene, shop.agent.port)
    shop.work_for(7)
    until(lambda: prometheus.query("primitive_requests_total"), "a scrape")
    equal(prometheus.query('primitive_requests_total{primitive_name="nobody"}'), [], "an answer of nothing")
    for wrong in ("rate(primitive_requests_total)", "primitive_slo_objective_good / on (primitive_name) primitive_slo_objective_events"):
        try:
            prometheus.query(wrong)
        except AssertionError:
            continue
        check(False, "not refused:", wrong)


@test
def every_family_of_the_reference_is_exposed_in_such_a_store(scene):
    """So that its query is asked of something: all but what only trouble, or a setting, makes."""
    shop = Shop(scene)
    shop.work()
    listed = scene.run([os.path.join(BIN, "slipringd"), "--list-families"]).stdout
    families = re.findall(r"^\| `(\w+)`", listed, re.M)
    page = until(lambda: (lambda text: text if "primitive_slo_objective_burn_rate" in text and "primitive_unpriced_units" in text else None)(shop.agent.get("/metrics")[2]),
                 "figures of all")
    missing = [name for name in families if not re.search(rf"^{name}(_count)?(\{{| )", page, re.M)]
    equal(missing, [], "families without a line")


@test
def the_reference_is_what_the_programs_say(scene):
    command = [sys.executable, "-B", os.path.join(ROOT, "docs", "generators", "metrics.py"), "--slipringd", os.path.join(BIN, "slipringd"), "--check"]
    said = scene.run(command)
    equal((said.returncode, said.stderr), (0, ""), "docs/generators/metrics.py --check")
    with open(GUIDE) as page:
        text = page.read()
    tree = os.path.join(scene.work, "tree")
    os.makedirs(os.path.join(tree, "docs"))
    for name in ("generators", "metrics-guide.md"):
        scene.run(["cp", "-r", os.path.join(ROOT, "docs", name), os.path.join(tree, "docs")])
    command[2] = os.path.join(tree, "docs", "generators", "metrics.py")
    equal(scene.run(command).returncode, 0, "a copy as it is")
    for what, changed in (("a meaning", text.replace("Executions by outcome:", "Executions, by outcome:")), ("a note", text.replace("- **Mind**: ", "- **Mind** ", 1)),
                          ("a row less", re.sub(r"^\| `slipring_resets_total`.*\n", "", text, flags=re.M))):
        check(changed != text, what, "is not there any more")
        with open(os.path.join(tree, "docs", "metrics-guide.md"), "w") as out:
            out.write(changed)
        check(scene.run(command).returncode == 1, "not noticed:", what)
    notes = os.path.join(tree, "docs", "generators", "families.txt")
    with open(notes) as source:
        told = source.read()
    with open(notes, "w") as out:
        out.write(told.replace("== slipring_resets_total\n", "== slipring_nonsense_total\n"))
    check("slipring_nonsense_total" in scene.run(command).stderr, "notes of a family that there is not")


@test
def anchors_in_the_documents_lead_somewhere(scene):
    def anchors(path):
        with open(path) as page:
            return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", page.read(), re.M)}

    count = 0
    for path in [os.path.join(ROOT, "README.md"), os.path.join(ROOT, "ARCHITECTURE.md"), *glob.glob(os.path.join(ROOT, "docs", "*.md"))]:
        with open(path) as page:
            links = re.findall(r"\]\(([\w./-]*\.md)?#([^)\s]+)\)", page.read())
        for page, anchor in links:
            target = os.path.join(os.path.dirname(path), page) if page else path
            check(anchor in anchors(target), f"{path} links to #{anchor} of {target}, where no such heading is")
            count += 1
    check(count > 20, "links with anchors:", count)


if __name__ == "__main__":
    main()
