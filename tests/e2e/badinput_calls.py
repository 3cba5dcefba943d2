#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Names, durations, targets, folders, ports and pipes that cannot be taken: each gets a message that names what, why and
what to do; nothing of it is recorded, and nothing else is lost."""
import ctypes
import os
import resource
import signal
import socket

from _metrics import scrape
from _scene import BIN, STORE
from _tests import check, contains, equal, main, test, until

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


def bound_by_permissions():
    """Makes the program that is run next heed permissions, also when it is root's."""
    if os.getuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                os._exit(99)


NAMES = (
    ("a\x01b", "control"), ("tab\there", "control"), ("new\nline", "control"), ("\x7f", "control"), ("\x1b[31mred", "control"),
    ("\u0085", "control"), ("x" * 129, "too long"), ("é" * 65, "too long"), ("", "empty"),
    (b"caf\xe9", "UTF-8"), (b"\xc0\x80", "UTF-8"), (b"\xed\xa0\x80", "UTF-8"), (b"\xff", "UTF-8"),
)
DURATIONS = (
    ("NaN", "number"), ("nan", "number"), ("nans", "number"), ("inf", "number"), ("-5ms", "negative"), ("-0s", "negative"),
    ("5", "unit"), ("0", "unit"), ("ms", "number"), ("", "empty"), ("5 parsecs", "unit"), ("1e3s", ("unit", "number")),
    ("0x10s", ("unit", "number")), ("53d", "too large"), ("100000h", "too large"), ("1" * 60 + "s", "too large"),
    ("0.0000000001s", "finer"), ("1.2.3s", ("number", "unit")), ("5ms\n", ("unit", "number")), ("１s", "number"),
)
MONEY = (("NaN", "number"), ("-1", "negative"), ("1e9", "number"), ("99999999999999999999", "too large"), ("9007200", "too large"),
         ("0.0000000001", "finer"), ("", "empty"), ("5 EUR", "number"))


def refused(scene, words, says):
    result = scene.slipring(*words)
    equal(result.returncode, 2, f"exit status of {words}")
    equal(result.stdout, "", f"stdout of {words}")
    contains(result.stderr, says, f"the refusal of {words}")
    lines = result.stderr.splitlines()
    check(len(lines) == 1 and lines[0].startswith("slipring"), f"the refusal of {words} is no line of its own:", result.stderr)
    check(all(c.isprintable() for c in lines[0]), "raw bytes reach the terminal:", repr(lines[0]))


@test
def the_cli_refuses_names_durations_and_money_and_says_why(scene):
    for name, why in NAMES:
        refused(scene, ["record", name, "--duration", "1ms"], [why, "1 to 128 bytes"])
        refused(scene, ["exec", name, "--", "true"], [why, "1 to 128 bytes"])
    for duration, why in DURATIONS:
        refused(scene, ["record", "work", f"--duration={duration}"], [why, "with a unit"] if duration else [("empty", "value")])
    for amount, why in MONEY:
        refused(scene, ["record", "work", "--duration", "1ms", f"--cost={amount}"], [why if amount else ("empty", "value")])
    refused(scene, ["record", "work"], ["--duration"])
    refused(scene, ["record", "work", "--duration", "1ms", "--type", "t" * 64], ["type", "too long"])
    refused(scene, ["record", "work", "--duration", "1ms", "--cost", "1", "--category", "c" * 32], ["category", "too long"])
    refused(scene, ["record", "work", "--duration", "1ms", "--store", "../etc"], ["../etc"])
    equal(os.listdir(scene.shm), [], "what refused records made")

    agent = scene.agent()
    for words in (["x" * 128, "--duration", "0s"], ["é" * 64, "--duration", "52d"], ["work", "--duration", "1h30m"]):
        result = scene.slipring("record", *words)
        equal((result.returncode, result.stderr), (0, ""), f"what is just within the limits, {words}")
    until(lambda: sum(scrape(agent).recorded(n) for n in ("x" * 128, "é" * 64, "work")) == 3, "the three are booked")
    equal(scrape(agent).total("primitive_duration_seconds_count"), 3, "everything that was recorded")
    equal(scrape(agent).total("primitive_clamped_total"), 0, "clamped")


