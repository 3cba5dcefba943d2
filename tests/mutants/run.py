#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: slow
# ctest-processors: 2
"""Mutants: for each rule of the protocols the code is broken on purpose, and a test has to notice.

The lists are tests/mutants/*.mutants, one a protocol; _list.py says how to read and write them. The sources are copied,
built once with crash points, and the named tests must be green. Then each mutant is applied to the copy, what it concerns is compiled, and the tests that it
names are run, those alone. It is caught when all of them are red. A mutant whose lines are not found once, that does not compile, or that a
named test does not notice, fails the run. A test that does not come to an end is red only where the list says `hang`.

Needs no privilege. Leaves the source tree alone; everything is built in $SLIPRING_BUILD_DIR/mutants (build/release/mutants)."""
import argparse
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time

import _build
import _list
from _list import Fault

PATIENCE = 120  # seconds for one test function
TRIES = 40  # of a test whose threads meet as the scheduler likes
CAUGHT = re.compile(r"^\[  FAILED  \] (\w+)$", re.M)
RAN = re.compile(r"^\[ RUN      \] (\w+)$", re.M)


def call(path, function):
    """Run one function of a test program ("*": all). (status: green, red or hang; names that failed; the end of what it printed)"""
    environment = dict(os.environ, SLIPRING_TEST_FILTER=function, CMOCKA_MESSAGE_OUTPUT="STDOUT",
                       SLIPRING_BUILD_DIR=_build.BASE, SLIPRING_SOURCE_DIR=_build.ROOT)
    process = subprocess.Popen([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                               env=environment, start_new_session=True)
    status = "red"
    try:
        text, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        status = "hang"
        process.send_signal(signal.SIGTERM)  # it ends its children and removes its folder
        try:
            text, _ = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
    began = RAN.findall(text)
    if not began:
        raise Fault(f"{os.path.basename(path)} ran no {function}:\n{text[-500:]}")
    if process.returncode == 0:
        status = "green"
    failed = set(CAUGHT.findall(text)) or ({began[-1]} if status != "green" else set())
    return status, failed, text[-1500:]


class Run:
    """All mutants of one call, over as many lanes as there are jobs."""

    def __init__(self, mutants, jobs, is_scouting):
        self.mutants, self.is_scouting = mutants, is_scouting
        self.todo, self.lock = queue.SimpleQueue(), threading.Lock()
        self.began, self.done, self.caught, self.faults = time.monotonic(), 0, 0, []
        programs = sorted({program for m in mutants for program, _, _ in m.tests})
        self.say(f"building {len(programs)} tests with crash points in {_build.SCRATCH}")
        self.base = _build.Base(programs, jobs)
        if not is_scouting:
            self.each(jobs, sorted({t[:2] for m in mutants for t in m.tests}), self.expect_green)
            self.say("the unbroken tree is looked at")
        if not self.faults:
            self.lanes = [_build.Lane(self.base, n + 1) for n in range(jobs)]
            self.each(jobs, mutants, self.try_mutant)

    def say(self, text):
        print(f"[{time.monotonic() - self.began:5.0f} s] {text}", flush=True)

    def each(self, jobs, things, body):
        """body(thing, number of the lane) for all, in so many threads."""
        for thing in things:
            self.todo.put(thing)

        def work(lane):
            while not self.todo.empty():
                try:
                    body(self.todo.get_nowait(), lane)
                except queue.Empty:
                    return

        threads = [threading.Thread(target=work, args=(lane,)) for lane in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def fail(self, text):
        with self.lock:
            self.faults.append(text)
            self.say(f"FAULT  {text}")

    def expect_green(self, test, _):
        try:
            status, _, text = call(self.base.program_path(test[0]), test[1])
            if status != "green":
                self.fail(f"{test[0]} {test[1]}: {status}, and nothing is broken yet\n{text}")
        except Fault as fault:
            self.fail(str(fault))

    def try_mutant(self, mutant, number):
        lane = self.lanes[number]
        began, whole = time.monotonic(), {}
        try:
            broken = mutant.apply(lane.read)
            whole = {file: lane.read(file) for file in broken}
            lane.write(broken)
            noticed = self.look_who_notices(mutant, lane, list(broken))
        except Fault as fault:
            self.fail(f"{mutant.where()}: {mutant.name}: {fault}")
            return
        finally:
            lane.write(whole)
        with self.lock:
            self.done += 1
            self.caught += 1
            self.say(f"{self.done}/{len(self.mutants)}  {mutant.protocol}: {mutant.name}"
                     f"  ({time.monotonic() - began:.1f} s; {noticed})")

    def look_who_notices(self, mutant, lane, files):
        """What to say of it. Fault: a named test does not notice."""
        objects, noticed = {}, []
        for program in sorted({t[0] for t in mutant.tests}):
            path = lane.build(program, files, objects)
            if self.is_scouting:
                status, failed, _ = call(path, "*")
                noticed += [f"{program} {status}: " + " ".join(sorted(failed))]
                continue
            for _, function, hangs in [t for t in mutant.tests if t[0] == program]:
                for tried in range(TRIES):
                    status, _, text = call(path, function)
                    if status != "green":
                        break
                if status == "green":
                    raise Fault(f"survives {program} {function}")
                if (status == "hang") != hangs:
                    raise Fault(f"{program} {function} is {status}, not {'hang' if hangs else 'red'}\n{text}")
                noticed.append(program if tried == 0 else f"{program} {function} at run {tried + 1}")
        return " | ".join(noticed) if self.is_scouting else ", ".join(dict.fromkeys(noticed))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the mutants and their rules, run nothing")
    parser.add_argument("--only", metavar="WORD", help="those of this protocol, or whose name or rule contains it")
    parser.add_argument("--scout", action="store_true",
                        help="run the named programs whole and say which of their tests are red: for writing the list")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="so many mutants at a time (2)")
    return parser.parse_args()


def main():
    options = parse()
    mutants = _list.load()
    if options.only:
        mutants = [m for m in mutants if m.protocol == options.only] or [
            m for m in mutants if options.only in m.name + " " + m.rule]
    if options.list:
        for mutant in mutants:
            print(f"{mutant.protocol}: {mutant.name}\n    {mutant.rule}\n    "
                  + "\n    ".join(f"{program} {function}" for program, function, _ in mutant.tests))
        return
    faults = [] if options.scout else [text for _, text in _list.check(mutants)]
    if faults or not mutants:
        sys.exit("\n".join(faults + [f"{len(mutants)} mutants, {len(faults)} faults"]))
    run = Run(mutants, options.jobs, options.scout)
    print("\n".join(["", "faults:"] + run.faults if run.faults else [""]))
    print(f"{len(mutants)} mutants, {run.caught} caught, {len(run.faults)} faults, {time.monotonic() - run.began:.0f} s")
    sys.exit(1 if run.faults or run.caught != len(mutants) else 0)


if __name__ == "__main__":
    try:
        main()
    except Fault as fault:
        sys.exit(str(fault))
