#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""Orders to a running agent: the local socket and who may use it, reloads that are good, bad and wait for a start, resets while
programs record at full speed."""
import json
import os
import re
import signal
import socket
import stat
import threading

from _metrics import scrape
from _scene import BIN, STORE
from _tests import check, contains, equal, main, test, until

NOBODY = 65534


class Local:
    """Requests over a store's local socket."""

    def __init__(self, scene, store=STORE):
        self.path = scene.file("socket", store)

    def ask(self, page, method="POST"):
        """(status, body)"""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(self.path)
            client.sendall(f"{method} {page} HTTP/1.0\r\nContent-Length: 0\r\n\r\n".encode())
            data = b""
            while part := client.recv(65536):
                data += part
        head, _, body = data.decode().partition("\r\n\r\n")
        return int(head.split()[1]), body


def write(scene, text):
    """The agent's file, as an editor would replace it."""
    path = os.path.join(scene.work, "slipring.yaml")
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)
    return path


def record(scene, name, count, milliseconds=5):
    recorder = scene.recorder()
    recorder.ok("get", 0, name, "step")
    for _ in range(count):
        recorder.send(f"record 0 {milliseconds * 1000000} S")
    recorder.ok("sync")
    recorder.finish()


def figures_of(agent, name):
    status, _, body = agent.get(f"/api/v1/primitives/{name}")
    return json.loads(body) if status == 200 else None


def count_of(agent, name):
    figures = figures_of(agent, name)
    return figures["counts"]["executions"] if figures else None


def buckets_of(agent, name):
    return dict(re.findall(rf'primitive_duration_seconds_bucket{{primitive_name="{name}".*le="(.*?)"}} (\d+)', agent.get("/metrics")[2]))


def agent_figure(agent, name):
    return float(re.search(rf"^slipring_{name}(?:{{.*}})? (\S+)$", agent.get("/metrics")[2], re.M).group(1))


# --- the socket ----------------------------------------------------------------------------------------------------------------

@test
def the_socket_is_its_owners_alone_and_shows_everything(scene):
    os.umask(0)
    agent = scene.agent()
    local = Local(scene)
    mode = os.stat(local.path)
    check(stat.S_ISSOCK(mode.st_mode), "no socket")
    equal(stat.S_IMODE(mode.st_mode), 0o600, "its mode")
    for page in ("/", "/metrics", "/api/v1/primitives", "/-/healthy", "/-/ready"):
        equal(local.ask(page, "GET")[0], 200, page)
    contains(local.ask("/", "GET")[1], ["/-/reload", "/-/reset"], "the list of pages")
    equal(local.ask("/-/reload", "GET")[0], 405, "GET of an order")
    equal(local.ask("/metrics", "POST")[0], 405, "POST of a page")
    equal(local.ask("/-/reset")[0], 400, "a reset of nothing")
    equal(local.ask("/-/reset?all=1&name=a")[0], 400, "a reset of one and all")
    equal(agent.stop()[0], 0, "the exit status")
    check(not os.path.exists(local.path), "the socket stayed")


@test
def over_tcp_no_orders_are_taken_and_the_answer_says_where(scene):
    agent = scene.agent()
    record(scene, "kept", 3)
    until(lambda: count_of(agent, "kept") == 3, "three are booked")
    for page in ("/-/reload", "/-/reset?all=1"):
        status, _, body = agent.get(page, method="POST")
        equal(status, 403, f"POST {page} over TCP")
        contains(body, [Local(scene).path], "the refusal")
    status, headers, _ = agent.get("/-/reset", method="GET")
    equal((status, headers["Allow"]), (405, "POST"), "GET of an order")
    equal(agent.get("/metrics", method="POST")[1]["Allow"], "GET, HEAD", "what a page takes")
    equal(count_of(agent, "kept"), 3, "what was counted")


