#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# ctest-labels: e2e-slow
"""Whose files: what others made or may use under a store's name is refused by name and left as it was; what a store's own maker
makes has the same rights whatever the umask and the folder; groups, folders that cannot be written, and the kernel's
protection of sticky folders."""
import json

from _ground import *
from _tests import main, test

REFUSED = "open to everybody"  # words of UNTRUSTED's sentence


def modes(scene):
    return {kind: oct(os.stat(scene.file(kind)).st_mode & 0o7777)[2:] for kind in ("ring", "stats", "lock")
            if os.path.exists(scene.file(kind))}


def clear(scene):
    for name in os.listdir(scene.shm):
        path = os.path.join(scene.shm, name)
        os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


# --- what lies there already -----------------------------------------------------------------------------------------

def whole(path, scene):
    """As it was made, by the right one."""


def open_to_all(path, scene):
    os.chmod(path, 0o666)


def readable_by_all(path, scene):
    os.chmod(path, 0o604)


def linked(path, scene):
    os.link(path, path + ".other")


def empty_and_open_to_all(path, scene):
    os.truncate(path, 0)
    os.chmod(path, 0o666)


def link(path, scene):
    os.rename(path, path + ".other")
    os.symlink(path + ".other", path)


def fifo(path, scene):
    os.unlink(path)
    os.mkfifo(path, 0o600)


def folder(path, scene):
    os.unlink(path)
    os.mkdir(path)


def giant(path, scene):
    os.truncate(path, 1 << 44)


def anothers(path, scene):
    os.chown(path, STRANGER, STRANGER)


def anothers_and_empty(path, scene):
    os.truncate(path, 0)
    os.chown(path, STRANGER, STRANGER)


def anothers_for_a_group(path, scene):
    os.chown(path, STRANGER, STRANGER)
    os.chmod(path, 0o660)


OWN = (open_to_all, readable_by_all, linked, empty_and_open_to_all, link, fifo, folder, giant)
OTHERS = (anothers, anothers_and_empty, anothers_for_a_group)


def expect_refusal_by_the_agent(scene, kind, what):
    agent = scene.agent(wait=False)
    equal(agent.wait(10), 1, f"exit status of the agent with {what}; {agent.log()}")
    contains(agent.log(), [scene.file(kind)], f"the agent's log with {what}")


def expect_refusal_by_a_program(scene, what):
    recorder = scene.recorder(False)
    answer = recorder.ask("open", STORE)[0]
    check(answer not in ("OK", "BEING_MADE", "SYSTEM"), f"slipring_open() with {what} answered", answer)
    recorder.ask("get", 0, "x")
    recorder.send(*["record 0 5 S"] * 7)
    equal(recorder.ok("dropped"), ["7"], f"records dropped with {what}")
    recorder.finish()


@test
def what_others_made_or_may_use_is_refused_by_name_and_left_as_it_was(scene):
    scene.agent().stop()
    good = [scene.file(kind) for kind in ("ring", "stats", "lock")]
    scene.run(["cp", "-a", "--sparse=always", *good, scene.work])
    clear(scene)
    for kind in ("ring", "stats", "lock"):
        for spoil in OWN + (OTHERS if IS_ROOT else ()):
            if spoil is giant and kind == "lock":
                continue  # its length says nothing: a page of it is mapped, and never touched
            what = f"a {kind} that is {spoil.__name__}"
            scene.run(["cp", "-a", "--sparse=always", *(os.path.join(scene.work, os.path.basename(path)) for path in good), scene.shm])
            spoil(scene.file(kind), scene)
            before = looks(scene.file(kind))
            expect_refusal_by_the_agent(scene, kind, what)
            if kind != "stats":
                expect_refusal_by_a_program(scene, what)
            ends_by_itself(scene, ("show",) if kind == "stats" else ("ls",), f"with {what}")
            equal(looks(scene.file(kind)), before, what)
            clear(scene)
    if not IS_ROOT:
        not_tried("files of another user: only root can make them")


