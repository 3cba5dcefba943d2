#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands of slipring against living, killed and absent agents, as a person, a script and a terminal use them."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from _ledger import Ledger
from _scene import BIN, STORE
from _tests import check, contains, equal, main, test, until

SLIPRING = os.path.join(BIN, "slipring")
READERS = (("ls",), ("show",), ("show", "x", "--by", "process"), ("top", "--once"), ("slo",), ("report",), ("rings",), ("verify",))


def figures(scene, name):
    """The primitive as show --json has it; None: not there yet."""
    result = scene.slipring("show", "--json", name)
    found = json.loads(result.stdout)["primitives"] if result.returncode == 0 else []
    return found[0] if found else None


def booked(scene, name, count):
    def ask():
        found = figures(scene, name)
        return found if found and found["counts"]["executions"] >= count else None

    return until(ask, f"{count} executions of {name} are booked")


def verdict(scene, *words, **more):
    result = scene.slipring("verify", "--json", *words, **more)
    check(result.returncode in (0, 1), "verify:", result.stderr)
    answer = json.loads(result.stdout)
    equal(answer["agrees"], result.returncode == 0, f"exit status of {result.stdout}")
    return answer


@test
def what_was_recorded_is_shown(scene):
    scene.agent()
    for words in (["-d", "12ms"], ["-d", "30ms", "--failure"], ["-d", "1.5s", "--cost", "0.002", "--category", "tokens"],
                  ["--duration=250us", "--savings=1"], ["-d0s"]):
        result = scene.slipring("record", "translate", "--type", "llm", *words)
        equal((result.returncode, result.stdout, result.stderr), (0, "", ""), f"record {words}")
    seen = booked(scene, "translate", 5)
    equal(seen["counts"]["executions"], 5, "executions")
    equal(seen["counts"]["failure"], 1, "failures")
    equal(seen["type"], "llm", "type")
    equal(seen["cost"]["cost_breakdown"]["tokens"], 0.002, "cost of tokens")
    equal(seen["cost"]["total_savings"], 1, "savings")
    equal(seen["duration_seconds"]["max"], 1.5, "longest")
    equal(seen["duration_seconds"]["min"], 0, "shortest")
    text = scene.slipring("show").stdout
    contains(text, ["translate  llm", "p99", "±1.08%", "$0.002", "failed 1"], "show")
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.startswith("  ") and line.split()[0] in seen["windows"]}
    equal(sorted(rows), sorted(["10s", "1m", "5m", "1h", "1d", "7d", "lifetime"]), "windows that are shown")
    equal([rows[window][2] for window in rows if window != "10s"], ["5"] * 6, "n of each but the shortest, which may be over")
    contains(scene.slipring("top", "--once").stdout, ["PRIMITIVE", "translate"], "top --once")
    equal(len(scene.slipring("top").stdout.splitlines()), 3, "lines of top without a terminal")


@test
def every_reader_prints_one_json_object_on_one_line(scene):
    agent = scene.agent()
    scene.slipring("record", "x", "-d", "1ms")
    booked(scene, "x", 1)
    for state in ("alive", "killed"):
        for words in READERS:
            result = scene.slipring(*words, "--json")
            equal((result.returncode, result.stderr, result.stdout.count("\n")), (0, "", 1), f"{words} --json, agent {state}")
            check(isinstance(json.loads(result.stdout), dict), words)
        agents = json.loads(scene.slipring("show", "--json").stdout)["agent"]
        equal(agents["alive"], state == "alive", f"agent in show --json, {state}")
        listed = json.loads(scene.slipring("ls", "--json").stdout)["stores"][0]["agent"]["state"]
        equal(listed, "running" if state == "alive" else "died", "agent in ls --json")
        agent.kill()


