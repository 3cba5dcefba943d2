# SPDX-License-Identifier: Apache-2.0
"""Comparing what an agent published with the exact log: windows, objectives, alerts, incidents.

Beside counts, a window says which span they cover, and the span is judged as well: never longer than the window nor than what was covered;
and not shorter than the window less a hundredth (objectives) or a tenth (percentiles), for which edges are looked for at ticks alone. So an
agent that was away, or ticks that are far apart, may cost a window's edge what they took, and nothing else may."""
import calendar
import datetime
from bisect import bisect_left, bisect_right

import _exact
from _exact import PPB, SECOND

NONE, NO_DATA, CANNOT_FIRE, GATED, QUIET, FIRING = range(6)
LATENCY, AVAILABILITY, SPEND, MONTH = 1, 2, 3, 1
SLO_WINDOWS = [300, 1800, 3600, 7200, 21600, 86400, 259200]
SLO_EDGE, PERCENTILE_EDGE = 100, 10  # parts of the window


def month_of(wall):
    """(start, length) in seconds of the calendar month, UTC."""
    day = datetime.datetime.fromtimestamp(wall // SECOND, datetime.timezone.utc)
    start = int(day.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp())
    return start, calendar.monthrange(day.year, day.month)[1] * 86400


class Judge:
    """Collects what is not as it should be."""

    def __init__(self, most=25):
        self.faults, self.count, self.most, self.where = [], 0, most, ""
        self.compared = {}  # kind of figure -> how many were compared

    def fault(self, text):
        self.count += 1
        if len(self.faults) < self.most:
            self.faults.append(f"{self.where}: {text}")

    def equal(self, what, got, want):
        self.compared[what] = self.compared.get(what, 0) + 1
        if got != want:
            self.fault(f"{what} is {got}, not {want}")

    def near(self, what, got, numerator, denominator, most_ulps):
        self.compared[what] = self.compared.get(what, 0) + 1
        ulps = _exact.ulps(got, numerator, denominator)
        if ulps > most_ulps:
            self.fault(f"{what} is {got!r}, {ulps:.0f} ulp from {numerator / denominator!r}")

    def holds(self, what, is_so, text):
        self.compared[what] = self.compared.get(what, 0) + 1
        if not is_so:
            self.fault(f"{what}: {text}")


class Time:
    """The agent's ticks, and how the wall clock stood at each."""

    def __init__(self):
        self.ticks, self.walls = [], {}
        self.month_starts, self.month_ticks = [], []
        self.short = [0]  # how many ticks came less than a second after the one before

    def add(self, now, wall):
        self.short.append(self.short[-1] + (bool(self.ticks) and now - self.ticks[-1] < SECOND))
        self.ticks.append(now)
        self.stand(now, wall)

    def stand(self, now, wall):
        """How the wall clock stands. A month that came while the agent was away began with all that was not drained yet."""
        self.walls[now] = wall
        start, _ = month_of(wall)
        if not self.month_starts or start > self.month_starts[-1]:
            self.month_ticks.append(self.ticks[-1] if self.month_starts else 0)
            self.month_starts.append(start)

    def month_tick(self, moment):
        """The first tick of the month that it was then; 0: the first month, which began before the first tick."""
        return self.month_ticks[bisect_right(self.month_ticks, moment) - 1]

    def first_tick(self, moment, now):
        """The first one at or after the moment; now, when there is none."""
        at = bisect_left(self.ticks, moment)
        return self.ticks[at] if at < len(self.ticks) else now

    def are_long(self, begin, end):
        """Are all ticks of (begin, end] a second or more after the one before?"""
        return self.short[bisect_right(self.ticks, begin)] == self.short[bisect_right(self.ticks, end)]

    def wall_at(self, tick):
        return self.walls[tick]


def judge_span(judge, time, what, now, span, window, edge, cover, known=0):
    """cover: nothing is known of before. known: not all need be known of before."""
    begin = now - span
    earliest = max(now - window, cover)
    judge.holds(what + " span", begin >= min(earliest, now), f"{span} ns is longer than the window or what is covered")
    latest = max(time.first_tick(now - window + window // edge, now), cover, known)
    judge.holds(what + " span", begin <= max(latest, earliest),
                f"{span} ns; it could reach back to {latest}, not only to {begin}")


def judge_rest(judge, counts, now, published, span, window):
    """What was published before must still be true: nothing came, and nothing that left is held. counts(begin, end) of what matters."""
    begin = published - span
    judge.equal("rest news", any(counts(published, now)), False)
    judge.equal("rest held", any(counts(begin, now - window)), False)


def judge_growth(judge, now, published, span, window):
    """A window of the histogram that is not full yet is shown when it has grown by a hundredth."""
    judge.holds("growth", span >= window or now - published < max(SECOND, window // 100),
                f"published {(now - published) / SECOND:.1f} s ago, with a span of {span / SECOND} s")


# --- percentile windows ----------------------------------------------------------------------------------------------------

def judge_percentiles(judge, log, first, last, error, published, quantiles_ppm):
    exact = log.order_statistics(first, last, quantiles_ppm)
    if exact is None:
        judge.holds("percentile", error == 0.0 and not any(published), f"there are percentiles of nothing: {published}")
        return
    judge.equal("percentile bound", error, _exact.BOUND)
    for ppm, want, got in zip(quantiles_ppm, exact, published):
        least, greatest = _exact.reported(want)
        judge.holds("percentile", least <= got <= greatest, f"{ppm} ppm is {got!r}, of {want}: {least!r} to {greatest!r}")


def judge_peak(judge, time, log, window, first, last, begin, now):
    """Rates between ticks, in thousandths a second, rounded down. Where ticks are a second apart or more that is all there is; else
    no second may be fuller than its fullest part."""
    most = log.highest_rate(first, last)
    if time.are_long(begin, now):
        judge.near("peak", window.peak, most, 1000, 0)
    else:
        judge.holds("peak of fractions", window.peak <= most / 1000, f"{window.peak!r}, and no part had more than {most / 1000!r}")


class Window:
    """A line of figures about one window of a primitive; window 0: the lifetime."""

    def __init__(self, words):
        (self.window, self.span, self.n, self.failures, self.spilled, self.cost, self.savings) = map(int, words[:7])
        self.per_second, self.peak, self.error = map(float.fromhex, words[7:10])
        self.percentiles = list(map(float.fromhex, words[10:]))


def judge_window(judge, time, log, window, now, cover, quantiles_ppm):
    """cover: since when the primitive was known."""
    what = f"{log.name} {window.window // SECOND} s"
    judge.where = f"at {now}, {what}"
    begin = now - window.span
    if window.window:
        judge_span(judge, time, "window", now, window.span, window.window, PERCENTILE_EDGE, cover)
    else:
        judge.equal("lifetime span", begin, cover)
    first = log.until(begin) if window.window else 0
    last = log.until(now)
    judge.equal("window n", window.n, log.n[last] - log.n[first])
    judge.equal("window failures", window.failures, log.failures[last] - log.failures[first])
    judge.equal("window spilled", window.spilled, log.spilled[last] - log.spilled[first])
    judge.equal("window cost", window.cost, log.cost[last] - log.cost[first])
    judge.equal("window savings", window.savings, log.savings[last] - log.savings[first])
    judge.near("window rate", window.per_second, window.n * SECOND, max(window.span, SECOND), 2)
    if window.window:
        judge_peak(judge, time, log, window, first, last, begin, now)
    judge_percentiles(judge, log, first, last, window.error, window.percentiles, quantiles_ppm)


# --- objectives --------------------------------------------------------------------------------------------------------------

class Objective:
    """What was agreed, and since when."""

    def __init__(self, log, name, kind, target, threshold, period, since):
        self.log, self.name, self.kind = log, name, kind
        self.target, self.threshold, self.period, self.since = target, threshold, period, since
        self.former = []  # periods: (until when, which)
        self.states = [None] * len(_exact.PAIRS)
        self.changed = [0] * len(_exact.PAIRS)  # by the wall clock, to firing or from it
        self.open = [None] * len(_exact.PAIRS)  # incident of the pair that fires

    def begin_anew(self, threshold, since):
        """Another threshold: nobody counted how many were good by that. What fires goes on."""
        anew = Objective(self.log, self.name, self.kind, self.target, threshold, self.period, since)
        anew.states, anew.changed, anew.open = self.states, self.changed, self.open
        for incident in filter(None, anew.open):
            incident.bad_before += anew.bad_until(since) - self.bad_until(since)
            incident.objective = anew
        return anew

    def agree(self, now, target, period):
        """As the last tick, now, was over."""
        if period != self.period:
            self.former.append((now, self.period))
        self.target, self.period = target, period

    def known_from(self, time, now):
        """Another period was kept before: its moments lie a hundredth of that one apart. About a hundred moments are kept, so that each new one
        takes one of the old ones' places, the oldest's."""
        known = 0
        for changed, period in self.former:
            earliest = now - self.period * SECOND
            if earliest < changed:
                edge = period * SECOND // SLO_EDGE
                fresh = 2 + (now - changed) // (self.period * SECOND // SLO_EDGE)
                oldest = changed - edge * max(SLO_EDGE - fresh, 0)
                known = max(known, time.first_tick(max(earliest, oldest) + edge, now))
        return known

    def good_until(self, batches):
        if self.kind == LATENCY:
            return self.log.at_most_of(self.threshold)[batches]
        return self.log.n[batches] - self.log.failures[batches]

    def total_until(self, batches):
        return self.log.n[batches] + self.log.aborted[batches]

    def counts(self, begin, end):
        first, last = self.log.until(begin), self.log.until(max(begin, end))
        return (self.good_until(last) - self.good_until(first), self.total_until(last) - self.total_until(first))

    def bad_until(self, moment):
        batches = self.log.until(moment)
        return self.total_until(batches) - self.good_until(batches)

    def length(self, wall):
        return month_of(wall)[1] if self.period == MONTH else self.period

    # ratios as numerator and denominator
    def burn_rate(self, good, total, seconds, wall):
        """seconds: of the window; that of executions is of what they were, whatever it covers."""
        return _exact.burn_rate(self.target, good, total)

    def remaining(self, good, total):
        return _exact.remaining(self.target, good, total)

    def has_data(self, total):
        return total > 0

    def expected_state(self, pair, windows, gate, wall):
        """windows: seconds -> (good, total), exactly as published; they are compared elsewhere."""
        _, long_s, short_s = _exact.PAIRS[pair]
        length = self.length(wall)
        if long_s > length:
            return NONE
        numerator, denominator = _exact.factor(pair, length)
        if numerator * (PPB - self.target) >= PPB * denominator:
            return CANNOT_FIRE
        if windows[long_s][1] == 0:
            return NO_DATA
        if windows[long_s][1] < gate:
            return GATED
        for good, total in (windows[long_s], windows[short_s]):
            burnt, burnable = _exact.burn_rate(self.target, good, total)
            if burnt * denominator <= numerator * burnable:
                return QUIET
        return FIRING


class Budget(Objective):
    """What a period may cost: the target is an amount of nano-dollars, and nothing that was spent is good."""

    def good_until(self, batches):
        return 0

    def total_until(self, batches):
        return self.log.cost[batches]

    def burn_rate(self, good, total, seconds, wall):
        return _exact.spend_rate(self.target, self.length(wall), total, seconds)

    def remaining(self, good, total):
        return self.target - total, self.target

    def has_data(self, total):
        return True

    def expected_state(self, pair, windows, gate, wall):
        """More than the share of the amount within the long window, and as fast within the short one."""
        share, long_s, short_s = _exact.PAIRS[pair]
        if long_s > self.length(wall):
            return NONE
        exceed = (windows[s][1] * _exact.PPM * long_s > share * self.target * s for s in (long_s, short_s))
        return FIRING if all(exceed) else QUIET


class ObjectiveLine:
    """What was published of one objective at one moment."""

    def __init__(self, words):
        self.name = words[0]
        (self.kind, self.target, self.threshold, self.period, self.span, self.good, self.total, self.allowed,
         self.exact_since, self.since, self.present) = map(int, words[1:12])
        self.compliance, self.remaining, self.burn, self.exhaustion = map(float.fromhex, words[12:16])
        self.windows = []
        at = 16
        for _ in SLO_WINDOWS:
            self.windows.append((int(words[at]), int(words[at + 1]), int(words[at + 2]), int(words[at + 3]),
                                 float.fromhex(words[at + 4])))
            at += 5
        self.alerts = []
        for _ in _exact.PAIRS:
            self.alerts.append((int(words[at]), int(words[at + 1]), int(words[at + 2]), int(words[at + 3]),
                                float.fromhex(words[at + 4]), int(words[at + 5])))
            at += 6


    def spans(self):
        """(length in seconds, span in ns) of all windows and of a rolling period."""
        yield from ((seconds, span) for seconds, span, *_ in self.windows if seconds)
        if self.period != MONTH:
            yield self.period, self.span


def judge_counts(judge, what, objective, begin, now, good, total, exact_since):
    want_good, want_total = objective.counts(begin, now)
    judge.equal(what + " total", total, want_total)
    if objective.kind == LATENCY and exact_since > begin:
        # what spilled before the bound was known counts as above it, and the line says so
        log = objective.log
        spilled = log.spilled[log.until(exact_since)] - log.spilled[log.until(begin)]
        judge.holds(what + " good", want_good - spilled <= good <= want_good, f"{good}, not {want_good} less {spilled}")
    else:
        judge.equal(what + " good", good, want_good)
        judge.holds(what + " good", objective.kind == LATENCY or exact_since == 0, "exact only since a while")


def judge_spend(judge, what, objective, line):
    judge.equal(what + " allowed", (line.allowed, line.compliance), (0, 0.0))
    judge.near(what + " burn", line.burn, line.total, objective.target, 2)
    judge.near(what + " remaining", line.remaining, *objective.remaining(line.good, line.total), 2)


def judge_ratios(judge, what, objective, line):
    if objective.kind == SPEND:
        judge_spend(judge, what, objective, line)
        return
    if line.total == 0:
        judge.holds(what, line.compliance == line.remaining == line.burn == 0.0, "ratios of nothing")
        judge.equal(what + " allowed", line.allowed, 0)
        return
    judge.equal(what + " allowed", line.allowed, _exact.allowed(objective.target, line.total))
    judge.near(what + " compliance", line.compliance, line.good, line.total, 0)
    judge.near(what + " burn", line.burn, *_exact.burn_rate(objective.target, line.good, line.total), 2)
    judge.near(what + " remaining", line.remaining, *_exact.remaining(objective.target, line.good, line.total), 2)


def judge_period(judge, time, objective, line, now):
    if objective.period == MONTH:
        judge_month(judge, time, objective, line, now)
    else:
        known = objective.known_from(time, now)
        judge_span(judge, time, "period", now, line.span, objective.period * SECOND, SLO_EDGE, objective.since, known)
    judge_counts(judge, "period", objective, now - line.span, now, line.good, line.total, line.exact_since)
    judge_ratios(judge, "period", objective, line)


def judge_month(judge, time, objective, line, now):
    """From the first tick of the month on, or from when the objective began. A month has come when the wall clock first showed it; a clock that
    is set back does not bring the last one back."""
    judge.equal("month span", line.span, now - max(time.month_tick(now), objective.since))


def judge_windows(judge, time, objective, line, now, wall):
    """The seven windows; their counts by their length."""
    windows = {}
    length = objective.length(wall)
    for seconds, (window_s, span, good, total, burn) in zip(SLO_WINDOWS, line.windows):
        judge.where = f"at {now}, {objective.log.name} {objective.name} {seconds} s"
        if seconds > length:
            judge.equal("slo window", (window_s, span, good, total, burn), (0, 0, 0, 0, 0.0))
            continue
        judge.equal("slo window", window_s, seconds)
        judge_span(judge, time, "slo window", now, span, seconds * SECOND, SLO_EDGE, objective.since)
        judge_counts(judge, "slo window", objective, now - span, now, good, total, line.exact_since)
        if total:
            judge.near("slo window burn", burn, *objective.burn_rate(good, total, seconds, wall), 2)
        else:
            judge.equal("slo window burn", burn, 0.0)
        windows[seconds] = (good, total)
    judge.where = f"at {now}, {objective.log.name} {objective.name}"
    return windows


def judge_exhaustion(judge, objective, line, windows, wall):
    """From what remains of the budget, at the burn rate of the last hour."""
    good, total = windows[3600]
    judge.equal("no data", bool(line.present & 2), not objective.has_data(total))
    judge.equal("is money", bool(line.present & 4), objective.kind == SPEND)
    left, budget = objective.remaining(line.good, line.total)
    burnt, burnable = objective.burn_rate(good, total, 3600, wall)
    lasts = left > 0 and burnt > 0  # it burns, and is not spent yet
    judge.equal("exhaustion exists", line.present & 1, 1 if objective.has_data(line.total) and (left <= 0 or burnt > 0) else 0)
    want = (left * burnable * objective.length(wall), budget * burnt) if lasts else (0, 1)
    judge.near("exhaustion", line.exhaustion, *want, 4)


# --- incidents -----------------------------------------------------------------------------------------------------------------

class Incident:
    def __init__(self, objective, pair, now, wall, burn):
        self.objective, self.pair = objective, pair
        self.began_wall, self.ended_wall = wall, 0
        self.bad_before, self.bad, self.peak = objective.bad_until(now), 0, burn

    def row(self):
        return (self.began_wall, self.ended_wall, self.bad, self.peak, self.pair, self.objective.kind,
                self.objective.name, self.objective.log.name)


def step_alerts(judge, objective, line, windows, gate, now, wall, is_judged, incidents):
    """The state of each pair, and the incidents that begin and end with it. Pairs are judged once a second: unless it is sure that they were
    in this tick, what stood a moment ago may still stand."""
    for pair, (long_s, short_s, share, state, factor, since_wall) in enumerate(line.alerts):
        want = objective.expected_state(pair, windows, gate, wall)
        if not is_judged and state == objective.states[pair]:
            want = state
        judge.equal("alert state", state, want)
        if want != NONE:
            judge.equal("alert pair", (share, long_s, short_s), _exact.PAIRS[pair])
            judge.near("alert factor", factor, *_exact.factor(pair, objective.length(wall)), 0)
        step_incident(objective, pair, want, line, now, wall, incidents)
        judge.equal("alert since", since_wall, objective.changed[pair])
        objective.states[pair] = want


def step_incident(objective, pair, want, line, now, wall, incidents):
    burn = line.windows[SLO_WINDOWS.index(_exact.PAIRS[pair][1])][4]
    incident = objective.open[pair]
    if want == FIRING and incident is None:
        objective.changed[pair] = wall
        objective.open[pair] = Incident(objective, pair, now, wall, burn)
        incidents.append(objective.open[pair])
    elif incident is not None:
        incident.bad = objective.bad_until(now) - incident.bad_before
        if want == FIRING:
            incident.peak = max(incident.peak, burn)
        else:
            incident.ended_wall = objective.changed[pair] = wall
            objective.open[pair] = None
