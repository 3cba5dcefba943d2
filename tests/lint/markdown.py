#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the Markdown names exists: files in links and in backquotes, functions, SLIPRING_ names, metrics."""
import glob
import itertools
import os
import re

from _lint import C_FOLDERS, ROOT, files, read, run

SUFFIXES = (".c", ".h", ".def", ".map", ".sh", ".py", ".md", ".txt", ".cmake", ".json", ".yml", ".in")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
QUOTED = re.compile(r"`([^`\n]+)`")
NAME = re.compile(r"\b(?:slipring|sr)_[a-z0-9_]*[a-z0-9]\b|\bSLIPRING_[A-Z0-9_]*[A-Z0-9]\b|\bSR_[A-Z0-9_]*[A-Z0-9]\b")
TOP = [d for d in os.listdir(ROOT) if os.path.isdir(os.path.join(ROOT, d)) and d not in (".git", "build")]
BUILD = os.environ.get("SLIPRING_BUILD_DIR", os.path.join(ROOT, "build", "release"))
ROOTS = [ROOT, os.path.join(ROOT, "include"), os.path.join(ROOT, "libshm"), os.path.join(BUILD, "generated")]

SOURCES = "\n".join(read(f) for f in files(C_FOLDERS, (".c", ".h", ".def", ".map", ".sh", ".txt"))
                    + files(["cmake"], (".in", ".cmake")) + ["CMakeLists.txt"])
KNOWN = set(re.findall(r"\w+", SOURCES))
# Rows of the tables of figures become metrics called slipring_<row>, nanoseconds shown as seconds.
ROWS = set(re.findall(r"^[A-Z_]+\((\w+)", "\n".join(read(f) for f in files(C_FOLDERS, (".def",))), re.M))
KNOWN |= {f"slipring_{row}" for row in ROWS} | {f"slipring_{row[:-3]}_seconds" for row in ROWS if row.endswith("_ns")}
SYSTEM_HEADERS = set(re.findall(r"#\s*include\s*<([\w/]+\.h)>", SOURCES))
BASENAMES = {os.path.basename(f) for f in files(C_FOLDERS + ("cmake", "docs", "."), SUFFIXES)}


def braces(word):
    """a.{h,c} -> a.h a.c"""
    parts = re.split(r"\{([^{}]*)\}", word)
    choices = [p.split(",") if i % 2 else [p] for i, p in enumerate(parts)]
    return ["".join(c) for c in itertools.product(*choices)]


def exists(word, beside):
    return any(glob.glob(os.path.join(root, word)) for root in ROOTS + [os.path.join(ROOT, beside)])


def path_faults(words, beside):
    word = re.sub(r":\d+$", "", words.strip().split(" ")[0].strip("<>\"").removeprefix("./"))
    if word.startswith(("/", "-", "$", "~", "build/")) or re.search(r"[<>$…=]|NAME|\.\.\.|://", word):
        return
    head = word.split("/")[0]
    if "/" in word and (head in TOP or word.endswith(SUFFIXES)):
        for one in braces(word):
            if not exists(one, beside):
                yield f"`{one}` is nowhere here"
    elif "/" not in word and word.endswith(SUFFIXES) and not word.startswith("."):
        for one in braces(word):
            if "*" not in one and one not in BASENAMES | SYSTEM_HEADERS and not exists(one, beside):
                yield f"no file is called `{one}`"


def check(path, text):
    beside = os.path.dirname(path)
    text = FENCE.sub(lambda block: "\n" * block.group().count("\n"), text)
    for found in LINK.finditer(text):
        target = found.group(1)
        if not re.match(r"[a-z]+:", target) and not os.path.exists(os.path.join(ROOT, beside, target)):
            yield text.count("\n", 0, found.start()) + 1, f"the link to {target} leads nowhere"
    for found in QUOTED.finditer(text):
        line, words = text.count("\n", 0, found.start()) + 1, found.group(1)
        for fault in path_faults(words, beside):
            yield line, fault
        for name in NAME.findall(words):
            stem = re.sub(r"_(?:bucket|sum|count|total|created)$", "", name)
            starred = f"{name}_*" in words or f"{name}*" in words
            if name not in KNOWN and stem not in KNOWN and not starred:
                yield line, f"`{name}` occurs in no source"


run(check, [f for f in os.listdir(ROOT) if f.endswith(".md")] + files(["docs", "tests", "bench", "tools"], (".md",)),
    bad=[("README.md", "see [this](docs/nowhere-at-all.md)\n"), ("README.md", "`tests/no/such.c`\n"),
         ("README.md", "`no_such_file_here.c`\n"), ("README.md", "`tests/{run,nope}.sh`\n"),
         ("README.md", "`slipring_no_such_call()`\n"), ("README.md", "`$SLIPRING_NO_SUCH_THING`\n")],
    good=[("README.md", "[that](LICENSE), `./tests/run.sh --quick`, `tests/lint/*.py`, `/metrics`, `text/plain`,"
                        " `slipring_*`, `SLIPRING_WERROR`, [web](https://example.org/x)\n"),
          ("README.md", "```\ncc tests/no/such.c\n```\n")])
