# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus and a real Alertmanager, Debian's, never started as services: on free loopback ports, with their data in the scene's
scratch folder. And what its documentation says of rate() and histogram_quantile(), as arithmetic."""
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
scrape_configs:
  - job_name: slipring
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
ALERTING = """
rule_files: ["{rules}"]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["{manager}"]}}]
"""
ROUTE = """
route: {receiver: nobody, group_wait: 0s}
receivers: [{name: nobody}]
"""


class Alertmanager:
    """Keeps what it is sent, and tells nobody. No cluster, so no other port."""

    def __init__(self, scene):
        config = os.path.join(scene.work, "alertmanager.yml")
        with open(config, "w") as out:
            out.write(ROUTE)
        self.log_path = scene.new_log()
        with open(self.log_path, "wb") as log:
            self.process = scene.spawn(
                ["prometheus-alertmanager", "--config.file=" + config, "--cluster.listen-address=",
                 "--storage.path=" + os.path.join(scene.work, "alerts"), "--web.listen-address=127.0.0.1:0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.address = None
        end = time.monotonic() + 20
        while not self.find_address():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("prometheus-alertmanager does not start")
            time.sleep(0.05)

    def find_address(self):
        with open(self.log_path) as log:
            found = re.search(r'msg="?Listening on"? address=(\S+)', log.read())
        self.address = found.group(1) if found else None
        return self.address

    def alerts(self):
        """The labels of each alert that is firing, as it was told."""
        with urllib.request.urlopen(f"http://{self.address}/api/v2/alerts", timeout=60) as answer:
            return [alert["labels"] for alert in json.load(answer)]


class Prometheus:
    """features: of --enable-feature."""

    def __init__(self, scene, target_port, rules=None, manager=None, features=()):
        folder = os.path.join(scene.work, "prometheus-" + "-".join(features))
        os.mkdir(folder)
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w") as out:
            out.write(CONFIG.format(port=target_port))
            if rules:
                out.write(ALERTING.format(rules=rules, manager=manager.address))
        self.log_path = scene.new_log()
        with open(self.log_path, "wb") as log:
            self.process = scene.spawn(
                ["prometheus", "--config.file=" + config, "--storage.tsdb.path=" + os.path.join(folder, "tsdb"),
                 "--web.listen-address=127.0.0.1:0", *(["--enable-feature=" + ",".join(features)] if features else [])], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.base = None
        end = time.monotonic() + 20
        while not (self.base or self.find_base()) or not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("prometheus does not start")
            time.sleep(0.05)

    def find_base(self):
        with open(self.log_path) as log:
            found = re.search(r'msg="Listening on" address=(\S+)', log.read())
        self.base = f"http://{found.group(1)}/" if found else None
        return self.base

    def is_ready(self):
        try:
            return urllib.request.urlopen(self.base + "-/ready", timeout=30).status == 200
        except OSError:
            return False

    def ask(self, path, **parameters):
        url = self.base + "api/v1/" + path + "?" + urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"Prometheus refuses {parameters}: {error.read().decode()}") from None

    def query(self, text, at=None):
        """The result's list: instant vectors with "value" [time, text], ranges with "values"."""
        return self.ask("query", query=text, **({"time": repr(at)} if at else {}))["result"]

    def values(self, text, label, at=None):
        """{label's value: number} of an instant vector."""
        return {one["metric"].get(label, ""): float(one["value"][1]) for one in self.query(text, at)}


def quantile(q, buckets):
    """histogram_quantile(): linear interpolation inside the bucket of the rank. buckets: ascending (bound, cumulative
    count) that end with infinity."""
    rank = q * buckets[-1][1]
    at = next(i for i, (_, count) in enumerate(buckets) if count >= rank)
    if at == len(buckets) - 1:
        return buckets[-2][0]
    start, before = buckets[at - 1] if at else (0.0, 0)
    end, count = buckets[at]
    return start + (end - start) * ((rank - before) / (count - before))


def rate(samples, at, seconds):
    """rate(counter[seconds]) at the time `at`: the increase from the first to the last sample, extrapolated to the ends of
    the range, or by half a sampling interval where an end is further than 1.1 intervals away, and never below zero."""
    first, last = samples[0], samples[-1]
    increase = last[1] - first[1]
    for before, after in zip(samples, samples[1:]):
        if after[1] < before[1]:
            increase += before[1]
    sampled = round(last[0] - first[0], 3)  # Prometheus' times are whole milliseconds
    average = sampled / (len(samples) - 1)
    to_start, to_end = round(first[0] - at + seconds, 3), round(at - last[0], 3)
    if increase > 0 and first[1] >= 0:
        to_start = min(to_start, sampled * first[1] / increase)
    covered = sampled
    for gap in (to_start, to_end):
        covered += gap if gap < average * 1.1 else average / 2
    return increase * (covered / sampled) / seconds
