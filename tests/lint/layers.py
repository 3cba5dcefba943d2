#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: the layers of libshm/, and the doors that agent, tools and bench come in by."""
import os
import re

from _lint import ROOT, files, run

LAYERS = ["base", "pure", "system", "protocol", "api", "peer"]
DOORS = ("pure", "peer")
# Each folder of agent/ includes only itself, those before it, and the headers that lie in agent/ itself.
ROOMS = ["yaml", "books", "exposition", "config", "drain", "checkpoint", "control", "http"]
LIBUSAGE_DOORS = ("pure",)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
# pure/ makes no system call and reads no clock: these headers are all it takes.
PURE_SYSTEM = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdbool.h",
               "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}
PUBLIC_SYSTEM = {"stdbool.h", "stddef.h", "stdint.h"}


def libshm_fault(layer, path, quoted, name):
    if not quoted:
        if layer == "pure" and not name.startswith("slipring/") and "/gen/" not in path and \
                name not in PURE_SYSTEM:
            return f"pure/ includes <{name}>, which is not pure"
        return None
    if "/" not in name:
        return None
    target = name.split("/")[0]
    if target not in LAYERS:
        return f'"{name}" is in no layer of libshm'
    if LAYERS.index(target) > LAYERS.index(layer):
        return f'{layer}/ includes "{name}" of a higher layer'
    return None


def agent_fault(path, name):
    """Of an include that begins with agent/."""
    own, target = path.split("/")[1:-1], name.split("/")[1:-1]
    if not own or not target:
        return None  # main.c and its neighbours know all folders; all know agent/log.h and its neighbours
    if own[0] not in ROOMS or target[0] not in ROOMS:
        return f'"{name}": agent/ has the folders {" ".join(ROOMS)}'
    if ROOMS.index(target[0]) > ROOMS.index(own[0]):
        return f'agent/{own[0]}/ includes "{name}" of a later folder'
    return None


def program_fault(path, folder, quoted, name):
    if not quoted:
        return None
    if folder == "agent" and name.startswith("agent/"):
        return agent_fault(path, name)
    doors = LIBUSAGE_DOORS if folder == "libusage" else DOORS
    if "/" in name and name.split("/")[0] not in doors:
        return f'{folder}/ includes "{name}": only <slipring/...>, {"/, ".join(doors)}/ and its own'
    return None


def public_fault(quoted, name):
    if quoted:
        return f'a public header includes "{name}": use <slipring/...>'
    if not name.startswith("slipring/") and name not in PUBLIC_SYSTEM:
        return f"a public header includes <{name}>"
    return None


def check(path, text):
    parts = path.split(os.sep)
    for found in INCLUDE.finditer(text):
        quoted, name = found.group(1) == '"', found.group(2)
        if ".." in name.split("/"):
            fault = f'"{name}" climbs out of its folder'
        elif parts[0] == "libshm" and len(parts) > 2 and parts[1] in LAYERS:
            fault = libshm_fault(parts[1], path, quoted, name)
        elif parts[0] in ("libusage", "agent", "tools", "bench"):
            fault = program_fault(path, parts[0], quoted, name)
        elif parts[0] == "include":
            fault = public_fault(quoted, name)
        elif parts[0] == "libshm":
            fault = "a source of libshm outside of its layers"
        else:
            fault = None
        if fault:
            yield text.count("\n", 0, found.start()) + 1, fault


run(check, files(("include", "libshm", "libusage", "agent", "tools", "bench"), (".c", ".h", ".def")),
    bad=[("libshm/pure/bucket.c", '#include "protocol/ring.h"\n'),
         ("libshm/pure/window.c", "#include <time.h>\n"),
         ("libshm/api/record.c", '#include "peer/drain.h"\n'),
         ("libshm/api/record.c", '#include "../peer/drain.h"\n'),
         ("libshm/loose.c", "#include <stdint.h>\n"),
         ("agent/main.c", '#include "protocol/layout.h"\n'),
         ("agent/books/books.c", '#include "agent/http/http.h"\n'),
         ("agent/drain/drain.c", '#include "agent/attic/old.h"\n'),
         ("tools/show.c", '#  include "base/atomics.h"\n'),
         ("libusage/counts.c", '#include "peer/json.h"\n'),
         ("include/slipring/store.h", "#include <pthread.h>\n"),
         ("include/slipring/store.h", '#include "status.h"\n')],
    good=[("libshm/protocol/ring.c", '#include "ring.h"\n#include "pure/bucket.h"\n#include <time.h>\n'),
          ("agent/http/http.c", '#include "agent/log.h"\n#include "agent/config/address.h"\n#include "answer.h"\n'),
          ("agent/main.c", '#include "peer/drain.h"\n#include "agent/books/books.h"\n#include <slipring/store.h>\n'),
          ("include/slipring/store.h", "#include <stdint.h>\n#include <slipring/status.h>\n")])
