#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A model and what it models know of each other: the files and functions that a model's opening comment names exist, and the first
file that it names mentions the model."""
import os
import re

from _lint import C_FOLDERS, ROOT, files, read, run

PATH = re.compile(r"\b(?:include|libshm|agent|tests)/[\w/]+(?:\.[ch]|/)")
CALL = re.compile(r"\b([a-z][a-z0-9_]+)\(\)")
KNOWN = set(re.findall(r"\w+", "\n".join(read(f) for f in files(C_FOLDERS, (".c", ".h")))))


def check(path, text):
    comment = text[:text.find("*/", text.find("*/") + 2)]
    named = PATH.findall(comment)
    for one in named:
        if not os.path.exists(os.path.join(ROOT, one)):
            yield 1, f"{one} is nowhere here"
    for call in CALL.findall(comment):
        if call not in KNOWN:
            yield 1, f"{call}() occurs in no source"
    if not named:
        yield 1, "it names no file that it models"
    elif os.path.exists(os.path.join(ROOT, named[0])) and path not in read(named[0]):
        yield 1, f"{named[0]} does not mention this model"


LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
run(check, files(["tests/model"], (".pml",)),
    bad=[("tests/model/x.pml", LICENCE + "/* A model of something. */\n"),
         ("tests/model/x.pml", LICENCE + "/* Models libshm/protocol/no_such.h. */\n"),
         ("tests/model/x.pml", LICENCE + "/* Models libshm/protocol/spill.h, which knows nothing of it. */\n"),
         ("tests/model/spill.pml", LICENCE + "/* Models libshm/protocol/spill.h: sr_no_such_call(). */\n")],
    good=[("tests/model/spill.pml", LICENCE + "/* Models libshm/protocol/spill.h: sr_spill_settle(). */\n")])
