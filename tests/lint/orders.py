#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every memory order in the layers that share memory is explicit and has its reason beside it: a comment
on the line or within the three lines above. Wrappers of libshm/base whose names tell an order count too."""
import re

from _lint import files, read, run, split

ORDER_NAME = r"(?:relaxed|consume|acquire|release|acq_rel|seq_cst)"
WRAPPER = re.compile(r"(?:#\s*define\s+|\b)(sr_\w*_" + ORDER_NAME + r"\w*)\s*\(")
IMPLICIT = re.compile(r"\batomic_(?:load|store|exchange|fetch_\w+|compare_exchange_(?:weak|strong)|flag_\w+)"
                      r"(?<!_explicit)\s*\(")
WITHIN = 3

wrappers = set()
for base in files(["libshm/base"], (".h",)):
    wrappers |= set(WRAPPER.findall("\n".join(split(read(base))[0])))
names = sorted(wrappers | {"sr_self_check_load_acquire"})
ORDER = re.compile(r"\bmemory_order_" + ORDER_NAME + r"\b|\b__ATOMIC_[A-Z_]+\b|\b(?:" + "|".join(names) + r")\b")


def check(path, text):
    code, comments = split(text)
    for at, line in enumerate(code):
        if IMPLICIT.search(line):
            yield at + 1, "an atomic operation without an explicit order"
        found = ORDER.search(line)
        if found and not any(c.strip() for c in comments[max(0, at - WITHIN):at + 1]):
            yield at + 1, f"{found.group()} without a comment that says why, and with whom it pairs"


LOAD = "x = atomic_load_explicit(&tail, memory_order_acquire);\n"
run(check, files(["libshm/protocol", "libshm/api", "libshm/peer"], (".c", ".h")),
    bad=[("ring.c", LOAD),
         ("ring.c", "/* far away */\n\n\n\n" + LOAD),
         ("ring.c", "x = sr_self_check_load_acquire(&tail);\n"),
         ("ring.c", "/* why */\nx = atomic_load(&tail);\n"),
         ("ring.c", 'puts("/* no comment */"); __atomic_store_n(&x, 1, __ATOMIC_RELAXED);\n')],
    good=[("ring.c", "/* pairs with publish: else an old sample is seen */\n\n\n" + LOAD),
          ("ring.c", LOAD.rstrip() + " /* pairs with publish */\n"),
          ("ring.c", "ring_release(ring);\n")])
