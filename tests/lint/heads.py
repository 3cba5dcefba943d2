#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each source opens with its licence line (scripts: right below the #!) and then says what it is for;
each script that tests run is executable."""
import os
import re

from _lint import C_FOLDERS, ROOT, files, run

SPDX = "SPDX-License-Identifier: Apache-2.0"


def check(path, text):
    lines = (text + "\n\n").split("\n")
    if path.endswith((".c", ".h", ".def", ".map", ".pml")):
        if lines[0] != f"/* {SPDX} */":
            yield 1, f"the first line is not /* {SPDX} */"
        elif not re.match(r"/\*.*\w", lines[1] + " " + lines[2]):
            yield 2, "no comment below the licence line says what the file is for"
        return
    at = 1 if lines[0].startswith("#!") else 0
    if lines[at] != f"# {SPDX}":
        yield at + 1, f"no line # {SPDX} at the top"
    where = os.path.join(ROOT, path)
    if at and os.path.exists(where) and not os.access(where, os.X_OK):
        yield 1, "a script with #! that is not executable"


LICENCE = f"/* {SPDX} */\n"
run(check, files(C_FOLDERS, (".c", ".h", ".def", ".map", ".pml", ".sh", ".py")),
    bad=[("a.c", "int x;\n"), ("a.c", LICENCE), ("a.c", LICENCE + "#include <x.h>\n"),
         ("a.sh", "#!/bin/sh\ntrue\n"), ("a.h", "// " + SPDX + "\n")],
    good=[("a.c", LICENCE + "/* A ring. */\n"), ("a.c", LICENCE + "/*\n * A ring.\n */\n"),
          ("a.sh", f"#!/bin/sh\n# {SPDX}\n")])
