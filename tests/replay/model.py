#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The model of the replays is right where arithmetic is known, and notices each figure that is off by one."""
import os
import sys
import unittest
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import _exact
import _judge
import _model
from _exact import SECOND

DAY = 86400


class Arithmetic(unittest.TestCase):
    """The examples of the SRE workbook, as arithmetic has them."""

    def test_allowed_failures(self):
        self.assertEqual(_exact.allowed(970000000, 3663253), 109897)

    def test_a_burn_of_36_spends_5_percent_of_30_days_in_an_hour(self):
        spent = Fraction(36) * Fraction(3600, 30 * DAY)
        self.assertEqual(spent, Fraction(5, 100))

    def test_one_failure_in_ten_an_hour_is_a_hundredfold_burn(self):
        burn = Fraction(*_exact.burn_rate(999000000, 9, 10))
        self.assertEqual(burn, 100)
        self.assertEqual(round(float(burn * 3600 / (30 * DAY)), 3), 0.139)

    def test_factors(self):
        factors = [Fraction(*_exact.factor(pair, 30 * DAY)) for pair in range(4)]
        self.assertEqual(factors, [Fraction(144, 10), 6, 3, 1])
        factors = [round(float(Fraction(*_exact.factor(pair, 28 * DAY))), 3) for pair in range(4)]
        self.assertEqual(factors, [13.44, 5.6, 2.8, 0.933])

    def test_ulps(self):
        self.assertEqual(_exact.ulps(0.1, 1, 10), 0)
        self.assertEqual(_exact.ulps(0.1 + 2**-56, 1, 10), 1)

    def test_order_statistics(self):
        log = _exact.Log("x", [30, 10, 20])
        for at in range(300):  # 10, 20, 30, 10, ...
            log.add(at - 1, at, [((at + 1) % 3, 1, 0)], 0, 0, 0, 0)
        self.assertEqual(log.order_statistics(0, 300, [0, 333333, 333334, 666667, 999999]), [10, 10, 20, 30, 30])
        self.assertEqual(log.order_statistics(0, 3, [333333, 333334, 1000000]), [10, 20, 30])
        self.assertEqual(log.order_statistics(100, 101, [500000]), [20])
        self.assertIsNone(log.order_statistics(7, 7, [500000]))

    def test_buckets(self):
        self.assertEqual(_exact.bucket_key(SECOND), 0)
        self.assertEqual(_exact.bucket_key(SECOND + 1), 1)
        self.assertEqual(_exact.bucket_key(2 * SECOND), 32)
        self.assertEqual(_exact.bucket_key(1), -956)
        self.assertEqual(_exact.bucket_key(2**52 - 1), 708)
        for duration in (1, 46, 47, 12345, SECOND, 2**52 - 1):
            self.assertLess(abs(_exact.bucket_estimate(duration) / duration - 1), Fraction(_exact.BOUND))

    def test_months(self):
        wall = 1835481599  # 2028-02-29 23:59:59
        self.assertEqual(_judge.month_of(wall * SECOND), (1832976000, 29 * DAY))
        self.assertEqual(_judge.month_of((wall + 1) * SECOND), (wall + 1, 31 * DAY))


# --- a small diary that is right ----------------------------------------------------------------------------------------------

GATE, STEP, FROM, WALL = 20, 60, 1000 * SECOND, 1831075200 * SECOND
WINDOWS = [60, 3600]


def hexed(numerator, denominator=1):
    return (numerator / denominator).hex() if denominator else (0.0).hex()