@test
def the_library_refuses_names_and_targets_and_clamps_durations(scene):
    agent, recorder = scene.agent(), scene.recorder()
    recorder.ok("get", 0, "kept", "step")
    for name in ("%01", "%7F", "a%0Ab", "x" * 129, "%C3", "%ED%A0%80", "%C2%85"):
        equal(recorder.ask("get", 1, name), ["BAD_NAME"], f"slipring_primitive_get() of {name}")
        recorder.send("record 1 5 S", "amount 1 5 5 0")  # on NULL: ignored
        recorder.ok("begin", 1, 1)
        recorder.ok("end", 1, 1, "S")
    equal(recorder.ask("get", 1, "fine", "t" * 64), ["BAD_NAME"], "a type of 64 bytes")
    equal(recorder.ask("category", 0, "c" * 32)[0], "BAD_NAME", "a category of 32 bytes")
    equal(recorder.ask("slo", 0, 1_000_000_000, 0, 1000), ["BAD_TARGET"], "a target of 1")
    equal(recorder.ask("slo", 0, 0, 1_000_000_000, 0), ["BAD_TARGET"], "an availability of 1")
    equal(recorder.ask("slo", 0, 4_294_967_295, 0, 1000), ["BAD_TARGET"], "a target of 4.29")
    equal(recorder.ask("slo", 0, 0, 0, 1000), ["BAD_ARGUMENT"], "no objective at all")
    equal(recorder.ask("slo", 0, 500_000_000, 0, 0), ["BAD_ARGUMENT"], "a threshold of 0")
    recorder.ok("slo", 0, 999_999_999, 1, 1000)
    equal(recorder.ask("slo", 0, 999_999_998, 1, 1000), ["CONFLICT"], "other figures for the same objective")
    recorder.send("record 0 18446744073709551615 S", f"record 0 {1 << 52} F", f"record 0 {(1 << 52) - 1} S",
                  "record 0 5 S 18446744073709551615 0 0", "record 0 5 S 7 0 4294967295")
    recorder.ok("sync")
    until(lambda: scrape(agent).recorded("kept") == 5, "all five are booked")
    page = scrape(agent)
    equal(page.get("primitive_clamped_total", primitive_name="kept"), 3, "clamped: two durations and an amount")
    equal(page.requests("kept"), (4, 1, 0), "outcomes")
    equal(str(page.get("primitive_cost_total", primitive_name="kept", category="default")), "9007199.254740999", "cost")
    equal(recorder.ok("dropped"), ["0"], "dropped")
    for name in ("../x", ".x", "-x", "a%20b", "n" * 65, "a/b"):
        equal(scene.recorder(False).ask("open", name), ["BAD_NAME"], f"slipring_open() of {name}")
    recorder.finish()


def check_unusable(scene, status, agent_says, tool_says, before_exec=None, environment=None):
    """Nobody can make a store there: the agent refuses, the tools too, a program runs on without recording."""
    agent = scene.agent(wait=False, before_exec=before_exec, environment=environment)
    equal(agent.wait(5), 1, f"the agent's exit status; {agent.log()}")
    contains(agent.log(), agent_says, "the agent's log")
    result = scene.slipring("record", "x", "--duration", "1ms", before_exec=before_exec, environment=environment)
    equal(result.returncode, 2, f"exit status of slipring record; {result.stderr}")
    contains(result.stderr, tool_says, "slipring record")
    result = scene.slipring("exec", "x", "--", "sh", "-c", "echo ran; exit 7", before_exec=before_exec,
                            environment=environment)
    equal((result.returncode, result.stdout), (7, "ran\n"), f"slipring exec runs the command all the same; {result.stderr}")
    contains(result.stderr, tool_says, "slipring exec")
    recorder = scene.recorder(False, before_exec=before_exec, environment=environment)
    equal(recorder.ask("open", STORE), [status], "slipring_open()")
    recorder.ask("get", 0, "x")
    recorder.send("record 0 5 S", "amount 0 5 5 0")
    recorder.ok("begin", 0, 2)
    recorder.ok("end", 0, 1, "S")
    recorder.ok("cancel", 0, 1)
    check(int(recorder.ok("dropped")[0]) >= 2, "drops were not counted")
    contains(" ".join(recorder.ask("status")), tool_says, "slipring_status_text()")
    recorder.finish()


