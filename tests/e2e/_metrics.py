# SPDX-License-Identifier: Apache-2.0
"""A page of /metrics as Prometheus reads it: parsed twice, by the Python client's parser as the judge of the syntax, and
by hand for the numbers as they are written (a float would round them)."""
import re
from decimal import Decimal

from prometheus_client.parser import text_string_to_metric_families

from _tests import check, equal

LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:\\.|[^"\\])*)"(?:,|$)')
LE = ("0.001", "0.01", "0.1", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "60.0")
LE_NS = tuple(int(Decimal(le) * 10**9) for le in LE)


class Metrics:
    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.series = {}
        for line in text.splitlines():
            if line.startswith("#") or not line:
                continue
            found = LINE.match(line)
            check(found, "a line that is no sample:", line)
            labels = LABEL.findall(found.group(2) or "")
            key = (found.group(1), frozenset((k, _unescape(v)) for k, v in labels))
            check(key not in self.series, "a series that occurs twice:", line)
            self.series[key] = Decimal(found.group(3))
        judged = sum(len(family.samples) for family in text_string_to_metric_families(text))
        equal(judged, len(self.series), "samples that the Python client's parser finds")

    def all(self, name, **labels):
        wanted = set(labels.items())
        return {key[1]: value for key, value in self.series.items() if key[0] == name and wanted <= key[1]}

    def get(self, name, **labels):
        """The one series of the name that has these labels, perhaps among others; None: there is none."""
        found = list(self.all(name, **labels).values())
        check(len(found) < 2, "several series are", name, labels)
        return found[0] if found else None

    def total(self, name, **labels):
        return sum(self.all(name, **labels).values())

    def requests(self, primitive):
        """(success, failure, aborted)"""
        return tuple(self.get("primitive_requests_total", primitive_name=primitive, status=status)
                     for status in ("success", "failure", "aborted"))

    def recorded(self, primitive):
        count = self.get("primitive_duration_seconds_count", primitive_name=primitive)
        return 0 if count is None else int(count)

    def buckets(self, primitive):
        """Cumulative counts at the default bounds, then at +Inf."""
        found = [self.get("primitive_duration_seconds_bucket", primitive_name=primitive, le=le) for le in LE + ("+Inf",)]
        check(None not in found, "no bucket at some bound of", primitive)
        return [int(count) for count in found]

    def counters(self):
        """Everything that may never fall: counters, and all of a histogram."""
        result = {}
        for key, value in self.series.items():
            family = re.sub(r"_(bucket|sum|count)$", "", key[0])
            if self.types.get(key[0]) == "counter" or self.types.get(family) == "histogram":
                result[key] = value
        return result

    def check_whole(self):
        """What holds of every page: buckets rise to the count, and the outcomes sum up to it."""
        for labels, count in self.all("primitive_duration_seconds_count").items():
            pair = {k: v for k, v in labels if k in ("primitive_name", "primitive_type")}
            buckets = [(float("inf") if le == "+Inf" else float(le), value)
                       for key, value in self.all("primitive_duration_seconds_bucket", **pair).items()
                       for k, le in key if k == "le"]
            buckets.sort()
            counts = [value for _, value in buckets]
            check(counts == sorted(counts), "buckets that fall", pair, counts)
            check(counts and counts[-1] == count, "+Inf is not the count", pair, counts, count)
            outcomes = [self.get("primitive_requests_total", status=s, **pair) for s in ("success", "failure")]
            check(None not in outcomes and sum(outcomes) == count, "success + failure is not the count", pair)


def scrape(agent):
    status, headers, body = agent.get("/metrics")
    equal(status, 200, "the status of /metrics")
    equal(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8", "the type of /metrics")
    return Metrics(body)


def _unescape(text):
    return re.sub(r"\\(.)", lambda m: "\n" if m.group(1) == "n" else m.group(1), text)


class Watch:
    """Sees to it that what is scraped one page after the other never goes backwards."""

    def __init__(self):
        self.last = {}
        self.pages = 0

    def see(self, metrics):
        metrics.check_whole()
        now = metrics.counters()
        for key, value in self.last.items():
            check(key in now, "a counter vanished:", key)
            check(now[key] >= value, "a counter went backwards:", key, value, "->", now[key])
        self.last = now
        self.pages += 1