@test
def a_read_only_file_system_is_no_question_of_permission(scene):
    scene.slipring("record", "x", "-d", "1ms")
    calls = (("record", "x", "-d", "1ms"), ("record", "x", "-d", "1ms", "-s", "another"), ("rm", STORE), ("ls",))
    script = 'cd "$1" && mount --bind . "$1" && mount -o remount,ro,bind "$1" || exit 77; shift; "$@"'
    for words in calls:
        done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", scene.shm, SLIPRING, *words], capture_output=True,
                              text=True, env={**os.environ, "SLIPRING_SHM_DIR": scene.shm, "SLIPRING_STORE": STORE}, timeout=60, check=False)
        if done.returncode == 77 or "unshare failed" in done.stderr:
            print("# no mount name space may be made here: not tried")
            return
        if words == ("ls",):
            equal(done.returncode, 0, f"ls: {done.stderr}")
        else:
            equal(done.returncode, 2, f"{words}: {done.stdout}")
            contains(done.stderr, ["mounted read-only"], words)
    equal(scene.slipring("record", "x", "-d", "1ms").returncode, 0, "writable outside")


@test
def without_an_agent_readers_say_from_when_the_figures_are(scene):
    agent = scene.agent()
    scene.slipring("record", "x", "-d", "1ms")
    booked(scene, "x", 1)
    equal(agent.stop()[0], 0, "the agent's exit status")
    now = time.strftime("%H:%M")
    for words in (("show",), ("top", "--once")):
        text = scene.slipring(*words).stdout
        found = re.search(r"agent is not running; figures are from (\d\d:\d\d):\d\d", text)
        check(found, words, "does not say it:", text)
        check(abs(int(found.group(1)[-2:]) - int(now[-2:])) % 59 <= 1, words, "says another time than", now, ":", text)
    contains(scene.slipring("ls").stdout, ["stopped"], "ls")


@test
def before_the_first_agent_the_store_is_said_to_have_no_figures(scene):
    equal(scene.slipring("show").returncode, 2, "show without a store")
    contains(scene.slipring("show").stderr, ["no such store", "start slipringd"], "show without a store")
    scene.slipring("record", "x", "-d", "1ms")
    refused = scene.slipring("show")
    equal((refused.returncode, refused.stdout), (2, ""), "show before the first agent")
    contains(refused.stderr, ["nothing is published", "is slipringd running"], "show before the first agent")
    for words in (("show", "x"), ("slo", "explain", "x"), ("slo", "check", "x")):
        refused = scene.slipring(*words)
        equal((refused.returncode, refused.stdout), (1, ""), f"{words} before the first agent: the answer is no")
        contains(refused.stderr, ["nothing is published"], f"{words} before the first agent")
    equal(verdict(scene)["in_blocks"], 1, "what waits")
    contains(scene.slipring("rings").stdout, ["no thread holds a ring now", "SHARED SPILL", "x"], "rings")


def objectives(scene, *patterns):
    answer = json.loads(scene.slipring("slo", "--json", *patterns).stdout)
    return {(one["primitive"], one["name"]): one for one in answer["objectives"]}