@test
def a_program_reads_its_figures_from_a_trusted_segment_alone(scene):
    agent = scene.agent()
    recorder = scene.recorder()
    record(recorder, 0, "mine", 5)
    booked(agent, {"mine": 5})
    os.chmod(scene.file("stats"), 0o606)  # its owner's enemy could cut it short under us
    equal(recorder.ask("read", 0), ["NO_DATA"], "what is read back from a segment that is open to everybody")
    os.chmod(scene.file("stats"), 0o600)
    equal(recorder.ok("read", 0)[0], "5", "what is read back from a trusted one")


# --- what is made ----------------------------------------------------------------------------------------------------

@test
def the_modes_are_the_same_whatever_the_umask_and_the_folder(scene):
    for setgid, umasks in ((0, (0, 0o077, 0o777)), (0o2000, (0,))) if IS_ROOT else ((0, (0, 0o077)),):
        os.chown(scene.shm, -1, GROUP if setgid else os.getgid())
        os.chmod(scene.shm, 0o700 | setgid)
        for umask in umasks:
            recorder = scene.recorder(before_exec=become(os.getuid(), umask=umask))
            equal(modes(scene), {"ring": "600", "lock": "600"}, f"modes of a program's store, umask {umask:o}")
            recorder.finish()
            clear(scene)
            agent = scene.agent(before_exec=become(os.getuid(), umask=umask))
            equal(modes(scene), {"ring": "600", "stats": "600", "lock": "600"}, f"modes of an agent's store, umask {umask:o}")
            equal(agent.stop()[0], 0, "exit status")
            clear(scene)
            agent = scene.agent("--group", str(os.getgid()), before_exec=become(os.getuid(), umask=umask))
            equal(modes(scene), {"ring": "660", "stats": "640", "lock": "660"}, f"modes of a group's store, umask {umask:o}")
            equal({os.stat(scene.file(kind)).st_gid for kind in ("ring", "stats", "lock")}, {os.getgid()}, "its group")
            equal(agent.stop()[0], 0, "exit status")
            clear(scene)


@test
def makers_with_an_odd_umask_and_no_privilege_race_and_have_one_store(scene):
    if not (IS_ROOT and others_reach_the_programs()):
        return not_tried("becoming another user")
    os.chmod(scene.shm, 0o1777)
    for _ in range(5):
        recorders = [scene.recorder(False, before_exec=become(SOMEBODY, umask=0o777)) for _ in range(6)]
        for recorder in recorders:
            recorder.send(f"open {STORE}")
            recorder.process.stdin.flush()
        equal([recorder.process.stdout.readline().split() for recorder in recorders], [["OK"]] * 6, "slipring_open() of makers that race")
        equal(modes(scene), {"ring": "600", "lock": "600"}, "modes")
        for recorder in recorders:
            recorder.finish()
        clear(scene)


@test
def what_a_maker_with_an_odd_umask_left_at_its_death_is_made_whole(scene):
    if not (IS_ROOT and others_reach_the_programs()):
        return not_tried("becoming another user")
    os.chmod(scene.shm, 0o1777)
    for kind in ("ring", "lock", "stats"):
        with open(scene.file(kind), "wb"):
            pass
        os.chown(scene.file(kind), SOMEBODY, SOMEBODY)
        os.chmod(scene.file(kind), 0)  # killed between open() and fchmod()
        recorder = scene.recorder(before_exec=become(SOMEBODY))
        record(recorder, 0, "after", 5)
        agent = scene.agent(before_exec=become(SOMEBODY))
        booked(agent, {"after": 5})
        recorder.finish()
        equal(agent.stop()[0], 0, f"exit status; {agent.log()}")
        equal(modes(scene), {"ring": "600", "stats": "600", "lock": "600"}, "modes")
        clear(scene)


# --- groups and folders ----------------------------------------------------------------------------------------------

