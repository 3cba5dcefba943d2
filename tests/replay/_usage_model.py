#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a million usages cost, with exact fractions: reads the story of usage_test.c from standard input, makes the same usages with
the same generator, prices them by the cards as docs/prices.md says, and compares each published figure. Ends with 0 when all agree.

Nothing of the agent's arithmetic is here: no pico-dollars, no remainders, no batches. Usage is summed by stretches of one price, a
stretch is priced once, by fractions of a dollar, and only the end is cut off at a nano-dollar."""
import calendar
import fnmatch
import re
import sys
import time
from collections import defaultdict
from fractions import Fraction

MASK = 2**64 - 1
UNITS = ["input", "output", "cached_input", "cache_write", "reasoning", "audio_input", "audio_output", "images", "characters",
         "milliseconds", "bytes", "requests"]
MANY = {"1": 1, "1k": 10**3, "1M": 10**6, "1G": 10**9, "second": 1000, "minute": 60000, "hour": 3600000}


def read_card(text):
    """[(name, [(from, {unit: dollars})])], for the YAML that the story writes."""
    card = []
    for line in text.splitlines()[1:]:
        indent = len(line) - len(line.lstrip(" "))
        key, _, value = line.strip().removeprefix("- ").partition(":")
        value = value.strip()
        if indent == 2:
            card.append((key, []))
        elif key == "prices":
            continue
        else:
            prices = card[-1][1]
            if line.lstrip().startswith("- ") or not prices:
                prices.append([0, {}])
            if key == "from":
                prices[-1][0] = calendar.timegm(time.strptime(value, "%Y-%m-%d"))
            else:
                amount, many = re.fullmatch(r"([0-9.]+)(?: per (\w+))?", value).groups()
                unit = "milliseconds" if key == "seconds" else key
                prices[-1][1][unit] = Fraction(amount) / MANY[many or "1"]
    return card


def price_of(card, resource, wall):
    """{unit: dollars}, or None."""
    entry = next((e for e in card if e[0] == resource), None) or \
        next((e for e in card if "*" in e[0] and fnmatch.fnmatchcase(resource, e[0])), None)
    valid = [prices for start, prices in entry[1] if start <= wall] if entry else []
    if not valid:
        return None
    price = dict(valid[-1])
    for unit, other in (("reasoning", "output"), ("cached_input", "input"), ("cache_write", "input")):
        if unit not in price and other in price:
            price[unit] = price[other]
    return price


class Account:
    def __init__(self):
        self.usages = self.unpriced = 0
        self.units = defaultdict(int)
        self.waiting = defaultdict(int)
        self.cost = self.savings = Fraction(0)

    def settle(self, price):
        """Everything that waits, at this price."""
        for unit in [u for u in self.waiting if price and u in price]:
            count = self.waiting.pop(unit)
            self.cost += count * price[unit]
            if unit == "cached_input" and "input" in price:
                self.savings += count * max(Fraction(0), price["input"] - price[unit])


def add_run(accounts, resources, count, state):
    """The usages of a run: {(primitive, resource): [usages, {unit: count}]}."""
    grown = {}
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        key = (state >> 62) * 16 + (state >> 55 & 0x7f) % len(resources)
        sums = grown.get(key)
        if sums is None:
            sums = grown[key] = [0] * 6
        sums[0] += 1
        sums[1] += state >> 40 & 0x7fff
        sums[2] += state >> 28 & 0xfff
        sums[3] += state >> 18 & 0x3ff
        sums[4] += state >> 10 & 0xff
        sums[5] += state >> 20 & 0x1fff
    for key, (usages, *units) in grown.items():
        yield "p%d" % (key // 16), resources[key % 16], usages, dict(
            zip(("input", "cached_input", "output", "reasoning", "milliseconds", "requests"), [*units, usages]))


def nano(dollars):
    return int(dollars * 10**9)  # cut off


def main():
    lines = iter(sys.stdin.buffer.read().decode().split("\n"))
    resources, card, wall, faults, compared = [], [], 0, [], 0
    accounts = defaultdict(Account)

    def equal(what, seen, wanted):
        nonlocal compared
        compared += 1
        if seen != wanted:
            faults.append(f"{what}: {seen}, and should be {wanted}")

    seen_accounts = 0
    for line in lines:
        word, *rest = line.split()[:1] + line.split()[1:] if line else ["", ""]
        if word == "resource":
            resources.append(rest[0])
        elif word == "card":
            text = ""
            while len(text.encode()) < int(rest[0]):
                text += next(lines) + "\n"
            card = read_card(text)
            for (_, resource), account in accounts.items():
                account.settle(price_of(card, resource, wall))
        elif word == "at":
            wall = int(rest[0])
            for (_, resource), account in accounts.items():
                account.settle(price_of(card, resource, wall))
        elif word == "run":
            wall = int(rest[0])
            for primitive, resource, usages, units in add_run(accounts, resources, int(rest[1]), int(rest[2])):
                account = accounts[primitive, resource]
                price = price_of(card, resource, wall)
                account.usages += usages
                account.unpriced += 0 if price else usages
                for unit, count in units.items():
                    account.units[unit] += count
                    account.waiting[unit] += count
                account.settle(price)
        elif word == "account":
            name, resource, usages, unpriced, cost, savings, *units = rest
            account = accounts[name, resource]
            what = f"{name} {resource} "
            seen_accounts += 1
            equal(what + "usages", int(usages), account.usages)
            equal(what + "unpriced", int(unpriced), account.unpriced)
            equal(what + "cost", int(cost), nano(account.cost))
            equal(what + "savings", int(savings), nano(account.savings))
            for text in units:
                unit, _, numbers = text.partition("=")
                equal(what + unit, [int(n) for n in numbers.split(",")], [account.units[unit], account.waiting[unit]])
        elif word == "book":
            name, count, cost, savings, *categories = rest
            mine = {r: a for (p, r), a in accounts.items() if p == name}
            equal(name + " executions", int(count), sum(a.usages for a in mine.values()))
            equal(name + " cost", int(cost), sum(nano(a.cost) for a in mine.values()))
            equal(name + " savings", int(savings), sum(nano(a.savings) for a in mine.values()))
            for text in categories:
                category, _, numbers = text.partition("=")
                of = [a for r, a in mine.items() if r.split("/")[0] == category]
                equal(f"{name} {category}", [int(n) for n in numbers.split(",")],
                      [sum(nano(a.cost) for a in of), sum(nano(a.savings) for a in of)])
    equal("accounts", seen_accounts, len(accounts))
    total = sum(a.cost for a in accounts.values())
    print(f"# {sum(a.usages for a in accounts.values())} usages, {float(total):.6f} dollars, {compared} figures compared, "
          f"{len(faults)} differ", file=sys.stderr)
    for fault in faults[:20]:
        print(f"# {fault}", file=sys.stderr)
    return 1 if faults or compared < 500 else 0


sys.exit(main())
