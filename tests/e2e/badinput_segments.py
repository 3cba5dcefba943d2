#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
# ctest-timeout: 480
"""Corrupt, truncated, foreign and newer segments, before an agent starts and under its feet: a clear error or a counted
refusal; nobody crashes or hangs; what was recorded is not lost."""
import json
import os
import random
import shutil
import time

import _spoil
from _metrics import Watch, scrape
from _scene import STORE
from _tests import check, contains, equal, main, test, until

# What is wrong with the file, the status that says so, and words of its sentence.
RING_FAULTS = (
    (_spoil.letter, "FOREIGN", ["not a Slipring segment", "slipring rm"]),
    (_spoil.random_header, "FOREIGN", ["not a Slipring segment"]),
    (_spoil.other_endian, "FOREIGN", ["not a Slipring segment"]),
    (_spoil.newer, "OTHER_VERSION", ["another version", "slipring rm"]),
    (_spoil.newer_and_larger, "OTHER_VERSION", ["another version"]),
    (_spoil.cut_to(100), "WRONG_SIZE", ["truncated", "slipring rm"]),
    (_spoil.cut_to(1 << 20), "WRONG_SIZE", ["truncated"]),
    (_spoil.halved, "WRONG_SIZE", ["truncated"]),
    (_spoil.link, "NOT_PERMITTED", ["permission"]),
    (_spoil.folder, "FOREIGN", ["not a Slipring segment"]),
)
READERS = (("ls",), ("ls", "--json"), ("show",), ("show", "--json"), ("top", "--once"), ("slo",), ("slo", "--json"),
           ("slo", "explain", "booked"), ("slo", "check", "booked"), ("report",), ("report", "--format", "markdown"), ("report", "--json"),
           ("show", "booked", "--by", "process"), ("show", "booked", "--by", "thread", "--json"), ("rings",), ("rings", "--json"),
           ("verify", "--wait", "0s"))


def record(scene, name, count, kind="step"):
    recorder = scene.recorder()
    recorder.ok("get", 0, name, kind)
    recorder.send(*["record 0 5000000 S"] * count)
    recorder.ok("sync")
    recorder.finish()


def nobody_crashes(scene, after):
    """Whatever they find, the readers end by themselves, soon, and say why when they could not."""
    for words in READERS:
        result = scene.slipring(*words, seconds=60)
        check(result.returncode in (0, 1, 2), f"slipring {' '.join(words)} after {after}: ended with", result.returncode,
              result.stderr)
        check(result.returncode == 0 or result.stderr or result.stdout, f"slipring {words} after {after} says nothing")


def agent_refuses(scene, what, words, options=()):
    agent = scene.agent(*options, wait=False)
    equal(agent.wait(5), 1, f"the agent's exit status with {what}; {agent.log()}")
    contains(agent.log(), words, f"the agent's log with {what}")


@test
def a_spoilt_ring_segment_is_named_by_everybody_and_touched_by_nobody(scene):
    for spoil, status, words in RING_FAULTS:
        what = spoil.__name__
        path = scene.file("ring")
        record(scene, "before", 3)
        spoil(path)
        print(f"#   {what}")
        agent_refuses(scene, what, words + [path])
        listed = json.loads(scene.slipring("ls", "--json").stdout)["stores"]
        equal([(one["name"], one["status"]) for one in listed], [(STORE, status)], f"slipring ls with {what}")
        contains(scene.slipring("ls").stdout, words, f"slipring ls with {what}")
        refused = scene.slipring("record", "x", "--duration", "1ms")
        equal(refused.returncode, 2, f"slipring record with {what}")
        contains(refused.stderr, words + [STORE], f"slipring record with {what}")
        recorder = scene.recorder(False)
        equal(recorder.ask("open", STORE), [status], f"slipring_open() with {what}")
        contains(" ".join(recorder.ask("status")), words, f"slipring_status_text() with {what}")
        recorder.ask("get", 0, "x")
        recorder.send(*["record 0 5 S"] * 7)
        equal(recorder.ok("dropped"), ["7"], f"records dropped with {what}")
        recorder.finish()
        nobody_crashes(scene, what)
        removed = scene.slipring("rm", STORE)
        equal(removed.returncode, 0, f"slipring rm with {what}: {removed.stderr}")
        equal([name for name in os.listdir(scene.shm) if not name.endswith(".moved")], [], f"left by rm with {what}")


@test
def a_segment_whose_maker_died_at_once_is_made_anew(scene):
    for spoil in (_spoil.cut_to(0), lambda path: _spoil.write(path, 0, bytes(4096))):
        record(scene, "before", 3)
        spoil(scene.file("ring"))
        agent = scene.agent()
        record(scene, "after", 5)
        until(lambda: scrape(agent).recorded("after") >= 5, "what was recorded after it was made anew")
        time.sleep(0.3)
        equal(scrape(agent).total("primitive_duration_seconds_count"), 5, "all that is booked")
        equal(agent.stop()[0], 0, "the agent's exit status")
        equal(scene.slipring("rm", STORE).returncode, 0, "slipring rm")


