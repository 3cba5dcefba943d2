#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/quickstart.sh in a fresh clone of what is committed: it builds, works, shows figures, and leaves nothing behind,
also when it fails or is interrupted.
ctest-labels: e2e-slow
ctest-timeout: 900
ctest-serial: it builds on all cores"""
import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.request

from _scene import ROOT
from _tests import check, contains, equal, main, test, until

CLONES = tempfile.mkdtemp(prefix="slipring-clone-")
CLONE = os.path.join(CLONES, "a clone")  # a blank in its name, as in many homes
SCRIPT = os.path.join(CLONE, "tools", "quickstart.sh")


def make_clone(scene):
    if not os.path.exists(CLONE):
        cloned = scene.run(["git", "clone", "-q", ROOT, CLONE], seconds=60)
        equal((cloned.returncode, cloned.stderr), (0, ""), "git clone")


def make_tree(scene):
    """Thirty files, one of them a link that leads nowhere."""
    tree = os.path.join(scene.work, "some files")
    os.mkdir(tree)
    for i in range(29):
        with open(os.path.join(tree, str(i)), "wb") as file:
            file.write(b"words and more words, " * 1000)
    os.symlink("nowhere", os.path.join(tree, "dangling"))
    return tree


def environment(scene):
    """A folder for temporary files that has to be empty in the end."""
    folder = os.path.join(scene.work, "tmp")
    os.makedirs(folder, exist_ok=True)
    return {"TMPDIR": folder}


def processes():
    """Those whose program lies in the clone."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe").startswith(CLONES):
                with open(f"/proc/{pid}/cmdline") as file:
                    found[int(pid)] = file.read().replace("\0", " ")
        except OSError:
            pass  # it ended, or is a kernel thread
    return found


def check_nothing_left(scene):
    equal(processes(), {}, "processes left behind")
    equal(os.listdir(scene.shm), [], "files left in the shared-memory folder")
    equal(os.listdir(os.path.join(scene.work, "tmp")), [], "temporary files left behind")


def quickstart(scene, *words, seconds=600):
    make_clone(scene)
    return scene.run([SCRIPT, *words], seconds=seconds, environment=environment(scene))


@test
def a_fresh_clone_shows_real_figures_and_leaves_nothing_behind(scene):
    finished = quickstart(scene, "--processes", "3", make_tree(scene))
    equal(finished.returncode, 0, "exit status of " + finished.stdout + finished.stderr)
    sums = re.search(r"^recorded (\d+), reported (\d+); failed (\d+), reported (\d+)$", finished.stdout, re.M)
    check(sums, "no line of sums:", finished.stdout)
    equal(sums.groups(), (str(30 + 30 + 29 + 29),) * 2 + ("2", "2"), "sums")
    table = finished.stdout[sums.end():]
    for name in ("archive_file", "read_file", "compress", "digest"):
        check(re.search(rf"^.*\b{name}\b", table, re.M), name, "is not in the table:", table)
    for line in ('primitive_requests_total{primitive_name="archive_file",primitive_type="workflow",status="success"} 29',
                 'primitive_requests_total{primitive_name="archive_file",primitive_type="workflow",status="failure"} 1'):
        check(line in finished.stdout.splitlines(), line, "is not in the output:", finished.stdout)
    contains(finished.stdout, ["primitive_slo_compliance{", "primitive_cost_total{"], "metrics shown")
    contains(finished.stderr, ["30 of 30 files", "/metrics"], "stderr")
    check_nothing_left(scene)
    changed = scene.run(["git", "-C", CLONE, "status", "--porcelain"])
    equal(changed.stdout, "", "what git sees in the clone afterwards")


@test
def it_can_be_called_from_elsewhere_with_a_relative_directory(scene):
    make_tree(scene)
    finished = quickstart(scene, "--dir", "some files")
    equal(finished.returncode, 0, "exit status of " + finished.stdout + finished.stderr)
    check_nothing_left(scene)


