#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The programs in docs/examples build with the command that each one's head gives, without a warning, with gcc and with
clang, and do what they say against a live agent."""
import os
import re
import shlex
import subprocess

from _scene import BUILD, ROOT
from _tests import check, contains, equal, main, test, until

EXAMPLES = os.path.join(ROOT, "docs", "examples")
STRICT = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
COMMAND = re.compile(r"^ \*     ((?:cc|c\+\+) .*)$", re.M)


def build_command(name):
    """As it stands in the example."""
    with open(os.path.join(EXAMPLES, name)) as source:
        found = COMMAND.findall(source.read())
    equal(len(found), 1, f"commands that build {name}")
    return found[0]


def make_pkg_config(scene):
    """A slipring.pc for the build as it lies there; what an install writes is tested in tests/install."""
    with open(os.path.join(scene.work, "slipring.pc"), "w") as pc:
        pc.write(f"Name: slipring\nDescription: not installed\nVersion: 0\n"
                 f"Cflags: -I{shlex.quote(ROOT)}/include -I{shlex.quote(BUILD)}/generated\n"
                 f"Libs: -L{shlex.quote(BUILD)}/lib -lslipring\n")
    scene.environment["PKG_CONFIG_PATH"] = scene.work
    scene.environment["LD_LIBRARY_PATH"] = os.path.join(BUILD, "lib")


def build(scene, name, compilers=None):
    """Builds it beside a copy of the source. Returns the program's path."""
    with open(os.path.join(EXAMPLES, name)) as source, open(os.path.join(scene.work, name), "w") as copy:
        copy.write(source.read())
    compiler, rest = build_command(name).split(" ", 1)
    compiler = (compilers or {}).get(compiler, compiler)
    built = scene.run(["/bin/sh", "-c", f"{compiler} {STRICT} {rest}"], seconds=60)
    equal((built.returncode, built.stderr), (0, ""), f"{compiler} on {name}")
    return os.path.join(scene.work, name.rsplit(".", 1)[0])


def run(scene, program, *words):
    finished = scene.run([program, *words])
    equal((finished.returncode, finished.stderr), (0, ""), f"{program}: exit status and stderr")
    return finished.stdout


def until_recorded(agent, primitive, count):
    return until(lambda: agent.metrics().recorded(primitive) == count and agent.metrics(),
                 f"{count} executions of {primitive}")


@test
def every_example_is_tested_here(scene):
    names = sorted(name for name in os.listdir(EXAMPLES) if not name.endswith(".yaml"))  # those are e2e.config's
    equal(names, ["guard.cpp", "hot_loop.c", "objectives.c", "readback.c", "record.c", "shed_load.c", "span.c",
                "traced.c", "usage.c"],
          "examples")


@test
def every_example_builds_with_clang_too(scene):
    make_pkg_config(scene)
    for name in [one for one in os.listdir(EXAMPLES) if not one.endswith(".yaml")]:
        build(scene, name, {"cc": "clang", "c++": "clang++"})


@test
def record_records_what_it_says_also_before_the_agent_starts(scene):
    make_pkg_config(scene)
    equal(run(scene, build(scene, "record.c")), "recorded 3 executions, dropped 0\n", "record")
    agent = scene.agent()
    metrics = until_recorded(agent, "send_mail", 3)
    equal(metrics.requests("send_mail"), (2, 1, 0), "requests")
    equal(metrics.get("primitive_cost_total", primitive_name="send_mail", category="provider") * 10**9, 400000, "cost")
    equal(metrics.total("primitive_cost_savings_total", primitive_name="send_mail") * 10**9, 400000, "savings")



@test
def usage_is_priced_by_the_agent(scene):
    make_pkg_config(scene)
    card = os.path.join(scene.work, "prices.yaml")
    with open(card, "w") as file:
        file.write("resources: {openai/gpt-4o: {input: 2.50 per 1M, cached_input: 1.25 per 1M, output: 10 per 1M}}\n")
    scene.environment["SLIPRING_PRICES"] = card
    equal(run(scene, build(scene, "usage.c")), "", "usage")
    agent = scene.agent()
    metrics = until_recorded(agent, "answer_question", 2)
    of_model = {"primitive_name": "answer_question", "resource": "openai/gpt-4o"}
    of_machine = {"primitive_name": "answer_question", "resource": "ourselves/gpu-hour"}
    equal(metrics.get("primitive_usage_units_total", unit="cached_input", **of_model), 800, "cached input")
    equal(metrics.get("primitive_usage_cost_total", **of_model) * 10**9, 3500000, "cost")
    equal(metrics.get("primitive_usage_savings_total", **of_model) * 10**9, 1000000, "savings")
    equal(metrics.get("primitive_unpriced_total", **of_machine), 1, "without a price")
    equal(metrics.get("primitive_cost_total", primitive_name="answer_question", category="openai") * 10**9, 3500000,
          "the primitive's cost")