@test
def a_spoilt_stats_segment_stops_the_agent_and_loses_no_record(scene):
    agent = scene.agent()
    record(scene, "kept", 100)
    until(lambda: scrape(agent).recorded("kept") == 100, "the first records are booked")
    equal(agent.stop()[0], 0, "exit status")
    path, good = scene.file("stats"), os.path.join(scene.work, "good")
    scene.run(["cp", "--sparse=always", path, good])
    faults = [(s, w) for s, _, w in RING_FAULTS] + [
        (lambda p: os.chmod(p, 0o666), ["another user's", "open to everybody"]),
        (lambda p: os.chmod(p, 0o620), ["not of mode 0600"]),
        (lambda p: os.link(p, p + ".moved"), ["linked elsewhere"]),
    ]
    if os.getuid() == 0:
        faults.append((lambda p: os.chown(p, 65534, 65534), ["another user's"]))
    recorded = 100
    for spoil, words in faults:
        what = spoil.__name__
        spoil(path)
        agent_refuses(scene, what, words + [path])
        nobody_crashes(scene, what)
        result = scene.slipring("record", "kept", "--type", "step", "--duration", "5ms")
        equal(result.returncode, 0, f"slipring record, which needs no stats segment: {result.stderr}")
        recorded += 1
        for name in (path, path + ".moved"):
            if os.path.isdir(name):
                os.rmdir(name)
            elif os.path.lexists(name):
                os.unlink(name)
        scene.run(["cp", "--sparse=always", good, path])
        os.chmod(path, 0o600)
    agent = scene.agent()
    until(lambda: scrape(agent).recorded("kept") == recorded, "all records")
    time.sleep(0.3)
    equal(scrape(agent).recorded("kept"), recorded, "records")


@test
def an_agent_survives_its_ring_segment_being_truncated(scene):
    for size in (0, 4096, 300 << 10, 1 << 30):
        agent = scene.agent()
        record(scene, "booked", 40)
        until(lambda: scrape(agent).recorded("booked") == 40, "the records are booked")
        os.truncate(scene.file("ring"), size)
        end = time.monotonic() + 1.5  # the slow scan, the reaper and the publisher all come by
        while time.monotonic() < end and agent.alive():
            equal(agent.get("/-/ready")[0], 200, "/-/ready")
            nobody_crashes(scene, f"the ring segment cut to {size}")
        check(agent.alive(), f"the agent ended with {agent.process.poll()} when the ring segment was cut to {size}:",
              agent.log())
        equal(scrape(agent).recorded("booked"), 40, "what was booked before")
        if size < 1 << 30:  # beyond that nothing was in use, and nobody looks
            contains(agent.log(), ["truncated", scene.file("ring")], "the log")
        status, _ = agent.stop()
        check(status in (0, 1), "the stop", status, agent.log())
        shown = json.loads(scene.slipring("show", "--json", "booked").stdout)["primitives"]
        equal([one["counts"]["executions"] for one in shown], [40], "what is shown afterwards")
        equal(scene.slipring("rm", STORE).returncode, 0, "slipring rm")


@test
def an_agent_whose_stats_segment_is_truncated_stops_and_takes_nothing_more(scene):
    for size in (0, 4096, 3 << 20):
        agent = scene.agent()
        recorder = scene.recorder()
        recorder.ok("get", 0, "booked", "step")
        recorder.send(*["record 0 5000000 S"] * 40)
        recorder.ok("sync")
        until(lambda: scrape(agent).recorded("booked") == 40, "the records are booked")
        os.truncate(scene.file("stats"), size)
        equal(agent.wait(5), 1, f"exit status with stats cut to {size}; {agent.log()}")
        contains(agent.log(), ["the stats segment was truncated", scene.file("stats"), "slipring rm"], "the log")
        nobody_crashes(scene, f"stats cut to {size}")
        recorder.send(*["record 0 5000000 S"] * 70)
        recorder.ok("sync")
        ring = json.loads(scene.slipring("rings", "--json").stdout)["rings"][0]
        equal((ring["drained_words"] >= 40, ring["in_ring"]), (True, 70), "drained, and waiting for another agent")
        if size > 0:  # an empty file is one that was never made
            agent_refuses(scene, f"stats cut to {size}", ["truncated", scene.file("stats")])
        recorder.finish()
        equal(scene.slipring("rm", STORE).returncode, 0, "slipring rm")


