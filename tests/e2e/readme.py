#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of README.md and docs/*.md, done as a reader would do them: programs are compiled and run, commands typed one
after the other, configurations given to the program that reads them, JSON parsed. Each page has a store and an agent of its own. (Queries are parsed here, and asked
in queries.py.) No block is passed over: its language has to be one that is done here, or ```text.

A block of ```sh is run line by line, each line has to succeed. Left out is what installs, builds or tests (TAKES_LONG): of
these only the existence is checked. Port 9464 becomes a free one, port 9090 that of a Prometheus that scrapes it, /etc/prometheus the scratch folder."""
import glob
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request

from _prometheus import Prometheus
from _scene import BIN, BUILD, ROOT, Scene, free_port
from _tests import Failed, check, equal, main, test, until

BLOCK = re.compile(r"^([ ]*)```(\w+)\n(.*?)^\1```$", re.M | re.S)
TAKES_LONG = re.compile(r"(sudo|apt-get|apt|git|cmake|ctest|\./tools/(?:install-packages|quickstart)\.sh|\./tests/run\.sh)(\s|$)")
BACKGROUND = re.compile(r"^(.*?)\s*&\s*(?:#.*)?$")
DEFAULT_PORT = "9464"
PROMETHEUS_PORT = "9090"
FENCE = re.compile(r"^[ ]*```(.*)$", re.M)
NOT_DONE = {"text": "not for a machine"}
# Kinds of blocks of one page that are not done, and why.
NOT_DONE_ON = {("docs/c-api.md", "c"): "parts of the headers, which manual.py compares; what the headers declare is compiled by everybody"}
FRAGMENT = """#include <slipring/slipring.h>
void fragment(struct slipring_primitive *primitive, uint64_t duration_ns);
void fragment(struct slipring_primitive *primitive, uint64_t duration_ns)
{
%s}
"""


def blocks(text):
    """(language, lines without the fence's indentation, line number) of each block."""
    for found in BLOCK.finditer(text):
        indent = len(found.group(1))
        body = "".join(line[indent:] if line.strip() else line for line in found.group(3).splitlines(True))
        yield found.group(2), body, text.count("\n", 0, found.start()) + 1


class Reader:
    """Does what one page says, from top to bottom."""

    def __init__(self, scene, page):
        self.scene, self.page, self.port = scene, page, str(free_port())
        self.done = {}
        self.prometheus = None
        os.mkdir(os.path.join(scene.work, "data"))
        with open(os.path.join(scene.work, "data", "file"), "w") as out:
            out.write("something to back up\n" * 1000)

        with open(os.path.join(scene.work, ".curlrc"), "w") as curlrc:
            curlrc.write("fail\n")  # so that an example that asks for what there is not fails
        scene.environment["CURL_HOME"] = scene.work

    def serve(self):
        """For pages that take an agent, and their primitive, for granted."""
        self.scene.agent(port=int(self.port))
        self.succeed(["slipring", "record", "archive_file", "--type", "workflow", "--duration", "12ms"], self.page)
        time.sleep(0.3)

    def read(self, text):
        for found in list(FENCE.finditer(text))[::2]:
            language, where = found.group(1), f"{self.page}:{text.count(chr(10), 0, found.start()) + 1}"
            check(language in NOT_DONE or hasattr(self, "do_" + language), f"{where}: nobody does blocks of {language!r}: say what it is, or text")
        for language, body, line in blocks(text):
            if language not in NOT_DONE and (self.page, language) not in NOT_DONE_ON:
                where = f"{self.page}:{line}"
                self.done[language] = self.done.get(language, 0) + getattr(self, "do_" + language)(body, where)

    def file(self, name, body):
        path = os.path.join(self.scene.work, name)
        with open(path, "w") as out:
            out.write(body)
        return path

    def succeed(self, command, where, seconds=120):
        result = self.scene.run(command, seconds=seconds)
        equal(result.returncode, 0, f"{where}: exit status of {command}; {result.stdout}{result.stderr}")
        return result

    def do_c(self, body, where):
        is_whole = re.search(r"\bmain\s*\(", body)
        source, lib = self.file("app.c", body if is_whole else FRAGMENT % body), os.path.join(BUILD, "lib")
        self.succeed(["cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *([] if is_whole else ["-c"]), source, "-o",
                      os.path.join(self.scene.work, "app" if is_whole else "app.o"), "-I" + os.path.join(ROOT, "include"),
                      "-I" + os.path.join(BUILD, "generated"), "-L" + lib, "-lslipring", "-lslipring-usage", "-Wl,-rpath," + lib, "-pthread"],
                     where)
        if is_whole:
            result = self.succeed([os.path.join(self.scene.work, "app")], where)
            equal(result.stderr, "", f"{where}: what the program complains about")
        return 1

    def do_sh(self, body, where):
        count = 0
        for line in body.replace("\\\n", " ").splitlines():
            line = line.strip().replace(DEFAULT_PORT, self.port)
            if not line or line.startswith("#"):
                continue
            if TAKES_LONG.match(line):
                self.look_at(line, where)
                continue
            if PROMETHEUS_PORT in line:
                line = line.replace(PROMETHEUS_PORT, self.prometheus_port())
            background = BACKGROUND.match(line)
            if background and not line.endswith("&&"):
                self.scene.spawn(["/bin/sh", "-c", "exec " + background.group(1)], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                until(self.is_served, f"{where}: {line!r} serves")
            else:
                said = self.succeed(["/bin/sh", "-c", line], f"{where}: {line!r}").stdout
                check(said.strip() or "curl" not in line or "promtool check" in line, f"{where}: {line!r} shows nothing")
                time.sleep(0.3)  # nobody types faster, and figures are published ten times a second
            count += 1
        return count

    def prometheus_port(self):
        """That of the page's Prometheus, which has scraped the agent."""
        if not self.prometheus:
            self.prometheus = Prometheus(self.scene, self.port)
            until(lambda: self.prometheus.query('up{job="slipring"} == 1'), f"{self.page}: a scrape")
        return self.prometheus.base.rsplit(":", 1)[1].strip("/")

    def is_served(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2).status == 200
        except OSError:
            return False

    def look_at(self, line, where):
        """What is not run here exists at least: scripts, and the presets of CMake."""
        for script in re.findall(r"(?:^|\s)\./(\S+\.sh)", line):
            check(os.access(os.path.join(ROOT, script), os.X_OK), f"{where}: there is no program {script}")
        with open(os.path.join(ROOT, "CMakePresets.json")) as presets:
            known = {one["name"] for kind, list_of in json.load(presets).items() if kind.endswith("Presets")
                     for one in list_of}
        for preset in re.findall(r"--preset[ =](\S+)", line):
            check(preset in known, f"{where}: there is no preset {preset}")

    def do_promql(self, body, where):
        queries = ["\n".join(x for x in part.splitlines() if not x.startswith("#")) for part in body.strip().split("\n\n")]
        rules = [{"record": f"query:{i}", "expr": query} for i, query in enumerate(queries)]
        path = self.file("rules.yml", json.dumps({"groups": [{"name": "page", "rules": rules}]}))  # JSON is YAML
        self.succeed(["promtool", "check", "rules", path], where)
        return len(queries)

    def do_yaml(self, body, where):
        if "resources:" in body:  # a price card: the commands after it take it
            self.file("prices.yaml", body)
            self.succeed([os.path.join(BIN, "slipringd"), "--check-config", "--config", self.file("card.yml", "prices: [prices.yaml]\n")], where)
        elif "scrape_configs:" in body:
            self.succeed(["promtool", "check", "config", self.file("page.yml", self.with_files(body))], where)
        elif "groups:" in body:
            self.succeed(["promtool", "check", "rules", self.file("page.yml", body)], where)
        else:
            self.succeed([os.path.join(BIN, "slipringd"), "--check-config", "--config", self.file("page.yml", body)], where)
        return 1

    def with_files(self, body):
        """A configuration of Prometheus whose files are in the scratch folder, and there: promtool looks for them."""
        body = body.replace("/etc/prometheus", self.scene.work)
        os.makedirs(os.path.join(self.scene.work, "slipring"), exist_ok=True)
        for path in glob.glob(os.path.join(ROOT, "docs", "prometheus", "*.yml")):
            shutil.copy(path, os.path.join(self.scene.work, "slipring"))
        for path in re.findall(r"_file: (\S+)", body):
            self.file(path, "")
        return body

    do_yml = do_yaml

    def do_json(self, body, where):
        try:
            json.loads(body)
        except ValueError as error:
            raise Failed(f"{where}: no JSON: {error}") from None
        return 1

    def do_prometheus(self, body, where):
        with open(self.file("page.prom", body)) as page:
            result = self.scene.run(["promtool", "check", "metrics"], stdin=page)
        equal(result.returncode, 0, f"{where}: promtool check metrics: {result.stderr}")
        return 1


def follow(scene, page, served=False):
    reader = Reader(scene, page)
    with open(os.path.join(ROOT, page)) as file:
        text = file.read()
    if served and not re.search(r"^slipringd --listen .*&$", text, re.M):
        reader.serve()
    reader.read(text)
    return reader.done


@test
def the_readme_can_be_followed(scene):
    done = follow(scene, "README.md")
    check(done.get("c", 0) >= 1 and done.get("sh", 0) >= 5, "too little was found in it:", done)


@test
def getting_started_can_be_followed(scene):
    done = follow(scene, "docs/getting-started.md")
    check(done.get("sh", 0) >= 5 and done.get("promql", 0) >= 4 and done.get("yaml", 0) >= 1, "too little was found in it:", done)


@test
def the_other_pages_can_be_followed(scene):
    for path in sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))):
        page = os.path.relpath(path, ROOT)
        if page == "docs/getting-started.md":
            continue
        own = Scene()
        try:
            print(f"#   {page}: {follow(own, page, served=True)}")
        finally:
            own.close()


