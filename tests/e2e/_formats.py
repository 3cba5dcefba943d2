# SPDX-License-Identifier: Apache-2.0
"""/metrics in its three formats, each as {(name, labels): number} of the series that Prometheus would store. The two texts are read by the Python
client's parsers; the protobuf by a reader of the wire format that knows the field numbers of Prometheus' data model and nothing of ours."""
import http.client
import math
import re
import struct

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from _tests import check, equal

TEXT = "text/plain;version=0.0.4"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
FORMATS = (TEXT, OPENMETRICS, PROTOBUF)
TYPES = {
    TEXT: "text/plain; version=0.0.4; charset=utf-8",
    OPENMETRICS: "application/openmetrics-text; version=1.0.0; charset=utf-8",
    PROTOBUF: "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
}


def fetch(agent, accept):
    """The body, in bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=60)
    try:
        connection.request("GET", "/metrics", headers={"Accept": accept} if accept else {})
        answer = connection.getresponse()
        equal(answer.status, 200, "the status of /metrics")
        equal(answer.headers["Vary"], "Accept, Accept-Encoding", "what the answer depends on")
        if accept in TYPES:
            equal(answer.headers["Content-Type"], TYPES[accept], "the type of what was asked for")
        return answer.read()
    finally:
        connection.close()


# --- the texts -----------------------------------------------------------------------------------------------------------

def _add(series, name, labels, number):
    key = (name, frozenset((k, v) for k, v in labels.items() if v != ""))
    check(key not in series, "a series that occurs twice:", key)
    series[key] = number


def text_series(body):
    series = {}
    for family in read_text(body.decode()):
        for sample in family.samples:
            _add(series, sample.name, sample.labels, sample.value)
    return series


def openmetrics_families(body):
    text = body.decode()
    check(text.endswith("\n# EOF\n"), "OpenMetrics that does not end")
    check("\n\n" not in text, "an empty line in OpenMetrics")
    return list(read_openmetrics(text))


def openmetrics_series(body):
    series = {}
    for family in openmetrics_families(body):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                _add(series, sample.name, sample.labels, sample.value)
    return series


# --- the wire format -------------------------------------------------------------------------------------------------------

def _varint(data, at):
    value = shift = 0
    while True:
        check(at < len(data) and shift < 70, "a varint that does not end")
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """{number: [values]}: an int, eight bytes, or bytes each."""
    found, at = {}, 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
        elif tag & 7 == 1:
            value, at = data[at:at + 8], at + 8
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            value, at = data[at:at + length], at + length
            equal(len(value), length, "the length of a field")
        else:
            check(False, "a field of wire type", tag & 7)
        found.setdefault(tag >> 3, []).append(value)
    return found


def _one(message, number, default=None):
    found = message.get(number, [])
    check(len(found) < 2, "a field that occurs twice:", number)
    return found[0] if found else default


def _double(message, number):
    found = _one(message, number)
    return struct.unpack("<d", found)[0] if found is not None else 0.0


def _zigzag(value):
    return value >> 1 ^ -(value & 1)


def _labels(message):
    pairs = [fields(pair) for pair in message.get(1, [])]
    labels = {_one(pair, 1).decode(): _one(pair, 2, b"").decode() for pair in pairs}
    equal(len(labels), len(pairs), "labels that occur twice")
    return labels


def _timestamp(data):
    message = fields(data)
    return _one(message, 1, 0) + _one(message, 2, 0) / 1e9


def exemplar(data):
    """(labels, value, timestamp)"""
    message = fields(data)
    return _labels(message), _double(message, 2), _timestamp(_one(message, 3))


def messages(body):
    at = 0
    while at < len(body):
        length, at = _varint(body, at)
        check(at + length <= len(body), "a message that is cut off")
        yield body[at:at + length]
        at += length


def go_number(number):
    """As Prometheus writes the bound of a bucket that it was told as a double."""
    if number == math.inf:
        return "+Inf"
    text = repr(number)
    if number >= 1e6 and "e" not in text:
        digits = text.replace(".", "").rstrip("0")
        return digits[0] + ("." + digits[1:] if digits[1:] else "") + f"e+{len(text.split('.')[0]) - 1:02}"
    return text


class Native:
    """A native histogram as its buckets say it: {key: count}."""

    def __init__(self, histogram):
        self.schema = _zigzag(_one(histogram, 5))
        self.zero_threshold = _double(histogram, 6)
        self.zero_count = _one(histogram, 7, 0)
        self.count = _one(histogram, 1, 0)
        self.spans = [(_zigzag(_one(fields(s), 1, 0)), _one(fields(s), 2, 0)) for s in histogram.get(12, [])]
        deltas = []
        for packed in histogram.get(13, []):
            at = 0
            while at < len(packed):
                value, at = _varint(packed, at)
                deltas.append(_zigzag(value))
        equal(sum(length for _, length in self.spans), len(deltas), "buckets in the spans")
        self.buckets, key, count = {}, 0, 0
        for offset, length in self.spans:
            key += offset
            for _ in range(length):
                count += deltas.pop(0)
                check(count >= 0, "a bucket below zero")
                self.buckets[key] = count
                key += 1


class Protobuf:
    def __init__(self, body):
        self.series, self.types, self.natives, self.exemplars, self.created = {}, {}, {}, {}, {}
        self.units = {}
        for data in messages(body):
            self.family(fields(data))

    def family(self, family):
        name = _one(family, 1).decode()
        check(name not in self.types, "a family that occurs twice:", name)
        check(_one(family, 2), "no help of", name)
        check(family.get(4), "a family without a metric:", name)
        self.types[name] = _one(family, 3)
        self.units[name] = _one(family, 5, b"").decode()
        for data in family[4]:
            metric = fields(data)
            labels = _labels(metric)
            if self.types[name] == 4:
                self.histogram(name, labels, fields(_one(metric, 7)))
            else:
                value = fields(_one(metric, {0: 3, 1: 2}[self.types[name]]))
                _add(self.series, name, labels, _double(value, 1))
                self.note(name, labels, value)

    def note(self, name, labels, counter):
        key = (name, frozenset(labels.items()))
        if 2 in counter and self.types[name] == 0:
            self.exemplars[key] = exemplar(_one(counter, 2))
        if 3 in counter:
            self.created[key] = _timestamp(_one(counter, 3))

    def histogram(self, name, labels, histogram):
        for data in histogram[3]:
            bucket = fields(data)
            with_le = {**labels, "le": go_number(_double(bucket, 2))}
            _add(self.series, name + "_bucket", with_le, float(_one(bucket, 1, 0)))
            if 3 in bucket:
                self.exemplars[(name + "_bucket", frozenset(with_le.items()))] = exemplar(_one(bucket, 3))
        _add(self.series, name + "_sum", labels, _double(histogram, 2))
        _add(self.series, name + "_count", labels, float(_one(histogram, 1, 0)))
        key = frozenset((k, v) for k, v in labels.items() if v != "")
        if 15 in histogram:
            self.created[(name, key)] = _timestamp(_one(histogram, 15))
        if 5 in histogram:
            self.natives[key] = Native(histogram)


READERS = {TEXT: text_series, OPENMETRICS: openmetrics_series, PROTOBUF: lambda body: Protobuf(body).series}

# What moves while nothing is recorded: the time, the agent at work, and the windows that time passes through.
MOVING = re.compile(r"slipring_(drain|scrape|samples_drained|journal|ring_segment|stats_segment|rings|reserve)|window|_rate|per_second|per_hour"
                    r"|coverage|quantile|exhaustion|burn")


def at_rest(series):
    return {key: value for key, value in series.items() if not MOVING.search(key[0])}