@test
def span_ends_as_success_and_as_failure_and_a_cancelled_one_never_happened(scene):
    make_pkg_config(scene)
    agent = scene.agent()
    equal(run(scene, build(scene, "span.c")), "a file: Success\nno file: No such file or directory\n", "span")
    metrics = until_recorded(agent, "copy_file", 2)
    equal(metrics.requests("copy_file"), (1, 1, 0), "requests")
    equal(metrics.get("primitive_active_requests", primitive_name="copy_file"), 0, "active")


@test
def a_traced_program_is_found_by_its_trace(scene):
    make_pkg_config(scene)
    agent = scene.agent()
    program = build(scene, "traced.c")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    scene.environment["TRACEPARENT"] = f"00-{trace}-00f067aa0ba902b7-01"
    equal(run(scene, program), f"handled 3 requests of trace {trace}\n", "traced")
    until_recorded(agent, "handle_request", 3)
    shown = until(lambda: (lambda text: trace in text and text)(scene.slipring("show", "handle_request").stdout), "its trace")
    contains(shown, ["slowest of 1m, 1h, lifetime", "newest failure", "span 00f067aa0ba902b7"], "slipring show")
    scene.environment["TRACEPARENT"] = "none"
    equal(run(scene, program), "handled 3 requests without a trace\n", "traced")
    until_recorded(agent, "handle_request", 6)


@test
def a_hot_loop_is_counted_whole_with_laps_and_in_direct_mode(scene):
    make_pkg_config(scene)
    agent = scene.agent()
    equal(run(scene, build(scene, "hot_loop.c")), "", "hot_loop")
    until_recorded(agent, "parse_line", 100000)
    metrics = until_recorded(agent, "hash_block", 100000)
    equal(metrics.get("primitive_active_requests", primitive_name="parse_line"), 0, "active")
    equal(metrics.get("primitive_spilled_total", primitive_name="hash_block"), 100000, "spilled")
    equal(scene.slipring("verify").returncode, 0, "slipring verify")


@test
def objectives_are_counted_and_readback_reads_them(scene):
    make_pkg_config(scene)
    agent = scene.agent()
    contains(run(scene, build(scene, "objectives.c")), ["a target of 1", "has no error budget"], "objectives")
    metrics = until_recorded(agent, "checkout", 100)
    readback = build(scene, "readback.c")
    until(lambda: "100 executions" in run(scene, readback, "checkout", "workflow"), "readback of all")
    lines = run(scene, readback, "checkout", "workflow").splitlines()
    # 96 of 100 within 100 ms, 99 within a second, 99 succeeded; the last spends its budget ten times over
    equal(lines[0], "100 executions, 1 failed, 0 active", "readback's first line")
    found = re.fullmatch(r"p99 ([\d.]+) ms \+- 1\.08 %, of 100", lines[1])
    check(found and abs(float(found.group(1)) - 500) <= 500 * 0.0109, "p99 of 500 ms:", lines[1])
    equal(lines[2:], ["budget remaining -9.00", "cost 0 nano-dollars", "shedding load"], "the rest of readback")
    equal(str(metrics.get("primitive_slo_compliance", primitive_name="checkout")), "0.96", "compliance, the least")


def finish_shedding(process):
    out, err = process.communicate(timeout=100)
    equal((process.returncode, err), (0, ""), "shed_load: exit status and stderr")
    equal(out, "shedding load\ncarrying on\nsome were shed: yes\n", "shed_load")


@test
def load_is_shed_while_the_budget_burns_and_no_longer(scene):
    make_pkg_config(scene)
    agent = scene.agent()
    finish_shedding(scene.spawn([build(scene, "shed_load.c")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    good, bad, _ = agent.metrics().requests("serve")
    check(bad > 50 and good >= 9 * bad - bad, "enough was let through to show that it is over:", good, bad)


@test
def load_that_was_shed_is_carried_when_the_agent_is_gone(scene):
    make_pkg_config(scene)
    agent = scene.agent()
    with open(os.path.join(scene.work, "shed.log"), "w+") as log:
        process = scene.spawn(["stdbuf", "-oL", build(scene, "shed_load.c")], stdout=log, stderr=subprocess.PIPE, text=True)
        until(lambda: "shedding" in open(log.name).read(), "shedding")
        agent.kill()
        _, err = process.communicate(timeout=100)
        equal((process.returncode, err), (0, ""), "shed_load: exit status and stderr")
        contains(open(log.name).read(), ["carrying on"], "shed_load")


@test
def readback_says_when_there_is_nothing(scene):
    make_pkg_config(scene)
    finished = scene.run([build(scene, "readback.c"), "nothing", "step"])
    equal(finished.returncode, 1, "exit status")
    contains(finished.stderr, ["nothing is published for this yet"], "stderr")


@test
def a_guard_in_cpp_ends_its_span_as_a_failure_when_an_exception_leaves_it(scene):
    make_pkg_config(scene)
    agent = scene.agent()
    equal(run(scene, build(scene, "guard.cpp")), "1\n2\nno number: three\n4\n", "guard")
    equal(until_recorded(agent, "parse", 4).requests("parse"), (3, 1, 0), "requests")


main()
