# SPDX-License-Identifier: Apache-2.0
"""HTTP by hand: requests as bytes over TCP, TLS or a unix socket, and answers taken apart."""
import base64
import http.client
import io
import os
import socket
import zlib


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def text(self):
        """The body, unpacked where it is gzip, which has to be whole."""
        if self.headers["Content-Encoding"] != "gzip":
            return self.body.decode()
        unpacker = zlib.decompressobj(31)
        text = unpacker.decompress(self.body)
        if not unpacker.eof or unpacker.unused_data:
            raise AssertionError(f"gzip that is not whole: {len(self.body)} bytes, {len(unpacker.unused_data)} too many")
        return text.decode()


class Connection:
    """where: a port of 127.0.0.1, or the path of a unix socket. tls: an ssl.SSLContext."""

    def __init__(self, where, tls=None, receive_bytes=None, seconds=60):
        self.socket = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
        self.socket.settimeout(seconds)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(where if isinstance(where, str) else ("127.0.0.1", where))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, path="/metrics", method="GET", version="1.1", times=1, **headers):
        """times: so many requests in one write, which the other side cannot end the connection in the middle of."""
        lines = [f"{method} {path} HTTP/{version}", "Host: localhost"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode("latin-1") * times)

    def answer(self, method="GET"):
        response = http.client.HTTPResponse(self.socket, method=method)
        response.begin()
        return Answer(response.status, response.headers, response.read())

    def rest(self):
        """Until the other side ends it, in whatever way."""
        data = io.BytesIO()
        try:
            while part := self.socket.recv(65536):
                data.write(part)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return data.getvalue()

    def ask(self, path="/metrics", method="GET", version="1.1", **headers):
        self.send(path, method, version, **headers)
        return self.answer(method)


def ask(where, path="/metrics", method="GET", tls=None, **more):
    with Connection(where, tls) as connection:
        return connection.ask(path, method, **more)


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def raw(where, request, seconds=60, tls=None):
    """What comes back until the other side ends it, in whatever way."""
    with Connection(where, tls, seconds=seconds) as connection:
        try:
            connection.socket.sendall(request)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return connection.rest()


def write(scene, name, text, mode=0o600):
    path = os.path.join(scene.work, name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path
