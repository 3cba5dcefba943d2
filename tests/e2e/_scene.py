# SPDX-License-Identifier: Apache-2.0
"""Where an end-to-end test plays: a shared-memory folder and a scratch folder of its own, and the processes it starts:
agents, recorders, tools. All of them die with the test (also when it is killed), by pid, and the folders go."""
import ctypes
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.environ.get("SLIPRING_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SLIPRING_BUILD_DIR") or os.path.join(ROOT, "build", "release")
BIN = os.path.join(BUILD, "bin")
RECORDER = os.path.join(BUILD, "tests", "e2e-recorder")
STORE = "e2e"

_prctl = ctypes.CDLL(None, use_errno=True).prctl
PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Scene:
    def __init__(self):
        self.shm = tempfile.mkdtemp(prefix="slipring-e2e-", dir="/dev/shm")
        self.work = tempfile.mkdtemp(prefix="slipring-e2e-")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLIPRING_", "NOTIFY_"))}
        self.environment.update(SLIPRING_SHM_DIR=self.shm, SLIPRING_STORE=STORE, SLIPRING_CHECKPOINT="none", LC_ALL="C.UTF-8", NO_COLOR="1",
                                PATH=BIN + ":" + os.environ["PATH"])
        self.processes = []
        self.log_count = 0
        # Takes the folders away when the test's end of the pipe closes, however it ended.
        self.janitor = subprocess.Popen(["/bin/sh", "-c", 'cat >/dev/null; rm -rf "$@"', "sh", self.shm, self.work],
                                        stdin=subprocess.PIPE, start_new_session=True)

    def file(self, kind, store=STORE):
        """The path of the store's file: ring, stats, lock."""
        return os.path.join(self.shm, f"slipring.{store}.{kind}")

    def new_log(self):
        self.log_count += 1
        return os.path.join(self.work, f"{self.log_count}.log")

    def spawn(self, command, environment=None, before_exec=None, **more):
        def prepare():
            _die_with_parent()
            if before_exec:
                before_exec()

        process = subprocess.Popen(command, env={**self.environment, **(environment or {})}, preexec_fn=prepare,
                                   cwd=self.work, **more)
        self.processes.append(process)
        return process

    def run(self, command, seconds=60, environment=None, before_exec=None, **more):
        """The finished process, with text in stdout and stderr. Undecodable bytes are kept as surrogates."""
        process = self.spawn(command, environment, before_exec, stdin=more.pop("stdin", subprocess.DEVNULL),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="surrogateescape",
                             **more)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{command} hangs; stdout {out!r}, stderr {err!r}") from None
        finally:
            if process.returncode is not None:
                self.processes.remove(process)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def slipring(self, *words, **more):
        return self.run([os.path.join(BIN, "slipring"), *words], **more)

    def agent(self, *options, **more):
        return Agent(self, options, **more)

    def recorder(self, store=None, **more):
        return Recorder(self, store, **more)

    def logs(self):
        text = ""
        for number in range(1, self.log_count + 1):
            path = os.path.join(self.work, f"{number}.log")
            if os.path.exists(path):
                with open(path, errors="replace") as log:
                    lines = log.read().splitlines()
                text += "".join(f"\n{number}.log: {line}" for line in lines[-15:])
        return text

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        pass  # what was still buffered for the one just killed
        shutil.rmtree(self.shm)
        shutil.rmtree(self.work)
        self.janitor.stdin.close()
        self.janitor.wait()


class Agent:
    """A slipringd of the scene. Ready when this returns, unless wait=False. prefix: words of a command that runs it."""

    def __init__(self, scene, options=(), port=0, environment=None, wait=True, before_exec=None, prefix=()):
        self.scene = scene
        self.log_path = scene.new_log()
        self.port = port
        self.stopped_at = None
        with open(self.log_path, "wb") as log:
            self.process = scene.spawn([*prefix, os.path.join(BIN, "slipringd"), "--listen", f"127.0.0.1:{port}",
                                        *options], environment, before_exec, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid
        if wait:
            self.wait_ready()

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def wait_ready(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"slipringd ended with {self.process.returncode}: {self.log()}")
            if not self.port:
                found = re.search(r"listen.*127\.0\.0\.1:(\d+)", self.log())
                self.port = int(found.group(1)) if found else 0
            if self.port:
                try:
                    if self.get("/-/ready", seconds=2)[0] == 200:
                        return
                except OSError:
                    pass
            time.sleep(0.01)
        raise AssertionError(f"slipringd is not ready after {seconds} s: {self.log()}")

    def get(self, path, seconds=30, method="GET"):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    def metrics(self):
        """The page of /metrics, parsed and judged."""
        from _metrics import scrape  # which uses _tests, which uses this file
        return scrape(self)

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=60):
        return self.process.wait(timeout=seconds)

    def stop(self, number=signal.SIGTERM, seconds=60):
        """Signals it and waits. Returns (exit status, seconds that took)."""
        started = time.monotonic()
        self.send_signal(number)
        status = self.wait(seconds)
        return status, time.monotonic() - started

    def kill(self):
        self.process.kill()
        self.process.wait()

    def alive(self):
        return self.process.poll() is None


class Recorder:
    """An e2e-recorder of the scene (src/recorder.c). store: opened at once unless it is False. prefix: as for an Agent."""

    def __init__(self, scene, store=None, environment=None, before_exec=None, prefix=()):
        self.log_path = scene.new_log()
        with open(self.log_path, "wb") as log:
            self.process = scene.spawn([*prefix, RECORDER], environment, before_exec, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=log, text=True)
        self.pid = self.process.pid
        if store is not False:
            self.ok("open", store or STORE)

    def send(self, *lines):
        """Commands without an answer."""
        self.process.stdin.write("".join(line + "\n" for line in lines))

    def ask(self, *words):
        """A command's answer, as words."""
        self.send(" ".join(str(word) for word in words))
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            raise AssertionError(f"the recorder did not answer {words}: ended with {self.process.wait()}")
        return answer

    def ok(self, *words):
        answer = self.ask(*words)
        if answer[0] != "OK":
            raise AssertionError(f"the recorder answered {answer} to {words}")
        return answer[1:]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def finish(self):
        """Lets it end as a program does: exit handlers and all."""
        self.process.stdin.close()
        status = self.process.wait(timeout=60)
        self.process.stdin = None
        if status != 0:
            raise AssertionError(f"the recorder ended with {status}")


if sys.version_info < (3, 9):
    sys.exit("these tests take Debian 12's /usr/bin/python3")
