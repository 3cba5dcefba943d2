#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""Segments of another version, older or newer than agent, programs and tools: refused by name, with both versions, and left as
they were; another minor version is taken. And a program whose compiled-in quick way is of another library."""
import re
import struct

from _ground import *
from _scene import BUILD, ROOT
from _spoil import ABI_MAJOR, read, write
from _tests import main, test

OWN = tuple(int(re.search(rf"#define SR_ABI_{part} +(\d+)u", open(os.path.join(ROOT, "libshm/protocol/layout.h"),
                                                                  encoding="utf-8").read()).group(1))
            for part in ("MAJOR", "MINOR"))
WORDS = ["another version", "upgrade both sides", "slipring rm"]


def set_version(path, major, minor):
    write(path, ABI_MAJOR, struct.pack("<II", major, minor))


def text(version):
    return "%d.%d" % version


def make(scene):
    agent, recorder = scene.agent(), scene.recorder()
    record(recorder, 0, "before", 5)
    booked(agent, {"before": 5})
    recorder.finish()
    equal(agent.stop()[0], 0, "exit status")


def expect_refusal(scene, words, found):
    result = scene.slipring(*words)
    equal(result.returncode, 2, f"slipring {words[0]}: {result.stdout}")
    contains(result.stderr, WORDS + [STORE, text(found), text(OWN)], f"slipring {words[0]}")


@test
def a_ring_segment_of_another_version_is_refused_with_both_versions_and_left_alone(scene):
    make(scene)
    path = scene.file("ring")
    for found in ((OWN[0] - 1, 3), (OWN[0] + 1, 0), (99, 7)):
        set_version(path, *found)
        before, head = looks(path), read(path, 0, 4096)
        agent = scene.agent(wait=False)
        equal(agent.wait(10), 1, f"exit status; {agent.log()}")
        contains(agent.log(), WORDS + [path, f"found_version={text(found)}", f"own_version={text(OWN)}"], "the agent's log")
        recorder = scene.recorder(False)
        equal(recorder.ask("open", STORE), ["OTHER_VERSION"], "slipring_open()")
        contains(" ".join(recorder.ask("status")), WORDS, "its sentence")
        recorder.finish()
        expect_refusal(scene, ("record", "x", "--duration", "1ms"), found)
        expect_refusal(scene, ("rings",), found)
        listed = scene.slipring("ls")
        equal(listed.returncode, 0, "slipring ls")
        contains(listed.stdout, WORDS + [text(found), text(OWN)], "slipring ls")
        equal(scene.slipring("show", "before").returncode, 0, "slipring show, which reads the agent's segment alone")
        equal((looks(path), read(path, 0, 4096)), (before, head), "the segment")


@test
def a_stats_segment_of_another_version_is_refused_with_both_versions_and_left_alone(scene):
    make(scene)
    path = scene.file("stats")
    for found in ((OWN[0] - 1, 3), (OWN[0] + 1, 0)):
        set_version(path, *found)
        before = looks(path)
        agent = scene.agent(wait=False)
        equal(agent.wait(10), 1, f"exit status; {agent.log()}")
        contains(agent.log(), WORDS + [path, f"found_version={text(found)}", f"own_version={text(OWN)}"], "the agent's log")
        expect_refusal(scene, ("show",), found)
        recorder = scene.recorder()
        equal(record(recorder, 0, "before", 3), "OK", "a program that records needs no stats segment")
        equal(recorder.ask("read", 0), ["NO_DATA"], "what it reads back")
        recorder.finish()
        equal(looks(path), before, "the segment")
    set_version(path, *OWN)
    agent = scene.agent()
    booked(agent, {"before": 11})
    equal(agent.stop()[0], 0, "exit status")


@test
def another_minor_version_is_taken_both_ways(scene):
    make(scene)
    for minor in (OWN[1] + 1, 2**32 - 1):
        for kind in ("ring", "stats"):
            set_version(scene.file(kind), OWN[0], minor)
    agent, recorder = scene.agent(), scene.recorder()
    record(recorder, 0, "before", 3)
    booked(agent, {"before": 8})
    equal(recorder.ok("read", 0)[0], "8", "what the program reads back")
    readers_end_by_themselves(scene, "with another minor version")
    verified(scene)


PROGRAM = """#include "inline.h"
int main(void)
{
    struct slipring_primitive *primitive = 0;
    if (slipring_primitive_get(slipring_default(), "quick", 0, &primitive) != SLIPRING_OK) {
        return 3;
    }
    slipring_record_inline(primitive, 5, SLIPRING_SUCCESS, 0);
    return 0;
}
"""


def build(scene, name, text_, target, *words):
    source = os.path.join(scene.work, name)
    with open(source, "w", encoding="utf-8") as file:
        file.write(text_)
    built = scene.run(["cc", "-std=gnu11", "-O1", "-I", scene.work, "-I", os.path.join(ROOT, "include"), "-I",
                       os.path.join(BUILD, "generated"), source, *words, "-L", os.path.join(BUILD, "lib"), "-lslipring",
                       "-Wl,-rpath," + os.path.join(BUILD, "lib"), "-o", target], seconds=60)
    equal(built.returncode, 0, f"building {name}: {built.stderr}")


@test
def a_program_with_the_quick_way_of_another_library_does_not_run(scene):
    with open(os.path.join(ROOT, "include/slipring/inline.h"), encoding="utf-8") as file:
        header = file.read()
    number = int(re.search(r"#define SLIPRING_INLINE_ABI +(\d+)", header).group(1))
    if not os.path.exists(os.path.join(BUILD, "lib", "libslipring.so")):
        return not_tried("the library: it is not in " + BUILD)
    # The other library, which a program is linked with here and does not find there.
    other, stub = number + 1, os.path.join(scene.work, "libother.so")
    build(scene, "other.c", "#include <stdint.h>\n"
          f"const uint64_t slipring_inline_steps_{other}[64];\n"
          f"__thread struct {{ void *views; uint32_t count; }} slipring_inline_thread_{other};\n", stub, "-fPIC", "-shared")
    for wanted in (number, other):
        with open(os.path.join(scene.work, "inline.h"), "w", encoding="utf-8") as file:
            file.write(header.replace(f"slipring_inline_steps_{number}", f"slipring_inline_steps_{wanted}")
                       .replace(f"slipring_inline_thread_{number}", f"slipring_inline_thread_{wanted}"))
        build(scene, "program.c", PROGRAM, os.path.join(scene.work, f"program-{wanted}"), "-L", scene.work, "-lother",
              "-Wl,-rpath," + scene.work)
    build(scene, "other.c", "int nothing;\n", stub, "-fPIC", "-shared")
    ran = scene.run([os.path.join(scene.work, f"program-{number}")])
    equal(ran.returncode, 0, f"the program of this library: {ran.stderr}")
    ran = scene.run([os.path.join(scene.work, f"program-{other}")])
    check(ran.returncode not in (0, 3), "a program of another library ran")
    contains(ran.stderr, [("slipring_inline_thread_", "slipring_inline_steps_")], "what the loader says")


main()