@test
def a_group_records_and_reads_and_others_are_told_whose_it_is(scene):
    if not (IS_ROOT and others_reach_the_programs()):
        return not_tried("becoming another user")
    os.chmod(scene.shm, 0o1777)
    for owner in (0, SOMEBODY):
        agent = scene.agent("--group", str(GROUP), before_exec=become(owner, [GROUP]))
        member = scene.recorder(before_exec=become(STRANGER, [7, GROUP]))
        record(member, 0, "shared", 9)
        booked(agent, {"shared": 9})
        equal(member.ok("read", 0)[0], "9", "what a member reads back")
        equal(scene.slipring("show", "shared", before_exec=become(STRANGER, [GROUP])).returncode, 0, "slipring show by a member")
        for words in (("show",), ("record", "x", "--duration", "1ms")):
            refused = scene.slipring(*words, before_exec=become(STRANGER))
            equal(refused.returncode, 2, f"slipring {words[0]} by another user: {refused.stdout}")
            contains(refused.stderr, ["no permission", "join their group", STORE], "its message")
        outsider = scene.recorder(False, before_exec=become(STRANGER))
        equal(outsider.ask("open", STORE), ["NOT_PERMITTED"], "slipring_open() by another user")
        contains(scene.slipring("ls", before_exec=become(STRANGER)).stdout, [str(GROUP), "0660"], "slipring ls")
        unread = json.loads(scene.slipring("ls", "--json", before_exec=become(STRANGER)).stdout)["stores"][0]
        equal(unread["agent"], {"state": "unknown"}, "of an agent whose files cannot be read nothing is said")
        # Root is no exception: the store's owner could cut its files short under it.
        root = scene.recorder(False)
        equal(root.ask("open", STORE), ["OK" if owner == 0 else "UNTRUSTED"], f"slipring_open() by root of the store of {owner}")
        if owner != 0:
            contains(" ".join(root.ask("status")), [REFUSED], "its sentence")
            equal(scene.slipring("show").returncode, 0, "slipring show by root, which only looks")
            invited = scene.recorder(before_exec=become(0, [GROUP]))
            record(invited, 0, "shared", 4)
            booked(agent, {"shared": 13})
            invited.finish()
        for recorder in (member, outsider, root):
            recorder.finish()
        equal(agent.stop()[0], 0, f"exit status; {agent.log()}")
        clear(scene)


@test
def a_group_that_the_agents_user_is_not_in_is_refused_and_nothing_is_left(scene):
    if not (IS_ROOT and others_reach_the_programs()):
        return not_tried("becoming another user")
    os.chmod(scene.shm, 0o1777)
    agent = scene.agent("--group", str(GROUP), wait=False, before_exec=become(SOMEBODY))
    equal(agent.wait(10), 1, f"exit status; {agent.log()}")
    contains(agent.log(), ["no permission", scene.file("stats"), f"group={GROUP} hint=", "has to be in the group"], "its log")
    equal(os.listdir(scene.shm), [], "files left behind")