@test
def a_shared_memory_folder_that_cannot_be_written_is_named(scene):
    nowhere = os.path.join(scene.work, "nowhere")
    check_unusable(scene, "NO_FOLDER", [nowhere, "missing or not writable"], ["missing or not writable", "SLIPRING_SHM_DIR"],
                   environment={"SLIPRING_SHM_DIR": nowhere})
    a_file = scene.new_log()
    open(a_file, "w").close()
    check_unusable(scene, "NO_FOLDER", [a_file, "missing or not writable"], ["missing or not writable", "SLIPRING_SHM_DIR"],
                   environment={"SLIPRING_SHM_DIR": a_file})
    os.chmod(scene.shm, 0o555)
    check_unusable(scene, "NO_FOLDER", [scene.shm, "not writable"], ["not writable", "SLIPRING_SHM_DIR"],
                   before_exec=bound_by_permissions)
    os.chmod(scene.shm, 0o755)
    equal(os.listdir(scene.shm), [], "what was made meanwhile")


@test
def a_file_size_limit_is_named_and_kills_nobody(scene):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    check_unusable(scene, "FILE_LIMIT", ["RLIMIT_FSIZE"], ["RLIMIT_FSIZE", "ulimit -f"], before_exec=limit)


@test
def a_port_in_use_is_named_and_the_store_is_free_for_the_next_agent(scene):
    recorder = scene.recorder()
    recorder.ok("get", 0, "waiting", "step")
    recorder.send(*["record 0 5000000 S"] * 300)
    recorder.ok("sync")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        agent = scene.agent(port=port, wait=False)
        equal(agent.wait(5), 1, f"exit status; {agent.log()}")
        contains(agent.log(), [f"127.0.0.1:{port}", "in use", "--listen"], "the log")
    agent = scene.agent(port=port)
    until(lambda: scrape(agent).recorded("waiting") == 300, "what was recorded meanwhile")
    rival = scene.agent("--store", "another", port=port, wait=False)
    equal(rival.wait(5), 1, f"exit status of another store's agent on our port; {rival.log()}")
    equal(agent.get("/-/ready")[0], 200, "our own")


@test
def the_agent_refuses_options_that_make_no_sense(scene):
    agent = os.path.join(BIN, "slipringd")
    for words, says in ((["--listen", "nonsense"], ["nonsense"]), (["--listen", "127.0.0.1:99999"], ["99999"]),
                        (["--le", "1,0.5"], ["0.5"]), (["--le", "NaN"], ["NaN"]), (["--max-primitives", "0"], ["0"]),
                        (["--store", "a/b"], ["a/b"]), (["--shm-dir", "relative"], ["relative"]), (["--frobnicate"], ["frobnicate"]),
                        (["--group", "no-such-group-here"], ["no-such-group-here"]), (["surplus"], ["surplus"])):
        result = scene.run([agent, *words], seconds=5)
        equal((result.returncode, result.stdout), (2, ""), f"{words}: {result.stderr}")
        contains(result.stderr, says, f"the refusal of {words}")


@test
def a_pipe_that_closes_early_ends_every_reader_quietly(scene):
    agent, recorder = scene.agent(), scene.recorder()
    for place in range(400):
        recorder.ok("get", place, f"primitive-{place:03}", "step")
        recorder.send(f"record {place} 5000000 S 3 4 0")
    recorder.ok("sync")
    until(lambda: scrape(agent).total("primitive_duration_seconds_count") == 400, "all are booked")
    commands = [f"slipring {words}" for words in ("show", "show --json", "show primitive-007 --by process", "slo", "slo --json",
                                                  "report", "report --json", "top --once", "rings", "rings --json", "ls", "ls --json",
                                                  "verify", "--help", "help record")]
    for command in commands:
        for reader in ("head -n 1", "head -c 0", "true"):
            for before in ("", "trap '' PIPE; "):
                script = f'{before}{command} | {reader} >/dev/null; echo "${{PIPESTATUS[0]}}"'
                result = scene.run(["bash", "-c", script], seconds=20)
                check(result.stdout.strip() in ("0", str(128 + signal.SIGPIPE)), f"{script}: ended with", result.stdout)
                equal(result.stderr, "", f"stderr of {script}")
    for command in commands:
        result = scene.run(["bash", "-c", f"{command} > /dev/full"], seconds=20)
        equal(result.returncode, 2, f"{command} > /dev/full; {result.stderr}")
        contains(result.stderr, ["cannot write"], f"{command} > /dev/full")
    check(agent.alive(), "the agent ended")


if __name__ == "__main__":
    main()
