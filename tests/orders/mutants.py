#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: slow
# ctest-processors: 2
"""Each memory order that the protocols rest on is weakened in turn, in a copy of the source; ThreadSanitizer must see a race then, and
none in the source as it is. orders.c has the threads and says what is looked at; the list below is all that there is to know of the mutants."""
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

ROOT = os.environ.get("SLIPRING_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SLIPRING_BUILD_DIR", os.path.join(ROOT, "build", "release"))

TRIES = 8  # to see a race that is there
LANES = os.cpu_count() or 1  # mutants made at a time

# What gets lost, the scenario of orders.c, the file, the source as it is, the order in it, the weaker one.
MUTANTS = [
    ("tail published, the quick way", "samples", "include/slipring/inline.h",
     "__atomic_store_n(&ring->line->tail, tail + words, __ATOMIC_RELEASE)", "RELEASE", "RELAXED"),
    ("tail published, the long way", "samples_slowly", "libshm/protocol/ring.h",
     "__atomic_store_n(&ring->hot.line->tail, ring->hot.tail, __ATOMIC_RELEASE)", "RELEASE", "RELAXED"),
    ("tail read", "samples", "libshm/peer/drain.c",
     "atomic_load_explicit(&line->tail, memory_order_acquire)", "acquire", "relaxed"),
    ("head published", "samples", "libshm/peer/drain.c",
     "sr_drain_home(drain, ring), ring)->head, head, memory_order_release)", "release", "relaxed"),
    ("head read", "samples", "libshm/protocol/ring.c",
     "atomic_load_explicit(&ring->consumer->head, memory_order_acquire)", "acquire", "relaxed"),
    ("intent of a spill", "stand", "include/slipring/inline.h",
     "(sum & SLIPRING_INLINE_REDO_TURN),\n                     __ATOMIC_RELEASE)", "RELEASE", "RELAXED"),
    ("sum of a spill: the commit", "stand", "include/slipring/inline.h",
     "__atomic_store_n(&line->redo_sum, sum, __ATOMIC_RELEASE)", "RELEASE", "RELAXED"),
    ("intent and sum read", "stand", "libshm/protocol/spill.c",
     "return atomic_load_explicit(word, memory_order_acquire)", "acquire", "relaxed"),
    ("cell of a spill", "cells", "include/slipring/inline.h",
     "__atomic_store_n(&block[word], value, __ATOMIC_RELEASE)", "RELEASE", "RELAXED"),
    ("cells folded", "cells", "libshm/peer/fold.c",
     "return atomic_load_explicit(word, memory_order_acquire)", "acquire", "relaxed"),
    ("rest of a spill", "costs", "include/slipring/inline.h",
     "__atomic_store_n(rest->word, rest->value, __ATOMIC_RELEASE)", "RELEASE", "RELAXED"),
    ("rest folded", "costs", "libshm/peer/fold.c",
     "return atomic_load_explicit(word, memory_order_acquire)", "acquire", "relaxed"),
    ("span begun", "begun", "libshm/protocol/ring.h",
     "__atomic_store_n(&ring->hot.line->begun, ring->hot.begun, __ATOMIC_RELEASE)", "RELEASE", "RELAXED"),
    ("begun spans read", "begun", "libshm/peer/drain.c",
     "sr_segment_producer_line(sr_drain_home(drain, ring), ring)->begun, memory_order_acquire)", "acquire", "relaxed"),
    ("ring OWNED", "states", "libshm/protocol/ring.c",
     "sr_state_word(generation, slot, SR_RING_OWNED), memory_order_release)", "release", "relaxed"),
    ("ring RELEASED", "states", "libshm/protocol/ring.c",
     "sr_state_word(ring->generation, ring->slot, SR_RING_RELEASED),\n"
     "                          memory_order_release)", "release", "relaxed"),
    ("ring's state read", "states", "libshm/peer/drain.c",
     "sr_segment_ring_state(sr_drain_home(drain, ring), ring), memory_order_acquire)", "acquire", "relaxed"),
    ("ring FREE", "states", "libshm/peer/drain.c",
     "(word & ~UINT64_C(0xff)) | to, memory_order_acq_rel", "acq_rel", "acquire"),
    ("ring claimed", "states", "libshm/protocol/ring.c",
     "sr_state_word(*out_generation, slot, SR_RING_CLAIMING),\n"
     "                                                   memory_order_acquire", "acquire", "relaxed"),
    ("name READY", "names", "libshm/protocol/registry.c",
     "atomic_store_explicit(sr_segment_registry_key(segment, id), key, memory_order_seq_cst)", "seq_cst", "relaxed"),
    ("names searched", "names", "libshm/protocol/registry.c",
     "atomic_load_explicit(sr_segment_registry_key(segment, id), memory_order_acquire)", "acquire", "relaxed"),
    ("names read by the agent", "names_agent", "libshm/peer/catalog.c",
     "atomic_load_explicit(sr_segment_registry_key(&drain->segment, id), memory_order_acquire)", "acquire", "relaxed"),
    ("objective READY", "objectives", "libshm/protocol/registry.c",
     "atomic_store_explicit(state, SR_ITEM_READY, memory_order_seq_cst)", "seq_cst", "relaxed"),
    ("objectives read by the agent", "objectives", "libshm/protocol/registry.c",
     "atomic_load_explicit(state, memory_order_acquire) == SR_ITEM_READY", "acquire", "relaxed"),
    ("thresholds read by producers", "thresholds", "libshm/protocol/registry.c",
     "atomic_load_explicit(state, memory_order_acquire) == SR_ITEM_READY", "acquire", "relaxed"),
    ("latch raised", "latch", "libshm/protocol/publish.c",
     "atomic_store_explicit(latch, seen + 1, memory_order_release)", "release", "relaxed"),
    ("latch read", "latch", "libshm/protocol/publish.h",
     "seen = atomic_load_explicit(latch, memory_order_acquire)", "acquire", "relaxed"),
    ("published word", "latch", "libshm/protocol/publish.c",
     "atomic_store_explicit(&to[i], word, memory_order_release)", "release", "relaxed"),
    ("published word read", "latch", "libshm/protocol/publish.h",
     "return atomic_load_explicit(&view->words[offset / 8], memory_order_acquire)", "acquire", "relaxed"),
]
SCENARIOS = sorted({scenario for _, scenario, *_ in MUTANTS})

FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-fsanitize=thread", "-pthread", "-w", "-Iinclude", "-Ilibshm",
         "-I" + os.path.join(BUILD, "generated")]
FOLDERS = ("libshm/pure", "libshm/system", "libshm/protocol", "libshm/peer")
RACE = 66


def compile_all(tree, sources, jobs):
    """Objects beside their sources, and beside these what each was made of."""
    def one(source):
        subprocess.run(["clang", *FLAGS, "-MMD", "-MF", source + ".d", "-c", "-o", source + ".o", source], cwd=tree, check=True)
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, sources))


def link(tree, objects, program):
    """What orders.c takes of them, whatever file that is in. The names of the objects that it took, without their folders."""
    archive = program + ".a"
    subprocess.run(["ar", "rcs", archive, *(o for o in objects if o != "orders.c.o")], cwd=tree, check=True)
    linked = subprocess.run(["clang", "-fsanitize=thread", "-pthread", "-o", program, "orders.c.o", archive, "-lm", "-Wl,-t,-t"],
                            cwd=tree, check=True, capture_output=True, text=True)
    os.remove(os.path.join(tree, archive))
    return {"orders.c.o"} | set(re.findall(r"\b\w+\.c\.o\b", linked.stdout + linked.stderr))


def run(tree, program, scenario):
    environment = dict(os.environ, TSAN_OPTIONS=f"exitcode={RACE} halt_on_error=1 report_thread_leaks=0")
    return subprocess.run([program, scenario], cwd=tree, env=environment, capture_output=True, text=True,
                          errors="replace", timeout=200, check=False)


def sources_of(tree, folders):
    return [os.path.join(folder, name) for folder in folders for name in sorted(os.listdir(os.path.join(tree, folder)))
            if name.endswith(".c")]


