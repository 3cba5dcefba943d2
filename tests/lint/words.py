#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Words that C allows and this house does not: `volatile` without its reason, goto for anything but cleanup
further down, typedefs that end in _t or hide a pointer."""
import re

from _lint import C_FOLDERS, files, run, split

VOLATILE = re.compile(r"\bvolatile\b")
# asm volatile and sig_atomic_t are what the word is for.
VOLATILE_FINE = re.compile(r"\b(?:asm|__asm|__asm__)\s+volatile\b|\bvolatile\s+sig_atomic_t\b")
GOTO = re.compile(r"\bgoto\s+([*\w]+)")
CLEANUP = re.compile(r"(?:fail|out|done)(?:_[a-z0-9_]+)?$")
TYPEDEF_T = re.compile(r"\btypedef\b[^;{]*\b(\w+_t)\s*;|^\}\s*(\w+_t)\s*;")
TYPEDEF_POINTER = re.compile(r"\btypedef\b[^;{()]*\*\s*\w+\s*;")


def check(path, text):
    code, comments = split(text)
    for at, line in enumerate(code):
        if VOLATILE.search(VOLATILE_FINE.sub("", line)):
            beside = " ".join(comments[max(0, at - 1):at + 1])
            if "volatile" not in beside:
                yield at + 1, "bare volatile: use an atomic, or say beside it why volatile"
        for found in GOTO.finditer(line):
            label = found.group(1)
            if not CLEANUP.match(label):
                yield at + 1, f"goto {label}: only fail, out, done (and fail_..., ...) for cleanup"
            elif not any(re.match(r"\s*" + re.escape(label) + r":", below) for below in code[at + 1:]):
                yield at + 1, f"goto {label} jumps backwards"
        if TYPEDEF_T.search(line):
            yield at + 1, "a typedef of our own that ends in _t"
        if TYPEDEF_POINTER.search(line):
            yield at + 1, "a typedef that hides a pointer"


run(check, files(C_FOLDERS, (".c", ".h")),
    bad=[("a.c", "static volatile int ready;\n"),
         ("a.c", "goto again;\n"),
         ("a.c", "fail:\n    goto fail;\n"),
         ("a.c", "typedef struct ring ring_t;\n"),
         ("a.c", "typedef struct {\n    int x;\n} ring_t;\n"),
         ("a.c", "typedef struct ring *ring;\n")],
    good=[("a.c", '__asm__ volatile("" ::: "memory");\nstatic volatile sig_atomic_t stop;\n'),
          ("a.c", "/* volatile: the compiler must not drop the benchmark's sink */\nvolatile int sink;\n"),
          ("a.c", "goto fail_map;\nfail_map:\n    close(fd);\n"),
          ("a.c", '/* volatile, goto */ puts("goto x");\n')])
