#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Memory that nobody needs any more comes back while the agent runs, the figures say what the file system says, and the books do not
change by it."""
import os

from _ledger import Ledger, check_books, total
from _metrics import scrape
from _tests import check, equal, main, test, until

NAMES = ["alpha", "beta", "gamma"]
THREADS = 8
KEPT = 16  # small rings that keep their pages
BLOCK = 8192


def memory(scene, kind):
    return os.stat(scene.file(kind)).st_blocks * 512


def crowd(scene, ledgers):
    """Eight threads with a ring of each name, which end with their process."""
    recorder, ledger = scene.recorder(), Ledger(scene)
    for place, name in enumerate(NAMES):
        recorder.ok("get", place, name, "load")
    recorder.ok("ledger", ledger.path)
    recorder.ok("load", 0, len(NAMES) - 1, THREADS, 100, 1000)
    until(lambda: ledger.threads_at(len(NAMES) - 1) == THREADS, "every thread has a ring of each name")
    recorder.ok("unload")
    recorder.finish()
    ledgers.append(ledger)


def all_is_booked_and_retired(agent, ledgers, at_least):
    page = scrape(agent)
    for place, name in enumerate(NAMES):
        check_books(page, name, total(ledgers, place))
    retired = page.get("slipring_rings_retired_total")
    check(retired >= at_least, "rings retired:", retired)
    return True


@test
def rings_of_a_process_that_has_gone_lose_their_pages_and_the_books_keep_all(scene):
    agent, ledgers = scene.agent("--retire-after", "100ms"), []
    for crowds in range(1, 4):
        crowd(scene, ledgers)
        until(lambda: all_is_booked_and_retired(agent, ledgers, crowds * (len(NAMES) * THREADS - KEPT)),
              "all is booked, and rings are retired", 20)
        verdict = scene.slipring("verify")
        equal(verdict.returncode, 0, f"slipring verify: {verdict.stdout}{verdict.stderr}")
        equal(scene.slipring("rings", "--all").returncode, 0, "slipring rings")

    def figures_agree():
        now = scrape(agent)
        for kind in ("ring", "stats"):
            equal(now.get(f"slipring_{kind}_segment_bytes"), memory(scene, kind), f"memory of the {kind} segment")
        return True

    until(figures_agree, "the figures say what the file system says")
    equal(scrape(agent).get("slipring_rings_quarantined"), 0, "rings quarantined")


@test
def without_the_option_rings_keep_their_pages_for_a_minute(scene):
    agent, ledgers = scene.agent(), []
    crowd(scene, ledgers)
    until(lambda: scrape(agent).get("slipring_rings_in_use") == 0, "all rings are free")
    equal(scrape(agent).get("slipring_rings_retired_total"), 0, "rings retired")
    check(memory(scene, "ring") >= len(NAMES) * THREADS * BLOCK, "the ring segment takes", memory(scene, "ring"))


main()