class Workshop:
    """A copy of the source, compiled whole. Of one there may be further copies: a mutant is made in one of them, others beside it in others."""

    def __init__(self, tree, whole=None):
        self.tree = tree
        if whole:
            shutil.copytree(whole.tree, tree)
            self.sources, self.made_of = whole.sources, whole.made_of
            return
        for folder in ("include", "libshm"):
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(tree, folder))
        here = os.path.join(ROOT, "tests", "orders")
        shutil.copy(os.path.join(here, "crashpoint.h"), os.path.join(tree, "libshm/base/crashpoint.h"))
        shutil.copy(os.path.join(here, "orders.c"), tree)
        self.sources = sources_of(tree, FOLDERS) + ["orders.c"]
        compile_all(tree, self.sources, LANES)
        linked = link(tree, [s + ".o" for s in self.sources], "./whole")
        self.made_of = {s: self.read_made_of(s) for s in self.sources if os.path.basename(s) + ".o" in linked}

    def read_made_of(self, source):
        with open(os.path.join(self.tree, source + ".d"), encoding="utf-8") as file:
            return {os.path.normpath(word) for word in file.read().replace("\\\n", " ").split()[1:]}

    def users(self, path):
        """The sources that a change of this file changes, of those that are linked."""
        return [source for source, files in self.made_of.items() if path in files]

    def mutant(self, number, path, text, strong, weak):
        """The program with this one order weakened."""
        with open(os.path.join(self.tree, path), encoding="utf-8") as file:
            whole = file.read()
        places = re.findall(r"\s+".join(re.escape(word) for word in text.split()), whole)  # however its lines are broken
        if len(places) != 1:
            sys.exit(f"{path}: occurs {len(places)} times, not once:\n{text}")
        changed = self.users(path)
        if not changed:
            sys.exit(f"{path}: nothing that orders.c takes is made of it")
        objects = [s + ".o" for s in self.sources]
        saved = {o: o + ".whole" for o in (s + ".o" for s in changed)}
        for name, copy in saved.items():
            os.rename(os.path.join(self.tree, name), os.path.join(self.tree, copy))
        try:
            with open(os.path.join(self.tree, path), "w", encoding="utf-8") as file:
                file.write(whole.replace(places[0], places[0].replace(strong, weak)))
            compile_all(self.tree, changed, 1)
            link(self.tree, objects, f"./mutant{number}")
        finally:
            with open(os.path.join(self.tree, path), "w", encoding="utf-8") as file:
                file.write(whole)
            for name, copy in saved.items():
                os.rename(os.path.join(self.tree, copy), os.path.join(self.tree, name))
        return f"./mutant{number}"


def is_caught(tree, program, scenario):
    """Whether a race is seen; and the last result."""
    # Which threads meet is the scheduler's: a race that ThreadSanitizer did not come to see is looked for again.
    for _ in range(TRIES):
        result = run(tree, program, scenario)
        if result.returncode != 0:
            break
    return result.returncode == RACE and "data race" in result.stderr, result


def main():
    wanted = sys.argv[1:]
    faults = []
    with tempfile.TemporaryDirectory(prefix="slipring-orders-") as folder:
        workshop = Workshop(os.path.join(folder, "0"))
        for scenario in SCENARIOS:
            result = run(workshop.tree, "./whole", scenario)
            if result.returncode != 0:
                faults.append(scenario)
                print(f"{scenario}: the source as it is ends with {result.returncode}\n{result.stderr}")
        workshops = queue.SimpleQueue()
        for lane in range(LANES):
            workshops.put(Workshop(os.path.join(folder, str(lane + 1)), workshop))
        running = threading.Lock()  # threads that are to meet have the machine to themselves, but for a compiler

        def try_mutant(numbered):
            number, (what, scenario, path, text, strong, weak) = numbered
            if wanted and what not in wanted:
                return
            mine = workshops.get()
            try:
                program = mine.mutant(number, path, text, strong, weak)
                with running:
                    caught, result = is_caught(mine.tree, program, scenario)
            finally:
                workshops.put(mine)
            if not caught:
                faults.append(what)
            print(f"{what}, {strong} made {weak}: " + ("a race" if caught else f"NOT NOTICED, it ended with {result.returncode}\n{result.stderr}"), flush=True)

        with ThreadPoolExecutor(LANES) as pool:
            list(pool.map(try_mutant, enumerate(MUTANTS)))
    if faults:
        print("faults: " + "; ".join(faults))
    print(f"{len(MUTANTS)} mutants, {len(SCENARIOS)} scenarios, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
