# SPDX-License-Identifier: Apache-2.0
"""The lists of mutants: reading *.mutants, and saying what is wrong with them without building anything.

A mutant is a block of lines:

    mutant  a_sentence_that_says_what_is_broken
    rule    which rule of which file that is, and what it is good for; may go on
            in lines that begin with two blanks and a word
    in      libshm/protocol/spill.c
    -    what stands there, exactly once
    +    what stands there instead
    red     unit.spill the_test_that_notices

As in a diff, a hunk's lines begin with '-', '+', or a blank for what stays. A mutant may have several hunks, each behind an `in` of its own,
and several `red` lines: every test that is named has to notice. `hang` instead of `red`: it notices by not coming to an end."""
import glob
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("SLIPRING_SOURCE_DIR") or os.path.dirname(os.path.dirname(HERE))


class Fault(Exception):
    """Something is wrong with a list, or with a mutant."""


class Mutant:
    def __init__(self, protocol, line, name):
        self.protocol, self.line, self.name = protocol, line, name
        self.rule = ""
        self.hunks = []  # [file, old lines, new lines]
        self.tests = []  # (program, function, hangs)

    def where(self):
        return f"tests/mutants/{self.protocol}.mutants:{self.line}"

    def apply(self, read):
        """{file: its text, broken}. read(file): the text as it is."""
        texts = {}
        for file, old, new in self.hunks:
            text = texts.get(file) or read(file)
            before, after = "\n".join(old) + "\n", "\n".join(new) + "\n" if new else ""
            found = ("\n" + text).count("\n" + before)
            if found != 1:
                raise Fault(f"{self.name}: its lines stand in {file} {found} times, not once: the code went on; let the"
                            " mutant follow, or take it out if its rule is no more")
            texts[file] = ("\n" + text).replace("\n" + before, "\n" + after)[1:]
        return texts


def take_line(mutant, line, state):
    """One line of a mutant's block."""
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    if line[0] in "-+ ":
        if state == "rule" and line.startswith("  "):
            mutant.rule += " " + line.strip()
            return state
        if state != "in" or not mutant.hunks:
            raise Fault("lines of a hunk without `in FILE` before them")
        if line[0] in "- ":
            mutant.hunks[-1][1].append(line[1:])
        if line[0] in "+ ":
            mutant.hunks[-1][2].append(line[1:])
        return state
    if word == "rule":
        mutant.rule = rest
    elif word == "in":
        mutant.hunks.append([rest, [], []])
    elif word in ("red", "hang"):
        if not re.fullmatch(r"(unit|replay)\.\w+ \w+", rest):
            raise Fault(f"`{word}` takes a test and one of its functions: unit.ring a_sentence")
        program, function = rest.split()
        mutant.tests.append((program, function, word == "hang"))
    else:
        raise Fault(f"what is `{word}`?")
    return word


def parse(protocol, text):
    """The mutants of one list."""
    mutants, state = [], ""
    for at, line in enumerate(text.splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        try:
            if line.startswith("mutant "):
                mutants.append(Mutant(protocol, at, line.split()[1]))
                state = "mutant"
            elif state:
                state = take_line(mutants[-1], line, state)
            else:
                raise Fault("a list begins with `mutant`")
        except Fault as fault:
            raise Fault(f"tests/mutants/{protocol}.mutants:{at}: {fault}") from None
    return mutants


def load():
    """All mutants of all lists, in their order."""
    mutants = []
    for path in sorted(glob.glob(os.path.join(HERE, "*.mutants"))):
        with open(path, encoding="utf-8") as source:
            mutants += parse(os.path.basename(path).removesuffix(".mutants"), source.read())
    return mutants


def read_source(file):
    with open(os.path.join(ROOT, file), encoding="utf-8") as source:
        return source.read()


def check(mutants):
    """(line, what is wrong) as far as reading tells."""
    names = set()
    for mutant in mutants:
        if mutant.name in names:
            yield mutant.line, f"a second {mutant.name}"
        names.add(mutant.name)
        if not (mutant.rule and mutant.hunks and mutant.tests):
            yield mutant.line, f"{mutant.name} lacks its rule, its place or its test"
        try:
            mutant.apply(read_source)
        except (Fault, OSError) as fault:
            yield mutant.line, str(fault)
        for program, function, _ in mutant.tests:
            file = program.replace(".", "/") + "_test.c"
            if not os.path.exists(os.path.join(ROOT, "tests", file)) or not re.search(
                    rf"\b{function}\b", read_source("tests/" + file)):
                yield mutant.line, f"{mutant.name}: tests/{file} has no {function}"
