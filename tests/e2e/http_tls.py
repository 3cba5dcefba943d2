#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TLS on the TCP listener: certificates by openssl, hostile clients, and a real Prometheus that scrapes by password and by token."""
import os
import ssl
import threading
import time
import warnings

import _prometheus
from _http import Connection, ask, basic, raw, write
from _metrics import Metrics
from _scene import free_port
from _tests import check, contains, equal, main, test, until


def certificate(scene, name="tls", kind=("-newkey", "rsa:2048"), mode=0o600):
    """(certificate, key), self-signed for localhost and 127.0.0.1."""
    paths = [os.path.join(scene.work, f"{name}.{part}.pem") for part in ("certificate", "key")]
    made = scene.run(["openssl", "req", "-x509", "-nodes", *kind, "-days", "2", "-subj", "/CN=localhost",
                      "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]], seconds=60)
    equal(made.returncode, 0, made.stderr)
    os.chmod(paths[1], mode)
    return paths


def trusting(path):
    return ssl.create_default_context(cafile=path)


def start(scene, paths=None, more=""):
    paths = paths or certificate(scene)
    config = write(scene, "slipring.yaml", f"http:\n  tls_certificate: {paths[0]}\n  tls_key: {paths[1]}\n{more}")
    port = free_port()
    agent = scene.agent("--config", config, port=port, wait=False)
    context = trusting(paths[0])

    def is_ready():
        check(agent.alive(), "the agent ended:", agent.log())
        try:
            return ask(port, "/-/ready", tls=context).status == 200
        except OSError:
            return False

    until(is_ready, "that it serves TLS")
    return agent, context


def serves(agent, context):
    check(agent.alive(), "the agent ended:", agent.log())
    Metrics(ask(agent.port, tls=context, Accept_Encoding="gzip").text()).check_whole()
    Metrics(ask(agent.port, tls=context).text()).check_whole()


@test
def the_page_is_served_over_tls_1_2_and_1_3_with_rsa_and_elliptic_keys(scene):
    for kind in (("-newkey", "rsa:2048"), ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        agent, context = start(scene, certificate(scene, kind=kind))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.minimum_version = context.maximum_version = version
            serves(agent, context)
            with Connection(agent.port, tls=context) as connection:
                for _ in range(20):
                    equal(connection.ask("/-/ready").status, 200, "one of many on a connection")
        equal(agent.stop()[0], 0, "exit status")


@test
def old_versions_plain_http_and_garbage_are_refused(scene):
    agent, context = start(scene)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    try:
        ask(agent.port, tls=old)
        check(False, "TLS 1.1 is served")
    except (ssl.SSLError, ConnectionResetError) as error:
        check(True, error)
    for garbage in (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 70000, b"\x16\x03\x01\x00\x00", b"\x80\x2e\x01\0\x02" * 9,
                    os.urandom(5000), b"\x15\x03\x03\0\x02\x02\x28", b"\n" * 100):
        answer = raw(agent.port, garbage, seconds=20)
        check(b"HTTP/1.1 200" not in answer and b"primitive_" not in answer, "plain text got", answer[:60])
        serves(agent, context)


@test
def handshakes_that_stall_hold_up_nobody_and_are_cut(scene):
    agent, context = start(scene)
    ends = []
    hello = ssl.MemoryBIO()
    incoming = ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, hello, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = hello.read()

    def stall(sent):
        with Connection(agent.port, seconds=60) as connection:
            connection.socket.sendall(sent)
            ends.append(connection.rest())

    stalled = [threading.Thread(target=stall, args=(hello[:length],)) for length in (0, 1, 5, 100, len(hello) - 1, len(hello)) * 4]
    for one in stalled:
        one.start()
    while any(one.is_alive() for one in stalled):
        serves(agent, context)
        time.sleep(0.1)
    equal(len(ends), len(stalled), "those that the agent ended")
    until(lambda: len(os.listdir(f"/proc/{agent.pid}/fd")) < 40, "their descriptors are closed")


@test
def what_is_wrong_with_the_files_is_told_with_their_names(scene):
    good, other = certificate(scene), certificate(scene, "other")
    open_to_all = certificate(scene, "open", mode=0o644)
    encrypted = os.path.join(scene.work, "encrypted.pem")
    equal(scene.run(["openssl", "pkey", "-in", good[1], "-aes128", "-passout", "pass:secret", "-out", encrypted]).returncode, 0, "encrypting")
    nonsense = write(scene, "nonsense.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    missing = os.path.join(scene.work, "missing.pem")
    for cert, key, named, words in (
            (missing, good[1], missing, "No such file"), (good[0], missing, missing, "No such file"), (scene.work, good[1], scene.work, "no file"),
            (nonsense, good[1], nonsense, "no certificate"), (good[0], nonsense, nonsense, "no private key"), (good[1], good[0], good[1], "no certificate"),
            (good[0], other[1], other[1], "of another certificate"), (open_to_all[0], open_to_all[1], open_to_all[1], "others may use this key"),
            (good[0], encrypted, encrypted, "encrypted")):
        if cert == good[1]:
            os.chmod(good[0], 0o600)
        config = write(scene, "bad.yaml", f"http: {{tls_certificate: {cert}, tls_key: {key}}}\n")
        agent = scene.agent("--config", config, wait=False)
        equal(agent.wait(), 1, f"exit status with {cert}, {key}: {agent.log()}")
        contains(agent.log(), ["cannot serve TLS", named, words], "the log")
    for half in ("tls_key", "tls_certificate"):
        config = write(scene, "half.yaml", f"http: {{{half}: {good[0]}}}\n")
        finished = scene.run(["slipringd", "--config", config, "--check-config"])
        equal(finished.returncode, 1, half)
        contains(finished.stderr, ["there is no http.tls_"], half)


SCRAPES = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: by_password
    scheme: https
    tls_config: {{ca_file: {ca}}}
    basic_auth: {{username: alice, password: "open sesame"}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: by_token
    scheme: https
    tls_config: {{ca_file: {ca}}}
    authorization: {{credentials_file: {token}}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: by_nothing
    scheme: https
    tls_config: {{ca_file: {ca}}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@test
def a_real_prometheus_scrapes_over_tls_by_password_and_by_token(scene):
    paths = certificate(scene)
    hashed = scene.run(["/bin/sh", "-c", "echo 'open sesame' | slipring password"]).stdout.strip()
    token, token_hash = scene.slipring("token").stdout.split()
    agent, _ = start(scene, paths, f'  users: {{alice: "{hashed}"}}\n  tokens: {{prometheus: {token_hash}}}\n')
    recorder = scene.recorder()
    recorder.ok("get", 0, "work")
    recorder.send("record 0 1000 S")
    recorder.ok("sync")
    normal = _prometheus.CONFIG
    _prometheus.CONFIG = SCRAPES.replace("{ca}", paths[0]).replace("{token}", write(scene, "token", token))
    try:
        prometheus = _prometheus.Prometheus(scene, agent.port)
    finally:
        _prometheus.CONFIG = normal
    query = 'primitive_duration_seconds_count{primitive_name="work"}'
    until(lambda: prometheus.values(query, "job") == {"by_password": 1, "by_token": 1}, "both scrapes")
    until(lambda: prometheus.values("up", "job") == {"by_password": 1, "by_token": 1, "by_nothing": 0}, "who is up")
    equal(ask(agent.port, tls=trusting(paths[0]), Authorization=basic("alice", "open sesame")).status, 200, "by hand")
    recorder.finish()


if __name__ == "__main__":
    main()
