# SPDX-License-Identifier: Apache-2.0
"""What the surroundings of a store can be made of: mounts that nobody else sees, limits, other users. Needs what e2e/ has: scenes,
agents, recorders, figures."""
import contextlib
import ctypes
import fcntl
import os
import resource
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

from _metrics import scrape
from _scene import BIN, RECORDER, STORE
from _tests import check, contains, equal, until

IS_ROOT = os.getuid() == 0
SOMEBODY, STRANGER, GROUP = 12345, 12346, 4711  # numbers that need no name
CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_BIND, MS_REMOUNT, MS_RDONLY, MNT_DETACH = 0x20000, 16384, 1 << 18, 4096, 32, 1, 2
F_OFD_SETLK = 37
READERS = (("ls",), ("show",), ("top", "--once"), ("rings",), ("verify", "--wait", "0s"))

_libc = ctypes.CDLL(None, use_errno=True)


def not_tried(why):
    print(f"#   not tried: {why}", flush=True)


def _call(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind, flags=0, data=""):
    encoded = [text.encode() if text else None for text in (source, target, kind)]
    _call(_libc.mount(*encoded, ctypes.c_ulong(flags), data.encode()), f"mount {target}")


_is_private = None


def can_mount():
    """From the first question on this process and its children see mounts that nobody else does; they go with the last of them."""
    global _is_private
    if _is_private is None:
        try:
            _call(_libc.unshare(CLONE_NEWNS), "unshare")
            mount("none", "/", None, MS_REC | MS_PRIVATE)
            _is_private = True
        except OSError as error:
            not_tried(f"mounting ({error})")
            _is_private = False
    return _is_private


def mount_small(scene, size):
    """The scene's stores lie on a tmpfs of this size, until its end. False: that is not permitted here."""
    if not can_mount():
        return False
    mount("none", scene.shm, "tmpfs", 0, f"size={size},mode=0755")
    unmount_at_the_end(scene, scene.shm)
    return True


def unmount_at_the_end(scene, path):
    close = scene.close

    def unmount_and_close():
        _libc.umount2(path.encode(), MNT_DETACH)  # whoever still has it mapped goes on
        close()

    scene.close = unmount_and_close


class Filler:
    """A file of somebody else's that takes all there is."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "somebody-else")

    def fill(self, leave=0):
        """All but so many bytes. Returns what it takes."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            at = os.fstat(fd).st_size
            for piece in (1 << 20, 1 << 16, 4096):
                while True:
                    room = os.statvfs(os.path.dirname(self.path))
                    if room.f_bavail * room.f_frsize < piece + leave:
                        break
                    try:
                        os.posix_fallocate(fd, at, piece)
                    except OSError:
                        break
                    at += piece
            return at
        finally:
            os.close(fd)

    def free(self):
        os.unlink(self.path)


def limit_files(size):
    """For before_exec: no file may grow beyond this."""
    def before_exec():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return before_exec


def become(user, groups=(), umask=None):
    """For before_exec, as root or who it is already: another user, with a group of the same number, and these groups besides."""
    def before_exec():
        if umask is not None:
            os.umask(umask)
        if user != os.getuid():
            os.setgroups(list(groups))
            os.setgid(user)
            os.setuid(user)
            from _scene import _die_with_parent
            _die_with_parent()  # which changing the user undid
        elif groups:
            os.setgroups(list(groups))
    return before_exec


def others_reach_the_programs():
    """Whether another user could start them at all."""
    path = os.path.abspath(BIN)
    while path != "/":
        if not os.stat(path).st_mode & 1:
            not_tried(f"being another user: {path} is closed to others")
            return False
        path = os.path.dirname(path)
    return True


def lock_byte(fd, byte, kind=fcntl.F_WRLCK):
    """An open-file-description lock on one byte. False: another one has it."""
    try:
        fcntl.fcntl(fd, F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0))
        return True
    except OSError:
        return False


@contextlib.contextmanager
def alone(what):
    """One test of this host at a time: a name in the abstract namespace, which ends with its holder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as holder:
        for _ in range(600):
            try:
                holder.bind("\0slipring-test-" + what)
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise AssertionError(f"another test keeps {what} for a minute")
        yield


def ends_by_itself(scene, words, what, codes=(0, 1, 2), **more):
    """A tool neither hangs nor dies, and says why when it could not."""
    result = scene.slipring(*words, **more)
    check(result.returncode in codes, f"slipring {' '.join(words)} {what}: ended with", result.returncode, result.stdout,
          result.stderr)
    check(result.returncode == 0 or result.stderr or result.stdout, f"slipring {' '.join(words)} {what} says nothing")
    return result


def readers_end_by_themselves(scene, what, **more):
    for words in READERS:
        ends_by_itself(scene, words, what, **more)


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                if name.isdigit() and int(file.read().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(name))
        except OSError:
            pass
    return found


def only_child(pid):
    return until(lambda: children(pid), f"a child of {pid}")[0]


def record(recorder, place, name, count, kind="step"):
    """Registers and records so often; what registering said."""
    status = recorder.ask("get", place, name, kind)[0]
    recorder.send(*[f"record {place} 5000000 S"] * count)
    recorder.ok("sync")
    return status


def booked(agent, counts, seconds=60):
    """Waits for {name: count}, and sees that they stay."""
    def all_there():
        page = scrape(agent)
        return all(page.recorded(name) >= count for name, count in counts.items())

    until(all_there, f"{counts} executions are booked", seconds)
    time.sleep(0.25)
    page = scrape(agent)
    equal({name: page.recorded(name) for name in counts}, counts, "executions")


def verified(scene):
    verdict = scene.slipring("verify")
    equal(verdict.returncode, 0, f"slipring verify: {verdict.stdout}{verdict.stderr}")


def looks(path):
    """All that a file is, to be compared with what it is later. (Its pages grow when somebody looks at holes.)"""
    st = os.lstat(path)
    return (st.st_ino, st.st_mode, st.st_uid, st.st_gid, st.st_size, st.st_nlink, st.st_mtime_ns)


__all__ = [name for name in dir() if not name.startswith("_")]