@test
def random_words_all_over_a_living_ring_segment_crash_nobody(scene):
    for seed in range(3):
        dice = random.Random(seed)
        agent = scene.agent()
        recorder, bystander = scene.recorder(), scene.recorder()
        for place in range(8):
            recorder.ok("get", place, f"victim-{place}", "step")
            recorder.send(*[f"record {place} 5000000 S"] * 200)
        recorder.ok("sync")
        bystander.ok("get", 0, "victim-0", "step")
        watch = Watch()
        until(lambda: scrape(agent).recorded("victim-7") == 200, "the records are booked")
        watch.see(scrape(agent))
        for _ in range(10):
            _spoil.scribble(scene.file("ring"), dice, 100, _spoil.RING_REGIONS)
            for place in range(8):
                recorder.send(*[f"record {place} 5000000 S"] * 50)
                recorder.ask("begin", place, 1)
                recorder.ask("end", place, 1, "F")
            recorder.ok("sync")
            bystander.send("record 0 1 F")
            bystander.ask("get", 1, "newcomer")
            time.sleep(0.12)
            check(agent.alive(), f"seed {seed}: the agent ended with {agent.process.poll()}:", agent.log())
            equal(agent.get("/-/ready")[0], 200, f"seed {seed}: /-/ready")
            watch.see(scrape(agent))
        nobody_crashes(scene, f"random words, seed {seed}")
        recorder.finish()
        bystander.finish()
        time.sleep(1.2)  # the reaper comes by
        check(agent.alive(), f"seed {seed}: the agent ended with {agent.process.poll()}:", agent.log())
        watch.see(scrape(agent))
        status, seconds = agent.stop()
        equal(status, 0, f"seed {seed}: exit status; {agent.log()}")
        again = scene.agent(wait=False)  # it starts on the ruins, or refuses
        time.sleep(0.5)
        check(again.process.poll() in (None, 1), f"seed {seed}: the next agent ended with", again.process.poll(), again.log())
        again.kill()
        _remove(scene)


@test
def a_ring_made_impossible_is_quarantined_and_the_others_are_exact(scene):
    agent = scene.agent()
    good, bad = scene.recorder(), scene.recorder()
    for recorder, name in ((good, "good"), (bad, "bad")):
        recorder.ok("get", 0, name, "step")
        recorder.send(*["record 0 5000000 S"] * 30)
        recorder.ok("sync")
    until(lambda: scrape(agent).recorded("bad") == 30 and scrape(agent).recorded("good") == 30, "both are booked")
    rings = json.loads(scene.slipring("rings", "--json").stdout)["rings"]
    ring = next(one["ring"] for one in rings if one.get("primitive") == "bad")
    offset = _spoil.regions(scene.file("ring"), _spoil.RING_REGIONS)["producer_line"][0] + 128 * ring
    _spoil.write(scene.file("ring"), offset, (10**12).to_bytes(8, "little"))  # a tail that ran away
    until(lambda: scrape(agent).get("slipring_rings_quarantined") == 1, "the ring is quarantined")
    contains(agent.log(), ["ring quarantined", f"ring={ring}"], "the log")
    good.send(*["record 0 5000000 S"] * 500)
    good.ok("sync")
    until(lambda: scrape(agent).recorded("good") == 530, "the good ring's records")
    bad.send(*["record 0 5000000 S"] * 500)
    bad.ok("sync")
    equal(scrape(agent).recorded("bad"), 30, "what was booked of the bad ring stays")
    equal(agent.get("/-/ready")[0], 200, "/-/ready")


@test
def random_words_in_a_resting_stats_segment_crash_nobody(scene):
    agent = scene.agent()
    record(scene, "ruined", 100)
    until(lambda: scrape(agent).recorded("ruined") == 100, "the records are booked")
    equal(agent.stop()[0], 0, "exit status")
    path, good = scene.file("stats"), os.path.join(scene.work, "good")
    scene.run(["cp", "--sparse=always", path, good])
    journal = _spoil.regions(path, _spoil.STATS_REGIONS)["journal"][0]
    for seed in range(6):
        dice = random.Random(seed)
        _spoil.scribble(path, dice, 1000, _spoil.STATS_REGIONS)
        if seed % 2:
            _spoil.write(path, journal, dice.choice((1, 65536, 65537, 2**63)).to_bytes(8, "little"))
        nobody_crashes(scene, f"random words, seed {seed}")
        agent = scene.agent(wait=False)
        record(scene, "ruined", 5)
        time.sleep(0.7)
        status = agent.process.poll()
        if status is None:
            equal(agent.stop()[0], 0, f"seed {seed}: exit status; {agent.log()}")
        else:
            equal(status, 1, f"seed {seed}: exit status; {agent.log()}")
            contains(agent.log(), [path], f"seed {seed}: the log")
        os.unlink(path)
        scene.run(["cp", "--sparse=always", good, path])
        os.chmod(path, 0o600)


def _remove(scene):
    for name in os.listdir(scene.shm):
        path = os.path.join(scene.shm, name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


if __name__ == "__main__":
    main()
