#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What listens, renewed by a reload: another certificate and key, a unix socket that comes back, moves, or gets another mode; and what is wrong with them."""
import os
import re
import signal
import socket
import ssl
import stat

from _http import Connection, ask, write
from _scene import free_port
from _tests import check, contains, equal, main, test, until

REFUSED = "configuration refused, the one before is in force"


# --- certificates -----------------------------------------------------------------------------------------------------------------

def make(scene, serial, name="tls", kind="rsa:2048"):
    """(certificate, key) of that serial number, in files of that name, as an ACME client renews them: beside, then renamed."""
    paths = [os.path.join(scene.work, f"{name}.{part}.pem") for part in ("certificate", "key")]
    kind = ["-newkey", "rsa:2048"] if kind == "rsa:2048" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    made = scene.run(["openssl", "req", "-x509", "-nodes", *kind, "-days", "2", "-subj", "/CN=localhost", "-set_serial", str(serial),
                      "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", paths[0] + ".new", "-keyout", paths[1] + ".new"], seconds=60)
    equal(made.returncode, 0, made.stderr)
    os.chmod(paths[1] + ".new", 0o600)
    for path in paths:
        os.rename(path + ".new", path)
    return paths


def trusting_all(version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def serial_of(scene, certificate):
    """Of a certificate as it came over the wire."""
    path = write(scene, "seen.pem", ssl.DER_cert_to_PEM_cert(certificate))
    return int(scene.run(["openssl", "x509", "-in", path, "-noout", "-serial"]).stdout.strip().partition("=")[2], 16)


def served(scene, agent, version=None):
    """The serial number that a new client is shown, which gets an answer, too."""
    with Connection(agent.port, tls=trusting_all(version)) as connection:
        equal(connection.ask("/-/ready").status, 200, "/-/ready")
        return serial_of(scene, connection.socket.getpeercert(binary_form=True))


def served_to_openssl(scene, agent, *options):
    """The same by openssl s_client, which may bring a session along."""
    seen = scene.run(["openssl", "s_client", "-connect", f"127.0.0.1:{agent.port}", "-servername", "localhost", *options])
    with open(os.path.join(scene.work, "s_client.pem"), "w") as file:
        file.write(re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", seen.stdout, re.S).group(0))
    serial = scene.run(["openssl", "x509", "-in", "s_client.pem", "-noout", "-serial"]).stdout.strip().partition("=")[2]
    return int(serial, 16), seen.stdout


def start_tls(scene, paths, more=""):
    config = write(scene, "slipring.yaml", f"http:\n  tls_certificate: {paths[0]}\n  tls_key: {paths[1]}\n{more}")
    agent = scene.agent("--config", config, port=free_port(), wait=False)

    def is_ready():
        check(agent.alive(), "the agent ended:", agent.log())
        try:
            return ask(agent.port, "/-/ready", tls=trusting_all()).status == 200
        except OSError:
            return False

    until(is_ready, "that it serves TLS")
    return agent


def refusals(agent, tls=True):
    """(is the last reload in force, how many were not)"""
    page = ask(agent.port, tls=trusting_all() if tls else None).text()
    return tuple(int(re.search(rf"^slipring_config_reload_{name} (\d+)$", page, re.M).group(1)) for name in ("ok", "failures_total"))


@test
def a_renewed_certificate_is_shown_after_a_reload_and_not_before(scene):
    agent = start_tls(scene, make(scene, 1001))
    equal(served(scene, agent), 1001, "serial number at the start")
    make(scene, 1002)
    equal(served(scene, agent), 1001, "before a reload")
    equal(scene.slipring("reload").returncode, 0, "slipring reload")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        equal(served(scene, agent, version), 1002, f"after it, by {version}")
    make(scene, 1003, kind="ec")
    agent.send_signal(signal.SIGHUP)
    until(lambda: served(scene, agent) == 1003, "an elliptic one by SIGHUP")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        equal(served(scene, agent, version), 1003, f"by {version}")
    contains(agent.log(), ['event="certificate in force" serial=03e9', "serial=03ea", "serial=03eb"], "the log")
    # Other files.
    paths = make(scene, 1004, "elsewhere")
    write(scene, "slipring.yaml", f"http:\n  tls_certificate: {paths[0]}\n  tls_key: {paths[1]}\n")
    equal(scene.slipring("reload").stdout, "reloaded\n", "slipring reload")
    equal(served(scene, agent), 1004, "of other files")


@test
def connections_and_handshakes_under_way_go_on(scene):
    agent = start_tls(scene, make(scene, 1))
    connection = Connection(agent.port, tls=trusting_all())
    equal(connection.ask("/-/ready").status, 200, "before")
    # Handshakes that have shown the first half of a greeting, or all of it, and then wait.
    waiting = []
    for length in (10, None):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        shaking = trusting_all().wrap_bio(incoming, outgoing, server_hostname="localhost")
        try:
            shaking.do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = outgoing.read()
        half = Connection(agent.port)
        half.socket.sendall(hello[:length])
        if length is None:
            incoming.write(half.socket.recv(65536))  # with the certificate in it
        waiting.append((half, shaking, incoming, outgoing, hello[length:] if length else b""))
    make(scene, 2)
    for _ in range(3):  # the pair of before is long gone
        equal(scene.slipring("reload").returncode, 0, "slipring reload")
    for half, shaking, incoming, outgoing, rest in waiting:
        half.socket.sendall(rest)
        while True:
            try:
                shaking.do_handshake()
                break
            except ssl.SSLWantReadError:
                half.socket.sendall(outgoing.read())
                data = half.socket.recv(65536)
                check(data, "a handshake under way was cut")
                incoming.write(data)
        shaking.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        half.socket.sendall(outgoing.read())
        equal(serial_of(scene, shaking.getpeercert(binary_form=True)), 2 if rest else 1, "the serial number of a handshake under way")
        check(half.rest(), "no answer after a handshake that a reload came into")
        half.close()
    for _ in range(20):
        equal(connection.ask("/-/ready").status, 200, "a connection of before")
    equal(serial_of(scene, connection.socket.getpeercert(binary_form=True)), 1, "its certificate")
    equal(served(scene, agent), 2, "a new one's")
    connection.close()


@test
def nobody_goes_on_with_a_session_of_the_certificate_before(scene):
    agent = start_tls(scene, make(scene, 21))
    for version in ("-tls1_2", "-tls1_3"):
        session = os.path.join(scene.work, f"session{version}")
        served_to_openssl(scene, agent, version, "-sess_out", session)
    make(scene, 22)
    equal(scene.slipring("reload").returncode, 0, "slipring reload")
    for version in ("-tls1_2", "-tls1_3"):
        session = os.path.join(scene.work, f"session{version}")
        serial, seen = served_to_openssl(scene, agent, version, *(["-sess_in", session] if os.path.exists(session) else []))
        equal(serial, 22, f"serial number with {version} and a session")
        check("Reused," not in seen, "a session was taken up again:", seen)


@test
def a_pair_that_does_not_fit_or_cannot_be_read_leaves_the_old_one_in_force(scene):
    paths = make(scene, 31)
    agent = start_tls(scene, paths)
    held = Connection(agent.port, tls=trusting_all())
    good = [open(path).read() for path in paths]
    other = [open(path).read() for path in make(scene, 32, "other")]
    failures = 0
    for certificate, key, mode, named, words in (
            (other[0], good[1], 0o600, paths[1], "of another certificate"), (good[0], other[1], 0o600, paths[1], "of another certificate"),
            (None, good[1], 0o600, paths[0], "No such file"), (good[0], None, 0o600, paths[1], "No such file"),
            (other[0][:400], other[1], 0o600, paths[0], "no certificate"), ("", "", 0o600, paths[0], "no certificate"),
            (other[0], other[1][:200], 0o600, paths[1], "no private key"), (other[0], other[1], 0o644, paths[1], "others may use this key"),
            (other[0] + "x" * (257 << 10), other[1], 0o600, paths[0], "256 KB")):
        for path, text in zip(paths, (certificate, key)):
            os.unlink(path)
            if text is not None:
                write(scene, os.path.basename(path), text, mode)
        failures += 1
        answer = scene.slipring("reload")
        equal(answer.returncode, 1, f"slipring reload with {words}")
        contains(answer.stderr, ["cannot serve TLS", named, words], "slipring reload")
        check(re.search(rf'{REFUSED}.*{re.escape(named)}.*{words}', agent.log()), "the log does not say", words, agent.log())
        until(lambda: refusals(agent) == (0, failures), f"the gauge and the counter with {words}")
        equal(served(scene, agent), 31, f"serial number with {words}")
        for path in paths:
            write(scene, os.path.basename(path), "")
    for path, text in zip(paths, other):
        write(scene, os.path.basename(path), text)
    equal(scene.slipring("reload").returncode, 0, "a good pair")
    equal((served(scene, agent), refusals(agent)), (32, (1, failures)), "serial number, and the figures")
    with Connection(agent.port, tls=trusting_all()) as fresh:
        equal(fresh.ask("/-/ready").status, 200, "all is well")
    held.close()
    equal(agent.stop()[0], 0, "exit status")


@test
def a_bad_file_of_another_key_takes_no_certificate_either(scene):
    paths = make(scene, 41)
    agent = start_tls(scene, paths)
    make(scene, 42)
    with open(os.path.join(scene.work, "slipring.yaml"), "a") as file:
        file.write("nonsense: 1\n")
    equal(scene.slipring("reload").returncode, 1, "slipring reload")
    equal(served(scene, agent), 41, "half of a configuration is not in force")


@test
def only_a_start_begins_or_ends_tls(scene):
    paths = make(scene, 51)
    agent = start_tls(scene, paths)
    write(scene, "slipring.yaml", "log_level: info\n")
    equal(scene.slipring("reload").stdout, "reloaded\nneeds a start to change: http.tls_certificate, http.tls_key\n", "without TLS")
    equal(served(scene, agent), 51, "TLS as it was")
    equal(agent.stop()[0], 0, "exit status")
    agent = scene.agent("--config", os.path.join(scene.work, "slipring.yaml"))
    write(scene, "slipring.yaml", f"http:\n  tls_certificate: {paths[0]}\n  tls_key: {paths[1]}\n")
    equal(scene.slipring("reload").stdout, "reloaded\nneeds a start to change: http.tls_certificate, http.tls_key\n", "with TLS")
    equal(ask(agent.port, "/-/ready").status, 200, "plain as it was")


# --- the unix socket --------------------------------------------------------------------------------------------------------------

def configure(scene, **keys):
    return write(scene, "slipring.yaml", "".join(["http:\n"] + [f"  {key}: {value}\n" for key, value in keys.items()]) if keys else "log_level: info\n")


def at(scene, name):
    return os.path.join(scene.work, name)


@test
def a_removed_unix_socket_comes_back_at_a_reload(scene):
    path = at(scene, "http.socket")
    agent = scene.agent("--config", configure(scene, unix=path))
    held = Connection(path)
    equal(held.ask("/-/ready").status, 200, "before")
    os.unlink(path)
    until(lambda: "http.unix was removed: nobody can connect there until a reload" in agent.log(), "that the log says so")
    equal(scene.slipring("reload").stdout, "reloaded\n", "slipring reload")
    equal(ask(path, "/-/ready").status, 200, "after it")
    inode = os.lstat(path).st_ino
    kept = Connection(path)
    equal(kept.ask("/-/ready").status, 200, "before another one")
    for _ in range(3):
        equal(scene.slipring("reload").stdout, "reloaded\n", "slipring reload")
    equal((os.lstat(path).st_ino, kept.ask("/-/ready").status), (inode, 200), "what is there stays, with who is connected")
    # A dead process's in its place is replaced, too.
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    equal(scene.slipring("reload").returncode, 0, "over a dead one")
    equal(ask(path, "/-/ready").status, 200, "over a dead one")
    equal(agent.stop()[0], 0, "exit status")
    check(not os.path.lexists(path), "the socket is left behind")


@test
def a_unix_socket_moves_comes_and_goes_at_a_reload(scene):
    old, new = at(scene, "old.socket"), at(scene, "new.socket")
    agent = scene.agent("--config", configure(scene))
    configure(scene, unix=old, unix_mode="0600")
    equal(scene.slipring("reload").stdout, "reloaded\n", "slipring reload")
    equal((ask(old, "/-/ready").status, stat.S_IMODE(os.lstat(old).st_mode)), (200, 0o600), "it has come")
    idle = Connection(old)
    configure(scene, unix=new, unix_mode="0666")
    agent.send_signal(signal.SIGHUP)
    until(lambda: os.path.exists(new) and ask(new, "/-/ready").status == 200, "it has moved")
    until(lambda: not os.path.lexists(old), "the old one is gone")
    equal(stat.S_IMODE(os.lstat(new).st_mode), 0o666, "its mode")
    equal(idle.rest(), b"", "who asked for nothing is let go")
    equal(ask(agent.port, "/-/ready").status, 200, "TCP")
    configure(scene)
    equal(scene.slipring("reload").stdout, "reloaded\n", "slipring reload")
    until(lambda: not os.path.lexists(new), "the new one is gone")
    threads = f"/proc/{agent.pid}/task"
    until(lambda: len(os.listdir(threads)) <= 4, "their threads have ended")
    equal(agent.stop()[0], 0, "exit status")


@test
def an_answer_that_is_under_way_when_the_socket_moves_goes_out_whole(scene):
    old, new = at(scene, "old.socket"), at(scene, "new.socket")
    agent = scene.agent("--config", configure(scene, unix=old))
    recorder = scene.recorder()
    for place in range(300):
        recorder.ok("get", place, f"a_primitive_with_a_long_name_so_that_the_page_grows_{place}", "step")
        recorder.send(f"record {place} 1000 S")
    recorder.ok("sync")
    until(lambda: agent.metrics().recorded("a_primitive_with_a_long_name_so_that_the_page_grows_299") >= 1, "all is booked")
    slow = Connection(old, receive_bytes=2048)
    slow.send()
    slow.socket.recv(1, socket.MSG_PEEK)  # it is being answered
    configure(scene, unix=new)
    equal(scene.slipring("reload").returncode, 0, "slipring reload")
    until(lambda: not os.path.lexists(old), "the old one is gone")
    page = slow.answer().text()
    check(page.endswith("slipring_idle_after_seconds 0\n"), "the page ends with", page[-100:])
    recorder.finish()


@test
def the_reload_itself_may_come_over_the_socket_that_moves(scene):
    old, new = at(scene, "old.socket"), at(scene, "new.socket")
    token, hashed = scene.slipring("token").stdout.split()
    keys = {"tokens": f"{{deploy: {hashed}}}", "orders": "[deploy]"}
    agent = scene.agent("--config", configure(scene, unix=old, **keys))
    headers = {"Authorization": f"Bearer {token}"}
    for turn in range(6):
        configure(scene, unix=new, **keys)
        answer = ask(old, "/-/reload", method="POST", **headers)
        equal((answer.status, answer.text()), (200, "reloaded\n"), f"reload {turn}")
        until(lambda: not os.path.lexists(old), "the old one is gone")
        old, new = new, old
    equal(ask(old, "/-/ready").status, 200, "the last one")
    equal(agent.stop()[0], 0, "exit status")


@test
def a_unix_socket_gets_another_mode_and_group_in_place(scene):
    path = at(scene, "http.socket")
    groups = [os.getgid(), *os.getgroups()]
    agent = scene.agent("--config", configure(scene, unix=path, unix_mode="0600"))
    inode = os.lstat(path).st_ino
    held = Connection(path)
    equal(held.ask("/-/ready").status, 200, "before")
    for mode, group in (("0666", None), ("0640", groups[-1]), ("0660", groups[0]), ("0600", None)):
        configure(scene, unix=path, unix_mode=mode, **({"unix_group": group} if group is not None else {}))
        equal(scene.slipring("reload").stdout, "reloaded\n", "slipring reload")
        there = os.lstat(path)
        equal((oct(stat.S_IMODE(there.st_mode)), there.st_gid, there.st_ino), (oct(int(mode, 8)), os.getegid() if group is None else group, inode), "mode, group, inode")
    equal(held.ask("/-/ready").status, 200, "who is connected stays so")
    equal(agent.stop()[0], 0, "exit status")


@test
def a_socket_that_cannot_be_had_leaves_the_old_one_in_force(scene):
    path = at(scene, "http.socket")
    agent = scene.agent("--config", configure(scene, unix=path, unix_mode="0600"))
    occupied = at(scene, "occupied.socket")
    somebody = socket.socket(socket.AF_UNIX)
    somebody.bind(occupied)
    somebody.listen()
    for failures, (wanted, words) in enumerate(((at(scene, "missing/http.socket"), "cannot be made"), (occupied, "somebody listens there"),
                                                (write(scene, "file", "x"), "no socket")), 1):
        configure(scene, unix=wanted, unix_mode="0666", gzip="off")
        answer = scene.slipring("reload")
        equal(answer.returncode, 1, f"slipring reload to {wanted}")
        contains(answer.stderr, ["cannot listen", wanted, words], "slipring reload")
        contains(agent.log(), [REFUSED, wanted, words], "the log")
        until(lambda: refusals(agent, False) == (0, failures), "the gauge and the counter")
        equal(ask(path, "/metrics", Accept_Encoding="gzip").headers["Content-Encoding"], "gzip", "all as it was")
        equal(stat.S_IMODE(os.lstat(path).st_mode), 0o600, "its mode")
    check(os.path.exists(occupied) and os.path.exists(at(scene, "file")), "somebody's was removed")
    # Something that is not ours took the name: it is told of, and once it is away the socket comes back.
    os.unlink(path)
    write(scene, "http.socket", "somebody's")
    configure(scene, unix=path)
    equal(scene.slipring("reload").returncode, 1, "with somebody's file in its place")
    os.unlink(path)
    equal(scene.slipring("reload").returncode, 0, "without it")
    equal(ask(path, "/-/ready").status, 200, "it is back")
    somebody.close()
    equal(agent.stop()[0], 0, "exit status")


@test
def of_several_agents_that_start_at_once_with_one_socket_one_gets_it(scene):
    path = at(scene, "http.socket")
    config = configure(scene, unix=path)
    for turn in range(6):
        if turn % 2:  # a dead one's is there
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(path)
        agents = [scene.agent("--config", config, wait=False, environment={"SLIPRING_STORE": f"store{number}"}) for number in range(4)]

        def settled():
            return sum(not one.alive() for one in agents) == 3 and os.path.exists(path)

        until(settled, "that one is left", seconds=30)
        equal(ask(path, "/-/ready").status, 200, "the one that is left")
        for one in agents:
            if one.alive():
                check("was removed" not in one.log(), "its socket was taken from it:", one.log())
                equal(one.stop()[0], 0, "exit status")
            else:
                contains(one.log(), ["somebody listens there already"], "the log of the others")
        check(not os.path.lexists(path), "the socket is left behind")


if __name__ == "__main__":
    main()
