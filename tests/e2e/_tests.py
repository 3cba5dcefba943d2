# SPDX-License-Identifier: Apache-2.0
"""A frame for end-to-end tests: functions named as sentences, run in order, each with a scene of its own that is
cleaned up whatever happens. Words on the command line pick the tests whose names contain one of them."""
import sys
import time
import traceback

from _scene import Scene

_tests = []


def test(function):
    _tests.append(function)
    return function


class Failed(Exception):
    """What was seen is not what has to be."""


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what))


def equal(seen, wanted, what):
    check(seen == wanted, f"{what}: {seen!r}, and should be {wanted!r}")


def close_to(seen, wanted, what, relative=1e-9):
    check(abs(seen - wanted) <= relative * max(abs(seen), abs(wanted)), f"{what}: {seen!r}, and should be {wanted!r}")


def contains(text, parts, what):
    """Each part (a tuple: one of its words) is in the text, whatever the case."""
    for part in parts:
        choices = part if isinstance(part, tuple) else (part,)
        check(any(c.lower() in text.lower() for c in choices), f"{what} does not say {part!r}: {text!r}")


def until(question, what, seconds=60.0, pause=0.05):
    """Polls until the question's answer is true, and gives that; an answer that raises Failed is a no.
    seconds: for a machine that others use, too; it costs nothing where the answer comes."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = question()
            if last:
                return last
        except Failed as failed:
            last = failed
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s; last: {last}")
        time.sleep(pause)


def main():
    picked = [t for t in _tests if len(sys.argv) < 2 or any(w in t.__name__ for w in sys.argv[1:])]
    failures = 0
    print(f"1..{len(picked)}")
    for number, one in enumerate(picked, 1):
        started = time.monotonic()
        scene = Scene()
        error = None
        try:
            one(scene)
        except Exception:  # whatever it is, the other tests run on
            error = traceback.format_exc()
        finally:
            logs = scene.logs()
            try:
                scene.close()
            except Exception:
                error = (error or "") + traceback.format_exc()
        name = one.__name__.replace("_", " ")
        print(f"{'not ok' if error else 'ok'} {number} - {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if error:
            failures += 1
            print("\n".join("# " + line for line in (error + logs).splitlines()), flush=True)
    if not picked:
        sys.exit("no test is called so")
    sys.exit(1 if failures else 0)
