# SPDX-License-Identifier: Apache-2.0
"""What the two programs say of themselves by --help, taken apart: made from their tables, so that manual pages and completion, which are made
from this, cannot say anything else."""
import collections
import os
import re
import subprocess

# letter: "-j" or "". value: "NAME" or "": a switch.
Option = collections.namedtuple("Option", "name letter value text")


class Fault(Exception):
    """A page that is written in another way than these are."""


def said(program, *words):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLIPRING_")}
    environment.update(LC_ALL="C.UTF-8", NO_COLOR="1", COLUMNS="80")
    return subprocess.run([program, *words], env=environment, check=True, capture_output=True, text=True).stdout


def sections(page):
    """{TITLE: [lines, with their indentation]}"""
    result, title = {}, None
    for line in page.splitlines():
        if line and not line.startswith(" "):
            title = line
            result[title] = []
        elif title:
            result[title].append(line)
    return {key: "\n".join(lines).strip("\n").split("\n") for key, lines in result.items()}


def terms(lines):
    """[(term, meaning)] of a hanging list: a term 4 blanks in, its meaning behind two blanks or more, or below it, further in."""
    result = []
    has_letters = any(re.match(r" {4}-\w, --", line) for line in lines)  # then an option without one stands below their names
    for line in lines:
        if not line.strip():
            continue
        if re.match(r" {4}\S", line) or has_letters and re.match(r" {8}--\w", line):
            term, _, meaning = re.sub(r"(\S)  +", "\\1\0", line.strip(), count=1).partition("\0")
            result.append((term, [meaning] if meaning else []))
        elif result:
            result[-1][1].append(line.strip())
        else:
            raise Fault(f"a meaning without its term: {line!r}")
    return [(term, " ".join(meaning)) for term, meaning in result]


def options(page):
    """The options of a page of either program."""
    found = []
    for title, lines in sections(page).items():
        if not title.startswith("OPTIONS"):
            continue
        for term, text in terms(lines):
            shape = re.fullmatch(r"(?:(-\w), )?(--[\w-]+)(?: (\S+))?", term)
            if not shape:
                raise Fault(f"{term!r} is no option")
            found.append(Option(shape.group(2), shape.group(1) or "", shape.group(3) or "", text))
    return found


def commands(slipring):
    """{name: page}, in the order of the help; `slo explain` is one of them."""
    listed = terms(sections(said(slipring, "help"))["COMMANDS"])
    return {name: said(slipring, *name.split(), "--help") for name, _ in listed if not name.startswith("help")}
