#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes a living agent, first before anything was recorded, while eight processes record a known
distribution. Then the questions that people ask are answered as arithmetic says."""
import os
import re
import time
from decimal import Decimal

from _metrics import LE, LE_NS, scrape
from _prometheus import Alertmanager, Prometheus, quantile, rate
from _scene import ROOT
from _tests import check, close_to, equal, main, test, until

PROCESSES, ROUNDS, SAMPLES = 8, 20, 100
TARGET_PPB, AVAILABILITY_PPB, THRESHOLD_NS = 990_000_000, 950_000_000, 1_000_000_000
CATEGORIES = ("default", "input", "output")

# The four queries of the guide that Slipring follows, to the letter.
QUANTILE = """histogram_quantile(0.95,
  sum(rate(primitive_duration_seconds_bucket[5m])) by (le, primitive_name)
)"""
COMPLIANCE = 'primitive_slo_compliance{primitive_name="critical_workflow"}'
ERROR_RATE = """rate(primitive_requests_total{status="failure"}[5m]) /
rate(primitive_requests_total[5m])"""
COST_PER_HOUR = "rate(primitive_cost_total[1h]) * 3600"


def duration_ns(k):
    """0 to 999: from 0.2 ms to an hour, many of them right at a bound or a nanosecond off it."""
    if k < 300:
        return 200_000 + k * 1000
    if k < 600:
        return 1_000_000 + k % 2
    if k < 850:
        return 12_345_678 + k * 100_000
    if k < 940:
        return 100_000_000 + k % 3 - 1
    if k < 985:
        return 400_000_000 + (k - 940) * 13_333_333
    if k < 995:
        return 1_000_000_000 + k % 2
    return 3_600_000_000_000


class Truth:
    """What one primitive was told, in plain sums."""

    def __init__(self):
        self.count = self.failures = self.sum_ns = self.in_time = 0
        self.buckets = [0] * (len(LE_NS) + 1)
        self.cost = dict.fromkeys(CATEGORIES, 0)
        self.savings = dict.fromkeys(CATEGORIES, 0)

    def record(self, ns, failed, cost, savings, category):
        self.count += 1
        self.failures += failed
        self.sum_ns += ns
        self.in_time += ns <= THRESHOLD_NS
        for i, bound in enumerate(LE_NS):
            self.buckets[i] += ns <= bound
        self.buckets[-1] += 1
        self.cost[CATEGORIES[category]] += cost
        self.savings[CATEGORIES[category]] += savings

    def compliance(self):
        return min(self.in_time, self.count - self.failures) / self.count


def plan(process, number):
    """What process records as its number-th sample: (place, ns, failed, cost, savings, category)."""
    k = (process * 977 + number * 31) % 1000
    place = number % 2
    failed = (process + number * 3) % (19 if place else 23) == 0
    cost, savings = (2_000_000 + k, k * 100) if place else (0, 0)
    return place, duration_ns(k), failed, cost, savings, (1 + number // 2 % 2) if place else 0


NAMES = (("critical_workflow", "workflow"), ("call_model", "llm"))


def start_recorders(scene):
    recorders = [scene.recorder() for _ in range(PROCESSES)]
    for one in recorders:
        for place, (name, kind) in enumerate(NAMES):
            one.ok("get", place, name, kind)
        one.ok("slo", 0, TARGET_PPB, AVAILABILITY_PPB, THRESHOLD_NS)
        equal([one.ok("category", 1, name)[0] for name in CATEGORIES[1:]], ["1", "2"], "the categories' numbers")
    return recorders


def record_all(recorders, truths):
    for turn in range(ROUNDS):
        for process, recorder in enumerate(recorders):
            for number in range(turn * SAMPLES, (turn + 1) * SAMPLES):
                place, ns, failed, cost, savings, category = plan(process, number)
                truths[place].record(ns, failed, cost, savings, category)
                recorder.send(f"record {place} {ns} {'F' if failed else 'S'} {cost} {savings} {category}")
            recorder.ok("sync")
        time.sleep(0.4)


def check_page(page, truths):
    page.check_whole()
    for (name, kind), truth in zip(NAMES, truths):
        equal(page.requests(name), (truth.count - truth.failures, truth.failures, 0), f"requests of {name}")
        equal(page.buckets(name), truth.buckets, f"buckets of {name}")
        equal(page.get("primitive_duration_seconds_sum", primitive_name=name, primitive_type=kind),
              Decimal(truth.sum_ns) / 10**9, f"sum of {name}")
        for family, sums in (("primitive_cost_total", truth.cost), ("primitive_cost_savings_total", truth.savings)):
            for category, nanodollars in sums.items():
                seen = page.get(family, primitive_name=name, category=category)
                if seen is not None or nanodollars:
                    equal(seen, Decimal(nanodollars) / 10**9, f"{family} of {name}, {category}")
    equal(page.get("primitive_active_requests", primitive_name="critical_workflow"), 0, "active at rest")


def check_quantiles(found, truths):
    for (name, _), truth in zip(NAMES, truths):
        bounds = [float(le) for le in LE] + [float("inf")]
        close_to(found.get(name, -1.0), quantile(0.95, list(zip(bounds, truth.buckets))), f"p95 of {name}")


def check_error_rates(prometheus, truths, sum_by_name, at):
    for one in prometheus.query(ERROR_RATE, at):
        if one["metric"]["primitive_name"] != "__overflow__":  # nobody recorded there: 0/0
            equal(float(one["value"][1]), 1.0, f"the naive error rate, a series divided by itself: {one['metric']}")
    shares = prometheus.values(sum_by_name, "primitive_name", at)
    for (name, _), truth in zip(NAMES, truths):
        close_to(shares[name], truth.failures / truth.count, f"error rate of {name}")


def check_cost(prometheus, truth, at):
    """Of call_model, by category; returns the sum."""
    total = 0.0
    answers = {one["metric"]["category"]: float(one["value"][1]) for one in prometheus.query(COST_PER_HOUR, at)
               if one["metric"]["primitive_name"] == "call_model"}
    for one in prometheus.query('primitive_cost_total{primitive_name="call_model"}[1h]', at):
        category = one["metric"]["category"]
        samples = [(stamp, float(value)) for stamp, value in one["values"]]
        equal(samples[0][1], 0.0, f"the first sample of {category}, taken before the first record")
        equal(Decimal(one["values"][-1][1]), Decimal(truth.cost[category]) / 10**9, f"dollars of {category}")
        close_to(answers[category], rate(samples, at, 3600) * 3600, f"cost per hour of {category}")
        total += answers[category]
    equal(set(answers), {c for c in CATEGORIES if truth.cost[c] or c in answers}, "categories with a cost per hour")
    # Over an hour that holds everything, what an hour costs is what was spent, but for the extrapolation, which adds at most
    # 1.1 scrape intervals to some ten seconds that were sampled.
    spent = sum(truth.cost.values()) / 1e9
    check(spent <= total <= spent * 1.25, "cost per hour against what was spent", total, spent)
    return total


def documented_queries(name="getting-started.md"):
    """{comment above it: query} of the promql block in a page of docs/."""
    with open(os.path.join(ROOT, "docs", name)) as page:
        block = re.search(r"```promql\n(.*?)```", page.read(), re.S).group(1)
    queries = {}
    for part in block.strip().split("\n\n"):
        lines = part.split("\n")
        queries[" ".join(line[1:].strip() for line in lines if line.startswith("#"))] = "\n".join(
            line for line in lines if not line.startswith("#"))
    return queries


def documented(queries, word):
    return next(query for comment, query in queries.items() if word in comment)


@test
def prometheus_answers_what_arithmetic_says(scene):
    agent = scene.agent()
    prometheus = Prometheus(scene, agent.port)
    until(lambda: prometheus.values("up", "job").get("slipring") == 1.0, "the first scrape", pause=0.2)
    equal(prometheus.query('{primitive_name="critical_workflow"}'), [], "what is known before anybody came")

    recorders = start_recorders(scene)
    for family in ("primitive_duration_seconds_count", 'primitive_cost_total{category="output"}',
                   'primitive_cost_total{category="input"}'):
        until(lambda: 0.0 in prometheus.values(family, "primitive_name").values(), f"a scrape of {family} at 0", pause=0.2)
    truths = (Truth(), Truth())
    record_all(recorders, truths)
    equal(sum(t.count for t in truths), PROCESSES * ROUNDS * SAMPLES, "the plan")

    until(lambda: all(scrape(agent).recorded(n) == t.count for (n, _), t in zip(NAMES, truths)), "all is booked")
    page = scrape(agent)
    check_page(page, truths)
    promtool = scene.run(["promtool", "check", "metrics"], stdin=open(_saved(scene, page)))
    equal((promtool.returncode, promtool.stdout + promtool.stderr), (0, ""), "promtool check metrics")

    counts = {name: float(t.count) for (name, _), t in zip(NAMES, truths)}
    until(lambda: prometheus.values("primitive_duration_seconds_count", "primitive_name").items() >= counts.items(),
          "the last scrape", 15, 0.2)
    at = round(time.time(), 3)  # as fine as Prometheus goes
    check_quantiles(prometheus.values(QUANTILE, "primitive_name", at), truths)
    equal([float(one["value"][1]) for one in prometheus.query(COMPLIANCE, at)], [truths[0].compliance()], "compliance")
    queries = documented_queries()
    check_error_rates(prometheus, truths, documented(queries, "share of failures"), at)
    per_hour = check_cost(prometheus, truths[1], at)

    check_quantiles(prometheus.values(documented(queries, "95th"), "primitive_name", at), truths)
    close_to(prometheus.values(documented(queries, "dollars an hour"), "primitive_name", at)["call_model"], per_hour,
             "the documented cost per hour")
    for comment, query in queries.items():
        check(prometheus.query(query, at), "a documented query has no answer:", comment)
    equal(prometheus.values("min_over_time(up[5m])", "job", at), {"slipring": 1.0}, "scrapes that failed")
    equal(set(prometheus.values("resets(primitive_duration_seconds_count[5m])", "primitive_name", at).values()), {0.0},
          "counter resets that Prometheus saw")
    equal(prometheus.ask("metadata", metric="primitive_duration_seconds")["primitive_duration_seconds"][0]["type"],
          "histogram", "the type that Prometheus knows")
    for recorder in recorders:
        recorder.finish()


def _saved(scene, page):
    path = os.path.join(scene.work, "page")
    with open(path, "w") as out:
        out.write(page.text)
    return path


RULES = os.path.join(ROOT, "docs", "prometheus", "alerts.yml")
GOOD, BAD = 50, 50


def is_told(manager, **wanted):
    return any(wanted.items() <= labels.items() for labels in manager.alerts())


@test
def what_the_agent_finds_alarming_reaches_the_alertmanager(scene):
    """Two primitives with the same objective, of which one fails half of the time."""
    agent, manager = scene.agent(), Alertmanager(scene)
    prometheus = Prometheus(scene, agent.port, RULES, manager)
    recorder = scene.recorder()
    for place, name in enumerate(("pay", "calm")):
        recorder.ok("get", place, name, "step")
        recorder.ok("slo", place, 0, 990_000_000, 0)
        for _ in range(GOOD):
            recorder.send(f"record {place} 1000000 S")
    recorder.ok("sync")
    quiet = {"primitive_type": "step", "objective": "availability", "long": "1h", "short": "5m"}
    for name in ("pay", "calm"):
        until(lambda: scrape(agent).get("primitive_slo_objective_alert", primitive_name=name, **quiet) == 0, f"{name} is quiet")
    counted = 'primitive_requests_total{status="success"}'
    until(lambda: prometheus.values(counted, "primitive_name").get("pay") == GOOD, "a scrape of what went well", pause=0.2)

    for _ in range(BAD):
        recorder.send("record 0 1000000 F")
    recorder.ok("sync")
    until(lambda: scrape(agent).get("primitive_slo_objective_alert", primitive_name="pay", **quiet) == 1, "pay is alarming")
    page = scrape(agent)
    for window in ("5m", "1h", "period"):
        of = {"primitive_name": "pay", "objective": "availability", "window": window}
        equal((page.get("primitive_slo_objective_good", **of), page.get("primitive_slo_objective_events", **of)),
              (GOOD, GOOD + BAD), f"counts of {window}")
        close_to(float(page.get("primitive_slo_objective_burn_rate", **of)), BAD / (GOOD + BAD) / 0.01, f"burn rate of {window}")
    equal(page.get("primitive_slo_objective_budget_remaining", primitive_name="pay"), 0, "the budget, clamped")
    close_to(float(page.get("primitive_slo_objective_budget_balance", primitive_name="pay")), 1 - BAD / (0.01 * (GOOD + BAD)), "the budget")

    until(lambda: is_told(manager, alertname="ErrorBudgetBurnsFast", severity="page", primitive_name="pay", **quiet),
          "the alert in the Alertmanager", 40, 0.2)
    until(lambda: is_told(manager, alertname="ErrorBudgetSpent", severity="ticket", primitive_name="pay", objective="availability"),
          "that the budget is spent", 40, 0.2)
    until(lambda: is_told(manager, alertname="CountersBurn1h", primitive_name="pay"), "the same from counters", pause=0.2)
    others = [alert for alert in manager.alerts() if alert.get("primitive_name") != "pay"]
    equal(others, [], "alerts of anything else")
    recorder.finish()


@test
def the_arithmetic_of_this_test_is_prometheus_own(scene):
    """Worked by hand, so that the two helpers cannot both be wrong in the product's favour."""
    equal(quantile(0.95, [(1.0, 90), (2.0, 100), (float("inf"), 100)]), 1.5, "a quantile inside a bucket")
    equal(quantile(0.99, [(1.0, 90), (float("inf"), 100)]), 1.0, "a quantile beyond the last bound")
    equal(quantile(0.5, [(4.0, 10), (float("inf"), 10)]), 2.0, "a quantile in the first bucket, which begins at 0")
    # 0, 10, 20 at 10 s apart, asked half an interval later: nothing before the zero, 5 s after the last sample.
    close_to(rate([(0, 0.0), (10, 10.0), (20, 20.0)], 25, 100) * 100, 25.0, "an increase from zero")
    # After a reset the new value counts in full.
    close_to(rate([(0, 5.0), (10, 15.0), (20, 3.0)], 20, 20) * 20, 13.0, "an increase over a reset")


if __name__ == "__main__":
    main()
