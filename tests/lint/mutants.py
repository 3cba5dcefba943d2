#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each mutant of tests/mutants/ has its lines in the source exactly once, a rule, and a test that exists: seen here at once, and not
only when tests/mutants/run.py builds them."""
import os
import sys

from _lint import ROOT, files, run

sys.path.insert(0, os.path.join(ROOT, "tests", "mutants"))
import _list  # noqa: E402  (its folder is known only now)


def check(path, text):
    try:
        yield from _list.check(_list.parse(os.path.basename(path).removesuffix(".mutants"), text))
    except _list.Fault as fault:
        yield 1, str(fault)


GOOD = """mutant  nothing_is_committed
rule    journal.h G1: a batch happened when its count stands there
        and not before
in      libshm/protocol/journal.c
-    set_committed(batch, batch->count);
+    set_committed(batch, 0);
red     unit.journal words_change_at_the_commit_and_not_before
"""
run(check, files(["tests/mutants"], (".mutants",)),
    bad=[("a.mutants", GOOD + GOOD), ("a.mutants", GOOD.replace("rule", "rules")),
         ("a.mutants", GOOD.replace("batch->count", "batch->sum")), ("a.mutants", GOOD.replace("-    set", "-    ")),
         ("a.mutants", GOOD.replace("words_change", "no_words_change")), ("a.mutants", GOOD.replace("unit.", "")),
         ("a.mutants", GOOD.replace("libshm/", "lib/")), ("a.mutants", GOOD[:GOOD.index("red")])],
    good=[("a.mutants", "# a comment\n\n" + GOOD), ("a.mutants", GOOD.replace("\nred", "\nhang"))])
