#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/prometheus/alerts.yml and recording.yml: promtool reads them, their rules do what alerts_test.yml and recording_test.yml say, and each family that they
name is one that the agent exposes, with the labels that they ask for. (That a real Prometheus raises alerts is tested in prometheus.py, that it records, in queries.py.)
Takes 2 s."""
import os
import re
import shutil

from _scene import BIN, ROOT
from _tests import check, equal, main, test

FILES = ("alerts", "recording")
FAMILY = re.compile(r"\b((?:primitive|slipring)_\w+)(?:\{([^}]*)\})?")


def rules_file(name):
    return os.path.join(ROOT, "docs", "prometheus", name + ".yml")


def promtool(scene, *words):
    finished = scene.run(["promtool", *words])
    check(finished.returncode == 0, "promtool", *words, finished.stdout + finished.stderr)
    return finished.stdout


def expressions(path):
    """The text of every expr: of one line, or of a block that is indented deeper."""
    with open(path) as rules:
        text = rules.read()
    return re.findall(r"^( +)expr: (?:\|\n((?:\1 +.*\n)+)|(.*)\n)", text, re.M)


def families(scene):
    """{name: set of labels} of the table that --list-families prints."""
    listed = scene.run([os.path.join(BIN, "slipringd"), "--list-families"])
    equal(listed.returncode, 0, "slipringd --list-families")
    table = {}
    for line in listed.stdout.splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        table[cells[0].strip("`")] = set(re.findall(r"`(\w+)`", cells[3]))
    return table


@test
def promtool_finds_no_fault_in_the_rules(scene):
    for name in FILES:
        found = promtool(scene, "check", "rules", rules_file(name))
        check(re.search(r"SUCCESS: \d+ rules found", found), "promtool check rules:", found)


@test
def the_rules_fire_record_and_are_quiet_as_they_should(scene):
    for name in FILES:
        shutil.copy(rules_file(name), scene.work)
        shutil.copy(os.path.join(ROOT, "tests", "e2e", name + "_test.yml"), scene.work)
        promtool(scene, "test", "rules", os.path.join(scene.work, name + "_test.yml"))


@test
def what_the_rules_ask_for_is_exposed(scene):
    table = families(scene)
    table.update({f"{name}_{part}": labels - ({"le"} if part != "bucket" else set()) for name, labels in list(table.items()) if "le" in labels
                  for part in ("bucket", "sum", "count")})
    for file in FILES:
        found = [pair for parts in expressions(rules_file(file)) for pair in FAMILY.findall(parts[1] or parts[2])
                 if pair[0] not in ("primitive_name", "primitive_type", "primitive_le")]
        check(len(found) > 10, "expressions with families:", found)
        for name, matchers in found:
            check(name in table, f"{file}.yml names a family that is not exposed:", name)
            labels = set(re.findall(r"(\w+)\s*[=!]", matchers))
            check(labels <= table[name], f"{file}.yml asks {name} for labels that it has not:", labels - table[name])


if __name__ == "__main__":
    main()
