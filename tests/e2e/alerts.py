#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/prometheus/alerts.yml: promtool reads it, its rules do what alerts_test.yml says, and each family that it names is one that
the agent exposes, with the labels that it asks for. (That a real Prometheus raises them is tested in prometheus.py.) Takes 2 s."""
import os
import re
import shutil

from _scene import BIN, ROOT
from _tests import check, equal, main, test

RULES = os.path.join(ROOT, "docs", "prometheus", "alerts.yml")
FAMILY = re.compile(r"\b((?:primitive|slipring)_\w+)(?:\{([^}]*)\})?")


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
    found = promtool(scene, "check", "rules", RULES)
    check(re.search(r"SUCCESS: \d+ rules found", found), "promtool check rules:", found)


@test
def the_rules_fire_and_are_quiet_as_they_should(scene):
    shutil.copy(RULES, scene.work)
    shutil.copy(os.path.join(ROOT, "tests", "e2e", "alerts_test.yml"), scene.work)
    promtool(scene, "test", "rules", os.path.join(scene.work, "alerts_test.yml"))


@test
def what_the_rules_ask_for_is_exposed(scene):
    table = families(scene)
    found = [pair for parts in expressions(RULES) for pair in FAMILY.findall(parts[1] or parts[2])
             if pair[0] not in ("primitive_name", "primitive_type")]
    check(len(found) > 20, "expressions with families:", found)
    for name, matchers in found:
        check(name in table, "alerts.yml names a family that is not exposed:", name)
        labels = set(re.findall(r"(\w+)\s*[=!]", matchers))
        check(labels <= table[name], f"alerts.yml asks {name} for labels that it has not:", labels - table[name])


if __name__ == "__main__":
    main()