@test
def another_user_is_kept_out_by_the_mode_and_then_by_its_uid(scene):
    if os.geteuid() != 0:
        print("# not root: nobody else to be", flush=True)
        return
    agent = scene.agent()
    local = Local(scene)
    os.chmod(scene.shm, 0o755)
    program = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
               "s.sendall(b'POST /-/reset?all=1 HTTP/1.0\\r\\nContent-Length: 0\\r\\n\\r\\n'); print(s.recv(4096).decode())")

    def as_nobody():
        return scene.run(["/usr/bin/python3", "-c", program, local.path], before_exec=lambda: os.setresuid(NOBODY, NOBODY, NOBODY))

    contains(as_nobody().stderr, ["PermissionError"], "what the mode says")
    os.chmod(local.path, 0o666)
    contains(as_nobody().stdout, [" 403 Forbidden", "the user who runs the agent"], "what the agent says")
    contains(agent.log(), ["a stranger on the local socket", f"uid={NOBODY}"], "the log")
    equal(agent_figure(agent, "resets_total"), 0, "resets")


@test
def what_a_dead_agent_left_is_replaced_and_what_is_no_socket_is_left(scene):
    agent = scene.agent()
    local = Local(scene)
    agent.kill()
    check(os.path.exists(local.path), "a killed agent removed its socket")
    contains(scene.slipring("reload").stderr, ["no agent listens"], "reload without an agent")
    agent = scene.agent()
    equal(local.ask("/-/healthy", "GET")[0], 200, "the next agent's socket")
    os.unlink(local.path)
    until(lambda: os.path.exists(local.path), "a socket that was removed comes again", seconds=60)
    equal(local.ask("/-/healthy", "GET")[0], 200, "the new socket")
    agent.stop()
    with open(local.path, "w") as file:
        file.write("mine")
    agent = scene.agent()
    contains(agent.log(), ["no local socket", "is no socket"], "the log")
    contains(agent.get("/-/reload", method="POST")[2], ["has none"], "the refusal over TCP")
    with open(local.path) as file:
        equal(file.read(), "mine", "the file")
    os.unlink(local.path)
    until(lambda: local.path in agent.get("/-/reload", method="POST")[2], "the refusal tells of the socket that is there now")
    agent.stop()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(local.path)
        other.listen(1)
        agent = scene.agent()
        contains(agent.log(), ["no local socket", "somebody listens there"], "the log")
        agent.stop()
        check(os.path.exists(local.path), "somebody else's socket was removed")


@test
def a_folder_too_long_for_a_socket_is_told(scene):
    folder = os.path.join(scene.shm, "d" * 90)
    os.mkdir(folder)
    environment = {"SLIPRING_SHM_DIR": folder}
    agent = scene.agent(environment=environment)
    contains(agent.log(), ["no local socket", "107 bytes"], "the log")
    answer = scene.slipring("reload", environment=environment)
    equal(answer.returncode, 2, "reload")
    contains(answer.stderr, ["107 bytes", "SIGHUP"], "reload")
    agent.send_signal(signal.SIGHUP)
    until(lambda: "configuration in force" in agent.log(), "SIGHUP reloads all the same")
    line = next(line for line in agent.log().splitlines() if "configuration in force" in line)
    contains(line, ["signal=SIGHUP"], "who asked")
    check("pid=" not in line and "uid=" not in line, "names a sender that is not known:", line)


@test
def ls_and_rm_know_the_socket(scene):
    agent = scene.agent()
    agent.kill()
    equal(scene.slipring("rm", STORE).returncode, 0, "rm")
    equal(os.listdir(scene.shm), [], "what is left")
    open(scene.file("socket"), "w").close()
    contains(scene.slipring("ls").stdout, [STORE], "ls")
    equal(scene.slipring("rm", STORE).returncode, 0, "rm of a lone socket")
    equal(os.listdir(scene.shm), [], "what is left")


# --- reload ----------------------------------------------------------------------------------------------------------------------

