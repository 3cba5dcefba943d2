# SPDX-License-Identifier: Apache-2.0
"""Ways to spoil a store's files, from outside, as disks, strangers and other versions do."""
import os
import random
import struct

MAGIC, ABI_MAJOR, ENDIAN = 0, 8, 16  # offsets in both headers
REGIONS = 64  # the region table: pairs of 64-bit (offset, bytes)
RING_REGIONS = ("header", "registry_key", "primitive_page", "slot_page", "ring_state", "ring_page", "extent_page",
                "registry_entry", "bounds", "slot", "ring_info", "producer_line", "consumer_line", "shared_spill",
                "pool_small", "pool_mid", "pool_big")
STATS_REGIONS = ("header", "agent_figure", "journal", "figure", "words")


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


def scribble(path, dice, count, spare=4096, bytes_each=8):
    """Random words over what the file holds, beyond its first `spare` bytes; often small or near a limit, which gets further
    than noise."""
    pieces = [(max(start, spare), end) for start, end in extents(path) if end > spare]
    sizes = [end - start for start, end in pieces]
    with open(path, "r+b", buffering=0) as file:
        for _ in range(count):
            start, end = dice.choices(pieces, sizes)[0]
            at = dice.randrange(start, end - bytes_each + 1) & ~7
            word = dice.choice((dice.getrandbits(64), dice.getrandbits(8), dice.getrandbits(16), 2**64 - 1, 2**63, 1))
            file.seek(at)
            file.write(struct.pack("<Q", word))