@test
def objectives_are_listed_explained_and_gated(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    for place, (name, failures) in enumerate((("good", 1), ("bad", 40), ("unasked", 5))):
        recorder.ok("get", place, name, "step")
        if name != "unasked":
            recorder.ok("slo", place, 990_000_000, 990_000_000, 50_000_000)
        recorder.send(*[f"record {place} 1000000 S"] * (200 - failures), *[f"record {place} 90000000 F"] * failures)
    recorder.ok("sync")

    def judged():
        seen = objectives(scene)
        return len(seen) == 4 and all(one["total"] == 200 and one.get("windows", {}).get("1h", {}).get("total") == 200
                                      for one in seen.values()) and seen

    seen = until(judged, "four objectives of 200 executions, judged")
    bad = seen["bad", "availability"]
    equal((bad["good"], bad["total"], bad["allowed_bad"], bad["compliance"]), (160, 200, 2, 0.8), "counts")
    equal((round(bad["error_budget_balance"], 9), bad["error_budget_remaining"]), (-19, 0), "budget: 1 - 40 / 2")
    equal(round(bad["windows"]["1h"]["burn_rate"], 9), 20, "burn of the last hour: 40 / 200 / 0.01")
    until(lambda: objectives(scene)["bad", "latency"]["alerts"][0]["state"] == "firing", "1h/5m fires: 20 > 14.4")
    lines = scene.slipring("slo").stdout.splitlines()
    equal([line.split()[0] for line in lines[2:]], ["bad", "bad", "good", "good"], "what hurts most first")
    contains(lines[2], ["FIRING 1h/5m", "spent", "-1900%"], "the first line")
    equal(len(scene.slipring("slo", "go*").stdout.splitlines()), 4, "lines of those that match")

    text = scene.slipring("slo", "explain", "bad", "availability").stdout
    contains(text, ["= 200 - 160", "= 0.01 * 200", "= 1 - 40 / 2", "= 40 / 200 / 0.01", "= 0.02 * 2592000 / 3600", "FIRING: 1h burns 20 > 14.4"],
             "slo explain")
    for words, status, says in ((["good"], 0, "PASS good"), (["good", "--min-budget", "60%"], 1, "budget left 50% < 60%, short of it by 10%"),
                                (["bad", "availability"], 1, "FAIL bad: availability: budget left -1900%"),
                                (["good", "--max-burn", "1h=0.4"], 1, "burn 1h 0.5 > 0.4"), (["good", "--max-burn", "1h=0.5"], 0, "PASS")):
        gate = scene.slipring("slo", "check", *words)
        equal((gate.returncode, gate.stderr, gate.stdout.count("\n")), (status, "", 1), f"slo check {words}: {gate.stdout}")
        contains(gate.stdout, [says], f"slo check {words}")
    contains(scene.slipring("slo", "check", "unasked").stderr, ["has no objective"], "without one")

    report = json.loads(scene.slipring("report", "--json").stdout)
    equal([one["name"] for one in report["primitives"]], ["bad", "good", "unasked"], "what hurts most first")
    equal((report["totals"]["n"], report["totals"]["failures"]), (600, 46), "totals")
    check(any(one["primitive"] == "bad" and one["pair"] == "1h/5m" and "ended_unix_seconds" not in one for one in report["incidents"]),
          "no incident:", report["incidents"])
    refused = scene.slipring("report", "--since", "2d")
    equal((refused.returncode, refused.stdout), (2, ""), "a window that is not kept")
    contains(refused.stderr, ["no window of '2d' is kept", "10s, 1m, 5m, 1h, 1d, 7d"], "its message")

    agent.kill()
    gate = scene.slipring("slo", "check", "good")
    equal(gate.returncode, 1, "a gate with the agent dead")
    contains(gate.stdout, ["FAIL good: the agent is not running"], "its line")
    contains(scene.slipring("report").stdout, ["agent is not running"], "the report says so")
    recorder.finish()


@test
def the_slow_worker_is_found_from_its_last_samples(scene):
    agent = scene.agent()
    workers = {}
    for name, ns, failures in (("fast", 1_000_000, 0), ("slow", 50_000_000, 3), ("middle", 2_000_000, 0)):
        worker = workers[name] = scene.recorder()
        worker.ok("get", 0, "work", "step")
        worker.ok("get", 1, "other")
        worker.send(*[f"record 0 {ns} S"] * 97, *[f"record 0 {ns} {'F' if failures else 'S'}"] * 3, f"record 1 {10**9} S")
        worker.ok("sync")
    booked(scene, "work", 300)
    for state in ("drained", "the agent dead"):
        text = scene.slipring("show", "work", "--by", "process")
        equal((text.returncode, text.stderr), (0, ""), f"show --by process, {state}")
        contains(text.stdout, ["PID", "GOES BACK", "looked at in the lines that the processes write"], state)
        rows = [line.split() for line in text.stdout.splitlines()[1:4]]
        equal([int(row[0]) for row in rows], [workers[name].pid for name in ("slow", "middle", "fast")], "the slowest first")
        answer = json.loads(scene.slipring("show", "work", "--by", "thread", "--json").stdout)
        slowest = answer["threads"][0]
        equal((slowest["pid"], slowest["thread"], slowest["n"], slowest["failures"], slowest["max"]),
              (workers["slow"].pid, workers["slow"].pid, 100, 3, 0.05), "the slowest thread")
        check(abs(slowest["p99"] / 0.05 - 1) <= slowest["relative_error"], "its p99:", slowest)
        equal(round(sum(one["share"] for one in answer["threads"]), 9), 1, "shares")
        if state == "drained":
            agent.kill()
    workers["slow"].send(*["record 0 90000000 S"] * 2000)  # more than its ring holds, and nobody drains
    workers["slow"].ok("sync")
    slowest = json.loads(scene.slipring("show", "work", "--by", "process", "--json").stdout)["processes"][0]
    equal(slowest["pid"], workers["slow"].pid, "the slowest")
    check(slowest["spilled"] > 0 and slowest["spilled_max"] == 0.09, "what spilled is not told apart:", slowest)
    check(slowest["n"] + slowest["spilled"] <= 2100, "more than was recorded:", slowest)
    workers["fast"].finish()
    for words, status, hint in ((["--by", "process"], 2, "give its NAME"), (["work", "--by", "pid"], 2, "none of process, thread"),
                                (["wrk", "--by", "process"], 1, "did you mean 'work'")):
        refused = scene.slipring("show", *words)
        equal((refused.returncode, refused.stdout), (status, ""), f"show {words}")
        contains(refused.stderr, [hint], f"show {words}")


@test
def a_worker_is_looked_at_while_it_records(scene):
    scene.agent()
    recorder = scene.recorder()
    for place in range(2):
        recorder.ok("get", place, f"load_{place}")
    recorder.ok("ledger", Ledger(scene).path)
    recorder.ok("load", 0, 1, 2)
    seen = 0
    for _ in range(10):
        answer = json.loads(scene.slipring("show", "load_0", "--by", "thread", "--json").stdout)
        for one in answer["threads"]:
            check(one["n"] == 0 or one["max"] < 100, "no duration of the load:", one)
            seen += one["n"]
    check(seen > 100, "hardly anything was seen:", seen)
    recorder.ok("unload")
    recorder.finish()


@test
def rings_says_what_keeps_threads_from_having_one(scene):
    scene.agent("--ring-cap", "2")
    app = scene.recorder()
    for place in range(3):
        app.ok("get", place, f"p{place}")
        app.send(f"record {place} 1000 S")
    app.ok("sync")
    text = scene.slipring("rings").stdout
    contains(text, ["holds 2 rings, all that it may", "--ring-cap", "p2"], "rings at the cap")
    room = json.loads(scene.slipring("rings", "--json").stdout)["room"]
    equal((room["ring_cap"], room["rings"] - room["rings_free"], room["process_slots"] - room["process_slots_free"]),
          (2, 2, 1), "the room")
    check(room["memory_free_bytes"] > 0, "no memory:", room)
    app.finish()
    until(lambda: json.loads(scene.slipring("rings", "--json").stdout)["room"]["rings_free"] == room["rings"], "all are free again")
    check("all that it may" not in scene.slipring("rings").stdout, "it is still said")


@test
def exec_ends_as_its_command_did_and_records_it(scene):
    scene.agent()
    run = lambda *words, **more: scene.slipring("exec", "job", "--", *words, **more)
    equal(run("true").returncode, 0, "true")
    equal(run("sh", "-c", "exit 7").returncode, 7, "exit 7")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSEGV):
        equal(run("sh", "-c", f"kill -{int(number)} $$").returncode, -number, f"a command killed by {number.name}")
    shell = scene.run(["bash", "-c", f'"{SLIPRING}" exec job -- sh -c "kill -TERM \\$\\$"; echo $?'])
    equal(shell.stdout, "143\n", "what a shell sees of a command that SIGTERM killed")
    echoed = scene.run(["sh", "-c", f'echo in | "{SLIPRING}" exec job cat -; exit $?'])
    equal((echoed.returncode, echoed.stdout, echoed.stderr), (0, "in\n", ""), "a command's input and output")
    seen = booked(scene, "job", 8)
    equal((seen["counts"]["success"], seen["counts"]["failure"]), (2, 6), "outcomes")
    missing = run("no-such-command-anywhere")
    equal(missing.returncode, 127, "a command that does not exist")
    contains(missing.stderr, ["no-such-command-anywhere", "nothing was recorded"], "its message")
    equal(run("/etc/hostname").returncode, 126, "a file that is no program")
    time.sleep(0.3)
    seen = figures(scene, "job")
    equal((seen["counts"]["executions"], seen["counts"]["aborted"]), (8, 0), "what could not be started is not recorded")
    check(seen["duration_seconds"]["max"] < 5, "durations:", seen)