@test
def a_page_with_an_example_that_does_not_work_is_noticed(scene):
    wrong = {
        "a program that does not compile": "```c\n#include <slipring/slipring.h>\nint main(void) { return slipring_nonsense(); }\n```\n",
        "a program that fails": "```c\nint main(void)\n{\n    return 3;\n}\n```\n",
        "a command that fails": "```sh\ntrue   # fine\nfalse  # not\n```\n",
        "an option that there is not": "```sh\nslipring record x --duratoin 3ms\n```\n",
        "a script that there is not": "```sh\nsudo ./tools/nonsense.sh\n```\n",
        "a page of the agent that there is not": "```sh\ncurl -s http://127.0.0.1:9464/nowhere\n```\n",
        "a preset that there is not": "```sh\ncmake --preset nonsense\n```\n",
        "a query that does not parse": "```promql\n# fine\nup\n\n# not\nrate(up[5m)\n```\n",
        "a configuration that is none": "```yaml\nscrape_configs:\n  - job_nam: x\n```\n",
        "JSON that is none": "1. In a list:\n\n   ```json\n   {\"a\": 1,}\n   ```\n",
        "a configuration of the agent that is none": "```yaml\nwindows: [1x]\n```\n",
        "a rule that is none": "```yaml\ngroups: [{name: x, rules: [{record: a, expr: 'rate('}]}]\n```\n",
        "a price card that is none": "```yaml\nresources:\n  x: {input: nothing}\n```\n",
        "a fragment of C that does not compile": "```c\nslipring_record(primitive, duration_ns, SLIPRING_NONSENSE, NULL);\n```\n",
        "a block that nobody does": "```toml\nx = 1\n```\n",
        "a block that does not say what it is": "```\nfalse\n```\n",
        "an exposition that is none": "```prometheus\n# TYPE x counter\nx{ 1\n```\n",
    }
    reader = Reader(scene, "made-up.md")
    reader.serve()
    for what, text in wrong.items():
        try:
            reader.read("# A page\n\n" + text)
        except Failed:
            continue
        check(False, what, "was not noticed")
    reader.read("```sh\ntrue\n```\n\n```text\nfalse\n```\n")


if __name__ == "__main__":
    main()
