# SPDX-License-Identifier: Apache-2.0
"""What the lints share: the files, a C source split into code and comments, and the frame of a run.

A lint is a function check(path, text) that gives (line, message) pairs. run() first feeds it samples that
it must refuse and samples that it must accept, so that a lint which can't fail is itself a failure."""
import os
import re
import sys

ROOT = os.environ.get("SLIPRING_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
C_FOLDERS = ("include", "libshm", "libusage", "agent", "tools", "bench", "tests")


def files(folders, suffixes):
    """Paths relative to the root, sorted, of what lies below the folders and ends so."""
    found = []
    for folder in folders:
        for where, below, names in os.walk(os.path.join(ROOT, folder)):
            below[:] = [d for d in below if d not in ("__pycache__", "build")]
            found += [os.path.join(where, n) for n in names if n.endswith(suffixes)]
    return sorted(os.path.relpath(f, ROOT) for f in found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        return source.read()


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def split(text):
    """(code lines, comment lines): the same line numbers, strings emptied, each holding its part only."""
    code, comments, at = [], [], 0

    def blank(part):
        return re.sub(r"[^\n]", " ", part)

    for token in TOKEN.finditer(text):
        before, found = text[at:token.start()], token.group()
        code.append(before)
        comments.append(blank(before))
        is_comment = found.startswith("/")
        code.append(blank(found) if is_comment else found[0] + " " * (len(found) - 2) + found[-1])
        comments.append(found if is_comment else blank(found))
        at = token.end()
    code.append(text[at:])
    comments.append(blank(text[at:]))
    return "".join(code).split("\n"), "".join(comments).split("\n")


def run(check, paths, bad, good):
    """bad and good: lists of (path, text). Exits 0 when the samples behave and no file is at fault."""
    for path, text in bad:
        if not list(check(path, text)):
            sys.exit(f"self-check: this sample for {path} should have been refused:\n{text}")
    for path, text in good:
        complaints = list(check(path, text))
        if complaints:
            sys.exit(f"self-check: this sample for {path} was refused, {complaints}:\n{text}")
    faults = 0
    for path in paths:
        for line, message in check(path, read(path)):
            print(f"{path}:{line}: {message}")
            faults += 1
    print(f"{len(paths)} files, {faults} faults; {len(bad)} bad and {len(good)} good samples")
    sys.exit(1 if faults else 0)
