# SPDX-License-Identifier: Apache-2.0
"""What is exactly true of a log of events: counts between two moments, order statistics, ratios as fractions.

Nothing here knows of slices, marks, cells or journals. Intervals are half open, (begin, end]: what was recorded between two ticks is drained at
the later one, and is an event of that moment. A window that covers `span` up to `now` holds the events of (now - span, now]: not those
of the tick at which it begins, for these were recorded before that."""
import decimal
import functools
import math
from bisect import bisect_right
from fractions import Fraction

PPM, PPB, SECOND = 10**6, 10**9, 10**9
BOUND = 0.0108301  # of the relative error of a percentile: (g - 1)/(g + 1) at g = 2^(1/32), rounded up
ROW = 64  # batches between two rows of cumulative counts by value


class Log:
    """The events of one primitive: a batch for each tick at which some were drained."""

    def __init__(self, name, values):
        self.name, self.values = name, values  # durations in ns; events name them by their index
        self.ascending = sorted(range(len(values)), key=values.__getitem__)
        self.times, self.batches = [], []
        self.rates, self.highest = [], []  # thousandths of an event a second since the tick before; the highest of each ROW
        self.n, self.failures, self.spilled = [0], [0], [0]
        self.aborted, self.cost, self.savings = [0], [0], [0]
        self.rows = [[0] * len(values)]
        self.at_most = {}  # threshold -> cumulative executions that took at most that
        self.least, self.greatest, self.sum = None, None, 0

    def add(self, before, now, entries, cost, savings, spilled, aborted):
        """before: the last tick; entries: (value, successes, failures); spilled and aborted: since the log began."""
        self.times.append(now)
        self.batches.append(entries)
        failures = sum(f for _, _, f in entries)
        self.n.append(self.n[-1] + failures + sum(s for _, s, _ in entries))
        self.failures.append(self.failures[-1] + failures)
        self.rates.append((self.n[-1] - self.n[-2]) * 1000 * SECOND // (now - before))
        self.spilled.append(spilled)
        self.aborted.append(aborted)
        self.cost.append(self.cost[-1] + cost)
        self.savings.append(self.savings[-1] + savings)
        for threshold, counts in self.at_most.items():
            counts.append(counts[-1] + self.good_in(entries, threshold))
        if len(self.batches) % ROW == 0:
            self.highest.append(max(self.rates[-ROW:]))
            self.rows.append(self.count_values(self.rows[-1][:], len(self.batches) - ROW, len(self.batches)))
        for value, s, f in entries:
            duration = self.values[value]
            self.sum += duration * (s + f)
            self.least = duration if self.least is None else min(self.least, duration)
            self.greatest = duration if self.greatest is None else max(self.greatest, duration)

    def good_in(self, entries, threshold):
        return sum(s + f for value, s, f in entries if self.values[value] <= threshold)

    def at_most_of(self, threshold):
        """The cumulative counts of those that took at most threshold."""
        counts = self.at_most.get(threshold)
        if counts is None:
            counts = [0]
            for entries in self.batches:
                counts.append(counts[-1] + self.good_in(entries, threshold))
            self.at_most[threshold] = counts
        return counts

    def until(self, moment):
        """How many batches had been drained by then, those of that very moment among them."""
        return bisect_right(self.times, moment)

    def grown(self, begin, end):
        """Executions and money of (begin, end]; none when it ends before it begins."""
        first, last = self.until(begin), self.until(max(begin, end))
        return (self.n[last] - self.n[first], self.cost[last] - self.cost[first], self.savings[last] - self.savings[first])

    def count_values(self, counts, first, last):
        for entries in self.batches[first:last]:
            for value, s, f in entries:
                counts[value] += s + f
        return counts

    def values_until(self, batches):
        return self.count_values(self.rows[batches // ROW][:], batches // ROW * ROW, batches)

    def highest_rate(self, first, last):
        """Among the batches [first, last); 0 when there are none."""
        row, end = -(-first // ROW), last // ROW
        if row >= end:
            return max(self.rates[first:last], default=0)
        return max(max(self.rates[first:row * ROW], default=0), max(self.highest[row:end]),
                   max(self.rates[end * ROW:last], default=0))

    def order_statistics(self, first, last, quantiles_ppm):
        """The samples of the nearest ranks among the batches [first, last), exactly; quantiles ascending; None: there are none."""
        if last - first < 2 * ROW:
            counts = self.count_values([0] * len(self.values), first, last)
        else:
            counts = [b - a for a, b in zip(self.values_until(first), self.values_until(last))]
        pairs = [(self.values[i], counts[i]) for i in self.ascending if counts[i]]
        total = sum(counts)
        if total == 0:
            return None
        found, below, at = [], 0, 0
        for ppm in quantiles_ppm:
            rank = max(1, -(-ppm * total // PPM))
            while below + pairs[at][1] < rank:
                below += pairs[at][1]
                at += 1
            found.append(pairs[at][0])
        return found


# --- buckets ----------------------------------------------------------------------------------------------------------------

def bucket_key(duration):
    """The k of (2^((k-1)/32), 2^(k/32)] seconds that holds so many nanoseconds, by whole numbers alone."""
    power, scale = duration**32, SECOND**32
    k = power.bit_length() - scale.bit_length()
    k -= 2
    while (power > scale << k) if k >= 0 else (power << -k > scale):
        k += 1
    return k


@functools.cache
def bucket_estimate(duration):
    """What a percentile that falls on this duration is reported as: 2ab/(a+b) of its bucket, in ns, to forty digits."""
    if duration == 0:
        return Fraction(0)
    k = bucket_key(duration)
    with decimal.localcontext() as context:
        context.prec = 40
        a, b = (decimal.Decimal(2)**(decimal.Decimal(edge) / 32) for edge in (k - 1, k))
        return Fraction(2 * a * b / (a + b) * SECOND)


@functools.cache
def reported(duration):
    """The doubles that may be reported for this duration, the least and the greatest: four units in the last place to each side of the
    estimate, all of them within the bound."""
    estimate = bucket_estimate(duration)
    want = estimate.numerator / estimate.denominator
    least, greatest = want - 4 * math.ulp(want), want + 4 * math.ulp(want)
    if duration == 0:
        return 0.0, 0.0
    assert all(abs(Fraction(edge) - duration) <= Fraction(BOUND) * duration for edge in (least, greatest))
    return least, greatest


# --- ratios -----------------------------------------------------------------------------------------------------------------

def ulps(got, numerator, denominator=1):
    """By how many units in the last place a double is off the exact fraction's own double."""
    want = numerator / denominator  # of integers: rounded correctly, whatever their size
    return abs(got - want) / math.ulp(want) if got != want else 0.0


def burn_rate(target, good, total):
    """(1 - compliance) / (1 - target), as numerator and denominator; target in parts per billion."""
    return (total - good) * PPB, total * (PPB - target)


def remaining(target, good, total):
    """1 - burn rate, likewise."""
    spent, budget = burn_rate(target, good, total)
    return budget - spent, budget


def spend_rate(amount, period, spent, seconds):
    """(spent / window) / (amount / period), likewise."""
    return spent * period, amount * seconds


def allowed(target, total):
    return (PPB - target) * total // PPB


# share of the budget in ppm, long and short window in seconds: "Alerting on SLOs" of the SRE workbook
PAIRS = [(20000, 3600, 300), (50000, 21600, 1800), (100000, 86400, 7200), (100000, 259200, 21600)]


def factor(pair, period):
    """share * period / long window, as numerator and denominator."""
    share, long_s, _ = PAIRS[pair]
    return share * period, PPM * long_s