@test
def exec_passes_signals_on_and_waits_for_the_command(scene):
    scene.agent()
    script = 'trap "echo got TERM; exit 3" TERM; echo ready; while :; do sleep 0.05; done'
    process = scene.spawn([SLIPRING, "exec", "served", "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    equal(process.stdout.readline(), "ready\n", "the command's first line")
    until(lambda: (figures(scene, "served") or {}).get("throughput", {}).get("active_requests") == 1, "it counts as active")
    process.send_signal(signal.SIGTERM)
    equal((process.stdout.readline(), process.wait(10)), ("got TERM\n", 3), "the command's end")
    seen = booked(scene, "served", 1)
    equal((seen["counts"]["failure"], seen["throughput"]["active_requests"]), (1, 0), "failures and active")


@test
def exec_killed_counts_its_command_as_aborted(scene):
    scene.agent()
    process = scene.spawn([SLIPRING, "exec", "lost", "--", "sleep", "30"])
    children = f"/proc/{process.pid}/task/{process.pid}/children"
    until(lambda: open(children).read().split(), "the command runs")
    child = int(open(children).read().split()[0])
    until(lambda: (figures(scene, "lost") or {}).get("throughput", {}).get("active_requests") == 1, "it counts as active")
    process.kill()
    process.wait()
    os.kill(child, signal.SIGKILL)
    seen = until(lambda: (figures(scene, "lost") or {"counts": {"aborted": 0}})["counts"]["aborted"] == 1, "it is aborted")
    check(seen, "aborted")
    equal(figures(scene, "lost")["counts"]["executions"], 0, "executions")


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, scene, command):
        self.main, other = pty.openpty()
        self.process = scene.spawn(command, {"TERM": "xterm"}, stdin=other, stdout=other, stderr=other,
                                   before_exec=lambda: self._own(other))
        os.close(other)
        self.text = ""

    @staticmethod
    def _own(fd):
        import fcntl
        import termios
        os.setsid()
        fcntl.ioctl(fd, termios.TIOCSCTTY, 0)

    def read_until(self, pattern, seconds=60):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            check(time.monotonic() < end, f"{pattern!r} never came; seen:", repr(self.text))
            if select.select([self.main], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.main, 4096).decode(errors="replace")
                except OSError:
                    check(re.search(pattern, self.text), f"the end came before {pattern!r}:", repr(self.text))

    def type(self, keys):
        os.write(self.main, keys.encode())

    def close(self):
        os.close(self.main)


@test
def a_terminals_interrupt_reaches_the_command_once_and_exec_outlives_it(scene):
    agent = scene.agent()
    script = 'trap "echo one-INT" INT; echo ready; i=0; while [ $i -lt 8 ]; do sleep 0.1; i=$((i+1)); done; exit 5'
    terminal = Terminal(scene, [SLIPRING, "exec", "tty", "--", "sh", "-c", script])
    terminal.read_until("ready")
    terminal.type("\x03")
    terminal.read_until("one-INT")
    equal(terminal.process.wait(10), 5, "exec's exit status")
    while select.select([terminal.main], [], [], 0.2)[0]:
        try:
            terminal.text += os.read(terminal.main, 4096).decode(errors="replace")
        except OSError:
            break
    equal(terminal.text.count("one-INT"), 1, f"interrupts that the command saw: {terminal.text!r}")
    terminal.close()
    equal(booked(scene, "tty", 1)["counts"]["failure"], 1, "failures")
    check(agent.alive(), "the agent is gone")


@test
def colours_are_for_terminals_and_only_when_wanted(scene):
    scene.agent()
    scene.slipring("record", "x", "-d", "1ms")
    booked(scene, "x", 1)
    plain = scene.slipring("show")
    check("\x1b" not in plain.stdout, "colours without a terminal:", repr(plain.stdout))
    check("\x1b[1m" in scene.slipring("show", "--color=always").stdout, "no colours, though asked for")
    for environment, coloured in (({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)):
        terminal = Terminal(scene, ["env", *[f"{k}={v}" for k, v in environment.items()], SLIPRING, "show"])
        terminal.read_until("requests.*aborted 0")
        equal("\x1b[1m" in terminal.text, coloured, f"colours on a terminal with {environment}: {terminal.text!r}")
        terminal.process.wait(10)
        terminal.close()


@test
def a_reader_that_has_had_enough_ends_it_quietly(scene):
    scene.agent()
    recorder = scene.recorder()
    for place in range(500):
        recorder.ok("get", place, f"primitive_{place}")
        recorder.send(f"record {place} 1000 S")
    recorder.ok("sync")
    recorder.finish()
    booked(scene, "primitive_499", 1)
    for ignored in (False, True):
        trap = "trap '' PIPE; " if ignored else ""
        result = scene.run(["bash", "-c", f'{trap}"{SLIPRING}" show | head -n 1; echo "${{PIPESTATUS[0]}}"'])
        lines = result.stdout.splitlines()
        check(lines[0].startswith("store "), result.stdout)
        check(lines[-1] in ("0", "141"), f"its status (SIGPIPE ignored: {ignored})", lines[-1])
        equal(result.stderr, "", "stderr")
    with open("/dev/full", "w") as full:
        process = scene.spawn([SLIPRING, "show"], stdout=full, stderr=subprocess.PIPE, text=True)
        equal(process.wait(10), 2, "exit status on a full device")
        contains(process.stderr.read(), ["cannot write", "No space"], "message on a full device")


@test
def verify_agrees_live_dead_copied_and_at_rest(scene):
    agent = scene.agent()
    recorders = []
    for number in range(3):
        recorder = scene.recorder()
        for place in range(4):
            recorder.ok("get", place, f"load_{place}")
        recorder.ok("ledger", Ledger(scene).path)
        recorders.append(recorder)
    for recorder in recorders:
        recorder.ok("load", 0, 3, 2, 200, 1000)
    executions = 0
    for _ in range(10):
        answer = verdict(scene, "--wait", "0s")
        check(answer["agrees"], "live:", answer)
        check(answer["executions"] >= executions, "executions went backwards:", answer)
        executions = answer["executions"]
    agent.kill()
    answer = verdict(scene)
    check(answer["agrees"] and answer["exact"], "with the agent killed:", answer)
    equal(answer["difference"], 0, "difference with the agent killed")
    for recorder in recorders:
        recorder.ok("unload")
        recorder.finish()
    copy = os.path.join(scene.work, "copy")
    os.mkdir(copy)
    for kind in ("ring", "stats", "lock"):
        scene.run(["cp", "--sparse=always", scene.file(kind), copy])
    before = verdict(scene)
    copied = verdict(scene, environment={"SLIPRING_SHM_DIR": copy})
    equal(copied, before, "the verdict on copied segments")
    check(before["in_rings"] + before["in_blocks"] > 0, "nothing waits:", before)
    scene.agent()
    until(lambda: verdict(scene)["in_rings"] + verdict(scene)["in_blocks"] == 0, "all is booked")
    answer = verdict(scene)
    equal((answer["agrees"], answer["exact"], answer["difference"]), (True, True, 0), "the verdict at rest")
    equal(answer["drained"] + answer["spilled"], before["produced"], "what was produced is in the books")
    total = sum(one["counts"]["executions"] for one in json.loads(scene.slipring("show", "--json").stdout)["primitives"])
    equal(total, answer["executions"], "executions shown and verified")


@test
def a_store_in_use_is_not_removed(scene):
    agent = scene.agent()
    refused = scene.slipring("rm", STORE)
    equal(refused.returncode, 1, "rm while the agent lives")
    contains(refused.stderr, ["agent", str(agent.pid), "nothing was removed"], "its refusal")
    equal(scene.slipring("rm").returncode, 2, "rm without a name")
    recorder = scene.recorder()
    recorder.ok("get", 0, "x")
    recorder.send("record 0 1000 S")
    recorder.ok("sync")
    agent.stop()
    refused = scene.slipring("rm", STORE)
    equal(refused.returncode, 1, "rm while a process is attached")
    contains(refused.stderr, [str(recorder.pid)], "its refusal")
    recorder.finish()
    equal(scene.slipring("rm", "--force", STORE).returncode, 0, "rm at rest")
    equal(os.listdir(scene.shm), [], "what is left")
    missing = scene.slipring("rm", STORE)
    equal(missing.returncode, 2, "rm of what is not there")
    contains(missing.stderr, ["no such store", "slipring ls lists them"], "its message")
    check("slipringd" not in missing.stderr, "rm hints at an agent:", missing.stderr)


@test
def a_store_with_unbooked_samples_is_removed_only_by_force(scene):
    agent = scene.agent()
    scene.slipring("record", "x", "-d", "1ms")
    booked(scene, "x", 1)
    agent.kill()
    for count, words in ((1, ["holds 1 sample that"]), (2, ["holds 2 samples that"])):
        scene.slipring("record", "x", "-d", "1ms")
        files = sorted(os.listdir(scene.shm))
        refused = scene.slipring("rm", STORE)
        equal(refused.returncode, 1, f"rm with {count} unbooked")
        contains(refused.stderr, [*words, "start slipringd", "--force", "nothing was removed"], "its refusal")
        equal(sorted(os.listdir(scene.shm)), files, "the files after the refusal")
    agent = scene.agent()
    booked(scene, "x", 3)
    equal(agent.stop()[0], 0, "the agent's exit status")
    scene.slipring("record", "x", "-d", "1ms")
    equal(scene.slipring("rm", STORE).returncode, 1, "rm with another one unbooked")
    forced = scene.slipring("rm", "--force", STORE)
    equal((forced.returncode, forced.stderr), (0, ""), "rm --force")
    agent = scene.agent()
    scene.slipring("record", "x", "-d", "1ms")
    booked(scene, "x", 1)
    agent.stop()
    removed = scene.slipring("rm", STORE)
    equal((removed.returncode, removed.stderr, os.listdir(scene.shm)), (0, "", []), "rm of a store that is booked")
    scene.slipring("record", "x", "-d", "1ms")
    equal(scene.slipring("rm", STORE).returncode, 1, "rm of a store that never had an agent")
    os.truncate(scene.file("ring"), 100)
    spoilt = scene.slipring("rm", STORE)
    equal((spoilt.returncode, os.listdir(scene.shm)), (0, []), "rm of a truncated store")
    contains(spoilt.stderr, ["was removed", "cannot be told", "truncated"], "what it says of the samples")


@test
def what_is_registered_and_not_published_is_not_called_unknown(scene):
    agent = scene.agent()
    scene.slipring("record", "x", "-d", "1ms")
    booked(scene, "x", 1)
    agent.process.send_signal(signal.SIGSTOP)
    scene.slipring("record", "zz", "-d", "1ms", "--type", "step")
    waiting = scene.slipring("show", "zz")
    equal((waiting.returncode, waiting.stdout), (1, ""), "show before it is published")
    contains(waiting.stderr, ["'zz' is registered, but no figures of it are published yet", "try again in a moment"], "message")
    agent.kill()
    for words in (["zz"], ["zz", "--type", "step"], ["zz", "--json"]):
        dead = scene.slipring("show", *words)
        equal((dead.returncode, dead.stdout), (1, ""), f"show {words} with the agent dead")
        contains(dead.stderr, ["'zz' is registered", "slipringd is not running"], f"show {words}")
    for words in (["zzz"], ["zz", "--type", "workflow"]):
        unknown = scene.slipring("show", *words)
        equal(unknown.returncode, 1, f"show {words}")
        contains(unknown.stderr, ["no primitive", "is in store"], f"show {words}")
    scene.agent()
    booked(scene, "zz", 1)


@test
def a_command_that_takes_no_store_option_says_so(scene):
    scene.slipring("record", "x", "-d", "1ms")
    for words, hint in ((["rm", "--store", STORE], "slipring rm NAME"), (["--store", STORE, "rm", STORE], "slipring rm NAME"),
                        (["ls", "-s", STORE], "every store"), (["--store", STORE, "ls"], "every store")):
        refused = scene.slipring(*words)
        equal((refused.returncode, refused.stdout), (2, ""), f"{words}")
        contains(refused.stderr, ["--store is no option of", hint], f"{words}")
    check(os.path.exists(scene.file("ring")), "the store was removed")
    for command in ("rm", "ls"):
        check("--store" not in scene.slipring(command, "--help").stdout, command, "--help lists --store")
    equal(scene.slipring("ls", environment={"SLIPRING_STORE": "no/name"}).returncode, 0, "ls needs no $SLIPRING_STORE")


@test
def help_takes_one_command(scene):
    page = scene.slipring("help", "show")
    equal((page.returncode, page.stdout), (0, scene.slipring("show", "--help").stdout), "help show")
    refused = scene.slipring("help", "show", "extra")
    equal((refused.returncode, refused.stdout), (2, ""), "help show extra")
    contains(refused.stderr, ["'extra'", "too many", "slipring help [COMMAND]"], "its message")


@test
def what_thousands_of_short_programs_record_without_an_agent_is_kept(scene):
    runs = 1100  # more than there are process slots
    scene.run([SLIPRING, "record", "brief", "-d", "5ms"])  # registers the name
    pages = os.stat(scene.file("ring")).st_blocks
    scene.run(["sh", "-c", f'i=1; while [ $i -lt {runs} ]; do "{SLIPRING}" record brief -d 5ms || exit 1; i=$((i+1)); done'],
              seconds=120)
    answer = verdict(scene)
    equal((answer["produced"], answer["in_rings"], answer["in_blocks"]), (runs, 0, runs), "produced, in rings, in blocks")
    equal(os.stat(scene.file("ring")).st_blocks, pages, "pages that a thousand programs took")
    refused = scene.slipring("rm", STORE)
    equal(refused.returncode, 1, "rm before they are booked")
    contains(refused.stderr, [f"holds {runs} samples"], "its refusal")
    scene.agent()
    equal(booked(scene, "brief", runs)["counts"]["executions"], runs, "booked")
    answer = verdict(scene)
    equal((answer["agrees"], answer["difference"], answer["drained"] + answer["spilled"]), (True, 0, runs), "the verdict")


class Screen:
    """A command in a terminal of tmux, on a server of its own."""

    def __init__(self, scene, command):
        self.scene = scene
        self.tmux = ["tmux", "-S", os.path.join(scene.work, "tmux"), "-f", "/dev/null"]
        self.scene.run([*self.tmux, "new-session", "-d", "-x", "100", "-y", "12", command])

    def keys(self, *keys):
        self.scene.run([*self.tmux, "send-keys", *keys])

    def text(self):
        return self.scene.run([*self.tmux, "capture-pane", "-p"]).stdout

    def shows(self, *parts, seconds=60):
        until(lambda: all(part in self.text() for part in parts), f"the screen shows {parts}", seconds)

    def is_over(self):
        return self.scene.run([*self.tmux, "has-session"]).returncode != 0

    def close(self):
        self.scene.run([*self.tmux, "kill-server"])


@test
def top_is_live_sorts_scrolls_and_leaves(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    for place in range(30):
        recorder.ok("get", place, f"step_{place:02}")
        recorder.send(*[f"record {place} {1000 * (30 - place)} S"] * (place + 1))
    recorder.ok("sync")
    booked(scene, "step_29", 30)
    screen = Screen(scene, f"'{SLIPRING}' top --interval 100ms")
    try:
        screen.shows("PRIMITIVE", "step_00", "30 primitives", "sort: name", f"agent {agent.pid}")
        check("step_29" not in screen.text(), "all rows fit:", screen.text())
        screen.keys("G")
        screen.shows("step_29")
        screen.keys("g", "s", "s", "s", "s")
        screen.shows("sort: count")
        check(screen.text().splitlines()[2].startswith("step_29"), "the greatest count is not first:", screen.text())
        recorder.send("begin 0 3")
        recorder.ok("sync")
        screen.shows("3 active")
        scene.run([*screen.tmux, "resize-window", "-x", "50", "-y", "8"])
        until(lambda: max(map(len, screen.text().splitlines())) <= 50 and "q quit" in screen.text(), "the screen fits again")
        agent.kill()
        screen.shows("agent is not running", seconds=60)
        screen.keys("q")
        until(screen.is_over, "top ends")
    finally:
        screen.close()
    recorder.finish()


if __name__ == "__main__":
    main()