def window_line(log, now, window):
    begin = max(now - window * SECOND, FROM) if window else FROM
    i, j = log.until(begin), log.until(now)
    n = log.n[j] - log.n[i]
    exact = log.order_statistics(i, j, [500000, 990000])
    words = ["w", "0", now, window * SECOND, now - begin, n, log.failures[j] - log.failures[i],
             log.spilled[j] - log.spilled[i], log.cost[j] - log.cost[i], log.savings[j] - log.savings[i],
             hexed(n * SECOND, now - begin), hexed(10 * 1000 // STEP / 1000 if window else 0), hexed(0.0108301 if n else 0)]
    return words + [hexed(*_exact.bucket_estimate(v).as_integer_ratio()) for v in exact or [0, 0]]


def objective_line(objective, now, firing, changed):
    def since(seconds):
        begin = max(now - seconds * SECOND, FROM)
        return (now - begin, *objective.counts(begin, now))

    is_money = objective.kind == _judge.SPEND

    def burn(good, total, seconds):
        return hexed(*objective.burn_rate(good, total, seconds, 0)) if total else hexed(0)

    span, good, total = since(objective.period)
    hour = since(3600)
    left = Fraction(*objective.remaining(good, total))
    has = bool(left <= 0 or hour[1] < hour[2])
    lasts = left * objective.period / Fraction(*objective.burn_rate(*hour[1:], 3600, 0)) if has and left > 0 else Fraction(0)
    words = ["s", "0", now, objective.name, objective.kind, objective.target, objective.threshold, objective.period, span,
             good, total, 0 if is_money else _exact.allowed(objective.target, total), 0, FROM, int(has) + 4 * is_money,
             hexed(0) if is_money else hexed(good, total), hexed(*left.as_integer_ratio()),
             hexed(total, objective.target) if is_money else burn(good, total, None), hexed(*lasts.as_integer_ratio())]
    for seconds in _judge.SLO_WINDOWS:
        span, good, total = since(seconds)
        words += [seconds, span, good, total, burn(good, total, seconds)]
    for pair, (share, long_s, short_s) in enumerate(_exact.PAIRS):
        windows = {s: since(s)[1:] for s in (long_s, short_s)}
        factor = Fraction(*_exact.factor(pair, objective.period))
        bad = all(Fraction(*objective.burn_rate(good, total, s, 0)) > factor for s, (good, total) in windows.items())
        gated = windows[long_s][1] < GATE and not is_money
        state = _judge.GATED if gated else _judge.FIRING if bad else _judge.QUIET
        if firing[pair] != (state == _judge.FIRING):
            firing[pair], changed[pair] = not firing[pair], WALL + now
        words += [long_s, short_s, share, state, hexed(*_exact.factor(pair, objective.period)), changed[pair]]
    return words


def diary():
    """Ten executions a minute, of which two fail for a quarter of an hour; a target of 90 % over 7 days; 7 nano-dollars a minute, of which
    10,000 in 7 days are allowed. Returns its lines."""
    log = _exact.Log("work", [5 * 10**6, 10**9])
    objective = _judge.Objective(log, "up", _judge.AVAILABILITY, 900000000, 0, 7 * DAY, FROM)
    lines = [["start", FROM, GATE], ["quantiles", 500000, 990000],
             ["windows", *(window * SECOND for window in WINDOWS)], ["values", 0, "work", 5 * 10**6, 10**9],
             ["objective", 0, "up", 2, 900000000, 0, 7 * DAY], ["objective", 0, "pay", 3, 10000, 0, 7 * DAY]]
    budget = _judge.Budget(log, "pay", _judge.SPEND, 10000, 0, 7 * DAY, FROM)
    rows, now = [], FROM
    followed = [(objective, [False] * 4, [0] * 4), (budget, [False] * 4, [0] * 4)]  # and which pairs fire, since when
    for step in range(80):
        now += STEP * SECOND
        failures = 2 if 5 <= step < 20 else 0
        wall = WALL + now
        log.add(now - STEP * SECOND, now, [(0, 8, 0), (1, 2 - failures, failures)], 7, 1, step // 9, 0)
        lines += [["t", now, wall], ["e", 0, 7, 1, step // 9, 0, "0:8:0", f"1:{2 - failures}:{failures}"]]
        for one, firing, changed in followed:
            before = firing[:]
            lines.append(objective_line(one, now, firing, changed))
            for pair in range(4):
                if firing[pair] and not before[pair]:
                    rows.append([wall, 0, one.bad_until(now), 0.0, pair, now, one])
                for row in rows:
                    if row[4] == pair and row[1] == 0 and row[6] is one:
                        long_s = _exact.PAIRS[pair][1]
                        row[5] = one.bad_until(now) - row[2]
                        if firing[pair]:
                            burn = one.burn_rate(*one.counts(max(now - long_s * SECOND, FROM), now), long_s, 0)
                            row[3] = max(row[3], burn[0] / burn[1])
                        else:
                            row[1] = wall
        lines += [window_line(log, now, window) for window in [0] + WINDOWS]
        if step % 10 == 9:
            lines += [["f", 0, now, log.n[-1], log.failures[-1], 0, step // 9, 5 * 10**6, 10**9, log.sum, 0, log.cost[-1],
                       log.savings[-1], hexed(log.sum, log.n[-1]), hexed(1, 8)]]
            if rows:
                lines += [["i", len(rows), number, row[0], row[1], row[5], hexed(row[3]), row[4], row[6].kind, row[6].name, "work"]
                          for number, row in enumerate(rows)]
    return lines + [["end"]]


def judged(lines):
    model = _model.Model()
    model.read(" ".join(map(str, line)) for line in lines)
    return model


class Notices(unittest.TestCase):
    def test_nothing_is_wrong_with_what_is_right(self):
        model = judged(diary())
        self.assertEqual(model.judge.faults, [])
        self.assertGreater(len(model.incidents), 0)

    def test_every_figure_that_is_off(self):
        """One number after the other, in every kind of line that an agent publishes."""
        lines = diary()
        tried = 0
        for kind in "wsfi":
            for at in [i for i, line in enumerate(lines) if line[0] == kind][-2 if kind == "s" else -1:]:
                is_money = lines[at][3] == "pay"  # whose further windows and pairs are as those of the other objective
                for word in range(3, 25 if is_money else len(lines[at])):
                    self.off_by_one(lines, at, word, kind)
                    tried += 1
        self.assertGreater(tried, 100)

    def off_by_one(self, lines, at, word, kind):
        text = str(lines[at][word])
        if text.lstrip("-").startswith("0x"):
            changed = (float.fromhex(text) * (1 + 2**-45) + 1e-300).hex()
        elif text.lstrip("-").isdigit():
            changed = str(int(text) + 1)
        else:
            return
        broken = lines[:at] + [lines[at][:word] + [changed] + lines[at][word + 1:]] + lines[at + 1:]
        with self.subTest(kind=kind, word=word, text=text, changed=changed):
            self.assertGreater(judged(broken).judge.count, 0)


if __name__ == "__main__":
    unittest.main()