FIRST = """
le: [0.004, 0.1]
objectives:
  - primitive: "wo*"
    latency: {name: fast, threshold: 100ms, target: 90%}
"""
SECOND = """
le: [0.001, 0.006, 0.1]
windows: [30s, 1m, 1h]
clock: monotonic
log_level: debug
labels: {service: shop}
objectives:
  - primitive: work
    latency: {name: fast, threshold: 100ms, target: 99%}
    availability: {name: works, target: 99.9%}
"""


@test
def a_reload_takes_what_it_can_and_names_the_rest(scene):
    path = write(scene, FIRST)
    agent = scene.agent("--config", path)
    record(scene, "work", 1000)
    until(lambda: count_of(agent, "work") == 1000, "a thousand are booked")
    write(scene, SECOND)
    answer = scene.slipring("reload")
    equal((answer.returncode, answer.stdout), (0, "reloaded\nneeds a start to change: clock\n"), "slipring reload")
    figures = figures_of(agent, "work")
    equal(figures["counts"]["executions"], 1000, "what was counted")
    equal(list(figures["windows"]), ["lifetime", "30s", "1m", "1h"], "windows")
    equal(figures["windows"]["1h"]["n"], 1000, "the hour, which stays")
    objectives = {o["name"]: o for o in figures["slo"]["objectives"]}
    equal({n: (o["target"], o["source"]) for n, o in objectives.items()},
          {"fast": (0.99, "file"), "works": (0.999, "file")}, "objectives")
    equal((objectives["fast"]["good"], objectives["fast"]["total"]), (1000, 1000), "another target keeps the counts")
    buckets = buckets_of(agent, "work")
    equal(buckets["0.006"], "1000", "the new bound")
    check("0.004" not in buckets, "the old bound is still shown")
    contains(agent.get("/metrics")[2], ['service="shop"'], "labels")
    contains(agent.log(), ["configuration in force", "need a start", "level=debug"], "the log")
    equal(json.loads(scene.slipring("reload", "--json").stdout),
          {"store": STORE, "reloaded": True, "needs_start": ["clock"]}, "reload --json")
    equal(scene.slipring("slo").stdout.count("file"), 2, "slipring slo says who set them")
    scrape(agent).check_whole()


@test
def a_bad_file_changes_nothing_and_says_so_everywhere(scene):
    path = write(scene, FIRST)
    agent = scene.agent("--config", path)
    record(scene, "work", 10)
    until(lambda: count_of(agent, "work") == 10, "ten are booked")
    read = agent_figure(agent, "config_reload_wall_seconds")
    write(scene, FIRST + "windos: [1m]\n")
    status, body = Local(scene).ask("/-/reload")
    equal(status, 400, "the answer")
    contains(body, ["slipring.yaml:6:1", "windos", "windows"], "the answer")
    until(lambda: agent_figure(agent, "config_reload_ok") == 0, "the gauge")
    equal(agent_figure(agent, "config_reload_failures_total"), 1, "the counter")
    answer = scene.slipring("reload")
    equal(answer.returncode, 1, "slipring reload")
    contains(answer.stderr, ["slipring.yaml:6:1"], "slipring reload")
    contains(json.loads(scene.slipring("reload", "--json").stdout)["error"], ["slipring.yaml:6:1"], "reload --json")
    contains(agent.log(), ["configuration refused", "slipring.yaml:6:1"], "the log")
    equal(figures_of(agent, "work")["slo"]["objectives"][0]["target"], 0.9, "what is in force")
    write(scene, SECOND)
    agent.send_signal(signal.SIGHUP)
    until(lambda: agent_figure(agent, "config_reload_ok") == 1, "a good one by SIGHUP")
    until(lambda: figures_of(agent, "work")["slo"]["objectives"][0]["target"] == 0.99, "what is in force then")
    equal(agent_figure(agent, "config_reload_failures_total"), 3, "the counter")
    check(agent_figure(agent, "config_reload_wall_seconds") > read, "when it was read")
    check(agent.alive(), "SIGHUP ended it")


