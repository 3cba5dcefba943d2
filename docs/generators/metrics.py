#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The reference in docs/metrics-guide.md: of each family its row of `slipringd --list-families`, and what families.txt says beside it.

    docs/generators/metrics.py --slipringd PROGRAM            write the two marked regions
    docs/generators/metrics.py --slipringd PROGRAM --check    1 when they say anything else"""
import argparse
import os
import re
import subprocess
import sys

from headers import ROOT

PAGE = os.path.join(ROOT, "docs", "metrics-guide.md")
NOTES = os.path.join(ROOT, "docs", "generators", "families.txt")
FIELDS = ("how", "pitfall")


class Fault(Exception):
    """Notes that cannot be read, or are not of the families that there are."""


def listing(slipringd):
    """(the table as it is printed, {family: (type, unit, labels, meaning)})"""
    table = subprocess.run([slipringd, "--list-families"], check=True, capture_output=True, text=True).stdout
    families = {}
    for line in table.splitlines()[2:]:
        name, *rest = [cell.strip() for cell in line.strip("|").split("|")]
        families[name.strip("`")] = rest
    return table, families


def notes():
    """[(families, how, pitfall, query)]"""
    with open(NOTES, encoding="utf-8") as source:
        text = source.read()
    result = []
    for part in re.split(r"^== ", text, flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        found = re.fullmatch(r"how: (.+)\npitfall: (.+)\n(?:query:\n((?:.|\n)+?))\s*", body)
        if not found:
            raise Fault(f"the entry {head!r} has not how:, pitfall: and query: in this order")
        result.append((head.split(), *found.groups()))
    return result


def entry(names, how, pitfall, query, families):
    out = ["### " + ", ".join(f"`{name}`" for name in names), ""]
    for name in names:
        kind, unit, labels, meaning = families[name]
        which = f"`{name}`: " if len(names) > 1 else ""
        out.append(f"{which}{kind}{', ' + unit if unit else ''}{'; ' + labels if labels else ''}. {meaning}." + ("  " if name != names[-1] else ""))
    return out + ["", f"- **Computed**: {how}", f"- **Mind**: {pitfall}", "", "```promql", *query.rstrip().split("\n"), "```", ""]


def reference(families):
    told, out = [], []
    for names, how, pitfall, query in notes():
        told += names
        unknown = [name for name in names if name not in families]
        if unknown:
            raise Fault(f"families.txt tells of {unknown}, which slipringd does not list")
        out += entry(names, how, pitfall, query, families)
    lost = [name for name in families if name not in told]
    if lost or len(told) != len(set(told)):
        raise Fault(f"families.txt does not tell of {lost}, or tells of one twice")
    return "\n".join(out)


def fill(text, region, body):
    begin, end = f"<!-- {region}: begin; made by docs/generators/metrics.py -->", f"<!-- {region}: end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise Fault(f"docs/metrics-guide.md has no region {region}")
    before, rest = text.split(begin)
    return before + begin + "\n\n" + body.strip("\n") + "\n\n" + end + rest.split(end)[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slipringd", required=True)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    table, families = listing(given.slipringd)
    with open(PAGE, encoding="utf-8") as there:
        old = there.read()
    page = fill(fill(old, "table", table), "reference", reference(families))
    if given.check and page != old:
        sys.exit("docs/metrics-guide.md is not what slipringd --list-families and families.txt say: run docs/generators/metrics.py")
    if not given.check:
        with open(PAGE, "w", encoding="utf-8") as out:
            out.write(page)


if __name__ == "__main__":
    try:
        main()
    except Fault as fault:
        sys.exit(f"metrics.py: {fault}")
