#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An independent model of every figure about time: reads on its standard input what was recorded and what the agent published, in the order in
which both happened, and says where the figures are not what the events say. It shares no line with the agent: counts are taken from the log of
events, ratios are fractions of whole numbers, months come from Python's own calendar.

Lines, words apart by blanks; times in ns; doubles as hexadecimal, so that no digit is lost:

    start NOW GATE                                 the agent began; alerts with fewer events than GATE in their long window don't fire
    quantiles PPM ...                              of each window, as they are printed
    windows NS ...                                 that the agent keeps
    values P NAME DURATION ...                     the primitive with number P, and the durations that its events may have
    objective P NAME KIND TARGET THRESHOLD PERIOD  agreed, or changed, since the last tick; of a money budget TARGET is an amount
    death P COUNT                                  a process died with so many executions under way
    t NOW WALL                                     a tick: all that was recorded before is booked. The lines below are about it
    return NOW WALL                                the agent is back, and published what it found; nothing is drained yet
    e P COST SAVINGS SPILLED ABORTED V:S:F ...     recorded since the last tick: duration V, so many successes and failures.
                                                   SPILLED, ABORTED: since the start
    w P PUBLISHED WINDOW SPAN N ...                a window as published; WINDOW 0: the lifetime
    s P PUBLISHED NAME KIND ...                    an objective as published
    f P PUBLISHED COUNT ...                        totals as published
    i COUNT NUMBER BEGAN ...                       one of the COUNT incidents as published; it is new or has changed
    end                                            nothing was cut off

