#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slipring-demo: its work is real, its sums are what the agent reports, and it ends cleanly however it is ended."""
import hashlib
import os
import pty
import random
import re
import signal
import subprocess

from _scene import BIN
from _tests import check, contains, equal, main, test, until

DEMO = os.path.join(BIN, "slipring-demo")
SUMS = re.compile(r"^recorded (\d+), reported (\d+); failed (\d+), reported (\d+)$", re.M)
PIECE = 16 << 20


def make_tree(scene):
    """A folder of files of many kinds. Returns it, and {path: bytes} of those that can be archived."""
    tree = os.path.join(scene.work, "tree")
    os.makedirs(os.path.join(tree, "below"))
    noise = random.Random(1)
    contents = {f"text{i}": b"the same words again and again. " * (i * 40) for i in range(20)}
    contents |= {"empty": b"", "below/noise": noise.randbytes(100_000), "below/a piece": b"\0" * PIECE,
                 "below/more than a piece": b"\0" * (PIECE + 1), "below/back\\slash\nand line": b"x"}
    for name, content in contents.items():
        with open(os.path.join(tree, name), "wb") as file:
            file.write(content)
    os.symlink("nowhere", os.path.join(tree, "dangling"))
    os.symlink("text1", os.path.join(tree, "link"))
    os.symlink("below", os.path.join(tree, "link to a folder"))
    os.mkfifo(os.path.join(tree, "pipe"))
    contents["link"] = contents["text1"]
    return tree, {os.path.join(tree, name): content for name, content in contents.items()}


def demo(scene, *words, **more):
    return scene.run([DEMO, *words], seconds=60, **more)


def sums(finished):
    found = SUMS.search(finished.stdout)
    check(found, "no line of sums in", finished.stdout, finished.stderr)
    return tuple(int(n) for n in found.groups())


