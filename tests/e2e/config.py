#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slipring.yaml and the real agent: --check-config beside one that runs, --print-config, labels on every series, primitives that
idle, and docs/configuration.md."""
import json
import os
import re

from _scene import BIN, ROOT
from _tests import check, contains, equal, main, test, until

HOSTILE = 'a "quote", a \\ and\na line; ü'
AGENT = os.path.join(BIN, "slipringd")


def write(scene, text, name="slipring.yaml"):
    path = os.path.join(scene.work, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def without_comments(text):
    return [re.sub(r" *# .*$", "", line) for line in text.splitlines()]


@test
def checking_a_file_is_a_status_and_touches_no_store(scene):
    good = write(scene, "schema: 6\n", "good.yaml")
    bad = write(scene, "schema: 66\n", "bad.yaml")
    finished = scene.run([AGENT, "--config", good, "--check-config"])
    equal((finished.returncode, finished.stdout, finished.stderr), (0, f"{good}: fine\n", ""), "a good file")
    equal(os.listdir(scene.shm), [], "what is in the folder of stores")
    agent = scene.agent()
    equal(scene.run([AGENT, "--check-config"], environment={"SLIPRING_CONFIG": good}).returncode, 0, "beside an agent")
    finished = scene.run([AGENT, "--config", bad, "--check-config"])
    equal((finished.returncode, finished.stdout), (1, ""), "a bad file")
    equal(finished.stderr, f"{bad}:1:9: schema: '66' is no number from 3 to 8\n    schema: 66\n            ^~\n"
          "    expected a number from 3 to 8\n", "what is told of it")
    equal(scene.run([AGENT, "--config", bad]).returncode, 1, "a start with a bad file")
    equal(scene.run([AGENT, "--check-config"]).returncode, 2, "no file at all")
    check(agent.alive(), "the agent ended")


@test
def what_is_printed_is_taken_as_the_same(scene):
    example = os.path.join(ROOT, "docs", "examples", "slipring.yaml")
    first = scene.run([AGENT, "--config", example, "--label", "from=line", "--print-config"])
    equal(first.returncode, 0, first.stderr)
    contains(first.stdout, [f"# {example}:", "# --label", "from: line"], "the origins")
    second = scene.run([AGENT, "--config", write(scene, first.stdout), "--print-config"])
    equal(without_comments(second.stdout), without_comments(first.stdout), "printed, read and printed")


@test
def labels_of_the_file_stand_on_every_series_whatever_is_in_them(scene):
    path = write(scene, f"labels: {{service: {json.dumps(HOSTILE, ensure_ascii=False)}, environment: file}}\n")
    agent = scene.agent("--config", path, "--label", "environment=line")
    recorder = scene.recorder()
    recorder.ok("get", 0, "work")
    recorder.send("record 0 1000 S 1 1 0")
    recorder.ok("sync")
    until(lambda: agent.metrics().get("primitive_requests_total", primitive_name="work", status="success") == 1,
          "the execution")
    wanted = {("service", HOSTILE), ("environment", "line")}
    for name, labels in agent.metrics().series:
        check(wanted <= labels, name, "lacks the labels:", sorted(labels))
    judged = scene.run(["promtool", "check", "metrics"], stdin=open(write(scene, agent.get("/metrics")[2], "page")))
    for line in (judged.stdout + judged.stderr).splitlines():
        check("error" not in line.lower(), "promtool says", line)
    check(judged.returncode in (0, 3), "promtool", judged.returncode, judged.stderr)  # 3: advice on names
    recorder.finish()


@test
def an_idle_primitive_leaves_metrics_and_returns_with_its_totals(scene):
    agent = scene.agent("--idle-after", "1s")
    recorder = scene.recorder()
    recorder.ok("get", 0, "work")
    recorder.send("record 0 1000 S 1 1 0")
    recorder.ok("sync")

    def shown():
        return agent.metrics().get("primitive_requests_total", primitive_name="work", status="success")

    until(lambda: shown() == 1, "the execution")
    until(lambda: shown() is None, "that it idles")
    one = json.loads(agent.get("/api/v1/primitives/work")[2])
    check(one["idle_seconds"] > 1 and one["counts"]["executions"] == 1, one)
    contains(scene.slipring("show", "work").stdout, ["idle for", "not in /metrics"], "slipring show")
    equal(agent.metrics().get("slipring_idle_after_seconds"), 1, "the figure")
    recorder.send("record 0 1000 S 1 1 0")
    recorder.ok("sync")
    until(lambda: shown() == 2, "that it returns with what it had")
    recorder.finish()


@test
def the_reference_of_the_keys_is_the_programs_own(scene):
    listed = scene.run([AGENT, "--list-keys"])
    equal(listed.returncode, 0, "exit status")
    with open(os.path.join(ROOT, "docs", "configuration.md")) as page:
        text = page.read()
    check(f"\n\n{listed.stdout}\n" in text, "docs/configuration.md has other tables than slipringd --list-keys prints:\n",
          listed.stdout)
    for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S):
        finished = scene.run([AGENT, "--config", write(scene, block), "--check-config"])
        check(finished.returncode == 0, "an example of docs/configuration.md:", finished.stderr)


main()