@test
def protected_files_in_a_sticky_folder_are_opened_all_the_same(scene):
    """fs.protected_regular=2: even root may not open another's file there with O_CREAT."""
    setting = "/proc/sys/fs/protected_regular"
    if not (IS_ROOT and others_reach_the_programs()):
        return not_tried("becoming another user")
    os.chmod(scene.shm, 0o1777)
    with alone("protected_regular"):
        with open(setting, encoding="ascii") as file:
            before = file.read()
        try:
            try:
                with open(setting, "w", encoding="ascii") as file:
                    file.write("2")
            except OSError as error:
                return not_tried(f"{setting} can not be set: {error}")
            # Root's agent, and a member of its group; then the other way round.
            for owner, user in ((0, SOMEBODY), (SOMEBODY, 0)):
                agent = scene.agent("--group", str(GROUP), before_exec=become(owner, [GROUP]))
                recorder = scene.recorder(before_exec=become(user, [GROUP]))
                record(recorder, 0, "sticky", 9)
                booked(agent, {"sticky": 9})
                agent.kill()
                agent = scene.agent("--group", str(GROUP), before_exec=become(owner, [GROUP]))
                record(recorder, 0, "sticky", 9)
                booked(agent, {"sticky": 18})
                recorder.finish()
                equal(agent.stop()[0], 0, f"exit status; {agent.log()}")
                clear(scene)
            # A program's own store is not taken over by root's agent, and the other way round; each says so.
            scene.recorder(before_exec=become(SOMEBODY)).finish()
            agent = scene.agent(wait=False)
            equal(agent.wait(10), 1, f"exit status of root's agent on another's store; {agent.log()}")
            contains(agent.log(), [scene.file("ring"), "another user's"], "its log")
            equal(scene.slipring("rm", STORE).returncode, 0, "slipring rm by root")
            clear(scene)
            scene.recorder().finish()
            agent = scene.agent(wait=False, before_exec=become(SOMEBODY))
            equal(agent.wait(10), 1, f"exit status of another's agent on root's store; {agent.log()}")
            contains(agent.log(), [scene.file("ring"), "no permission"], "its log")
        finally:
            with open(setting, "w", encoding="ascii") as file:
                file.write(before)


@test
def a_folder_that_is_absent_or_a_file_is_told_and_a_link_to_one_is_followed(scene):
    file = os.path.join(scene.work, "file")
    with open(file, "wb"):
        pass
    real, way = os.path.join(scene.work, "real"), os.path.join(scene.work, "way")
    os.mkdir(real)
    os.symlink(real, way)
    for path in (os.path.join(scene.work, "absent"), file):
        environment = {"SLIPRING_SHM_DIR": path}
        agent = scene.agent(wait=False, environment=environment)
        equal(agent.wait(10), 1, f"exit status; {agent.log()}")
        contains(agent.log(), ["folder is missing", "SLIPRING_SHM_DIR", path], "its log")
        recorder = scene.recorder(False, environment=environment)
        equal(recorder.ask("open", STORE), ["NO_FOLDER"], "slipring_open()")
        recorder.finish()
        for words in READERS:
            ends_by_itself(scene, words, f"with the folder {path}", codes=(2,), environment=environment)
    environment = {"SLIPRING_SHM_DIR": way}
    agent = scene.agent(environment=environment)
    recorder = scene.recorder(environment=environment)
    record(recorder, 0, "linked", 5)
    booked(agent, {"linked": 5})
    equal(agent.stop()[0], 0, "exit status")
    check(os.path.exists(os.path.join(real, f"slipring.{STORE}.ring")), "the store is not in the folder that the link leads to")


@test
def on_a_mount_that_is_read_only_readers_read_and_others_say_why_not(scene):
    if not can_mount():
        return
    agent = scene.agent()
    record(scene.recorder(), 0, "seen", 5)
    booked(agent, {"seen": 5})
    view = os.path.join(scene.work, "view")
    os.mkdir(view)
    mount(scene.shm, view, None, MS_BIND)
    unmount_at_the_end(scene, view)
    mount("none", view, None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    environment = {"SLIPRING_SHM_DIR": view}
    for words in READERS:
        ends_by_itself(scene, words, "on a read-only mount", codes=(0,), environment=environment)
    contains(scene.slipring("show", "seen", environment=environment).stdout, ["seen"], "slipring show")
    for store in (STORE, "other"):
        recorder = scene.recorder(False, environment=environment)
        equal(recorder.ask("open", store), ["READ_ONLY"], f"slipring_open() of {store} on a read-only mount")
        contains(" ".join(recorder.ask("status")), ["read-only"], "its sentence")
        recorder.finish()
        agent = scene.agent("--store", store, wait=False, environment=environment)
        equal(agent.wait(), 1, f"exit status; {agent.log()}")
        contains(agent.log(), ["read-only", view], "its log")


main()