@test
def the_demo_archives_every_file_and_reports_what_it_recorded(scene):
    agent = scene.agent()
    tree, contents = make_tree(scene)
    manifest = os.path.join(scene.work, "manifest")
    finished = demo(scene, "--processes", "3", "--verbose", "--manifest", manifest, tree)
    equal(finished.returncode, 0, "exit status of " + finished.stdout + finished.stderr)
    equal(finished.stderr.count("failed: "), 1, "files said to have failed")
    contains(finished.stderr, [f"failed: {tree}/dangling: No such file"], "stderr")

    pieces = sum(len(c) // PIECE + 1 for c in contents.values())
    digests = sum(max(1, -(-len(c) // PIECE)) for c in contents.values())
    executions = {"archive_file": len(contents) + 1, "read_file": digests + 1, "compress": pieces, "digest": digests}
    equal(sums(finished), (sum(executions.values()),) * 2 + (2, 2), "sums")
    metrics = agent.metrics()
    for name, count in executions.items():
        equal(metrics.recorded(name), count, "executions of " + name)
    equal(metrics.requests("archive_file"), (len(contents), 1, 0), "requests of archive_file")
    size = sum(len(c) for c in contents.values())
    equal(metrics.total("primitive_cost_total") * 10**9, size, "the bill, at a nano-dollar a byte")
    check(0 < metrics.total("primitive_cost_savings_total") * 10**9 < size, "savings")
    check(metrics.get("primitive_slo_compliance", primitive_name="archive_file") is not None, "no objectives")

    checked = scene.run(["sha256sum", "--check", "--quiet", "--strict", manifest])
    equal((checked.returncode, checked.stdout), (0, ""), "sha256sum's verdict")
    with open(manifest, "rb") as lines:
        listed = sorted(line.lstrip(b"\\")[:64].decode() for line in lines)
    equal(listed, sorted(hashlib.sha256(c).hexdigest() for c in contents.values()), "what the manifest lists")


@test
def a_second_run_on_the_same_store_is_counted_apart(scene):
    scene.agent()
    tree, _ = make_tree(scene)
    first = sums(demo(scene, tree))
    second = demo(scene, "--passes", "2", tree)
    equal(second.returncode, 0, "exit status of " + second.stdout + second.stderr)
    equal(sums(second), tuple(2 * n for n in first), "sums of two passes")


@test
def files_that_vanish_are_failures_and_an_interrupt_ends_it_cleanly(scene):
    agent = scene.agent()
    tree = os.path.join(scene.work, "tree")
    os.mkdir(tree)
    for i in range(200):
        with open(os.path.join(tree, str(i)), "wb") as file:
            file.write(b"some words, " * 1000)
    process = scene.spawn([DEMO, "--processes", "2", "--passes", "1000", tree], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: agent.metrics().recorded("archive_file") > 0, "the first file")
    for i in range(50):
        os.remove(os.path.join(tree, str(i)))
    until(lambda: agent.metrics().requests("archive_file")[1] > 0, "the first failure")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    equal(process.returncode, 130, "exit status of " + out + err)
    count, reported, failures, reported_failures = sums(subprocess.CompletedProcess([], 130, out, err))
    equal((reported, reported_failures), (count, failures), "what is reported")
    check(failures > 0 and failures % 2 == 0, "failures of archive_file and of read_file:", failures)
    check(count < 4 * 200 * 1000, "it was not interrupted")
    equal(agent.metrics().requests("archive_file")[2], 0, "aborted")


@test
def a_worker_that_is_killed_is_named_and_the_others_do_the_work(scene):
    agent = scene.agent()
    tree, _ = make_tree(scene)
    process = scene.spawn([DEMO, "--processes", "2", "--passes", "20", tree], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: agent.metrics().recorded("archive_file") > 0, "the first file")
    worker = children(process.pid)[0]
    os.kill(worker, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    equal(process.returncode, 1, "exit status of " + out + err)
    contains(err, [f"worker {worker} was killed by signal 9"], "stderr")
    until(lambda: agent.metrics().get("primitive_active_requests", primitive_name="archive_file") == 0,
          "no file active any more")
    count, files = agent.metrics().recorded("archive_file"), 20 * 27
    check(files - 1 <= count <= files, "archived", count, "of", files)


@test
def workers_do_not_outlive_the_demo(scene):
    scene.agent()
    process = scene.spawn([DEMO, "--passes", "1000", make_tree(scene)[0]], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    workers = until(lambda: len(children(process.pid)) == 4 and children(process.pid), "four workers")
    process.kill()
    process.wait()
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), "the workers' end")


@test
def without_an_agent_the_sums_differ_and_the_demo_says_why(scene):
    tree, _ = make_tree(scene)
    finished = demo(scene, tree)
    equal(finished.returncode, 1, "exit status")
    count, reported, _, _ = sums(finished)
    check(count > 0 and reported == 0, "sums", count, reported)
    contains(finished.stderr, ["is slipringd running?"], "stderr")
    contains(finished.stdout, ["DIFFERS"], "stdout")


@test
def without_recording_no_store_is_made(scene):
    finished = demo(scene, "--no-record", make_tree(scene)[0])
    equal(finished.returncode, 0, "exit status of " + finished.stderr)
    equal(os.listdir(scene.shm), [], "files in the shared-memory folder")
    contains(finished.stdout, ["27 files", "MB compressed"], "stdout")


@test
def progress_is_one_line_on_a_terminal(scene):
    scene.agent()
    ours, theirs = pty.openpty()
    process = scene.spawn([DEMO, make_tree(scene)[0]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 65536)
        except OSError:  # EIO: the other side is closed
            break
    os.close(ours)
    equal(process.wait(timeout=60), 0, "exit status")
    text = seen.decode()
    check(text.startswith("\r") and "\033[K" in text, "no line that is written over:", repr(text))
    equal(text.count("\n"), 1, "lines")
    contains(text, ["27 of 27 files", "1 failed"], "progress")


@test
def bad_input_gets_one_clear_sentence(scene):
    empty = os.path.join(scene.work, "empty")
    os.mkdir(empty)
    for words, sentence in ((["--processes", "0"], "no number from 1 to 64"), (["--processes", "65"], "1 to 64"),
                            (["--passes", "-1"], "1 to 1000"), (["--processes", "4x"], "1 to 64"),
                            (["/nowhere/at/all"], "No such file"), (["a", "b"], "one directory at a time"),
                            ([empty], "no files under"), (["--store", "no/name", "/etc"], "cannot open the store"),
                            (["--manifest", "/nowhere/at/all", "/etc"], "cannot write"), (["--wrong"], "--wrong")):
        finished = demo(scene, *words)
        equal(finished.returncode, 2, f"exit status of {words}")
        contains(finished.stderr, ["slipring-demo: ", sentence], f"stderr of {words}")
        equal(finished.stdout, "", f"stdout of {words}")
    equal(os.listdir(scene.shm), [], "files in the shared-memory folder")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


main()