@test
def many_reloads_while_programs_record_lose_nothing(scene):
    path = write(scene, FIRST)
    agent = scene.agent("--config", path)
    recorder = scene.recorder()
    recorder.ok("get", 0, "work", "step")
    for turn in range(40):
        recorder.send(*["record 0 5000000 S"] * 500)
        write(scene, FIRST if turn % 2 else SECOND.replace("clock: monotonic\n", ""))
        if turn % 4 == 3:
            agent.send_signal(signal.SIGHUP)
        else:
            equal(scene.slipring("reload").returncode, 0, "slipring reload")
    recorder.ok("sync")
    until(lambda: count_of(agent, "work") == 20000, "all are booked")
    buckets = buckets_of(agent, "work")
    equal((buckets["0.1"], buckets["+Inf"]), ("20000", "20000"), "the bucket that all have")
    equal(figures_of(agent, "work")["slo"]["objectives"][0]["good"], 20000, "the objective")
    equal(scene.slipring("verify").returncode, 0, "slipring verify")
    recorder.finish()


# --- reset -----------------------------------------------------------------------------------------------------------------------

@test
def a_reset_begins_anew_and_tells_what_was_counted(scene):
    agent = scene.agent()
    record(scene, "work", 50)
    record(scene, "other", 7)
    until(lambda: (count_of(agent, "work"), count_of(agent, "other")) == (50, 7), "all are booked")
    answer = scene.slipring("reset", "wrok")
    equal(answer.returncode, 1, "reset of a name that is none")
    contains(answer.stderr, ["did you mean 'work'"], "reset of a name that is none")
    equal(scene.slipring("reset", "work", "--type", "workflow").returncode, 1, "reset of another type")
    equal(scene.slipring("reset").returncode, 2, "reset of nothing")
    equal(scene.slipring("reset", "work", "--all").returncode, 2, "reset of one and all")
    equal((count_of(agent, "work"), agent_figure(agent, "resets_total")), (50, 0), "nothing was done")
    answer = scene.slipring("reset", "work", "--type", "step", "--json")
    equal(json.loads(answer.stdout), {"store": STORE, "reset": 1, "executions": 50}, "reset --json")
    equal((count_of(agent, "work"), count_of(agent, "other")), (0, 7), "what is counted now")
    contains(agent.log(), ["reset by hand", f"uid={os.geteuid()}", "executions=50"], "the log")
    record(scene, "work", 3)
    until(lambda: count_of(agent, "work") == 3, "it counts on")
    contains(scene.slipring("reset", "--all").stdout, ["3 primitives began anew; 10 executions"], "reset --all")
    equal(agent_figure(agent, "resets_total"), 4, "resets")
    equal(scene.slipring("verify").returncode, 0, "slipring verify")


@test
def nothing_that_is_recorded_during_resets_is_lost(scene):
    agent = scene.agent()
    recorders = [scene.recorder() for _ in range(2)]
    for recorder in recorders:
        recorder.ok("get", 0, "work", "step")
    before = []

    def reset_again_and_again():
        for _ in range(30):
            status, body = Local(scene).ask("/-/reset?name=work")
            before.append(int(re.match(r"1 primitive began anew; (\d+) execution", body).group(1)) if status == 200 else 0)

    resetting = threading.Thread(target=reset_again_and_again)
    until(lambda: count_of(agent, "work") is not None, "it is registered")
    resetting.start()
    each = 0
    while resetting.is_alive() or each == 0:
        for recorder in recorders:
            recorder.send(*["record 0 5000000 S"] * 5000)
        each += 5000
    resetting.join()
    for recorder in recorders:
        recorder.ok("sync")
    until(lambda: count_of(agent, "work") + sum(before) == 2 * each, f"{2 * each} executions, of which {before} before")
    equal(len(before), 30, "resets that were done")
    equal(scene.slipring("verify").returncode, 0, "slipring verify")
    for recorder in recorders:
        recorder.finish()


if __name__ == "__main__":
    main()