@test
def with_stay_the_agent_stays_until_it_is_ended_as_the_last_line_says(scene):
    finished = quickstart(scene, "--stay", make_tree(scene))
    equal(finished.returncode, 0, "exit status of " + finished.stdout + finished.stderr)
    url = re.search(r"curl -s (http://127\.0\.0\.1:\d+/metrics)$", finished.stderr, re.M).group(1)
    page = urllib.request.urlopen(url, timeout=5).read().decode()
    contains(page, ['primitive_name="archive_file"'], "the page afterwards")
    check(len(processes()) == 1, "the agent alone should stay:", processes())
    look = re.search(r"^  look: +(.*)$", finished.stderr, re.M).group(1)
    looked = scene.run(["/bin/sh", "-c", f"cd '{CLONE}'; {look} --once"])
    equal(looked.returncode, 0, "exit status of " + look)
    contains(looked.stdout, ["archive_file"], look)
    end = re.search(r"^  end: +(.*)$", finished.stderr, re.M).group(1)
    ended = scene.run(["/bin/sh", "-c", f"cd '{CLONE}'; {end}"])
    equal((ended.returncode, ended.stderr), (0, ""), "exit status and stderr of " + end)
    check_nothing_left(scene)


def at_a_terminal(scene, words, key, after):
    """Runs it at a terminal of its own, and types `key` when the output has `after`. Returns status and output."""
    make_clone(scene)
    ours, theirs = pty.openpty()
    process = scene.spawn(["setsid", "--ctty", "--wait", SCRIPT, *words], stdin=theirs, stdout=theirs, stderr=theirs,
                          environment=environment(scene))
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if after and after in seen:
            os.write(ours, key)
            after = None
    os.close(ours)
    return process.wait(timeout=30), seen.decode()


@test
def ctrl_c_ends_it_in_good_order(scene):
    status, text = at_a_terminal(scene, [], b"\x03", b"MB/s")
    equal(status, 130, "exit status of " + text)
    found = re.search(r"recorded (\d+), reported (\d+);", text)
    check(found and found.group(1) == found.group(2), "sums of the interrupted demo:", text)
    check_nothing_left(scene)


@test
def killed_by_term_it_leaves_nothing_behind(scene):
    make_clone(scene)
    process = scene.spawn([SCRIPT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, environment=environment(scene))
    until(lambda: any("slipring-demo" in command for command in processes().values()), "the demo", seconds=600)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    equal(process.returncode, 143, "exit status of " + out)
    check_nothing_left(scene)


@test
def killed_by_kill_its_agent_and_demo_end_too(scene):
    make_clone(scene)
    process = scene.spawn([SCRIPT], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          environment=environment(scene))
    until(lambda: any("slipring-demo" in command for command in processes().values()), "the demo", seconds=600)
    process.kill()
    process.wait()
    until(lambda: processes() == {}, "the end of agent and demo")


@test
def an_agent_that_can_not_start_is_a_clear_failure(scene):
    make_clone(scene)
    tree = make_tree(scene)
    os.chmod(scene.shm, 0o755)
    finished = scene.run([SCRIPT, tree], seconds=600, environment={
        **environment(scene), "SLIPRING_SHM_DIR": os.path.join(scene.shm, "nowhere")})
    equal(finished.returncode, 1, "exit status of " + finished.stdout + finished.stderr)
    contains(finished.stderr, ["slipringd did not come up", "shared-memory folder"], "stderr")
    check_nothing_left(scene)


@test
def bad_input_is_refused_before_anything_is_done(scene):
    empty = os.path.join(scene.work, "empty")
    os.mkdir(empty)
    for words, sentence in ((["--processes", "0"], "1 to 64"), (["--processes", "65"], "1 to 64"),
                            (["--processes", "many"], "1 to 64"), (["--processes"], "needs a value"),
                            (["/nowhere/at/all"], "no directory"), (["/etc", "/usr"], "one directory"),
                            (["--wrong"], "no option")):
        finished = quickstart(scene, *words, seconds=10)
        equal(finished.returncode, 2, f"exit status of {words}")
        contains(finished.stderr, ["quickstart: ", sentence], f"stderr of {words}")
    finished = quickstart(scene, empty)
    equal(finished.returncode, 2, "exit status for an empty directory")
    contains(finished.stderr, ["no files under"], "stderr")
    check_nothing_left(scene)


try:
    main()
finally:
    for left in processes():  # where a test failed; each runs a program of this very clone
        os.kill(left, signal.SIGKILL)
    shutil.rmtree(CLONES)
