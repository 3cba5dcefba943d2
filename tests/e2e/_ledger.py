# SPDX-License-Identifier: Apache-2.0
"""The sums that the recorder's load threads keep for themselves (src/load.h), and their comparison with the books."""
import os
import struct
from decimal import Decimal

from _tests import equal

THREADS, PLACES, WORDS = 8, 16, 16
FIELDS = ("begun", "count", "failures", "sum_ns", "cost", "savings")


class Ledger:
    made = 0

    def __init__(self, scene):
        Ledger.made += 1
        self.path = os.path.join(scene.work, f"ledger-{Ledger.made}")
        with open(self.path, "wb") as out:
            out.truncate(THREADS * PLACES * WORDS * 8)

    def threads_at(self, place):
        """How many threads have recorded there."""
        with open(self.path, "rb") as data:
            words = struct.unpack(f"<{THREADS * PLACES * WORDS}Q", data.read())
        return sum(words[(thread * PLACES + place) * WORDS + FIELDS.index("count")] > 0 for thread in range(THREADS))

    def total(self, place):
        """{field: sum over the threads}, and "at_most": counts at the default bounds."""
        with open(self.path, "rb") as data:
            words = struct.unpack(f"<{THREADS * PLACES * WORDS}Q", data.read())
        columns = [sum(words[(thread * PLACES + place) * WORDS + field] for thread in range(THREADS))
                   for field in range(WORDS)]
        return {**dict(zip(FIELDS, columns)), "at_most": columns[len(FIELDS):]}


def total(ledgers, place):
    parts = [ledger.total(place) for ledger in ledgers]
    result = {field: sum(part[field] for part in parts) for field in FIELDS}
    result["at_most"] = [sum(counts) for counts in zip(*(part["at_most"] for part in parts))]
    return result


def check_books(page, name, truth):
    """Every figure of the page against the ledgers' sums: exact, or wrong."""
    equal(page.requests(name)[:2], (truth["count"] - truth["failures"], truth["failures"]), f"outcomes of {name}")
    equal(page.buckets(name), truth["at_most"] + [truth["count"]], f"buckets of {name}")
    equal(page.get("primitive_duration_seconds_sum", primitive_name=name), Decimal(truth["sum_ns"]) / 10**9,
          f"sum of {name}")
    equal(page.total("primitive_cost_total", primitive_name=name), Decimal(truth["cost"]) / 10**9, f"cost of {name}")
    equal(page.total("primitive_cost_savings_total", primitive_name=name), Decimal(truth["savings"]) / 10**9,
          f"savings of {name}")
