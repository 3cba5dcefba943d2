# SPDX-License-Identifier: Apache-2.0
"""Building mutants quickly: everything once, with crash points and without much optimizing; then of each mutant the objects
that its change concerns, from a copy of the sources, linked before the libraries of the whole.

Nothing is ever written into the source tree. $SLIPRING_BUILD_DIR/mutants/base is the whole; lane-1, lane-2 hold a copy of the sources each,
in which one mutant after the other is applied and taken back."""
import collections
import json
import os
import re
import shlex
import shutil
import subprocess

from _list import ROOT, Fault

BUILD = os.environ.get("SLIPRING_BUILD_DIR") or os.path.join(ROOT, "build", "release")
SCRATCH = os.path.join(BUILD, "mutants")
BASE = os.path.join(SCRATCH, "base")
COPIED = ("include", "libshm", "agent", "tests/support", "tests/unit")
TARGETS = {"lib/libslipring.a": "slipring_core", "lib/libslipring_peer.a": "slipring_peer",
           "lib/libagent_parts.a": "agent_parts", "lib/libtest_support.a": "test_support"}


def run(command, where=BASE):
    """Its output. Fault: it failed."""
    done = subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Fault(f"{shlex.join(command)[:200]}: exit status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


class Base:
    """The whole, unbroken."""

    def __init__(self, programs, jobs):
        self.programs = programs
        os.makedirs(BASE, exist_ok=True)
        run(["cmake", "-S", ROOT, "-B", BASE, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Mutants", "-DCMAKE_C_FLAGS=-O1 -DNDEBUG",
             "-DSLIPRING_BUILD_TESTS=ON", "-DSLIPRING_CRASHPOINTS=ON", "-DSLIPRING_WERROR=OFF"])
        run(["ninja", "-j", str(jobs)] + [target(p) for p in programs])
        with open(os.path.join(BASE, "compile_commands.json"), encoding="utf-8") as file:
            commands = json.load(file)
        self.compile = {}  # object -> (its command, its source)
        for entry in commands:
            words = shlex.split(entry["command"])
            self.compile[words[words.index("-o") + 1]] = (words, os.path.relpath(entry["file"], ROOT))
        self.users = self.find_users()
        self.link = {p: self.link_command(p) for p in programs}
        self.linked = {p: self.find_linked(p) for p in programs}

    def find_users(self):
        """file of the sources -> objects that it goes into."""
        users, current = collections.defaultdict(set), ""
        for line in run(["ninja", "-t", "deps"]).splitlines():
            if line and not line.startswith(" "):
                current = line.split(":")[0]
            elif line.strip():
                users[os.path.relpath(os.path.join(BASE, line.strip()), ROOT)].add(current)
        return users

    def link_command(self, program):
        last = run(["ninja", "-t", "commands", target(program)]).strip().splitlines()[-1]
        return shlex.split(last.removeprefix(": && ").removesuffix(" && :"))

    def find_linked(self, program):
        """The objects of our own that the program is made of."""
        linked = {word for word in self.link[program] if word.endswith(".o")}
        words = replaced(self.link[program], "-o", os.devnull)
        for line in run(words + ["-Wl,-t,-t"]).splitlines():
            found = re.fullmatch(r"\(?(lib/\w+\.a)[()](\w+\.c\.o)\)?", line)
            part = found and TARGETS.get(found.group(1))
            if part:
                linked |= {o for o in self.compile if f"/{part}.dir/" in o and o.endswith("/" + found.group(2))}
        return linked

    def program_path(self, program):
        return os.path.join(BASE, "tests", target(program))


def target(program):
    return program.replace(".", "-", 1)


def replaced(words, option, value):
    """The command with another argument of the option."""
    at = words.index(option)
    return words[:at + 1] + [value] + words[at + 2:]


class Lane:
    """A copy of the sources, for one mutant at a time."""

    def __init__(self, base, number):
        self.base = base
        self.root = os.path.join(SCRATCH, f"lane-{number}")
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in COPIED:
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(self.root, folder))

    def read(self, file):
        with open(os.path.join(self.root, file), encoding="utf-8") as source:
            return source.read()

    def write(self, texts):
        for file, text in texts.items():
            with open(os.path.join(self.root, file), "w", encoding="utf-8") as source:
                source.write(text)

    def here(self, word):
        """A word of a compile command, with this copy's paths."""
        prefix, path = ("-I", word[2:]) if word.startswith("-I") else ("", word)
        inside = os.path.relpath(path, ROOT) if path.startswith("/") else ""
        if path == ROOT or inside == "tests" or inside.startswith(COPIED):
            return prefix + os.path.normpath(os.path.join(self.root, inside))
        return word

    def compile(self, obj):
        """The object, as this copy makes it; its path."""
        words, _ = self.base.compile[obj]
        out = os.path.join(self.root, "objects", obj.replace("/", "_"))
        os.makedirs(os.path.dirname(out), exist_ok=True)
        run(replaced([self.here(w) for w in words], "-o", out))
        return out

    def build(self, program, files, objects):
        """The program with the files as they are here. objects: those compiled already, to be added to. Its path."""
        wanted = set().union(*(self.base.users[f] for f in files)) & self.base.linked[program]
        if not wanted:
            raise Fault(f"nothing of {' '.join(files)} goes into {program}")
        for obj in sorted(wanted - objects.keys()):
            objects[obj] = self.compile(obj)
        words = [objects.get(w, w) for w in self.base.link[program]]
        at = words.index("-o")
        extra = [objects[o] for o in sorted(wanted) if objects[o] not in words]
        out = os.path.join(self.root, target(program))
        run(words[:at] + extra + ["-o", out] + words[at + 2:])
        return out