Exit status: 0 when all of it is right, 1 with the first faults on the standard output otherwise."""
import sys

import _exact
import _judge
from _exact import SECOND


class Primitive:
    def __init__(self, name, values, cover):
        self.log, self.cover = _exact.Log(name, values), cover
        self.objectives = {}
        self.aborted = 0  # that are known from elsewhere


class Model:
    def __init__(self):
        self.judge, self.time = _judge.Judge(), _judge.Time()
        self.primitives, self.incidents, self.told = {}, [], {}
        self.quantiles, self.order, self.windows = [], [], set()
        self.gate, self.start, self.before, self.now, self.wall, self.is_whole = 0, 0, 0, 0, 0, False

    def read(self, lines):
        takers = {name[5:]: getattr(self, name) for name in dir(self) if name.startswith("take_")}
        for line in lines:
            words = line.split()
            takers[words[0]](words[1:])
        self.judge.holds("log", self.is_whole, "it was cut off")

    # --- what was agreed and recorded ---------------------------------------------------------------------------------------

    def last_tick(self):
        return self.time.ticks[-1] if self.time.ticks else self.start

    def take_start(self, words):
        self.start, self.gate = map(int, words)

    def take_quantiles(self, words):
        ppm = list(map(int, words))
        self.order = sorted(range(len(ppm)), key=ppm.__getitem__)
        self.quantiles = [ppm[i] for i in self.order]

    def take_windows(self, words):
        self.windows = {0, *map(int, words)}

    def take_values(self, words):
        self.primitives[words[0]] = Primitive(words[1], list(map(int, words[2:])), self.last_tick())

    def take_objective(self, words):
        primitive = self.primitives[words[0]]
        name = words[1]
        kind, target, threshold, period = map(int, words[2:])
        known = primitive.objectives.get(name)
        if known is None and kind == _judge.SPEND:
            since = self.last_tick() if primitive.log.cost[-1] else primitive.cover  # nothing spent: as if it were from the beginning
            known = _judge.Budget(primitive.log, name, kind, target, threshold, period, since)
        elif known is None:
            known = _judge.Objective(primitive.log, name, kind, target, threshold, period, self.last_tick())
        elif known.threshold != threshold:
            known = known.begin_anew(threshold, self.last_tick())
        known.agree(self.last_tick(), target, period)
        primitive.objectives[name] = known

    def take_death(self, words):
        self.primitives[words[0]].aborted += int(words[1])

    def take_t(self, words):
        self.before = self.last_tick()
        self.now, self.wall = map(int, words)
        self.time.add(self.now, self.wall)

    def take_return(self, words):
        self.before = self.last_tick()
        self.now, self.wall = map(int, words)
        self.time.stand(self.now, self.wall)

    def take_e(self, words):
        cost, savings, spilled, aborted = map(int, words[1:5])
        entries = [tuple(map(int, word.split(":"))) for word in words[5:]]
        self.primitives[words[0]].log.add(self.before, self.now, entries, cost, savings, spilled, aborted)

    # --- what was published ---------------------------------------------------------------------------------------------------

    def take_w(self, words):
        primitive, published = self.primitives[words[0]], int(words[1])
        window = _judge.Window(words[2:])
        self.judge.holds("window", window.window in self.windows, f"there is none of {window.window} ns")
        window.percentiles = [window.percentiles[i] for i in self.order]
        _judge.judge_window(self.judge, self.time, primitive.log, window, published, primitive.cover, self.quantiles)
        if published != self.now and window.window:
            _judge.judge_rest(self.judge, primitive.log.grown, self.now, published, window.span, window.window)
            _judge.judge_growth(self.judge, self.now, published, window.span, window.window)

    def take_s(self, words):
        primitive, published = self.primitives[words[0]], int(words[1])
        line = _judge.ObjectiveLine(words[2:])
        objective = primitive.objectives[line.name]
        wall = self.time.wall_at(published)
        self.judge.where = f"at {published}, {primitive.log.name} {line.name}"
        self.judge.equal("agreement", (line.kind, line.target, line.threshold, line.period, line.since),
                         (objective.kind, objective.target, objective.threshold, objective.period, objective.since))
        _judge.judge_period(self.judge, self.time, objective, line, published)
        windows = _judge.judge_windows(self.judge, self.time, objective, line, published, wall)
        _judge.judge_exhaustion(self.judge, objective, line, windows, wall)
        if published == self.now:
            _judge.step_alerts(self.judge, objective, line, windows, self.gate, published, wall,
                               self.now - self.before >= SECOND, self.incidents)
        else:
            for seconds, span in line.spans():
                _judge.judge_rest(self.judge, objective.counts, self.now, published, span, seconds * SECOND)

    def take_f(self, words):
        log = self.primitives[words[0]].log
        self.judge.where = f"at {self.now}, {log.name}"
        names = ["count", "failures", "aborted", "spilled", "min", "max", "sum", "sum above 2^64", "cost", "savings"]
        want = [log.n[-1], log.failures[-1], log.aborted[-1], log.spilled[-1], log.least or 0, log.greatest or 0,
                log.sum % 2**64, log.sum >> 64, log.cost[-1], log.savings[-1]]
        for name, got, exact in zip(names, map(int, words[2:12]), want):
            self.judge.equal("total " + name, got, exact)
        mean, savings_rate = map(float.fromhex, words[12:14])
        if log.n[-1]:
            self.judge.near("mean", mean, log.sum, log.n[-1], 2)
        if log.cost[-1] + log.savings[-1]:
            self.judge.near("savings rate", savings_rate, log.savings[-1], log.cost[-1] + log.savings[-1], 2)

    def take_i(self, words):
        count, number = int(words[0]), int(words[1])
        got = (int(words[2]), int(words[3]), int(words[4]), float.fromhex(words[5]), int(words[6]), int(words[7]), words[8],
               words[9])
        self.judge.where = f"at {self.now}, incident {number}"
        self.judge.equal("number of incidents", count, len(self.incidents))
        if number < len(self.incidents):
            self.judge.equal("incident", got, self.incidents[number].row())
            self.told[number] = got

    def take_end(self, _):
        for primitive in self.primitives.values():
            self.judge.equal("aborted in the end", primitive.log.aborted[-1], primitive.aborted)
        for number, incident in enumerate(self.incidents):
            self.judge.equal("incident in the end", self.told.get(number), incident.row())
        self.is_whole = True


def main():
    model = Model()
    model.read(sys.stdin)
    judge = model.judge
    for text in judge.faults:
        print(text)
    ticks = len(model.time.ticks)
    print(f"{ticks} ticks, {len(model.incidents)} incidents, {sum(judge.compared.values())} comparisons, {judge.count} faults")
    if "--figures" in sys.argv:
        for what, count in sorted(judge.compared.items()):
            print(f"  {count:10} {what}")
    return 1 if judge.count else 0


if __name__ == "__main__":
    sys.exit(main())
