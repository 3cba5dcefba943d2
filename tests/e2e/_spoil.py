# SPDX-License-Identifier: Apache-2.0
"""Ways to spoil a store's files, from outside, as disks, strangers and other versions do."""
import os
import random
import re
import struct

from _scene import ROOT

MAGIC, ABI_MAJOR, ENDIAN = 0, 8, 16  # offsets in both headers
REGIONS = 64  # the region table: 32 pairs of 64-bit (offset, bytes)
HEAD = REGIONS + 32 * 16
LAYOUT = os.path.join(ROOT, "libshm", "protocol", "layout.h")


def _names(table):
    """The regions' names in their order: what a list of our own would say, until somebody adds one."""
    with open(LAYOUT, encoding="utf-8") as file:
        lines = re.search(rf"#define {table}\(X\)((?:.*\\\n)*.*)", file.read()).group(1)
    return tuple(re.findall(r"\bX\((\w+),", lines))


RING_REGIONS = _names("SR_RING_REGIONS")
STATS_REGIONS = _names("SR_STATS_REGIONS")


def write(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def read(path, offset, count):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(count)


def letter(path):
    with open(path, "wb") as file:
        file.write(b"Dear Sir or Madam,\nthis is a letter.\n" * 300)


def newer(path):
    write(path, ABI_MAJOR, struct.pack("<I", 99))


def newer_and_larger(path):
    newer(path)
    os.truncate(path, os.path.getsize(path) * 2)


def other_endian(path):
    write(path, ENDIAN, struct.pack(">Q", 0x0102030405060708))


def random_header(path):
    write(path, 0, random.Random(1).randbytes(4096))


def cut_to(size):
    def cut(path):
        os.truncate(path, size)
    cut.__name__ = f"cut_to_{size}_bytes"
    return cut


def halved(path):
    os.truncate(path, os.path.getsize(path) // 2)


def link(path):
    os.rename(path, path + ".moved")
    os.symlink(path + ".moved", path)


def folder(path):
    os.unlink(path)
    os.mkdir(path)


def regions(path, names):
    """{name: (offset, bytes)} as the header says."""
    table = struct.unpack(f"<{2 * len(names)}Q", read(path, REGIONS, 16 * len(names)))
    return {name: table[2 * i:2 * i + 2] for i, name in enumerate(names)}


def extents(path):
    """(start, end) of what the file really holds."""
    found, at = [], 0
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        while at < size:
            try:
                start = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(fd, start, os.SEEK_HOLE)
            found.append((start, at))
    finally:
        os.close(fd)
    return found


def scribble(path, dice, count, names, near=4096):
    """Random words in the regions of these names, each as often as another, where the file holds something, and more often
    than not within their first `near` bytes, where the ids in use lie. Words are often small or near a limit: that gets
    further than noise. What tells a segment from another file is left alone."""
    held = extents(path)
    pieces = []
    for start, size in regions(path, names).values():
        parts = [(max(start, a, HEAD), min(start + size, b)) for a, b in held]
        parts = [(a, b) for a, b in parts if b - a >= 8]
        if parts:
            pieces.append(parts)
    with open(path, "r+b", buffering=0) as file:
        for _ in range(count):
            parts = dice.choice(pieces)
            start, end = parts[0] if dice.random() < 0.7 else dice.choice(parts)
            if dice.random() < 0.7:
                end = min(end, start + near)
            word = dice.choice((dice.getrandbits(64), dice.getrandbits(8), dice.getrandbits(16), 2**64 - 1, 2**63, 1, 0,
                                dice.getrandbits(40) << 24))
            file.seek(dice.randrange(start, end - 7) & ~7)
            file.write(struct.pack("<Q", word))
